"""Everything that is wrong with a graph, found before anything runs. Nothing here recurses.

Of nodes that feed no output only class and links are checked: they never run, and prompts out of
editors are full of half-wired ones.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from engine.errors import Problem
from engine.graph.catalog import Catalog
from engine.graph.coerce import coerce_value, is_absent
from engine.graph.document import Graph, Input, Json, Link, NodeCall
from engine.graph.folders import FileIndex, find_path_fault, split_annotation
from engine.graph.plan import find_consumers, find_cycles, order_nodes
from engine.graph.schema import InputSchema, NodeSchema

# A message stays readable: longer values, lists and cycles are cut.
_SHOWN_CHARACTERS = 80
_SHOWN_CHOICES = 12
_SHOWN_CYCLE = 8
# Problems of the whole prompt.
_REFUSING = frozenset({"unknown_node", "no_output"})


def validate(graph: Graph, catalog: Catalog, files: FileIndex) -> list[Problem]:
    """All problems of all nodes, in the order of the nodes; an empty list means that the graph can run."""
    return list(_Checker(graph, catalog, files).check())


@dataclass(frozen=True)
class Verdict:
    """What a run would do: the `outputs` that can run, and all `problems`, of these and of the others.

    Problems of an output node or of what it needs keep only that output from running.
    """

    outputs: tuple[str, ...]
    problems: tuple[Problem, ...]


def judge(
    graph: Graph, catalog: Catalog, files: FileIndex, targets: Collection[str] | None = None
) -> Verdict:
    """Which output nodes can run; of these only `targets` if they are given.

    None can if a node's class is unknown, even that of a node that no output needs: ComfyUI's rule, too.
    """
    problems = validate(graph, catalog, files)
    if any(problem.code in _REFUSING for problem in problems):
        return Verdict((), tuple(problems))
    faulty = find_consumers(graph, {problem.node for problem in problems if problem.node is not None})
    wanted = find_outputs(graph, catalog)
    if targets is not None:
        wanted = [node for node in wanted if node in targets]
    if not wanted:
        message = "none of the nodes that the run was asked for is an output node of the prompt"
        problems.append(Problem(None, None, "no_output", message))
    return Verdict(tuple(node for node in wanted if node not in faulty), tuple(problems))


def find_outputs(graph: Graph, catalog: Catalog) -> list[str]:
    """The nodes that a run is for: those that save or show something."""
    known = ((node, catalog.nodes.get(call.class_type)) for node, call in graph.nodes.items())
    return [node for node, schema in known if schema is not None and schema.is_output]


@dataclass
class _Checker:
    """One validation; `names` keeps the listings of folders, which may be slow."""

    graph: Graph
    catalog: Catalog
    files: FileIndex
    names: dict[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])

    def check(self) -> Iterator[Problem]:
        outputs = find_outputs(self.graph, self.catalog)
        contributing = frozenset(order_nodes(self.graph, outputs))
        for node, call in self.graph.nodes.items():
            schema = self.catalog.nodes.get(call.class_type)
            if schema is None:
                message = f"node {node}: no node is called {call.class_type!r}"
                yield Problem(node, None, "unknown_node", message)
                continue
            yield from self._check_links(call, schema)
            if node in contributing:
                yield from self._check_constants(call, schema)
        yield from map(self._report_cycle, find_cycles(self.graph))
        if not outputs:
            message = "the prompt has no output node, such as SaveImage, so there is nothing to do"
            yield Problem(None, None, "no_output", message)

    def _problem(self, call: NodeCall, name: str, code: str, message: str) -> Problem:
        return Problem(call.id, name, code, f"{self.graph.describe(call.id)}, input {name}: {message}")

    def _check_links(self, call: NodeCall, schema: NodeSchema) -> Iterator[Problem]:
        for name, link in call.links():
            if found := self._find_link_fault(link, schema.inputs_by_name.get(name)):
                yield self._problem(call, name, *found)

    def _find_link_fault(self, link: Link, wanted: InputSchema | None) -> tuple[str, str] | None:
        """Code and message of what is wrong with a link."""
        source = self.graph.nodes.get(link.node)
        if source is None:
            return "unknown_link", f"is linked to node {link.node!r}, which is not in the prompt"
        if wanted is None:
            return "unknown_input", "is linked, but the node has no such input"
        schema = self.catalog.nodes.get(source.class_type)
        if schema is None:
            return None  # reported as an unknown node
        where = self.graph.describe(source.id)
        if not 0 <= link.slot < len(schema.outputs):
            return "bad_slot", f"is linked to output {link.slot} of {where}, which has {len(schema.outputs)}"
        sent = schema.outputs[link.slot].type
        if not _do_types_match(sent, wanted.type):
            return "type_mismatch", f"takes {wanted.type}, and output {link.slot} of {where} is {sent}"
        return None

    def _check_constants(self, call: NodeCall, schema: NodeSchema) -> Iterator[Problem]:
        for wanted in schema.inputs:
            if wanted.name not in call.inputs:
                if wanted.required:
                    yield self._problem(
                        call, wanted.name, "missing_input", f"is missing; it takes {wanted.type}"
                    )
                continue
            if found := self._find_fault(wanted, call.inputs[wanted.name]):
                yield self._problem(call, wanted.name, *found)

    def _find_fault(self, wanted: InputSchema, given: Input) -> tuple[str, str] | None:
        """Code and message of what is wrong with a constant."""
        if isinstance(given, Link) or is_absent(wanted, given):
            return None
        try:
            value = coerce_value(wanted, given)
        except ValueError as rule:
            return "wrong_type", f"{_show(given)} does not fit {wanted.type}: {rule}"
        if wanted.type == "COMBO":
            return self._find_choice_fault(wanted, value)
        if isinstance(value, int | float):
            return _find_range_fault(wanted, value)
        if wanted.is_path and isinstance(value, str) and (fault := find_path_fault(value)):
            return "unsafe_path", f"{_show(value)} {fault}"
        return None

    def _find_choice_fault(self, wanted: InputSchema, value: Json) -> tuple[str, str] | None:
        if wanted.files is None:
            return _find_list_fault(value, wanted.choices or ())
        if not isinstance(value, str):
            return "wrong_type", f"{_show(value)} is no file name"
        name, place = split_annotation(value)
        if fault := find_path_fault(name):
            return "unsafe_path", f"{_show(value)} {fault}"
        folder = wanted.files if place == "input" else wanted.files.replace("input:", f"{place}:", 1)
        if name not in self._names(folder):
            return "missing_file", f"there is no file {_show(name)} in {folder}"
        return None

    def _names(self, folder: str) -> Collection[str]:
        if folder not in self.names:
            listed = self.files.names(folder)
            self.names[folder] = frozenset(listed) if isinstance(listed, list | tuple) else listed
        return self.names[folder]

    def _report_cycle(self, cycle: list[str]) -> Problem:
        shown = [self.graph.describe(node) for node in cycle[:_SHOWN_CYCLE]]
        more = [f"… {len(cycle) - _SHOWN_CYCLE} more"] if len(cycle) > _SHOWN_CYCLE else []
        chain = " → ".join([*shown, *more, shown[0]])
        first = self.graph.nodes[cycle[0]]
        name = next(name for name, link in first.links() if link.node == cycle[-1])
        return Problem(first.id, name, "cycle", f"these nodes wait for each other: {chain}")


def _do_types_match(sent: str, wanted: str) -> bool:
    """Whether an output may feed an input: equal, one of several separated by commas, or "*"."""
    if sent == wanted or "*" in (sent, wanted):
        return True
    return not {part.strip() for part in sent.split(",")}.isdisjoint(
        part.strip() for part in wanted.split(",")
    )


def _find_range_fault(wanted: InputSchema, value: float) -> tuple[str, str] | None:
    if wanted.min is not None and value < wanted.min:
        return "out_of_range", f"{_show(value)} is below the minimum {wanted.min}"
    if wanted.max is not None and value > wanted.max:
        return "out_of_range", f"{_show(value)} is above the maximum {wanted.max}"
    return None


def _find_list_fault(value: Json, choices: tuple[str, ...]) -> tuple[str, str] | None:
    if value in choices:
        return None
    shown = ", ".join(choices[:_SHOWN_CHOICES]) + (", …" if len(choices) > _SHOWN_CHOICES else "")
    return "not_in_list", f"{_show(value)} is none of: {shown}"


def _show(value: Json) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python prints
        text = "a number of thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
