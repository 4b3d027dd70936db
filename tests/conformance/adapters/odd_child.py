"""Says what another adapter says, as oddly as the protocol's page allows.

Fields in any order, unknown ones at every depth, defaults spelt out, white space, escapes,
lines that come in two pieces and end with CR LF, and a word for people between any two.
Its arguments are the command of the other adapter.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading

chance = random.Random(1)


def odd(part: object) -> object:
    """The same with unknown fields, in another order."""
    if isinstance(part, list):
        return [odd(one) for one in part]
    if not isinstance(part, dict):
        return part
    fields = [(name, odd(value)) for name, value in part.items()]
    fields.append((f"x-{chance.randrange(100)}", chance.choice([None, 1.5, {"a": [{}]}, "é"])))
    if part.get("observation") in ("settled", "body") and "error" not in part:
        fields.append(("error", None))
    chance.shuffle(fields)
    return dict(fields)


def say(message: object) -> None:
    separators = chance.choice([(",", ":"), (" , ", "\t: ")])
    text = json.dumps(message, ensure_ascii=chance.random() < 0.5, separators=separators)
    line = text.encode() + chance.choice([b"\n", b"\r\n"])
    cut = chance.randrange(len(line))
    os.write(1, line[:cut])
    os.write(1, line[cut:])


def main() -> None:
    other = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    theirs = other.stdin

    def forward() -> None:
        for line in sys.stdin.buffer:
            theirs.write(line)
            theirs.flush()
        theirs.close()

    threading.Thread(target=forward, daemon=True).start()
    for line in other.stdout:
        say({"text": "a word", "observation": "log"})
        say(odd(json.loads(line)))
    sys.exit(other.wait())


main()
