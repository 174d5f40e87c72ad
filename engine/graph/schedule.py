"""One run of a graph, by demand: a node is looked at when something needs it, and called once its sources are
there.

Nothing here recurses, so neither long chains nor loops that are built by expansion reach a limit.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import cast

from engine.errors import BadInput, Cancelled, NodeFailed
from engine.graph.cache import Result, ResultCache
from engine.graph.calls import explain, find_block, join_outputs, map_arguments, split_outputs
from engine.graph.context import Context, Services
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.events import NodeBlocked, NodeCached, NodeFinished, NodeStarted, Output
from engine.graph.flow import Block, Expansion
from engine.graph.job import Job, build_subgraph
from engine.graph.plan import order_nodes
from engine.graph.spec import AnyNode
from engine.graph.tasks import Tasks

# (graph, its nodes, sources first) -> their identities.
Identify = Callable[[Graph, list[str]], dict[str, str]]


class Run:
    """One run. Results are known by identity, so equal nodes are called once.

    `executed` and `cached` are the graph's nodes that were called, and those whose results were known.
    """

    def __init__(
        self,
        nodes: Mapping[str, AnyNode],
        cache: ResultCache,
        scope: str,
        services: Services,
        identify: Identify,
    ) -> None:
        self.executed: set[str] = set()
        self.cached: set[str] = set()
        self._nodes, self._cache, self._scope, self._services = nodes, cache, scope, services
        self._identify = identify
        self._calls: dict[str, NodeCall] = {}
        self._keys: dict[str, str] = {}
        # Of nodes that a node expanded into: the node that people see.
        self._shown: dict[str, NodeCall] = {}
        self._given: dict[str, Mapping[str, object]] = {}
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._jobs: dict[str, Job] = {}
        # How many still need a result; at 0 it is let go, so memory follows the graph's width.
        self._holds: Counter[str] = Counter()
        self._ready: list[tuple[tuple[int, int], Job]] = []
        self._demands, self._ranked, self._expansions = 0, 0, 0
        self._tasks = Tasks()
        self._calling: dict[asyncio.Task[object], tuple[Job, int]] = {}
        self._outputs: list[Output] = []
        self._saving: frozenset[str] = frozenset()
        self._is_under_way = False

    def run(self, graph: Graph, order: list[str], targets: list[str]) -> list[Output]:
        """All that the targets save. `order` has what they may need, sources first."""
        self._calls |= graph.nodes
        self._keys = self._identify(graph, order)
        self._saving = frozenset(targets)
        for node in order:
            self._names[self._keys[node]].append(node)
        self._holds.update(self._keys[target] for target in targets)
        self._demand(targets)
        self._report_known(order)
        self._is_under_way = True
        try:
            self._work()
        finally:
            self._tasks.close()
        return self._outputs

    def _work(self) -> None:
        while self._ready or self._tasks:
            if self._tasks:
                for task in self._tasks.advance(is_idle=not self._ready):
                    self._take(*self._calling.pop(task), task)
                self._check_cancelled()
            if self._ready:
                _, job = heappop(self._ready)
                self._advance(job)
        self._check_stuck()

    def _check_cancelled(self) -> None:
        if self._services.is_cancelled():
            raise Cancelled

    def _demand(self, wanted: Iterable[str]) -> None:
        """Go upstream from nodes as far as results are not known. What is demanded last runs first."""
        self._demands -= 1
        stack = [(node, False) for node in reversed(list(wanted))]
        while stack:
            node, are_sources_known = stack.pop()
            key = self._keys[node]
            if are_sources_known:
                self._await_sources(self._jobs[key])
            elif key not in self._jobs:
                job = self._open(node, key)
                if job.result is None:
                    stack.append((node, True))
                    lazy = job.spec.lazy
                    sources = [link.node for name, link in job.call.links() if name not in lazy]
                    stack.extend((source, False) for source in reversed(sources))

    def _open(self, node: str, key: str) -> Job:
        call = self._calls[node]
        spec = self._nodes[call.class_type]
        job = self._jobs[key] = Job(key, call, spec, self._shown.get(node, call), self._names.get(key, ()))
        job.result = self._cache.find(self._scope, key)
        if job.result is not None and self._is_under_way:
            for name in job.names:
                self._report(job, name, is_cached=True)
        return job

    def _await_sources(self, job: Job) -> None:
        self._ranked += 1
        # An async node starts as early as it can, to overlap with as many others as possible.
        job.rank = (self._demands if not job.spec.is_async else -(1 << 62), self._ranked)
        lazy = job.spec.lazy
        self._wait_for(job, [link.node for name, link in job.call.links() if name not in lazy])

    def _wait_for(self, job: Job, sources: Iterable[str]) -> None:
        """Offer the job once its sources, which have been demanded, are there."""
        for source in sources:
            key = self._keys[source]
            self._holds[key] += 1
            job.holds.append(key)
            found = self._jobs[key]
            if found.result is None:
                job.waiting += 1
                found.consumers.append(job)
        self._offer(job)

    def _offer(self, job: Job) -> None:
        if job.waiting == 0:
            heappush(self._ready, (job.rank, job))

    def _advance(self, job: Job) -> None:
        """Bring a job whose sources are there one step further."""
        if not job.is_called:
            job.lists = self._gather(job)
            if wanted := self._find_wanted(job):
                job.evaluated |= wanted.keys()
                self._demand(wanted.values())
                self._wait_for(job, wanted.values())
                return
            self._call(job)
        if not job.waiting and not self._expand(job):
            self._finish(job)

    def _gather(self, job: Job) -> dict[str, Sequence[object]]:
        """What arrives at each input."""
        given = self._given.get(job.call.id, {})
        lists: dict[str, Sequence[object]] = {}
        for name, value in job.call.inputs.items():
            if not isinstance(value, Link):
                lists[name] = (given.get(name, value),)
            elif name in job.spec.lazy and name not in job.evaluated:
                lists[name] = (None,)
            else:
                lists[name] = self._values(value)
        return lists

    def _values(self, link: Link) -> Sequence[object]:
        # Nothing is read before it is done: that is what `waiting` counts.
        result = cast("Result", self._jobs[self._keys[link.node]].result)
        return result.values[link.slot]

    def _find_wanted(self, job: Job) -> dict[str, str]:
        """Lazy inputs that the node asks for and that are not there yet, with their sources."""
        spec, call = job.spec, job.call
        if spec.needs is None:
            return {}
        wanted: set[str] = set()
        try:
            for arguments in map_arguments(job.lists, spec.whole):
                if find_block(arguments, spec.whole) is None:
                    wanted.update(spec.ask(arguments))
            if unknown := wanted - call.inputs.keys():
                raise BadInput(f"it needs its input {min(unknown)}, which is missing")
        except Exception as cause:
            raise explain(job.shown, call, spec, cause, job.lists) from cause
        sources = dict(call.links())
        return {
            name: sources[name].node
            for name in call.inputs
            if name in wanted and name in sources and name in spec.lazy and name not in job.evaluated
        }

    def _call(self, job: Job) -> None:
        """Make all calls of the node; async ones are left to go on by themselves."""
        self._check_cancelled()
        job.started = time.perf_counter()
        for name in job.names[:1]:
            self._services.on_event(NodeStarted(name))
        self.executed.update(job.names[:1])
        spec, job.is_called = job.spec, True
        context = Context(job.shown.id, self._services, job.files)
        for index, arguments in enumerate(map_arguments(job.lists, spec.whole)):
            if (block := find_block(arguments, spec.whole)) is not None:
                job.returned.append(self._pass_on(job, block))
                continue
            if index:
                self._check_cancelled()
            if spec.takes_context:
                arguments["ctx"] = context
            try:
                returned = spec.function(**arguments)
            except Cancelled:
                raise
            except Exception as cause:
                raise explain(job.shown, job.call, spec, cause, job.lists) from cause
            if spec.is_async:
                task = self._tasks.start(cast("Coroutine[object, object, object]", returned))
                self._calling[task] = job, index
                job.waiting += 1
            job.returned.append(returned)

    def _pass_on(self, job: Job, block: Block) -> Block:
        """What a blocked call gives; the first node that gets a message tells it."""
        if block.message is not None and not job.is_told:
            self._services.on_event(NodeBlocked(job.shown.id, block.message))
        passed = block.passed_on()
        job.is_told = job.is_told or passed.is_told
        return passed

    def _take(self, job: Job, index: int, task: "asyncio.Task[object]") -> None:
        """What an async call has come to."""
        job.waiting -= 1
        try:
            job.returned[index] = task.result()
        except Cancelled:
            raise
        except Exception as cause:
            raise explain(job.shown, job.call, job.spec, cause, job.lists) from cause
        self._offer(job)

    def _expand(self, job: Job) -> bool:
        """Put subgraphs in the node's place, if it returned any and they do not stand there yet."""
        found = [(index, made) for index, made in enumerate(job.returned) if isinstance(made, Expansion)]
        if not found or job.subgraphs:
            return False
        targets: list[str] = []
        for index, expansion in found:
            self._expansions += 1
            subgraph = build_subgraph(job, index, expansion, self._nodes, self._expansions)
            job.subgraphs[index] = subgraph
            self._calls |= subgraph.graph.nodes
            self._given |= subgraph.given
            self._shown |= dict.fromkeys(subgraph.graph.nodes, job.shown)
            targets += (wanted := subgraph.targets())
            try:
                self._keys |= self._identify(subgraph.graph, order_nodes(subgraph.graph, wanted))
            except NodeFailed as failure:
                raise explain(job.shown, self._calls[failure.node], job.spec, failure, job.lists) from failure
        self._demand(targets)
        self._wait_for(job, targets)
        return True

    def _finish(self, job: Job) -> None:
        """Put the calls' outputs together, hand them on, and let go of what only this node still needed."""
        for subgraph in job.subgraphs.values():
            savers = [self._jobs[self._keys[node]] for node in subgraph.savers]
            job.files += [file for saver in savers if saver.result for file in saver.result.files]
            sources = [self._jobs[self._keys[node]] for node in subgraph.targets()]
            job.is_told = job.is_told or any(source.is_told for source in sources)
        try:
            parts = [self._resolve(job, index, made) for index, made in enumerate(job.returned)]
            values = join_outputs(parts, job.spec)
        except Exception as cause:
            raise explain(job.shown, job.call, job.spec, cause, job.lists) from cause
        job.result = Result(values, tuple(job.files))
        # A reason that was told is to be told again by the next run.
        if not job.is_told:
            self._cache.keep(self._scope, job.key, job.result)
        for consumer in job.consumers:
            consumer.waiting -= 1
            self._offer(consumer)
        for key in job.holds:
            self._let_go(key)
        for subgraph in job.subgraphs.values():
            self._forget(subgraph.graph)
        job.consumers, job.holds, job.lists, job.returned = [], [], {}, []
        for index, name in enumerate(job.names):
            self._report(job, name, is_cached=index > 0)

    def _resolve(self, job: Job, index: int, returned: object) -> tuple[Sequence[object], ...]:
        """What one call adds to each output; links into its subgraph give all values that they carry."""
        if not isinstance(returned, Expansion):
            return split_outputs(returned, job.spec)
        outputs = job.subgraphs[index].outputs
        return tuple(self._values(found) if isinstance(found, Link) else (found,) for found in outputs)

    def _forget(self, graph: Graph) -> None:
        for node in graph.nodes:
            del self._calls[node], self._shown[node]
            self._keys.pop(node, None)
            self._given.pop(node, None)

    def _let_go(self, key: str) -> None:
        self._holds[key] -= 1
        if not self._holds[key]:
            del self._holds[key], self._jobs[key]

    def _report(self, job: Job, name: str, *, is_cached: bool) -> None:
        """Tell that a node of the graph is done, and what it saved."""
        if is_cached:
            self.cached.add(name)
            self._services.on_event(NodeCached(name))
        else:
            self._services.on_event(NodeFinished(name, time.perf_counter() - job.started))
        if job.result and (name in self._saving or job.subgraphs):
            for index, file in enumerate(job.result.files):
                output = Output(name, index, file, is_cached)
                self._services.on_event(output)
                self._outputs.append(output)
        if name in self._saving:
            self._let_go(job.key)

    def _report_known(self, order: Sequence[str]) -> None:
        """Tell which nodes need not run: their results are known, or all results that are made from them."""
        undecided = self._find_undecided(order)
        for node in order:
            key = self._keys[node]
            job = self._jobs.get(key)
            if job is None and key not in undecided:
                self.cached.add(node)
                self._services.on_event(NodeCached(node))
            elif job is not None and job.result is not None:
                self._report(job, node, is_cached=True)

    def _find_undecided(self, order: Sequence[str]) -> set[str]:
        """Identities that a lazy input may yet lead to."""
        undecided: set[str] = set()
        if all(job.result is not None for job in self._jobs.values()):
            return undecided
        for node in reversed(order):
            call, key = self._calls[node], self._keys[node]
            job = self._jobs.get(key)
            lazy = self._nodes[call.class_type].lazy
            if job is None and key in undecided:
                undecided.update(self._keys[link.node] for _, link in call.links())
            elif lazy and job is not None and job.result is None:
                undecided.update(self._keys[link.node] for name, link in call.links() if name in lazy)
        return undecided

    def _check_stuck(self) -> None:
        """A subgraph that holds the very node that it stands for would never end."""
        stuck = next((job for job in self._jobs.values() if job.result is None and job.subgraphs), None)
        if stuck is not None:
            cause = BadInput(f"{stuck.call.class_type} expands into itself, with the same inputs")
            raise explain(stuck.shown, stuck.call, stuck.spec, cause, stuck.lists)
