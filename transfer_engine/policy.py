"""Where a request may go: what an address says of itself, and where its name leads.

Two questions, asked for the first request and again for every redirect.  *The
address*: a port of Fetch's list, plain http to another machine, http inside an
https application.  *The machine*: a name is looked up once, every address that the
look-up gave is judged, and the connection goes to an address that was judged, so
that a name which leads elsewhere the second time (DNS rebinding) gains nothing.

A host can be written in many ways (``0x7f.1``, ``2130706433``, ``::ffff:127.0.0.1``);
``urls.parse`` has brought numbers to one form before they come here, and what is
judged is in any case the address that the connection will go to.

The defaults are for requests that somebody else has written: https only, and the
public Internet only.  Whoever serves from their own machine or network says so.
"""

from __future__ import annotations

import ipaddress

import attrs

from transfer_engine.urls import Address, blocked

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@attrs.frozen
class Policy:
    """``allow_http``: plain http to machines other than this one.

    ``allow_private``: addresses outside the public Internet (loopback, private and
    link-local networks, metadata services, multicast).
    """

    allow_http: bool = False
    allow_private: bool = False

    def refuses(self, address: Address, app: Address | None) -> str | None:
        """Why no request may go to this URL, or None; before any look-up."""
        why = blocked(address, app)
        if why is None and address.scheme == "http" and not (self.allow_http or address.loopback):
            return "plain http to another machine"
        return why

    def refuses_machine(self, ip: str) -> str | None:
        """Why no connection may go to this IP address, or None.  Raises ValueError."""
        if self.allow_private or is_public(ipaddress.ip_address(ip)):
            return None
        return f"{ip} is no address of the public Internet"


OPEN = Policy(allow_http=True, allow_private=True)
"""Everything but the blocked ports: for one's own servers, and for tests."""


def is_public(ip: IP) -> bool:
    """Whether it is of the public Internet; an address inside another is the one that counts."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _nat64(ip) or (ip.teredo or (None, None))[1]
        if inner is not None:
            return is_public(inner)
        if int(ip) >> 32 == 0:  # ::1 and the deprecated IPv4-compatible addresses
            return False
    return ip.is_global and not ip.is_multicast


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
