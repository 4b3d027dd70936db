"""Errata found again from the text as written, each repaired where it was found."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.explore.rounds import rounds
from conformance.explore.scope import SCOPES
from conformance.explore.sentences import ALWAYS, EVENTUALLY
from spec_model.editions import AMENDED, AS_WRITTEN, CLUSTERS

REPORTS = Path(__file__).parents[3] / "reports"
PUBLISHED = json.loads((REPORTS / "explore-rounds.json").read_text("utf-8"))


def test_what_hides_behind_a_defect_is_found_after_its_repair() -> None:
    found = rounds([SCOPES["upload-large"]], AS_WRITTEN, clusters=("E36", "E08", "E01"))
    assert [(hit.cluster, hit.property) for hit in found.hits] == [("E36", "S08")]
    found = rounds([SCOPES["prompt-upload"]], AS_WRITTEN, clusters=("E02", "E68", "E79", "E80"))
    hits = {hit.cluster: hit.depth for hit in found.hits}
    assert hits["E79"] < hits["E68"] < hits["E80"]
    assert found.left == ()


def test_a_breach_that_no_cluster_removes_is_said() -> None:
    found = rounds([SCOPES["denied"], SCOPES["upload-large"]], AS_WRITTEN, clusters=("E79",))
    assert found.hits == ()
    assert found.left == ("E79",)
    assert ("upload-large", "S08") in {(one.scope, one.property) for one in found.unexplained}


def test_rounds_that_are_interrupted_say_where() -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    found = rounds([SCOPES["upload-large"]], AS_WRITTEN, clusters=("E36",), say=interrupt)
    assert (found.hits, found.left) == ((), ("E36",))
    assert found.stopped == "in round 1, at upload-large"


def test_the_amended_text_has_nothing_to_find() -> None:
    assert rounds([SCOPES["upload-large"]], AMENDED).hits == ()


def test_the_published_rounds_name_every_cluster_once() -> None:
    named = [*(hit["cluster"] for hit in PUBLISHED["hits"]), *PUBLISHED["left"]]
    assert sorted(named) == sorted(CLUSTERS)
    assert {hit["property"] for hit in PUBLISHED["hits"]} <= {*ALWAYS, *EVENTUALLY}
    assert {hit["scope"] for hit in PUBLISHED["hits"]} <= set(SCOPES)
