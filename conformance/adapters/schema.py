"""The JSON Schema of the protocol, generated from its types.

``python -m conformance.adapters.schema FILE`` writes it; a test compares.  It has two
entry points, ``#/$defs/command`` and ``#/$defs/reply``: one line of the judge's, one line
of the implementation's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from conformance.protocol import AnyCommand, AnyReply


def generate() -> str:
    """The schema as JSON text, the same text each time."""
    (command, reply), types = msgspec.json.schema_components(
        (AnyCommand, AnyReply), ref_template="#/$defs/{name}"
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Background Fetch adapter protocol, version 1",
        "anyOf": [{"$ref": "#/$defs/command"}, {"$ref": "#/$defs/reply"}],
        "$defs": {"command": command, "reply": reply, **types},
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(generate(), encoding="utf-8")
