from typing import Any

import pytest

from engine.errors import Problem
from engine.graph.document import Graph, Input, Link, NodeCall
from engine.graph.validate import find_outputs, judge, validate
from tests.engine.graph.toy_nodes import CATALOG, Files, graph_of

FILES = Files(
    {
        "checkpoints": ["a.safetensors"],
        "input:image": ["cat.png", "sub/dog.png"],
        "output:image": ["made.png"],
    }
)
ONE: tuple[str, dict[str, Input]] = ("Constant", {"value": 1})
WIDGETS: dict[str, Any] = {"text": "t", "share": 0.5, "method": "fast", "style": "plain", "is_on": True}


def problems_of(**calls: tuple[str, dict[str, Any]]) -> list[Problem]:
    return validate(graph_of(**calls), CATALOG, FILES)


def codes_of(**calls: tuple[str, dict[str, Any]]) -> list[tuple[str | None, str | None, str]]:
    return [(found.node, found.input, found.code) for found in problems_of(**calls)]


def with_widget(name: str, value: object) -> list[Problem]:
    return problems_of(w=("Widgets", {**WIDGETS, name: value}))


def test_a_good_graph_has_no_problems() -> None:
    assert problems_of(x=ONE, out=("Show", {"a": Link("x", 0), "prefix": "p"})) == []


def test_an_unknown_node_is_named() -> None:
    assert codes_of(x=("Wrong", {}), w=("Widgets", WIDGETS)) == [("x", None, "unknown_node")]


def test_an_unknown_node_is_a_problem_even_if_no_output_needs_it() -> None:
    (problem,) = problems_of(x=("Wrong", {}), w=("Widgets", WIDGETS))
    assert problem.message == "node x: no node is called 'Wrong'"


def test_a_missing_input_is_named_even_if_it_has_a_default() -> None:
    assert codes_of(x=("Constant", {}), out=("Show", {"a": Link("x", 0), "prefix": "p"})) == [
        ("x", "value", "missing_input")
    ]


def test_a_missing_link_is_named() -> None:
    assert codes_of(out=("Show", {"prefix": "p"})) == [("out", "a", "missing_input")]


def test_an_optional_input_may_be_missing() -> None:
    calls = {
        "x": ONE,
        "m": ("Maybe", {"a": Link("x", 0)}),
        "out": ("Show", {"a": Link("m", 0), "prefix": ""}),
    }
    assert problems_of(**calls) == []


def test_an_optional_input_may_be_null() -> None:
    maybe = ("Maybe", {"a": Link("x", 0), "b": None})
    assert problems_of(x=ONE, m=maybe, out=("Show", {"a": Link("m", 0), "prefix": ""})) == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("text", None, "wrong_type"),
        ("text", {"a": 1}, "wrong_type"),
        ("share", "much", "wrong_type"),
        ("share", 1.01, "out_of_range"),
        ("share", -0.01, "out_of_range"),
        ("method", "best", "not_in_list"),
        ("method", 3, "not_in_list"),
        ("method", ["fast"], "not_in_list"),
        ("style", "italic", "not_in_list"),
        ("is_on", None, "wrong_type"),
    ],
)
def test_a_bad_value_is_named(name: str, value: object, code: str) -> None:
    assert [(found.input, found.code) for found in with_widget(name, value)] == [(name, code)]


@pytest.mark.parametrize(("name", "value"), [("share", 0), ("share", 1), ("share", "0.5"), ("text", 5)])
def test_values_on_the_edge_and_forgivable_ones_are_fine(name: str, value: object) -> None:
    assert with_widget(name, value) == []


def test_a_message_says_node_input_value_and_rule() -> None:
    (problem,) = with_widget("share", 2)
    assert problem.message == "Widgets (node w), input share: 2.0 is above the maximum 1.0"


def test_a_message_lists_the_choices() -> None:
    (problem,) = with_widget("method", "best")
    assert problem.message.endswith("'best' is none of: fast, good")


def test_a_long_value_is_cut() -> None:
    (problem,) = with_widget("method", "x" * 10_000)
    assert len(problem.message) < 200


def test_a_constant_where_a_link_belongs_is_named() -> None:
    assert codes_of(out=("Show", {"a": 5, "prefix": "p"})) == [("out", "a", "wrong_type")]


