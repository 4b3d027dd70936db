"""Strongly connected components that nothing leaves (Tarjan 1972, without recursion).

A graph is given as rows: the targets of node *n* are ``targets[rows[n]:rows[n + 1]]``.

Most nodes of a graph that is searched for such components can be left out at a tenth of the
cost: those from which a node is reached that cannot be in a component one looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def not_reaching(
    goal: Callable[[int], bool], rows: Sequence[int], targets: Sequence[int]
) -> list[int]:
    """The nodes from which no node is reached that is known to be a goal; no edge leaves them.

    Only nodes that lead to none that was found later are asked.  From the last node to the first,
    since most edges lead to nodes that were found later; again and again, until nothing changes.
    """
    reaches = bytearray(len(rows) - 1)

    def is_left(node: int) -> bool:
        if any(map(reaches.__getitem__, targets[rows[node] : rows[node + 1]])):
            reaches[node] = 1
        return not reaches[node]

    left = []
    for node in range(len(rows) - 2, -1, -1):
        if is_left(node):
            last = max(targets[rows[node] : rows[node + 1]], default=node)
            reaches[node] = last <= node and goal(node)
            if not reaches[node]:
                left.append(node)
    while True:
        fewer = [node for node in left if is_left(node)]
        if len(fewer) == len(left):
            return fewer[::-1]
        left = fewer


def bottom_components(
    rows: Sequence[int], targets: Sequence[int], within: Iterable[int] | None = None
) -> Iterator[list[int]]:
    """Every component that no edge leaves, as lists of nodes; single nodes included.

    ``within``: only these nodes, which no edge leaves together.
    """
    size = len(rows) - 1
    order = [0] * size  # 0: not met; else the number in order of discovery
    low = [0] * size
    at = list(rows[:size])
    closed = bytearray(size)  # whether the node's component is complete
    stack: list[int] = []
    count = 0
    for root in range(size) if within is None else within:
        if order[root]:
            continue
        path = [root]
        count += 1
        order[root] = low[root] = count
        stack.append(root)
        while path:
            node = path[-1]
            if at[node] < rows[node + 1]:
                target = targets[at[node]]
                at[node] += 1
                if not order[target]:
                    count += 1
                    order[target] = low[target] = count
                    stack.append(target)
                    path.append(target)
                elif not closed[target] and order[target] < low[node]:
                    low[node] = order[target]
                continue
            path.pop()
            if path and low[node] < low[path[-1]]:
                low[path[-1]] = low[node]
            if low[node] != order[node]:
                continue
            component = []
            while True:
                member = stack.pop()
                component.append(member)
                if member == node:
                    break
            inside = set(component)
            if all(t in inside for n in component for t in targets[rows[n] : rows[n + 1]]):
                yield component
            for member in component:
                closed[member] = 1
