"""Which single change of the text would explain a trace?

Theory.  The model plays the script of the trace again, as the text is.  Where it shows
something else than the trace does, one step of the text, done differently, may explain
it; so the model plays again with each small change of the text (``conformance.mutate``).
A change *explains* the entry in question if the run up to there shows it and nothing that
was right before is wrong now.  Of these the ones that leave the fewest differences in the
whole trace are kept; their steps are blamed.

Most changes need no run.  A change can only matter where its place in the code is passed,
so each move of the first run (one task of the model) is kept with the lines it passes,
and only those moves are made again, from the state before.  If none of them has another
result the run is the same.  And a run with a change ends at the first fact that it spoils.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import msgspec

import spec_model
from conformance.adapters.model import Explained, Moved
from conformance.blame.again import Script, play
from conformance.blame.facts import Key, differences
from conformance.mutate.mutants import Mutant, mutants, swapped
from conformance.mutate.tracing import lines_passed
from conformance.trace import Released, Trace
from spec_model import kernel
from spec_model.decide import Explain
from spec_model.editions import AMENDED

_PACKAGE = Path(spec_model.__file__).parent
_FILES = frozenset(str(path) for path in _PACKAGE.glob("*.py"))

PATIENCE = 3
"""How many times the tasks and the facts of the first run a changed model may need."""


@attrs.frozen
class Explains:
    """A change that explains the entry in question, and how much still differs with it."""

    mutant: Mutant
    left: int


@attrs.define
class Search:
    """A trace up to the entry in question, played again on the model as it is.

    ``wrong``: what the model shows otherwise.  ``key``: the fact of the entry itself,
    None where silence is in question.  ``played``: runs that it has taken so far.
    """

    script: Script
    whole: Script
    key: Key | None
    wrong: frozenset[Key] = frozenset()
    moves: list[Moved] = attrs.field(factory=list)
    passing: dict[tuple[str, int], list[int]] = attrs.field(factory=lambda: defaultdict(list))
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

        def listen(explained: Explained) -> None:
            search.moves.extend(explained.moved)
            search.longest = max(search.longest, len(explained.moved))

        shown = play(script, listen=listen)
        search.wrong = differences(script.shown, shown)
        search.most = PATIENCE * max(len(shown.order), len(script.shown.order), 10)
        for number, move in enumerate(search.moves):
            with lines_passed(_FILES) as passed:
                search._again(move)
            for place in passed:
                search.passing[place].append(number)
        return search

    def explaining(self, limit: int, without: Collection[str] = ()) -> list[Explains]:
        """The changes that explain the entry; at most ``limit`` of them are played."""
        if not self.wrong or (self.key is not None and self.key not in self.wrong):
            return []
        found = []
        for mutant in mutants():
            if not mutant.steps or mutant.key in without:
                continue
            if self.played >= limit:
                break
            left = self._left(mutant)
            if left is not None:
                found.append(Explains(mutant, left))
        return found

    def _left(self, mutant: Mutant) -> int | None:
        """How many facts differ with this change; None if it does not explain the entry."""
        with swapped(mutant), _impatient(PATIENCE * self.longest):
            if not self._matters(mutant):
                return None
            self.played += 1
            try:
                shown = play(self.script, tolerated=self.wrong, most=self.most)
            except Exception:  # noqa: BLE001 - a changed model may break in any way
                return None
            left = differences(self.script.shown, shown)
            if not left < self.wrong or self.key in left:
                return None
            try:
                shown = play(self.whole)
            except Exception:  # noqa: BLE001 - as above
                return len(self.whole.shown.facts)
        return len(differences(self.whole.shown, shown))

    def _matters(self, mutant: Mutant) -> bool:
        """Whether any move has another result now."""
        file = str(_PACKAGE / f"{mutant.module.rpartition('.')[2]}.py")
        first, last = mutant.lines
        numbers = {n for line in range(first, last + 1) for n in self.passing.get((file, line), ())}
        for number in sorted(numbers):
            move = self.moves[number]
            try:
                if self._again(move) != move.after:
                    return True
            except Exception:  # noqa: BLE001 - as above
                return False
        return False

    def _again(self, move: Moved) -> object:
        return move.again(Explain(AMENDED, self.script.profile))


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
