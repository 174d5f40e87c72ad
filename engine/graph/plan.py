"""Which nodes have to run and in which order. Nothing here recurses: graphs may be chains of 20 000 nodes."""

from collections import deque
from collections.abc import Collection, Iterable

from engine.graph.document import Graph


def order_nodes(graph: Graph, targets: Iterable[str]) -> list[str]:
    """`targets` and all that they need, each node behind its sources; one target's sources before the next's.

    Links to nodes that do not exist are passed over. In a cycle the order is arbitrary: validate first.
    """
    ordered: list[str] = []
    seen: set[str] = set()
    stack = [(target, False) for target in reversed(list(targets))]
    while stack:
        node, are_sources_done = stack.pop()
        if are_sources_done:
            ordered.append(node)
        elif node not in seen and node in graph.nodes:
            seen.add(node)
            stack.append((node, True))
            stack.extend((link.node, False) for _, link in reversed(list(graph.nodes[node].links())))
    return ordered


def find_consumers(graph: Graph, nodes: Collection[str]) -> set[str]:
    """`nodes` and all that need them."""
    consumers: dict[str, list[str]] = {}
    for node, call in graph.nodes.items():
        for _, link in call.links():
            consumers.setdefault(link.node, []).append(node)
    found = set(nodes)
    pending = list(nodes)
    while pending:
        new = [node for node in consumers.get(pending.pop(), ()) if node not in found]
        found.update(new)
        pending += new
    return found


def part_of(graph: Graph, targets: Iterable[str]) -> Graph:
    """The graph of `targets` and all that they need, in the graph's order."""
    needed = frozenset(order_nodes(graph, targets))
    return Graph({node: call for node, call in graph.nodes.items() if node in needed})


def find_cycles(graph: Graph) -> list[list[str]]:
    """Cycles, at least one out of each knot; each as its nodes in the direction of the links."""
    stuck = _find_stuck(graph)
    cycles: list[list[str]] = []
    seen: set[str] = set()
    for start in stuck:
        walk: dict[str, None] = {}
        node = start
        # Every stuck node has a stuck source, so going upstream ends in a cycle or on an earlier walk.
        while node not in seen:
            seen.add(node)
            walk[node] = None
            node = next(link.node for _, link in graph.nodes[node].links() if link.node in stuck)
        if node in walk:
            path = list(walk)
            cycles.append(path[path.index(node) :][::-1])
    return cycles


def _find_stuck(graph: Graph) -> dict[str, None]:
    """Nodes that lie in a cycle or behind one, in the graph's order (Kahn's algorithm leaves them over)."""
    waiting_for = dict.fromkeys(graph.nodes, 0)
    consumers: dict[str, list[str]] = {node: [] for node in graph.nodes}
    for node, call in graph.nodes.items():
        for _, link in call.links():
            if link.node in consumers:
                waiting_for[node] += 1
                consumers[link.node].append(node)
    ready = deque(node for node, count in waiting_for.items() if count == 0)
    while ready:
        for consumer in consumers[ready.popleft()]:
            waiting_for[consumer] -= 1
            if waiting_for[consumer] == 0:
                ready.append(consumer)
    return {node: None for node, count in waiting_for.items() if count > 0}
