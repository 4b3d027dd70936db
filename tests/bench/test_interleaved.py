"""Who runs when; nothing here is timed and nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from tests.bench.interleaved import LEAST, Clock, Row, Sample, Warmth, run_row


@attrs.define(eq=False)
class Pretended:
    """A clock and a machine on which each run takes so many seconds."""

    takes: float
    time: float = 0.0
    ran: list[str] = attrs.field(factory=list)

    def now(self) -> float:
        return self.time

    def run(self, command: Sequence[str]) -> Sample:
        self.ran.append(command[0])
        self.time += self.takes
        return Sample(self.takes, 0.0, 0.0, {})


def played(here: Path, takes: float, runs: int, minutes: float = 1.0) -> Pretended:
    machine = Pretended(takes)
    row = Row("row", "a row", {"a": lambda _: ["a"], "b": lambda _: ["b"]}, 1.0, 0)
    run_row(row, here, runs, Clock(minutes, machine.now), Warmth(here), machine.run)
    return machine


def test_each_round_begins_with_another_client(tmp_path: Path) -> None:
    assert played(tmp_path, 1.0, 3).ran == ["a", "b", "b", "a", "a", "b"]


def test_a_row_ends_when_another_round_would_not_fit(tmp_path: Path) -> None:
    machine = played(tmp_path, 5.0, 99)
    assert len(machine.ran) == 12
    assert machine.time == 60.0


def test_the_least_rounds_are_run_however_long_they_take(tmp_path: Path) -> None:
    assert len(played(tmp_path, 500.0, 99).ran) == 2 * LEAST


def test_what_one_row_leaves_over_is_the_next_one_s() -> None:
    machine = Pretended(0.0)
    clock = Clock(1.0, machine.now)
    clock.grant(0.5)
    machine.time = 10.0
    assert not clock.has(21.0)
    clock.grant(0.5)
    assert clock.has(50.0)


def test_warming_leaves_no_file(tmp_path: Path) -> None:
    Warmth(tmp_path).warm(1)
    assert not list(tmp_path.iterdir())
