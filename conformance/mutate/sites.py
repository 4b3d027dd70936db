"""What can be changed in a function of the model: one ``Edit`` for each change.

The model is functional: a function returns a changed copy, most often by
``attrs.evolve``.  So "drop a step" has several forms here: leave out a statement or all
statements under a citation, leave a slot as it was, do not enqueue or show something,
give back what came in.

Left out is what could only crash: a statement without which a later one has an unbound
name, a final ``return``, a swap after which a name is read before it is bound.  A mutant
that crashes is noticed by anything and shows nothing.  Left out, too, is what changes
nothing (``sameness``).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import attrs

from conformance.mutate.sameness import bound, depend, exclude, is_silent, names

OPERATORS = {
    "drop": "leave a step out",
    "negate": "negate a condition",
    "swap": "take two neighbouring steps in the other order",
    "resolve": "fulfil a promise that ought to be rejected",
    "reject": "reject a promise that ought to be fulfilled",
    "error": "reject with another error",
    "constant": "another result, reason, status or flag",
    "limit": "one more or one less at a limit",
}
"""The operators and what each does."""

ERRORS = {
    "TypeError": "InvalidStateError",
    "InvalidStateError": "TypeError",
    "NotAllowedError": "TypeError",
    "QuotaExceededError": "TypeError",
    "AbortError": "TypeError",
}
CONSTANTS: dict[object, object] = {
    "success": "bad-status",
    "bad-status": "fetch-error",
    "fetch-error": "bad-status",
    "quota-exceeded": "fetch-error",
    "download-total-exceeded": "quota-exceeded",
    "aborted": "fetch-error",
    "failure": "success",
    200: 206,
    206: 200,
    416: 404,
}
CHAINED = ("enqueue_", "say", "put")
"""Methods that give a changed copy of what they are called on."""

Function: TypeAlias = ast.FunctionDef


@attrs.frozen(eq=False)
class Edit:
    """``field`` of ``node`` becomes ``value``; ``at`` is the changed place in the function."""

    operator: str
    node: ast.AST
    field: str
    value: object
    at: tuple[ast.AST, ...]
    before: str
    after: str

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The function's own tree has this change until the block ends."""
        held = getattr(self.node, self.field)
        setattr(self.node, self.field, self.value)
        try:
            yield
        finally:
            setattr(self.node, self.field, held)


def edits(function: Function) -> Iterator[Edit]:
    """Every change to one function, in the order of its text; no two are the same change."""
    seen = set()
    for edit in (*_statements(function), *_expressions(function)):
        change = (*map(_place, edit.at), edit.before, edit.after)
        if change not in seen:
            seen.add(change)
            yield edit


def _place(node: ast.AST) -> tuple[int, int]:
    assert isinstance(node, (ast.expr, ast.stmt))
    return node.lineno, node.col_offset


# --- statements -----------------------------------------------------------------------


def _statements(function: Function) -> Iterator[Edit]:
    parameters = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    for node in ast.walk(function):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield from _drops(function, parameters, node, field, block)
                yield from _swaps(function, parameters, node, field, block)


def _drops(
    function: Function, known: set[str], node: ast.AST, field: str, block: list[ast.stmt]
) -> Iterator[Edit]:
    for first, last in _groups(block):
        dropped = block[first:last]
        if all(_droppable(function, known, each) for each in dropped):
            kept: list[ast.stmt] = [*block[:first], *block[last:]]
            text = _text(dropped)
            yield Edit("drop", node, field, kept or [ast.Pass()], tuple(dropped), text, "")


def _groups(block: list[ast.stmt]) -> Iterator[tuple[int, int]]:
    """Every statement by itself, and all that stand under one citation if they are several."""
    for index, statement in enumerate(block):
        if not is_silent(statement):
            yield index, index + 1
    starts = [i for i, each in enumerate(block) if is_silent(each)]
    for start, end in itertools.pairwise([*starts, len(block)]):
        if end - start > 2:
            yield start + 1, end


def _droppable(function: Function, known: set[str], statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assert, ast.Pass, ast.Raise, ast.Return)) or _ends(statement):
        return False
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return False
    if isinstance(statement, ast.If) and isinstance(statement.body[0], ast.Raise):
        return False  # an assertion about the caller, in other words
    return not _fresh(function, known, statement)


