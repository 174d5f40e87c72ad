"""One Runner owns a device's models and the kept results, and runs graphs one after the other."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache

import torch

from engine.errors import GraphInvalid, NodeFailed, OutOfMemory
from engine.graph.cache import ResultCache
from engine.graph.cache_key import ALL_FILES
from engine.graph.catalog import Catalog
from engine.graph.coerce import coerce_graph
from engine.graph.context import InputFile, Services
from engine.graph.document import Graph
from engine.graph.events import Event
from engine.graph.executor import Executor, RunResult
from engine.graph.folders import ModelFolders
from engine.graph.plan import part_of
from engine.graph.settings import RunnerSettings
from engine.graph.spec import AnyNode
from engine.graph.validate import judge
from engine.nodes import NODES
from engine.residency.device import choose_placement, default_budget_bytes
from engine.residency.memory import is_out_of_memory, release_cached
from engine.residency.pool import Pool


class Runner:
    """Runs graphs on one device. Not for use from two threads at once."""

    def __init__(self, settings: RunnerSettings, nodes: tuple[AnyNode, ...] = NODES) -> None:
        """Raises BadInput for a device or dtype that is not there."""
        placement = choose_placement(settings.device, settings.dtype)
        budget_bytes = settings.pool_bytes or default_budget_bytes(placement)
        self._models = settings.models
        self._pool = Pool(placement, budget_bytes)
        self._catalog = Catalog.of(node.schema for node in nodes)
        self._executor = Executor(
            nodes={node.name: node for node in nodes},
            cache=ResultCache(settings.cache_bytes),
            environment=placement.identity,
        )

    def run(  # noqa: PLR0913 -- each is one fact about the run
        self,
        graph: Graph,
        *,
        scope: str,
        workflow: object | None,
        is_cancelled: Callable[[], bool],
        find_input: Callable[[str], InputFile],
        on_event: Callable[[Event], None],
        targets: Collection[str] | None = None,
    ) -> RunResult:
        """Run the output nodes of `graph`; results are kept for later runs of the same `scope`.

        `targets`: only these of them. Outputs that are not valid are left out and reported with the result.
        `find_input` gives the input file of that name or raises InputUnreadable. Raises GraphInvalid if no
        output can run, NodeFailed at the first node that fails, Cancelled within one step of `is_cancelled`
        turning true.
        """
        verdict = judge(graph, self._catalog, _RunFiles(self._models), targets)
        if not verdict.outputs:
            raise GraphInvalid(verdict.problems)
        services = Services(
            pool=self._pool,
            models=self._models,
            find_input=cache(find_input),
            is_cancelled=is_cancelled,
            on_event=on_event,
            prompt=graph.to_json(),
            workflow=workflow,
        )
        try:
            with torch.inference_mode():
                result = self._executor.run(
                    coerce_graph(part_of(graph, verdict.outputs), self._catalog),
                    scope=scope,
                    services=services,
                    identify_file=_FileIdentities(self._models, services.find_input).identify,
                    targets=verdict.outputs,
                )
        except NodeFailed as failure:
            if not is_out_of_memory(failure.cause):
                raise
            raise self._name_out_of_memory(failure) from failure.cause
        return replace(result, problems=verdict.problems)

    def _name_out_of_memory(self, failure: NodeFailed) -> NodeFailed:
        device = self._pool.placement.device
        release_cached(self._pool.placement)
        message = f"out of memory on {device}; a smaller picture or batch needs less"
        cause = OutOfMemory(message)
        return NodeFailed(failure.node, failure.class_type, message, cause, inputs=failure.inputs)


@dataclass(frozen=True)
class _FileIdentities:
    """What the content of a file that a prompt names is known by."""

    models: ModelFolders
    find_input: Callable[[str], InputFile]

    def identify(self, folder: str, name: str) -> str:
        """Digest of an input; place, size and time of a model: digesting gigabytes would take seconds."""
        if folder.startswith("input:"):
            return f"sha256:{self.find_input(name).sha256}"
        names = sorted(self.models.names(folder)) if name == ALL_FILES else [name]
        return " ".join(self._identify_model(folder, model) for model in names)

    def _identify_model(self, folder: str, name: str) -> str:
        statuses = ((path, path.stat()) for path in self.models.files(folder, name))
        return " ".join(f"file:{path}:{found.st_size}:{found.st_mtime_ns}" for path, found in statuses)


@dataclass(frozen=True)
class _RunFiles:
    """Files as a run sees them: models that are there, and any input, since `find_input` decides on those."""

    models: ModelFolders

    def names(self, folder: str) -> Collection[str]:
        return self.models.names(folder) if ":" not in folder else _AnyName()


class _AnyName(Collection[str]):
    """Holds every name and lists none."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
