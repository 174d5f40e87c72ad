"""What the engine costs per node besides the node's own work, in a graph of 1 000 nodes that do nothing.

python -m benchmarks.executor prints a table and, as its last line, JSON. The peer is the least that could run
such a graph: graphlib for the order and a dictionary keyed by the arguments as memory. It has no identities
that outlive values, no events, no bound on memory and no cancellation, so it shows the price of those.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Annotated, ClassVar

from engine.graph.cache import ResultCache
from engine.graph.catalog import Catalog
from engine.graph.coerce import coerce_graph
from engine.graph.context import InputFile, Services
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.executor import Executor
from engine.graph.formats.api_prompt import parse_prompt
from engine.graph.kinds import IntWidget, SocketValue
from engine.graph.plan import order_nodes
from engine.graph.spec import AnyNode, node
from engine.graph.validate import validate

NODES = 1_000
ROUNDS = 15
TARGETS_US = {"ours, uncached": 50.0, "ours, cached": 10.0}
# By nodes; each but the first has two links.
CHECKING_TARGETS_S = {10_000: 1.0, 50_000: 2.0}


@dataclass(frozen=True)
class Number(SocketValue):
    """A number on a socket."""

    socket: ClassVar[str] = "NUMBER"
    value: int


@node("Start", category="benchmark")
def start(*, value: Annotated[int, IntWidget(0, 2**62)]) -> Number:
    """A number."""
    return Number(value)


@node("Add", category="benchmark")
def add(*, a: Number, b: Number, value: Annotated[int, IntWidget(0, 2**62)]) -> Number:
    """A sum."""
    return Number((a.value + b.value + value) % 1_000_003)


@node("Show", category="benchmark", is_output=True)
def show(*, a: Number) -> None:
    """The end."""


SPECS: tuple[AnyNode, ...] = (start, add, show)
CATALOG = Catalog.of(spec.schema for spec in SPECS)


class NoFiles:
    """The graph names no files."""

    def names(self, folder: str) -> list[str]:
        """None."""
        return []


def make_prompt(seed: int) -> dict[str, object]:
    """Each node adds the node before it and one further up."""
    prompt: dict[str, object] = {"0": {"class_type": "Start", "inputs": {"value": seed}}}
    for index in range(1, NODES - 1):
        inputs = {"a": [str(index - 1), 0], "b": [str(index // 2), 0], "value": index}
        prompt[str(index)] = {"class_type": "Add", "inputs": inputs}
    prompt["end"] = {"class_type": "Show", "inputs": {"a": [str(NODES - 2), 0]}}
    return prompt


def find_no_input(name: str) -> InputFile:
    """The graph reads no inputs."""
    raise KeyError(name)


SERVICES = Services(
    pool=None,
    models=None,
    find_input=find_no_input,
    is_cancelled=lambda: False,
    on_event=lambda _event: None,
)


def measure_us(prepare: Callable[[int], Callable[[], object]]) -> float:
    """Median microseconds per node of what `prepare(round)` gives."""
    times: list[float] = []
    for number in range(ROUNDS):
        work = prepare(number)
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) / NODES * 1e6


def run_ours(executor: Executor, graph: Graph) -> None:
    """The executor alone, on a graph that has been checked."""
    executor.run(graph, scope="s", services=SERVICES, identify_file=lambda _folder, name: name)


def graph_of(seed: int) -> Graph:
    """The prompt of that seed, parsed and coerced."""
    return coerce_graph(parse_prompt(make_prompt(seed)), CATALOG)


def make_executor() -> Executor:
    """An executor that keeps everything."""
    return Executor({spec.name: spec for spec in SPECS}, ResultCache(1 << 30), "cpu:float32")


def prepare_uncached(number: int) -> Callable[[], object]:
    """A graph whose every node is new."""
    graph, executor = graph_of(number), make_executor()
    return lambda: run_ours(executor, graph)


def prepare_cached(number: int) -> Callable[[], object]:
    """A graph that has run before."""
    graph, executor = graph_of(number), make_executor()
    run_ours(executor, graph)
    return lambda: run_ours(executor, graph)


def prepare_reading(number: int) -> Callable[[], object]:
    """From the JSON text to a checked graph."""
    text = json.dumps(make_prompt(number))

    def read() -> None:
        graph = parse_prompt(json.loads(text))
        if problems := validate(graph, CATALOG, NoFiles()):
            raise SystemExit(problems[0].message)
        coerce_graph(graph, CATALOG)

    return read


def measure_checking_s(nodes: int) -> float:
    """Seconds to validate and plan a chain of that many nodes, each linked twice upstream."""
    calls = {"0": NodeCall("0", "Start", {"value": 1})}
    for index in range(1, nodes):
        inputs = {"a": Link(str(index - 1), 0), "b": Link(str(index // 2), 0), "value": index}
        calls[str(index)] = NodeCall(str(index), "Add", inputs)
    graph = Graph({**calls, "end": NodeCall("end", "Show", {"a": Link(str(nodes - 1), 0)})})
    began = time.perf_counter()
    if problems := validate(graph, CATALOG, NoFiles()):
        raise SystemExit(problems[0].message)
    order_nodes(graph, ["end"])
    return time.perf_counter() - began


FUNCTIONS: dict[str, Callable[..., object]] = {spec.name: spec.function for spec in SPECS}


def run_naive(prompt: dict[str, dict[str, object]], memory: dict[object, object]) -> None:
    """graphlib's order, and results remembered by class and argument values."""
    links = {
        name: [value[0] for value in call["inputs"].values() if isinstance(value, list)]
        for name, call in prompt.items()
    }
    values: dict[str, object] = {}
    for name in TopologicalSorter(links).static_order():
        call = prompt[name]
        arguments = {
            key: values[value[0]] if isinstance(value, list) else value
            for key, value in call["inputs"].items()
        }
        key = (call["class_type"], tuple(sorted(arguments.items(), key=lambda item: item[0])))
        if key not in memory:
            memory[key] = FUNCTIONS[call["class_type"]](**arguments)
        values[name] = memory[key]


