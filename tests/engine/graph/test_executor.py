from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Cancelled, InputUnreadable, NodeFailed
from engine.graph.cache import ResultCache
from engine.graph.document import Graph, Link, NodeCall
from engine.graph.events import NodeCached, NodeFinished, NodeStarted, Output, Progress
from engine.graph.executor import Executor, RunResult
from engine.graph.spec import AnyNode, node
from tests.engine.graph.toy_nodes import TOYS, Number, Recorder, graph_of

BUDGET_BYTES = 10_000_000


def executor_of(budget_bytes: int = BUDGET_BYTES, extra: tuple[AnyNode, ...] = ()) -> Executor:
    nodes = {toy.name: toy for toy in (*TOYS, *extra)}
    return Executor(nodes, ResultCache(budget_bytes), "cpu:float32")


def run(
    graph: Graph, executor: Executor | None = None, recorder: Recorder | None = None, scope: str = "studio"
) -> tuple[RunResult, Recorder]:
    recorder = recorder or Recorder()
    result = (executor or executor_of()).run(
        graph,
        scope=scope,
        services=recorder.services(),
        identify_file=lambda _folder, name: recorder.inputs[name].decode(),
    )
    return result, recorder


def shown(result: RunResult) -> dict[str, int]:
    return {output.node: int(output.file.content) for output in result.outputs}


def sum_graph(a: int = 1, b: int = 2) -> Graph:
    return graph_of(
        x=("Constant", {"value": a}),
        y=("Constant", {"value": b}),
        sum=("Add", {"a": Link("x", 0), "b": Link("y", 0)}),
        out=("Show", {"a": Link("sum", 0), "prefix": "p"}),
    )


def chain(length: int, start: int = 1) -> Graph:
    one, last = NodeCall("0", "Constant", {"value": start}), {"a": Link(str(length - 1), 0), "prefix": "p"}
    rest = {
        str(n): NodeCall(str(n), "Add", {"a": Link(str(n - 1), 0), "b": Link("0", 0)})
        for n in range(1, length)
    }
    return Graph({"0": one, **rest, "out": NodeCall("out", "Show", last)})


def test_values_flow_along_links() -> None:
    assert shown(run(sum_graph())[0]) == {"out": 3}


def test_each_output_socket_has_its_own_value() -> None:
    graph = graph_of(
        x=("Constant", {"value": 734}),
        s=("Split", {"a": Link("x", 0)}),
        low=("Show", {"a": Link("s", 0), "prefix": "p"}),
        high=("Show", {"a": Link("s", 1), "prefix": "p"}),
    )
    assert shown(run(graph)[0]) == {"low": 34, "high": 7}


def test_a_run_reports_each_node_as_it_goes() -> None:
    _, recorder = run(sum_graph())
    assert recorder.nodes(NodeStarted) == ["x", "y", "sum", "out"]
    assert recorder.nodes(NodeFinished) == ["x", "y", "sum", "out"]
    assert recorder.nodes(Output) == ["out"]


def test_nodes_that_feed_no_output_do_not_run() -> None:
    graph = Graph({**sum_graph().nodes, "idle": NodeCall("idle", "Constant", {"value": 5})})
    assert "idle" not in run(graph)[1].nodes(NodeStarted)


def test_the_same_graph_again_runs_nothing() -> None:
    executor = executor_of()
    run(sum_graph(), executor)
    result, recorder = run(sum_graph(), executor)
    assert (result.executed, result.cached) == (0, 4)
    assert recorder.nodes(NodeCached) == ["x", "y", "sum", "out"]


def test_a_cached_output_is_reported_again_as_cached() -> None:
    executor = executor_of()
    first, _ = run(sum_graph(), executor)
    second, _ = run(sum_graph(), executor)
    assert [output.cached for output in first.outputs + second.outputs] == [False, True]
    assert first.outputs[0].file == second.outputs[0].file


