"""What the amended text promises is missed where an amendment is: each row was once not noticed."""

from __future__ import annotations

import pytest

from conformance.explore.background_fetch import compiled
from conformance.explore.report import vacuous
from conformance.explore.scope import SCOPES, Scope
from conformance.explore.search import explore
from spec_model.editions import AMENDED

NOTICED = [
    ("E02", "user-abort", "S10"),
    ("E05", "total-bursts", "S34"),
    ("E09", "busy", "L09"),
    ("E10", "quota-later", "S35"),
    ("E11", "race", "S02"),
    ("E17", "read", "S27"),
    ("E23", "partial-star", "S24"),
    ("E26", "partial", "S25"),
    ("E27", "odd-first", "S07"),
    ("E28", "outage-encoded", "L12"),
    ("E31", "own-range", "S25"),
    ("E34", "upload-moved", "S13"),
    ("E36", "upload-large", "S08"),
    ("E41", "first-part", "S29"),
    ("E48", "race", "S11"),
    ("E60", "streams", "L01"),
    ("E61", "streams", "S14"),
    ("E62", "room", "S20"),
    ("E67", "match-race", "S36"),
    ("E68", "prompt-upload", "S23"),
    ("E77", "match-race", "S05"),
    ("E79", "interface", "S32"),
    ("E80", "interface", "S32"),
    ("E86", "unregister", "L13"),
    ("E87", "restart", "L14"),
]


@pytest.mark.parametrize(("cluster", "name", "property"), NOTICED)
def test_what_is_missing_is_noticed_where_it_matters(
    cluster: str, name: str, property: str
) -> None:
    always = property.startswith("S")
    found = explore(compiled(SCOPES[name], AMENDED.without(cluster)), first_flaw=always)
    broken = {flaw.name for flaw in found.flaws}
    assert property in broken


def test_pauses_of_what_goes_well_end_in_success_only_if_an_attempt_that_is_over_is_sealed() -> (
    None
):
    assert not explore(compiled(SCOPES["pauses"])).flaws
    found = explore(compiled(SCOPES["pauses"], AMENDED.without("E03")))
    assert "L11" in {flaw.name for flaw in found.flaws}


def test_a_property_that_has_nothing_to_speak_of_is_not_counted() -> None:
    empty = vacuous(Scope("x", "x", faults=(), attempts=1))
    assert {"S19", "S20", "S29", "S31", "S32", "S33", "L11", "L12"} <= set(empty)
    assert not {"S32", "L11"} & set(vacuous(Scope("x", "x", faults=(), looks=True, pauses=1)))
