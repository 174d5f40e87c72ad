"""One node of a run that is under way, and the subgraph that it may turn into."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import BadInput, NodeFailed
from engine.graph.cache import Result
from engine.graph.document import Graph, Input, Link, NodeCall
from engine.graph.events import OutputFile
from engine.graph.flow import Expansion
from engine.graph.plan import find_cycles
from engine.graph.spec import AnyNode

# Texts, numbers and nothing are part of a subgraph as they are; other values only have an identity in it.
_PLAIN = (str, int, float, bool, type(None))


@dataclass(slots=True, eq=False)
class Job:
    """One result that is needed. Nodes of equal identity share it.

    `shown` is the node that people see, `names` are all such nodes that this is the result of. `rank`: the
    least is the next. `waiting` counts sources that are not done, `consumers` wait for this. `holds`: whose
    results may not be let go before this is done. `lists`: what the node was given; `returned`: what it
    gave. `is_told`: it was kept from running for a reason that has been told.
    """

    key: str
    call: NodeCall
    spec: AnyNode
    shown: NodeCall
    names: Sequence[str]
    rank: tuple[int, int] = (0, 0)
    waiting: int = 0
    consumers: list["Job"] = field(default_factory=list["Job"])
    holds: list[str] = field(default_factory=list[str])
    evaluated: set[str] = field(default_factory=set[str])
    result: Result | None = None
    lists: Mapping[str, Sequence[object]] = field(default_factory=dict[str, Sequence[object]])
    returned: list[object] = field(default_factory=list[object])
    is_called: bool = False
    subgraphs: dict[int, "Subgraph"] = field(default_factory=dict[int, "Subgraph"])
    files: list[OutputFile] = field(default_factory=list[OutputFile])
    is_told: bool = False
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class Subgraph:
    """An expansion under the ids of its run. `given`: by node and input, values that no prompt can hold."""

    graph: Graph
    given: Mapping[str, Mapping[str, object]]
    outputs: tuple[object, ...]
    savers: tuple[str, ...]

    def targets(self) -> list[str]:
        """The nodes whose results are asked for."""
        return [*(found.node for found in self.outputs if isinstance(found, Link)), *self.savers]


def build_subgraph(
    job: Job, index: int, expansion: Expansion, nodes: Mapping[str, AnyNode], number: int
) -> Subgraph:
    """What call `index` of the job's node expands into. `number` keeps ids of one run apart.

    Raises NodeFailed for a subgraph that cannot be run.
    """
    prefix = f"{job.shown.id}.{number}."
    calls: dict[str, NodeCall] = {}
    given: dict[str, dict[str, object]] = {}
    for local, sub in expansion.nodes.items():
        inputs: dict[str, Input] = {}
        for name, value in sub.inputs.items():
            if isinstance(value, Link):
                inputs[name] = Link(prefix + value.node, value.slot)
            elif isinstance(value, _PLAIN):
                inputs[name] = value
            else:
                # The same inputs give the same subgraph, so the place in it says which value this is.
                inputs[name] = [job.key, index, local, name]
                given.setdefault(prefix + local, {})[name] = value
        calls[prefix + local] = NodeCall(prefix + local, sub.class_type, inputs)
    outputs = tuple(
        Link(prefix + found.node, found.slot) if isinstance(found, Link) else found
        for found in expansion.outputs
    )
    graph = Graph(calls)
    if fault := _find_fault(graph, outputs, nodes, len(job.spec.list_outputs)):
        cause = BadInput(f"{job.call.class_type} expands into a subgraph that cannot run: {fault}")
        raise NodeFailed(job.shown.id, job.shown.class_type, str(cause), cause)
    savers = tuple(node for node, call in calls.items() if nodes[call.class_type].is_output)
    return Subgraph(graph, given, outputs, savers)


def _find_fault(
    graph: Graph, outputs: Collection[object], nodes: Mapping[str, AnyNode], wanted: int
) -> str | None:
    """What keeps a subgraph from running."""
    if len(outputs) != wanted:
        return f"it gives {len(outputs)} values, and the node has {wanted} outputs"
    for call in graph.nodes.values():
        if call.class_type not in nodes:
            return f"no node is called {call.class_type!r}"
        if unknown := call.inputs.keys() - nodes[call.class_type].schema.inputs_by_name.keys():
            return f"{call.class_type} has no input {min(unknown)!r}"
    links = [link for call in graph.nodes.values() for _, link in call.links()]
    for link in (*links, *(found for found in outputs if isinstance(found, Link))):
        source = graph.nodes.get(link.node)
        if source is None:
            return f"there is no node {link.node!r} in it"
        count = len(nodes[source.class_type].schema.outputs)
        if not 0 <= link.slot < count:
            return f"{source.class_type} has {count} outputs, and none is number {link.slot}"
    if find_cycles(graph):
        return "its nodes wait for each other"
    return None
