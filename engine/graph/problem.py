"""One thing that is wrong with a prompt, said so that a person can mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`node` and `input` name the place (None: the prompt as a whole); `code` is for programs."""

    node: str | None
    input: str | None
    code: str
    message: str
