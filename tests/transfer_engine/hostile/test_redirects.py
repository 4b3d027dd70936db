"""Redirects: where they may lead, how often, and what goes along."""

from __future__ import annotations

import pytest

from tests.transfer_engine.hostile.world import OK, meet
from transfer_engine import Policy, Request
from transfer_engine.urls import BAD_PORTS

FINE = OK + b"Access-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok"


def moved(location: str, code: int = 302) -> bytes:
    head = f"HTTP/1.1 {code} Go\r\nLocation: {location}\r\nAccess-Control-Allow-Origin: *\r\n"
    return head.encode("latin-1") + b"Content-Length: 0\r\n\r\n"


@pytest.mark.parametrize("port", sorted(BAD_PORTS))
def test_a_redirect_to_a_blocked_port_is_not_followed(port: int) -> None:
    met = meet(moved(f"http://app.test:{port}/"), FINE)
    assert (met.reason, len(met.hosts)) == ("fetch-error", 1)


@pytest.mark.parametrize(
    "location",
    [
        "ftp://app.test/x",
        "file:///etc/passwd",
        "data:text/plain,hello",
        "javascript:alert(1)",
        "about:blank",
        "ws://app.test/",
        "http://user:secret@other.test/",
        "http://user@other.test/",
        "http://app.test:99999/",
        "http://[::1/",
        "http://",
        "//",
        "http://a b.test/",
        "http://app.test/\x7f",
    ],
)
def test_a_redirect_to_no_web_address_is_not_followed(location: str) -> None:
    met = meet(moved(location), FINE)
    assert (met.reason, len(met.hosts)) == ("fetch-error", 1)


@pytest.mark.parametrize("location", ["http://user:secret@app.test/y", "//user@app.test:80/y"])
def test_name_and_password_are_dropped_from_a_redirect_within_the_origin(location: str) -> None:
    met = meet(moved(location), FINE)
    assert (met.reason, met.hosts) == ("", [("app.test", 80)] * 2)
    assert met.asked[1].startswith(b"GET /y HTTP/1.1\r\n")
    assert b"authorization" not in met.asked[1].lower()


def test_name_and_password_are_refused_on_the_way_back_from_another_origin() -> None:
    met = meet(moved("http://other.test/"), moved("http://user@app.test/"), FINE)
    assert (met.reason, len(met.hosts)) == ("fetch-error", 2)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_loop_ends_after_twenty_redirects(code: int) -> None:
    met = meet(moved("/x", code))
    assert (met.reason, len(met.asked)) == ("fetch-error", 21)


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://0x7f.1/", "http://169.254.169.254/", "http://[::1]/",
     "http://2130706433/", "http://[::ffff:10.0.0.1]/", "http://0/"],
)  # fmt: skip
def test_the_policy_about_machines_holds_on_every_hop(location: str) -> None:
    met = meet(moved(location), FINE, policy=Policy(allow_http=True))
    assert (met.reason, len(met.hosts)) == ("fetch-error", 1)


def test_plain_http_is_refused_by_default() -> None:
    met = meet(FINE, policy=Policy())
    assert (met.reason, met.hosts) == ("fetch-error", [])


def test_secrets_do_not_go_along_to_another_origin() -> None:
    secret = {"authorization": "Bearer secret"}
    met = meet(moved("http://other.test/"), FINE, request=Request("/x", headers=secret))
    assert met.reason == ""
    assert b"Bearer secret" in met.asked[0]
    assert b"secret" not in met.asked[1]
    assert met.hosts == [("app.test", 80), ("other.test", 80)]


def test_an_answer_without_cors_is_no_answer_on_any_hop() -> None:
    bare = b"HTTP/1.1 302 Go\r\nLocation: http://app.test/y\r\nContent-Length: 0\r\n\r\n"
    assert meet(moved("http://other.test/"), bare, FINE).reason == "fetch-error"
    assert meet(moved("http://other.test/"), OK + b"Content-Length: 0\r\n\r\n").reason == (
        "fetch-error"
    )


def test_several_locations_lead_nowhere() -> None:
    twice = moved("/y").replace(b"\r\n\r\n", b"\r\nLocation: /z\r\n\r\n")
    assert meet(twice, FINE).reason == "fetch-error"
