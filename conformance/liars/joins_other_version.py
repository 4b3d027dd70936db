"""Joins a 206 whose validators differ: breaks VALIDATE-4.

A Range answer is checked against the stored prefix in everything but its ETag and its
Last-Modified, so that bytes of two versions of a resource become one body.  Whoever
looks at the result must see the record succeed where only ``fetch-error`` is allowed,
and bytes that belong to no version.
"""

from __future__ import annotations

import attrs

from transfer_engine import Decisions, EngineConfig, Seams, StoredHead, StoredRequest
from transfer_engine.plan import Join, Refuse, Replace, Stored, Whole

VALIDATORS = ("etag", "last-modified")


class _Joins(Decisions):
    def judge_head(
        self, request: StoredRequest, start: int, stored: Stored, head: StoredHead
    ) -> Join | Replace | Whole | Refuse:
        if stored.head is not None:
            # A validator that the old answer did not have need not be in the new one.
            plain = tuple(pair for pair in stored.head.headers if pair[0] not in VALIDATORS)
            stored = attrs.evolve(stored, head=attrs.evolve(stored.head, headers=plain))
        return super().judge_head(request, start, stored, head)


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return config, attrs.evolve(seams, decisions=_Joins())
