"""The JSON Schema of scenario files, generated from the types.

``python -m conformance.scenario.schema`` writes it anew; a test compares.  It
knows names and types, not whether the parts of a scenario fit together: that is
``conformance.scenario.check``.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from conformance.scenario.format import Scenario

FILE = Path(__file__).parent / "schema.json"


def generate() -> str:
    """The schema as JSON text, the same text each time."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Background Fetch scenario, format 1",
        **msgspec.json.schema(Scenario),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(generate(), encoding="utf-8")
