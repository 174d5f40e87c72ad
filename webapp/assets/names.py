"""Names of assets: safe to show and to save under, unique in their workspace."""

import re
import unicodedata
from itertools import count
from pathlib import PurePosixPath

from webapp.assets.models import Asset
from webapp.common.limits import MAX_NAME_CHARS
from webapp.workspaces.models import Workspace

# Room for " (12345)" and a suffix within the column.
MAX_STEM_CHARS = MAX_NAME_CHARS - 40
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
OUTPUT_NUMBER = re.compile(r"_(\d{5,})_\.[a-z]+$")


def clean_name(name: str, suffixes: tuple[str, ...]) -> str:
    """`name` without folders and characters that file systems refuse, ending in one of `suffixes`."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    path = PurePosixPath(FORBIDDEN.sub("_", last).strip(" ."))
    suffix = path.suffix.lower() if path.suffix.lower() in suffixes else suffixes[0]
    stem = path.stem[:MAX_STEM_CHARS].strip(" .") or "file"
    return f"{stem}{suffix}"


def free_name(workspace: Workspace, name: str) -> str:
    """`name`, or "name (2)" and so on if it is taken. Call with the workspace locked."""
    stem, dot, suffix = name.rpartition(".")
    taken = set(
        Asset.objects.filter(workspace=workspace, name__startswith=stem).values_list("name", flat=True)
    )
    candidates = (name if number == 1 else f"{stem} ({number}){dot}{suffix}" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in taken)


def next_output_name(workspace: Workspace, prefix: str, suffix: str) -> str:
    """The next of PREFIX_00001_.png, PREFIX_00002_.png, … Call with the workspace locked."""
    stem = FORBIDDEN.sub("_", prefix)[:MAX_STEM_CHARS] or "output"
    names = Asset.objects.filter(
        workspace=workspace, name__startswith=f"{stem}_", name__endswith=suffix
    ).values_list("name", flat=True)
    numbers = (OUTPUT_NUMBER.match(name[len(stem) :]) for name in names)
    highest = max((int(number[1]) for number in numbers if number), default=0)
    return f"{stem}_{highest + 1:05d}_{suffix}"
