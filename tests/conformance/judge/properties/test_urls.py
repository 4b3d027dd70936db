"""Spellings of URLs, and resource keys."""

from __future__ import annotations

import pytest

from conformance.judge.properties.urls import key_of, method, plain, redirected
from tests.conformance.judge.properties.traces import ORIGINS


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("http://App.test", "http://app.test/"),
        ("http://app.test:80/x#y", "http://app.test/x"),
        ("https://app.test:443/x?a=b", "https://app.test/x?a=b"),
        ("https://app.test:80/x", "https://app.test:80/x"),
        ("http://app.test/a b?ü", "http://app.test/a%20b?%C3%BC"),
        ("http://app.test/a%20b", "http://app.test/a%20b"),
        ("http://[", "http://["),
    ],
)
def test_a_url_has_one_spelling(url: str, spelt: str) -> None:
    assert plain(url) == spelt
    assert plain(spelt) == spelt


def test_methods_are_normalised_as_fetch_does() -> None:
    assert [method(name) for name in ("get", "Post", "patch")] == ["GET", "POST", "patch"]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://localhost:8000/x?a=b", "/x?a=b"),
        ("http://localhost:8001/x#part", "cdn:/x"),
        ("http://localhost:8000", "/"),
        ("http://localhost:80001/x", None),
        ("data:text/plain,x", None),
        ("http://[", None),
    ],
)
def test_a_key_names_origin_and_path(url: str, key: str | None) -> None:
    assert key_of(url, ORIGINS) == key


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("/y", "cdn:/y"),
        ("y", "cdn:/d/y"),
        ("http://localhost:8000/y", "/y"),
        ("//elsewhere/y", None),
        ("http://[", None),
    ],
)
def test_a_location_is_relative_to_what_was_asked_for(location: str, key: str | None) -> None:
    assert redirected("cdn:/d/x", location, ORIGINS) == key
