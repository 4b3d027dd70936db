"""All mutants of the model, and installing one.

The modules are those that take steps of the text (``d.take``), with all their functions.
A mutant's ``key`` says where it is by names and by the text that is changed, not by a
line, so that it stays the same while other places of the file move.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

import attrs

import spec_model
from conformance.mutate.citations import Citations, callers
from conformance.mutate.sites import Edit, edits

_PACKAGE = Path(spec_model.__file__).parent
_NO_ALGORITHMS = ("decide.py", "choices.py")
"""What defines and answers the questions that algorithms ask."""

_SCHEDULING = ("enabled", "inject", "perform", "run", "run_task", "call", "outside")
"""Functions that hand over to the algorithms; in which order they do is up to a driver."""

_FORGETFUL = ("spec_model", "conformance.judge", "conformance.explore")
"""Where results of the model's functions may be remembered."""


@attrs.frozen
class Mutant:
    """One change to one function of the model.

    ``lines``: first and last line of the changed place; ``description``: the change in a
    line; ``steps``: ids of the steps that the place belongs to.
    """

    key: str
    module: str
    function: str
    operator: str
    description: str
    lines: tuple[int, int]
    steps: tuple[str, ...]
    code: CodeType = attrs.field(eq=False, repr=False)

    @property
    def file(self) -> str:
        """The module's file, relative to the repository."""
        return self.module.replace(".", "/") + ".py"

    def __str__(self) -> str:
        return f"{self.file}:{self.lines[0]} {self.function}: {self.description}"


@functools.cache
def mutants() -> tuple[Mutant, ...]:
    """Every mutant, in the order of files and lines.  The same source gives the same ones."""
    sources = {path: path.read_text("utf-8") for path in sorted(_PACKAGE.rglob("*.py"))}
    trees = {
        path: ast.parse(text, str(path))
        for path, text in sources.items()
        if ".take(" in text and path.name not in _NO_ALGORITHMS
    }
    functions = {path: dict(_functions(tree)) for path, tree in trees.items()}
    cited: dict[Path, dict[str, Citations]] = {}
    for path, found in functions.items():
        # Each folder is a system; one is never called by another.
        here = cited.setdefault(path.parent, {})
        here |= {f"{_dotted(path)}.{name}": Citations.of(each) for name, each in found.items()}
    return tuple(
        mutant
        for path, found in functions.items()
        for name, function in found.items()
        for mutant in _mutants_of(path, name, function, cited[path.parent])
    )


@contextmanager
def installed(mutant: Mutant) -> Iterator[None]:
    """The model with this change, everywhere in this process, until the block ends."""
    with swapped(mutant):
        _forget()
        try:
            yield
        finally:
            _forget()


@contextmanager
def swapped(mutant: Mutant) -> Iterator[None]:
    """The same where nothing that was remembered of the model is asked: far quicker."""
    function = function_of(mutant)
    held = function.__code__
    function.__code__ = mutant.code
    try:
        yield
    finally:
        function.__code__ = held


def function_of(mutant: Mutant) -> FunctionType:
    """The function that a mutant changes."""
    found: object = importlib.import_module(mutant.module)
    for name in mutant.function.split("."):
        found = vars(found)[name]
    if isinstance(found, property):
        found = found.fget
    found = getattr(found, "__func__", found)
    found = getattr(found, "__wrapped__", found)
    assert isinstance(found, FunctionType), mutant.function
    return found


def _forget() -> None:
    """What was remembered of the model may be wrong for a changed one."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_FORGETFUL):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def _dotted(path: Path) -> str:
    """A module's name within the package."""
    return ".".join(path.relative_to(_PACKAGE).with_suffix("").parts)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def _mutants_of(
    path: Path, name: str, function: ast.FunctionDef, cited: dict[str, Citations]
) -> Iterator[Mutant]:
    module = f"{_PACKAGE.name}.{_dotted(path)}"
    full = f"{_dotted(path)}.{name}"
    times: Counter[str] = Counter()
    asked_by = callers(full, cited)
    if function.name in _SCHEDULING:
        return
    for edit in edits(function):
        text = f"{edit.operator}\n{edit.before}\n{edit.after}"
        key = f"{full}/{edit.operator}/{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        times[key] += 1
        if times[key] > 1:
            key = f"{key}~{times[key]}"
        steps = cited[full].at(edit.at) or asked_by
        with edit.applied():
            code = _compiled(function, name, path)
        yield Mutant(key, module, name, edit.operator, _said(edit), _lines(edit), steps, code)


def _said(edit: Edit) -> str:
    match edit.operator:
        case "drop" if not edit.after:
            return f"leave out: {edit.before}"
        case "swap":
            return f"swap: {edit.before}  <->  {edit.after}"
        case _:
            return f"{edit.operator}: {edit.before}  ->  {edit.after}"


def _lines(edit: Edit) -> tuple[int, int]:
    """Where a run passes if it meets the change: of a compound statement only its head."""
    first = edit.at[0]
    if isinstance(first, (ast.If, ast.While)):
        first = first.test
    elif isinstance(first, ast.For):
        first = first.iter
    assert isinstance(first, (ast.expr, ast.stmt))
    return first.lineno, first.end_lineno or first.lineno


def _compiled(function: ast.FunctionDef, name: str, path: Path) -> CodeType:
    """The code of a function as its module's compiler would make it, without decorators."""
    bare = ast.FunctionDef(function.name, function.args, function.body, [])
    body: ast.stmt = ast.copy_location(bare, function)
    *outer, _ = name.split(".")
    for each in outer:
        body = ast.ClassDef(each, bases=[], keywords=[], body=[body], decorator_list=[])
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    module = ast.fix_missing_locations(ast.Module([future, body], type_ignores=[]))
    code = compile(module, str(path), "exec", dont_inherit=True)
    for _ in name.split("."):
        code = next(each for each in code.co_consts if isinstance(each, CodeType))
    return code
