"""Every mutant through the scenarios: what is noticed, and what survives.

Each play is run once on the true model with its lines watched.  A mutant then meets only
the plays that pass the changed place, those that pass the fewest lines first: they were
written for little else, and they are quick; those in another order of tasks come last.
The first that notices it ends its life.  Whoever noticed it in an earlier campaign is asked
first of all, and then those who have just noticed another change of the same function: so
which play is named may depend on which process was quicker, but not whether there is one.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import msgspec

import conformance
import spec_model
from conformance.mutate.calls import differing, matters
from conformance.mutate.exploring import EXPLORING, Ask, Charted, SyncAsk, chart, look, nearest
from conformance.mutate.mutants import Mutant, function_of, installed, mutants
from conformance.mutate.playing import (
    PATIENCE,
    USUAL,
    Found,
    Known,
    Noticed,
    Play,
    at_most,
    know,
    notice,
)
from conformance.mutate.replaying import Replay, dissent, know_replay
from conformance.mutate.workers import in_processes

SECONDS = 3600
"""Processor time for one mutant, or for one exploration with all that survive.

This only ends what hangs: every play has its own bound, and every exploration one of states.
"""

MOST_LIKELY = 3
"""How many of those that noticed another change of a function are asked first."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one mutant.

    ``how`` it was noticed ("" if it was not), ``by`` which play, and ``why``.  Of one that
    survived: how many plays ``met`` the changed place and which show another trace
    (``visible``); how many explorations pass it, ``explored``, and which find another graph,
    ``apart``; how many traces were ``judged`` by it, and in how many it gave something else
    (``otherwise``).
    """

    key: str
    where: str
    change: str
    steps: tuple[str, ...] = ()
    how: str = ""
    by: str = ""
    why: str = ""
    met: int = 0
    visible: tuple[str, ...] = ()
    explored: int = 0
    apart: tuple[str, ...] = ()
    judged: int = 0
    otherwise: int = 0

    @property
    def killed(self) -> bool:
        """Whether somebody noticed."""
        return bool(self.how)

    @property
    def equal(self) -> bool:
        """Whether it is the same as the model in all that was played and explored."""
        return bool(not self.how and self.explored and not self.visible and not self.apart)


@attrs.frozen
class Ground:
    """What mutants are tried on: the plays on the true model, and who passes which line."""

    known: tuple[Known, ...]
    replays: tuple[Replay, ...] = ()
    charted: tuple[Charted, ...] = ()
    earlier: Mapping[str, str] = attrs.field(factory=dict)
    """Who noticed a mutant before, by its key."""

    @classmethod
    def prepare(
        cls,
        plays: Sequence[Play],
        mutants: Sequence[Mutant],
        replays: Sequence[Replay] = (),
        earlier: Iterable[Row] = (),
        asks: Sequence[Ask | SyncAsk] = (),
    ) -> Ground:
        """Play everything once on the true model."""
        functions = frozenset(map(function_of, mutants))
        files = frozenset(function.__code__.co_filename for function in functions)
        known = [know(play, files, functions) for play in plays]
        judged = [know_replay(replay, files) for replay in replays]
        charted = [chart(ask, files) for ask in asks]
        return cls(
            tuple(sorted(known, key=_specialty)),
            tuple(sorted((each for each in judged if each), key=lambda each: len(each.lines))),
            tuple(filter(None, charted)),
            {row.key: row.by for row in earlier if row.by},
        )

    def meeting(self, mutant: Mutant) -> list[Known]:
        """The plays that pass the changed place, the most special first."""
        place = _place(mutant)
        return [each for each in self.known if each.lines & place]

    def try_on(self, mutant: Mutant, likely: Sequence[str] = ()) -> Found:
        """Install it here and play.  Changes this process while it lasts.

        ``likely``: plays, replays and explorations that are to be asked first.
        """
        place = _place(mutant)
        first = (self.earlier.get(mutant.key, ""), *likely)
        with installed(mutant):
            for name in filter(None, first):
                again = notice(each for each in self.known if str(each.play) == name).noticed
                again = again or dissent(each for each in self.replays if each.name == name)
                charted = (e for e in self.charted if e.name == name and e.lines & place)
                again = again or look(charted)[0]
                if again is not None:
                    return Found(again)
            return notice(self.heeding(mutant))

    def judge_and_explore(self, mutant: Mutant, differ: frozenset[str]) -> Found:
        """The same with what was recorded and with explorations, of those that may ``differ``."""
        with installed(mutant):
            noticed = dissent(each for each in self.replays if each.name in differ)
            if noticed is not None:
                return Found(noticed)
            noticed, apart = look(nearest(each for each in self.charted if each.name in differ))
            return Found(noticed, apart=apart)

    def heeding(self, mutant: Mutant) -> Iterator[Known]:
        """Those of them to which the change, which must be installed, makes a difference."""
        function = function_of(mutant)
        for each in self.meeting(mutant):
            calls = each.calls.get(function)
            with at_most(PATIENCE):
                matter = calls is None or matters(function, calls)
            if matter:
                yield each

    def charting(self, mutant: Mutant) -> list[Charted]:
        """The explorations that pass the changed place."""
        place = _place(mutant)
        return [each for each in self.charted if each.lines & place]

    def judging(self, mutant: Mutant) -> list[Replay]:
        """The recorded traces whose judging passes the changed place."""
        place = _place(mutant)
        return [each for each in self.replays if each.lines & place]


def _specialty(known: Known) -> tuple[bool, int, str]:
    """What is asked first: the usual order of tasks, and what passes few lines."""
    return known.play.order != USUAL, len(known.lines), str(known.play)


def _place(mutant: Mutant) -> set[tuple[str, int]]:
    first, last = mutant.lines
    file = function_of(mutant).__code__.co_filename
    return {(file, line) for line in range(first, last + 1)}


def run(ground: Ground, mutants: Iterable[Mutant], processes: int = 1) -> Iterator[Row]:
    """Try each mutant in a process of its own; rows come as they are finished.

    All are played first.  What is left is then asked in one run of every exploration and
    every judge whether it could matter there, and tried only where it could.
    """
    left: dict[str, tuple[Mutant, Found]] = {}
    for mutant, found in _play_all(ground, mutants, processes):
        if found.noticed is None:
            left[mutant.key] = mutant, found
        else:
            yield _row(ground, mutant, found)
    differ = _differing(ground, [mutant for mutant, _ in left.values()], processes)

    def work(mutant: Mutant) -> bytes:
        return msgspec.json.encode(_bare(ground.judge_and_explore(mutant, differ[mutant.key])))

    survivors = [mutant for mutant, _ in left.values()]
    for mutant, said in in_processes(survivors, work, processes=processes, seconds=SECONDS):
        played = left[mutant.key][1]
        found = _ENDLESS if said is None else _found(said)
        found = attrs.evolve(found, visible=played.visible)
        yield _row(ground, mutant, found, differ[mutant.key])


def _play_all(
    ground: Ground, mutants: Iterable[Mutant], processes: int
) -> Iterator[tuple[Mutant, Found]]:
    sharp: dict[str, list[str]] = {}

    def work(mutant: Mutant) -> bytes:
        likely = sharp.get(f"{mutant.module}.{mutant.function}", [])[-MOST_LIKELY:]
        return msgspec.json.encode(_bare(ground.try_on(mutant, likely)))

    for mutant, said in in_processes(mutants, work, processes=processes, seconds=SECONDS):
        found = _ENDLESS if said is None else _found(said)
        by = found.noticed.by if found.noticed is not None else ""
        here = sharp.setdefault(f"{mutant.module}.{mutant.function}", [])
        if by and by not in here:
            here.append(by)
        yield mutant, found


def _differing(
    ground: Ground, mutants: Sequence[Mutant], processes: int
) -> dict[str, frozenset[str]]:
    """For each mutant by its key the names of the replays and explorations it may matter to."""
    found: dict[str, set[str]] = {mutant.key: set() for mutant in mutants}

    def passing(each: _Job) -> list[Mutant]:
        return [mutant for mutant in mutants if each.lines & _place(mutant)]

    def work(each: _Job) -> bytes:
        again = each.said if isinstance(each, Replay) else each.ask.search_plainly
        _, keys = differing(passing(each), again)
        return msgspec.json.encode(sorted(keys))

    jobs: list[_Job] = [*ground.replays, *ground.charted]
    for each, said in in_processes(jobs, work, processes=processes, seconds=SECONDS):
        keys = [m.key for m in passing(each)] if said is None else msgspec.json.decode(said)
        for key in keys:
            found[key].add(each.name)
    return {key: frozenset(names) for key, names in found.items()}


_Job = Replay | Charted

_ENDLESS = Found(Noticed("endless", "", f"not over in {SECONDS} s of processor time"))

_Bare = tuple[tuple[str, str, str] | None, tuple[str, ...], tuple[str, ...]]
"""A ``Found`` on its way between processes."""


def _bare(found: Found) -> _Bare:
    noticed = found.noticed
    said = (noticed.how, noticed.by, noticed.why) if noticed is not None else None
    return said, found.visible, found.apart


def _found(said: bytes) -> Found:
    noticed, visible, apart = msgspec.json.decode(said, type=_Bare)
    return Found(Noticed(*noticed) if noticed is not None else None, visible, apart)


def _row(ground: Ground, mutant: Mutant, found: Found, differ: frozenset[str] = frozenset()) -> Row:
    where = f"{mutant.file}:{mutant.lines[0]} {mutant.function}"
    row = functools.partial(Row, mutant.key, where, mutant.description, mutant.steps)
    if found.noticed is not None:
        return row(found.noticed.how, found.noticed.by, found.noticed.why)
    judged = ground.judging(mutant)
    return row(
        met=len(ground.meeting(mutant)),
        visible=found.visible,
        explored=len(ground.charting(mutant)),
        apart=found.apart,
        judged=len(judged),
        otherwise=sum(each.name in differ for each in judged),
    )


def sample(mutants: Iterable[Mutant], seed: int, size: int | None) -> list[Mutant]:
    """A sample that depends on the seed and each mutant's own key only, not on the others."""

    def rank(mutant: Mutant) -> str:
        return hashlib.sha256(f"{seed} {mutant.key}".encode()).hexdigest()

    chosen = sorted(mutants, key=rank)[:size]
    return sorted(chosen, key=lambda mutant: (mutant.module, mutant.lines, mutant.key))


