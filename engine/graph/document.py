"""The graph document: nodes by id, each input a constant or a link. Immutable and free of torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Link:
    """Output `slot` of node `node`, counted from 0."""

    node: str
    slot: int


Input: TypeAlias = Json | Link


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


@dataclass(frozen=True, slots=True)
class Graph:
    """What is run: an API prompt, parsed. `nodes` keeps the prompt's order."""

    nodes: Mapping[str, NodeCall]

    def describe(self, node: str) -> str:
        """How messages name a node: its class and id."""
        return f"{self.nodes[node].class_type} (node {node})"
