"""Changes of the model that change nothing, and so are no mutants.

Each rule says why no run, no judge and no reader of a trace could tell:

- *A citation* (``d.take``) says which step is taken.  What is explained depends on it, what
  is computed does not; that every step is cited, and where, is checked beside the registry.
  An ``if`` or ``for`` that does nothing but cite is one too.  So to drop a step is to drop
  what it does.
- *Order that cannot matter*: neither of two statements reads or binds a name that the
  other binds, and not both may leave the function.
- *Guards that exclude each other*: they ask which of several constants or classes one value
  is.
- *Guards that say the same*: both leave the function with the same value, but for the words
  that say why.  A page that is rejected with a ``TypeError`` sees no step; which of two
  reasons a user interface has for a refusal is said to the reader of an explanation only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence


def is_silent(statement: ast.stmt) -> bool:
    """Whether it cites steps and does nothing else."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="take"))):
            return True
        case (
            ast.If(test=asked, body=body, orelse=other)
            | ast.For(iter=asked, body=body, orelse=other)
        ):
            return not _asks(asked) and all(is_silent(each) for each in (*body, *other))
    return False


def _asks(node: ast.AST) -> bool:
    """Whether a driver is asked something: its answers are part of what is judged."""
    return any(isinstance(each, ast.Attribute) and each.attr == "choose" for each in ast.walk(node))


def bound(*nodes: ast.AST) -> set[str]:
    """Names that are bound here."""
    return names(nodes, ast.Store)


def names(nodes: Sequence[ast.AST], kind: type[ast.expr_context]) -> set[str]:
    """Names that are read here, or bound."""
    return {
        each.id
        for node in nodes
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, kind)
    }


def depend(one: list[ast.stmt], two: list[ast.stmt]) -> bool:
    """Whether their order can matter: one reads what the other binds, or both may return."""
    binds, binds_too = bound(*one), bound(*two)
    if binds & (names(two, ast.Load) | binds_too) or binds_too & names(one, ast.Load):
        return True
    mine, other = _ways_out(one), _ways_out(two)
    return bool(mine and other) and mine != other


def exclude(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether two guards ask which of several things one value is: never both are true."""
    match one, two:
        case ast.If(test=test), ast.If(test=other):
            this, that = _kinds(test), _kinds(other)
            if this is not None and that is not None:
                return this[0] == that[0] and not this[1] & that[1]
    return False


def _kinds(test: ast.expr) -> tuple[str, frozenset[str]] | None:
    """What a test compares, with which constants or classes; None for other tests."""
    match test:
        case ast.Call(func=ast.Name(id="isinstance"), args=[subject, kind]):
            return ast.unparse(subject), frozenset((ast.unparse(kind),))
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[constant]):
            return ast.unparse(left), frozenset((ast.unparse(constant),))
        case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Tuple(elts=constants)]):
            return ast.unparse(left), frozenset(map(ast.unparse, constants))
        case ast.BoolOp(op=ast.And(), values=[first, *_]):
            return _kinds(first)
    return None


def _ways_out(unit: list[ast.stmt]) -> set[str]:
    """How a unit may leave its block, but for what it says of the reason."""
    return {
        _unexplained(node)
        for statement in unit
        for node in ast.walk(statement)
        if isinstance(node, (ast.Return, ast.Continue))
    }


def _unexplained(way: ast.Return | ast.Continue) -> str:
    said = ast.unparse(way)
    for reason in _reasons(way):
        said = said.replace(ast.unparse(reason), "...")
    return said


def _reasons(node: ast.AST) -> Iterator[ast.expr]:
    """Words for a reader: the step of a rejection, and why a user agent stays as it is."""
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Name(id="Rejected"), args=[_, step]):
                yield step
            case ast.Return(value=ast.Tuple(elts=[ast.Name(id="agent"), ast.Constant() as why])):
                if isinstance(why.value, str):
                    yield why
