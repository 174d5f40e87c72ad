"""From the lists that arrive at a node to its calls, and from what these return to lists again."""

import logging
from collections.abc import Iterator, Mapping, Sequence

from engine.errors import BadInput, EngineError, NodeFailed
from engine.graph.document import NodeCall
from engine.graph.flow import Block
from engine.graph.spec import AnyNode

logger = logging.getLogger(__name__)

_SHOWN_CHARACTERS = 80


def map_arguments(
    lists: Mapping[str, Sequence[object]], whole: frozenset[str]
) -> Iterator[dict[str, object]]:
    """The arguments of each call: one for each item of the longest list, the shorter repeating their last.

    Names in `whole` are given their list in every call. An empty list among the others means no call at all.
    """
    mapped = {name: found for name, found in lists.items() if name not in whole}
    kept: dict[str, object] = {name: list(lists[name]) for name in lists if name in whole}
    lengths = [len(found) for found in mapped.values()]
    count = max(lengths, default=1) if 0 not in lengths else 0
    for index in range(count):
        yield {name: found[min(index, len(found) - 1)] for name, found in mapped.items()} | kept


def find_block(arguments: Mapping[str, object], whole: frozenset[str]) -> Block | None:
    """A blocker among the arguments, one with a message before others."""
    blocks: list[Block] = []
    for name, value in arguments.items():
        if isinstance(value, Block):
            blocks.append(value)
        elif name in whole and isinstance(value, list):
            blocks += [item for item in value if isinstance(item, Block)]
    return min(blocks, key=lambda found: found.message is None, default=None)


def split_outputs(returned: object, spec: AnyNode) -> tuple[Sequence[object], ...]:
    """What one call adds to each output's list. `returned` is no Expansion."""
    lists = spec.list_outputs
    if isinstance(returned, Block):
        return tuple((returned,) for _ in lists)
    if len(lists) == 1:
        return (_as_list(returned, is_list=lists[0]),)
    values: tuple[object, ...] = returned if isinstance(returned, tuple) and lists else ()
    return tuple(_as_list(value, is_list=is_list) for value, is_list in zip(values, lists, strict=True))


def join_outputs(
    parts: Sequence[tuple[Sequence[object], ...]], spec: AnyNode
) -> tuple[Sequence[object], ...]:
    """The list of each output, over all calls."""
    if len(parts) == 1:
        return parts[0]
    return tuple([item for part in parts for item in part[slot]] for slot in range(len(spec.list_outputs)))


def _as_list(value: object, *, is_list: bool) -> Sequence[object]:
    return value if is_list and isinstance(value, list) else (value,)


def describe_inputs(lists: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """What a node was given, for a report: short plain values, and the types of all others."""
    return {name: ", ".join(map(_describe, found[:4])) for name, found in lists.items()}


def _describe(value: object) -> str:
    if not isinstance(value, bool | int | float | str):
        return type(value).__name__
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def explain(
    shown: NodeCall, call: NodeCall, spec: AnyNode, cause: Exception, lists: Mapping[str, Sequence[object]]
) -> NodeFailed:
    """A failure that says where; what was not foreseen is told in full to the log alone.

    `shown`: the node that people see; it is blamed for the nodes of its subgraph.
    """
    inputs = describe_inputs(lists)
    within = "" if shown is call else f"in its {call.class_type}: "
    if not isinstance(cause, EngineError):
        logger.error("node %s (%s) failed", call.id, call.class_type, exc_info=cause)
        message = f"{within}failed unexpectedly ({type(cause).__name__})"
        return NodeFailed(shown.id, shown.class_type, message, cause, inputs=inputs)
    at_fault: str | None = None
    if isinstance(cause, BadInput) and shown is call:
        at_fault = next((found.name for found in spec.schema.inputs if found.files), None)
    message = f"{within}{cause}"
    return NodeFailed(shown.id, shown.class_type, message, cause, input_name=at_fault, inputs=inputs)
