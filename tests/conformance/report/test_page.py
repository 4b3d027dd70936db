"""The HTML page: self-contained, safe, and linked together."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest

from conformance import protocol as p
from conformance.judge.session import Outcome, Session
from conformance.judge.verdict import Cause, PropertyResult, Verdict
from conformance.report import page, results
from conformance.report.diagram import Fold, Row, diagram
from conformance.report.moves import moves
from tests.conformance.report.samples import SCENARIOS, entry, judged, sample_trace, violation


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


def test_a_note_is_a_dot_on_its_lane_and_an_answer_runs_back() -> None:
    rows = flat(diagram(sample_trace(), judged("SC-33", "m")).rows)
    assert {row.direction for row in rows} == {"left", "right", "dot"}
    for row in rows:
        dot = row.move.source == row.move.target
        assert (row.direction == "dot") == dot
        assert row.end - row.start == 2 if dot else row.end - row.start >= 2


def test_what_is_broken_is_told_where_it_broke_with_the_entry_itself() -> None:
    broken = [row for row in flat(diagram(sample_trace(), violation()).rows) if row.broken]
    (row,) = broken
    assert row.broken == (
        "allowed instead: the worker gets backgroundfetchfail with bad-status; "
        "S06 is broken: success although /b answered 404"
    )
    assert row.raw.startswith('{"earliest":') and "backgroundfetchsuccess" in row.raw
    assert all(not one.raw for one in flat(diagram(sample_trace(), judged("S", "m")).rows))


def labels(extra: int, *broken: int) -> list[str]:
    properties = tuple(PropertyResult(f"S0{at}", False, 1, at, "so") for at in broken)
    verdict = msgspec.structs.replace(judged("SC-33", "m"), properties=properties)
    return [row.label for row in diagram(sample_trace(extra=extra), verdict).rows
            if isinstance(row, Fold)]  # fmt: skip


def test_what_is_far_from_the_first_and_the_last_broken_place_is_folded() -> None:
    assert labels(60, 30, 40)[0].endswith(" earlier entries, all explained")
    assert labels(60, 30, 40)[-1].endswith(" later entries")
    assert labels(0, 2, 17) == []


def test_four_alike_are_folded_and_three_are_not() -> None:
    assert labels(4) == ["3 entries before the next, alike"]
    assert labels(3) == []


def test_what_different_realms_see_is_not_alike() -> None:
    seen = [p.Progress(instance=name, snapshot=p.Snapshot("f")) for name in ("i1", "i9")]
    trace = sample_trace()
    both = [entry(seen=each) for each in seen for _ in range(2)]
    entries = [*trace.entries[:6], *both, *trace.entries[6:]]
    drawn = diagram(msgspec.structs.replace(trace, entries=entries), judged("SC-33", "m"))
    assert [row for row in drawn.rows if isinstance(row, Fold)] == []


def test_a_long_trace_without_such_a_place_is_folded_at_its_end() -> None:
    whole = diagram(sample_trace(extra=200), judged("SC-33", "m")).rows
    assert isinstance(whole[-1], Fold) and whole[-1].label.endswith(" more entries")


def build(*outcomes: Outcome) -> results.Report:
    names = list(dict.fromkeys(one.column for one in outcomes))
    return results.build(Session(list(outcomes), complete=True), SCENARIOS, names)


def blocks(html: str, anchor: str) -> str:
    return html.split(f'id="{anchor}"')[1].split('<details class="result"')[0]


def test_only_what_is_unexpected_is_open_and_each_attempt_has_its_own_trace() -> None:
    report = build(
        Outcome("m", 1, violation(), sample_trace()),
        Outcome("m", 2, judged("SC-33", "m"), sample_trace()),
    )
    html = page.render(report, {("m", "SC-33", 2): sample_trace()})
    opened = re.findall(r'<details class="result"( open)?>', html)
    assert opened == [" open", ""]
    without, drawn = blocks(html, "SC-33--m"), blocks(html, "SC-33--m-2")
    assert "page p1 calls" not in without and "page p1 calls" in drawn


def test_a_cell_of_the_matrix_leads_to_the_first_attempt() -> None:
    report = build(*(Outcome("m", n, judged("SC-33", "m")) for n in (1, 2)))
    row = page._row(report, report.scenarios[1])
    assert [one.anchor for one in row] == ["SC-33--m"]
    assert [one.anchor for one in page._row(report, report.scenarios[0])] == [""]


def test_steps_at_stake_are_the_causes_where_they_are_known_most_first() -> None:
    def wrong(scenario: str, *causes: Cause, attempt: int = 1, **more: object) -> Outcome:
        changed = {"scenario": scenario, "causes": causes, "blame": ("S06",), **more}
        return Outcome("m", attempt, msgspec.structs.replace(violation(), **changed))

    near = Cause("ABORT-1", "x", explains=False)
    report = build(
        wrong("SC-22", Cause("GET-3", "x"), near),
        wrong("SC-33", Cause("RECORD-3", "x")),
        wrong("SC-33", Cause("RECORD-3", "x"), attempt=2),
        wrong("SC-61", near),
        wrong("SC-61", attempt=2, blame=()),
        Outcome("m", 1, judged("SC-61", "m", Verdict.INCONCLUSIVE)),
    )
    found = [
        (name, [one.attempt for _, mine in rows for one in mine])
        for name, rows in page._blame(report)
    ]
    assert found == [("RECORD-3", [1]), ("GET-3", [1]), ("S06", [1]), ("undetermined", [2])]


def test_a_source_that_is_no_row_has_one_of_its_own() -> None:
    rows = {row.id: row for row in page._sources(build(Outcome("m", 1, judged("SC-33", "m"))))}
    assert rows["SC-33"].scenarios == rows["E01"].scenarios == ["SC-33"]
    assert rows["S1-38"].says and not rows["E01"].says
