"""What browsers did, recorded once, is judged as it was when it was looked at.

``reports/traces/<implementation>/<scenario>.jsonl`` is one run of each scenario that has a
verdict, ``verdicts.toml`` beside them what the judge says of each.  The table makes every
change of the judge's mind about a real implementation show up in review, without a browser;
the expectation file has to agree with it, so that neither can drift alone.

To record anew: run the implementation with ``--save-traces``, copy the traces of one run, and
write the table with ``python tests/conformance/test_recorded_traces.py``.  That also brings
the expectation file up to date where the judge has changed its mind: the steps that an entry
blames, and entries of what conforms now.  Reasons are written by people; it says which to read.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import msgspec
import pytest

from conformance.judge import expectations
from conformance.judge.expectations import Standing
from conformance.judge.judge import judge
from conformance.judge.run_needs import required_capabilities
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.find import find
from conformance.scenario.load import load
from conformance.trace import Trace
from conformance.trace import load as load_trace
from spec_model.systems import step

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"
TABLE = "verdicts.toml"
CHROMIUM = REPORTS / "traces" / "chromium"
FILES = sorted((REPORTS / "traces").rglob("*.jsonl"))
EACH = pytest.mark.parametrize("file", FILES, ids=lambda one: f"{one.parent.name}/{one.stem}")
FEWEST = 26
"""Scenarios with a verdict: fewer would mean that a recording was cut short."""
SIZE = 150_000
"""Bytes of one trace: more does not belong into a repository."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the judge says of one trace, in the words of the table."""

    verdict: Verdict
    blame: list[str] = []
    choices: list[str] = []

    @classmethod
    def of(cls, judgement: Judgement) -> Row:
        return cls(judgement.verdict, sorted(judgement.blame), sorted(judgement.choices))

    def toml(self) -> str:
        fields = [f'verdict = "{self.verdict.value}"']
        for name, words in (("blame", self.blame), ("choices", self.choices)):
            if words:
                quoted = ", ".join(f'"{word}"' for word in words)
                fields.append(f"{name} = [{quoted}]")
        return "{ " + ", ".join(fields) + " }"


@cache
def read(file: Path) -> Trace:
    return load_trace(file.read_bytes())


@cache
def judged(file: Path) -> Judgement:
    return judge(read(file))


def table(folder: Path) -> dict[str, Row]:
    whole = tomllib.loads((folder / TABLE).read_text("utf-8"))
    return {scenario: msgspec.convert(row, Row) for scenario, row in whole.items()}


def write_tables() -> None:
    for folder in sorted({file.parent for file in FILES}):
        lines = [
            f"{file.stem} = {Row.of(judged(file)).toml()}"
            for file in FILES
            if file.parent == folder
        ]
        head = "# What the judge says of each trace in this folder; a test judges them again."
        (folder / TABLE).write_text("\n".join([head, "", *lines, ""]), "utf-8")


def restate(path: Path, folder: Path) -> None:
    """Bring the entries of one expectation file up to date with what the judge says."""
    expected = expectations.read(path)
    head, *blocks = path.read_text("utf-8").split("[[expected]]\n")
    kept = [head]
    for entry, block in zip(expected.entries, blocks, strict=True):
        judgement = judged(folder / f"{entry.scenario}.jsonl")
        if judgement.verdict is not Verdict.VIOLATES and not entry.flaky:
            print(f"{entry.scenario}: {judgement.verdict.value}; its entry is gone")
            continue
        blame = frozenset(judgement.blame)
        missing = blame - entry.blame if entry.flaky else blame ^ entry.blame
        if judgement.verdict is Verdict.VIOLATES and missing:
            now = sorted(blame | entry.blame if entry.flaky else blame)
            quoted = ", ".join(f'"{step}"' for step in now)
            block = re.sub(r"^blame = .*$", f"blame = [{quoted}]", block, flags=re.M)
            print(f"{entry.scenario}: blames {', '.join(now)}; read its reason: {judgement.why}")
        kept.append(block)
    path.write_text("[[expected]]\n".join(kept).rstrip("\n") + "\n", "utf-8")


# --- the traces -----------------------------------------------------------------------


@EACH
def test_a_trace_is_judged_as_the_table_beside_it_says(file: Path) -> None:
    assert Row.of(judged(file)) == table(file.parent).get(file.stem)


@EACH
def test_a_trace_stands_to_the_expectation_file_as_it_should(file: Path) -> None:
    trace = read(file)
    expected = expectations.read(REPORTS / "expected" / f"{trace.implementation}.toml")
    assert expected.knows(trace.version)
    judgement = judged(file)
    differs = judgement.verdict is Verdict.VIOLATES
    standing = expectations.stand(judgement, expected.entry(trace.scenario, trace.version))
    assert standing is (Standing.KNOWN if differs else Standing.AS_EXPECTED), judgement.why


@EACH
def test_a_trace_is_named_after_its_scenario_and_small(file: Path) -> None:
    trace = read(file)
    assert (trace.implementation, trace.scenario) == (file.parent.name, file.stem)
    assert file.stat().st_size < SIZE


def test_the_tables_have_no_row_without_a_trace() -> None:
    recorded = {(file.parent, file.stem) for file in FILES}
    folders = {folder for folder, _ in recorded}
    assert {(folder, scenario) for folder in folders for scenario in table(folder)} == recorded


# --- Chromium -------------------------------------------------------------------------


def test_the_traces_of_chromium_are_of_scenarios_that_it_is_able_to_play() -> None:
    able = set(read(CHROMIUM / "SC-22.jsonl").capabilities)
    scenarios = {one.scenario for one in map(load, find()) if required_capabilities(one) <= able}
    recorded = {file.stem for file in CHROMIUM.glob("*.jsonl")}
    assert len(recorded) >= FEWEST
    assert recorded <= scenarios


def test_every_expectation_of_chromium_has_its_trace() -> None:
    expected = expectations.read(REPORTS / "expected" / "chromium.toml")
    recorded = {file.stem for file in CHROMIUM.glob("*.jsonl")}
    assert {entry.scenario for entry in expected.entries} <= recorded


def rows() -> list[tuple[str, list[str]]]:
    """The step and the scenarios of each row of the page's table."""
    page = (ROOT / "docs" / "explanation" / "chromium.md").read_text("utf-8")
    found = re.findall(r"^\| ([A-Z][A-Z-]*-[\w.]+) \|.*\| ([^|]+) \|$", page, re.MULTILINE)
    return [(step, scenarios.split(", ")) for step, scenarios in found]


def test_the_page_and_the_expectation_file_tell_of_the_same_scenarios() -> None:
    expected = expectations.read(REPORTS / "expected" / "chromium.toml")
    told = {scenario for _, scenarios in rows() for scenario in scenarios}
    assert told == {entry.scenario for entry in expected.entries}


def test_the_page_cites_steps_that_exist_and_each_once() -> None:
    steps = [step for step, _ in rows()]
    assert all(step(each) for each in steps)
    assert len(steps) == len(set(steps)) > 0


if __name__ == "__main__":
    write_tables()
    restate(REPORTS / "expected" / "chromium.toml", CHROMIUM)
