"""What a prompt may say instead of the exact type, as ComfyUI takes it: 3.0 or "20" for 20, 5 for "5"."""

import math

from engine.graph.catalog import Catalog
from engine.graph.characters import is_clean_text
from engine.graph.document import Graph, Input, Json, Link, NodeCall
from engine.graph.schema import InputSchema, NodeSchema


def coerce_value(schema: InputSchema, value: Json) -> Json:
    """`value` in the type of the input. Raises ValueError with the rule that it breaks."""
    match schema.type:
        case "INT":
            return _to_int(value)
        case "FLOAT":
            return _to_float(value)
        case "STRING":
            return _to_text(value)
        case "BOOLEAN":
            return _to_bool(value)
        case "COMBO":
            return value
        case _:
            raise ValueError(f"a {schema.type} comes from another node, by a link")


def coerce_graph(graph: Graph, catalog: Catalog) -> Graph:
    """The valid `graph` with constants in their inputs' types, without inputs that its nodes do not have."""
    return Graph(
        {node: _coerce_node(call, catalog.nodes[call.class_type]) for node, call in graph.nodes.items()}
    )


def _coerce_node(call: NodeCall, schema: NodeSchema) -> NodeCall:
    known = schema.inputs_by_name
    inputs: dict[str, Input] = {
        name: value if isinstance(value, Link) else coerce_value(known[name], value)
        for name, value in call.inputs.items()
        if name in known and not is_absent(known[name], value)
    }
    return call.with_inputs(inputs)


def is_absent(schema: InputSchema, value: Input) -> bool:
    """Whether the value says that an optional input is left out."""
    return value is None and not schema.required


def _to_int(value: Json) -> int:
    # As in ComfyUI, 3.7 becomes 3: prompts out there rely on it.
    if isinstance(value, int | float | str):
        try:
            return int(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError("is no whole number")


def _to_float(value: Json) -> float:
    if isinstance(value, int | float | str):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise ValueError("is no finite number")


def _to_text(value: Json) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError("is no text")
    text = str(value)
    if not is_clean_text(text):
        raise ValueError("holds a NUL or half a character")
    return text


def _to_bool(value: Json) -> bool:
    # As in ComfyUI, "false" is a text that is not empty, so it is true.
    if isinstance(value, bool | int | float | str):
        return bool(value)
    raise ValueError("is neither true nor false")
