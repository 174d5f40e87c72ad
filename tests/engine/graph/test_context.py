import io

import pytest
from PIL import Image

from engine.errors import Cancelled
from engine.graph.context import Context, InputFile
from engine.graph.events import OutputFile, Preview, Progress
from engine.graph.jpeg import read_jpeg_size
from tests.engine.graph.toy_nodes import Recorder


def jpeg_of(width: int, height: int, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "JPEG", **options)
    return file.getvalue()


def test_progress_is_reported_with_its_node() -> None:
    recorder = Recorder()
    Context("7", recorder.services()).report_progress(2, 5)
    assert recorder.events == [Progress("7", 2, 5)]


def test_a_preview_is_reported_with_its_size() -> None:
    recorder, jpeg = Recorder(), jpeg_of(40, 24)
    Context("7", recorder.services()).report_progress(2, 5, lambda: jpeg)
    assert recorder.events[1] == Preview("7", jpeg, 40, 24)


def test_a_cancelled_run_reports_no_progress() -> None:
    recorder = Recorder(is_cancelled=lambda: True)
    with pytest.raises(Cancelled):
        Context("7", recorder.services()).report_progress(2, 5)
    assert recorder.events == []


def test_saved_files_are_kept_in_order() -> None:
    context = Context("7", Recorder().services())
    files = [OutputFile("output", "image", name, ".png", "image/png", b"") for name in "ab"]
    for file in files:
        context.save(file)
    assert context.files == files


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + b"x" * 500}])
def test_a_jpegs_size_is_read_from_its_headers(options: dict[str, object]) -> None:
    assert read_jpeg_size(jpeg_of(33, 21, **options)) == (33, 21)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", jpeg_of(3, 3)[:20]])
def test_what_is_no_jpeg_has_no_size(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        read_jpeg_size(content)


def test_the_digest_of_an_input_is_worked_out_once() -> None:
    reads: list[int] = []
    file = InputFile("n", lambda: reads.append(1) or b"abc")  # type: ignore[func-returns-value]
    assert file.sha256 == file.sha256
    assert file.sha256.startswith("ba7816bf")
    assert len(reads) == 1


def test_a_digest_that_is_known_spares_the_reading() -> None:
    assert InputFile("n", bytes, digest="d1").sha256 == "d1"
