"""What to do next with one record: pure decisions, no I/O and no clock.

The theory.  A record's stored bytes are a prefix of *one* representation, or
they are nothing.  A prefix may be continued with ``Range: bytes=k-`` only if it
came from a plain 200 or 206 answer to a GET without a Range of its own, was not
content-encoded, and has a validator.  Whatever answers such a request then falls in one of four:

``Join``     a 206 that starts at k and agrees with what is stored: append.
``Replace``  an answer of its own (a 200 to a range request, or the first answer):
             the old prefix is dropped, the new body starts at 0.
``Whole``    a 416 that says the resource ends exactly where the prefix does.
``Refuse``   a 206 that cannot be joined: fetch-error, never silent joining.

No ``If-Range`` is sent: with it a changed resource comes back as a 200 and is
silently restarted, while the specification wants the 206 with other validators
to be seen and to fail (VALIDATE-4.1).  A server that answers 200 by itself
still restarts the record.

Sources: the algorithms RECORD, VALIDATE and EXTRACT with the repairs E22 to
E29, E31, E32, E41; RFC 9110 sections 14 and 15.3.7.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Literal

import attrs

from transfer_engine.messages import Reason, RecordResult, Result, StoredHead, StoredRequest

Unavailability = Literal["offline-only", "network-loss"]

NULL_BODY_STATUS = frozenset({204, 205, 304})

# int() takes signs, blanks, underscores and foreign digits; 19 digits fit 64 bits.
_SATISFIED = re.compile(r"(?i:bytes) ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)", re.ASCII)
_UNSATISFIED = re.compile(r"(?i:bytes) \*/([0-9]{1,19})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)


@attrs.frozen
class ContentRange:
    """Bytes [first, last] of ``complete`` (None: unknown)."""

    first: int
    last: int
    complete: int | None

    @property
    def span(self) -> int:
        """How many bytes the part has."""
        return self.last - self.first + 1


def parse_content_range(value: str | None) -> ContentRange | None:
    """EXTRACT, with sane bounds (RFC 9110 section 14.4); None for anything else."""
    found = _SATISFIED.fullmatch(value or "")
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    complete = None if found[3] == "*" else int(found[3])
    if last < first or (complete is not None and last >= complete):
        return None
    return ContentRange(first, last, complete)


def parse_unsatisfied_range(value: str | None) -> int | None:
    """The N of ``bytes */N``, or None."""
    found = _UNSATISFIED.fullmatch(value or "")
    return None if found is None else int(found[1])


def parse_length(value: str | None) -> int | None:
    """A Content-Length, or None when absent or not a plain number."""
    return int(value) if value is not None and _NUMBER.fullmatch(value) else None


def known_length(head: StoredHead) -> int | None:
    """How long the whole resource is according to a stored head, or None."""
    if head.encoded:
        return None
    if head.status == 206:
        part = parse_content_range(head.get("content-range"))
        return None if part is None else part.complete
    return parse_length(head.get("content-length"))


@attrs.frozen
class Stored:
    """What a record has: ``length`` bytes under ``head``."""

    length: int
    head: StoredHead | None


@attrs.frozen
class Ask:
    """Send a request; ``start`` > 0 puts ``Range: bytes=start-`` on it."""

    start: int


@attrs.frozen
class Whole:
    """All bytes are here already."""


def next_request(request: StoredRequest, stored: Stored) -> Ask | Whole:
    """RECORD-7 and 8, repaired: resume only from a plain prefix that can be told from another's.

    Without a strong ETag or a Last-Modified nothing would show that the resource has
    changed since (E29), and two versions would be joined: such a record starts anew.
    """
    head = stored.head
    resumable = (
        request.method == "GET"
        and not request.own_range
        and head is not None
        and head.status in (200, 206)
        and not head.encoded
    )
    if not resumable or stored.length == 0 or head is None:
        return Ask(0)
    if known_length(head) == stored.length:
        return Whole()
    return Ask(stored.length if has_validator(head) else 0)


def has_validator(head: StoredHead) -> bool:
    """A strong ETag or a Last-Modified (RFC 9110 sections 8.8.1 and 14.3)."""
    etag = head.get("etag")
    return (etag is not None and not etag.startswith("W/")) or head.get("last-modified") is not None


@attrs.frozen
class Join:
    """Append to the prefix; ``part`` is what the answer says it holds."""

    part: ContentRange


@attrs.frozen
class Replace:
    """Drop the prefix, keep this head; ``part`` None: the body has no announced span."""

    part: ContentRange | None


@attrs.frozen
class Refuse:
    """The record ends with fetch-error."""

    why: str


def judge_head(
    request: StoredRequest, start: int, stored: Stored, head: StoredHead
) -> Join | Replace | Whole | Refuse:
    """RECORD-11.R.2 to R.4: what an answer's head means for a request from ``start``."""
    if head.status == 206 and not request.own_range:
        return _judge_partial(request, start, stored, head)
    if head.status == 416 and start > 0 and stored.head is not None:
        same = _validators_agree(stored.head, head, absent_agrees=True)
        if same and parse_unsatisfied_range(head.get("content-range")) == stored.length:
            return Whole()
    return Replace(None)


