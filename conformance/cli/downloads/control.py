"""How another process reaches the one that downloads: a socket in the store's folder.

One line of JSON each way and connection: ``{"do": "pause", "id": "x"}``, answered by
``{"entries": […]}`` or ``{"error": "…"}``.  Whoever may write to the folder may do all
this anyway; nobody else can reach the socket.

Without a process there is nothing to reach: then the store itself is changed, under its
lock.  Between the two is a moment in which the store is locked and the socket not there
yet; whoever meets it tries again.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
import trio

from transfer_engine import (
    Engine,
    NotOffered,
    Shown,
    ShownRecord,
    StoreAtRest,
    StoreBusy,
    open_at_rest,
)

NAME = "control"
MOST_LINE = 65536
PATIENCE = 3.0
"""Seconds within which a process that has the store must have made its socket."""


@contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """A short path to the socket: a long one does not fit into a socket's address."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{fd}/{NAME}"
        yield short if Path(short).parent.is_dir() else str(folder / NAME)
    finally:
        os.close(fd)


def entry(one: Shown, records: list[ShownRecord]) -> dict[str, object]:
    """One background fetch, as JSON has it."""
    lengths = [record.length for record in records]
    known = sum(length or 0 for length in lengths)
    return {
        "id": one.id,
        "title": one.title,
        "state": state(one),
        "downloaded": one.downloaded,
        "downloadTotal": one.download_total,
        "length": known if None not in lengths else None,
        "files": [attrs.asdict(record) for record in records],
    }


def state(one: Shown) -> str:
    """In one word."""
    if one.result == "success":
        return "finished"
    if one.result or one.failure_reason:
        return one.failure_reason
    return "paused" if one.paused else "downloading" if one.busy else "stopped"


async def serve(engine: Engine, folder: Path) -> None:
    """Answer other processes, for as long as the engine has the store."""
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        with _reachable(folder) as path:
            (folder / NAME).unlink(missing_ok=True)  # a killed process left it
            await listening.bind(path)
        (folder / NAME).chmod(0o600)
        listening.listen(8)
        try:
            await trio.serve_listeners(partial(_answer, engine), [trio.SocketListener(listening)])
        finally:
            (folder / NAME).unlink(missing_ok=True)


async def _answer(engine: Engine, stream: trio.SocketStream) -> None:
    async with stream:
        try:
            with trio.fail_after(PATIENCE):
                line = b""
                while not line.endswith(b"\n") and len(line) < MOST_LINE:
                    data = await stream.receive_some(MOST_LINE)
                    if not data:
                        break
                    line += bytes(data)
            reply = await _do(engine, line)
            await stream.send_all(json.dumps(reply).encode() + b"\n")
        except (trio.BrokenResourceError, trio.TooSlowError):
            pass  # whoever asked has gone


async def _do(engine: Engine, line: bytes) -> Mapping[str, object]:
    interface = engine.interface
    actions: dict[str, Callable[[str], Awaitable[None]]] = {
        "pause": interface.pause,
        "resume": interface.resume,
        "abort": interface.abort,
    }
    try:
        asked = json.loads(line)
        action, name = asked.get("do"), asked.get("id")
        if action in actions and isinstance(name, str):
            await actions[action](name)
        elif action != "jobs":
            return {"error": "unknown request"}
    except NotOffered as error:
        return {"error": str(error)}
    except (ValueError, AttributeError, RecursionError):
        return {"error": "not a request"}
    return {"entries": [entry(one, interface.records(one.id)) for one in interface.shown()]}


class Refused(Exception):
    """The other side said no, and why."""


def ask(folder: Path, request: Mapping[str, str]) -> list[dict[str, object]]:
    """Ask the process that has the store, or the store.

    Raises Refused, and StoreUnusable when there is no store, or one that nobody can use.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return _ask_process(folder, request)
        except OSError:
            pass
        try:
            with open_at_rest(folder) as store:
                return _ask_store(store, request)
        except StoreBusy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _ask_process(folder: Path, request: Mapping[str, str]) -> list[dict[str, object]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream, _reachable(folder) as path:
        stream.settimeout(PATIENCE)
        stream.connect(path)
        stream.sendall(json.dumps(request).encode() + b"\n")
        with stream.makefile("rb") as file:
            answer = file.readline()
    if not answer:
        raise ConnectionError("it ended before it answered")
    reply = json.loads(answer)
    if "error" in reply:
        raise Refused(reply["error"])
    entries: list[dict[str, object]] = reply["entries"]
    return entries


def _ask_store(store: StoreAtRest, request: Mapping[str, str]) -> list[dict[str, object]]:
    try:
        if request["do"] == "pause":
            store.pause(request["id"])
        elif request["do"] == "resume":
            store.resume(request["id"])
        elif request["do"] == "abort":
            # Nobody waits for the event of a download: there is nothing to do in it.
            store.forget(request["id"])
    except NotOffered as error:
        raise Refused(str(attrs.evolve(error, action=request["do"]))) from None
    return [entry(one, store.records(one.id)) for one in store.shown()]
