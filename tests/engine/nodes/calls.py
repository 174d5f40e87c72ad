"""Calling nodes by hand, with inputs from memory and outputs kept."""

from collections.abc import Mapping
from typing import Any, cast

from engine.errors import InputUnreadable
from engine.graph.context import Context, InputFile, Services


def context_of(
    inputs: Mapping[str, bytes] | None = None, *, prompt: object = None, workflow: object = None
) -> Context:
    """A context whose inputs are these; saved files are in its `files`."""
    known = dict(inputs or {})

    def find_input(name: str) -> InputFile:
        if name not in known:
            raise InputUnreadable(f"there is no {name!r}")
        return InputFile(name, lambda: known[name])

    nothing = cast("Any", None)
    services = Services(nothing, nothing, find_input, lambda: False, lambda _event: None, prompt, workflow)
    return Context("1", services)
