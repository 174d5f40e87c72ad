from hypothesis import given
from hypothesis import strategies as st

from engine.graph.document import Graph, Link, NodeCall
from engine.graph.plan import find_consumers, find_cycles, order_nodes, part_of
from tests.engine.graph.toy_nodes import graph_of


def chain(length: int) -> Graph:
    return Graph(
        {
            str(node): NodeCall(str(node), "Steps", {"a": Link(str(node - 1), 0)} if node else {})
            for node in range(length)
        }
    )


def ring(*nodes: str) -> Graph:
    return Graph(
        {
            node: NodeCall(node, "Steps", {"a": Link(source, 0)})
            for node, source in zip(nodes, [nodes[-1], *nodes], strict=False)
        }
    )


def test_sources_come_before_what_they_feed() -> None:
    graph = graph_of(
        sum=("Add", {"a": Link("x", 0), "b": Link("y", 0)}), x=("Constant", {}), y=("Constant", {})
    )
    assert order_nodes(graph, ["sum"]) == ["x", "y", "sum"]


def test_what_no_target_needs_is_left_out() -> None:
    graph = graph_of(x=("Constant", {}), y=("Constant", {}))
    assert order_nodes(graph, ["y"]) == ["y"]


def test_one_targets_sources_come_before_the_nexts() -> None:
    graph = graph_of(
        x=("Constant", {}),
        y=("Constant", {}),
        p=("Show", {"a": Link("x", 0)}),
        q=("Show", {"a": Link("y", 0)}),
    )
    assert order_nodes(graph, ["p", "q"]) == ["x", "p", "y", "q"]


def test_links_to_nowhere_are_passed_over() -> None:
    assert order_nodes(graph_of(x=("Add", {"a": Link("gone", 0)})), ["x"]) == ["x"]


def test_a_chain_of_20_000_nodes_is_ordered() -> None:
    assert order_nodes(chain(20_000), ["19999"]) == [str(node) for node in range(20_000)]


def test_a_graph_without_cycles_has_none() -> None:
    assert find_cycles(chain(5)) == []


def test_a_cycle_is_named_along_its_links() -> None:
    (cycle,) = find_cycles(ring("a", "b", "c"))
    assert "".join(cycle) in ("abc", "bca", "cab")


def test_a_node_that_feeds_itself_is_a_cycle() -> None:
    assert find_cycles(ring("a")) == [["a"]]


def test_separate_cycles_are_all_found() -> None:
    graph = Graph({**ring("a", "b").nodes, **ring("c", "d").nodes})
    assert sorted(sorted(cycle) for cycle in find_cycles(graph)) == [["a", "b"], ["c", "d"]]


def test_what_lies_behind_a_cycle_is_not_part_of_it() -> None:
    graph = Graph({**ring("a", "b").nodes, "c": NodeCall("c", "Steps", {"a": Link("b", 0)})})
    assert sorted(*find_cycles(graph)) == ["a", "b"]


def test_a_cycle_of_20_000_nodes_is_found() -> None:
    (cycle,) = find_cycles(ring(*map(str, range(20_000))))
    assert len(cycle) == 20_000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_cycles_are_found_exactly_where_a_node_reaches_itself(edges: list[tuple[int, int]]) -> None:
    inputs: dict[str, dict[str, Link]] = {str(node): {} for node in range(10)}
    for index, (source, target) in enumerate(edges):
        inputs[str(target)][f"i{index}"] = Link(str(source), 0)
    graph = Graph({node: NodeCall(node, "Add", links) for node, links in inputs.items()})

    def reaches(node: str) -> set[str]:
        direct = {link.node for link in inputs[node].values()}
        reached = set(direct)
        while direct:
            direct = {link.node for found in direct for link in inputs[found].values()} - reached
            reached |= direct
        return reached

    in_cycles = {node for node in inputs if node in reaches(node)}
    found = find_cycles(graph)
    assert bool(found) == bool(in_cycles)
    assert {node for cycle in found for node in cycle} <= in_cycles


def test_consumers_are_all_that_need_a_node_however_far_off() -> None:
    assert find_consumers(chain(20_000), ["19990"]) == {str(node) for node in range(19_990, 20_000)}


def test_a_part_is_what_its_targets_need_in_the_graphs_order() -> None:
    graph = graph_of(
        p=("Show", {"a": Link("x", 0)}),
        x=("Constant", {}),
        y=("Constant", {}),
        q=("Show", {"a": Link("y", 0)}),
    )
    assert list(part_of(graph, ["p"]).nodes) == ["p", "x"]