def _judge_partial(
    request: StoredRequest, start: int, stored: Stored, head: StoredHead
) -> Join | Replace | Refuse:
    """VALIDATE: may this 206 be used?"""
    part = parse_content_range(head.get("content-range"))
    if part is None:
        return Refuse("206 without one sound Content-Range")
    if part.first != start:
        return Refuse(f"206 from byte {part.first} where {start} was due")
    if head.encoded:
        return Refuse("206 with a Content-Encoding: its offsets cannot be known")
    if start == 0 or stored.head is None:
        return Replace(part)
    if not _validators_agree(stored.head, head, absent_agrees=False):
        return Refuse("206 of another version: ETag or Last-Modified differs")
    known = known_length(stored.head)
    if known is not None and part.complete is not None and known != part.complete:
        return Refuse(f"206 of {part.complete} bytes where the resource had {known}")
    return Join(part)


def _validators_agree(old: StoredHead, new: StoredHead, *, absent_agrees: bool) -> bool:
    """VALIDATE-4.1: a validator that the old answer had must be the same in the new one."""
    for name in ("etag", "last-modified"):
        before, now = old.get(name), new.get(name)
        if before is not None and before != now and not (absent_agrees and now is None):
            return False
    return True


@attrs.frozen
class Finish:
    """The record is final."""

    result: RecordResult


@attrs.frozen
class Again:
    """Another request, after ``delay`` seconds.  ``told``: the server has named the delay."""

    delay: float = 0.0
    told: bool = False


@attrs.frozen
class AwaitNetwork:
    """Wait until the user agent is online, then another request."""


def judge_end(
    request: StoredRequest, head: StoredHead, part: ContentRange | None, got: int, stored: int
) -> Finish | Again:
    """RECORD-11.R.7: the body ended as its framing promised, after ``got`` bytes of this answer.

    A part of unknown total is the last one when it has all the bytes that it
    announced (E23).  A part that brings nothing must not be asked for again (E24), nor
    may anything but a GET (E32).
    """
    if part is not None:
        whole = got == part.span if part.complete is None else stored == part.complete
        if whole:
            return Finish("success")
        more = got > 0 and request.method == "GET"
        return Again() if more else Finish("fetch-error")
    return Finish("success" if head.ok else "bad-status")


@attrs.frozen
class RetryPolicy:
    """Back-off of the policy ``network-loss``: seconds, doubling from ``first`` to ``most``.

    ``futile``: after so many attempts in a row without a new byte the record fails.
    ``statuses``: answers that mean "not now" and are no answer to a GET; ``longest`` is the
    longest ``Retry-After`` that is waited for, in seconds.
    """

    first: float = 1.0
    most: float = 60.0
    futile: int = 8
    statuses: frozenset[int] = frozenset()
    longest: float = 3600.0


def judge_loss(
    method: str, policy: Unavailability, online: bool, futile: int, retry: RetryPolicy
) -> Finish | Again | AwaitNetwork:
    """RECORD-11.R.1 and R.8: no answer, or its body broke off (INFRA-1 is the policy)."""
    if method != "GET":
        return Finish("fetch-error")
    if not online:
        return AwaitNetwork()
    if policy == "offline-only" or futile >= retry.futile:
        return Finish("fetch-error")
    return Again(float(min(retry.most, retry.first * 2**futile)))


def judge_status(
    method: str,
    head: StoredHead,
    policy: Unavailability,
    futile: int,
    retry: RetryPolicy,
    now: float,
) -> Again | None:
    """Whether an answer only says "not now", and when to ask again; ``now`` in Unix time.

    Only by the policy ``network-loss`` and for the statuses that it names: to the
    specification every answer is an answer.
    """
    if method != "GET" or policy != "network-loss" or head.status not in retry.statuses:
        return None
    told = parse_retry_after(head.get("retry-after"), head.get("date"), now)
    if futile >= retry.futile or (told is not None and told > retry.longest):
        return None
    if told is not None:
        return Again(told, told=True)
    return Again(float(min(retry.most, retry.first * 2**futile)))


def parse_retry_after(value: str | None, date: str | None, now: float) -> float | None:
    """Seconds to wait (RFC 9110 section 10.2.3), or None.

    A date is compared with the answer's own Date, if it has one: the clocks may differ.
    """
    if value is None:
        return None
    if _NUMBER.fullmatch(value.strip()):
        return float(value)
    then, since = _http_date(value), _http_date(date)
    return None if then is None else max(0.0, then - (now if since is None else since))


def _http_date(value: str | None) -> float | None:
    try:
        return None if value is None else parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def failure_of(result: RecordResult) -> Reason:
    """The failure reason that a record's result is, or none: a sibling's end is no cause."""
    if result == "" or result == "success" or result == "aborted":
        return ""
    return result


def settlement(aborted: bool, exceeded: bool, first_failure: Reason) -> tuple[Result, Reason]:
    """PERFORM-8.3 to 8.6 with one order of causes: abort, then the limit, then who failed first."""
    reason: Reason = "aborted" if aborted else first_failure
    if exceeded and not aborted:
        reason = "download-total-exceeded"
    return ("failure", reason) if reason else ("success", "")


@attrs.frozen
class Recovered:
    """What a record may trust after a restart: ``length`` bytes, a final result or none."""

    length: int
    result: RecordResult
    keep_head: bool


def recover_record(
    method: str, sent: bool, result: RecordResult, length: int, on_disk: int | None
) -> Recovered:
    """E87: final records stay, a GET goes on from durable bytes, others are never sent twice."""
    durable = min(length, on_disk or 0)
    if durable < length and result in ("success", "bad-status"):
        result = ""  # a final record whose bytes were lost was not final
    if not result and sent and method != "GET":
        return Recovered(durable, "fetch-error", True)
    return Recovered(durable, result, durable > 0 or bool(result))
