"""A background fetch and the user agent around it (SWREG, DM-BG, FETCH, ABORT, PERFORM-8, DISPLAY).

Everything that edits the map of active fetches or a fetch's own slots is a pure
function here.  What a script sees of a refusal is a value, ``Rejected``, with
the step that refused.
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide
from spec_model.phases import RegistrationPhase, fire
from spec_model.phases import RegistrationPhaseTrigger as On
from spec_model.values import REASONS, RequestSpec


@attrs.frozen
class Rejected:
    """A promise rejects with an exception of this name; ``step`` is where the text says so."""

    error: str
    step: str


@attrs.frozen(cache_hash=True)
class BackgroundFetch:
    """DM-BG-1 to 14.  ``abort``: the abort-all flag with its cause, "" while unset.

    ``prompting``: paused by a permission prompt.  ``in_map``: the active map holds it
    under its id.  ``displayed``: its interface is still there.  ``freed``: its bytes do not
    count against the quota any more.
    """

    index: int
    id: str
    requests: tuple[RequestSpec, ...]
    title: str = ""
    download_total: int = 0
    upload_total: int = 0
    paused: bool = False
    prompting: bool = False
    abort: str = ""
    in_map: bool = True
    result: str = ""
    failure_reason: str = ""
    phase: RegistrationPhase = RegistrationPhase.STARTING
    records_available: bool = True
    displayed: bool = True
    freed: bool = False

    @property
    def settled(self) -> bool:
        """Whether PERFORM-8.5/8.6 has set the result."""
        return self.result != ""


@attrs.frozen(cache_hash=True)
class UserAgent:
    """Everything that is not of one record: the state that a user agent keeps.

    ``quota`` in bytes or None; ``home`` is the origin of the pages; ``listening`` the
    event names that the worker has handlers for.
    """

    home: str
    listening: frozenset[str] = frozenset()
    online: bool = True
    permission: str = "granted"
    quota: int | None = None
    running: bool = True
    worker: bool = True
    fetches: tuple[BackgroundFetch, ...] = ()

    def active(self, id: str) -> BackgroundFetch | None:
        """The entry of the active map (SWREG-1)."""
        for fetch in reversed(self.fetches):
            if fetch.id == id and fetch.in_map:
                return fetch
        return None

    def put(self, fetch: BackgroundFetch) -> UserAgent:
        """The same user agent with one fetch changed."""
        fetches = (*self.fetches[: fetch.index], fetch, *self.fetches[fetch.index + 1 :])
        return attrs.evolve(self, fetches=fetches)


@attrs.frozen
class FetchCall:
    """The arguments of ``fetch(id, requests, options)``.

    ``unread``: indexes of requests whose body is a stream that has still to be read.
    """

    id: str
    requests: tuple[RequestSpec, ...]
    title: str = ""
    download_total: int = 0
    unread: tuple[int, ...] = ()


def check_arguments(call: FetchCall, d: Decide) -> Rejected | None:
    """FETCH-1 to 7: what rejects before anything is queued."""
    d.take("FETCH-1", "FETCH-2", "FETCH-3", "FETCH-4", "FETCH-5")
    if not call.requests:
        return Rejected("TypeError", "FETCH-5")
    for request in call.requests:
        d.take("FETCH-6", "FETCH-6.1", "FETCH-6.2")
        if request.method in ("GET", "HEAD") and request.body is not None:
            return Rejected("TypeError", "FETCH-6.1")
        if request.mode == "no-cors":
            return Rejected("TypeError", "FETCH-6.2")
        d.take("FETCH-6.3", "FETCH-6.4", "FETCH-6.5", "FETCH-6.6")
    d.take("FETCH-7", "FETCH-9")
    return None


def refuse(agent: UserAgent, id: str, d: Decide) -> Rejected | None:
    """FETCH-8.1 to 8.5, on the edit queue: what rejects before the bodies are looked at."""
    d.take("FETCH-8", "FETCH-8.1", "FETCH-8.2")
    if agent.permission == "denied":
        return Rejected("NotAllowedError", "FETCH-8.2")
    d.take("FETCH-8.3", "FETCH-8.4")
    if not agent.worker:
        return Rejected("TypeError", "FETCH-8.4")
    d.take("FETCH-8.5")
    if agent.active(id) is not None:
        return Rejected("TypeError", "FETCH-8.5")
    return None


def upload_total(call: FetchCall, d: Decide) -> int:
    """FETCH-8.6 to 8.8 for bodies that have been read: the number of their bytes."""
    d.take("FETCH-8.6", "FETCH-8.7", "FETCH-8.8")
    total = 0
    for index, request in enumerate(call.requests):
        d.take("FETCH-8.8.1")
        if request.body is None:
            continue
        d.take("FETCH-8.8.2", "FETCH-8.8.3", "FETCH-8.8.3.1", "FETCH-8.8.3.1.1")
        d.take("FETCH-8.8.3.3", "FETCH-8.8.3.4")
        # E61: the text adds the length of a body, and a stream has none.
        if index not in call.unread or d.repaired("E61"):
            total += request.body
    return total


def commit(
    agent: UserAgent, call: FetchCall, used: int, d: Decide
) -> tuple[UserAgent, BackgroundFetch] | Rejected:
    """FETCH-8.6 to 8.16.  ``used``: bytes of quota in use."""
    uploads = upload_total(call, d)
    d.take("FETCH-8.9")
    if agent.quota is not None:
        if used + uploads > agent.quota:
            return Rejected("QuotaExceededError", "FETCH-8.9")
        too_much = used + uploads + call.download_total > agent.quota
        if too_much and d.repaired("E62") and d.choose("start-quota") == "checked":
            return Rejected("QuotaExceededError", "FETCH-8.9")
    d.take("FETCH-8.10", "FETCH-8.11")
    # E68: the prompt's pause belongs to the creation, not to a race with PERFORM.
    d.take("DISPLAY-11", "DISPLAY-11.1")
    prompting = asks_user(agent, d) and d.repaired("E68")
    d.take("FETCH-8.12", "FETCH-8.12.1", "FETCH-8.12.2", "FETCH-8.12.3")
    d.take("FETCH-8.12.4", "FETCH-8.12.6", "FETCH-8.12.7")
    fetch = BackgroundFetch(
        index=len(agent.fetches),
        id=call.id,
        requests=call.requests,
        title=call.title,
        download_total=call.download_total,
        upload_total=uploads,
        paused=prompting,
        prompting=prompting,
    )
    d.take("FETCH-8.13", "FETCH-8.14", "FETCH-8.14.1", "FETCH-8.15", "FETCH-8.16")
    fetch = attrs.evolve(fetch, phase=fire(fetch.phase, On.START))
    return attrs.evolve(agent, fetches=(*agent.fetches, fetch)), fetch


def admit(
    agent: UserAgent, call: FetchCall, used: int, d: Decide
) -> tuple[UserAgent, BackgroundFetch] | Rejected:
    """FETCH-8 for a call whose bodies are all there.  ``used``: bytes of quota in use."""
    return refuse(agent, call.id, d) or commit(agent, call, used, d)


def asks_user(agent: UserAgent, d: Decide) -> bool:
    """Whether a new fetch is paused until the user has answered a prompt."""
    return agent.permission == "prompt" and d.choose("page-on-prompt") == "paused"


def prompt(agent: UserAgent, index: int, d: Decide) -> UserAgent:
    """E68: as written the interface pauses a fetch that may be well under way."""
    d.take("DISPLAY-11", "DISPLAY-11.1")
    fetch = agent.fetches[index]
    if fetch.settled or fetch.abort:
        return agent
    return agent.put(attrs.evolve(fetch, paused=True, prompting=True))


def get(agent: UserAgent, id: str, d: Decide) -> BackgroundFetch | None:
    """GET-1 to 3."""
    d.take("GET-1", "GET-2")
    fetch = agent.active(id)
    d.take("GET-3" if fetch is None else "GET-4")
    return fetch


def get_ids(agent: UserAgent, d: Decide) -> tuple[str, ...]:
    """GETIDS."""
    d.take("GETIDS-1", "GETIDS-2")
    ids = tuple(fetch.id for fetch in agent.fetches if fetch.in_map)
    return tuple(sorted(ids)) if d.choose("id-order") == "by-text" else ids


def contains(agent: UserAgent, fetch: BackgroundFetch, d: Decide) -> bool:
    """CONTAINS: whether the active map holds this fetch, not another one of the same id."""
    d.take("CONTAINS-1", "CONTAINS-2")
    entry = agent.active(fetch.id)
    if entry is None:
        return False
    d.take("CONTAINS-3")
    if entry.index != fetch.index:
        return False
    d.take("CONTAINS-4")
    return True


def lacks(agent: UserAgent, fetch: BackgroundFetch, d: Decide) -> bool:
    """LACKS: the opposite."""
    d.take("LACKS-1")
    if contains(agent, fetch, d):
        return False
    d.take("LACKS-2")
    return True


def abort(agent: UserAgent, index: int, cause: str, d: Decide) -> tuple[UserAgent, bool]:
    """ABORT-3, on the edit queue; the user's abort is the same steps (E02)."""
    d.take("ABORT-3", "ABORT-3.1", "ABORT-3.2", "ABORT-3.3")
    fetch = agent.fetches[index]
    if lacks(agent, fetch, d):
        return agent, False
    d.take("ABORT-3.4", "ABORT-3.5", "ABORT-3.6")
    return agent.put(attrs.evolve(fetch, in_map=False, abort=fetch.abort or cause)), True


