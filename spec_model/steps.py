"""The steps of the specification, as data.

One row for each step, fact and permission of the text: its id, the line of the
pinned source that it stands on, its kind, a paraphrase in our words, and a digest
of that line, so that a change upstream is noticed.  The sentences of the text are
not kept here.

An id is the algorithm's short name and the step's number as the lists nest.  The
two callbacks inside step 11 of RECORD have lists of their own: ``Q`` for the
request's body, ``R`` for the response.  Rules without numbers are numbered in
source order.  *bg* is the internal struct of a background fetch, *inst* a
registration object in one realm, *data* a record's current response data.

Reading this package's own table at import is the one reading that the model does:
it is part of the program, like a literal.
"""

from __future__ import annotations

import ast
import enum
import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources

import attrs

DOCUMENT = "WICG/background-fetch index.bs"
COMMIT = "a1f0bc21b85ee331b610f0edd82b5e43066a0c94"
"""The commit of the source that line numbers and digests belong to (2021-11-25)."""


class Kind(enum.Enum):
    """What a step does."""

    ACTION = "A"
    BRANCH = "B"
    WAIT = "W"
    ASSERTION = "X"
    ENQUEUE = "Q"
    PARALLEL = "P"
    RETURN = "R"
    MAY = "M"
    FACT = "F"


@attrs.frozen
class Step:
    """One step: ``line`` counts from 1 in the pinned source, ``digest`` is of that line."""

    id: str
    line: int
    kind: Kind
    digest: str
    paraphrase: str

    @property
    def algorithm(self) -> str:
        """The short name that the id begins with, such as ``RECORD``."""
        return self.id.removeprefix("BS-").split("-", 1)[0]


class UnknownStep(LookupError):
    """A step was cited that the text does not have: a misspelt id."""

    def __init__(self, step: str) -> None:
        self.step = step
        near = [known for known in STEPS if known.split("-")[0] == step.split("-")[0]]
        hint = f"; {near[0]} … {near[-1]} exist" if near else ""
        super().__init__(f"no step {step!r} in {DOCUMENT} at {COMMIT[:7]}{hint}")


def load(package: str, file: str = "steps.tsv") -> dict[str, Step]:
    """The steps of one specification, from the table that lies in its package."""
    table = resources.files(package).joinpath(file).read_text("utf-8")
    steps: dict[str, Step] = {}
    for row in table.splitlines()[1:]:
        id_, line, kind, digest_, paraphrase = row.split("\t")
        assert id_ not in steps, f"two rows for {id_}"
        steps[id_] = Step(id_, int(line), Kind(kind), digest_, paraphrase)
    return steps


STEPS = load("spec_model")
"""Every step by id, in the order of the table."""


def get(step: str) -> Step:
    """The step with this id.  Raises UnknownStep."""
    try:
        return STEPS[step]
    except KeyError:
        raise UnknownStep(step) from None


def digest(line: str) -> str:
    """What identifies a source line: 12 hex digits of SHA-256, runs of white space taken as one."""
    return hashlib.sha256(" ".join(line.split()).encode()).hexdigest()[:12]


def drifted(source: str) -> tuple[Step, ...]:
    """The steps whose line is not what it was, given the whole source of some version."""
    lines = source.splitlines()
    return tuple(
        step
        for step in STEPS.values()
        if step.line > len(lines) or digest(lines[step.line - 1]) != step.digest
    )


CITING_CALLS = frozenset({"take", "step"})
"""Functions and methods whose positional string arguments are step ids."""


@attrs.frozen
class Citation:
    """A place in a source that cites a step: in ``function``, "" outside of any."""

    step: str
    function: str
    line: int


def cited_by(call: ast.Call) -> Iterator[str]:
    """The step ids that one call cites by literals."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else None
    if isinstance(call.func, ast.Name):
        called = call.func.id
    if called in CITING_CALLS:
        for argument in call.args:
            either = (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else ()
            for one in either or (argument,):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def citations(source: str) -> Iterator[Citation]:
    """Every place where a Python source cites a step by a literal."""
    yield from _citations(ast.parse(source), "")


def _citations(node: ast.AST, function: str) -> Iterator[Citation]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    elif isinstance(node, ast.Call):
        for step in cited_by(node):
            yield Citation(step, function, node.lineno)
    for child in ast.iter_child_nodes(node):
        yield from _citations(child, function)


def cited_in(source: str) -> Iterator[str]:
    """The step ids that a Python source cites."""
    return (citation.step for citation in citations(source))


def places(
    package: str = "spec_model", known: Mapping[str, Step] = STEPS
) -> dict[str, tuple[str, ...]]:
    """Where a package's own sources cite each of its steps: ``file:line function``."""
    found: dict[str, list[str]] = {step: [] for step in known}
    for file in sorted(resources.files(package).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".py"):
            for each in citations(file.read_text("utf-8")):
                where = f"{file.name}:{each.line} {each.function}".rstrip()
                found[each.step].append(where)
    return {step: tuple(dict.fromkeys(where)) for step, where in found.items()}


def _load_reasons() -> dict[str, str]:
    table = resources.files("spec_model").joinpath("not_modelled.tsv").read_text("utf-8")
    reasons: dict[str, str] = {}
    for row in table.splitlines()[1:]:
        id_, reason = row.split("\t")
        assert id_ not in reasons, f"two rows for {id_}"
        reasons[id_] = reason
    return reasons


NOT_MODELLED = _load_reasons()
"""The steps that no code here takes, and why not."""