# --- what is known already ------------------------------------------------------------

_MODEL = Path(spec_model.__file__).parent
_JUDGE = Path(conformance.__file__).parent


def model_digest() -> str:
    """Of all that decides about a row beside its scenario: the model and what judges it."""
    files = [
        *_MODEL.rglob("*.py"),
        *_MODEL.rglob("*.tsv"),
        *(_JUDGE / "judge").rglob("*.py"),
        *(_JUDGE / "adapters").glob("model*.py"),
        *(_JUDGE / "explore").glob("*.py"),
        *(_JUDGE / "mutate").glob("*.py"),
    ]
    return _digest(path.read_bytes() for path in sorted(files))


def source_digests() -> dict[str, str]:
    """Of each file with algorithms, by its path within the repository."""
    files = {mutant.file: function_of(mutant).__code__.co_filename for mutant in mutants()}
    return {name: _digest([Path(path).read_bytes()]) for name, path in files.items()}


def scenario_digests(plays: Iterable[Play]) -> dict[str, str]:
    """Of each scenario, by its name."""
    scenarios = {each.scenario.scenario: each.scenario for each in plays}
    return {name: _digest([msgspec.json.encode(each)]) for name, each in scenarios.items()}


def _digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()[:16]


def still_known(
    rows: Iterable[Row], before: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, Row]:
    """The rows of an earlier campaign with the same model that need not be found out again.

    A kill counts as long as its scenario is the same; survivors only if all scenarios are.
    """
    same = before == now
    kept = {}
    for row in rows:
        name = row.by.rpartition(" (")[0] or row.by.rpartition(" ")[2].rpartition("/")[2]
        scenario = name in now and before.get(name) == now[name]
        if same or (row.killed and (scenario or row.by.startswith(EXPLORING))):
            kept[row.key] = row
    return kept
