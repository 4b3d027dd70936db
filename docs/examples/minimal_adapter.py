"""A very small background fetch on the judge's protocol: one plain GET, reported honestly."""

import json
import sys
import threading
import urllib.error
import urllib.request
from http.client import HTTPException

turn = threading.Lock()  # one thing happens at a time, and is said when it happens
fetches, begin = {}, {}  # of the running scenario: snapshots by name; how it began
client = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def say(observation, **fields):
    """One line to the judge."""
    sys.stdout.write(json.dumps({"observation": observation, **fields}) + "\n")
    sys.stdout.flush()


def get(url):
    """What is wrong with the answer, and the length of its body."""
    try:
        return "", len(client.open(url).read())
    except urllib.error.HTTPError as error:
        return "bad-status", len(error.read())
    except (OSError, HTTPException):
        return "fetch-error", 0


def transfer(name, url):
    """In a thread of its own: from the request to the event."""
    wrong, length = get(url)
    with turn:
        if name not in fetches:
            return  # the scenario is over
        result, event = ("failure", "fail") if wrong else ("success", "success")
        fetches[name].update(downloaded=length, result=result, failureReason=wrong)
        say("progress", instance=name, snapshot=fetches[name])
        event = f"backgroundfetch{event}"
        fetches[name]["recordsAvailable"] = event in begin["listen"]  # until its handler ends
        if event in begin["listen"]:
            its = {"event": f"event-{name}", "instance": f"worker-{name}"}
            say("event", name=event, snapshot=fetches[name], can_update_ui=True, **its)


def fetch(call, id, requests, title=None, icons=None, **more):
    """``backgroundFetch.fetch()``.  What cannot be done right is not done at all."""
    url, own = requests[0]["url"] if requests else "", begin["origins"]["app"] + "/"
    if requests != [{"url": url}] or not url.startswith(own) or more != {"realm": "p1"}:
        return {"unsupported": "only one plain GET, by a page and of its own origin"}
    if any(one["id"] == id and not one["result"] for one in fetches.values()):
        say("settled", call=call, error="TypeError")
        return {}
    name, blank = f"i{len(fetches)}", {"result": "", "failureReason": "", "recordsAvailable": True}
    fetches[name] = {"id": id, "downloaded": 0, **blank}
    say("settled", call=call, instance=name, snapshot=fetches[name])
    threading.Thread(target=transfer, args=(name, url), daemon=True).start()
    return {}


def obey(command, **fields):
    """Do it.  Gives what the answer says."""
    if command == "start":
        who = {"name": "very-small", "version": "1", "protocol": 1, "capabilities": []}
        return {"implementation": who}
    if command == "fetch":
        return fetch(**fields)
    if command == "look":
        return {"snapshot": fetches[fields["instance"].removeprefix("worker-")]}
    if command == "end_event":
        fetches[fields["event"].removeprefix("event-")]["recordsAvailable"] = False
    elif command in ("begin", "end"):
        fetches.clear()
        begin.update(fields)
    elif command != "stop":
        return {"unsupported": f"{command} is not in this example"}
    return {}


for line in sys.stdin:
    order = json.loads(line)
    seq = order.pop("seq", 0)
    with turn:
        say("answer", seq=seq, **obey(**order))
    if order["command"] == "stop":
        break
