"""Lists, lazy inputs, blockers, subgraphs, waiting nodes and fingerprints, as the executor runs them."""

import asyncio
from collections import defaultdict
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput, Cancelled, NodeFailed
from engine.graph.cache import ResultCache
from engine.graph.catalog import Catalog
from engine.graph.context import Context
from engine.graph.document import Graph, Input, Link, NodeCall
from engine.graph.events import NodeBlocked, NodeCached, NodeFinished, NodeStarted, OutputFile, Progress
from engine.graph.executor import Executor, RunResult
from engine.graph.flow import Block, Expansion, SubCall
from engine.graph.kinds import IntWidget
from engine.graph.spec import AnyNode, node
from engine.graph.validate import validate
from tests.engine.graph.flow_nodes import BLOCKED, FLOW_NODES, Item, Small, evaluate
from tests.engine.graph.toy_nodes import TOYS, Files, Number, Recorder, graph_of

BUDGET_BYTES = 10_000_000


def executor_of(*extra: AnyNode, budget_bytes: int = BUDGET_BYTES) -> Executor:
    nodes = {toy.name: toy for toy in (*TOYS, *FLOW_NODES, *extra)}
    return Executor(nodes, ResultCache(budget_bytes), "cpu:float32")


def run(
    graph: Graph, executor: Executor | None = None, recorder: Recorder | None = None
) -> tuple[RunResult, Recorder]:
    recorder = recorder or Recorder()
    result = (executor or executor_of()).run(
        graph, scope="s", services=recorder.services(), identify_file=lambda _folder, name: name
    )
    return result, recorder


def shown(result: RunResult) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for output in result.outputs:
        found[output.node].append(int(output.file.content))
    return dict(found)


def number(value: int) -> tuple[str, dict[str, Input]]:
    return "Constant", {"value": value}


def show(source: str) -> tuple[str, dict[str, Input]]:
    return "Show", {"a": Link(source, 0), "prefix": "p"}