def user_action(
    agent: UserAgent, index: int, action: str, d: Decide
) -> tuple[UserAgent, str | None]:
    """DISPLAY-7 to 11: what the interface offers.  The second value says why it refuses."""
    fetch = agent.fetches[index]
    if action in ("click", "dismiss"):
        if not fetch.displayed:
            return agent, "not displayed"
        if action == "dismiss":
            d.take("DISPLAY-3")
            if not fetch.settled:
                return agent, "not dismissible before the end"
            return agent.put(attrs.evolve(fetch, displayed=False)), None
        d.take("DISPLAY-9")
        if fetch.settled:
            d.take("DISPLAY-10")
        d.take("CLICK-1")
        return agent, None
    if fetch.settled:
        return agent, "already settled"
    if action in ("accept", "refuse") and not fetch.prompting:
        return agent, "nothing is asked"
    if action in ("abort", "refuse"):
        d.take("DISPLAY-7" if action == "abort" else "DISPLAY-11.2")
        # As written the flag is all that is set; with E02 `abort` is asked for in its place.
        return agent.put(attrs.evolve(fetch, abort=fetch.abort or "user")), None
    if action == "accept":
        d.take("DISPLAY-11.2")
        return agent.put(attrs.evolve(fetch, paused=False, prompting=False)), None
    return _toggle_pause(agent, fetch, action, d)


