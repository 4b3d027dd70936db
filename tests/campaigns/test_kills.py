"""Real kills, in short: a real engine, real sockets, SQLite and files, and the fast pump."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.kills import Trial, kill_everywhere, measure, origin


def test_no_promise_breaks_by_kill_9(tmp_path: Path) -> None:
    count, turns = kill_everywhere(tmp_path, 25, seed=5)
    assert count.broken == []
    assert count.crashes >= 25
    assert turns, "the long bodies went by the fast pump"


def test_an_undisturbed_life_goes_by_the_fast_pump(tmp_path: Path) -> None:
    with origin(tmp_path / "requests") as server:
        assert measure(tmp_path, tmp_path / "requests", server) > 0
        trial = Trial(tmp_path / "one", "/one", server)
        trial.directory.mkdir()
        assert not trial.run(True, None)
        assert '["turns", 0]' not in trial.said.read_text()
