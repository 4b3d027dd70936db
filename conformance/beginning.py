"""What the model is when a scenario begins, as the command ``begin`` says it."""

from __future__ import annotations

from conformance import protocol as p
from spec_model.background_fetch import UserAgent
from spec_model.state import WORKER, Realm, State


def user_agent(begin: p.Begin) -> UserAgent:
    """The user agent alone, which is all that explanations share."""
    return UserAgent(
        home=begin.origins["app"],
        listening=frozenset(begin.listen),
        online=begin.online,
        permission=begin.permission,
        quota=begin.quota,
    )


def state(begin: p.Begin) -> State:
    """The same with page ``p1`` and the worker."""
    return State(user_agent(begin), (Realm("p1"), Realm(WORKER)), limit=begin.concurrency)
