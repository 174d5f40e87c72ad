"""Runs a valid graph: only what changed since its results were kept, node by node in the plan's order."""

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import BadInput, Cancelled, EngineError, NodeFailed
from engine.graph.cache import Result, ResultCache
from engine.graph.cache_key import IdentifyFile, make_keys
from engine.graph.context import Context, Services
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.events import NodeCached, NodeFinished, NodeStarted, Output
from engine.graph.plan import order_nodes
from engine.graph.spec import AnyNode

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What came out of a run. `cached` counts the nodes that did not have to be called."""

    outputs: tuple[Output, ...]
    executed: int
    cached: int


@dataclass(frozen=True)
class Executor:
    """Node functions by name, kept results, and the `environment` (device kind, dtype) of identities."""

    nodes: Mapping[str, AnyNode]
    cache: ResultCache
    environment: str

    def run(self, graph: Graph, *, scope: str, services: Services, identify_file: IdentifyFile) -> RunResult:
        """Run all output nodes of a graph that is valid and coerced.

        Raises NodeFailed at the first node that fails, Cancelled as soon as the run is cancelled.
        """
        targets = [node for node, call in graph.nodes.items() if self.nodes[call.class_type].is_output]
        order = order_nodes(graph, targets)
        keys = make_keys(graph, order, self.nodes, environment=self.environment, identify_file=identify_file)
        return _Run(self, graph, scope, services, order, keys).run(targets)


@dataclass
class _Run:
    """One run. Results are known by identity, so equal nodes of a graph are called once."""

    executor: Executor
    graph: Graph
    scope: str
    services: Services
    order: list[str]
    keys: Mapping[str, str]
    results: dict[str, Result] = field(default_factory=dict[str, Result])
    # Identities that are needed and not known.
    missing: set[str] = field(default_factory=set[str])
    # How often a result is still to be read; at 0 it is let go, so memory follows the graph's width.
    readers: Counter[str] = field(default_factory=Counter[str])

    def run(self, targets: list[str]) -> RunResult:
        self._find_missing(targets)
        executed, outputs, saving = 0, list[Output](), frozenset(targets)
        for node in self.order:
            is_cached = self.keys[node] not in self.missing
            if is_cached:
                self.services.on_event(NodeCached(node))
            else:
                self._run_node(self.graph.nodes[node])
                executed += 1
            if node in saving:
                outputs += self._report_outputs(node, is_cached=is_cached)
        return RunResult(tuple(outputs), executed, len(self.order) - executed)

    def _find_missing(self, targets: list[str]) -> None:
        """Go upstream from the targets as far as results are not known."""
        self.readers.update(self.keys[target] for target in targets)
        for node in reversed(self.order):
            key = self.keys[node]
            if key not in self.readers or key in self.missing or key in self.results:
                continue
            if known := self.executor.cache.find(self.scope, key):
                self.results[key] = known
            else:
                self.missing.add(key)
                self.readers.update(self._sources(self.graph.nodes[node]))

    def _sources(self, call: NodeCall) -> list[str]:
        return [self.keys[link.node] for _, link in call.links()]

    def _run_node(self, call: NodeCall) -> None:
        """Call one node and keep its result; its sources' results have been read once more."""
        if self.services.is_cancelled():
            raise Cancelled
        self.services.on_event(NodeStarted(call.id))
        started = time.perf_counter()
        result = self._call(call, self.executor.nodes[call.class_type])
        key = self.keys[call.id]
        self.missing.discard(key)
        self.executor.cache.keep(self.scope, key, result)
        self.results[key] = result
        for source in self._sources(call):
            self._let_go(source)
        self.services.on_event(NodeFinished(call.id, time.perf_counter() - started))

    def _let_go(self, key: str) -> None:
        self.readers[key] -= 1
        if self.readers[key] == 0:
            del self.results[key]

    def _report_outputs(self, node: str, *, is_cached: bool) -> list[Output]:
        key = self.keys[node]
        files = self.results[key].files
        self._let_go(key)
        outputs = [Output(node, index, file, is_cached) for index, file in enumerate(files)]
        for output in outputs:
            self.services.on_event(output)
        return outputs

    def _call(self, call: NodeCall, spec: AnyNode) -> Result:
        """The result of the node function. Raises NodeFailed for whatever it raises but Cancelled."""
        arguments: dict[str, object] = {
            name: self.results[self.keys[value.node]].values[value.slot] if isinstance(value, Link) else value
            for name, value in call.inputs.items()
        }
        context = Context(call.id, self.services)
        if spec.takes_context:
            arguments["ctx"] = context
        try:
            returned = spec.function(**arguments)
        except Cancelled:
            raise
        except Exception as cause:
            raise _explain(call, spec, cause) from cause
        return Result(_split(returned, len(spec.schema.outputs)), tuple(context.files))


def _split(returned: object, count: int) -> tuple[object, ...]:
    """One value for each output socket."""
    if count == 0:
        return ()
    return (returned,) if count == 1 else tuple(returned)  # pyright: ignore[reportArgumentType] -- as annotated


def _explain(call: NodeCall, spec: AnyNode, cause: Exception) -> NodeFailed:
    """A failure that says where; what was not foreseen is told in full to the log alone."""
    if not isinstance(cause, EngineError):
        logger.error("node %s (%s) failed", call.id, call.class_type, exc_info=cause)
        return NodeFailed(call.id, call.class_type, f"failed unexpectedly ({type(cause).__name__})", cause)
    at_fault: str | None = None
    if isinstance(cause, BadInput):
        at_fault = next((found.name for found in spec.schema.inputs if found.files), None)
    return NodeFailed(call.id, call.class_type, str(cause), cause, input_name=at_fault)
