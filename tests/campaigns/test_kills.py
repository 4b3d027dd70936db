"""Real kills, in short: a real engine, real sockets, SQLite and files, and the fast pump."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.kills import MOST_AGAIN, judged, kill_everywhere
from tests.campaigns.origin import BIG, CUT, origin
from tests.campaigns.trial import Moved, Trial, evidence

MIB = 1 << 20


def test_no_promise_breaks_by_kill_9(tmp_path: Path) -> None:
    found = kill_everywhere(tmp_path, 25, seed=5)
    assert found.broken == []
    assert found.kills >= 25
    assert max(found.fetched_again.values()) <= MOST_AGAIN
    assert found.interrupted >= 1
    assert found.bytes_spliced > MIB
    assert found.bytes_read_by_readv > MIB


@pytest.mark.parametrize("tls", [False, True])
def test_the_long_bodies_of_these_campaigns_go_by_the_fast_pump(tmp_path: Path, tls: bool) -> None:
    long, moved = len(BIG) + len(CUT), Moved()
    with origin(tmp_path / "requests") as places:
        trial = Trial(
            tmp_path / "one",
            "/one",
            places.tls if tls else places.plain,
            pem=places.pem if tls else None,
            moved=moved,
        )
        trial.directory.mkdir()
        scene = evidence(trial, tmp_path / "requests")
        assert not trial.run(True, None)
        assert judged(scene, trial) == []
    sums = moved.sums()
    if tls:
        assert sums["splice"] == 0, "TLS is not spliced"
        assert sums["readv"] > long
    else:
        assert sums["splice"] > long, "each byte twice, the first ones of a body not at all"
        assert sums["readv"] < MIB
