"""abort() wins at most once and decides the end (S10), which then comes (L03).

"abort() answered true" is a promise that the text keeps across a kill.  "false"
claims that the fetch had already left the active map.  That can be refuted only by
showing that the fetch was still active later: a later get() returned it, a later
abort() won, or an answer that its end depended on had not even begun.

A user's abort is judged like a winning abort() if it surely came before
settlement; a race with settlement is no breach.
"""

from __future__ import annotations

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import Exchange
from conformance.judge.properties.identity import Fetched
from conformance.judge.properties.order import END
from conformance.judge.properties.reading import Call, UserAbort
from conformance.judge.properties.settlement import pair_of
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Abort, End, Get, RequestInit, Stop
from conformance.trace import Broken, Quiet

ABORT_EVENT = "backgroundfetchabort"
ABORTED = ("failure", "aborted")


def abort_wins_once(evidence: Evidence) -> PropertyResult:
    """S10."""
    tally = Tally("S10")
    for call in _aborts(evidence):
        if evidence.who.owner(_instance(call)) is None:
            tally.unclear(f"{call.command.call}: it cannot be told which fetch it was to abort")
    for fetch in evidence.who.fetched:
        wins = winning_aborts(evidence, fetch)
        for again in wins[1:]:
            tally.breach(_at(again), f"a second abort() of {fetch.asked.id!r} answered true")
        if wins:
            _ends_aborted(evidence, fetch, _at(wins[0]), tally)
        for call in _aborts(evidence, fetch):
            if call.outcome is not None and call.outcome.boolean is False:
                _already_over(evidence, fetch, call, tally)
    for user in evidence.said.user_aborts:
        _user_abort(evidence, user, tally)
    return tally.result()


def _ends_aborted(evidence: Evidence, fetch: Fetched, aborted: int, tally: Tally) -> None:
    other = _other_end(evidence, fetch)
    if other is None:
        tally.met()
    else:
        entry, what = other
        tally.breach(max(entry, aborted), f"abort() answered true, but {what}")


def _already_over(evidence: Evidence, fetch: Fetched, call: Call, tally: Tally) -> None:
    refuted = _active_after(evidence, fetch, _at(call))
    if refuted is not None:
        tally.breach(_at(call), f"abort() answered false, but {refuted}")
    elif _seen_over_before(evidence, fetch, call.sent):
        tally.met()
    else:
        tally.unclear(f"{call.command.call}: abort() answered false about when the fetch ended")


def _user_abort(evidence: Evidence, user: UserAbort, tally: Tally) -> None:
    if user.answered is None:
        return
    fetch = _newest(evidence, user)
    if fetch is None:
        tally.unclear(f"it cannot be told which {user.id!r} the user aborted")
        return
    other = _other_end(evidence, fetch)
    if other is None:
        if _seen_aborted(evidence, fetch):
            tally.met()
    elif _active_after(evidence, fetch, user.answered) is not None:
        entry, what = other
        tally.breach(max(entry, user.sent), f"the user aborted it, but {what}")
    elif not _seen_over_before(evidence, fetch, user.sent):
        tally.unclear("the user's abort came about when the fetch ended")


def _newest(evidence: Evidence, user: UserAbort) -> Fetched | None:
    """The newest fetch with that id, if none was just being made."""
    assert user.answered is not None, "refused aborts do not come here"
    asked = [
        fetch
        for fetch in evidence.who.fetched
        if fetch.asked.id == user.id and fetch.call.sent < user.answered
    ]
    pending = [f for f in asked if f.call.settled is None or f.call.settled > user.sent]
    if not asked or (pending and len(asked) > 1):
        return None
    return asked[-1]


def _aborts(evidence: Evidence, fetch: Fetched | None = None) -> list[Call]:
    """Settled abort() calls, of one fetch or of all."""
    return [
        call
        for call in evidence.said.calls
        if isinstance(call.command, Abort)
        and call.outcome is not None
        and call.outcome.boolean is not None
        and (fetch is None or evidence.who.owner(_instance(call)) == fetch)
    ]


def winning_aborts(evidence: Evidence, fetch: Fetched) -> list[Call]:
    """The abort() calls on a fetch that answered true."""
    return [call for call in _aborts(evidence, fetch) if call.outcome and call.outcome.boolean]


def _instance(call: Call) -> str | None:
    return call.command.instance if isinstance(call.command, Abort) else None


def _at(call: Call) -> int:
    assert call.settled is not None, "asked only of settled calls"
    return call.settled


def _other_end(evidence: Evidence, fetch: Fetched) -> tuple[int, str] | None:
    """What shows that a fetch ended otherwise than aborted."""
    for event in evidence.settle_events(fetch):
        if event.seen.name != ABORT_EVENT:
            return event.at, f"{event.seen.name} followed"
    for sighting in evidence.sightings(fetch):
        if sighting.snapshot.result and pair_of(sighting.snapshot) != ABORTED:
            return sighting.at, f"{sighting.instance} shows {pair_of(sighting.snapshot)}"
    return None


