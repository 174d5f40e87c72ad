"""What a node function may ask of its surroundings. A node that needs it declares `ctx: Context`."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import Cancelled
from engine.graph.events import Event, OutputFile, Preview, Progress
from engine.graph.jpeg import read_jpeg_size

if TYPE_CHECKING:
    from engine.residency.pool import Pool


@dataclass(frozen=True)
class InputFile:
    """An input that a person uploaded. `read` gives all bytes; `digest` may spare hashing them again."""

    name: str
    read: Callable[[], bytes]
    digest: str | None = None

    @cached_property
    def sha256(self) -> str:
        """The content's digest, in hex."""
        return self.digest or hashlib.sha256(self.read()).hexdigest()


class ModelFiles(Protocol):
    """Where model files lie."""

    def names(self, folder: str) -> Collection[str]:
        """The files of a models folder, with `/` between sub-folders."""
        ...

    def resolve(self, folder: str, name: str) -> Path:
        """The file `name` of a models folder such as "checkpoints". Raises WeightsUnreadable."""
        ...


@dataclass(frozen=True)
class Services:
    """What one run lends to all of its nodes. `prompt` and `workflow` are JSON for metadata."""

    pool: "Pool"
    models: ModelFiles
    find_input: Callable[[str], InputFile]
    is_cancelled: Callable[[], bool]
    on_event: Callable[[Event], None]
    prompt: object = None
    workflow: object = None


@dataclass(frozen=True)
class Context:
    """One call of one node, as the node sees it."""

    node_id: str
    services: Services
    files: list[OutputFile] = field(default_factory=list[OutputFile])

    @property
    def pool(self) -> "Pool":
        """The only way to weights on a device: `with ctx.pool.lease(handle) as module:`."""
        return self.services.pool

    @property
    def models(self) -> ModelFiles:
        """Model files by folder and name."""
        return self.services.models

    @property
    def prompt(self) -> object:
        """The prompt of this run as JSON values, to be written into files."""
        return self.services.prompt

    @property
    def workflow(self) -> object:
        """The editor's workflow as JSON values, None if the run came without one."""
        return self.services.workflow

    def find_input(self, name: str) -> InputFile:
        """The uploaded input of that name. Raises InputUnreadable."""
        return self.services.find_input(name)

    def check_cancelled(self) -> None:
        """Raises Cancelled once the run has been asked to stop; call it at least once a step."""
        if self.services.is_cancelled():
            raise Cancelled

    def report_progress(self, value: int, total: int, preview: Callable[[], bytes] | None = None) -> None:
        """Say that `value` of `total` steps are done. `preview` makes a JPEG. Raises Cancelled."""
        self.check_cancelled()
        self.services.on_event(Progress(self.node_id, value, total))
        if preview is not None:
            jpeg = preview()
            width, height = read_jpeg_size(jpeg)
            self.services.on_event(Preview(self.node_id, jpeg, width, height))

    def save(self, file: OutputFile) -> None:
        """Hand over one result; it is reported when the node is done and kept with the node's result."""
        self.files.append(file)