def _fresh(function: Function, known: set[str], statement: ast.stmt) -> set[str]:
    """Names that this statement is the first to bind and that are read after it."""
    earlier, later = set(known), set[str]()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store) and _before(node, statement):
                earlier.add(node.id)
            elif isinstance(node.ctx, ast.Load) and not _before(node, statement):
                later.add(node.id)
    return (bound(statement) - earlier) & later


def _before(node: ast.Name, statement: ast.stmt) -> bool:
    return (node.lineno, node.col_offset) < (statement.lineno, statement.col_offset)


def _ends(statement: ast.stmt) -> bool:
    """Whether nothing after it in its block is ever reached."""
    if isinstance(statement, (ast.Return, ast.Raise, ast.Match)):
        return True
    if not isinstance(statement, ast.If) or not statement.orelse:
        return False
    return _ends(statement.body[-1]) and _ends(statement.orelse[-1])


def _swaps(
    function: Function, known: set[str], node: ast.AST, field: str, block: list[ast.stmt]
) -> Iterator[Edit]:
    units = _units(block)
    for index in range(len(units) - 1):
        one, two = units[index], units[index + 1]
        if any(map(_ends, (*one, *two))) or any(_is_prose(each) for each in (*one, *two)):
            continue
        fresh = {name for each in one for name in _fresh(function, known, each)}
        if fresh & names(two, ast.Load) or not depend(one, two) or exclude(one[-1], two[-1]):
            continue
        swapped = [*units[:index], two, one, *units[index + 2 :]]
        body = [each for unit in swapped for each in unit]
        where = (one[-1], two[-1])
        yield Edit("swap", node, field, body, where, _text(one), _text(two))


def _units(block: list[ast.stmt]) -> list[list[ast.stmt]]:
    """Statements, each with the citations above it."""
    found: list[list[ast.stmt]] = [[]]
    for statement in block:
        found[-1].append(statement)
        if not is_silent(statement):
            found.append([])
    return found if found[-1] else found[:-1]


def _is_prose(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assert) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _text(statements: Sequence[ast.stmt]) -> str:
    told = [each for each in statements if not is_silent(each)]
    return "; ".join(ast.unparse(each).split("\n")[0] for each in told)


# --- expressions ----------------------------------------------------------------------


def _expressions(function: Function) -> Iterator[Edit]:
    returned = ast.unparse(function.returns) if function.returns else ""
    for statement in _all_statements(function.body):
        if is_silent(statement) or _is_prose(statement):
            continue
        if isinstance(statement, ast.Return) and statement.value is not None:
            yield from _returning(function, statement, statement.value, returned)
        for parent, field, index, child, asked in _children(statement):
            for operator, new in _changed(parent, child, returned, asked):
                value: object = new
                if index is not None:
                    held = list(getattr(parent, field))
                    held[index] = new
                    value = held
                before, after = _told(child, new)
                yield Edit(operator, parent, field, value, (child,), before, after)


def _told(old: ast.expr, new: ast.expr) -> tuple[str, str]:
    """Before and after; of a slot that is left as it was only the slot."""
    if isinstance(old, ast.Call) and isinstance(new, ast.Call):
        lost = [each for each in old.keywords if each not in new.keywords]
        if lost:
            return f"{ast.unparse(lost[0])} in {ast.unparse(old.func)}", ""
    return ast.unparse(old), ast.unparse(new)


