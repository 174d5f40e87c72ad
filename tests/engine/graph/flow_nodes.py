"""Nodes with lists, lazy inputs, blockers, subgraphs and waiting, and what they give, worked out naively."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from engine.graph.document import Graph, Link
from engine.graph.flow import Block, Expansion, SubCall
from engine.graph.kinds import IntWidget, Lazy
from engine.graph.spec import AnyNode, node
from tests.engine.graph.toy_nodes import Number

Small = Annotated[int, IntWidget(0, 100_000)]
MODULUS = 1_000_003


@node("Items", category="toys")
def items(*, a: Number, count: Small = 3) -> list[Number]:
    """a, a + 1, and so on."""
    return [Number(a.value + index) for index in range(count)]


@node("Total", category="toys")
def total(*, values: Sequence[Number], start: Sequence[Small] = (0,)) -> Number:
    """The sum of a list."""
    return Number((sum(value.value for value in values) + sum(start)) % MODULUS)


def choose_branch(*, condition: Number) -> tuple[str, ...]:
    return ("odd",) if condition.value % 2 else ("even",)


@node("Switch", category="toys", needs=choose_branch)
def switch(
    *,
    condition: Number,
    odd: Annotated[Number | None, Lazy()],
    even: Annotated[Number | None, Lazy()],
) -> Number:
    """One of two, by the condition; the other's source need not run."""
    chosen = odd if condition.value % 2 else even
    assert chosen is not None
    return chosen


@node("Guard", category="toys")
def guard(*, a: Number) -> Number | Block:
    """Lets only even numbers through."""
    return Block() if a.value % 2 else a


@node("Refusal", category="toys")
def refusal(*, a: Number) -> Number | Block:
    """Lets nothing through, and says so."""
    return Block(f"{a.value} is not wanted")


@node("Repeat", category="toys")
def repeat(*, a: Number, step: Number, times: Small = 3) -> Number | Expansion:
    """a + step * times, by a loop that is a subgraph in a subgraph in a subgraph."""
    if times == 0:
        return a
    rest = {"a": Link("sum", 0), "step": step, "times": times - 1}
    nodes = {"sum": SubCall("Add", {"a": a, "b": step}), "rest": SubCall("Repeat", rest)}
    return Expansion(nodes, (Link("rest", 0),))


@node("Later", category="toys")
async def later(*, a: Number, rounds: Small = 1) -> Number:
    """a, after a while."""
    for _ in range(rounds):
        await asyncio.sleep(0)
    return a


FLOW_NODES: tuple[AnyNode, ...] = (items, total, switch, guard, refusal, repeat, later)

BLOCKED = "blocked"
Item = int | str


def evaluate(graph: Graph, node: str) -> list[Item]:
    """What a node's only output carries, by plain recursion. Raises ZeroDivisionError at `Fail`."""
    call = graph.nodes[node]
    links = {name: link.node for name, link in call.links()}
    constants: Mapping[str, object] = {
        name: value for name, value in call.inputs.items() if name not in links
    }
    if call.class_type == "Switch":
        return _evaluate_switch(graph, links)
    lists = {name: evaluate(graph, source) for name, source in links.items()}
    if call.class_type == "Total":
        values = lists["values"]
        return [BLOCKED] if BLOCKED in values else [sum(values) % MODULUS]  # type: ignore[arg-type]
    found: list[Item] = []
    for arguments in _zip_lists(lists):
        found += [BLOCKED] if BLOCKED in arguments.values() else _call(call.class_type, arguments, constants)
    return found


def _zip_lists(lists: Mapping[str, list[Item]]) -> list[dict[str, Item]]:
    if any(not values for values in lists.values()):
        return []
    longest = max((len(values) for values in lists.values()), default=1)
    padded = {name: values + values[-1:] * (longest - len(values)) for name, values in lists.items()}
    return [{name: values[index] for name, values in padded.items()} for index in range(longest)]


def _call(class_type: str, a: Mapping[str, Item], constants: Mapping[str, object]) -> list[Item]:
    rules: dict[str, Callable[[], list[Item]]] = {
        "Constant": lambda: [constants["value"]],  # type: ignore[list-item]
        "Add": lambda: [(a["a"] + a["b"]) % MODULUS],  # type: ignore[operator]
        "Items": lambda: [a["a"] + index for index in range(constants["count"])],  # type: ignore[operator, call-overload]
        "Guard": lambda: [BLOCKED if a["a"] % 2 else a["a"]],  # type: ignore[operator]
        "Refusal": lambda: [BLOCKED],
        "Repeat": lambda: [_repeat(a["a"], a["step"], constants["times"])],  # type: ignore[arg-type]
        "Later": lambda: [a["a"]],
        "Show": lambda: [a["a"]],
        "Fail": lambda: [1 // 0],
    }
    return rules[class_type]()


def _repeat(a: int, step: int, times: int) -> int:
    return a if times == 0 else _repeat((a + step) % MODULUS, step, times - 1)


def _evaluate_switch(graph: Graph, links: Mapping[str, str]) -> list[Item]:
    """Branches that no condition asks for count as one nothing."""
    conditions = evaluate(graph, links["condition"])
    there: dict[str, list[Item]] = {"odd": [-1], "even": [-1]}
    for parity, branch in ((1, "odd"), (0, "even")):
        if any(value != BLOCKED and value % 2 == parity for value in conditions):  # type: ignore[operator]
            there[branch] = evaluate(graph, links[branch])
    return [
        BLOCKED if BLOCKED in found.values() else found["odd" if found["condition"] % 2 else "even"]  # type: ignore[operator]
        for found in _zip_lists({"condition": conditions, **there})
    ]
