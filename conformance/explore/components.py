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
    size = len(rows) - 1
    reaches = bytearray(size)
    left = []
    end = rows[size]
    for node in range(size - 1, -1, -1):
        begin = rows[node]
        for target in targets[begin:end]:
            if reaches[target]:
                reaches[node] = 1
                break
        else:
            if max(targets[begin:end], default=node) <= node and goal(node):
                reaches[node] = 1
            else:
                left.append(node)
        end = begin
    while True:
        fewer = []
        for node in left:
            if any(reaches[target] for target in targets[rows[node] : rows[node + 1]]):
                reaches[node] = 1
            else:
                fewer.append(node)
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