def _toggle_pause(
    agent: UserAgent, fetch: BackgroundFetch, action: str, d: Decide
) -> tuple[UserAgent, str | None]:
    """DISPLAY-8: an interface may offer this, where every method is GET."""
    d.take("DISPLAY-8")
    if any(request.method != "GET" for request in fetch.requests):
        return agent, "only GET requests can be paused"
    if action == "resume" and not fetch.paused:
        return agent, "not paused"
    if fetch.prompting and d.choose("pause-while-prompting") == "refused":
        return agent, "the prompt has not been answered"
    if d.choose("pause-toggle") == "withheld":
        return agent, "not offered"
    paused = action == "pause"
    # A pause on top of a prompt's pause leaves the prompt unanswered.
    prompting = paused and fetch.prompting
    return agent.put(attrs.evolve(fetch, paused=paused, prompting=prompting)), None


def exceed_total(agent: UserAgent, index: int, d: Decide) -> UserAgent:
    """PERFORM-5.5 and 7: one record exceeded the download total; everything stops."""
    d.take("PERFORM-5.5", "PERFORM-7")
    fetch = agent.fetches[index]
    if fetch.phase is not RegistrationPhase.RUNNING:
        return agent
    why = On.OVERFLOW if d.repaired("E05") else On.OVERFLOW_AT_ONCE
    return agent.put(
        attrs.evolve(fetch, abort=fetch.abort or "total", phase=fire(fetch.phase, why))
    )


