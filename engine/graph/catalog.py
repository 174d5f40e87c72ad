"""All kinds of node that there are, as data. The catalog is generated from the node functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from engine.graph.folders import FileIndex
from engine.graph.kinds import EXACT
from engine.graph.schema import InputSchema, NodeSchema

VERSION = 1


@dataclass(frozen=True)
class Catalog:
    """Node schemas by name, in the order in which they were defined."""

    nodes: Mapping[str, NodeSchema]

    @classmethod
    def of(cls, schemas: Iterable[NodeSchema]) -> "Catalog":
        """The catalog of these nodes."""
        return cls({schema.name: schema for schema in schemas})

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> "Catalog":
        """The inverse of `to_json`."""
        return cls.of(map(NodeSchema.from_json, cast("list[Mapping[str, object]]", document["nodes"])))

    def to_json(self) -> dict[str, object]:
        """The shape of engine/catalog.json, which editors are built on."""
        return {"version": VERSION, "nodes": [schema.to_json() for schema in self.nodes.values()]}

    def object_info(self, files: FileIndex) -> dict[str, object]:
        """The shape of ComfyUI's GET /object_info, with the files that there are now as choices."""
        return {name: _node_info(schema, files) for name, schema in self.nodes.items()}


def _node_info(schema: NodeSchema, files: FileIndex) -> dict[str, object]:
    inputs: dict[str, dict[str, object]] = {
        section: {
            found.name: _input_info(found, files) for found in schema.inputs if found.required is required
        }
        for section, required in (("required", True), ("optional", False))
    }
    if schema.is_output:
        inputs["hidden"] = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
    inputs = {section: names for section, names in inputs.items() if names or section == "required"}
    return {
        "input": inputs,
        "input_order": {section: list(names) for section, names in inputs.items()},
        "output": [output.type for output in schema.outputs],
        "output_is_list": [output.is_list for output in schema.outputs],
        "output_name": [output.name for output in schema.outputs],
        "name": schema.name,
        "display_name": schema.title,
        "description": schema.description,
        "python_module": "nodes",
        "category": schema.category,
        "output_node": schema.is_output,
    }


def _input_info(schema: InputSchema, files: FileIndex) -> list[object]:
    """[type, options]; choices stand in the type's place."""
    kind: object = schema.type
    if schema.choices is not None:
        kind = list(schema.choices)
    elif schema.files is not None:
        kind = sorted(files.names(schema.files))
    options: dict[str, object] = {
        "default": schema.default,
        "min": schema.min,
        "max": schema.max,
        "step": schema.step,
        "round": False if schema.round == EXACT else schema.round,
        "multiline": schema.multiline or None,
        "dynamicPrompts": schema.dynamic_prompts or None,
        "control_after_generate": schema.control_after_generate or None,
        "image_upload": True if schema.upload == "image" else None,
        "lazy": schema.lazy or None,
        "tooltip": schema.tooltip,
    }
    return [kind, {name: value for name, value in options.items() if value is not None}]
