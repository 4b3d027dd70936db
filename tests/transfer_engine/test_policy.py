"""Where requests may go: hosts in disguise, names that lead home, and look-ups that change."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.transfer_engine.hostile.world import OK, Peer, run
from transfer_engine import OPEN, Policy, Unreachable, resolve_names
from transfer_engine.dialing import MOST_TRIED, STAGGER, Dialing
from transfer_engine.errors import PeerMisbehaved
from transfer_engine.urls import BAD_PORTS, BadUrl, parse

APP = parse("https://app.test")

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "192.0.0.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("ip", PRIVATE)
def test_addresses_of_no_public_machine_are_refused_unless_allowed(ip: str) -> None:
    assert Policy().refuses_machine(ip)
    assert OPEN.refuses_machine(ip) is None


@pytest.mark.parametrize(
    "ip",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2002:808:808::1",
     "64:ff9b::808:808", "2001:0:4136:e378:8000:63bf:f7f7:f7f7"],
)  # fmt: skip
def test_public_addresses_are_not(ip: str) -> None:
    assert Policy().refuses_machine(ip) is None


@pytest.mark.parametrize(
    ("host", "means"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("１２７.0.0.1", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "::ffff:7f00:1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("0xA9FEA9FE", "169.254.169.254"),
    ],
)
def test_a_host_that_is_a_number_becomes_the_address_that_it_means(host: str, means: str) -> None:
    assert parse(f"https://{host}/").host == means


@pytest.mark.parametrize(
    "host",
    ["1.2.3.4.5", "256.0.0.1", "1.2.3.256", "4294967296", "0x1ffffffff", "1_0.0.0.1", "08.0.0.1",
     "1..2", "[::1%25eth0]", "[fe80::1%eth0]", "[1.2.3.4]", "a%2eb", "a^b", "a<b", "a|b", "%00",
     "9" * 5000],
)  # fmt: skip
def test_a_host_that_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(BadUrl):
        parse(f"https://{host}/")


def test_backslashes_are_slashes_as_in_browsers() -> None:
    assert parse("https:\\\\evil.test\\x", "https://app.test").host == "evil.test"
    assert parse("\\\\evil.test/x", "https://app.test").host == "evil.test"


def test_the_list_of_blocked_ports_is_that_of_fetch() -> None:
    assert len(BAD_PORTS) == 83
    for port in BAD_PORTS:
        assert OPEN.refuses(parse(f"https://a.test:{port}/"), APP)
    assert OPEN.refuses(parse("https://a.test:8443/"), APP) is None


def test_http_is_for_this_machine_unless_allowed() -> None:
    app = parse("http://localhost:8000")
    assert Policy().refuses(parse("http://a.test/"), app)
    for here in ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"):
        assert Policy().refuses(parse(f"http://{here}:8000/"), app) is None
    for elsewhere in ("127.test", "127.0.0.1.test", "localhost.test", "[::2]", "[::1:1]"):
        assert Policy().refuses(parse(f"http://{elsewhere}:8000/"), app)
    assert Policy(allow_http=True).refuses(parse("http://a.test/"), app) is None


def dialing(places: list[list[str]], peer: Peer, policy: Policy) -> Dialing:
    """Look-ups that give these places, one list after the other."""
    asked = iter(places)

    async def resolve(host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        return next(asked)

    return Dialing(peer.connect, resolve, policy, None, 10.0)


NAME = parse("http://name.test/")


@pytest.mark.parametrize("places", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::1", "1.1.1.1"]])
def test_a_name_that_leads_to_a_private_machine_is_refused_before_any_connection(
    places: list[str],
) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            peer = Peer(nursery, [OK])
            with pytest.raises(PeerMisbehaved, match="no address of the public Internet"):
                await dialing([places], peer, Policy()).open(NAME)
            assert peer.hosts == []
            nursery.cancel_scope.cancel()

    run(main)


def test_the_connection_goes_to_the_address_that_was_judged_and_the_name_is_asked_once() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            peer = Peer(nursery, [OK])
            # A second look-up would lead home.
            await dialing([["1.1.1.1"], ["127.0.0.1"]], peer, Policy()).open(NAME)
            assert peer.hosts == [("1.1.1.1", 80)]
            nursery.cancel_scope.cancel()

    run(main)


def test_localhost_is_this_machine_without_a_look_up_and_addresses_are_themselves() -> None:
    async def main() -> None:
        assert await resolve_names("localhost", 80) == ["127.0.0.1", "::1"]
        assert await resolve_names("a.localhost", 80) == ["127.0.0.1", "::1"]
        assert await resolve_names("::1", 80) == ["::1"]

    run(main)


def test_of_several_addresses_the_first_that_answers_is_taken() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            peer = Peer(nursery, [OK])
            tried: list[str] = []

            async def connect(host: str, port: int) -> trio.abc.Stream:
                tried.append(host)
                if host == "1.1.1.1":
                    raise ConnectionRefusedError("refused")
                if host == "1.1.1.2":
                    await trio.sleep_forever()
                return await peer.connect(host, port)

            async def resolve(host: str, port: int) -> list[str]:
                await trio.lowlevel.checkpoint()
                return ["1.1.1.1", "1.1.1.2", "1.1.1.3"]

            await Dialing(connect, resolve, Policy(), None, 10.0).open(NAME)
            assert tried == ["1.1.1.1", "1.1.1.2", "1.1.1.3"]
            assert trio.current_time() == pytest.approx(STAGGER)
            nursery.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("places", [[], ["1.1.1.1", "1.1.1.2"]])
def test_where_nobody_answers_a_host_is_unreachable(places: list[str]) -> None:
    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        raise ConnectionRefusedError("refused")

    async def resolve(host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        return places

    async def main() -> None:
        with pytest.raises(Unreachable):
            await Dialing(connect, resolve, Policy(), None, 10.0).open(NAME)

    run(main)


def test_a_name_that_cannot_be_looked_up_is_unreachable() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        raise UnicodeError("label too long")

    async def main() -> None:
        with pytest.raises(Unreachable, match="label too long"):
            await Dialing(trio.open_tcp_stream, resolve, Policy(), None, 10.0).open(NAME)

    run(main)


def test_not_all_of_very_many_addresses_are_tried() -> None:
    tried: list[str] = []

    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        tried.append(host)
        raise ConnectionRefusedError("refused")

    async def resolve(host: str, port: int) -> list[str]:
        await trio.lowlevel.checkpoint()
        return [f"1.1.1.{number}" for number in range(50)]

    async def main() -> None:
        with pytest.raises(Unreachable):
            await Dialing(connect, resolve, Policy(), None, 10.0).open(NAME)

    run(main)
    assert len(tried) == MOST_TRIED


def test_of_two_connections_at_the_same_moment_one_is_closed() -> None:
    async def main() -> None:
        far_ends: list[trio.abc.Stream] = []
        now = trio.Event()

        async def connect(host: str, port: int) -> trio.abc.Stream:
            await now.wait()
            near, far = trio.testing.memory_stream_pair()
            far_ends.append(far)
            return near

        async def resolve(host: str, port: int) -> list[str]:
            await trio.lowlevel.checkpoint()
            return ["1.1.1.1", "1.1.1.2"]

        async def later() -> None:
            await trio.sleep(2 * STAGGER)
            now.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(later)
            link = await Dialing(connect, resolve, Policy(), None, 10.0).open(NAME)
        assert len(far_ends) == 2
        closed = 0
        for far in far_ends:
            with trio.move_on_after(1):
                closed += await far.receive_some() == b""
        assert closed == 1
        await link.close()

    run(main)


def test_a_connection_that_cannot_be_secured_is_closed() -> None:
    async def main() -> None:
        near, far = trio.testing.memory_stream_pair()

        async def connect(host: str, port: int) -> trio.abc.Stream:
            await far.send_all(b"this is no TLS" * 100)
            return near

        async def resolve(host: str, port: int) -> list[str]:
            await trio.lowlevel.checkpoint()
            return ["1.1.1.1"]

        with pytest.raises(Unreachable):
            await Dialing(connect, resolve, Policy(), None, 10.0).open(parse("https://name.test/"))
        while await far.receive_some():
            pass  # its half of a handshake

    run(main)
