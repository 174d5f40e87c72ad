"""What a run reports while it goes on, and the files that it makes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One encoded result. Whoever runs the engine names and stores it.

    `prefix` may hold sub-folders ("latents/cat"); `width` and `height` are pixels, 0 where there are none.
    """

    purpose: Literal["output", "temp"]
    kind: Literal["image", "latent", "model"]
    prefix: str
    suffix: str
    media_type: str
    content: bytes
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """The node function is about to be called."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeCached:
    """The node did not have to run: its result, or all that is made from it, is known."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """The node function has returned after `seconds`."""

    node: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NodeBlocked:
    """The node was not called, at least once, since a value that it needs was blocked for this reason."""

    node: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`value` of `total` steps of the node are done."""

    node: str
    value: int
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What the node's result looks like so far: a JPEG of width x height pixels."""

    node: str
    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Output:
    """File number `index` of an output node; `cached` if an earlier call of the node made it."""

    node: str
    index: int
    file: OutputFile
    cached: bool


Event = NodeStarted | NodeCached | NodeFinished | NodeBlocked | Progress | Preview | Output
