"""The project's own source files, as the architecture tests look at them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def find_sources(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    """Files under `folders` that git knows or would take, so build output never counts."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / line for line in listing.stdout.splitlines())
    return sorted(path for path in paths if path.suffix in suffixes and path.is_file())


def name_of(path: Path) -> str:
    """The path from the root, for messages."""
    return path.relative_to(ROOT).as_posix()
