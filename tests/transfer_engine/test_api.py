"""The public surface: what is exported exists, and the example in the docstring runs."""

from __future__ import annotations

import doctest

import transfer_engine

ALIASES = frozenset(
    {"NO_TIMEOUTS", "AfterClose", "Credentials", "Durability", "Handler", "Handlers", "Permission"}
    | {"Unavailability"}
)
"""Types have no docstring of their own."""


def test_every_public_name_exists_once() -> None:
    names = transfer_engine.__all__
    assert len(set(names)) == len(names)
    assert all(hasattr(transfer_engine, name) for name in names)


def test_the_example_in_the_docstring_runs() -> None:
    outcome = doctest.testmod(transfer_engine)
    assert (outcome.failed, outcome.attempted > 3) == (0, True)


def test_public_things_say_what_they_are() -> None:
    silent = [
        name
        for name in transfer_engine.__all__
        if not (getattr(transfer_engine, name).__doc__ or "").strip() and name not in ALIASES
    ]
    assert silent == []
