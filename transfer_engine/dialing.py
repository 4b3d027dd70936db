"""From an address to a connection: look up once, judge, connect to what was judged, TLS.

Several addresses of one name are tried as RFC 8305 has it: the next one starts when
the last has failed or has not answered for a quarter of a second; the first that
connects wins.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from typing import Protocol

import attrs
import trio

from transfer_engine.errors import PeerMisbehaved, Unreachable
from transfer_engine.link import Link, TlsLink, link_over
from transfer_engine.policy import Policy
from transfer_engine.urls import Address

STAGGER = 0.25
MOST_TRIED = 8


class Connect(Protocol):
    """How connections are opened.  Raises OSError like a socket would."""

    async def __call__(self, host: str, port: int, /) -> trio.abc.Stream:
        """A byte stream to that host (what ``Resolve`` gave) and port, without TLS."""
        ...


class Resolve(Protocol):
    """How names are looked up.  Raises OSError, and ValueError for a name that none can be."""

    async def __call__(self, host: str, port: int, /) -> Sequence[str]:
        """Where to connect to, the best first: IP addresses, or in simulation names."""
        ...


async def connect_tcp(host: str, port: int) -> trio.abc.Stream:
    """A TCP connection; ``host`` is an address already when the engine calls it."""
    return await trio.open_tcp_stream(host, port)


async def resolve_names(host: str, port: int) -> Sequence[str]:
    """The system's resolver; ``localhost`` is this machine whatever a resolver says."""
    if _is_ip(host):
        return [host]
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1", "::1"]
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


async def resolve_to_itself(host: str, port: int) -> Sequence[str]:
    """For simulation: what is connected to is the name, and no policy about machines applies."""
    return [host]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@attrs.frozen(eq=False)
class Dialing:
    """How one engine opens connections.  ``limit``: seconds until one is open, TLS included."""

    connect: Connect
    resolve: Resolve
    policy: Policy
    tls: ssl.SSLContext | None
    limit: float | None
    _default_tls: list[ssl.SSLContext] = attrs.field(factory=list, init=False)

    async def open(self, address: Address) -> Link:
        """Raises Unreachable, and PeerMisbehaved for a machine that the policy refuses."""
        try:
            with trio.fail_after(float("inf") if self.limit is None else self.limit):
                link: Link = link_over(await self._connect(address))
                return await self._secure(link, address) if address.scheme == "https" else link
        except trio.TooSlowError:
            why = f"not within {self.limit} s"
            raise Unreachable(address.host, address.port, why) from None
        except ssl.SSLCertVerificationError as error:
            raise PeerMisbehaved(f"the certificate of {address.host}: {error}") from error
        except (OSError, ValueError, trio.BrokenResourceError) as error:
            raise Unreachable(address.host, address.port, str(error)) from error

    async def _connect(self, address: Address) -> trio.abc.Stream:
        places = (await self.resolve(address.host, address.port))[:MOST_TRIED]
        if not places:
            raise OSError(f"{address.host} has no address")
        for place in places:
            if _is_ip(place) and (why := self.policy.refuses_machine(place)):
                raise PeerMisbehaved(f"{address.host}: {why}")
        if len(places) == 1:
            return await self.connect(places[0], address.port)
        return await self._race(places, address.port)

    async def _race(self, places: Sequence[str], port: int) -> trio.abc.Stream:
        won: list[trio.abc.Stream] = []
        lost: list[OSError] = []

        async def attempt(at: int, failed: trio.Event) -> None:
            try:
                stream = await self.connect(places[at], port)
            except OSError as error:
                lost.append(error)
                failed.set()
                return
            if won:
                await trio.aclose_forcefully(stream)
            else:
                won.append(stream)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for at in range(len(places)):
                failed = trio.Event()
                nursery.start_soon(attempt, at, failed)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
        if not won:
            raise lost[0]
        return won[0]

    async def _secure(self, under: Link, address: Address) -> Link:
        link = TlsLink(under, self._context(), address.host)  # type: ignore[arg-type]  # just made
        try:
            await link.handshake()
        except BaseException:
            await under.close()
            raise
        return link

    def _context(self) -> ssl.SSLContext:
        """The default one checks certificates and names; made once, since that reads files."""
        if self.tls is not None:
            return self.tls
        if not self._default_tls:
            self._default_tls.append(ssl.create_default_context())
        return self._default_tls[0]
