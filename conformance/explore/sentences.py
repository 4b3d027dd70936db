"""What is claimed of background fetch, in words: sentences by name.

Numbers are those of the audit: S are safety, L liveness.  ``ALWAYS`` must hold at every step,
``EVENTUALLY`` come in the end, ``SOMETIMES`` happen in some scope, so that nothing holds for
want of a case.  Some L have an *always* sentence: what a scope without faults can only end in.
"""

from __future__ import annotations

from spec_model.values import REASONS

ALWAYS = {
    "S01": "at most one settle event in one life of the user agent",
    "S02": "the settle event matches result and failure reason, and its registration shows them",
    "S03": "result and failure reason are a legal pair",
    "S04": "result and failure reason of an instance change once, together",
    "S05": "recordsAvailable goes from true to false once, after the settle event; from then on "
    "matchAll() rejects",
    "S06": "after success every record is whole and ok",
    "S07": "no body that closes mixes versions or leaves out bytes",
    "S08": "a failure has a record that failed so, and a record that fails has a reason outside",
    "S09": "nobody is told 'aborted' who was not aborted",
    "S10": "abort() resolves true at most once, and then the event is abort; so it is after the "
    "user's abort of an unsettled fetch",
    "S11": "downloaded falls only if a record starts anew or bytes are lost",
    "S12": "downloaded never exceeds downloadTotal",
    "S13": "uploaded never falls and never exceeds uploadTotal",
    "S14": "id and totals never change, and uploadTotal is the size of all request bodies",
    "S15": "two progress events differ, and none follows the one with a result",
    "S16": "a realm has one object for a background fetch",
    "S17": "an id is active once",
    "S18": "what was aborted or settled is not found by get() and getIds()",
    "S19": "a fetch() that is refused leaves nothing behind",
    "S20": "a fetch() is refused for the first reason there is, and only for a reason",
    "S21": "a request with side effects is sent at most once",
    "S22": "no request begins after the settle event or after abort() resolved true",
    "S23": "no request begins while paused, nor before the user has answered",
    "S24": "a Range begins where the stored bytes end, only GET has one, and nothing is asked for "
    "after a clean end with all bytes",
    "S25": "a partial answer is joined where it belongs, and only there: asked for, within its "
    "bounds, of one version",
    "S26": "matchAll() gives every record in request order",
    "S27": "what a record object gives matches the record's result, and its data is replaced only "
    "after there was some",
    "S28": "what a reader is handed only grows, and is what is stored",
    "S29": "a response shows no header that is hidden, and an assembled one status 200",
    "S30": "updateUI() works once for an event, while it is active, and rejects otherwise",
    "S31": "a click changes no fetch, no record and no page",
    "S32": "the interface shows what is the case and offers what has an effect",
    "S33": "a step of one fetch changes no other",
    "S34": "all instances that show a result show the same, numbers included",
    "S35": "what is stored never exceeds the quota, and is let go with the records",
    "S36": "fetch() resolves before anything has come; what is not found is undefined",
    "L11": "pauses change no result",
    "L12": "outages change no result",
}

EVENTUALLY = {
    "L01": "fetch() settles",
    "L02": "every background fetch settles and its event is dispatched, or none can be",
    "L03": "after abort() resolved true the fetch ends",
    "L04": "after the user aborted the fetch ends",
    "L05": "responseReady settles once there is a response or a result",
    "L06": "a body that is read ends once its record is final",
    "L07": "after the settle event records become unavailable, on every instance, and are let go",
    "L08": "every live instance shows the final result",
    "L09": "get(), abort(), matchAll(), updateUI() settle",
    "L10": "attempts that bring nothing end",
    "L13": "what is unregistered ends as aborted",
    "L14": "after a restart every background fetch still settles",
}

