from pathlib import Path

import pytest

from engine.errors import WeightsUnreadable
from engine.graph.folders import ModelFolders, find_path_fault, list_files, split_annotation


def make_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_weight_files_are_listed_by_their_name_below_the_folder(tmp_path: Path) -> None:
    for name in ("b.safetensors", "sub/a.sft", "notes.txt", "old.ckpt"):
        make_file(tmp_path / "checkpoints" / name)
    assert ModelFolders((tmp_path,)).names("checkpoints") == ["b.safetensors", "sub/a.sft"]


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert ModelFolders((tmp_path,)).names("loras") == []


def test_the_first_root_wins(tmp_path: Path) -> None:
    first, second = (make_file(tmp_path / root / "vae" / "v.sft") for root in ("one", "two"))
    folders = ModelFolders((tmp_path / "one", tmp_path / "two"))
    assert folders.resolve("vae", "v.sft") == first != second


def test_a_tiny_vae_is_offered_and_stands_for_its_two_files(tmp_path: Path) -> None:
    names = ("vae_approx/taesd_encoder.sft", "vae_approx/taesd_decoder.sft", "vae/v.sft")
    encoder, decoder, _ = (make_file(tmp_path / name) for name in names)
    folders = ModelFolders((tmp_path,))
    assert folders.names("vae") == ["v.sft", "taesd"]
    assert folders.files("vae", "taesd") == (encoder, decoder)


def test_half_a_tiny_vae_is_not_offered(tmp_path: Path) -> None:
    make_file(tmp_path / "vae_approx" / "taesd_decoder.sft")
    assert ModelFolders((tmp_path,)).names("vae") == []
    with pytest.raises(WeightsUnreadable, match="no file 'taesd'"):
        ModelFolders((tmp_path,)).files("vae", "taesd")


@pytest.mark.parametrize("name", ["gone.sft", "../vae/v.sft", "/etc/passwd", ""])
def test_only_listed_files_are_found(tmp_path: Path, name: str) -> None:
    make_file(tmp_path / "vae" / "v.sft")
    with pytest.raises(WeightsUnreadable, match="models folder 'vae'"):
        ModelFolders((tmp_path,)).resolve("vae", name)


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    make_file(tmp_path / "elsewhere" / "v.sft")
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "mine").symlink_to(tmp_path / "elsewhere")
    assert ModelFolders((tmp_path,)).names("vae") == ["mine/v.sft"]


def test_a_link_that_leads_back_up_is_walked_once(tmp_path: Path) -> None:
    make_file(tmp_path / "vae" / "v.sft")
    (tmp_path / "vae" / "loop").symlink_to(tmp_path / "vae")
    assert [name for name, _ in list_files(tmp_path / "vae")] == ["v.sft"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.png", ("cat.png", "input")),
        ("cat.png [input]", ("cat.png", "input")),
        ("sub/cat.png [output]", ("sub/cat.png", "output")),
        ("cat.png [temp]", ("cat.png", "temp")),
        ("cat [1].png", ("cat [1].png", "input")),
        ("[output]", ("[output]", "input")),
    ],
)
def test_an_annotation_says_where_a_file_lies(name: str, expected: tuple[str, str]) -> None:
    assert split_annotation(name) == expected


@pytest.mark.parametrize(
    "name", ["cat.png", "a/b.png", "asset:0f", "a..b", "Screenshot 9.41.00\u202fAM.png", ""]
)
def test_names_that_stay_below_their_folder_are_fine(name: str) -> None:
    assert find_path_fault(name) is None
