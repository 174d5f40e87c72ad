from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputUnreadable, NodeFailed
from engine.graph.cache_key import make_keys
from engine.graph.document import Graph, Input, Link, NodeCall
from engine.graph.plan import order_nodes
from engine.graph.spec import AnyNode
from tests.engine.graph.toy_nodes import TOYS, graph_of

DIGESTS = {"cat.png": "c", "copy of cat.png": "c", "dog.png": "d"}
NODES = {toy.name: toy for toy in TOYS}


def key_of(
    graph: Graph, node: str = "out", environment: str = "cpu:float32", nodes: dict[str, AnyNode] = NODES
) -> str:
    order = order_nodes(graph, [node])
    keys = make_keys(
        graph, order, nodes, environment=environment, identify_file=lambda _folder, name: DIGESTS[name]
    )
    return keys[node]


def sum_of(a: Input = 1, b: Input = 2, class_type: str = "Add") -> Graph:
    return graph_of(
        x=("Constant", {"value": a}),
        y=("Constant", {"value": b}),
        out=(class_type, {"a": Link("x", 0), "b": Link("y", 0)}),
    )


def test_equal_graphs_have_equal_keys() -> None:
    assert key_of(sum_of()) == key_of(sum_of())


def test_node_ids_have_no_part_in_a_key() -> None:
    renumbered = graph_of(
        b=("Constant", {"value": 2}),
        a=("Constant", {"value": 1}),
        z=("Add", {"b": Link("b", 0), "a": Link("a", 0)}),
    )
    assert key_of(renumbered, "z") == key_of(sum_of())


def test_titles_have_no_part_in_a_key() -> None:
    graph = sum_of()
    titled = Graph({node: replace(call, title="Sum") for node, call in graph.nodes.items()})
    assert key_of(titled) == key_of(graph)


def test_a_key_is_a_sha256() -> None:
    assert len(bytes.fromhex(key_of(sum_of()))) == 32


@pytest.mark.parametrize(
    "other",
    [
        sum_of(a=3),
        sum_of(b=3),
        sum_of(a=2, b=1),
        sum_of(a="1"),
        sum_of(a=1.0),
        sum_of(a=True),
        sum_of(a=[1]),
        sum_of(class_type="Maybe"),
        graph_of(x=("Constant", {"value": 1}), out=("Add", {"a": Link("x", 0), "b": Link("x", 0)})),
        graph_of(x=("Constant", {"value": 1}), out=("Maybe", {"a": Link("x", 0)})),
    ],
)
def test_each_change_of_the_graph_changes_the_key(other: Graph) -> None:
    assert key_of(other) != key_of(sum_of())


def test_the_slot_of_a_link_is_part_of_a_key() -> None:
    low, high = (
        graph_of(
            x=("Constant", {"value": 1}),
            s=("Split", {"a": Link("x", 0)}),
            out=("Show", {"a": Link("s", slot)}),
        )
        for slot in (0, 1)
    )
    assert key_of(low) != key_of(high)


def test_the_environment_is_part_of_a_key() -> None:
    assert key_of(sum_of(), environment="cuda:float16") != key_of(sum_of())


def test_the_version_of_a_node_upstream_is_part_of_a_key() -> None:
    newer = {**NODES, "Constant": replace(NODES["Constant"], version=2)}
    assert key_of(sum_of(), nodes=newer) != key_of(sum_of())


def test_files_count_by_content_and_not_by_name() -> None:
    cat, copy, dog = (
        key_of(graph_of(out=("ReadFile", {"name": name})))
        for name in ("cat.png", "copy of cat.png", "dog.png")
    )
    assert cat == copy
    assert cat != dog


def test_a_file_that_cannot_be_read_is_blamed_on_the_input_that_names_it() -> None:
    def refuse(folder: str, name: str) -> str:
        raise InputUnreadable(f"{name!r} is gone")

    graph = graph_of(out=("ReadFile", {"name": "cat.png"}))
    with pytest.raises(NodeFailed, match=r"node out \(ReadFile\), input name: 'cat.png' is gone"):
        make_keys(graph, ["out"], NODES, environment="cpu", identify_file=refuse)


def test_texts_that_name_embeddings_depend_on_the_embeddings_there_are() -> None:
    graph = graph_of(out=("Constant", {"value": "a embedding:cat"}))

    def key(found: str) -> str:
        return make_keys(graph, ["out"], NODES, environment="cpu", identify_file=lambda *_: found)["out"]

    assert key("none") == key("none") != key("cat.pt")


def changed_input(value: Input, draw: st.DrawFn) -> Input:
    """Another constant, another slot, or a constant in a link's place: never what was there."""
    if isinstance(value, Link):
        return draw(st.sampled_from([Link(value.node, value.slot + 1), 5000]))
    return draw(st.sampled_from([5000, str(value), float(value), [value]]))  # type: ignore[arg-type]


@st.composite
def graphs_with_one_change(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """Sums of sums that all lead to the last node, and the same with one field changed."""
    nodes = {"0": NodeCall("0", "Constant", {"value": draw(st.integers(0, 3))})}
    for index in range(1, draw(st.integers(2, 8))):
        other = draw(st.integers(0, index - 1))
        nodes[str(index)] = NodeCall(
            str(index), "Add", {"a": Link(str(index - 1), 0), "b": Link(str(other), 0)}
        )
    victim = nodes[draw(st.sampled_from(sorted(nodes)))]
    name = draw(st.sampled_from([*sorted(victim.inputs), "class_type"]))
    if name == "class_type":
        changed = replace(victim, class_type="Maybe")
    else:
        changed = victim.with_inputs({**victim.inputs, name: changed_input(victim.inputs[name], draw)})
    return Graph(nodes), Graph({**nodes, victim.id: changed})


@given(graphs_with_one_change(), st.randoms())
def test_keys_are_equal_for_equal_graphs_and_differ_by_any_one_field(
    graphs: tuple[Graph, Graph], random: Random
) -> None:
    graph, changed = graphs
    last = list(graph.nodes)[-1]
    names = dict(zip(graph.nodes, random.sample(range(100), len(graph.nodes)), strict=True))
    renamed = {
        str(names[node]): NodeCall(
            str(names[node]),
            call.class_type,
            {
                name: Link(str(names[value.node]), value.slot) if isinstance(value, Link) else value
                for name, value in reversed(call.inputs.items())
            },
        )
        for node, call in graph.nodes.items()
    }
    assert key_of(Graph(renamed), str(names[last])) == key_of(graph, last)
    assert key_of(changed, last) != key_of(graph, last)
