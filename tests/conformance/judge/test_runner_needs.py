"""What a scenario needs is read off its world and its steps."""

from __future__ import annotations

import pytest

from conformance.judge.run_needs import required_capabilities
from tests.conformance.judge.toy import scenario

UPLOAD = {"id": "f", "requests": ["/a", {"url": "/b", "method": "POST", "body": 3}]}


@pytest.mark.parametrize(
    ("step", "needed"),
    [
        ({"fetch": {"id": "f", "requests": ["/a"]}}, set()),
        ({"fetch": {"id": "f", "requests": [{"url": "/a", "method": "HEAD"}]}}, set()),
        ({"fetch": UPLOAD}, {"uploads"}),
        ({"bgcache": {"cache": "c", "requests": [UPLOAD["requests"][1]]}}, {"bgcache", "uploads"}),
        ({"user": {"action": "pause", "id": "f"}}, {"pause"}),
        ({"user": {"action": "resume", "id": "f"}}, {"pause"}),
        ({"user": {"action": "abort", "id": "f"}}, {"user-abort"}),
        ({"user": {"action": "click", "id": "f"}}, {"click"}),
        ({"user": {"action": "dismiss", "id": "f"}}, {"permission"}),
        ({"permission": "denied"}, {"permission"}),
        ({"quit": "clean"}, {"restart"}),
        ({"quit": "kill"}, {"kill"}),
        ({"online": True}, {"offline"}),
        ({"open_page": "p2"}, {"many-pages"}),
        ({"get": {"id": "f", "in": "p2"}}, {"many-pages"}),
        ({"get": {"id": "f", "in": "worker"}}, set()),
        ({"storage": "s"}, {"stored-bytes"}),
        ({"until": {"received": "r"}}, {"streaming"}),
        ({"until": {"event": "x"}}, set()),
        ({"cache_put": {"cache": "c", "records": "r"}}, {"caches"}),
        ({"cache_keys": {"cache": "c"}}, {"caches"}),
        ({"synthesize": {"type": "x"}}, {"synthetic-event"}),
        ({"push": "x"}, {"push"}),
        ({"unregister": "u"}, {"unregister"}),
        ({"sync": {"tag": "t"}}, {"sync"}),
        ({"sync": {"tag": "t", "api": "periodic-sync"}}, {"periodic-sync"}),
        ({"pass": 10}, set()),
    ],
)
def test_a_step_needs_what_it_uses(step: object, needed: set[str]) -> None:
    assert required_capabilities(scenario([step])) == needed
    # A handler's step needs no less than the script's.
    assert required_capabilities(scenario([], worker={"on": {"x": [step]}})) == needed
    assert required_capabilities(scenario([], worker={"each": {"x": [[], [step]]}})) == needed


@pytest.mark.parametrize(
    ("rest", "needed"),
    [
        ({"world": {"quota": 0}}, {"quota"}),
        ({"world": {"permission": "prompt"}}, {"permission"}),
        ({"world": {"online": False}}, {"offline"}),
        ({"world": {"concurrency": 1}}, {"serial"}),
        ({"api": "bgcache"}, {"bgcache"}),
        ({"api": "periodic-sync"}, {"periodic-sync"}),
        ({"api": "sync14"}, {"sync14"}),
        ({"needs": ["sparse-totals"]}, {"sparse-totals"}),
        ({}, set()),
    ],
)
def test_the_world_and_the_scenario_itself_say_the_rest(
    rest: dict[str, object], needed: set[str]
) -> None:
    assert required_capabilities(scenario([], **rest)) == needed
