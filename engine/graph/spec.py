"""`@node`: a typed function becomes a node. Its signature is the schema and its docstring the description.

Parameters are keyword-only. A parameter's type is a socket value or an annotated widget; its default is what
the editor starts with; `T | None = None` makes an input optional; `ctx: Context` is no input;
`**ratios` annotated with `Each` are several inputs of one kind.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import (
    Annotated,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from engine.graph.context import Context
from engine.graph.kinds import (
    Choice,
    Each,
    FileChoice,
    FloatWidget,
    InputChoice,
    IntWidget,
    SocketValue,
    TextWidget,
    Tip,
    Widget,
)
from engine.graph.schema import InputSchema, NodeSchema, OutputSchema

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_PLAIN_TYPES = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOLEAN"}


@dataclass(frozen=True)
class NodeSpec(Generic[P, R_co]):
    """A node function with its name. `version` rises when the same inputs give another result than before."""

    function: Callable[P, R_co]
    name: str
    category: str
    title: str
    is_output: bool = False
    version: int = 1
    output_names: tuple[str, ...] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """The function itself."""
        return self.function(*args, **kwargs)

    @cached_property
    def schema(self) -> NodeSchema:
        """The node as data. Raises TypeError for a signature that no schema can be read from."""
        hints = get_type_hints(self.function, include_extras=True)
        result = hints.pop("return", NoneType)
        parameters = inspect.signature(self.function).parameters
        return NodeSchema(
            name=self.name,
            title=self.title,
            category=self.category,
            description=_first_paragraph(self.function),
            is_output=self.is_output,
            inputs=tuple(
                found
                for name, hint in hints.items()
                if hint is not Context
                for found in _read_inputs(name, hint, parameters[name].default)
            ),
            outputs=_read_outputs(result, self.output_names),
        )

    @cached_property
    def takes_context(self) -> bool:
        """Whether the function declares `ctx: Context`."""
        return "ctx" in inspect.signature(self.function).parameters


AnyNode = NodeSpec[..., object]


def node(
    name: str,
    *,
    category: str,
    title: str | None = None,
    is_output: bool = False,
    version: int = 1,
    output_names: tuple[str, ...] | None = None,
) -> Callable[[Callable[P, R_co]], NodeSpec[P, R_co]]:
    """Make the function below it a node. `name` is what prompts say, `title` what people read."""

    def wrap(function: Callable[P, R_co]) -> NodeSpec[P, R_co]:
        return NodeSpec(function, name, category, title or name, is_output, version, output_names)

    return wrap


def _first_paragraph(function: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def _read_inputs(name: str, hint: object, default: object) -> tuple[InputSchema, ...]:
    """One input, or those that an `Each` names."""
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    each = next((extra for extra in extras if isinstance(extra, Each)), None)
    if each is None:
        return (_read_input(name, hint, default),)
    return tuple(_read_input(found, hint, each.default) for found in each.names)


def _read_input(name: str, hint: object, default: object) -> InputSchema:
    inner, is_optional = _strip_none(hint)
    base, extras = (inner, ()) if get_origin(inner) is not Annotated else _split_annotated(inner)
    tooltip = next((extra.text for extra in extras if isinstance(extra, Tip)), None)
    values: dict[str, object] = _read_type(name, base, extras)
    if default is not inspect.Parameter.empty and default is not None:
        values["default"] = default
    return InputSchema(name=name, required=not is_optional, tooltip=tooltip, **values)  # pyright: ignore[reportArgumentType]


def _strip_none(hint: object) -> tuple[object, bool]:
    """`T` and whether the hint was `T | None`."""
    arguments = get_args(hint)
    if get_origin(hint) not in (Union, UnionType) or NoneType not in arguments:
        return hint, False
    (inner,) = (argument for argument in arguments if argument is not NoneType)
    return inner, True


def _split_annotated(hint: object) -> tuple[object, tuple[object, ...]]:
    base, *extras = get_args(hint)
    return base, tuple(extras)


def _read_type(name: str, base: object, extras: tuple[object, ...]) -> dict[str, object]:
    """The fields of InputSchema that follow from a type."""
    widget = next((extra for extra in extras if isinstance(extra, Widget)), None)
    if widget is not None:
        return _read_widget(widget)
    if isinstance(base, type) and issubclass(base, SocketValue):
        return {"type": base.socket}
    if get_origin(base) is Literal:
        return {"type": "COMBO", "choices": get_args(base)}
    if isinstance(base, type) and base in _PLAIN_TYPES:
        return {"type": _PLAIN_TYPES[base]}
    raise TypeError(f"input {name}: {base!r} is neither a socket value nor a widget")


def _read_widget(widget: Widget) -> dict[str, object]:
    match widget:
        case IntWidget(low, high, step, control):
            return {"type": "INT", "min": low, "max": high, "step": step, "control_after_generate": control}
        case FloatWidget(low, high, step, digits):
            return {"type": "FLOAT", "min": low, "max": high, "step": step, "round": digits}
        case TextWidget(multiline, dynamic, is_path):
            return {"type": "STRING", "multiline": multiline, "dynamic_prompts": dynamic, "is_path": is_path}
        case Choice(choices):
            return {"type": "COMBO", "choices": choices}
        case FileChoice(folder):
            return {"type": "COMBO", "files": folder}
        case InputChoice(kind):
            upload = "image" if kind == "image" else None
            return {"type": "COMBO", "files": f"input:{kind}", "upload": upload}


def _read_outputs(result: object, names: tuple[str, ...] | None) -> tuple[OutputSchema, ...]:
    """One output for each value that the function returns."""
    hints = () if result is NoneType else get_args(result) if get_origin(result) is tuple else (result,)
    types = [
        _read_type("return", *_split_annotated(hint) if get_origin(hint) is Annotated else (hint, ()))["type"]
        for hint in hints
    ]
    return tuple(
        OutputSchema(name, str(kind)) for name, kind in zip(names or map(str, types), types, strict=True)
    )
