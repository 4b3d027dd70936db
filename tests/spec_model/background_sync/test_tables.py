"""The registries of Background Sync: steps, lifecycle, errata, choices; and the invariants."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spec_model.background_sync
from spec_model import systems
from spec_model.background_sync import steps
from spec_model.background_sync.errata import ERRATA
from spec_model.background_sync.lifecycle import SYNC_REGISTRATION, SyncState
from spec_model.background_sync.state import Registration, State, SyncFired
from spec_model.background_sync.steps import NOT_MODELLED, STEPS
from spec_model.background_sync.system import BACKGROUND_SYNC, BrokenSyncInvariant, check
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED, SYNC_CLUSTERS
from spec_model.errata import Erratum
from spec_model.steps import UnknownStep, cited_in
from spec_model.table import NON_SPEC

SOURCES = sorted(Path(spec_model.background_sync.__path__[0]).glob("*.py"))
EVERY = pytest.mark.parametrize("erratum", ERRATA.values(), ids=lambda each: each.id)


def test_every_step_is_taken_by_code_or_said_not_to_be() -> None:
    # A citation may be chosen: every literal that is an id counts.
    cited = {
        node.value
        for path in SOURCES
        if path.name != "steps.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert cited & STEPS.keys() == STEPS.keys() - NOT_MODELLED.keys()
    assert NOT_MODELLED.keys() <= STEPS.keys()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_step_is_cited_that_the_text_does_not_have(path: Path) -> None:
    assert set(cited_in(path.read_text("utf-8"))) <= STEPS.keys()


def test_a_step_of_any_text_is_found_by_its_id() -> None:
    assert systems.step("BS-FIRE-4") is STEPS["BS-FIRE-4"]
    assert systems.step("RECORD-3").line == 281
    assert systems.TEXTS[BACKGROUND_SYNC.name].steps is STEPS
    with pytest.raises(UnknownStep):
        systems.step("BS-FIRE-9")


def test_the_steps_belong_to_a_pinned_commit() -> None:
    assert len(steps.COMMIT) == 40
    assert STEPS["BS-REGISTER-2"].algorithm == "REGISTER"


def test_every_row_of_the_lifecycle_says_where_it_comes_from() -> None:
    for row in SYNC_REGISTRATION.rows():
        assert row.why
        for cite in row.cite:
            assert cite == NON_SPEC or cite in STEPS


def test_only_a_removed_registration_is_at_an_end() -> None:
    assert SYNC_REGISTRATION.ends() == (SyncState.REMOVED,)


@EVERY
def test_an_erratum_names_steps_clusters_and_choices_that_exist(erratum: Erratum) -> None:
    assert set(erratum.steps) <= STEPS.keys()
    assert erratum.cluster in {"", *SYNC_CLUSTERS}
    assert erratum.choice in {"", *CHOICES}
    runs = bool(erratum.cluster or erratum.choice)
    assert (erratum.status == "executable") is runs
    assert erratum.amendment.endswith(".")
    assert erratum.why.endswith(".")


def test_every_cluster_has_an_erratum() -> None:
    assert {each.cluster for each in ERRATA.values()} - {""} == SYNC_CLUSTERS.keys()


def test_a_tag_that_is_there_twice_breaks_an_invariant() -> None:
    twice = State(registrations=(Registration("a"), Registration("a")))
    with pytest.raises(BrokenSyncInvariant, match="there twice"):
        check(State(), twice, AMENDED)


def test_an_event_while_offline_breaks_an_invariant() -> None:
    shown = State(online=False, outbox=(SyncFired("s1", "a", False),))
    with pytest.raises(BrokenSyncInvariant, match="while offline"):
        check(State(online=False), shown, AMENDED)


def test_a_move_that_the_table_does_not_have_breaks_an_invariant() -> None:
    waiting = State(registrations=(Registration("a", SyncState.WAITING),))
    again = State(registrations=(Registration("a", SyncState.REREGISTERED),))
    with pytest.raises(BrokenSyncInvariant, match="from waiting to reregistered"):
        check(waiting, again, AMENDED)
