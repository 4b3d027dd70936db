"""What is decided about one record, as a seam: the functions of ``plan`` behind one object.

An engine has one set of decisions, and nothing in it needs another.  The seam is
there for those who test its judges: an engine that decides one thing wrongly, and does
all the rest right, is a subclass with one method.
"""

from __future__ import annotations

from transfer_engine import plan
from transfer_engine.messages import StoredHead, StoredRequest


class Decisions:
    """Each method is the function of that name in ``plan``."""

    def may_send(self, request: StoredRequest, sent: bool) -> bool:
        """Whether a request may go out, ``sent`` being whether it already has."""
        return not sent or request.method == "GET"

    def next_request(self, request: StoredRequest, stored: plan.Stored) -> plan.Ask | plan.Whole:
        """Ask for what is missing, or see that nothing is."""
        return plan.next_request(request, stored)

    def judge_head(
        self, request: StoredRequest, start: int, stored: plan.Stored, head: StoredHead
    ) -> plan.Join | plan.Replace | plan.Whole | plan.Refuse:
        """What an answer's head means for a request from byte ``start``."""
        return plan.judge_head(request, start, stored, head)

    def judge_status(
        self,
        method: str,
        head: StoredHead,
        policy: plan.Unavailability,
        futile: int,
        retry: plan.RetryPolicy,
        now: float,
    ) -> plan.Again | None:
        """Whether an answer only says "not now"."""
        return plan.judge_status(method, head, policy, futile, retry, now)

    def judge_end(
        self,
        request: StoredRequest,
        head: StoredHead,
        part: plan.ContentRange | None,
        got: int,
        stored: int,
    ) -> plan.Finish | plan.Again:
        """What follows a body that ended as its framing promised."""
        return plan.judge_end(request, head, part, got, stored)

    def judge_loss(
        self,
        method: str,
        policy: plan.Unavailability,
        online: bool,
        futile: int,
        retry: plan.RetryPolicy,
    ) -> plan.Finish | plan.Again | plan.AwaitNetwork:
        """What follows an answer that did not come, or broke off."""
        return plan.judge_loss(method, policy, online, futile, retry)