def test_only_what_changed_runs_again() -> None:
    executor = executor_of()
    run(sum_graph(b=2), executor)
    result, recorder = run(sum_graph(b=5), executor)
    assert recorder.nodes(NodeStarted) == ["y", "sum", "out"]
    assert recorder.nodes(NodeCached) == ["x"]
    assert shown(result) == {"out": 6}


def test_renumbered_nodes_are_still_cached() -> None:
    executor = executor_of()
    run(sum_graph(), executor)
    renumbered = graph_of(
        p=("Constant", {"value": 1}),
        q=("Constant", {"value": 2}),
        r=("Add", {"a": Link("p", 0), "b": Link("q", 0)}),
        t=("Show", {"a": Link("r", 0), "prefix": "p"}),
    )
    assert run(renumbered, executor)[0].executed == 0


def test_another_scope_shares_nothing() -> None:
    executor = executor_of()
    run(sum_graph(), executor)
    assert run(sum_graph(), executor, scope="rivals")[0].executed == 4


def test_a_changed_file_runs_its_node_again() -> None:
    executor = executor_of()
    graph = graph_of(f=("ReadFile", {"name": "n"}), out=("Show", {"a": Link("f", 0), "prefix": "p"}))
    assert shown(run(graph, executor, Recorder(inputs={"n": b"5"}))[0]) == {"out": 5}
    assert shown(run(graph, executor, Recorder(inputs={"n": b"6"}))[0]) == {"out": 6}


def test_equal_nodes_run_once() -> None:
    result, recorder = run(sum_graph(a=2, b=2))
    assert recorder.nodes(NodeStarted) == ["x", "sum", "out"]
    assert shown(result) == {"out": 4}


def test_equal_output_nodes_both_report() -> None:
    outputs = {name: ("Show", {"a": Link("x", 0), "prefix": "p"}) for name in ("p", "q")}
    result, _ = run(graph_of(x=("Constant", {"value": 3}), **outputs))
    assert shown(result) == {"p": 3, "q": 3}
    assert [output.cached for output in result.outputs] == [False, True]


def test_sources_that_are_no_longer_kept_are_not_needed_for_a_kept_result() -> None:
    executor = executor_of()
    run(sum_graph(), executor)
    kept = executor.cache
    keys = list(kept._entries)
    for place in keys[:3]:
        kept._forget(place)
    assert run(sum_graph(), executor)[0].executed == 0


def test_a_run_does_not_count_on_the_cache() -> None:
    assert shown(run(chain(50), executor_of(budget_bytes=0))[0]) == {"out": 50}


def test_results_are_let_go_once_nobody_needs_them() -> None:
    alive: list[Callable[[], object]] = []

    @node("Watched", category="toys")
    def watched(*, a: Number) -> Number:
        import weakref

        value = Number(a.value + 1)
        alive.append(weakref.ref(value))
        return value

    @node("Count", category="toys", is_output=True)
    def count(*, a: Number) -> None:
        assert sum(found() is not None for found in alive) == 1

    links = {str(n): NodeCall(str(n), "Watched", {"a": Link(str(n - 1), 0)}) for n in range(1, 20)}
    graph = Graph(
        {
            "0": NodeCall("0", "Constant", {"value": 1}),
            **links,
            "out": NodeCall("out", "Count", {"a": Link("19", 0)}),
        }
    )
    assert run(graph, executor_of(budget_bytes=0, extra=(watched, count)))[0].executed == 21


def test_a_chain_of_10_000_nodes_runs() -> None:
    result, _ = run(chain(10_000))
    assert shown(result) == {"out": 10_000}


def failure_of(
    graph: Graph, recorder: Recorder | None = None, executor: Executor | None = None
) -> NodeFailed:
    with pytest.raises(NodeFailed) as failure:
        run(graph, executor, recorder)
    return failure.value


FAILING = graph_of(
    x=("Constant", {"value": 3}),
    bad=("Fail", {"a": Link("x", 0)}),
    out=("Show", {"a": Link("bad", 0), "prefix": "p"}),
)


