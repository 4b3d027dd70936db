"""The page about the trials says what the report says, also what is bad."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.pages.acceptor import acceptor_page


def page(tmp_path: Path, *, sample: object = None, **soundness: object) -> str:
    report = {
        "sample": sample or {},
        "soundness": {"spec": {"tried": 1200, "largest": 7, **soundness}},
        "mutations": {"spec": {"tried": 3, "counts": {"rejected": 20, "hole": 1}}},
        "agreement": {"spec": {"tried": 1, "counts": {"both accepted": 5}}},
        "blame": {},
    }
    (tmp_path / "acceptor.json").write_text(json.dumps(report), "utf-8")
    return acceptor_page(tmp_path)


def test_accepted_and_rejected_traces_are_told_apart_from_joined_ones(tmp_path: Path) -> None:
    text = page(tmp_path, counts={"accepted": 5000, "rejected": 2, "joined": 9})
    assert "| spec | 1,200 | 5,002 | 5,000 | 2 | 7 |" in text
    assert "In 9 of these traces explanations were joined" in text


def test_what_the_judge_says_now_is_told_beside_what_it_said_before(tmp_path: Path) -> None:
    counts = {"accepted": 400, "rejected": 1, "joined": 3}
    text = page(tmp_path, counts={}, sample={"spec": {"tried": 90, "counts": counts}})
    assert "90 of spec" in text
    assert "400 traces and rejected 1." in text
    assert "As it is now" not in page(tmp_path, counts={})


def test_a_hole_is_shown(tmp_path: Path) -> None:
    assert "| spec | 21 | 20 | 0 | 0 | 0 | 1 |" in page(tmp_path, counts={})


def test_what_was_asked_is_summed_and_steps_that_no_run_took_are_named(tmp_path: Path) -> None:
    text = page(tmp_path, counts={}, runs=10, asked={"kill": 4}, steps={"RECORD-3": 10})
    assert "| kill | 4 |" in text
    never = text.rsplit("\n", 2)[-2]
    assert "RECORD-4," in never and "RECORD-3," not in never