def test_a_link_to_nowhere_is_named() -> None:
    assert codes_of(out=("Show", {"a": Link("gone", 0), "prefix": "p"})) == [("out", "a", "unknown_link")]


@pytest.mark.parametrize("slot", [1, -1, 2**70])
def test_a_link_to_an_output_that_is_not_there_is_named(slot: int) -> None:
    assert codes_of(x=ONE, out=("Show", {"a": Link("x", slot), "prefix": "p"})) == [("out", "a", "bad_slot")]


def test_a_link_of_another_type_is_named() -> None:
    (problem,) = problems_of(x=ONE, w=("Widgets", {**WIDGETS, "text": Link("x", 0)}))
    assert problem.code == "type_mismatch"
    assert "takes STRING, and output 0 of Constant (node x) is NUMBER" in problem.message


def test_a_link_into_an_input_that_the_node_does_not_have_is_named() -> None:
    assert codes_of(x=ONE, w=("Widgets", {**WIDGETS, "mask": Link("x", 0)})) == [
        ("w", "mask", "unknown_input")
    ]


def test_a_constant_that_the_node_does_not_have_is_ignored() -> None:
    assert with_widget("added_by_a_newer_version", 3) == []


def test_a_cycle_names_its_nodes() -> None:
    (problem,) = problems_of(
        p=("Steps", {"a": Link("q", 0)}),
        q=("Steps", {"a": Link("p", 0)}),
        out=("Show", {"a": Link("q", 0), "prefix": "p"}),
    )
    assert (problem.code, problem.input) == ("cycle", "a")
    assert "Steps (node p)" in problem.message
    assert "Steps (node q)" in problem.message


def test_a_cycle_that_feeds_no_output_is_found() -> None:
    cycle = ("Steps", {"a": Link("p", 0)})
    assert codes_of(p=cycle, w=("Widgets", WIDGETS)) == [("p", "a", "cycle")]


def test_a_long_cycle_is_cut_in_its_message() -> None:
    nodes = {str(n): NodeCall(str(n), "Steps", {"a": Link(str((n - 1) % 10_000), 0)}) for n in range(10_000)}
    graph = Graph({**nodes, "w": NodeCall("w", "Widgets", WIDGETS)})
    (problem,) = validate(graph, CATALOG, FILES)
    assert len(problem.message) < 500


def test_a_graph_without_outputs_has_nothing_to_do() -> None:
    assert codes_of(x=ONE) == [(None, None, "no_output")]


def test_an_empty_graph_has_nothing_to_do() -> None:
    assert codes_of() == [(None, None, "no_output")]


def test_values_of_nodes_that_feed_no_output_are_not_checked() -> None:
    assert problems_of(x=("Constant", {"value": "many"}), w=("Widgets", WIDGETS)) == []


def test_all_problems_of_all_nodes_are_reported() -> None:
    found = codes_of(
        x=("Constant", {"value": 1001}),
        y=("Wrong", {}),
        w=("Widgets", {"text": None, "share": 5, "method": "best", "style": "plain"}),
        out=("Show", {"a": Link("x", 3), "prefix": "../p"}),
        z=("Show", {"a": Link("x", 0), "prefix": "p"}),
    )
    assert found == [
        ("x", "value", "out_of_range"),
        ("y", None, "unknown_node"),
        ("w", "text", "wrong_type"),
        ("w", "share", "out_of_range"),
        ("w", "method", "not_in_list"),
        ("w", "is_on", "missing_input"),
        ("out", "a", "bad_slot"),
        ("out", "prefix", "unsafe_path"),
    ]


def file_codes(class_type: str, name: object) -> list[str]:
    calls = {"f": (class_type, {"name": name}), "out": ("Show", {"a": Link("f", 0), "prefix": "p"})}
    return [found.code for found in problems_of(**calls)]


@pytest.mark.parametrize("name", ["cat.png", "sub/dog.png", "cat.png [input]", "made.png [output]"])
def test_a_file_that_is_there_is_fine(name: str) -> None:
    assert file_codes("ReadFile", name) == []


@pytest.mark.parametrize(
    "name", ["dog.png", "", "made.png", "cat.png [output]", "cat.png [temp]", "cat.png "]
)
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    assert file_codes("ReadFile", name) == ["missing_file"]


