"""A node as plain data: what the catalog holds, what prompts are validated against, what editors draw."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Literal, cast

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})

Json = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSchema:
    """One input. `type` is a socket's or a widget's; what is None does not apply to it.

    `is_list`: the node is given all values of a list at once. `lazy`: its source runs only if the node asks.

    `required` inputs must be in a prompt even if they have a `default`: that is what an editor starts with.
    """

    name: str
    type: str
    required: bool = True
    default: int | float | str | bool | None = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    round: float | None = None
    multiline: bool = False
    dynamic_prompts: bool = False
    is_path: bool = False
    choices: tuple[str, ...] | None = None
    files: str | None = None
    upload: Literal["image"] | None = None
    control_after_generate: bool = False
    is_list: bool = False
    lazy: bool = False
    tooltip: str | None = None

    def to_json(self) -> dict[str, object]:
        """The catalog's shape: what does not apply is left out."""
        always: dict[str, object] = {"name": self.name, "type": self.type, "required": self.required}
        rest = {field.name: getattr(self, field.name) for field in fields(self)[3:]}
        kept = {
            name: value
            for name, value in rest.items()
            if value is not None and (value is not False or name == "default")
        }
        return always | kept

    @classmethod
    def from_json(cls, document: Json) -> "InputSchema":
        """The inverse of `to_json`."""
        values = {**document}
        if "choices" in values:
            values["choices"] = tuple(cast("list[str]", values["choices"]))
        return cls(**values)  # pyright: ignore[reportArgumentType] -- our own file, held fresh by a test


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """One output socket."""

    name: str
    type: str
    is_list: bool = False


@dataclass(frozen=True)
class NodeSchema:
    """One kind of node."""

    name: str
    title: str
    category: str
    description: str
    is_output: bool
    inputs: tuple[InputSchema, ...]
    outputs: tuple[OutputSchema, ...]

    @cached_property
    def inputs_by_name(self) -> Mapping[str, InputSchema]:
        """The inputs, to be looked up."""
        return {found.name: found for found in self.inputs}

    def to_json(self) -> dict[str, object]:
        """The catalog's shape."""
        return {
            "name": self.name,
            "title": self.title,
            "category": self.category,
            "description": self.description,
            "is_output": self.is_output,
            "inputs": [found.to_json() for found in self.inputs],
            "outputs": [
                {"name": output.name, "type": output.type, "is_list": output.is_list}
                for output in self.outputs
            ],
        }

    @classmethod
    def from_json(cls, document: Json) -> "NodeSchema":
        """The inverse of `to_json`."""
        values = {**document}
        values["inputs"] = tuple(map(InputSchema.from_json, cast("list[Json]", values["inputs"])))
        outputs = cast("list[dict[str, str]]", values["outputs"])
        values["outputs"] = tuple(OutputSchema(**output) for output in outputs)  # pyright: ignore[reportArgumentType]
        return cls(**values)  # pyright: ignore[reportArgumentType] -- our own file, held fresh by a test
