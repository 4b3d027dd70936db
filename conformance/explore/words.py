"""Steps and observations of an exploration as short sentences."""

from __future__ import annotations

from conformance.explore.observing import Looked
from spec_model import messages as m
from spec_model import tasks as t
from spec_model.background_fetch import Rejected
from spec_model.instances import Snapshot


def step_in_words(did: t.Task | m.Input) -> str:
    """What happens: ``a byte comes``, ``the edit queue goes on``."""
    match did:
        case t.RunEdit():
            return "the edit queue goes on"
        case t.RunRecord(record=number):
            return f"record {number + 1} goes on"
        case t.RunUpdate():
            return "a snapshot is taken for the pages"
        case t.RunRealm(realm=realm):
            return f"a task of {realm} runs"
        case t.MakeReady():
            return "responseReady settles"
        case t.PullBody():
            return "a reader is handed bytes"
        case t.FireEvent():
            return "an event reaches the worker"
        case t.ShowPrompt():
            return "the user is asked"
        case t.FinishPut():
            return "cache.put() ends"
        case m.CallFetch(realm=realm):
            return f"{realm} calls fetch()"
        case m.CallGet(realm=realm):
            return f"{realm} calls get()"
        case m.CallAbort(instance=name):
            return f"abort() is called{_of(name)}"
        case m.CallMatch(instance=name):
            return f"matchAll() is called{_of(name)}"
        case m.CallUpdateUI():
            return "updateUI() is called"
        case m.CallUnregister():
            return "the worker is unregistered"
        case m.UserDid(action=action):
            return f"the user {_ACTIONS.get(action, action)}"
        case m.UserLooked():
            return "the user looks at the interface"
        case m.EventEnded():
            return "the handler is done"
        case m.PageClosed(realm=realm):
            return f"{realm} closes"
        case m.WentOnline(online=online):
            return "the network is back" if online else "the network goes"
        case m.UserAgentQuit(kill=kill):
            return "the user agent is killed" if kill else "the user agent quits"
        case m.UserAgentLaunched():
            return "the user agent starts again"
        case m.RealmBusy(realm=realm, busy=busy):
            return f"{realm} {'is kept busy' if busy else 'is free again'}"
        case m.BodyRead(failed=failed):
            return f"a request's body {'fails' if failed else 'ends'}"
        case m.Responded(wire=wire):
            return f"the head of an answer comes, {wire.status}"
        case m.BytesArrived(upto=upto):
            return f"byte {upto} of an answer comes"
        case m.Ended(how=how):
            return "an answer ends" if how == "end" else f"an answer breaks off ({how})"
        case m.Uploaded(length=length):
            return f"{length} bytes of a body have been sent"
        case m.TimePassed():
            return "time passes"
    return type(did).__name__


_ACTIONS = {"abort": "aborts", "pause": "pauses", "resume": "resumes", "click": "clicks"} | {
    "accept": "accepts",
    "refuse": "refuses",
}


def _of(instance: str) -> str:
    """Names of instances in canonical states say whose they are."""
    parts = instance.split("-")
    return f" by {parts[1]}" if len(parts) == 3 else ""


def output_in_words(output: m.Output | Looked) -> str:
    """What is seen, of a public output: ``p1 gets progress: 1 downloaded``."""
    match output:
        case Looked(page=page, snapshot=shown):
            return f"{page} reads its registration: {_snapshot(shown)}"
        case m.PromiseSettled(call=call, value=value):
            return f"{call.partition('@')[0]} {_value(value)}"
        case m.ProgressFired(instance=whose, snapshot=shown):
            return f"{whose.split()[0]} gets progress: {_snapshot(shown)}"
        case m.EventDispatched(name=name, snapshot=seen):
            return f"the worker gets {name}" + (f": {_snapshot(seen)}" if seen else "")
        case m.RecordReady(ready=ready):
            how = f"rejects with {ready.error}" if ready.error else f"gives status {ready.status}"
            return f"responseReady {how}"
        case m.BytesReceived(length=length):
            return f"a reader has {length} bytes"
        case m.BodyEnded(length=length, error=error):
            end = f"fails with {error}" if error else "closes"
            return f"a body {end} after {length} bytes"
        case m.RequestStarted(record=number, method=method, url=url, first=first):
            part = "" if first is None else f" from byte {first} on"
            return f"the server of record {number + 1} gets {method} {url}{part}"
        case m.AttemptTerminated(record=number):
            return f"the connection of record {number + 1} is dropped"
        case m.Refused(why=why):
            return f"the interface refuses: {why}"
        case m.InterfaceSeen(shows=shows):
            return f"the interface shows {shows}"


def _value(value: m.Value) -> str:
    match value:
        case Rejected(error=error):
            return f"rejects with {error}"
        case m.InstanceRef(snapshot=shown):
            return f"resolves with a registration: {_snapshot(shown)}"
        case m.Records(found=found):
            return f"resolves with {len(found)} records"
        case m.Null():
            return "resolves with null"
        case None:
            return "resolves with undefined"
    return f"resolves with {str(value).lower()}"


def _snapshot(shown: Snapshot) -> str:
    parts = [f"{shown.downloaded} downloaded"]
    if shown.upload_total:
        parts.append(f"{shown.uploaded} of {shown.upload_total} uploaded")
    if shown.result:
        why = f" ({shown.failure_reason})" if shown.failure_reason else ""
        parts.append(f"result {shown.result}{why}")
    if not shown.records_available:
        parts.append("records gone")
    return ", ".join(parts)
