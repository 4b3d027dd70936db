"""What is known of one implementation, and whether a run says the same.

A file ``<implementation>.toml`` lists the scenarios on which that implementation
is known to differ, each with what is blamed and why it is accepted for now::

    implementation = "chromium"
    tested = ">=150,<151"

    [[expected]]
    scenario = "SC-33"
    blame = ["PERFORM-5.3"]
    reason = "keeps the last failure, not the first"
    versions = ">=150"

The list is a debt, not an excuse: a listed scenario that conforms, or fails
in another way, is as bad as a new violation, and an entry for a scenario that
does not exist is stale.  Two things are milder.  A ``flaky`` entry names the
outcomes that it may have.  And a product version outside the ``tested`` range
was never looked at by anyone, so there a difference is news, not a failure:
it is printed, and counts only when the run is strict.  A scenario without a
verdict (inconclusive, broken adapter) is never *as expected* unless listed so.

Version ranges are PEP 440 specifiers, read by ``packaging``.
"""

from __future__ import annotations

import enum
import re
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

import attrs
import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from conformance.judge.verdict import Judgement, Verdict

CONFORMING = frozenset({Verdict.CONFORMS, Verdict.CONFORMS_VIA})
UNDECIDED = frozenset({Verdict.INCONCLUSIVE, Verdict.BROKEN_ADAPTER})


