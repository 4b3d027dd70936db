"""The HTML page: self-contained, safe, and linked together."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from conformance.judge.session import Outcome, Session
from conformance.judge.verdict import Verdict
from conformance.report import page, results
from conformance.report.diagram import Fold, Row, diagram
from conformance.report.moves import moves
from tests.conformance.report.samples import SCENARIOS, judged, sample_trace, violation


class Links(HTMLParser):
    """Collects ids, fragments and outside references; checks that tags are balanced."""

    VOID = frozenset({"meta", "br", "link", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fragments: set[str] = set()
        self.outside: list[str] = []
        self.tags: set[str] = set()
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.stack.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("href", "src") and value:
                (self.fragments.add(value[1:]) if value[0] == "#" else self.outside.append(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def read(html: str) -> Links:
    links = Links()
    links.feed(html)
    assert links.stack == []
    return links


def rendered(*, extra: int = 0, title: str = "") -> str:
    column = "stdio:./my prog"
    scenarios = [msgspec.structs.replace(one, title=title or one.title) for one in SCENARIOS]
    trace = sample_trace(extra=extra)
    session = Session(
        [
            Outcome("model", 1, judged("SC-22", "model")),
            Outcome(column, 1, violation(), trace),
            Outcome(column, 2, violation(), trace),
            Outcome("model", 1, judged("SC-61", "model", Verdict.INCONCLUSIVE)),
        ]
    )
    report = results.build(session, scenarios, ["model", column])
    return page.render(report, {(column, "SC-33", 1): trace})


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs() -> None:
    html = rendered()
    links = read(html)
    assert links.outside == []
    assert not links.tags & {"script", "link", "img", "iframe"}
    assert "url(" not in html
    assert "@import" not in html


def test_every_link_has_a_place_and_every_place_is_there_once() -> None:
    links = read(rendered())
    assert links.fragments <= set(links.ids)
    assert len(links.ids) == len(set(links.ids))
    assert "SC-33--stdio_._my_prog-2" in links.fragments


def test_a_title_is_text_not_markup() -> None:
    assert "<b>x</b>" not in rendered(title="<b>x</b>")
    assert "&lt;b&gt;x&lt;/b&gt;" in rendered(title="<b>x</b>")


def test_a_partial_run_is_marked() -> None:
    assert "<strong>Partial:</strong> the run was stopped after" in rendered()


def test_a_violation_shows_its_sentence_its_blame_and_how_to_see_it_again() -> None:
    html = rendered()
    assert "the worker gets backgroundfetchsuccess for &#34;f&#34;, success" in html
    assert "Seen at: PERFORM-5.3, S06." in html
    assert "In a success handler every record" in html
    assert "allowed instead: the worker gets backgroundfetchfail with bad-status" in html
    assert "bgfetch run --on &#39;stdio:./my prog&#39; SC-33" in html


def test_a_scenario_that_shows_a_source_row_stands_in_its_row() -> None:
    rows = re.findall(r"<tr><td class=\"narrow\">S1-38</td>.*?</tr>", rendered(), re.DOTALL)
    assert ['<a href="#SC-33">' in row for row in rows] == [True]


def test_the_same_findings_make_the_same_page() -> None:
    assert rendered() == rendered()


# --- diagrams -------------------------------------------------------------------------


def flat(rows: tuple[Row | Fold, ...]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        found += flat(row.rows) if isinstance(row, Fold) else [row]
    return found


@pytest.mark.parametrize("extra", [0, 3, 40, 200])
@pytest.mark.parametrize("broken", [None, 2, 13])
def test_folding_loses_nothing_and_keeps_the_order(extra: int, broken: int | None) -> None:
    verdict = msgspec.structs.replace(judged("SC-33", "m"), unexplained=broken)
    trace = sample_trace(extra=extra)
    entries = [row.move.entry for row in flat(diagram(trace, verdict).rows)]
    assert entries == [move.entry for move in moves(trace) if move]


def test_a_long_run_of_the_same_is_folded_up_to_its_last() -> None:
    rows = diagram(sample_trace(extra=40), judged("SC-33", "m")).rows
    (fold,) = [row for row in rows if isinstance(row, Fold)]
    assert fold.label == "39 entries before the next, alike"


def test_what_broke_the_explanation_is_never_folded() -> None:
    verdict = msgspec.structs.replace(judged("SC-33", "m"), unexplained=100)
    rows = diagram(sample_trace(extra=200), verdict).rows
    assert [row.move.entry for row in rows if isinstance(row, Row) and row.broken] == [100]


def test_an_arrow_runs_between_the_lines_of_its_lanes() -> None:
    drawn = diagram(sample_trace(), judged("SC-33", "m"))
    call = flat(drawn.rows)[1]
    assert drawn.lanes == ("p1", "worker", "user agent", "server", "judge")
    assert call.move.sentence.startswith("page p1 calls fetch")
    assert (call.start, call.end, call.direction) == (2, 6, "right")
