import pytest

from engine.errors import GraphInvalid
from engine.graph import limits
from engine.graph.document import Link
from engine.graph.formats.api_prompt import find_workflow, parse_prompt, read_json

SAMPLE = {"1": {"class_type": "Constant", "inputs": {"value": 3}}}


def codes_of(document: object) -> list[str]:
    with pytest.raises(GraphInvalid) as failure:
        parse_prompt(document)
    return [problem.code for problem in failure.value.problems]


def test_a_bare_map_of_nodes_is_a_prompt() -> None:
    graph = parse_prompt(SAMPLE)
    assert graph.nodes["1"].class_type == "Constant"
    assert graph.nodes["1"].inputs == {"value": 3}


def test_a_prompt_may_be_wrapped() -> None:
    assert parse_prompt({"prompt": SAMPLE, "client_id": "x"}) == parse_prompt(SAMPLE)


def test_a_node_may_be_called_prompt() -> None:
    assert list(parse_prompt({"prompt": SAMPLE["1"]}).nodes) == ["prompt"]


def test_a_list_of_id_and_slot_is_a_link() -> None:
    graph = parse_prompt({"1": {"class_type": "Add", "inputs": {"a": ["7", 1]}}})
    assert graph.nodes["1"].inputs["a"] == Link("7", 1)


def test_a_constant_list_is_unwrapped() -> None:
    graph = parse_prompt({"1": {"class_type": "Add", "inputs": {"a": {"__value__": [1, 2]}}}})
    assert graph.nodes["1"].inputs["a"] == [1, 2]


def test_titles_are_kept() -> None:
    graph = parse_prompt({"1": {"class_type": "Add", "_meta": {"title": "Sum"}}})
    assert graph.nodes["1"].title == "Sum"


def test_a_graph_is_written_as_it_was_read() -> None:
    document = {
        "1": {
            "class_type": "Add",
            "inputs": {"a": ["2", 0], "b": {"__value__": [1]}},
            "_meta": {"title": "Sum"},
        },
        "2": {"class_type": "Constant", "inputs": {"value": 2.5, "other": None}},
    }
    assert parse_prompt(document).to_json() == document


@pytest.mark.parametrize("document", [None, [], "text", 3, True, {"prompt": []}, {"prompt": None}])
def test_what_is_no_map_is_refused(document: object) -> None:
    assert codes_of(document) == ["malformed_prompt"]


def test_an_editors_workflow_is_recognised() -> None:
    assert codes_of({"nodes": [], "links": [], "version": 0.4}) == ["ui_workflow"]


@pytest.mark.parametrize("call", [None, 3, "KSampler", ["1", 0]])
def test_a_node_that_is_no_object_is_named(call: object) -> None:
    assert codes_of({"5": call}) == ["malformed_node"]


@pytest.mark.parametrize("class_type", [None, 3, {}])
def test_a_node_without_a_class_is_named(class_type: object) -> None:
    assert codes_of({"5": {"class_type": class_type, "inputs": {}}}) == ["missing_class_type"]


@pytest.mark.parametrize("inputs", [None, 3, [], "text"])
def test_inputs_that_are_no_object_are_named(inputs: object) -> None:
    assert codes_of({"5": {"class_type": "Add", "inputs": inputs}}) == ["malformed_node"]


@pytest.mark.parametrize(
    "link", [[], ["1"], ["1", 0, 0], [1, 0], ["1", 0.0], ["1", "0"], ["1", True], [None, 0]]
)
def test_a_list_that_is_no_link_is_named(link: object) -> None:
    assert codes_of({"5": {"class_type": "Add", "inputs": {"a": link}}}) == ["bad_link"]


@pytest.mark.parametrize("node", ["", "a\nb", "\x00", "\ud800", "n" * 256])
def test_ids_that_break_files_and_frames_are_refused(node: str) -> None:
    assert codes_of({node: {"class_type": "Add"}}) == ["bad_node_id"]


def test_a_class_with_control_characters_is_unknown() -> None:
    assert codes_of({"1": {"class_type": "Add\x1b[2J"}}) == ["unknown_node"]


def test_all_malformed_nodes_are_reported() -> None:
    assert codes_of({"1": 3, "2": {"class_type": "Add", "inputs": {"a": [], "b": [1]}}}) == [
        "malformed_node",
        "bad_link",
        "bad_link",
    ]


def test_a_problem_names_node_and_input() -> None:
    with pytest.raises(GraphInvalid) as failure:
        parse_prompt({"5": {"class_type": "Add", "inputs": {"a": [1, 2]}}})
    (problem,) = failure.value.problems
    assert (problem.node, problem.input) == ("5", "a")
    assert problem.message.startswith("Add (node 5), input a: ")


def test_as_many_nodes_as_the_limit_are_read() -> None:
    call = {"class_type": "Constant", "inputs": {}}
    assert len(parse_prompt({str(node): call for node in range(limits.MAX_NODES)}).nodes) == 20_000


def test_one_node_more_than_the_limit_is_refused() -> None:
    call = {"class_type": "Constant", "inputs": {}}
    assert codes_of({str(node): call for node in range(limits.MAX_NODES + 1)}) == ["too_many_nodes"]


def test_as_many_edges_as_the_limit_are_read() -> None:
    inputs = {str(name): ["1", 0] for name in range(limits.MAX_EDGES)}
    assert len(parse_prompt({"1": {"class_type": "Add", "inputs": inputs}}).nodes["1"].inputs) == 200_000


def test_one_edge_more_than_the_limit_is_refused() -> None:
    inputs = {str(name): ["1", 0] for name in range(limits.MAX_EDGES + 1)}
    assert codes_of({"1": {"class_type": "Add", "inputs": inputs}}) == ["too_many_edges"]


def test_a_text_as_long_as_the_limit_is_read() -> None:
    assert read_json(b'"' + b"a" * (limits.MAX_PROMPT_BYTES - 2) + b'"') == "a" * 7_999_998


def test_one_byte_more_than_the_limit_is_refused() -> None:
    with pytest.raises(GraphInvalid, match="8000001 bytes"):
        read_json(b'"' + b"a" * (limits.MAX_PROMPT_BYTES - 1) + b'"')


@pytest.mark.parametrize("text", [b"", b"{", b"nonsense", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": 1} x'])
def test_malformed_json_is_refused(text: bytes) -> None:
    with pytest.raises(GraphInvalid) as failure:
        read_json(text)
    assert [problem.code for problem in failure.value.problems] == ["malformed_json"]


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_constants_may_be_nested_up_to_the_limit() -> None:
    parse_prompt({"1": {"class_type": "Add", "inputs": {"a": nested(limits.MAX_CONSTANT_DEPTH)}}})


def test_constants_nested_deeper_are_refused() -> None:
    document = {"1": {"class_type": "Add", "inputs": {"a": nested(limits.MAX_CONSTANT_DEPTH + 1)}}}
    assert codes_of(document) == ["too_deep"]


def test_the_workflow_is_found_beside_the_prompt() -> None:
    assert find_workflow({"prompt": {}, "workflow": {"nodes": []}}) == {"nodes": []}


def test_the_workflow_is_found_where_comfyuis_front_end_puts_it() -> None:
    document = {"prompt": {}, "extra_data": {"extra_pnginfo": {"workflow": {"nodes": []}}}}
    assert find_workflow(document) == {"nodes": []}


@pytest.mark.parametrize("document", [SAMPLE, [], {"extra_data": 3}, {"workflow": SAMPLE["1"]}])
def test_a_prompt_may_come_without_a_workflow(document: object) -> None:
    assert find_workflow(document) is None