SOMETIMES = {
    "success": "a fetch succeeds",
    **{reason: f"a fetch fails with {reason}" for reason in REASONS},
    "aborted-by-user": "the user's abort ends a fetch",
    "aborted-by-clearing": "unregistering ends a fetch",
    "abort-true": "abort() resolves true",
    "abort-false": "abort() resolves false",
    "abort-wins": "the last record ends while an abort waits in the edit queue",
    "settlement-wins": "abort() is called while the settlement waits in the edit queue",
    "pause-before-request": "a pause comes before the first request",
    "pause-before-headers": "a pause meets a request without an answer",
    "pause-reading": "a pause meets a body",
    "pause-last-byte": "a pause comes between the last byte and the end of a body",
    "pause-waiting": "a pause meets a record between two attempts",
    "offline-before-headers": "an outage meets a request without an answer",
    "offline-reading": "an outage meets a body",
    "offline-last-byte": "an outage comes between the last byte and the end of a body",
    "offline-waiting": "an outage meets a record between two attempts",
    "resumed": "bytes that were stored are continued",
    "resumed-foreign": "bytes of another origin are continued, their headers hidden",
    "resumed-exposed": "bytes of another origin are continued, their headers exposed",
    "anew": "stored bytes are replaced by a new answer",
    "unsatisfied": "416 answers a Range",
    "unknown-length": "a part of unknown total length is joined",
    "other-version": "a part of another version comes",
    "encoded-cut": "an encoded answer breaks off",
    "unmarked-cut": "an answer without a validator breaks off",
    "short-chain": "three parts make a body",
    "quota-at-once": "the first byte exceeds the quota",
    "quota-later": "a later byte exceeds the quota",
    "limit-met": "downloadTotal is met exactly",
    "limit-passed": "a record exceeds downloadTotal",
    "limit-passed-by-two": "one record exceeds downloadTotal while another one comes",
    "null-body": "an answer has no body",
    "no-bytes": "a body has no bytes and is a success",
    "redirected-GET": "a download is redirected",
    "redirected-to-GET": "an upload is redirected to a download",
    "redirected-POST": "an upload is redirected with its body",
    "restart-reading": "the user agent goes while a body comes",
    "event-again": "a kill cuts a handler off, and its event comes again",
    "instance-gone": "get() finds nothing",
    "id-again": "an id is used again while the event of the first fetch is active",
    "refused-permission": "fetch() is refused for want of permission",
    "refused-worker": "fetch() is refused for want of a worker",
    "refused-id": "fetch() is refused since its id is active",
    "refused-quota": "fetch() is refused for want of room",
    "refused-body": "fetch() is refused since a body cannot be read",
    "gone-in-fetch": "a page goes while its fetch() waits",
    "gone-in-get": "a page goes while its get() waits",
    "gone-in-abort": "a page goes while its abort() waits",
    "gone-in-read": "a page goes while it reads a body",
    "prompt-accepted": "the user accepts",
    "prompt-refused": "the user refuses",
    "body-read": "a body is read to its end",
    "click-before": "a click reaches the worker before the settlement",
    "click-meanwhile": "a click reaches the worker while the settle event is active",
    "click-after": "a click reaches the worker when all is over",
    "no-handler": "no handler hears of the end",
    "busy-worker": "the settle event waits for a worker that is busy",
    "ui-once": "updateUI() works",
    "ui-twice": "updateUI() is called again",
    "ui-late": "updateUI() comes too late",
}

PARTLY = {
    "S07": "bodies are compared as ranges of answers; encodings by what they end in (L12)",
    "S26": "the options of match() are not varied; scenarios and unit tests do",
    "S29": "HEAD and null bodies are decided at the Fetch boundary",
    "S31": "compares the state before and after the event, not two runs",
    "S33": "compares the state before and after a step, not two runs; one registration",
    "S34": "that each realm sees a part of one sequence shows in S11 and S13 only",
    "L11": "judges results where the server does right; bodies by S07, records by S27",
    "L12": "as L11",
    "M01 to M10": "compare runs that differ in more than one step; the campaigns do that",
}
"""Where a sentence here says less than the audit's, and what is left."""

UNREACHABLE = {
    "each phase of a pause or an outage, and then resume, abort or a second pause": "every "
    "continuation is searched after each phase; that both were met is not noted as one goal, "
    "since it would double the states",
    "two registrations": "one user agent of the model has one service worker registration; two "
    "that share nothing but a quota are two runs",
    "a worker that installs or waits": "the model has a worker or none; the time in which it "
    "activates is one in which it takes no event (goal busy-worker)",
    "HEAD": "no goal names it; Fetch treats its answer as one without a body (goal null-body)",
    "redirects beyond one hop, to a third origin, in a loop": "each is an answer of the Fetch "
    "boundary, which has tests of its own; the steps of the text see a response or an error",
    "a page that goes while matchAll(), updateUI() or getIds() waits": "each waits for a task of "
    "its own realm and for nothing else; the task is discarded with it",
    "three pages": "two pages and the worker are the three realms; more are copies of the second",
}
"""Goals of the audit (C.4) that no scope expresses, and why."""