def failure_reason(results: tuple[str, ...], d: Decide) -> str:
    """PERFORM-5.3 with E01, E04, E12: the reason that results give, "" if all succeeded."""
    d.take("PERFORM-5.1", "PERFORM-5.2", "PERFORM-5.3")
    failed = [result for result in results if result != "success"]
    if not d.repaired("E01") or not failed:
        return ""
    d.take("PERFORM-5.3.1", "PERFORM-5.3.2")
    if "download-total-exceeded" in failed:
        if d.repaired("E04"):
            return "download-total-exceeded"
        # As written every record that ends writes the same variable.
        return d.choose("which result was written last", tuple(dict.fromkeys(failed)))
    own = [result for result in failed if result != "aborted"] or failed
    others = tuple(dict.fromkeys(result for result in own if result != own[0]))
    if others and d.choose("which-failure") == "another":
        return d.choose("another failure", others)
    return own[0]


def settle(agent: UserAgent, index: int, reason: str, d: Decide) -> UserAgent:
    """PERFORM-8, on the edit queue: ``reason`` is what the records gave."""
    fetch = agent.fetches[index]
    d.take("PERFORM-6", "PERFORM-8", "PERFORM-8.1", "PERFORM-8.2", "PERFORM-8.3")
    if not contains(agent, fetch, d):
        d.take("PERFORM-8.4")
        reason = "aborted"
    d.take("PERFORM-8.5")
    assert reason == "" or reason in REASONS, reason
    if reason:
        d.take("PERFORM-8.5.1", "PERFORM-8.5.2")
    else:
        d.take("PERFORM-8.6")
    d.take("PERFORM-8.7")
    phase = fetch.phase
    if phase is not RegistrationPhase.DECIDING:
        phase = fire(phase, On.ALL_SETTLED)
    return agent.put(
        attrs.evolve(
            fetch,
            in_map=False,
            result="failure" if reason else "success",
            failure_reason=reason,
            phase=fire(phase, On.DECIDE),
        )
    )


def dispatch(agent: UserAgent, index: int, d: Decide) -> tuple[UserAgent, str | None]:
    """PERFORM-8.8 to 8.13: the event's name, or None where no event can be dispatched (E08)."""
    fetch = agent.fetches[index]
    name = _settle_event(fetch.failure_reason, d)
    d.take("PERFORM-8.13", "PERFORM-8.13.0")
    if name in agent.listening and agent.worker:
        return agent.put(attrs.evolve(fetch, phase=fire(fetch.phase, On.DISPATCH))), name
    if not d.repaired("E08"):
        return agent, None
    return agent.put(_let_go(fetch, On.SKIP_EVENT, d)), None


def _let_go(fetch: BackgroundFetch, why: On, d: Decide) -> BackgroundFetch:
    """PERFORM-8.13.2, and E10: the records go, and with them what they take of the quota."""
    phase = fire(fetch.phase, why)
    return attrs.evolve(fetch, phase=phase, records_available=False, freed=d.repaired("E10"))


def _settle_event(reason: str, d: Decide) -> str:
    """PERFORM-8.8 to 8.12."""
    d.take("PERFORM-8.8", "PERFORM-8.9", "PERFORM-8.10")
    if reason == "aborted":
        d.take("PERFORM-8.10.1", "PERFORM-8.10.2")
        return "backgroundfetchabort"
    d.take("PERFORM-8.11")
    if reason:
        d.take("PERFORM-8.11.1", "PERFORM-8.11.2")
        return "backgroundfetchfail"
    d.take("PERFORM-8.12", "PERFORM-8.12.1", "PERFORM-8.12.2")
    return "backgroundfetchsuccess"