def _all_statements(block: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in block:
        yield statement
        for node in ast.iter_child_nodes(statement):
            if isinstance(node, ast.stmt):
                yield from _all_statements([node])
            elif isinstance(node, ast.match_case):
                yield from _all_statements(node.body)


Place: TypeAlias = tuple[ast.AST, str, int | None, ast.expr, bool]
"""Parent, field, index in it, the expression, and whether its truth decides something."""


def _children(node: ast.AST, asked: bool = False) -> Iterator[Place]:
    """The expressions of one statement, each with where it stands; not those of its blocks."""
    for field, value in ast.iter_fields(node):
        if field == "annotation" or _is_question(node, field):
            continue
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, item in items:
            if isinstance(item, ast.expr):
                decides = _decides(node, field, item, asked)
                yield node, field, index, item, decides
                yield from _children(item, decides)
            elif isinstance(item, ast.match_case):
                if item.guard is not None:
                    yield item, "guard", None, item.guard, True
            elif isinstance(item, (ast.keyword, ast.comprehension)):
                yield from _children(item)


def _decides(parent: ast.AST, field: str, node: ast.expr, asked: bool) -> bool:
    """Whether an expression is a condition, or a part of one."""
    if isinstance(parent, (ast.BoolOp, ast.UnaryOp)):
        return asked and not isinstance(node, ast.Constant)
    if field in ("test", "ifs", "guard"):
        return True
    # What is kept of a comparison, such as ``left = a and not b``; not ``x or default``.
    return (
        field == "value"
        and isinstance(node, (ast.BoolOp, ast.Compare, ast.UnaryOp))
        and any(isinstance(each, ast.Compare) for each in ast.walk(node))
    )


def _is_question(node: ast.AST, field: str) -> bool:
    """The key and options of ``d.choose`` and the like: names, not behaviour."""
    return (
        isinstance(node, ast.Call)
        and field == "args"
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("choose", "repaired", "take")
    )


def _returning(
    function: Function, statement: ast.Return, value: ast.expr, returned: str
) -> Iterator[Edit]:
    """Give back what came in; or the contrary of a truth value."""
    before = ast.unparse(value)
    at = (value,)
    if returned == "bool":
        yield Edit("negate", statement, "value", _not(value), at, before, ast.unparse(_not(value)))
        return
    if not isinstance(value, ast.Call):
        return
    for parameter in function.args.args:
        if parameter.annotation and ast.unparse(parameter.annotation) in returned.split(" | "):
            same = ast.Name(parameter.arg, ast.Load())
            yield Edit("drop", statement, "value", same, at, before, parameter.arg)
            return


def _changed(
    parent: ast.AST, node: ast.expr, returned: str, asked: bool
) -> Iterator[tuple[str, ast.expr]]:
    # "not x" and "x" are one condition: the inner one is negated with the outer.
    if asked and not isinstance(parent, ast.UnaryOp):
        yield "negate", _not(node)
    match node:
        case ast.Call():
            yield from _changed_call(node, parent, returned)
        case ast.Compare():
            yield from _other_limits(node)
        case ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=1)):
            yield "limit", node.left
        case ast.Constant(value=bool()):
            if not isinstance(parent, ast.Compare):
                yield "constant", ast.Constant(not node.value)
        case ast.Constant():
            if node.value in ERRORS:
                yield "error", ast.Constant(ERRORS[str(node.value)])
            elif node.value in CONSTANTS:
                yield "constant", ast.copy_location(_constant(CONSTANTS[node.value]), node)


def _constant(value: object) -> ast.Constant:
    assert isinstance(value, (str, int))
    return ast.Constant(value)


def _not(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return ast.Constant(not node.value)
    return ast.UnaryOp(ast.Not(), node)


def _other_limits(node: ast.Compare) -> Iterator[tuple[str, ast.expr]]:
    other: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Gt: ast.GtE(),
        ast.GtE: ast.Gt(),
        ast.Lt: ast.LtE(),
        ast.LtE: ast.Lt(),
    }
    for index, operator in enumerate(node.ops):
        if type(operator) in other:
            changed = [*node.ops[:index], other[type(operator)], *node.ops[index + 1 :]]
            yield "limit", ast.Compare(node.left, changed, node.comparators)


def _changed_call(node: ast.Call, parent: ast.AST, returned: str) -> Iterator[tuple[str, ast.expr]]:
    name = ast.unparse(node.func)
    if name == "Rejected":
        # Where a function has to give something, "not rejected" is a dropped guard.
        if not (isinstance(parent, ast.Return) and "None" not in returned):
            yield "resolve", ast.Constant(None)
    elif name in ("min", "max"):
        other = ast.Name("max" if name == "min" else "min", ast.Load())
        yield "limit", ast.Call(other, node.args, node.keywords)
    elif name in ("any", "all"):
        other = ast.Name("all" if name == "any" else "any", ast.Load())
        yield "negate", ast.Call(other, node.args, node.keywords)
    elif name == "attrs.evolve":
        for index in range(len(node.keywords)):
            kept = [*node.keywords[:index], *node.keywords[index + 1 :]]
            yield "drop", ast.Call(node.func, node.args, kept)
    elif isinstance(node.func, ast.Attribute) and node.func.attr.startswith(CHAINED):
        yield "drop", node.func.value
    if name in ("_settle", "SettlePromise", "PromiseSettled"):
        *rest, value = node.args
        if not any(word in ast.unparse(value) for word in ("Rejected", "refused")):
            wrong = ast.parse("Rejected('TypeError', '')", mode="eval").body
            yield "reject", ast.Call(node.func, [*rest, wrong], node.keywords)