@pytest.mark.parametrize("name", [None, 3, {"a": 1}])
def test_a_file_name_that_is_no_text_is_named(name: object) -> None:
    assert file_codes("LoadModel", name) == ["wrong_type"]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "sub/../../secret.png",
        "/etc/passwd",
        "..\\secret.png",
        "C:\\secret.png",
        "C:secret.png",
        "\\\\server\\share\\secret.png",
        "cat.png\0.txt",
        "../secret.png [input]",
        "../secret.png [output]",
    ],
)
@pytest.mark.parametrize("class_type", ["ReadFile", "LoadModel"])
def test_a_name_that_leads_out_of_its_folder_is_refused(class_type: str, name: str) -> None:
    assert file_codes(class_type, name) == ["unsafe_path"]


@pytest.mark.parametrize("prefix", ["../p", "a/../../p", "/p", "a\\p", "C:/p", "p\x1b", "a" * 300])
def test_a_prefix_that_leads_out_of_the_outputs_is_refused(prefix: str) -> None:
    assert codes_of(x=ONE, out=("Show", {"a": Link("x", 0), "prefix": prefix})) == [
        ("out", "prefix", "unsafe_path")
    ]


@pytest.mark.parametrize("prefix", ["p", "a/b/p", "", "Bild ü %width%", "日本", "a..b"])
def test_other_prefixes_are_fine(prefix: str) -> None:
    assert problems_of(x=ONE, out=("Show", {"a": Link("x", 0), "prefix": prefix})) == []


def test_a_chain_of_10_000_nodes_is_checked() -> None:
    nodes = {str(n): NodeCall(str(n), "Steps", {"a": Link(str(n - 1), 0)}) for n in range(1, 10_000)}
    first, last = NodeCall("0", "Constant", {"value": 1}), {"a": Link("9999", 0), "prefix": "p"}
    graph = Graph({"0": first, **nodes, "out": NodeCall("out", "Show", last)})
    assert validate(graph, CATALOG, FILES) == []


def test_outputs_are_the_nodes_that_save_or_show() -> None:
    graph = graph_of(x=ONE, out=("Show", {"a": Link("x", 0)}), y=("Wrong", {}))
    assert find_outputs(graph, CATALOG) == ["out"]


GOOD_AND_BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "x": ONE,
    "y": ("Constant", {"value": 2000}),
    "sum": ("Add", {"a": Link("x", 0), "b": Link("y", 0)}),
    "good": ("Show", {"a": Link("x", 0), "prefix": "p"}),
    "bad": ("Show", {"a": Link("sum", 0), "prefix": "p"}),
}


def test_a_problem_keeps_only_the_outputs_behind_it_from_running() -> None:
    verdict = judge(graph_of(**GOOD_AND_BAD), CATALOG, FILES)
    assert verdict.outputs == ("good",)
    assert [(found.node, found.code) for found in verdict.problems] == [("y", "out_of_range")]


def test_a_cycle_keeps_only_the_outputs_behind_it_from_running() -> None:
    ring = {
        "p": ("Steps", {"a": Link("q", 0)}),
        "q": ("Steps", {"a": Link("p", 0)}),
        "behind": ("Show", {"a": Link("q", 0), "prefix": "p"}),
    }
    graph = graph_of(x=ONE, good=("Show", {"a": Link("x", 0), "prefix": "p"}), **ring)
    assert judge(graph, CATALOG, FILES).outputs == ("good",)


def test_an_unknown_node_keeps_every_output_from_running() -> None:
    verdict = judge(graph_of(**GOOD_AND_BAD, odd=("Nonsense", {})), CATALOG, FILES)
    assert verdict.outputs == ()


@pytest.mark.parametrize(
    ("targets", "outputs", "code"),
    [(["good"], ("good",), "out_of_range"), (["bad"], (), "out_of_range"), (["x", "gone"], (), "no_output")],
)
def test_only_output_nodes_count_among_the_targets(
    targets: list[str], outputs: tuple[str, ...], code: str
) -> None:
    verdict = judge(graph_of(**GOOD_AND_BAD), CATALOG, FILES, targets)
    assert (verdict.outputs, verdict.problems[-1].code) == (outputs, code)
