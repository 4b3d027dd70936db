"""The published counts are those of today's model.

After a change of the model that is meant: ``bgfetch explore --scope all --format json
--out reports/explore.json``, and look at the difference before committing it.  The default
scope takes half a minute: ``bgfetch explore --scope default``; its counts are in
``reports/explore-default.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.explore import report
from conformance.explore.background_fetch import compiled
from conformance.explore.report import Result
from conformance.explore.scope import SCOPES, SMALL
from conformance.explore.search import explore
from conformance.explore.sentences import ALWAYS, EVENTUALLY

ROOT = Path(__file__).parents[3]
PUBLISHED = json.loads((ROOT / "reports" / "explore.json").read_text("utf-8"))

_RESULTS: dict[str, Result] = {}


def result(name: str) -> Result:
    if name not in _RESULTS:
        _RESULTS[name] = explore(compiled(SCOPES[name]))
    return _RESULTS[name]


@pytest.mark.parametrize("name", SMALL)
def test_a_small_scope_has_its_published_counts_and_breaks_nothing(name: str) -> None:
    found = result(name)
    (published,) = [each for each in PUBLISHED["scopes"] if each["scope"] == name]
    assert report.data(SCOPES[name], found) == published
    assert found.complete
    assert not found.flaws


def test_every_property_is_checked_in_some_scope() -> None:
    empty = [set(report.vacuous(SCOPES[name])) for name in SMALL]
    assert not set.intersection(*empty)
    checked = {name for each in PUBLISHED["scopes"] for name in each["checked"]}
    assert checked == {*ALWAYS, *EVENTUALLY}


def test_every_goal_is_reached_in_a_small_scope() -> None:
    missing = report.unreached([result(name) for name in SMALL])
    assert list(missing) == PUBLISHED["unreached"] == []


def test_the_published_default_scope_is_whole_and_breaks_nothing() -> None:
    published = json.loads((ROOT / "reports" / "explore-default.json").read_text("utf-8"))
    (found,) = published["scopes"]
    assert (found["complete"], found["broken"]) == (True, [])
    assert found["vacuous"] == list(report.vacuous(SCOPES["default"]))
    assert {*found["checked"], *found["vacuous"]} == {*ALWAYS, *EVENTUALLY}
    assert found["depth"] < found["states"] < found["transitions"]
    assert max(found["reached"].values()) <= found["depth"] + 1
