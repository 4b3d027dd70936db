"""Profiles: how one user agent uses the freedoms that the text leaves.

A profile answers some of the registered choices, each with a source; the others have
their defaults.  It is data, so that one can be added without touching code, and so that
a judge can ask whether *one* user agent explains all that it saw.  What an
implementation does against the text is not in its profile: that is a violation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

import attrs

from spec_model.choices import CHOICES


class BadProfile(ValueError):
    """A profile's entry names a choice or an option that does not exist."""

    def __init__(self, profile: str, key: str, option: str) -> None:
        self.profile = profile
        self.key = key
        self.option = option
        known = CHOICES.get(key)
        why = f"{key} has {', '.join(known.options)}" if known else f"no choice is called {key}"
        super().__init__(f"profile {profile}: {key}={option}: {why}")


class UnknownProfile(LookupError):
    """No such profile; the message lists those that there are."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no profile {name!r}; there are {', '.join(PROFILES)}")


@attrs.frozen
class Profile:
    """``choices``: key to option; ``sources``: the same keys, to where that was seen."""

    name: str
    title: str
    source: str
    choices: Mapping[str, str] = attrs.field(factory=dict)
    sources: Mapping[str, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for key, option in self.choices.items():
            if key not in CHOICES or option not in CHOICES[key].options:
                raise BadProfile(self.name, key, option)

    def answers(self, needed: str) -> bool:
        """Whether this user agent may choose so; ``needed`` is spelled ``key=option``.

        A choice that may differ from run to run is answered by every profile.
        """
        key, _, option = needed.partition("=")
        choice = CHOICES[key]
        return choice.kind == "per-run" or self.choices.get(key, choice.options[0]) == option


def loads(text: str) -> dict[str, Profile]:
    """The profiles of a document in TOML.  Raises BadProfile, KeyError for a missing field."""
    found: dict[str, Profile] = {}
    for name, table in tomllib.loads(text).items():
        entries = table.get("choices", {})
        found[name] = Profile(
            name,
            table["title"],
            table["source"],
            MappingProxyType({key: entry["option"] for key, entry in entries.items()}),
            MappingProxyType({key: entry["source"] for key, entry in entries.items()}),
        )
    return found


PROFILES = loads(resources.files("spec_model").joinpath("profiles.toml").read_text("utf-8"))
"""Every profile by name; ``spec`` has all defaults."""


def get(name: str) -> Profile:
    """The profile with this name.  Raises UnknownProfile."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfile(name) from None
