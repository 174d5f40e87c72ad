"""Runs a valid graph: only what changed since its results were kept, and what its outputs prove to need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.errors import Problem
from engine.graph.cache import ResultCache
from engine.graph.cache_key import IdentifyFile, make_keys
from engine.graph.context import Services
from engine.graph.document import Graph
from engine.graph.events import Output
from engine.graph.plan import order_nodes
from engine.graph.schedule import Run
from engine.graph.spec import AnyNode


@dataclass(frozen=True)
class RunResult:
    """What came out of a run. `cached` counts the graph's nodes that did not have to be called.

    Nodes that only inputs lead to which no node asked for are neither executed nor cached. `problems`: what
    kept other outputs from running.
    """

    outputs: tuple[Output, ...]
    executed: int
    cached: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Executor:
    """Node functions by name, kept results, and the `environment` (device kind, dtype) of identities."""

    nodes: Mapping[str, AnyNode]
    cache: ResultCache
    environment: str

    def run(
        self,
        graph: Graph,
        *,
        scope: str,
        services: Services,
        identify_file: IdentifyFile,
        targets: Collection[str] | None = None,
    ) -> RunResult:
        """Run `targets`, by default all output nodes, of a graph that is valid upstream of them and coerced.

        Raises NodeFailed at the first node that fails, Cancelled as soon as the run is cancelled.
        """
        if targets is None:
            targets = [node for node, call in graph.nodes.items() if self.nodes[call.class_type].is_output]

        def identify(part: Graph, order: list[str]) -> dict[str, str]:
            return make_keys(
                part, order, self.nodes, environment=self.environment, identify_file=identify_file
            )

        order = order_nodes(graph, targets)
        run = Run(self.nodes, self.cache, scope, services, identify)
        outputs = run.run(graph, order, list(targets))
        return RunResult(tuple(outputs), len(run.executed), len(run.cached))
