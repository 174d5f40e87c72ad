from dataclasses import asdict
from typing import Annotated

import pytest

from engine.graph.kinds import Each, FloatWidget
from engine.graph.schema import InputSchema, NodeSchema, OutputSchema
from engine.graph.spec import node
from tests.engine.graph import toy_nodes as toys


def inputs_of(schema: NodeSchema) -> dict[str, InputSchema]:
    return {found.name: found for found in schema.inputs}


def test_a_node_is_still_the_function() -> None:
    assert toys.add(a=toys.Number(1), b=toys.Number(2)) == toys.Number(3)


def test_the_first_paragraph_of_the_docstring_is_the_description() -> None:
    assert toys.constant.schema.description == "A number."


def test_the_title_is_the_name_unless_given() -> None:
    assert (toys.add.schema.title, toys.show.schema.title) == ("Add", "Show it")


def test_an_annotated_int_has_range_default_and_tooltip() -> None:
    expected = InputSchema(name="value", type="INT", default=1, min=0, max=1000, tooltip="Any number")
    assert toys.constant.schema.inputs == (expected,)


def test_widgets_have_the_types_of_their_values() -> None:
    kinds = {name: found.type for name, found in inputs_of(toys.widgets.schema).items()}
    assert kinds == {
        "text": "STRING",
        "share": "FLOAT",
        "method": "COMBO",
        "style": "COMBO",
        "is_on": "BOOLEAN",
    }


def test_choices_come_from_tuples_and_literals() -> None:
    inputs = inputs_of(toys.widgets.schema)
    assert (inputs["method"].choices, inputs["style"].choices) == (("fast", "good"), ("plain", "bold"))


def test_files_name_their_folder() -> None:
    assert inputs_of(toys.load_model.schema)["name"].files == "checkpoints"
    picture = inputs_of(toys.read_file.schema)["name"]
    assert (picture.files, picture.upload) == ("input:image", "image")


def test_inputs_are_required_unless_they_may_be_none() -> None:
    assert {name: found.required for name, found in inputs_of(toys.maybe.schema).items()} == {
        "a": True,
        "b": False,
    }


def test_the_context_is_no_input() -> None:
    assert list(inputs_of(toys.show.schema)) == ["a", "prefix"]
    assert toys.show.takes_context


def test_outputs_are_named_after_their_types_unless_given() -> None:
    assert toys.add.schema.outputs == (OutputSchema("NUMBER", "NUMBER"),)
    assert toys.split.schema.outputs == (OutputSchema("low", "NUMBER"), OutputSchema("high", "NUMBER"))
    assert toys.show.schema.outputs == ()


def test_a_type_that_is_no_socket_is_refused() -> None:
    @node("Odd", category="toys")
    def odd(*, x: dict[str, int]) -> toys.Number:
        return toys.Number(x["a"])

    with pytest.raises(TypeError, match="input x"):
        _ = odd.schema


@pytest.mark.parametrize("toy", toys.TOYS, ids=lambda toy: toy.name)
def test_a_schema_survives_being_written_and_read(toy: "toys.AnyNode") -> None:
    assert NodeSchema.from_json(toy.schema.to_json()) == toy.schema


def test_what_does_not_apply_is_not_written() -> None:
    (written,) = toys.add.schema.to_json()["inputs"][:1]  # type: ignore[index]
    assert written == {"name": "a", "type": "NUMBER", "required": True}
    assert asdict(toys.add.schema.inputs[0])["min"] is None


def test_inputs_of_one_kind_may_have_names_that_no_parameter_has() -> None:
    ratio = Annotated[float, FloatWidget(0.0, 1.0), Each(("in.", "out."), 0.5)]

    def mix(*, a: toys.Number, **ratios: float) -> toys.Number:
        return toys.Number(int(sum(ratios.values())))

    mix.__annotations__["ratios"] = ratio
    found = node("Mix", category="toys")(mix)
    expected = [
        InputSchema(name=name, type="FLOAT", default=0.5, min=0.0, max=1.0) for name in ("in.", "out.")
    ]
    assert list(found.schema.inputs[1:]) == expected
    assert found(a=toys.Number(1), **{"in.": 1.0, "out.": 2.0}) == toys.Number(3)
