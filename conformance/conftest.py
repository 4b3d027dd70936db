"""For ``pytest conformance`` alone: the same hypothesis profiles as everywhere."""

from __future__ import annotations

from conformance import profiles

profiles.register()
