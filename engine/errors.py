"""Everything that can go wrong in the engine, as one tree. Messages name thing, value and rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a prompt: a rule (`code`) that an input of a node breaks.

    `node` is None where the whole prompt is meant, `input` where the whole node is; `message` says all of it.
    """

    node: str | None
    input: str | None
    code: str
    message: str


class EngineError(Exception):
    """Root of the tree. The message is fit to be shown to the user; `code` is for programs."""

    code: ClassVar[str] = "engine_error"


class BadInput(EngineError):
    """What the caller handed in cannot be used; the same call would fail again."""

    code = "bad_input"


class GraphInvalid(BadInput):
    """A prompt that cannot be run; `problems` has all that is wrong with it."""

    code = "graph_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems) or "the graph is invalid")


class UnsupportedCheckpoint(BadInput):
    """A well-formed weights file of no family that is known here."""

    code = "unsupported_checkpoint"


class WeightsUnreadable(BadInput):
    """A weights file that breaks the format or a limit."""

    code = "weights_unreadable"


class InputUnreadable(BadInput):
    """An input file, picture or latent, that is missing, malformed or too large."""

    code = "input_unreadable"


class OutOfMemory(EngineError):
    """A model or a step that does not fit where it has to run."""

    code = "out_of_memory"


class NodeFailed(EngineError):
    """A node function raised `cause`. `input` names the input at fault where that is known.

    `inputs` tells what the node was given: short plain values, and the types of all others.
    """

    def __init__(
        self,
        node: str,
        class_type: str,
        message: str,
        cause: BaseException,
        *,
        input_name: str | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        self.node, self.class_type, self.input = node, class_type, input_name
        self.inputs: Mapping[str, str] = inputs or {}
        self.message, self.cause = message, cause
        where = f"node {node} ({class_type})" + (f", input {input_name}" if input_name else "")
        super().__init__(f"{where}: {message}")

    @property
    def code(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] -- the cause's word says more
        """The cause's own code, `node_failed` for what the engine did not foresee."""
        return self.cause.code if isinstance(self.cause, EngineError) else "node_failed"


class Cancelled(EngineError):
    """The run was asked to stop."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("the run was cancelled")
