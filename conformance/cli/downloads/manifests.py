"""A list of files to download, as JSON: read one, or make one from a folder.

``{"id", "title", "icons": [{"src", "sizes", "type"}], "downloadTotal", "urls"}``, where
a URL is a string or ``{"url", "name", "checksum"}``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from urllib.parse import quote

from conformance.cli.downloads.planning import (
    BadPlan,
    Plan,
    WantedFile,
    checked,
    checksum_of,
    name_of,
    safe,
    safe_path,
    unique,
)
from transfer_engine import Policy

MOST = 1 << 26
_HALF = re.compile("[\ud800-\udfff]")
_KEYS = {"id", "title", "icons", "downloadTotal", "urls"}


def read_manifest(path: Path, output: Path, policy: Policy) -> Plan:
    """The plan that a manifest is.  Raises BadPlan, which names the faulty place."""
    try:
        if path.stat().st_size > MOST:
            raise BadPlan(f"{path}: larger than {MOST} bytes")
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadPlan(f"{path}: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("urls"), list) or not data["urls"]:
        raise BadPlan(f'{path}: a manifest is an object with a list "urls"')
    if unknown := data.keys() - _KEYS:
        raise BadPlan(f"{path}: unknown: {', '.join(sorted(map(str, unknown)))}")
    files = [_file(path, at, one, policy) for at, one in enumerate(data["urls"])]
    names = unique(one.name for one in files)
    total = data.get("downloadTotal", 0)
    if type(total) is not int or not 0 <= total < 2**63:
        raise BadPlan(f"{path}: downloadTotal is a number of bytes")
    return Plan(
        id=_text(path, "id", data.get("id", "")) or path.stem,
        output=output,
        files=tuple(
            WantedFile(one.url, name, one.checksum) for one, name in zip(files, names, strict=True)
        ),
        title=_text(path, "title", data.get("title", "")),
        total=total,
        icons=_icons(path, data.get("icons", [])),
    )


def _file(path: Path, at: int, given: object, policy: Policy) -> WantedFile:
    place = f"urls[{at}]"
    one = {"url": given} if isinstance(given, str) else given
    if not isinstance(one, dict) or one.keys() - {"url", "name", "checksum"}:
        raise BadPlan(f"{path}: {place}: a URL, or an object with url, name and checksum")
    fields = {key: _text(path, f"{place}.{key}", value) for key, value in one.items()}
    url = fields.get("url", "")
    try:
        return WantedFile(
            checked(url, policy),
            safe_path(fields.get("name", "")) or name_of(url),
            checksum_of(fields.get("checksum", "")),
        )
    except BadPlan as error:
        raise BadPlan(f"{path}: {place}: {error}") from None


def _icons(path: Path, given: object) -> tuple[dict[str, str], ...]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadPlan(f"{path}: icons is a list of objects with src, sizes and type")
    known = ("src", "sizes", "type")
    return tuple(
        {key: _text(path, f"icons.{key}", one[key]) for key in known if key in one} for one in given
    )


def _text(path: Path, place: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadPlan(f"{path}: {place}: a string is wanted")
    if _HALF.search(value):
        raise BadPlan(f"{path}: {place}: half of a surrogate pair is no text")
    return value


def make_manifest(
    folder: Path, base_url: str, *, id: str = "", title: str = ""
) -> dict[str, object]:
    """A manifest of all files below a folder, hidden ones and links left out.

    Raises BadPlan for a folder without files, OSError.
    """
    base = base_url if base_url.endswith("/") else base_url + "/"
    urls: list[dict[str, str]] = []
    total = 0
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            total += file.tell()
        name = relative.as_posix()
        url = base + quote(os.fsencode(name))  # a name may be any bytes
        urls.append({"url": url, "name": safe_path(name), "checksum": f"sha256:{digest}"})
    if not urls:
        raise BadPlan(f"{folder}: there is no file in it")
    return {
        "id": id or safe(folder.resolve().name),
        "title": title,
        "icons": [],
        "downloadTotal": total,
        "urls": urls,
    }