@attrs.frozen
class BadExpectations(Exception):
    """An expectation file cannot be used; ``line`` counts from 1."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}"


@attrs.frozen
class Expected:
    """One entry.  ``line`` is where it starts; ``outcomes`` is never empty.

    ``blame`` must be what the judge blames, as a set; for a flaky entry it may
    be any part of it.  Empty means that the judge could not tell.
    """

    scenario: str
    blame: frozenset[str]
    reason: str
    outcomes: frozenset[Verdict]
    versions: SpecifierSet
    flaky: bool
    line: int

    def admits(self, judgement: Judgement) -> bool:
        """Whether the judgement is what this entry says."""
        if judgement.verdict not in self.outcomes:
            return False
        if judgement.verdict is not Verdict.VIOLATES:
            return True
        seen = frozenset(judgement.blame)
        return seen == self.blame or (self.flaky and bool(seen) and seen <= self.blame)


@attrs.frozen
class Expectations:
    """One file.  ``tested``: the product versions on which its entries were observed.

    ``text``: what the file says, comments and all; empty where there is no file.
    """

    implementation: str
    path: str
    tested: SpecifierSet
    entries: tuple[Expected, ...]
    text: str = attrs.field(default="", repr=False)

    def knows(self, version: str) -> bool:
        """Whether the version is inside the tested range; an unreadable version is not."""
        return contains(self.tested, version)

    def entry(self, scenario: str, version: str) -> Expected | None:
        """The entry for a scenario, if one applies to this version.

        A version outside the tested range is compared with the entries all the
        same, as far as their own ranges reach.  Raises BadExpectations when two apply.
        """
        found = [
            entry
            for entry in self.entries
            if entry.scenario == scenario and contains(entry.versions, version)
        ]
        if len(found) > 1:
            raise BadExpectations(
                self.path,
                found[1].line,
                f"two entries for {scenario} apply to version {version}"
                f" (the other in line {found[0].line}); give them disjoint version ranges",
            )
        return found[0] if found else None


def none_for(implementation: str) -> Expectations:
    """The expectations of an implementation about which nothing is written down."""
    return Expectations(implementation, "", SpecifierSet(), ())


def contains(versions: SpecifierSet, version: str) -> bool:
    """Whether a range contains a version; the empty range has every one, an odd version none."""
    if not versions:
        return True
    try:
        return versions.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


# --- reading --------------------------------------------------------------------------


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    scenario: str
    reason: str
    verdict: Verdict = Verdict.VIOLATES
    blame: list[str] | None = None
    versions: str = ""
    flaky: bool = False
    outcomes: list[Verdict] | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    implementation: str = ""
    tested: str = ""
    expected: list[dict[str, object]] = []


def read(path: Path) -> Expectations:
    """Read one file.  Raises BadExpectations, or OSError."""
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, path: str) -> Expectations:
    """Read the text of one file; ``path`` is for messages and names the implementation."""
    try:
        whole = msgspec.convert(tomllib.loads(text), _File)
    except tomllib.TOMLDecodeError as error:
        # Until Python 3.14 the line is only in the message.
        place = re.search(r"\(at line (\d+)", str(error))
        line = int(place[1]) if place else max(1, text.count("\n"))
        raise BadExpectations(path, line, f"not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise BadExpectations(path, 1, str(error)) from None
    starts = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if re.match(r"\s*\[\[\s*expected\s*\]\]", line)
    ]
    if len(starts) != len(whole.expected):
        raise BadExpectations(path, 1, "each entry begins with a line [[expected]]")
    entries = [
        _entry(row, path, line, number)
        for number, (line, row) in enumerate(zip(starts, whole.expected, strict=True), 1)
    ]
    tested = _versions(whole.tested, path, 1, "tested")
    name = whole.implementation or Path(path).stem
    return Expectations(name, path, tested, tuple(entries), text)


def _entry(row: dict[str, object], path: str, line: int, number: int) -> Expected:
    where = f"entry {number} ({row.get('scenario', 'no scenario')})"

    def bad(why: str) -> BadExpectations:
        return BadExpectations(path, line, f"{where}: {why}")

    try:
        entry = msgspec.convert(row, _Row)
    except msgspec.ValidationError as error:
        fields = ", ".join(field.name for field in msgspec.structs.fields(_Row))
        raise bad(f"{error}; an entry has the fields {fields}") from None
    if not entry.reason.strip():
        raise bad("the reason is empty; say why this difference is accepted for now")
    if entry.outcomes is not None and not entry.flaky:
        raise bad("outcomes are for flaky entries; add flaky = true, or say verdict = ...")
    if entry.flaky:
        outcomes = frozenset(entry.outcomes or (entry.verdict, *CONFORMING))
    else:
        outcomes = frozenset({entry.verdict})
    if outcomes <= CONFORMING:
        raise bad("a scenario that conforms needs no entry")
    if Verdict.VIOLATES in outcomes and entry.blame is None:
        raise bad("blame is missing; list the steps or properties that the judge names, or []")
    return Expected(
        entry.scenario,
        frozenset(entry.blame or ()),
        entry.reason,
        outcomes,
        _versions(entry.versions, path, line, f"{where}: versions"),
        entry.flaky,
        line,
    )


def _versions(text: str, path: str, line: int, what: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise BadExpectations(
            path, line, f'{what} is {text!r}, expected a range like ">=150,<200"'
        ) from None


# --- comparing ------------------------------------------------------------------------


class Standing(enum.Enum):
    """How one judgement stands to what was expected."""

    AS_EXPECTED = "as expected"
    KNOWN = "known difference"
    NEW_VIOLATION = "new violation"
    DIFFERENT = "differs from its entry"
    UNEXPECTED_PASS = "unexpected pass"
    NO_VERDICT = "no verdict"


UNEXPECTED = frozenset({Standing.NEW_VIOLATION, Standing.DIFFERENT, Standing.UNEXPECTED_PASS})


@attrs.frozen
class Compared:
    """One judgement, and the entry that it was compared with."""

    judgement: Judgement
    standing: Standing
    entry: Expected | None = None


@attrs.frozen
class Comparison:
    """A run of one implementation against its expectations.

    ``tested``: the product version is inside the tested range; if it is not, the
    differences count only in a strict run.
    """

    compared: tuple[Compared, ...]
    stale: tuple[Expected, ...]
    tested: bool

    def fails(self, strict: bool) -> bool:
        """Whether something unexpected counts."""
        unexpected = any(one.standing in UNEXPECTED for one in self.compared)
        return bool(self.stale) or (unexpected and (self.tested or strict))


def stand(judgement: Judgement, entry: Expected | None) -> Standing:
    """How one judgement stands to the entry for its scenario, if there is one."""
    if entry is not None and entry.admits(judgement):
        return Standing.AS_EXPECTED if judgement.verdict in CONFORMING else Standing.KNOWN
    if judgement.verdict in UNDECIDED:
        return Standing.NO_VERDICT
    if entry is None:
        violates = judgement.verdict is Verdict.VIOLATES
        return Standing.NEW_VIOLATION if violates else Standing.AS_EXPECTED
    passed = judgement.verdict in CONFORMING
    return Standing.UNEXPECTED_PASS if passed else Standing.DIFFERENT


def compare(
    judgements: Iterable[Judgement],
    expectations: Expectations,
    version: str,
    known: Collection[str],
) -> Comparison:
    """Compare a run with what is written down.

    ``known`` are the ids of all scenarios that exist, run or not: an entry for
    another one is stale.  Raises BadExpectations when two entries apply to one scenario.
    """
    compared = []
    for judgement in judgements:
        entry = expectations.entry(judgement.scenario, version)
        compared.append(Compared(judgement, stand(judgement, entry), entry))
    stale = tuple(entry for entry in expectations.entries if entry.scenario not in known)
    return Comparison(tuple(compared), stale, expectations.knows(version))
