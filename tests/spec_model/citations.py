"""Where the model's sources cite steps, and in which order on each way through a function.

*Ascending* is meant so.  A function is read as its ways from beginning to end: the arms
of an ``if`` or a ``match`` are alternatives, a loop's body is passed once, and an arm
that returns or raises leads nowhere.  On each way the steps of one algorithm come in the
order in which they stand in the text, which is the order of the table: a list's own
steps before those nested in it, and the lists of callbacks (``RECORD-11.Q``,
``RECORD-11.R``) where they hang.  Steps of different algorithms may interleave: an
algorithm that runs another one inside a step stands still meanwhile.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs

from spec_model.steps import STEPS, cited_by

PLACE = {step: at for at, step in enumerate(STEPS)}

Passed: TypeAlias = dict[str, str]
"""The last step of each algorithm that was passed."""


@attrs.frozen
class Misplaced:
    """``later`` is cited after ``earlier`` on some way, but stands before it (or is it again)."""

    file: str
    function: str
    line: int
    earlier: str
    later: str


def misplaced(path: Path) -> Iterator[Misplaced]:
    """The citations of a source that are out of order."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            found: list[Misplaced] = []
            _walk(node.body, {}, path.name, node.name, found)
            yield from dict.fromkeys(found)


def _walk(
    block: Sequence[ast.stmt], passed: Passed, file: str, function: str, found: list[Misplaced]
) -> Passed | None:
    """What was passed at the end of a block; None if no way leads there."""
    for statement in block:
        for call in _own_calls(statement):
            for step in cited_by(call):
                algorithm = step.split("-", 1)[0]
                last = passed.get(algorithm)
                if last is not None and PLACE[last] >= PLACE[step]:
                    found.append(Misplaced(file, function, call.lineno, last, step))
                passed = {**passed, algorithm: step}
        arms = _arms(statement)
        if arms:
            ends = [_walk(arm, passed, file, function, found) for arm in arms]
            onward = [end for end in ends if end is not None]
            if not onward:
                return None
            passed = _furthest(onward)
        elif isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return None
    return passed


def _arms(statement: ast.stmt) -> list[list[ast.stmt]]:
    match statement:
        case ast.If():
            return [statement.body, statement.orelse]
        case ast.For() | ast.While():
            return [statement.body, []]
        case ast.With():
            return [statement.body]
        case ast.Match():
            return [*(case.body for case in statement.cases), []]
        case _:
            return []


def _own_calls(statement: ast.stmt) -> list[ast.Call]:
    """The calls of a statement that are not in its arms, in source order."""
    calls: list[ast.Call] = []
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call):
            calls.append(node)
        todo += (
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt | ast.match_case | ast.Lambda)
        )
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _furthest(ends: Sequence[Passed]) -> Passed:
    joined: Passed = {}
    for end in ends:
        for algorithm, step in end.items():
            if algorithm not in joined or PLACE[joined[algorithm]] < PLACE[step]:
                joined[algorithm] = step
    return joined
