"""The two hypothesis profiles: ``ci`` is the same everywhere, ``deep`` looks further.

``HYPOTHESIS_PROFILE=deep pytest conformance`` chooses the second.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def register() -> None:
    """Register both profiles and load the one that the environment names, else ``ci``."""
    settings.register_profile(
        "ci",
        derandomize=True,
        database=None,
        deadline=None,  # a slow machine is not a defect of what is tested
        print_blob=True,
        max_examples=100,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile(
        "deep", parent=settings.get_profile("ci"), derandomize=False, max_examples=2000
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