def test_a_failure_names_node_and_class_and_keeps_the_cause() -> None:
    failure = failure_of(FAILING)
    assert (failure.node, failure.class_type, failure.code) == ("bad", "Fail", "node_failed")
    assert isinstance(failure.cause, ZeroDivisionError)
    assert failure.__cause__ is failure.cause


def test_an_unforeseen_failure_tells_the_user_no_details() -> None:
    assert "secret" not in str(failure_of(FAILING))


def test_an_unforeseen_failure_is_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    failure_of(FAILING)
    assert "secret detail" in caplog.text


def test_bad_input_names_the_input_that_holds_the_file() -> None:
    graph = graph_of(r=("Refuse", {"name": "n"}), out=("Show", {"a": Link("r", 0), "prefix": "p"}))
    failure = failure_of(graph, Recorder(inputs={"n": b"1"}))
    assert (failure.input, failure.code) == ("name", "input_unreadable")
    assert isinstance(failure.cause, InputUnreadable)
    assert failure.message == "'n' is no picture"


def test_what_was_done_before_a_failure_stays_cached() -> None:
    executor = executor_of()
    failure_of(FAILING, executor=executor)
    recorder = Recorder()
    failure_of(FAILING, recorder, executor)
    assert recorder.nodes(NodeStarted) == ["bad"]


def test_a_cancelled_run_calls_no_further_node() -> None:
    recorder = Recorder()
    recorder.is_cancelled = lambda: "x" in recorder.nodes(NodeFinished)
    with pytest.raises(Cancelled):
        run(sum_graph(), recorder=recorder)
    assert recorder.nodes(NodeStarted) == ["x"]


def test_a_cancelled_node_stops_within_one_step() -> None:
    recorder = Recorder()
    recorder.is_cancelled = lambda: len(recorder.nodes(Progress)) >= 3
    graph = graph_of(
        x=("Constant", {"value": 3}),
        s=("Steps", {"a": Link("x", 0)}),
        out=("Show", {"a": Link("s", 0), "prefix": "p"}),
    )
    with pytest.raises(Cancelled):
        run(graph, recorder=recorder)
    assert len(recorder.nodes(Progress)) == 3


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Sums of sums; each node's sources lie before it."""
    nodes = {"0": NodeCall("0", "Constant", {"value": draw(st.integers(0, 3))})}
    for index in range(1, draw(st.integers(1, 25))):
        source = st.integers(0, index - 1).map(lambda number: Link(str(number), 0))
        if draw(st.booleans()):
            call = NodeCall(str(index), "Add", {"a": draw(source), "b": draw(source)})
        else:
            call = NodeCall(str(index), "Constant", {"value": draw(st.integers(0, 3))})
        nodes[str(index)] = call
    for number in draw(st.lists(st.sampled_from(sorted(nodes)), min_size=1, max_size=4)):
        nodes[f"out{number}"] = NodeCall(f"out{number}", "Show", {"a": Link(number, 0), "prefix": "p"})
    return Graph(nodes)


def evaluate(graph: Graph, node: str) -> int:
    """What a node gives, worked out the plain way."""
    inputs = graph.nodes[node].inputs
    if "value" in inputs:
        return inputs["value"]  # type: ignore[return-value]
    return (
        sum(evaluate(graph, value.node) for value in inputs.values() if isinstance(value, Link)) % 1_000_003
    )


def expected(graph: Graph) -> dict[str, int]:
    return {node: evaluate(graph, node) for node in graph.nodes if node.startswith("out")}


@given(st.lists(random_graphs(), min_size=1, max_size=4), st.sampled_from([0, 2000, BUDGET_BYTES]))
def test_random_graphs_give_what_naive_recursion_gives(graphs: list[Graph], budget_bytes: int) -> None:
    executor = executor_of(budget_bytes)
    assert [shown(run(graph, executor)[0]) for graph in graphs] == [expected(graph) for graph in graphs]
