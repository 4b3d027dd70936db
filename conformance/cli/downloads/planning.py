"""What is wanted: URLs, the names of their files, checksums.

The engine knows requests, not files, so where a file goes is kept beside its store, in
``plans/``, written before the download begins.  A name comes from a server's URL or from
somebody's manifest; neither may leave the folder, hide a file, or name a device.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import attrs

from transfer_engine import Policy
from transfer_engine.urls import BadUrl, HasCredentials, parse
from transfer_engine.whole_file import replace_whole

ALGORITHMS = ("sha256", "sha384", "sha512")
MOST_NAME = 200
_BAD = re.compile(r'[/\\:*?"<>|]')
# `.iso`, `.7z`, `.tar.gz`; not the `.2` of a version, nor what has spaces.
_SUFFIX = re.compile(r"(?<=[^/])(\.tar)?\.[0-9]*[A-Za-z][A-Za-z0-9]*$")
_CHECKSUM = re.compile(r"(sha256|sha384|sha512):([0-9a-fA-F]+)")


class BadPlan(Exception):
    """What was asked for makes no sense; the message says what to change."""


@attrs.frozen
class WantedFile:
    """``name``: a path relative to the output folder.  ``checksum``: ``sha256:…`` or empty."""

    url: str
    name: str
    checksum: str = ""


@attrs.frozen
class Plan:
    """One download.  ``total`` in bytes, 0 for not given."""

    id: str
    output: Path
    files: tuple[WantedFile, ...]
    title: str = ""
    total: int = 0
    icons: tuple[dict[str, str], ...] = ()


def plan_urls(
    urls: Iterable[str],
    output: Path,
    *,
    policy: Policy,
    id: str = "",
    title: str = "",
    total: int = 0,
    checksums: Sequence[str] = (),
) -> Plan:
    """A plan of some URLs, each once.  Raises BadPlan."""
    wanted = list(dict.fromkeys(urls))
    if checksums and len(checksums) != len(wanted):
        raise BadPlan(f"{len(wanted)} URLs, {len(checksums)} checksums: give one for each URL")
    if not checksums:
        checksums = [""] * len(wanted)
    names = unique(name_of(checked(url, policy)) for url in wanted)
    files = tuple(
        WantedFile(url, name, checksum_of(given))
        for url, name, given in zip(wanted, names, checksums, strict=True)
    )
    return Plan(id or files[0].name, output, files, title, total)


def checked(url: str, policy: Policy) -> str:
    """The URL, if a request may go there as far as one can see.  Raises BadPlan."""
    try:
        address = parse(url)
    except HasCredentials as error:
        hint = "leave them out and give --header 'Authorization: ...'"
        raise BadPlan(f"{error.why}; {hint}") from None
    except BadUrl as error:
        raise BadPlan(f"{error}; give an absolute http or https URL") from None
    if why := policy.refuses(address, None):
        hint = "; allow it with --allow-http" if "http" in why else ""
        raise BadPlan(f"{url}: {why}{hint}")
    try:
        why = policy.refuses_machine(address.host)
    except ValueError:
        why = None  # a name: the engine judges where it leads
    if why:
        raise BadPlan(f"{url}: {why}; allow it with --allow-private")
    return url


def checksum_of(given: str) -> str:
    """A checksum in lower case, or nothing.  Raises BadPlan."""
    if not given:
        return ""
    found = _CHECKSUM.fullmatch(given)
    if found is None or len(found[2]) != 2 * hashlib.new(found[1]).digest_size:
        raise BadPlan(f"{given!r} is no checksum; write sha256: and its 64 hexadecimal digits")
    return given.lower()


def name_of(url: str) -> str:
    """A file's name from its URL: the last part of the path, else the host."""
    parts = urlsplit(url)
    return safe(unquote(parts.path.rpartition("/")[2])) or safe(parts.hostname or "") or "file"


def safe(name: str) -> str:
    """No folders, no hidden files, nothing unprintable, not too long."""
    kept = "".join(c if c.isprintable() else "_" for c in _BAD.sub("_", name)).lstrip(". ")
    while len(os.fsencode(kept)) > MOST_NAME:
        kept = kept[:-1]
    return kept


def safe_path(name: str) -> str:
    """The same for a path with folders; empty if nothing is left of it."""
    parts = (safe(part) for part in PurePosixPath(name).parts if part not in ("/", "..", "."))
    return "/".join(part for part in parts if part)


def numbered(name: str, number: int) -> str:
    """``x-2.txt`` for ``x.txt``: what tells a file's kind stays last, ``.tar.gz`` whole."""
    kind = _SUFFIX.search(name)
    end = kind.start() if kind else len(name)
    return f"{name[:end]}-{number}{name[end:]}"


def unique(names: Iterable[str]) -> list[str]:
    """Each name once: ``x``, ``x-2``, ``x-3``; also where cases are not told apart."""
    taken: set[str] = set()
    out: list[str] = []
    for wanted in names:
        name, number = wanted, 1
        while name.casefold() in taken:
            number += 1
            name = numbered(wanted, number)
        taken.add(name.casefold())
        out.append(name)
    return out


@attrs.frozen
class PlanBook:
    """The plans beside a store."""

    folder: Path

    def _path(self, id: str) -> Path:
        return self.folder / f"{hashlib.sha256(id.encode()).hexdigest()[:32]}.json"

    def write(self, plan: Plan) -> None:
        """Durable when it returns.  Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = attrs.asdict(plan) | {"output": str(plan.output.absolute())}
        replace_whole(self._path(plan.id), json.dumps(data))

    def read(self, id: str, urls: Sequence[str], output: Path) -> Plan:
        """The plan of that id; made anew from its URLs if it is lost or of other URLs."""
        try:
            data = json.loads(self._path(id).read_text("utf-8"))
            files = tuple(
                WantedFile(str(one["url"]), safe_path(str(one["name"])), str(one["checksum"]))
                for one in data["files"]
            )
            plan = Plan(
                id, Path(str(data["output"])), files, str(data["title"]), int(data["total"])
            )
            if len(files) == len(urls) and all(one.name for one in files):
                return plan
        except (OSError, ValueError, KeyError, TypeError):
            pass
        names = unique(name_of(url) for url in urls)
        return Plan(id, output, tuple(WantedFile(u, n) for u, n in zip(urls, names, strict=True)))

    def forget(self, id: str) -> None:
        """It is not needed any more."""
        self._path(id).unlink(missing_ok=True)