def test_a_node_is_called_for_each_item_of_a_list() -> None:
    graph = graph_of(
        x=number(5),
        many=("Items", {"a": Link("x", 0), "count": 3}),
        sum=("Add", {"a": Link("many", 0), "b": Link("x", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph)[0]) == {"out": [10, 11, 12]}


def test_the_shorter_list_repeats_its_last_item() -> None:
    graph = graph_of(
        x=number(0),
        two=("Items", {"a": Link("x", 0), "count": 2}),
        four=("Items", {"a": Link("x", 0), "count": 4}),
        sum=("Add", {"a": Link("two", 0), "b": Link("four", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph)[0]) == {"out": [0, 2, 3, 4]}


def test_lists_out_of_several_calls_are_joined() -> None:
    graph = graph_of(
        x=number(10),
        two=("Items", {"a": Link("x", 0), "count": 2}),
        all=("Items", {"a": Link("two", 0), "count": 2}),
        out=show("all"),
    )
    assert shown(run(graph)[0]) == {"out": [10, 11, 11, 12]}


def test_a_whole_list_is_given_in_one_call_and_constants_as_lists_of_one() -> None:
    graph = graph_of(
        x=number(10),
        many=("Items", {"a": Link("x", 0), "count": 4}),
        sum=("Total", {"values": Link("many", 0), "start": 100}),
        out=show("sum"),
    )
    assert shown(run(graph)[0]) == {"out": [146]}


def test_an_empty_list_calls_nobody() -> None:
    graph = graph_of(
        x=number(1),
        none=("Items", {"a": Link("x", 0), "count": 0}),
        sum=("Add", {"a": Link("none", 0), "b": Link("x", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph)[0]) == {}


def test_lists_are_cached_whole() -> None:
    graph = graph_of(x=number(1), many=("Items", {"a": Link("x", 0), "count": 3}), out=show("many"))
    executor = executor_of()
    first, again = run(graph, executor)[0], run(graph, executor)[0]
    assert shown(first) == shown(again) == {"out": [1, 2, 3]}
    assert (again.executed, again.cached) == (0, 3)


def switch_graph(condition: int, other: str = "Fail") -> Graph:
    return graph_of(
        c=number(condition),
        one=number(11),
        two=(other, {"a": Link("c", 0)}),
        pick=("Switch", {"condition": Link("c", 0), "odd": Link("one", 0), "even": Link("two", 0)}),
        out=show("pick"),
    )


def test_a_branch_that_is_not_chosen_does_not_run() -> None:
    result, recorder = run(switch_graph(3))
    assert shown(result) == {"out": [11]}
    assert "two" not in recorder.nodes(NodeStarted) + recorder.nodes(NodeCached)


def test_a_branch_that_is_chosen_runs() -> None:
    result, recorder = run(switch_graph(4, "Steps"))
    assert shown(result) == {"out": [4]}
    assert recorder.nodes(NodeStarted) == ["c", "two", "pick", "out"]


def test_a_node_in_waiting_starts_once() -> None:
    _, recorder = run(switch_graph(4, "Steps"))
    assert recorder.nodes(NodeStarted).count("pick") == recorder.nodes(NodeFinished).count("pick") == 1


def test_a_switch_is_cached_without_its_other_branch() -> None:
    executor = executor_of()
    run(switch_graph(3), executor)
    assert run(switch_graph(3), executor)[0].executed == 0


def test_a_chosen_branch_that_is_known_is_reported_as_cached() -> None:
    executor = executor_of()
    run(graph_of(one=number(11), out=show("one")), executor)
    assert "one" in run(switch_graph(3), executor)[1].nodes(NodeCached)


def test_both_branches_run_where_a_list_of_conditions_asks_for_both() -> None:
    graph = graph_of(
        x=number(0),
        conditions=("Items", {"a": Link("x", 0), "count": 2}),
        one=number(11),
        two=number(22),
        pick=("Switch", {"condition": Link("conditions", 0), "odd": Link("one", 0), "even": Link("two", 0)}),
        out=show("pick"),
    )
    assert shown(run(graph)[0]) == {"out": [22, 11]}


def test_a_node_that_asks_for_an_input_that_is_missing_fails() -> None:
    graph = graph_of(c=number(3), pick=("Switch", {"condition": Link("c", 0)}), out=show("pick"))
    with pytest.raises(NodeFailed, match=r"node pick \(Switch\): it needs its input odd, which is missing"):
        run(graph)


def blocked_graph(blocker: str) -> Graph:
    return graph_of(
        x=number(3),
        stop=(blocker, {"a": Link("x", 0)}),
        behind=("Steps", {"a": Link("stop", 0)}),
        sum=("Add", {"a": Link("behind", 0), "b": Link("x", 0)}),
        out=show("sum"),
        free=show("x"),
    )


@pytest.mark.parametrize("blocker", ["Guard", "Refusal"])
def test_nothing_behind_a_blocker_is_called_and_the_rest_runs(blocker: str) -> None:
    result, recorder = run(blocked_graph(blocker))
    assert shown(result) == {"free": [3]}
    assert recorder.nodes(Progress) == []


def test_a_silent_blocker_says_nothing() -> None:
    assert run(blocked_graph("Guard"))[1].nodes(NodeBlocked) == []


def test_a_blockers_message_is_told_once_of_the_first_node_behind_it() -> None:
    _, recorder = run(blocked_graph("Refusal"))
    told = [event for event in recorder.events if isinstance(event, NodeBlocked)]
    assert told == [NodeBlocked("behind", "3 is not wanted")]


def test_a_blockers_message_is_told_again_by_the_next_run() -> None:
    executor = executor_of()
    run(blocked_graph("Refusal"), executor)
    assert run(blocked_graph("Refusal"), executor)[1].nodes(NodeBlocked) == ["behind"]


def test_only_the_blocked_items_of_a_list_are_left_out() -> None:
    graph = graph_of(
        x=number(1),
        many=("Items", {"a": Link("x", 0), "count": 4}),
        even=("Guard", {"a": Link("many", 0)}),
        out=show("even"),
    )
    assert shown(run(graph)[0]) == {"out": [2, 4]}


def test_one_blocked_item_blocks_a_node_that_takes_the_whole_list() -> None:
    graph = graph_of(
        x=number(1),
        many=("Items", {"a": Link("x", 0), "count": 4}),
        even=("Guard", {"a": Link("many", 0)}),
        sum=("Total", {"values": Link("even", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph)[0]) == {}


def test_a_blocker_alone_stands_for_all_outputs() -> None:
    @node("Both", category="toys", output_names=("x", "y"))
    def both(*, a: Number) -> tuple[Number, Number] | Block:
        return Block()

    graph = graph_of(
        x=number(1), both=("Both", {"a": Link("x", 0)}), p=show("both"), q=("Show", {"a": Link("both", 1)})
    )
    assert shown(run(graph, executor_of(both))[0]) == {}


def repeat_graph(times: int) -> Graph:
    return graph_of(
        x=number(5),
        y=number(2),
        loop=("Repeat", {"a": Link("x", 0), "step": Link("y", 0), "times": times}),
        out=show("loop"),
    )


def test_a_subgraph_takes_the_nodes_place() -> None:
    assert shown(run(repeat_graph(3))[0]) == {"out": [11]}


def test_a_loop_of_2_000_rounds_runs() -> None:
    assert shown(run(repeat_graph(2_000))[0]) == {"out": [4_005]}


def test_a_subgraph_is_known_to_watchers_as_the_node_that_they_see() -> None:
    _, recorder = run(repeat_graph(3))
    assert recorder.nodes(NodeStarted) == recorder.nodes(NodeFinished) == ["x", "y", "loop", "out"]


def test_what_a_node_expanded_into_is_cached_with_it() -> None:
    executor = executor_of()
    run(repeat_graph(3), executor)
    assert run(repeat_graph(3), executor)[0].executed == 0


def test_each_item_of_a_list_has_its_own_subgraph() -> None:
    graph = graph_of(
        x=number(5),
        y=number(2),
        many=("Items", {"a": Link("x", 0), "count": 3}),
        loop=("Repeat", {"a": Link("many", 0), "step": Link("y", 0), "times": 2}),
        out=show("loop"),
    )
    assert shown(run(graph)[0]) == {"out": [9, 10, 11]}


@node("Inside", category="toys")
def inside(*, a: Number, kind: Annotated[int, IntWidget(0, 9)] = 0) -> Number | Expansion:
    """Subgraphs of several kinds, most of them wrong."""
    made = {
        0: ({"s": SubCall("Steps", {"a": a}), "o": SubCall("Show", {"a": Link("s", 0)})}, (Link("s", 0),)),
        1: ({"s": SubCall("Nonsense", {"a": a})}, (Link("s", 0),)),
        2: ({"s": SubCall("Steps", {"a": Link("gone", 0)})}, (Link("s", 0),)),
        3: ({"s": SubCall("Steps", {"a": Link("s", 0)})}, (Link("s", 0),)),
        4: ({"s": SubCall("Steps", {"a": a})}, ()),
        5: ({"s": SubCall("Steps", {"a": a})}, (Link("s", 1),)),
        6: ({"s": SubCall("Steps", {"b": a})}, (Link("s", 0),)),
        7: ({"s": SubCall("Fail", {"a": a})}, (Link("s", 0),)),
        8: ({"c": SubCall("Constant", {"value": 3}), "s": SubCall("Inside", {"a": Link("c", 0), "kind": 9})},
            (Link("s", 0),)),
        9: ({"c": SubCall("Constant", {"value": 3}), "s": SubCall("Inside", {"a": Link("c", 0), "kind": 9})},
            (Link("s", 0),)),
    }  # fmt: skip
    nodes, outputs = made[kind]
    return Expansion(nodes, outputs)


def inside_graph(kind: int) -> Graph:
    return graph_of(x=number(5), e=("Inside", {"a": Link("x", 0), "kind": kind}), out=show("e"))


def test_progress_and_files_of_a_subgraph_are_the_nodes_that_people_see() -> None:
    result, recorder = run(inside_graph(0), executor_of(inside))
    assert shown(result) == {"e": [5], "out": [5]}
    assert set(recorder.nodes(Progress)) == {"e"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (1, "no node is called 'Nonsense'"),
        (2, "there is no node 'e.1.gone' in it"),
        (3, "its nodes wait for each other"),
        (4, "it gives 0 values, and the node has 1 outputs"),
        (5, "Steps has 1 outputs, and none is number 1"),
        (6, "Steps has no input 'b'"),
        (7, r"in its Fail: failed unexpectedly \(ZeroDivisionError\)"),
        (8, "Inside expands into itself, with the same inputs"),
    ],
)
def test_a_subgraph_that_cannot_run_is_blamed_on_the_node_that_people_see(kind: int, message: str) -> None:
    with pytest.raises(NodeFailed, match=message) as failure:
        run(inside_graph(kind), executor_of(inside))
    assert (failure.value.node, failure.value.class_type) == ("e", "Inside")


def test_waiting_nodes_overlap() -> None:
    met = [asyncio.Event(), asyncio.Event()]

    @node("Meet", category="toys")
    async def meet(*, a: Number) -> Number:
        met[a.value].set()
        await asyncio.wait_for(met[1 - a.value].wait(), timeout=30)
        return a

    graph = graph_of(
        zero=number(0),
        one=number(1),
        p=("Meet", {"a": Link("zero", 0)}),
        q=("Meet", {"a": Link("one", 0)}),
        sum=("Add", {"a": Link("p", 0), "b": Link("q", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph, executor_of(meet))[0]) == {"out": [1]}


def test_other_nodes_run_while_one_waits() -> None:
    is_done = asyncio.Event()

    @node("Await", category="toys")
    async def wait(*, a: Number) -> Number:
        await asyncio.wait_for(is_done.wait(), timeout=30)
        return a

    @node("Release", category="toys")
    def release(*, a: Number) -> Number:
        is_done.set()
        return a

    graph = graph_of(
        x=number(1),
        w=("Await", {"a": Link("x", 0)}),
        r=("Release", {"a": Link("x", 0)}),
        sum=("Add", {"a": Link("w", 0), "b": Link("r", 0)}),
        out=show("sum"),
    )
    assert shown(run(graph, executor_of(wait, release))[0]) == {"out": [2]}


def test_calls_for_the_items_of_a_list_overlap_and_keep_their_order() -> None:
    @node("Slowly", category="toys")
    async def slowly(*, a: Number) -> Number:
        for _ in range(10 - a.value):
            await asyncio.sleep(0)
        return a

    graph = graph_of(
        x=number(1),
        many=("Items", {"a": Link("x", 0), "count": 4}),
        l=("Slowly", {"a": Link("many", 0)}),
        out=show("l"),
    )
    assert shown(run(graph, executor_of(slowly))[0]) == {"out": [1, 2, 3, 4]}


def test_a_failure_in_a_waiting_node_is_the_nodes() -> None:
    @node("Break", category="toys")
    async def broken(*, a: Number) -> Number:
        await asyncio.sleep(0)
        raise ZeroDivisionError("secret")

    graph = graph_of(x=number(1), b=("Break", {"a": Link("x", 0)}), out=show("b"))
    with pytest.raises(NodeFailed, match=r"node b \(Break\): failed unexpectedly \(ZeroDivisionError\)"):
        run(graph, executor_of(broken))


def test_a_run_that_only_waits_can_be_cancelled_and_what_waits_cleans_up() -> None:
    cleaned: list[str] = []

    @node("Forever", category="toys")
    async def forever(*, a: Number) -> Number:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("yes")
        return a

    recorder = Recorder()
    recorder.is_cancelled = lambda: "f" in recorder.nodes(NodeStarted) and len(recorder.events) > 3
    graph = graph_of(x=number(1), f=("Forever", {"a": Link("x", 0)}), g=show("x"), out=show("f"))
    with pytest.raises(Cancelled):
        run(graph, executor_of(forever), recorder)
    assert cleaned == ["yes"]


def fingerprinted(values: list[str | float]) -> AnyNode:
    @node("Clock", category="toys", fingerprint=lambda *, a, step: values.pop(0) if a is None else step)
    def clock(*, a: Number, step: Small = 1) -> Number:
        return a

    return clock


@pytest.mark.parametrize(
    ("values", "executed"),
    [(["noon", "noon"], 0), (["noon", "one"], 2), ([float("nan"), float("nan")], 2), ([], 2)],
)
def test_a_node_runs_again_when_its_fingerprint_changed(values: list[str | float], executed: int) -> None:
    executor = executor_of(fingerprinted(values))
    graph = graph_of(x=number(1), c=("Clock", {"a": Link("x", 0), "step": 2}), out=show("c"))
    run(graph, executor)
    assert run(graph, executor)[0].executed == executed


def test_a_failure_tells_what_the_node_was_given_and_only_short_plain_values() -> None:
    @node("Picky", category="toys")
    def picky(*, a: Number, step: Small = 1) -> Number:
        raise BadInput("no")

    graph = graph_of(x=number(1), p=("Picky", {"a": Link("x", 0), "step": 7}), out=show("p"))
    with pytest.raises(NodeFailed) as failure:
        run(graph, executor_of(picky))
    assert failure.value.inputs == {"a": "Number", "step": "7"}


def test_a_run_can_be_for_some_of_its_outputs() -> None:
    graph = graph_of(x=number(1), y=number(2), p=show("x"), q=show("y"))
    recorder = Recorder()
    result = executor_of().run(
        graph,
        scope="s",
        services=recorder.services(),
        identify_file=lambda _folder, name: name,
        targets=["q"],
    )
    assert shown(result) == {"q": [2]}
    assert recorder.nodes(NodeStarted) == ["y", "q"]


def test_lists_and_laziness_are_part_of_a_schema() -> None:
    schemas = {found.name: found.schema for found in FLOW_NODES}
    assert schemas["Items"].outputs[0].is_list
    values, start = schemas["Total"].inputs
    assert (values.is_list, values.type, start.is_list, start.default) == (True, "NUMBER", True, 0)
    condition, odd, _ = schemas["Switch"].inputs
    assert (condition.lazy, odd.lazy, odd.required, odd.type) == (False, True, True, "NUMBER")
    assert [found.type for found in schemas["Repeat"].outputs] == ["NUMBER"]


def test_graphs_with_lazy_inputs_and_lists_are_valid() -> None:
    catalog = Catalog.of(found.schema for found in (*TOYS, *FLOW_NODES))
    assert validate(switch_graph(1), catalog, Files()) == []
    assert catalog.object_info(Files())["Switch"]["input"]["required"]["odd"] == ["NUMBER", {"lazy": True}]  # type: ignore[index]


def test_files_of_mapped_calls_are_numbered_on() -> None:
    @node("Pair", category="toys", is_output=True)
    def pair(*, a: Number, ctx: Context) -> None:
        for value in (a.value, -a.value):
            ctx.save(OutputFile("output", "latent", "p", ".txt", "text/plain", str(value).encode()))

    graph = graph_of(
        x=number(1), m=("Items", {"a": Link("x", 0), "count": 2}), out=("Pair", {"a": Link("m", 0)})
    )
    result, _ = run(graph, executor_of(pair))
    assert [(output.index, output.file.content) for output in result.outputs] == [
        (0, b"1"),
        (1, b"-1"),
        (2, b"2"),
        (3, b"-2"),
    ]


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Nodes of all kinds; each one's sources lie before it."""
    nodes = {"0": NodeCall("0", "Constant", {"value": draw(st.integers(0, 3))})}
    for index in range(1, draw(st.integers(1, 15))):
        source = st.integers(0, index - 1).map(lambda found: Link(str(found), 0))
        small = st.integers(0, 3)
        shapes: dict[str, dict[str, st.SearchStrategy[Input]]] = {
            "Constant": {"value": small},
            "Add": {"a": source, "b": source},
            "Items": {"a": source, "count": small},
            "Total": {"values": source},
            "Switch": {"condition": source, "odd": source, "even": source},
            "Guard": {"a": source},
            "Refusal": {"a": source},
            "Repeat": {"a": source, "step": source, "times": small},
            "Later": {"a": source, "rounds": small},
            "Fail": {"a": source},
        }
        # Mostly lists that meet: failures and blockers are rarer, or little else would happen.
        often = {"Fail": 1, "Refusal": 1, "Guard": 2, "Items": 12, "Add": 12}
        weights = [name for name in shapes for _ in range(often.get(name, 4))]
        kind = draw(st.sampled_from(weights))
        nodes[str(index)] = NodeCall(
            str(index), kind, {name: draw(found) for name, found in shapes[kind].items()}
        )
    for found in draw(st.lists(st.sampled_from(sorted(nodes)), min_size=1, max_size=3)):
        nodes[f"out{found}"] = NodeCall(f"out{found}", "Show", {"a": Link(found, 0), "prefix": "p"})
    return Graph(nodes)


def expected(graph: Graph) -> dict[str, list[Item]] | None:
    """What the outputs show; None if the run fails."""
    try:
        found = {node: evaluate(graph, node) for node in graph.nodes if node.startswith("out")}
    except ZeroDivisionError:
        return None
    kept = {node: [item for item in items if item != BLOCKED] for node, items in found.items()}
    return {node: items for node, items in kept.items() if items}


def observed(graph: Graph, executor: Executor) -> dict[str, list[int]] | None:
    try:
        return shown(run(graph, executor)[0])
    except NodeFailed:
        return None


@given(st.lists(random_graphs(), min_size=1, max_size=3), st.sampled_from([0, 4000, BUDGET_BYTES]))
def test_random_graphs_give_what_naive_recursion_gives(graphs: list[Graph], budget_bytes: int) -> None:
    executor = executor_of(budget_bytes=budget_bytes)
    assert [observed(graph, executor) for graph in graphs] == [expected(graph) for graph in graphs]
