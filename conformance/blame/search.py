"""Which single change of the text would explain a trace?

Theory.  The model plays the script of the trace again, as the text is.  Where it shows
something else than the trace does, one step of the text, done differently, may explain
it; so the model plays again with each small change of the text (``deviations``).
A change *explains* the entry in question if the run up to there shows it and nothing that
was right before is wrong now.  How much of the whole trace is still wrong with a change
tells a better explanation from a worse one.

Most changes need no run.  A change can only matter where its place in the code is passed,
so each move of the first run (one task of the model) is kept with the lines it passes,
and only those moves are made again, from the state before.  If none of them has another
result the run is the same.  Else it goes on from there, and ends at the first fact that
it spoils.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import attrs
import msgspec

import spec_model
from conformance.adapters.model import Explained, Moved, first_task
from conformance.blame.again import Mark, Script, Spoilt, play
from conformance.blame.deviations import AsWritten, Deviation, changes, literal
from conformance.blame.facts import Key, Seen, begins, differences
from conformance.mutate.mutants import swapped
from conformance.mutate.tracing import lines_passed
from conformance.trace import Released, Trace
from spec_model import kernel
from spec_model.background_sync.state import State as SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.decide import Decide, Explain
from spec_model.editions import AMENDED, Edition
from spec_model.state import State
from spec_model.system import BACKGROUND_FETCH

_PACKAGE = Path(spec_model.__file__).parent
_FILES = frozenset(str(path) for path in _PACKAGE.rglob("*.py"))

PATIENCE = 3
"""How many times the tasks and the facts of the first run a changed model may need."""


@attrs.frozen
class Tried:
    """A change, and what came of it.

    ``since``: the first mark after which it makes a difference.  ``explains``: the entry in
    question is shown, and nothing is wrong that was right.  Else it only *bears on* the entry:
    something else is shown in its place.  ``left``: how many facts differ from the trace with
    it (from the whole trace where it explains).
    """

    change: Deviation
    since: int
    explains: bool
    left: int


@attrs.define
class _Asking(Explain):
    """Notes which amendments are asked for."""

    asked: set[str] = attrs.field(factory=set, kw_only=True)

    def repaired(self, cluster: str) -> bool:
        """As the edition says."""
        self.asked.add(cluster)
        return super().repaired(cluster)


@attrs.define
class Search:
    """A trace up to the entry in question, played again on the model as it is.

    ``shows``: the facts of that; ``wrong``: those that the trace has otherwise.  ``key``: the
    fact of the entry itself, None where silence is in question, or where the entry only tells
    of something that went wrong before; ``value``: what that fact had become then.
    ``played``: runs that it has taken so far.
    """

    script: Script
    whole: Script
    key: Key | None
    wrong: frozenset[Key] = frozenset()
    shows: Mapping[Key, Hashable] = attrs.field(factory=dict)
    value: Hashable = None
    marks: list[Mark] = attrs.field(factory=list)
    moves: list[tuple[Moved, int]] = attrs.field(factory=list)
    """Each with the number of the last mark before it."""

    passing: dict[tuple[str, int], list[int]] = attrs.field(factory=lambda: defaultdict(list))
    asking: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(list))
    longest: int = 0
    most: int = 0
    played: int = 0

    @classmethod
    def of(
        cls, trace: Trace, at: int, profile: Mapping[str, str], *, loose: bool = False
    ) -> Search:
        """Play the script on the model.  ``at``: the entry in question; ``loose``: see ``Seen``.

        Raises whatever the model raises where the trace is none of this script.
        """
        script = Script.of(_upto(trace, at), profile, loose=loose)
        search = cls(script, Script.of(trace, profile, loose=loose), script.keys.get(at))
        search.value = script.values.get(at)

        def listen(explained: Explained) -> None:
            if search.marks:
                search._heard(explained)

        shown = play(script, listen=listen, marks=search.marks)
        search.shows, search.wrong = shown.facts, differences(script.shown, shown)
        if search.key not in search.wrong:
            search.key = None
        search.most = PATIENCE * max(len(shown.order), len(script.shown.order), 10)
        return search

    def _heard(self, explained: Explained) -> None:
        """What something led to, and that it came to rest then."""
        self.longest = max(self.longest, len(explained.moved))
        last = explained.moved[-1].after
        again: Callable[[Decide], object]
        if isinstance(last, State):
            again = partial(first_task, BACKGROUND_FETCH, last)
        else:
            assert isinstance(last, SyncState)
            again = partial(first_task, BACKGROUND_SYNC, last)
        rests = Moved(last, last, (), again)
        self.moves.extend((move, len(self.marks) - 1) for move in (*explained.moved, rests))

    def tried(self, limit: int) -> Iterator[Tried]:
        """The changes that explain the entry or bear on it.

        At most ``limit`` of those that matter to this run are played, first those whose place
        is passed seldom.
        """
        if not self.wrong:
            return
        self._look_where_it_passes()
        every: tuple[Deviation, ...] = (*literal(), *changes())
        passing = [(self._passing(each), each) for each in every]
        for numbers, change in sorted(passing, key=lambda each: len(each[0])):
            if self.played >= limit:
                break
            if numbers and (tried := self._try(change, numbers)) is not None:
                yield tried

    def _try(self, change: Deviation, numbers: list[int]) -> Tried | None:
        """Make a change, whose place these moves pass; None if nothing good comes of it."""
        edition = change.edition if isinstance(change, AsWritten) else AMENDED
        changed = nullcontext() if isinstance(change, AsWritten) else swapped(change)
        with changed, _impatient(PATIENCE * self.longest):
            since = self._matters(numbers, edition)
            if since is None:
                return None
            self.played += 1
            try:
                return self._played(change, since, edition)
            except Spoilt as spoilt:
                # What comes after the entry may be otherwise, and counts among what is left.
                shown = self._shows_entry(spoilt.shown)
                return Tried(change, since, True, self._left(edition)) if shown else None
            except Exception:  # noqa: BLE001 - a changed model may break in any way
                return None

    def _played(self, change: Deviation, since: int, edition: Edition) -> Tried | None:
        start = self.marks[since]
        shown = play(
            self.script, start=start, tolerated=self.wrong, most=self.most, edition=edition
        )
        left = differences(self.script.shown, shown)
        if self._shows_entry(shown) or (left < self.wrong and self.key not in left):
            return Tried(change, since, True, self._left(edition))
        concerned = self.wrong if self.key is None else {self.key}
        nothing = object()
        bears = any(
            shown.facts.get(key, nothing) != self.shows.get(key, nothing) for key in concerned
        )
        return Tried(change, since, False, len(left)) if bears else None

    def _look_where_it_passes(self) -> None:
        for number, (move, _) in enumerate(self.moves):
            asking = _Asking(AMENDED, self.script.profile)
            with lines_passed(_FILES) as passed:
                move.again(asking)
            for place in passed:
                self.passing[place].append(number)
            for cluster in asking.asked:
                self.asking[cluster].append(number)

    def _shows_entry(self, shown: Seen) -> bool:
        """Whether the entry in question is shown, and was not: what follows may be otherwise."""
        if self.key is None or self.value is None:
            return False
        shows, did = shown.facts.get(self.key), self.shows.get(self.key)
        return begins(self.value, shows, self.key) and not begins(self.value, did, self.key)

    def _left(self, edition: Edition) -> int:
        """How many facts of the whole trace still differ."""
        try:
            return len(differences(self.whole.shown, play(self.whole, edition=edition)))
        except Exception:  # noqa: BLE001 - a changed model may break in any way
            return len(self.whole.shown.facts)

    def _matters(self, numbers: list[int], edition: Edition) -> int | None:
        """The mark after which a move has another result now, first; None if none has."""
        for number in numbers:
            move, mark = self.moves[number]
            try:
                if move.again(Explain(edition, self.script.profile)) != move.after:
                    return mark
            except Exception:  # noqa: BLE001 - as above
                return None
        return None

    def _passing(self, change: Deviation) -> list[int]:
        """The moves that pass the place of a change."""
        if isinstance(change, AsWritten):
            return self.asking.get(change.cluster, [])
        file = str(_PACKAGE.parent / change.file)
        first, last = change.lines
        lines = range(first, last + 1)
        return sorted({n for line in lines for n in self.passing.get((file, line), ())})


def _upto(trace: Trace, at: int) -> Trace:
    """A trace up to an entry, and what was seen until the script went on."""
    entries = trace.entries
    end = at + 1
    while end < len(entries):
        if entries[end].sent is not None or isinstance(entries[end].note, Released):
            break
        end += 1
    return msgspec.structs.replace(trace, entries=entries[:end])


@contextmanager
def _impatient(tasks: int) -> Iterator[None]:
    patience = kernel.LIMIT
    kernel.LIMIT = max(tasks, 10)
    try:
        yield
    finally:
        kernel.LIMIT = patience
