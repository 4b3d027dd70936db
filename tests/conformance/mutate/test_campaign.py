"""The campaign: who notices a mutant, what need not be tried again, what a report says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance.mutate import Mutant, mutants
from conformance.mutate.campaign import Ground, Row, run, sample, still_known
from conformance.mutate.playing import know, notice, otherwise, plays, reordered
from conformance.mutate.report import BadSurvivor, Report, Survivor, read_survivors, summary
from conformance.mutate.workers import in_processes
from conformance.scenario.find import packaged

ABORT_WHILE_PAUSED = packaged() / "errata" / "E13.yaml"
AN_EVENT_AND_ITS_NEWS = packaged() / "errata" / "E11.yaml"
SECOND_ATTEMPT = packaged() / "errata" / "E45.yaml"


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


@pytest.fixture(scope="module")
def ground() -> Ground:
    return Ground.prepare(plays([ABORT_WHILE_PAUSED]), mutants())


def test_a_scenario_is_played_under_every_reading_it_speaks_of() -> None:
    names = [play.reading.name for play in plays([ABORT_WHILE_PAUSED])]
    assert names[:3] == ["amended", "amended - E13", "as-written"]
    assert names[3:] == ["as-written + the abandoned attempt stops=at once"]


def test_what_is_left_open_is_answered_otherwise_where_that_shows() -> None:
    names = {play.reading.name for play in otherwise(plays([ABORT_WHILE_PAUSED]))}
    assert "amended + pause-toggle=withheld" in names
    assert "as-written + the abandoned attempt stops=at once" not in names


def test_an_instance_that_is_behind_is_noticed_where_the_event_overtakes_the_news() -> None:
    late = the("bring_up_to_date", "leave out: shows=live")
    usual = plays([AN_EVENT_AND_ITS_NEWS])
    others = [play for play in reordered(usual) if play.reading.name == "amended"]
    assert [play.order for play in others] == ["backwards", "late", "late and backwards"]
    ordinary, backwards = (Ground.prepare([each], [late]) for each in (usual[0], others[0]))
    assert ordinary.try_on(late).noticed is None
    noticed = backwards.try_on(late).noticed
    assert noticed is not None
    assert (noticed.how, noticed.by) == ("outcome", "E11 (amended; backwards)")


def test_other_orders_are_asked_last() -> None:
    usual = plays([ABORT_WHILE_PAUSED])
    known = Ground.prepare([*reordered(usual), *usual], mutants()).known
    orders = [bool(each.play.order) for each in known]
    assert orders == sorted(orders)


def test_a_script_that_waits_in_vain_under_other_answers_shows_nothing() -> None:
    found = [know(play, frozenset()) for play in otherwise(plays([SECOND_ATTEMPT]))]
    vain = [each for each in found if each.amiss]
    assert vain
    assert notice(vain).noticed is None


def test_a_stated_outcome_notices(ground: Ground) -> None:
    mutant = the("_toggle_pause", "leave out: paused=paused in")
    noticed = ground.try_on(mutant).noticed
    assert noticed is not None
    assert noticed.how == "outcome"
    assert noticed.by.startswith("E13 (")


def test_a_place_that_nothing_passes_is_not_tried(ground: Ground) -> None:
    mutant = the("get_ids", "negate: fetch.in_map")
    assert ground.meeting(mutant) == []
    assert ground.try_on(mutant).noticed is None


def test_an_endless_run_is_noticed() -> None:
    mutant = the("finish_put", "leave out: puts=")
    ground = Ground.prepare(plays([packaged() / "records/SC-30.yaml"]), [mutant])
    noticed = ground.try_on(mutant).noticed
    assert noticed is not None
    assert noticed.how == "endless"


def test_the_model_is_the_same_afterwards(ground: Ground) -> None:
    before = {each.trace for each in ground.known}
    ground.try_on(the("abort", "leave out: abort=fetch.abort or cause"))
    again = Ground.prepare(plays([ABORT_WHILE_PAUSED]), [])
    assert {each.trace for each in again.known} == before


def test_rows_come_from_processes_of_their_own(ground: Ground) -> None:
    chosen = [
        the("abort", "leave out: abort=fetch.abort or cause"),
        the("get_ids", "negate: fetch.in_map"),
    ]
    rows = {row.key: row for row in run(ground, chosen, processes=2)}
    assert [rows[each.key].killed for each in chosen] == [True, False]
    assert rows[chosen[1].key].met == 0


def doing(jobs: Iterable[str], seconds: int = 5) -> dict[str, bytes | None]:
    def work(job: str) -> bytes:
        if job == "dies":
            os._exit(3)
        while job == "never ends":
            pass
        return job.encode() * 100_000

    return dict(in_processes(jobs, work, processes=2, seconds=seconds))


def test_work_that_dies_or_never_ends_hurts_no_other() -> None:
    done = doing(["dies", "good", "never ends", "better"], seconds=1)
    assert done == {
        "dies": None,
        "good": b"good" * 100_000,
        "never ends": None,
        "better": b"better" * 100_000,
    }


def test_a_sample_keeps_its_members_when_others_come() -> None:
    few = sample(mutants()[:200], seed=1, size=20)
    more = sample(mutants(), seed=1, size=20 * len(mutants()) // 200)
    assert len(few) == 20
    assert {each.key for each in few} & {each.key for each in more}
    assert sample(mutants()[:200], seed=1, size=20) == few
    assert sample(mutants()[:200], seed=2, size=20) != few


# --- what is known already ------------------------------------------------------------

KILLED = Row("a/drop/1", "a.py:1 f", "x", how="outcome", by="SC-1 (amended - E13)")
SURVIVED = Row("a/drop/2", "a.py:2 f", "y", met=3)


def test_nothing_is_tried_again_while_all_is_the_same() -> None:
    now = {"SC-1": "d1", "SC-2": "d2"}
    assert set(still_known([KILLED, SURVIVED], now, now)) == {KILLED.key, SURVIVED.key}


def test_survivors_are_tried_again_when_a_scenario_is_new() -> None:
    now = {"SC-1": "d1", "SC-2": "d2"}
    assert set(still_known([KILLED, SURVIVED], {"SC-1": "d1"}, now)) == {KILLED.key}


def test_what_an_exploration_notices_hangs_on_no_scenario() -> None:
    row = Row("a/drop/1", "a.py:1 f", "x", how="explored", by="scope total without E04")
    assert still_known([row], {"E04": "d1"}, {"E04": "d2"}) == {row.key: row}


def test_a_kill_is_tried_again_when_its_scenario_changed() -> None:
    assert still_known([KILLED], {"SC-1": "d1"}, {"SC-1": "d2"}) == {}


# --- reports --------------------------------------------------------------------------


def report(*rows: Row) -> Report:
    made = Report("m", {"a.py": "d0"}, {"SC-1": "d1"}, 2, 0, None)
    made.add(rows)
    return made


def test_a_report_is_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "mutation.json"
    report(SURVIVED, KILLED).save(path)
    assert Report.load(path) == report(KILLED, SURVIVED)
    assert json.loads(path.read_text())["counts"]["drop"] == {
        "mutants": 2,
        "survive": 1,
        "outcome": 1,
    }


def test_the_summary_names_survivors_without_a_reason() -> None:
    told = summary(report(KILLED, SURVIVED), {})
    assert "50.0% of all are noticed, 50.0% of those not equivalent" in told
    assert SURVIVED.key in told
    assert SURVIVED.key not in summary(
        report(KILLED, SURVIVED), {SURVIVED.key: Survivor("gap", "x")}
    )


def test_what_is_the_same_in_everything_is_equal_and_needs_no_entry() -> None:
    equal = Row("a/drop/3", "a.py:3 f", "z", met=3, explored=2)
    only_played = Row("a/drop/4", "a.py:4 f", "z", met=3)
    apart = Row("a/drop/5", "a.py:5 f", "z", met=3, explored=2, apart=("scope ui",))
    made = report(KILLED, equal, only_played, apart)
    assert made.unexplained({}) == [only_played, apart]
    assert made.killed_of_all == 1 / 4
    assert made.killed_share({}) == 1 / 3


@pytest.mark.parametrize(
    "text",
    [
        '[[survivor]]\nkey = "a"\nkind = "gap"\n',
        '[[survivor]]\nkey = "a"\nkind = "gap"\nreason = ""\n',
        '[[survivor]]\nkey = "a"\nkind = "lazy"\nreason = "x"\n',
        '[[survivor]]\nkey = "a"\nkind = "gap"\nreason = "x"\n' * 2,
    ],
)
def test_a_bad_list_of_survivors_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mutation.toml"
    path.write_text(text)
    with pytest.raises(BadSurvivor):
        read_survivors(path)
