"""The identity of a node's result: equal exactly when the same function would get the same inputs on the same
kind of machine. Node ids and titles have no part in it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from engine.errors import BadInput, NodeFailed
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.spec import AnyNode

# (folder, name) -> what the file's content is known by, such as its digest; ALL_FILES: the folder's.
IdentifyFile = Callable[[str, str], str]
ALL_FILES = "*"
# Texts with this word in them mean files, too, and which ones only their encoder can tell.
_EMBEDDING, _EMBEDDINGS = "embedding:", "embeddings"


def make_keys(
    graph: Graph,
    order: Iterable[str],
    nodes: Mapping[str, AnyNode],
    *,
    environment: str,
    identify_file: IdentifyFile,
) -> dict[str, str]:
    """SHA-256 in hex of each node in `order` (sources first).

    It covers the node's name and version, its constants, its sources' identities, the content of the files
    that it names, and `environment`: device kind and dtype, which change numbers.
    Raises NodeFailed for a file that cannot be read.
    """
    keys: dict[str, str] = {}
    for node in order:
        call = graph.nodes[node]
        spec = nodes[call.class_type]
        parts = _describe_inputs(call, spec, keys, identify_file)
        text = json.dumps([spec.name, spec.version, environment, parts])
        keys[node] = hashlib.sha256(text.encode()).hexdigest()
    return keys


def _describe_inputs(
    call: NodeCall, spec: AnyNode, keys: Mapping[str, str], identify_file: IdentifyFile
) -> list[tuple[object, ...]]:
    """Each input as (name, how it is given, what it is), sorted by name."""
    schemas = spec.schema.inputs_by_name
    parts: list[tuple[object, ...]] = []
    for name in sorted(call.inputs):
        value = call.inputs[name]
        if isinstance(value, Link):
            parts.append((name, "link", keys[value.node], value.slot))
        elif (folder := schemas[name].files) and isinstance(value, str):
            parts.append((name, "file", _identify(call, name, partial(identify_file, folder, value))))
        elif isinstance(value, str) and _EMBEDDING in value:
            parts.append((name, "constant", value, identify_file(_EMBEDDINGS, ALL_FILES)))
        else:
            parts.append((name, "constant", value))
    return parts


def _identify(call: NodeCall, name: str, identify: Callable[[], str]) -> str:
    """A file's identity; a file that cannot be read is the fault of the input that names it."""
    try:
        return identify()
    except BadInput as cause:
        raise NodeFailed(call.id, call.class_type, str(cause), cause, input_name=name) from cause
