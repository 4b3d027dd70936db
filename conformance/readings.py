"""Which reading of the text a scenario speaks of, and how its open questions are answered.

The keys of a scenario's ``expect`` block name readings: an edition, and after ``+`` the
answers that are not the default one::

    amended
    amended - E13
    amended + temporary-loss=temporary
    as-written - E17 + the result is read=early

What is answered is a registered choice, or a question that the model asks by itself, such as
which of two limits is met first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from spec_model.choices import CHOICES
from spec_model.editions import Edition, edition

_FORM = re.compile(r"(amended|as-written)( - [A-Za-z][A-Za-z0-9-]*)*( \+ [^=+]+=[^=+]+)*")


class BadReading(ValueError):
    """A name that is no reading; the message says which part of it is not."""


@attrs.frozen
class Reading:
    """An edition, and the answers to its open questions that are not the default ones."""

    name: str
    edition: Edition
    answers: Mapping[str, str] = attrs.field(hash=False)


def reading(name: str) -> Reading:
    """A reading by its name.  Raises BadReading, or UnknownCluster."""
    if not _FORM.fullmatch(name):
        raise BadReading(f"{name!r} is neither an edition nor one with answers (+ key=option)")
    of_text, *given = name.split(" + ")
    answers = {}
    for each in given:
        key, _, option = each.partition("=")
        if key in CHOICES and option not in CHOICES[key].options[1:]:
            raise BadReading(f"{key} may be {', '.join(CHOICES[key].options[1:])}, not {option}")
        answers[key] = option
    return Reading(name, edition(of_text), MappingProxyType(answers))
