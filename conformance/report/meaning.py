"""What a blamed name stands for: a step of the text, or a property."""

from __future__ import annotations

from conformance.judge.properties import PROPERTIES
from spec_model.steps import UnknownStep
from spec_model.systems import step


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
