import math

import pytest

from engine.graph.coerce import coerce_graph, coerce_value
from engine.graph.document import Json, Link
from engine.graph.schema import InputSchema
from tests.engine.graph.toy_nodes import CATALOG, graph_of


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("INT", 3, 3),
        ("INT", 3.0, 3),
        ("INT", 3.7, 3),
        ("INT", "20", 20),
        ("INT", True, 1),
        ("INT", 2**64 - 1, 2**64 - 1),
        ("FLOAT", 7, 7.0),
        ("FLOAT", "7.5", 7.5),
        ("FLOAT", 0.1, 0.1),
        ("STRING", "text", "text"),
        ("STRING", 5, "5"),
        ("STRING", 1.5, "1.5"),
        ("STRING", "two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("BOOLEAN", True, True),
        ("BOOLEAN", 0, False),
        ("BOOLEAN", "false", True),
        ("COMBO", "euler", "euler"),
    ],
)
def test_what_comfyui_forgives_is_forgiven(kind: str, given: Json, expected: Json) -> None:
    found = coerce_value(InputSchema(name="x", type=kind), given)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("INT", "many"),
        ("INT", ""),
        ("INT", None),
        ("INT", []),
        ("INT", {}),
        ("INT", math.nan),
        ("INT", math.inf),
        ("INT", "9" * 5000),
        ("FLOAT", "many"),
        ("FLOAT", math.nan),
        ("FLOAT", "inf"),
        ("FLOAT", None),
        ("FLOAT", 10**400),
        ("STRING", None),
        ("STRING", {"a": 1}),
        ("STRING", "a\0b"),
        ("STRING", "\ud800"),
        ("BOOLEAN", None),
        ("BOOLEAN", []),
        ("MODEL", 5),
        ("MODEL", None),
    ],
)
def test_what_no_type_can_take_is_refused(kind: str, given: Json) -> None:
    with pytest.raises(ValueError, match=r"."):
        coerce_value(InputSchema(name="x", type=kind), given)


def test_a_coerced_graph_has_the_types_of_its_inputs() -> None:
    graph = coerce_graph(graph_of(x=("Constant", {"value": "7"})), CATALOG)
    assert graph.nodes["x"].inputs == {"value": 7}


def test_inputs_that_the_node_does_not_have_are_dropped() -> None:
    graph = coerce_graph(graph_of(x=("Constant", {"value": 7, "note": {"deep": []}})), CATALOG)
    assert graph.nodes["x"].inputs == {"value": 7}


def test_links_stay() -> None:
    graph = graph_of(x=("Constant", {"value": 7}), y=("Show", {"a": Link("x", 0), "prefix": "p"}))
    assert coerce_graph(graph, CATALOG).nodes["y"].inputs == {"a": Link("x", 0), "prefix": "p"}


def test_null_leaves_an_optional_input_out() -> None:
    graph = graph_of(x=("Constant", {"value": 7}), y=("Maybe", {"a": Link("x", 0), "b": None}))
    assert coerce_graph(graph, CATALOG).nodes["y"].inputs == {"a": Link("x", 0)}
