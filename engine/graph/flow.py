"""What a node may return instead of a value: a blocker, or a subgraph that takes the node's place."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Block:
    """Stands for a value that is not to be used: whatever gets it is not called, and passes it on.

    Returned alone, it stands for all outputs. `message`, if any, is told once, of the first node that gets
    the blocker; `is_told` marks those that come behind it.
    """

    message: str | None = None
    is_told: bool = False

    def passed_on(self) -> "Block":
        """What a node hands on that was blocked by this."""
        return Block(is_told=self.is_told or self.message is not None)


@dataclass(frozen=True, slots=True)
class SubCall:
    """One node of a subgraph. `inputs` are links to nodes of the same subgraph, or values of any kind."""

    class_type: str
    inputs: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Expansion:
    """Nodes by id that take the place of the node that returns them.

    `outputs` has, for each output of that node, a value or a link to one of `nodes`. Output nodes among them
    run in any case, and what they save counts as saved by the node that people see. The same inputs must
    give the same subgraph. Values are passed as they are: ranges and types are not checked again.
    """

    nodes: Mapping[str, SubCall]
    outputs: tuple[object, ...] = ()
