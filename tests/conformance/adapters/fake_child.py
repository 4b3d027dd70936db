"""A program that speaks the protocol, or fails to in the way its first argument says.

It understands start, begin, fetch (which settles with an instance after the answer), end
and stop; what it does wrong it does at ``fetch``, unless its fault is about another moment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FAULT = sys.argv[1] if len(sys.argv) > 1 else "none"


def say(kind: str, **fields: object) -> None:
    print(json.dumps({"observation": kind, **fields}), flush=True)


def settled(call: str) -> None:
    say("settled", call=call, instance="p1.i1", snapshot={"id": "f"})


def start(seq: int) -> None:
    if FAULT == "refuses":
        say("answer", seq=seq, refused="the moon is full")
        return
    known = {"name": "fake", "version": str(os.getpid()), "protocol": 1, "capabilities": []}
    if FAULT == "speaks-2":
        known["protocol"] = 2
    if FAULT == "anonymous":
        say("answer", seq=seq)
    else:
        say("answer", seq=seq, implementation=known)
    if FAULT == "talks-too-early":
        settled("c0")


def fetch(seq: int, call: str) -> None:
    match FAULT:
        case "dies":
            sys.stderr.write("x" * 100_000 + "out of luck")
            sys.exit(3)
        case "is-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "nonsense":
            print("Segmentation fault?", flush=True)
        case "unknown":
            say("applause", call=call)
        case "not-utf-8":
            sys.stdout.buffer.write(b'{"observation": "log", "text": "\xff"}\n')
            sys.stdout.buffer.flush()
        case "nested":
            sys.stdout.write('{"observation":"log","x":' + "[" * 100_000 + "]" * 100_000 + "}\n")
            sys.stdout.flush()
        case "half-a-pair":
            print('{"observation":"log","text":"\\ud800 x"}', flush=True)
        case "no-line-feed":
            print(json.dumps({"observation": "answer", "seq": seq}), end="", flush=True)
        case "dies-in-a-line":
            print('{"observation":"answer",', end="", flush=True)
            sys.exit(0)
        case "silent":
            return
        case "wrong-seq":
            say("answer", seq=seq + 1)
        case "long-line":
            say("log", text="x" * 2_000_000)
            say("answer", seq=seq)
        case "floods":
            while True:
                say("log", text="x" * 60_000)
        case "forks":
            child = subprocess.Popen(["sleep", "1000"])
            say("answer", seq=seq)
            say("log", text=str(child.pid))
        case "answers-twice":
            say("answer", seq=seq)
            say("answer", seq=seq)
        case "settles-another":
            say("answer", seq=seq)
            settled("c0")
        case "dies-later":
            say("answer", seq=seq)
            sys.exit(0)
        case "interleaves":
            say("log", text="before")
            say("answer", seq=seq)
            settled(call)
            say("log", text="after")
        case _:
            say("answer", seq=seq)
            settled(call)


def main() -> None:
    if FAULT == "will-not-run":
        sys.exit("no licence")
    if FAULT == "ignores-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ended = False
    for line in sys.stdin:
        command = json.loads(line)
        seq = command.get("seq", 0)
        match command["command"]:
            case "start":
                start(seq)
            case "fetch":
                fetch(seq, command["call"])
            case "end" if FAULT == "talks-after-end":
                settled("while it ends")
                say("answer", seq=seq)
                ended = True
            case "begin" if ended:
                settled("of the former scenario")
                say("answer", seq=seq)
            case "stop":
                if FAULT == "ignores-sigterm":
                    time.sleep(1000)
                if FAULT == "ends-with-3":
                    sys.exit(3)
                if len(sys.argv) > 2:
                    Path(sys.argv[2]).write_text("stopped")
                break
            case _:
                say("answer", seq=seq)


main()
