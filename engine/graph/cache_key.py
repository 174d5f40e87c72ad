"""The identity of a node's result: equal exactly when the same function would get the same inputs on the same
kind of machine. Node ids and titles have no part in it.
"""

import hashlib
import inspect
import logging
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from engine.errors import BadInput, NodeFailed
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.spec import AnyNode

logger = logging.getLogger(__name__)

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

    It covers the node's name, version and fingerprint, its constants, its sources' identities, the content of
    the files that it names, and `environment`: device kind and dtype, which change numbers.
    Raises NodeFailed for a file that cannot be read.
    """
    keys: dict[str, str] = {}
    for node in order:
        call = graph.nodes[node]
        spec = nodes[call.class_type]
        parts = _describe_inputs(call, spec, keys, identify_file)
        if spec.fingerprint is not None:
            parts.append(("", "fingerprint", _take_fingerprint(call, spec.fingerprint)))
        # The text of nested tuples is as unambiguous as JSON, and made in a quarter of the time.
        text = repr((spec.name, spec.version, environment, parts))
        keys[node] = hashlib.sha256(text.encode()).hexdigest()
    return keys


def _describe_inputs(
    call: NodeCall, spec: AnyNode, keys: Mapping[str, str], identify_file: IdentifyFile
) -> list[tuple[object, ...]]:
    """Each input as (name, how it is given, what it is), sorted by name."""
    schemas = spec.schema.inputs_by_name
    parts: list[tuple[object, ...]] = []
    for name, value in sorted(call.inputs.items()):
        if isinstance(value, Link):
            parts.append((name, "link", keys[value.node], value.slot))
        elif not isinstance(value, str):
            parts.append((name, "constant", value))
        elif folder := schemas[name].files:
            parts.append((name, "file", _identify(call, name, partial(identify_file, folder, value))))
        elif _EMBEDDING in value:
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


def _take_fingerprint(call: NodeCall, take: Callable[..., str | float]) -> str:
    """What the node's own function says, or what no other run will have."""
    constants = {name: None if isinstance(value, Link) else value for name, value in call.inputs.items()}
    named = inspect.signature(take).parameters
    try:
        found = take(**{name: constants.get(name) for name in named})
    except Exception:
        # The node's own call will say better what is wrong.
        logger.warning("node %s (%s): no fingerprint", call.id, call.class_type, exc_info=True)
        found = math.nan
    is_always_new = isinstance(found, float) and math.isnan(found)
    return uuid.uuid4().hex if is_always_new else repr(found)
