"""System calls as places to die and to fail; in full: ``python -m tests.campaigns.crash calls``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.calls import Calls, Injection, one_call, strace
from tests.campaigns.origin import origin
from tests.campaigns.trial import Trial

SHORT = (
    Injection("kill", "pwrite64", "KILL", False, 2),
    Injection("power", "fdatasync", "KILL", False, 7),
    Injection("kill", "splice", "KILL", False, 3),
    Injection("kill", "pwrite64", "ENOSPC", True, 20),
    Injection("kill", "pwrite64", "EDQUOT", True, 20),
    Injection("power", "pwrite64", "EIO", False, 9),
    Injection("kill", "splice", "ENOSPC", True, 2),
)


@pytest.fixture(scope="module")
def tool() -> str:
    """The path of strace."""
    try:
        return strace()
    except OSError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("injection", SHORT, ids=lambda i: f"{i.call}-{i.number}-{i.what}")
def test_no_promise_breaks_where_a_system_call_kills_or_fails(
    tmp_path: Path, tool: str, injection: Injection
) -> None:
    found = Calls()
    with origin(tmp_path / "requests") as places:
        trial = Trial(tmp_path / "t", "/s", places.plain, injection.level)
        try:
            one_call(trial, tmp_path / "requests", tool, injection, found)
        except PermissionError as error:
            pytest.skip(str(error))
    assert found.broken == []
    assert sum(found.injected.values()) == 1, "the call was made"
    if injection.call == "pwrite64" and injection.what in ("ENOSPC", "EDQUOT"):
        assert found.outcomes == {"refused: QuotaExceededError": 3}, "both mean a full disk"
