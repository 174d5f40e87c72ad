from pathlib import Path

import pytest

from engine.api import BadInput, InputUnreadable, ModelFolders, OutputFile
from engine.cli.folders import ShellFiles, store_output


def output_of(prefix: str, content: bytes = b"new") -> OutputFile:
    return OutputFile("output", "image", prefix, ".png", "image/png", content)


def stored(root: Path, prefix: str) -> str:
    return store_output(root, output_of(prefix)).relative_to(root).as_posix()


def test_files_count_up(tmp_path: Path) -> None:
    assert [stored(tmp_path, "cat") for _ in range(3)] == [
        "cat_00001_.png",
        "cat_00002_.png",
        "cat_00003_.png",
    ]


def test_counting_goes_on_above_the_highest_number(tmp_path: Path) -> None:
    for name in ("cat_00007_.png", "cat_00123_.latent", "cat_x_.png", "catalog_00500_.png", "cat_00300.png"):
        (tmp_path / name).touch()
    assert stored(tmp_path, "cat") == "cat_00124_.png"


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "cat_00001_.png").write_bytes(b"old")
    store_output(tmp_path, output_of("cat"))
    assert (tmp_path / "cat_00001_.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("a/b/cat", "a/b/cat_00001_.png"),
        ("a/", "a/_00001_.png"),
        ("", "_00001_.png"),
        ("50% (x)+", "50% (x)+_00001_.png"),
        ("日本", "日本_00001_.png"),
    ],
)
def test_a_prefix_may_have_folders_and_odd_characters(tmp_path: Path, prefix: str, expected: str) -> None:
    assert stored(tmp_path, prefix) == expected


def test_the_output_folder_is_made(tmp_path: Path) -> None:
    assert stored(tmp_path / "new", "cat") == "cat_00001_.png"


@pytest.mark.parametrize("prefix", ["../cat", "/cat", "a\\cat", "a/../../cat", "cat\0"])
def test_a_prefix_that_leads_out_writes_nothing(tmp_path: Path, prefix: str) -> None:
    root = tmp_path / "out"
    root.mkdir()
    with pytest.raises(BadInput, match="prefix"):
        store_output(root, output_of(prefix))
    assert sorted(tmp_path.rglob("*")) == [root]


def test_a_link_that_leads_out_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="through a link"):
        store_output(tmp_path / "out", output_of("link/cat"))


@pytest.fixture
def files(tmp_path: Path) -> ShellFiles:
    for place in ("in/sub", "out"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "in" / "cat.png").write_bytes(b"in")
    (tmp_path / "in" / "sub" / "dog.png").write_bytes(b"dog")
    (tmp_path / "out" / "cat.png").write_bytes(b"out")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return ShellFiles(ModelFolders(()), tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cat.png", b"in"),
        ("cat.png [input]", b"in"),
        ("sub/dog.png", b"dog"),
        ("cat.png [output]", b"out"),
    ],
)
def test_inputs_are_found_by_name(files: ShellFiles, name: str, content: bytes) -> None:
    assert files.find_input(name).read() == content


@pytest.mark.parametrize(
    "name", ["../secret.png", "sub/../../secret.png", "gone.png", "sub", "", "cat.png\0"]
)
def test_other_names_find_nothing(files: ShellFiles, name: str) -> None:
    with pytest.raises(InputUnreadable):
        files.find_input(name)


def test_an_absolute_name_finds_nothing(files: ShellFiles, tmp_path: Path) -> None:
    with pytest.raises(InputUnreadable):
        files.find_input(str(tmp_path / "secret.png"))


def test_inputs_are_listed(files: ShellFiles) -> None:
    names = files.names("input:image")
    assert list(names) == ["cat.png", "sub/dog.png"]
    assert len(names) == 2
