"""The changes of the text that are tried to explain a trace.

Mutants of the model (``conformance.mutate``) change one place: they name their step
exactly.  An implementation that is wrong in its own way may do none of them and still be
wrong about one algorithm: it has no such check, or takes it the other way round, or does
nothing where something is to be done.  So every algorithm is also changed as a whole.
Such a change speaks for all steps of the algorithm, and for each of them less.  And an
implementation may have taken the text at its word where only another reading conforms.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator

import attrs

from conformance.mutate.citations import told
from conformance.mutate.mutants import Algorithm, Mutant, algorithms, compiled, mutants
from spec_model.editions import AMENDED, CLUSTERS, SYNC_CLUSTERS, Edition
from spec_model.systems import TEXTS

_SAID = CLUSTERS | SYNC_CLUSTERS

WHOLE = "whole"
"""The operator of changes to a whole algorithm."""


@attrs.frozen
class AsWritten:
    """The text at its word: one cluster of amendments does not apply."""

    cluster: str

    @property
    def key(self) -> str:
        """What tells it from other changes."""
        return f"as-written/{self.cluster}"

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that the cluster's errata are about."""
        errata = (each for text in TEXTS.values() for each in text.errata.values())
        found = (step for each in errata if each.cluster == self.cluster for step in each.steps)
        return tuple(dict.fromkeys(found))

    @property
    def edition(self) -> Edition:
        """The amended text without it."""
        return AMENDED.without(self.cluster)

    def __str__(self) -> str:
        return f"the text as written, where {self.cluster} says: {_SAID[self.cluster]}"


Deviation = Mutant | AsWritten


@functools.cache
def literal() -> tuple[AsWritten, ...]:
    """The text at its word, cluster by cluster."""
    return tuple(map(AsWritten, _SAID))


@functools.cache
def changes() -> tuple[Mutant, ...]:
    """Every change that can be blamed on a step: the mutants, then whole algorithms."""
    wholes = (each for algorithm in algorithms() for each in _wholes(algorithm))
    return tuple(each for each in (*mutants(), *wholes) if each.steps)


def _wholes(algorithm: Algorithm) -> Iterator[Mutant]:
    tree = algorithm.tree
    cited = dict.fromkeys(step for _, ids in algorithm.citations.taken for step in ids)
    steps = tuple(cited) or told(tree)
    if algorithm.schedules or not steps:
        return
    lines = (tree.body[0].lineno, tree.end_lineno or tree.lineno)
    for said, block in _bodies(tree):
        key = f"{algorithm.full}/{WHOLE}/{said}"
        code = compiled(algorithm, block)
        where = (algorithm.module, algorithm.name)
        yield Mutant(key, *where, WHOLE, said, lines, steps, code)


def _bodies(tree: ast.FunctionDef) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Other bodies for a function, each with what it then does."""
    returned = ast.unparse(tree.returns) if tree.returns else ""
    kinds = returned.split(" | ")
    if returned == "bool":
        yield "the contrary were so", _Contrary().visit(copy.deepcopy(tree)).body
    if returned in ("tuple[int, ...]", "tuple[str, ...]"):
        yield "the order were another one", _Backwards().visit(copy.deepcopy(tree)).body
    if "None" in kinds and len(kinds) > 1:
        yield "nothing were found", [_giving(ast.Constant(None))]
    for parameter in tree.args.args:
        kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
        if kind in kinds and kind not in ("bool", "str"):
            yield "nothing were done", [_giving(ast.Name(parameter.arg, ast.Load()))]
            return


def _giving(value: ast.expr) -> ast.stmt:
    return ast.Return(value)


class _Returning(ast.NodeTransformer):
    """Makes something else of what a function returns."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """The same statement with another value."""
        assert node.value is not None
        return ast.copy_location(ast.Return(self.instead(node.value)), node)

    def instead(self, value: ast.expr) -> ast.expr:
        """The other value."""
        raise NotImplementedError


class _Contrary(_Returning):
    def instead(self, value: ast.expr) -> ast.expr:
        """Not so."""
        return ast.UnaryOp(ast.Not(), value)


class _Backwards(_Returning):
    def instead(self, value: ast.expr) -> ast.expr:
        """The last one first."""
        backwards = ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))
        return ast.Subscript(value, backwards, ast.Load())
