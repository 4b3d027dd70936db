"""What is blamed, in words: steps of the text and properties, and what they say."""

from __future__ import annotations

from conformance.judge.properties import PROPERTIES
from conformance.judge.verdict import Judgement
from spec_model.steps import UnknownStep
from spec_model.systems import step

IN_WORDS = 3
"""Causes that are told in words; more are only named."""


def meaning(name: str) -> str:
    """Our words for a step or a property; empty for a name that is neither."""
    if name in PROPERTIES:
        return PROPERTIES[name].sentence
    try:
        return step(name).paraphrase
    except UnknownStep:
        return ""


def with_meaning(name: str) -> str:
    """``S06 (In a success handler …)``, or the bare name."""
    words = meaning(name)
    return f"{name} ({words.rstrip('.')})" if words else name


def broken_at(judgement: Judgement) -> list[str]:
    """What was done wrong, a line each, the likeliest first; empty if nobody has searched."""
    if judgement.causes is None:
        return []
    broken = [each for each in judgement.causes if each.explains]
    if not broken:
        return ["broken at: undetermined, no single change of the text would explain it"]
    lines = [
        f"{'or at' if number else 'broken at'}: {with_meaning(each.step)}, as if {each.as_if}"
        for number, each in enumerate(broken[:IN_WORDS])
    ]
    if len(broken) > IN_WORDS:
        lines.append(f"or at: {', '.join(each.step for each in broken[IN_WORDS:])}")
    return lines


def seen_at(judgement: Judgement) -> list[str]:
    """Where a difference was seen, and what else that depends on."""
    seen = ", ".join(map(with_meaning, judgement.blame)) or "undetermined"
    near = [each.step for each in judgement.causes or () if not each.explains]
    return [f"seen at: {seen}", *([f"it depends on: {', '.join(near)}"] if near else [])]
