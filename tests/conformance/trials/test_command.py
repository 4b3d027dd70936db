"""The command that counts trials: what was counted stays counted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.trials import __main__ as command
from conformance.trials.campaigns import Tally


def count(out: Path, *arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["soundness", "--out", str(out), *arguments], standalone_mode=False)
    assert ended.value.code == 0


def tried(out: Path) -> dict[str, int]:
    report = msgspec.json.decode(out.read_bytes(), type=command.Report)
    return {profile: line.tried for profile, line in report["soundness"].items()}


def test_a_campaign_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[range] = []

    def noted(profile: str, numbers: range) -> Tally:
        asked.append(numbers)
        return Tally()

    monkeypatch.setitem(command.TRIALS, "soundness", noted)
    out = tmp_path / "report.json"
    count(out, "--upto", "3", "--batch", "2")
    count(out, "--upto", "4")
    assert asked == [range(2), range(2, 3), range(3, 4)]


def test_campaigns_of_two_profiles_keep_each_others_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.json"

    def meanwhile(profile: str, numbers: range) -> Tally:
        if profile == "spec":
            count(out, "--profile", "webkit", "--upto", "5")
        return Tally()

    monkeypatch.setitem(command.TRIALS, "soundness", meanwhile)
    count(out, "--profile", "spec", "--upto", "2")
    assert tried(out) == {"spec": 2, "webkit": 5}
