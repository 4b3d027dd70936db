"""Addresses: what may be asked for, and where it leads.  Pure.

Only http and https, re-checked on every redirect; no credentials in a URL; no
port of Fetch's bad-port list; no http page content inside an https application
(loopback excepted, as in Secure Contexts).  A host that is a number in whatever
notation becomes the address that it means, before anybody judges it.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

import attrs

DEFAULT_PORTS = {"http": 80, "https": 443}

# https://fetch.spec.whatwg.org/#bad-port
# fmt: off
BAD_PORTS = frozenset(
    {
        0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
        101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161,
        179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563,
        587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
        6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080
    }
)
# fmt: on

_SAFE = "/%:@!$&'()*+,;=~-._?[]|^`{}\\"
_BAD_HOST = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
# An absolute URL that is in its normal form already, but for its authority.
_PLAIN = re.compile(
    r"(https?)://([A-Za-z0-9.-]+(?::[0-9]{1,5})?)"
    r"(/(?!/)[A-Za-z0-9/._~%!$&'()*+,;=:@-]*(?:\?[A-Za-z0-9/._~%!$&'()*+,;=:@?-]*)?)",
    re.ASCII,
)
_NO_HOST = re.compile(r"(?i:https?:)?/{2,}(?:[?#]|$)")
_DIGITS = re.compile(r"[0-9]{1,40}|0[xX][0-9A-Fa-f]{0,40}", re.ASCII)
_LAST_IS_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?", re.ASCII)
_LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.[0-9]{1,3}){3}|\[?::1\]?", re.ASCII)


@attrs.frozen
class BadUrl(Exception):
    """A URL that cannot be used at all."""

    url: str
    why: str

    def __str__(self) -> str:
        return f"{self.why}: {self.url[:200]!r}"


@attrs.frozen
class HasCredentials(BadUrl):
    """A URL with a name or a password; ``url`` is the rest of it."""


@attrs.frozen
class Address:
    """A parsed absolute http(s) URL without fragment."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Scheme, host and port as one string, the port left out when it is the default."""
        return _origin(self.scheme, self.host, self.port)

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self.origin.partition("://")[2]

    @property
    def url(self) -> str:
        """The whole URL."""
        return self.origin + self.target

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine by its very name."""
        return _LOOPBACK.fullmatch(self.host) is not None


@lru_cache(1024)
def _origin(scheme: str, host: str, port: int) -> str:
    """Of ten thousand addresses, they are mostly the same."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown if port == DEFAULT_PORTS[scheme] else f'{shown}:{port}'}"


def parse(url: str, base: str = "") -> Address:
    """Resolve and normalise.  Raises BadUrl."""
    plain = _PLAIN.fullmatch(origin_of(base) + url if url[:1] == "/" else url)
    if plain is not None and "/." not in plain[3]:
        return Address(plain[1], *_authority(plain[1], plain[2]), plain[3])
    return _parse(url, base)


@lru_cache(1024)
def _authority(scheme: str, authority: str) -> tuple[str, int]:
    """Host and port, as ``_parse`` has them: of ten thousand URLs, they are mostly the same."""
    address = _parse(f"{scheme}://{authority}/", "")
    return address.host, address.port


def _parse(url: str, base: str) -> Address:
    bare = url.strip(" \t\r\n")
    if re.search(r"[\x00-\x20\x7f]", bare):
        raise BadUrl(url, "control characters or blanks in the URL")
    path = re.split(r"[?#]", bare, maxsplit=1)[0]
    bare = path.replace("\\", "/") + bare[len(path) :]  # as browsers read it
    if _NO_HOST.match(bare):  # urljoin would take the host of the base
        raise BadUrl(url, "no host")
    try:
        parts = urlsplit(urljoin(base, bare))
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise BadUrl(url, str(error)) from None
    if parts.scheme not in DEFAULT_PORTS:
        raise BadUrl(url, "neither http nor https")
    if not host:
        raise BadUrl(url, "no host")
    if parts.username is not None or parts.password is not None:
        rest = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        raise HasCredentials(rest.geturl() + _search(bare, base), "credentials in the URL")
    host = _host(url, host)
    path = quote(_without_dots(parts.path or "/"), safe=_SAFE)
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    return Address(parts.scheme, host, port, path + quote(_search(bare, base), safe=_SAFE))


def _search(url: str, base: str) -> str:
    """The query with its ``?``, which stays where it is empty: urllib takes that for none."""
    reference = url.partition("#")[0] or base.partition("#")[0]
    _, mark, query = reference.partition("?")
    return mark + query


def _host(url: str, host: str) -> str:
    """One form for each host (WHATWG URL, "host parsing").  Raises BadUrl."""
    if ":" in host:
        try:
            if "%" in host:  # a zone is a matter of one machine
                raise ValueError
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise BadUrl(url, "no IPv6 address") from None
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise BadUrl(url, "the host name cannot be encoded") from None
    if not host or _BAD_HOST.search(host):
        raise BadUrl(url, "no host name")
    return _number(url, host) if _LAST_IS_NUMBER.fullmatch(host) else host


def _number(url: str, host: str) -> str:
    """WHATWG URL, "IPv4 parser": one to four numbers, each decimal, octal or hexadecimal."""
    parts = host.removesuffix(".").split(".")
    try:
        *firsts, last = [_digits(part) for part in parts]
        if len(parts) > 4 or any(n > 255 for n in firsts) or last >= 256 ** (5 - len(parts)):
            raise ValueError
    except ValueError:
        raise BadUrl(url, "no IPv4 address") from None
    value = last + sum(n << 8 * (3 - at) for at, n in enumerate(firsts))
    return str(ipaddress.IPv4Address(value))


def _digits(part: str) -> int:
    if _DIGITS.fullmatch(part) is None:  # int() takes more, and endless digits
        raise ValueError
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part[0] == "0" and len(part) > 1 else 10)


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4 for an absolute path."""
    out: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del out[-1:]
        elif segment != ".":
            out.append(segment)
    if segments and segments[-1] in (".", ".."):
        out.append("")
    return "/" + "/".join(out)


def blocked(address: Address, app: Address | None) -> str | None:
    """Why a request to this address must become a network error, or None.

    Content is mixed only with a page's: ``app`` None is no page.
    """
    if address.port in BAD_PORTS:
        return f"port {address.port} is blocked"
    if app and app.scheme == "https" and address.scheme == "http" and not address.loopback:
        return "mixed content"
    return None


def origin_of(url: str) -> str:
    """The origin of a normalised URL."""
    return "/".join(url.split("/", 3)[:3])


def without_search(url: str) -> str:
    """The URL up to its query."""
    return url.split("?", 1)[0]
