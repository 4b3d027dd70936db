"""Sends a POST once more after its connection broke while online: breaks RECORD-11.R.1.

Uploads must not be sent twice, because the first may have had its effect.  Whoever
looks at the server must see two requests where one is allowed.
"""

from __future__ import annotations

import attrs

from transfer_engine import Decisions, EngineConfig, RetryPolicy, Seams, StoredRequest
from transfer_engine import Unavailability as Policy
from transfer_engine.plan import Again, AwaitNetwork, Finish


class _SendsTwice(Decisions):
    def may_send(self, request: StoredRequest, sent: bool) -> bool:
        return True

    def judge_loss(
        self, method: str, policy: Policy, online: bool, futile: int, retry: RetryPolicy
    ) -> Finish | Again | AwaitNetwork:
        if method != "GET" and online and futile == 0:
            return Again()
        return super().judge_loss(method, policy, online, futile, retry)


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return config, attrs.evolve(seams, decisions=_SendsTwice())