def prepare_naive(number: int) -> Callable[[], object]:
    """The peer, without memory of earlier runs."""
    prompt = make_prompt(number)
    return lambda: run_naive(prompt, {})


def prepare_naive_cached(number: int) -> Callable[[], object]:
    """The peer, when it has run the same graph before."""
    prompt, memory = make_prompt(number), {}
    run_naive(prompt, memory)
    return lambda: run_naive(prompt, memory)


def main() -> None:
    """Measure, print the table and the line of JSON."""
    rows = {
        "ours, uncached": measure_us(prepare_uncached),
        "ours, cached": measure_us(prepare_cached),
        "ours, read + validate + coerce": measure_us(prepare_reading),
        "graphlib + dict, uncached": measure_us(prepare_naive),
        "graphlib + dict, cached": measure_us(prepare_naive_cached),
    }
    print(f"{NODES} nodes, median of {ROUNDS} runs\n")
    for name, microseconds in rows.items():
        target = f"   (target: below {TARGETS_US[name]:.0f})" if name in TARGETS_US else ""
        print(f"{name:32} {microseconds:8.1f} us per node{target}")
    checking = {nodes: measure_checking_s(nodes) for nodes in CHECKING_TARGETS_S}
    for nodes, seconds in checking.items():
        target = CHECKING_TARGETS_S[nodes]
        print(f"validate + plan {nodes:6} nodes      {seconds:8.2f} s   (target: below {target:.0f})")
    met = all(rows[name] < target for name, target in TARGETS_US.items())
    met = met and all(checking[nodes] < target for nodes, target in CHECKING_TARGETS_S.items())
    result = {
        "nodes": NODES,
        "us_per_node": rows,
        "targets_us": TARGETS_US,
        "checking_s": checking,
        "met": met,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
