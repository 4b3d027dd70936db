"""From finished records to files: whole, checked, never over something that is there.

A draft is made and synced beside its place, then *linked* there, which fails where a file
is (a rename would replace it).  The draft itself is a second name of the stored file where
that can be, so that nothing is copied; the store lets go of its own name a moment later.
A process that dies between the link and the end of the event is given the event again; then
it finds its own file, the same bytes under the same name, and takes it for done.
"""

from __future__ import annotations

import hashlib
import os
from http import HTTPStatus
from pathlib import Path

import attrs
import trio

from conformance.cli.downloads.planning import Plan, WantedFile, numbered
from transfer_engine import (
    BackgroundFetchEvent,
    LinkableBody,
    ReadableBody,
    Record,
    Registration,
    Response,
    ScriptError,
    ShownRecord,
    UserInterface,
)
from transfer_engine.whole_file import sync_folder

DONE = "downloaded"
DRAFT = ".bgfetch-part"
PIECE = 1 << 20
THERE = "already there"
_WORDS = {
    "quota-exceeded": "no room is left for it",
    "download-total-exceeded": "more came than --download-total allows",
    "aborted": "aborted",
    "fetch-error": "it could not be fetched",
}


@attrs.frozen
class Taken:
    """What became of one wanted file.  ``path`` None: there is none."""

    url: str
    outcome: str
    path: Path | None = None
    length: int = 0

    @property
    def good(self) -> bool:
        """The file is there."""
        return self.outcome in (DONE, THERE)

    @property
    def place(self) -> str:
        """The path as one would type it here, empty if there is none."""
        here = Path.cwd()
        if self.path is not None and self.path.is_relative_to(here):
            return str(self.path.relative_to(here))
        return "" if self.path is None else str(self.path)


async def take_all(
    event: BackgroundFetchEvent, plan: Plan, interface: UserInterface
) -> list[Taken]:
    """Write what was fetched and say what was not.  Raises OSError."""
    registration: Registration = event.registration
    shown = interface.records(registration.id)
    records = await registration.match_all()
    taken = []
    for record, wanted, one in zip(records, plan.files, shown, strict=True):
        if one.result == "success":
            taken.append(await _take(record, wanted, plan.output))
        else:
            taken.append(Taken(wanted.url, why(one)))
    return taken


def why(one: ShownRecord) -> str:
    """Why there is no file, with the next move where there is one."""
    if one.result == "bad-status":
        known = one.status in set(HTTPStatus)
        phrase = HTTPStatus(one.status).phrase if known else ""
        return f"the server answered {one.status} {phrase}".rstrip()
    words = _WORDS.get(one.result, "stopped")
    if one.result != "fetch-error" or not one.why:
        return words
    hint = ""
    if "public Internet" in one.why:
        hint = "; allow it with --allow-private"
    elif "plain http" in one.why:
        hint = "; allow it with --allow-http"
    return f"{words}: {one.why}{hint}"


async def _take(record: Record, wanted: WantedFile, output: Path) -> Taken:
    target = output / wanted.name
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(target.name + DRAFT)
    try:
        response = await record.response_ready()
        draft.unlink(missing_ok=True)  # of a killed process; it may be a body's second name
        await _write(response, draft)
        return await trio.to_thread.run_sync(_finish, draft, target, wanted)
    except ScriptError as error:
        return Taken(wanted.url, str(error))
    finally:
        draft.unlink(missing_ok=True)


async def _write(response: Response, draft: Path) -> None:
    """The body, by a second name of its file, or by a copy.  Raises OSError, ScriptError."""
    body = response.body
    if body is not None and await _linked(body, draft):
        return
    with draft.open("xb") as file:
        while body is not None and (chunk := await body.read(PIECE)):
            await trio.to_thread.run_sync(file.write, chunk)


async def _linked(body: ReadableBody, draft: Path) -> bool:
    return isinstance(body, LinkableBody) and await body.link_to(draft)


def _finish(draft: Path, target: Path, wanted: WantedFile) -> Taken:
    """Sync, compare, and put it in its place.  Raises OSError."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
        length = os.fstat(file.fileno()).st_size
        os.fchmod(file.fileno(), 0o666 & ~_umask())
    if wanted.checksum and not has_checksum(draft, wanted.checksum):
        got = _digest(draft, wanted.checksum.partition(":")[0])
        return Taken(wanted.url, f"wrong checksum: {got} instead of {wanted.checksum}")
    place = _place(draft, target)
    sync_folder(place.parent)  # the store, on another disk maybe, forgets it next
    return Taken(wanted.url, DONE, place, length)


def _umask() -> int:
    """What a new file is not allowed.  It can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _place(draft: Path, target: Path) -> Path:
    """Put the draft where nothing is yet; where that is."""
    number, path, checksum = 1, target, ""
    while True:
        try:
            _put(draft, path)
        except FileExistsError:
            checksum = checksum or _digest(draft, "sha256")
            if has_checksum(path, checksum):
                return path
            number += 1
            path = target.with_name(numbered(target.name, number))
        else:
            return path


def _put(draft: Path, path: Path) -> None:
    """Under this name, if it is free.  Raises FileExistsError."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: reserve the name, then replace the empty file.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        draft.replace(path)


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether a regular file is there with these bytes."""
    if path.is_symlink() or not path.is_file():
        return False
    return _digest(path, checksum.partition(":")[0]) == checksum


def already(plan: Plan) -> tuple[Plan, list[Taken]]:
    """The plan without the files that are there, and those.

    A file with another checksum than the wanted one is not the wanted one, and neither is a
    folder: that is for its owner to decide, and an outcome that is not good.
    """
    missing, there = [], []
    for wanted in plan.files:
        path = plan.output / wanted.name
        if not path.exists():
            missing.append(wanted)
        elif not path.is_file():
            there.append(Taken(wanted.url, f"{path} is no file; move it away and try again"))
        elif wanted.checksum and not has_checksum(path, wanted.checksum):
            outcome = f"{path} is there with another checksum; move it away and try again"
            there.append(Taken(wanted.url, outcome))
        else:
            there.append(Taken(wanted.url, THERE, path, path.stat().st_size))
    return attrs.evolve(plan, files=tuple(missing)), there