def _seen_aborted(evidence: Evidence, fetch: Fetched) -> bool:
    shown = any(pair_of(s.snapshot) == ABORTED for s in evidence.sightings(fetch))
    return shown or bool(evidence.settle_events(fetch))


def _seen_over_before(evidence: Evidence, fetch: Fetched, position: int) -> bool:
    """Whether the fetch had been seen to be aborted or settled before an input."""
    won = any(_at(call) < position for call in winning_aborts(evidence, fetch))
    event = any(event.at < position for event in evidence.settle_events(fetch))
    shown = any(s.snapshot.result and s.at < position for s in evidence.sightings(fetch))
    return won or event or shown


def _active_after(evidence: Evidence, fetch: Fetched, position: int) -> str | None:
    """What shows that a fetch was still in the active map after an output or an answer."""
    for call in evidence.said.calls:
        outcome, command = call.outcome, call.command
        if call.sent < position or outcome is None:
            continue
        if isinstance(command, Get) and evidence.who.owner(outcome.instance) == fetch:
            return f"{command.call}, a later get(), still returned it"
        won = isinstance(command, Abort) and outcome.boolean
        if won and evidence.who.owner(_instance(call)) == fetch:
            return f"{command.call}, a later abort(), won"
    return _answered_later(evidence, fetch, position)


def _answered_later(evidence: Evidence, fetch: Fetched, position: int) -> str | None:
    """An answer that the end depended on and that had not been given by then.

    Success depends on every record's last byte, if that was ever sent; ``bad-status`` of
    a lone record on the head of its answer.  Only a record asked for once, and by nobody
    else, says when.
    """
    pairs = {pair_of(sighting.snapshot) for sighting in evidence.sightings(fetch)}
    succeeded = ("success", "") in pairs
    lone_bad = ("failure", "bad-status") in pairs and len(fetch.asked.requests) == 1
    if not succeeded and not lone_bad:
        return None
    for request in fetch.asked.requests:
        answer = _sole_answer(evidence, request)
        if answer is None or answer.head is None or answer.head_at is None:
            continue
        if succeeded and not answer.may_be_complete:
            return f"{answer.request.key} was never answered whole"
        needed = [answer.head_at, *(at for at, _ in answer.writes if succeeded)]
        if max(needed) > position:
            return f"{answer.request.key} had not been answered then"
    return None


def _sole_answer(evidence: Evidence, request: RequestInit) -> Exchange | None:
    """The only exchange for a record whose resource nobody else asked for."""
    key = evidence.log.key(request.url)
    if key is None or len(evidence.log.owners(key, END)) != 1:
        return None
    family = evidence.log.of_family(key)
    alone = len(family) == 1 and method(family[0].request.method) == method(request.method)
    return family[0] if alone else None


def abort_comes(evidence: Evidence) -> PropertyResult:
    """L03.  Judged only where the trace ends in a quiet that the world owes nothing to."""
    tally = Tally("L03")
    for call in _aborts(evidence):
        fetch = evidence.who.owner(_instance(call))
        if not (call.outcome and call.outcome.boolean):
            continue
        if fetch is None:
            tally.unclear(f"{call.command.call}: it cannot be told which fetch it aborted")
        elif any(e.seen.name == ABORT_EVENT for e in evidence.settle_events(fetch)):
            tally.met()
        else:
            _missing(evidence, fetch, call, tally)
    return tally.result()


def _missing(evidence: Evidence, fetch: Fetched, call: Call, tally: Tally) -> None:
    said = evidence.said
    if said.listen is not None and ABORT_EVENT not in said.listen:
        return
    quiet = final_quiet(evidence)
    may_be = any(
        event.seen.name == ABORT_EVENT and fetch.number in evidence.who.of_event(event)
        for event in said.events
    )
    if quiet is None:
        tally.unclear("the trace does not end in a quiet that the world owes nothing to")
    elif may_be:
        tally.unclear(f"an abort event came, but it cannot be told whether for {fetch.asked.id!r}")
    elif said.listen is None or said.unregistered is not None:
        tally.unclear("it is not known that a worker listened to the end")
    else:
        tally.breach(quiet, f"{call.command.call} answered true, but no {ABORT_EVENT} ever came")


def final_quiet(evidence: Evidence) -> int | None:
    """Position of the quiet that the trace ends in, if nothing was due to the world then.

    After it only the end of the scenario may come; the user agent must be running.
    """
    entries = evidence.said.trace.entries
    if any(isinstance(entry.note, Broken) for entry in entries):
        return None
    quits = [at for at, _ in evidence.said.quits]
    if quits and (not evidence.said.launches or evidence.said.launches[-1] < quits[-1]):
        return None
    for at in range(len(entries) - 1, -1, -1):
        note, sent = entries[at].note, entries[at].sent
        if isinstance(note, Quiet):
            return at if note.discharged else None
        if sent is not None and not isinstance(sent, End | Stop):
            return None
    return None
