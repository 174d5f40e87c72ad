"""ComfyUI's API prompt: {id: {"class_type": …, "inputs": {name: constant or [id, slot]}}}, maybe as "prompt".

Reading finds what is wrong with the shape; what is wrong with nodes and values is validate.py's business.
`Graph.to_json` is the way back.
"""

import json
from collections.abc import Iterator
from typing import cast

from engine.errors import GraphInvalid, Problem
from engine.graph.characters import is_clean_name
from engine.graph.document import Graph, Input, Json, Link, NodeCall
from engine.graph.limits import (
    MAX_CONSTANT_DEPTH,
    MAX_EDGES,
    MAX_NAME_BYTES,
    MAX_NODES,
    MAX_PROMPT_BYTES,
)


def read_json(text: bytes) -> object:
    """The JSON document in `text`. Raises GraphInvalid for a text that is too long or malformed."""
    if len(text) > MAX_PROMPT_BYTES:
        message = f"the prompt has {len(text)} bytes; at most {MAX_PROMPT_BYTES} are allowed"
        raise GraphInvalid([Problem(None, None, "too_many_bytes", message)])
    try:
        return json.loads(text)
    except RecursionError:
        message = "the prompt is not usable JSON: it is nested too deeply"
    except ValueError as problem:
        message = f"the prompt is not JSON: {problem}"
    raise GraphInvalid([Problem(None, None, "malformed_json", message)])


def parse_prompt(document: object) -> Graph:
    """The graph of a bare map or a {"prompt": map}. Raises GraphInvalid with all faults of the shape."""
    nodes = _find_nodes(document)
    problems = list(_check_shape(nodes))
    if problems:
        raise GraphInvalid(problems)
    graph = Graph({node: _read_node(node, cast("dict[str, Json]", call)) for node, call in nodes.items()})
    edges = sum(1 for call in graph.nodes.values() for _ in call.links())
    if edges > MAX_EDGES:
        message = f"the prompt has {edges} links; at most {MAX_EDGES} are allowed"
        raise GraphInvalid([Problem(None, None, "too_many_edges", message)])
    return graph


def find_workflow(document: object) -> object | None:
    """The editor's workflow that came along, as `workflow` or where ComfyUI's front end puts it."""
    for path in (("workflow",), ("extra_data", "extra_pnginfo", "workflow")):
        found = document
        for key in path:
            found = cast("dict[str, object]", found).get(key) if isinstance(found, dict) else None
        if isinstance(found, dict) and "class_type" not in found:
            return cast("object", found)
    return None


def _find_nodes(document: object) -> dict[str, Json]:
    """The map of nodes, wherever it is."""
    nodes = document
    if isinstance(nodes, dict) and _is_wrapped(cast("dict[str, object]", nodes)):
        nodes = cast("dict[str, object]", nodes)["prompt"]
    if not isinstance(nodes, dict):
        message = f"a prompt is a JSON object of nodes; this is {_name_of_type(nodes)}"
        raise GraphInvalid([Problem(None, None, "malformed_prompt", message)])
    nodes = cast("dict[str, Json]", nodes)
    if isinstance(nodes.get("nodes"), list) and isinstance(nodes.get("links"), list):
        message = "this is an editor's workflow, not a prompt; export it in API format"
        raise GraphInvalid([Problem(None, None, "ui_workflow", message)])
    if len(nodes) > MAX_NODES:
        message = f"the prompt has {len(nodes)} nodes; at most {MAX_NODES} are allowed"
        raise GraphInvalid([Problem(None, None, "too_many_nodes", message)])
    return nodes


def _is_wrapped(document: dict[str, object]) -> bool:
    """Whether "prompt" is a member of a wrapper; in a bare map it would be the id of a node."""
    inner = document.get("prompt")
    return "prompt" in document and not (isinstance(inner, dict) and "class_type" in inner)


def _check_shape(nodes: dict[str, Json]) -> Iterator[Problem]:
    for node, call in nodes.items():
        if not _is_name(node):
            message = (
                f"{node[:40]!r} is no usable node id: 1 to {MAX_NAME_BYTES} bytes, no control characters"
            )
            yield Problem(None, None, "bad_node_id", message)
        elif not isinstance(call, dict):
            yield Problem(
                node, None, "malformed_node", f"node {node} is {_name_of_type(call)}, not an object"
            )
        else:
            yield from _check_node(node, call)


def _check_node(node: str, call: dict[str, Json]) -> Iterator[Problem]:
    class_type, inputs = call.get("class_type"), call.get("inputs", {})
    if not isinstance(class_type, str):
        yield Problem(node, None, "missing_class_type", f"node {node} has no class_type")
        return
    if not _is_name(class_type):
        yield Problem(node, None, "unknown_node", f"node {node}: no node is called {class_type[:40]!r}")
        return
    if not isinstance(inputs, dict):
        message = f"{class_type} (node {node}): inputs is {_name_of_type(inputs)}, not an object"
        yield Problem(node, None, "malformed_node", message)
        return
    for name, value in inputs.items():
        if problem := _check_input(value):
            code, message = problem
            name = name if _is_name(name) else repr(name[:40])
            yield Problem(node, name, code, f"{class_type} (node {node}), input {name}: {message}")


def _check_input(value: Json) -> tuple[str, str] | None:
    """Code and message of what is wrong with the form of a value."""
    if isinstance(value, list) and not _is_link(value):
        return (
            "bad_link",
            'a list must be a link, ["node id", slot]; write {"__value__": […]} for a constant list',
        )
    if _depth_exceeds(value, MAX_CONSTANT_DEPTH):
        return "too_deep", f"a constant may be nested {MAX_CONSTANT_DEPTH} levels deep"
    return None


def _is_link(value: list[Json]) -> bool:
    # type() and not isinstance(): true and false are integers to Python, and no slots.
    return len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int


def _depth_exceeds(value: Json, limit: int) -> bool:
    level: list[Json] = [value]
    for _ in range(limit + 1):
        nested = [inner for inner in level if isinstance(inner, list | dict)]
        level = [part for inner in nested for part in (inner.values() if isinstance(inner, dict) else inner)]
        if not level:
            return False
    return True


def _is_name(text: str) -> bool:
    return is_clean_name(text) and 0 < len(text.encode()) <= MAX_NAME_BYTES


def _name_of_type(value: object) -> str:
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def _read_node(node: str, call: dict[str, Json]) -> NodeCall:
    inputs, meta = call.get("inputs", {}), call.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return NodeCall(
        id=node,
        class_type=cast("str", call["class_type"]),
        inputs={name: _read_input(value) for name, value in cast("dict[str, Json]", inputs).items()},
        title=title if isinstance(title, str) else None,
    )


def _read_input(value: Json) -> Input:
    if isinstance(value, list):
        source, slot = value
        return Link(cast("str", source), cast("int", slot))
    if isinstance(value, dict) and value.keys() == {"__value__"}:
        return value["__value__"]
    return value
