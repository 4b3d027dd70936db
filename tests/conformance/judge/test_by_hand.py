"""What was written by hand is judged as it says, and is what the campaign of mutation is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.judge.judge import judge
from conformance.judge.verdict import Verdict
from tests.conformance.judge import by_hand


@pytest.mark.parametrize("name", by_hand.TRACES)
def test_a_trace_gets_the_verdict_that_was_written_down_with_it(name: str) -> None:
    _, blame = by_hand.TRACES[name]
    judged = judge(by_hand.trace(name))
    assert judged.verdict is (Verdict.VIOLATES if blame else Verdict.CONFORMS), judged.why
    assert judged.blame == ((blame,) if blame else ())


def test_the_files_are_fresh(tmp_path: Path) -> None:
    by_hand.write(tmp_path / "fresh")
    names = {path.name for path in by_hand.FOLDER.iterdir()}
    assert names == {path.name for path in (tmp_path / "fresh").iterdir()}
    for name in names:
        fresh = (tmp_path / "fresh" / name).read_bytes()
        assert (by_hand.FOLDER / name).read_bytes() == fresh, (
            "python -m tests.conformance.judge.by_hand"
        )
