"""`@node`: a typed function becomes a node. Its signature is the schema and its docstring the description.

Parameters are keyword-only. A parameter's type is a socket value or an annotated widget; its default is what
the editor starts with; `T | None = None` makes an input optional; `ctx: Context` is no input;
`**ratios` annotated with `Each` are several inputs of one kind.

What travels along an edge is a list, mostly of one value. A function is called once for each value, the
shorter lists repeating their last; a parameter of type `Sequence[T]` or `list[T]` is given the whole list
instead, and what is returned as `list[T]` is joined to the output's list. A function may be `async`, to
overlap with others, and return a `Block` or an `Expansion` (flow.py). Inputs marked `Lazy` wait for `needs`.
"""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
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
from engine.graph.flow import Block, Expansion
from engine.graph.kinds import (
    Choice,
    Each,
    FileChoice,
    FloatWidget,
    InputChoice,
    IntWidget,
    Lazy,
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
    """A node function with its name. `version` rises when the same inputs give another result than before.

    `needs` says which lazy inputs are needed next. It takes those of the node's inputs that its parameters
    name; what has not run yet is None to it, and it is asked again until all that it names is there.
    `fingerprint` joins the result's identity: what the result depends on besides the inputs, such as the
    time. It takes constant inputs in the same way (linked ones are None); NaN makes the node run every time.
    """

    function: Callable[P, R_co]
    name: str
    category: str
    title: str
    is_output: bool = False
    version: int = 1
    output_names: tuple[str, ...] | None = None
    needs: Callable[..., Collection[str]] | None = None
    fingerprint: Callable[..., str | float] | None = None

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

    @cached_property
    def is_async(self) -> bool:
        """Whether a call gives an awaitable."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def lazy(self) -> frozenset[str]:
        """The inputs that only `needs` can ask for."""
        return frozenset(found.name for found in self.schema.inputs if found.lazy)

    @cached_property
    def whole(self) -> frozenset[str]:
        """The inputs that take a whole list."""
        return frozenset(found.name for found in self.schema.inputs if found.is_list)

    @cached_property
    def list_outputs(self) -> tuple[bool, ...]:
        """For each output, whether a call gives a list of values."""
        return tuple(output.is_list for output in self.schema.outputs)

    def ask(self, arguments: Mapping[str, object]) -> Collection[str]:
        """The lazy inputs that one call needs, as far as its arguments tell."""
        if self.needs is None:
            return ()
        return self.needs(**{name: arguments.get(name) for name in inspect.signature(self.needs).parameters})


AnyNode = NodeSpec[..., object]


def node(  # noqa: PLR0913 -- each is one fact about the node
    name: str,
    *,
    category: str,
    title: str | None = None,
    is_output: bool = False,
    version: int = 1,
    output_names: tuple[str, ...] | None = None,
    needs: Callable[..., Collection[str]] | None = None,
    fingerprint: Callable[..., str | float] | None = None,
) -> Callable[[Callable[P, R_co]], NodeSpec[P, R_co]]:
    """Make the function below it a node. `name` is what prompts say, `title` what people read."""

    def wrap(function: Callable[P, R_co]) -> NodeSpec[P, R_co]:
        return NodeSpec(
            function, name, category, title or name, is_output, version, output_names, needs, fingerprint
        )

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
    base, extras = _split_annotated(inner)
    is_lazy = any(isinstance(extra, Lazy) for extra in extras)
    if is_lazy:
        base, more = _split_annotated(_strip_none(base)[0])
        extras += more
    base, more, is_list = _strip_list(base)
    extras += more
    tooltip = next((extra.text for extra in extras if isinstance(extra, Tip)), None)
    values = _read_type(name, base, extras) | {"lazy": is_lazy, "is_list": is_list}
    if default is not inspect.Parameter.empty and default is not None:
        values["default"] = default[0] if is_list and isinstance(default, tuple) else default
    return InputSchema(name=name, required=not is_optional, tooltip=tooltip, **values)  # pyright: ignore[reportArgumentType]


def _strip_none(hint: object) -> tuple[object, bool]:
    """`T` and whether the hint was `T | None`."""
    arguments = get_args(hint)
    if get_origin(hint) not in (Union, UnionType) or NoneType not in arguments:
        return hint, False
    (inner,) = (argument for argument in arguments if argument is not NoneType)
    return inner, True


def _split_annotated(hint: object) -> tuple[object, tuple[object, ...]]:
    """The type and what it is annotated with, if it is."""
    if get_origin(hint) is not Annotated:
        return hint, ()
    base, *extras = get_args(hint)
    return base, tuple(extras)


def _strip_list(hint: object) -> tuple[object, tuple[object, ...], bool]:
    """`T`, its annotations, and whether the hint was a list of it."""
    if get_origin(hint) not in (list, Sequence):
        return hint, (), False
    (inner,) = get_args(hint)
    return *_split_annotated(inner), True


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
    result = _strip_flow(result)
    hints = () if result is NoneType else get_args(result) if get_origin(result) is tuple else (result,)
    found = [_read_output(_strip_flow(hint)) for hint in hints]
    types = [kind for kind, _ in found]
    return tuple(
        OutputSchema(name, kind, is_list) for name, (kind, is_list) in zip(names or types, found, strict=True)
    )


def _read_output(hint: object) -> tuple[str, bool]:
    """The socket's type, and whether each call gives a list of it."""
    base, extras = _split_annotated(hint)
    base, more, is_list = _strip_list(base)
    return str(_read_type("return", base, extras + more)["type"]), is_list


def _strip_flow(hint: object) -> object:
    """`T` of `T | Block` and `T | Expansion`: what a node gives if it gives a value."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    values = [found for found in get_args(hint) if found not in (Block, Expansion)]
    if len(values) != 1:
        raise TypeError(f"return: {hint!r} is not one type, with Block or Expansion beside it")
    return values[0]
