"""The table of source rows."""

from __future__ import annotations

import pytest

from conformance.scenario import sources
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load


def test_there_are_288_rows_in_order() -> None:
    counts = {"S0": 64, "S1": 60, "S2": 87, "S3": 46, "S4": 31}
    assert list(sources.rows()) == [
        f"{document}-{number:02}"
        for document, count in counts.items()
        for number in range(1, count + 1)
    ]


def test_every_row_says_something_short_and_has_a_verdict() -> None:
    verdicts = {"KEPT", "RENAMED", "CHANGED", "DROPPED", "CONTRA", "UA", "QUIRK", "ERR", "IDEA"}
    for row in sources.rows().values():
        assert 1 <= len(row.says.split()) <= 12, row
        assert row.verdict in verdicts | {"DOC"}, row


@pytest.mark.parametrize("known", ["S0-01", "S4-31", "SC-01", "SC-135", "E01", "E90"])
def test_rows_situations_and_errata_are_known(known: str) -> None:
    assert sources.is_known(known)


@pytest.mark.parametrize("unknown", ["S0-65", "S5-01", "SC-136", "SC-1", "E91", "E1", ""])
def test_others_are_not(unknown: str) -> None:
    assert not sources.is_known(unknown)


def test_the_table_is_made_from_what_scenarios_name() -> None:
    table = sources.shown(load(path) for path in find())
    assert {"SC-59", "SC-59-demo"} <= set(table["SC-59"])
    assert "SC-22" in table["S1-38"]
    assert table["S2-87"] == []
    assert list(table) == list(sources.ids())


def test_both_renderings_name_the_scenarios_and_count_them() -> None:
    scenarios = [load(path) for path in find() if path.stem in ("SC-59", "SC-22")]
    table = sources.shown(scenarios)
    markdown, plain = sources.markdown(table), sources.plain(table)
    assert "| S1-38 | success event in the worker | KEPT | SC-22 |" in markdown
    assert "| SC-59 | SC-59 |" in markdown
    assert "SC-60" not in markdown + plain
    assert any(line.split() == ["SC-59", "SC-59"] for line in plain.splitlines())
    rows = sum(bool(table[row]) for row in sources.rows())
    count = f"Shown: {rows} of 288 rows, 2 of 135 situations, 0 of 90 errata."
    assert count in markdown and count in plain


def scenario(name: str, *source: str) -> Scenario:
    return Scenario(name, "A file arrives", list(source), [])


def test_scenarios_of_a_row_are_sorted_and_named_once() -> None:
    table = sources.shown([scenario("b", "S1-01", "S1-01"), scenario("a", "S1-01")])
    assert table["S1-01"] == ["a", "b"]


def test_what_a_row_says_cannot_break_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    row = sources.Row("S1-01", "KEPT", "a | b")
    monkeypatch.setattr(sources, "rows", lambda: {"S1-01": row})
    assert "| S1-01 | a \\| b | KEPT | a |" in sources.markdown(
        sources.shown([scenario("a", "S1-01")])
    )
