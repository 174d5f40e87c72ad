"""The graph document: nodes by id, each input a constant or a link. Immutable and free of torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Link:
    """Output `slot` of node `node`, counted from 0."""

    node: str
    slot: int


Input: TypeAlias = "Json | Link"


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One node of a graph: which function, with which inputs."""

    id: str
    class_type: str
    inputs: Mapping[str, Input]
    title: str | None = None

    def links(self) -> Iterator[tuple[str, Link]]:
        """Input name and source of each connected input."""
        return ((name, value) for name, value in self.inputs.items() if isinstance(value, Link))

    def with_inputs(self, inputs: Mapping[str, Input]) -> "NodeCall":
        """The same node with other inputs."""
        return replace(self, inputs=inputs)

    def to_json(self) -> dict[str, Json]:
        """The node in the shape of an API prompt."""
        written: dict[str, Json] = {
            "class_type": self.class_type,
            "inputs": {name: _write_input(value) for name, value in self.inputs.items()},
        }
        if self.title is not None:
            written["_meta"] = {"title": self.title}
        return written


@dataclass(frozen=True, slots=True)
class Graph:
    """What is run: an API prompt, parsed. `nodes` keeps the prompt's order."""

    nodes: Mapping[str, NodeCall]

    def describe(self, node: str) -> str:
        """How messages name a node: its class and id."""
        return f"{self.nodes[node].class_type} (node {node})"

    def to_json(self) -> dict[str, Json]:
        """The API prompt that parses to this graph."""
        return {node: call.to_json() for node, call in self.nodes.items()}


def _write_input(value: Input) -> Json:
    """Lists are wrapped: a bare one would be read as a link."""
    if isinstance(value, Link):
        return [value.node, value.slot]
    return {"__value__": value} if isinstance(value, list) else value
