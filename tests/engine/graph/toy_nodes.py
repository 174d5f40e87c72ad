"""Nodes that only do sums, so that graphs can be tested without torch."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from engine.errors import InputUnreadable
from engine.graph.catalog import Catalog
from engine.graph.context import Context, InputFile, Services
from engine.graph.document import Graph, Input, NodeCall
from engine.graph.events import Event, OutputFile
from engine.graph.kinds import (
    Choice,
    FileChoice,
    FilePrefix,
    FloatWidget,
    InputChoice,
    IntWidget,
    SocketValue,
    Text,
    Tip,
)
from engine.graph.spec import AnyNode, node


@dataclass(frozen=True)
class Number(SocketValue):
    """A number on a socket."""

    socket: ClassVar[str] = "NUMBER"
    value: int


@dataclass(frozen=True)
class Word(SocketValue):
    """A text on a socket."""

    socket: ClassVar[str] = "WORD"
    value: str


@node("Constant", category="toys")
def constant(*, value: Annotated[int, IntWidget(0, 1000), Tip("Any number")] = 1) -> Number:
    """A number.

    Everything starts with one.
    """
    return Number(value)


@node("Add", category="toys")
def add(*, a: Number, b: Number) -> Number:
    """a + b."""
    return Number((a.value + b.value) % 1_000_003)


@node("Split", category="toys", output_names=("low", "high"))
def split(*, a: Number) -> tuple[Number, Number]:
    """The last two digits, and the rest."""
    return Number(a.value % 100), Number(a.value // 100)


@node("Maybe", category="toys")
def maybe(*, a: Number, b: Number | None = None) -> Number:
    """a, and b if there is one."""
    return Number(a.value + (b.value if b else 0))


@node("Show", category="toys", title="Show it", is_output=True)
def show(*, a: Number, prefix: FilePrefix = "number", ctx: Context) -> None:
    """Writes the number down."""
    content = str(a.value).encode()
    ctx.save(OutputFile("output", "latent", prefix, ".txt", "text/plain", content))


@node("Widgets", category="toys", is_output=True)
def widgets(
    *,
    text: Text,
    share: Annotated[float, FloatWidget(0.0, 1.0, step=0.1)] = 0.5,
    method: Annotated[str, Choice(("fast", "good"))],
    style: Literal["plain", "bold"] = "plain",
    is_on: bool = True,
) -> None:
    """One of each widget."""


@node("ReadFile", category="toys")
def read_file(*, name: Annotated[str, InputChoice("image")], ctx: Context) -> Number:
    """The number in a file."""
    return Number(int(ctx.find_input(name).read()))


@node("LoadModel", category="toys")
def load_model(*, name: Annotated[str, FileChoice("checkpoints")]) -> Number:
    """How long the name is."""
    return Number(len(name))


@node("Fail", category="toys")
def fail(*, a: Number) -> Number:
    """Breaks."""
    raise ZeroDivisionError("secret detail")


@node("Refuse", category="toys")
def refuse(*, name: Annotated[str, InputChoice("image")]) -> Number:
    """Cannot read its file."""
    raise InputUnreadable(f"{name!r} is no picture")


@node("Steps", category="toys")
def steps(*, a: Number, ctx: Context) -> Number:
    """Ten steps."""
    for step in range(10):
        ctx.report_progress(step + 1, 10)
    return a


TOYS: tuple[AnyNode, ...] = (
    constant,
    add,
    split,
    maybe,
    show,
    widgets,
    read_file,
    load_model,
    fail,
    refuse,
    steps,
)
CATALOG = Catalog.of(toy.schema for toy in TOYS)


def graph_of(**calls: tuple[str, Mapping[str, Input]]) -> Graph:
    """A graph of (class, inputs) by id."""
    return Graph({node: NodeCall(node, name, inputs) for node, (name, inputs) in calls.items()})


@dataclass
class Files:
    """Names by folder."""

    folders: Mapping[str, Collection[str]] = field(default_factory=dict)

    def names(self, folder: str) -> Collection[str]:
        return self.folders.get(folder, [])


@dataclass
class Recorder:
    """What a run reports, and whether it is cancelled."""

    events: list[Event] = field(default_factory=list)
    is_cancelled: Callable[[], bool] = lambda: False
    inputs: dict[str, bytes] = field(default_factory=dict)

    def services(self) -> Services:
        return Services(
            pool=None,  # type: ignore[arg-type] -- toys need no models
            models=None,  # type: ignore[arg-type]
            find_input=lambda name: InputFile(name, lambda: self.inputs[name]),
            is_cancelled=lambda: self.is_cancelled(),
            on_event=self.events.append,
        )

    def nodes(self, kind: type[Event]) -> list[str]:
        """The nodes that reported this kind of event, in order."""
        return [event.node for event in self.events if isinstance(event, kind)]
