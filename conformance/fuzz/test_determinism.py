"""The same seed writes the same bytes, and what was written does it again."""

from __future__ import annotations

from pathlib import Path

from conformance.fuzz.campaign import campaign, judge_on
from conformance.judge.verdict import Verdict
from conformance.liars import LIARS
from conformance.scenario.load import load


def test_a_counterexample_has_the_same_bytes_each_time_and_replays(tmp_path: Path) -> None:
    factory = LIARS["success-after-404"].factory()
    found = [
        campaign(factory, examples=150, random_seed=3, out=tmp_path / name)
        for name in ("one", "two")
    ]
    files = [one.file for one in found]
    assert files[0] is not None and files[1] is not None
    assert files[0].read_bytes() == files[1].read_bytes()
    assert found[0].examples == found[1].examples
    again = judge_on(factory)(load(files[0]))
    assert found[0].failure is not None
    assert again.verdict is found[0].failure.judgement.verdict is Verdict.VIOLATES
    assert again.blame == found[0].failure.judgement.blame
