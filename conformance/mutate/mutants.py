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

_SCHEDULING = (
    *("enabled", "inject", "perform", "run", "run_task", "call", "outside"),
    "_while_running",
)
"""Functions that hand over to the algorithms; in which order they do is up to a driver."""

_LAWS = ("check", "_reach")
"""Functions that judge states: they are among those who notice."""

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


@attrs.frozen
class Algorithm:
    """A function of the model: ``name`` is dotted for a method."""

    path: Path
    name: str
    tree: ast.FunctionDef
    citations: Citations

    @property
    def module(self) -> str:
        """The module's name."""
        return f"{_PACKAGE.name}.{_dotted(self.path)}"

    @property
    def full(self) -> str:
        """The name with that of its file."""
        return f"{_dotted(self.path)}.{self.name}"

    @property
    def schedules(self) -> bool:
        """Whether it only hands over to others, or judges them."""
        return self.tree.name in (*_SCHEDULING, *_LAWS)


@functools.cache
def algorithms() -> tuple[Algorithm, ...]:
    """Every function of the modules that take steps, in the order of files and lines."""
    sources = {path: path.read_text("utf-8") for path in sorted(_PACKAGE.rglob("*.py"))}
    return tuple(
        Algorithm(path, name, function, Citations.of(function))
        for path, text in sources.items()
        if ".take(" in text and path.name not in _NO_ALGORITHMS
        for name, function in _functions(ast.parse(text, str(path)))
    )


@functools.cache
def mutants() -> tuple[Mutant, ...]:
    """Every mutant, in the order of files and lines.  The same source gives the same ones."""
    found = algorithms()
    cited: dict[Path, dict[str, Citations]] = {}
    for each in found:
        # Each folder is a system; one is never called by another.
        cited.setdefault(each.path.parent, {})[each.full] = each.citations
    return tuple(mutant for each in found for mutant in _mutants_of(each, cited[each.path.parent]))


@contextmanager
def installed(mutant: Mutant) -> Iterator[None]:
    """The model with this change, everywhere in this process, until the block ends."""
    with swapped(mutant):
        forget()
        try:
            yield
        finally:
            forget()


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


def forget() -> None:
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


def _mutants_of(algorithm: Algorithm, cited: dict[str, Citations]) -> Iterator[Mutant]:
    full, name, function = algorithm.full, algorithm.name, algorithm.tree
    times: Counter[str] = Counter()
    asked_by = callers(full, cited)
    if algorithm.schedules:
        return
    for edit in edits(function):
        text = f"{edit.operator}\n{edit.before}\n{edit.after}"
        key = f"{full}/{edit.operator}/{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        times[key] += 1
        if times[key] > 1:
            key = f"{key}~{times[key]}"
        steps = cited[full].at(edit.at) or asked_by
        with edit.applied():
            code = compiled(algorithm, function.body)
        where = (algorithm.module, name)
        yield Mutant(key, *where, edit.operator, _said(edit), _lines(edit), steps, code)


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


def compiled(algorithm: Algorithm, block: list[ast.stmt]) -> CodeType:
    """The code of a function with this body, as its module's compiler would make it."""
    function, name, path = algorithm.tree, algorithm.name, algorithm.path
    bare = ast.FunctionDef(function.name, function.args, block, [])
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
