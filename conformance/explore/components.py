"""Strongly connected components that nothing leaves (Tarjan 1972, without recursion).

A graph is given as rows: the targets of node *n* are ``targets[rows[n]:rows[n + 1]]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def bottom_components(rows: Sequence[int], targets: Sequence[int]) -> Iterator[list[int]]:
    """Every component that no edge leaves, as lists of nodes; single nodes included."""
    size = len(rows) - 1
    order = [0] * size  # 0: not met; else the number in order of discovery
    low = [0] * size
    at = list(rows[:size])
    closed = bytearray(size)  # whether the node's component is complete
    stack: list[int] = []
    count = 0
    for root in range(size):
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
