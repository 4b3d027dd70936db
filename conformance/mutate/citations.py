"""Which steps of the text a place in the model's code belongs to.

``d.take("RECORD-3")`` stands above the lines that do step 3, so a place belongs to the
citation inside it, else to the nearest one above it in its function, else to the first
one below.  A helper that cites nothing in code may name its steps in its docstring; else
it works for the places that call it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

import attrs

from spec_model import steps
from spec_model.background_sync import steps as sync_steps

STEPS = frozenset((*steps.STEPS, *sync_steps.STEPS))
"""The ids of every step of either text."""

_ID = re.compile(r"\b(?:[A-Z]+-)+[0-9](?:[0-9A-Za-z.]*[0-9A-Za-z])?")


@attrs.frozen
class Citations:
    """The citations of one function: line and ids, in the order of the text."""

    function: ast.FunctionDef
    taken: tuple[tuple[int, tuple[str, ...]], ...]
    calls: Mapping[str, list[ast.AST]]
    """What is called (or read as an attribute), by its plain name, to the places."""

    @classmethod
    def of(cls, function: ast.FunctionDef) -> Citations:
        """Read a function."""
        taken: list[tuple[int, tuple[str, ...]]] = []
        calls: dict[str, list[ast.AST]] = {}
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(attr="take"), args=args):
                    taken.append((node.lineno, _ids(args)))
                case ast.Call(func=ast.Name(id=name)) | ast.Attribute(attr=name):
                    calls.setdefault(name, []).append(node)
        return cls(function, tuple(sorted(taken)), calls)

    def at(self, nodes: Iterable[ast.AST]) -> tuple[str, ...]:
        """The steps of these places in the function; empty if it cites none at all."""
        found: list[str] = []
        for node in nodes:
            found += self._near(node.lineno, node.end_lineno or node.lineno)  # type: ignore[attr-defined]  # edits are made at statements and expressions, which have lines
        return tuple(dict.fromkeys(found))

    def _near(self, first: int, last: int) -> tuple[str, ...]:
        inside = [each for line, ids in self.taken if first <= line <= last for each in ids]
        above = [(line, ids) for line, ids in self.taken if line < first]
        # Citations on neighbouring lines are one that was too long for a line.
        near: list[str] = []
        line = first
        for at, ids in reversed(above):
            if near and line - at > 1:
                break
            near, line = [*ids, *near], at
        below = [ids for at, ids in self.taken if at > last]
        if inside or near:
            return (*near, *inside)
        return below[0] if below else told(self.function)


def told(function: ast.FunctionDef) -> tuple[str, ...]:
    """The steps that a docstring names."""
    said = ast.get_docstring(function) or ""
    return tuple(dict.fromkeys(each for each in _ID.findall(said) if each in STEPS))


def callers(
    name: str, functions: Mapping[str, Citations], seen: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """The steps of the places that call a function which cites nothing itself."""
    found: list[str] = []
    for caller, citations in functions.items():
        if caller == name or caller in seen:
            continue
        if calls := citations.calls.get(name.rpartition(".")[2]):
            found += citations.at(calls) or callers(caller, functions, seen | {name, caller})
    return tuple(dict.fromkeys(found))


def _ids(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    words = (each for node in nodes for each in ast.walk(node))
    texts = [each.value for each in words if isinstance(each, ast.Constant)]
    return tuple(each for each in texts if isinstance(each, str) and each in STEPS)
