"""Appends the body of any 206, whatever its Content-Range says: breaks VALIDATE-2 and 3.

The answer is taken for what was asked for.  Validators are still looked at (which is
another liar's fault).  Whoever looks at the result must see a success where only
``fetch-error`` is allowed, or bytes in the wrong place.
"""

from __future__ import annotations

import attrs

from transfer_engine import Decisions, EngineConfig, Seams, StoredHead, StoredRequest
from transfer_engine.plan import Again, ContentRange, Finish, Join, Refuse, Replace, Stored, Whole

ANYTHING = ContentRange(0, 2**62, None)


class _Trusts(Decisions):
    def judge_head(
        self, request: StoredRequest, start: int, stored: Stored, head: StoredHead
    ) -> Join | Replace | Whole | Refuse:
        if head.status == 206 and start > 0 and stored.head is not None:
            others = tuple(pair for pair in head.headers if pair[0] != "content-range")
            asked = ("content-range", f"bytes {start}-{2**62}/*")
            sound = attrs.evolve(head, headers=(*others, asked))
            judged = super().judge_head(request, start, stored, sound)
            return Join(ANYTHING) if isinstance(judged, Join) else judged
        return super().judge_head(request, start, stored, head)

    def judge_end(
        self,
        request: StoredRequest,
        head: StoredHead,
        part: ContentRange | None,
        got: int,
        stored: int,
    ) -> Finish | Again:
        if part is ANYTHING:
            return Finish("success")
        return super().judge_end(request, head, part, got, stored)


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return config, attrs.evolve(seams, decisions=_Trusts())
