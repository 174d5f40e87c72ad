from engine.graph.catalog import Catalog
from tests.engine.graph.toy_nodes import CATALOG, Files

INFO = CATALOG.object_info(Files({"checkpoints": ["b.sft", "a.sft"], "input:image": ["cat.png"]}))


def test_a_catalog_survives_being_written_and_read() -> None:
    assert Catalog.from_json(CATALOG.to_json()) == CATALOG


def test_object_info_has_comfyuis_keys() -> None:
    assert INFO["Split"] == {
        "input": {"required": {"a": ["NUMBER", {}]}},
        "input_order": {"required": ["a"]},
        "output": ["NUMBER", "NUMBER"],
        "output_is_list": [False, False],
        "output_name": ["low", "high"],
        "name": "Split",
        "display_name": "Split",
        "description": "The last two digits, and the rest.",
        "python_module": "nodes",
        "category": "toys",
        "output_node": False,
    }


def inputs_of(node: str) -> dict[str, dict[str, list[object]]]:
    return INFO[node]["input"]  # type: ignore[index]


def test_optional_inputs_have_their_own_section() -> None:
    assert inputs_of("Maybe") == {"required": {"a": ["NUMBER", {}]}, "optional": {"b": ["NUMBER", {}]}}


def test_output_nodes_are_given_prompt_and_workflow() -> None:
    assert inputs_of("Show")["hidden"] == {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def test_choices_stand_in_the_place_of_the_type() -> None:
    assert inputs_of("Widgets")["required"]["method"] == [["fast", "good"], {}]


def test_files_are_choices() -> None:
    assert inputs_of("LoadModel")["required"]["name"] == [["a.sft", "b.sft"], {}]
    assert inputs_of("ReadFile")["required"]["name"] == [["cat.png"], {"image_upload": True}]


def test_texts_may_have_several_lines_and_dynamic_prompts() -> None:
    assert inputs_of("Widgets")["required"]["text"] == ["STRING", {"multiline": True, "dynamicPrompts": True}]
