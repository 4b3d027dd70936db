"""Calls a record answered 404 a success: breaks RECORD-11.R.7, and so PERFORM-8.

Every other bad status is what it should be.  Whoever looks at the result must see
``success`` where a record failed with ``bad-status``.
"""

from __future__ import annotations

import attrs

from transfer_engine import Decisions, EngineConfig, Seams, StoredHead, StoredRequest
from transfer_engine.plan import Again, ContentRange, Finish


class _Forgives(Decisions):
    def judge_end(
        self,
        request: StoredRequest,
        head: StoredHead,
        part: ContentRange | None,
        got: int,
        stored: int,
    ) -> Finish | Again:
        if head.status == 404:
            return Finish("success")
        return super().judge_end(request, head, part, got, stored)


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return config, attrs.evolve(seams, decisions=_Forgives())