def event_over(agent: UserAgent, index: int, d: Decide) -> UserAgent:
    """PERFORM-8.13.1 to 8.13.3: the settle event is no longer active."""
    d.take("PERFORM-8.13.1", "PERFORM-8.13.2", "PERFORM-8.13.3")
    return agent.put(_let_go(agent.fetches[index], On.EVENT_ENDED, d))


def unregister(agent: UserAgent, d: Decide) -> UserAgent:
    """PRIV-1 with E86: every fetch that is not over ends at once, aborted and without an event."""
    agent = attrs.evolve(agent, worker=False)
    d.take("PRIV-1")
    if not d.repaired("E86"):
        return agent
    for fetch in agent.fetches:
        if fetch.phase is RegistrationPhase.RECORDS_GONE:
            continue
        cleared = attrs.evolve(
            fetch,
            in_map=False,
            abort=fetch.abort or "unregister",
            result=fetch.result or "failure",
            failure_reason=fetch.failure_reason if fetch.result else "aborted",
            displayed=False,
        )
        agent = agent.put(_let_go(cleared, On.CLEAR, d))
    return agent


def restart(agent: UserAgent, delivered: frozenset[int], d: Decide) -> UserAgent:
    """E87: what becomes of each fetch when the user agent goes away.

    ``delivered``: indexes of fetches whose active settle event counts as delivered.  After
    a clean end all do; after a kill the event of a handler that was cut off comes again.
    """
    for fetch in agent.fetches:
        if fetch.phase is RegistrationPhase.EVENT_ACTIVE and fetch.index in delivered:
            agent = event_over(agent, fetch.index, d)
        elif fetch.phase is not RegistrationPhase.RECORDS_GONE:
            agent = agent.put(attrs.evolve(fetch, phase=fire(fetch.phase, On.RESTART)))
    return agent


def update_ui(trusted: bool, used: bool, active: bool, d: Decide) -> Rejected | None:
    """UPDATEUI-1 with E81: the guard, before anything runs in parallel."""
    d.take("UPDATEUI-1.a")
    if not trusted:
        return Rejected("InvalidStateError", "UPDATEUI-1.a")
    d.take("UPDATEUI-1.b")
    if used:
        return Rejected("InvalidStateError", "UPDATEUI-1.b")
    d.take("UPDATEUI-1.c")
    if not active:
        return Rejected("InvalidStateError", "UPDATEUI-1.c")
    d.take("UPDATEUI-2")
    return None


def matching(
    fetch: BackgroundFetch,
    url: str | None,
    ignore_search: bool,
    ignore_method: bool,
    d: Decide,
) -> tuple[int, ...]:
    """MATCHALL-3.2: indexes of the records that match, in request order.

    An argument left out matches everything (E74); with one, only GET records match
    unless ``ignore_method``: the borrowed algorithm (Service Workers, "Request matches
    cached item") asks for the record's method, never for the argument's own.
    """
    d.take("MATCHALL-3.1", "MATCHALL-3.2")
    if url is None:
        everything = range(len(fetch.requests))
        if d.repaired("E74") or ignore_method:
            return tuple(everything)
        # E75: the borrowed algorithm passes over what is not GET, asked for or not.
        return tuple(i for i in everything if fetch.requests[i].method == "GET")
    found = []
    for index, request in enumerate(fetch.requests):
        d.take("MATCHALL-3.2.1")
        if request.method != "GET" and not ignore_method:
            continue
        if _comparable(request.url, ignore_search) == _comparable(url, ignore_search):
            found.append(index)
    return tuple(found)


def _comparable(url: str, ignore_search: bool) -> str:
    without = url.split("#", 1)[0]
    return without.split("?", 1)[0] if ignore_search else without
