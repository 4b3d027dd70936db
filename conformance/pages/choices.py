"""The freedoms of a user agent, and the profiles that use them."""

from __future__ import annotations

from conformance.pages.parts import GENERATED, cell
from spec_model.choices import CHOICES
from spec_model.profiles import PROFILES


def choices_page() -> str:
    """``docs/reference/choices.md``."""
    lines = [
        GENERATED,
        "# Choices\n",
        "What the text leaves to the user agent. The first option is the default; a verdict names",
        "every other option that an explanation needed. *Stable*: one answer for one",
        "implementation; *per-run*: another answer may be given each time. Try one with",
        "`bgfetch explain SCENARIO --choose KEY=OPTION`.\n",
        "| choice | question | options | steps | kind | relaxes |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{each.key}` | {cell(each.question)} | {', '.join(each.options)} "
        f"| {' '.join(each.steps)} | {each.kind} | {' '.join(each.relaxes)} |"
        for each in CHOICES.values()
    ]
    return "\n".join(lines) + "\n"


def profiles_page() -> str:
    """``docs/reference/profiles.md``."""
    lines = [
        GENERATED,
        "# Profiles\n",
        "A profile is how one user agent answers the [choices](choices.md); what it leaves out",
        "has its default. Where an implementation acts against the text is not in its profile.",
        "`bgfetch explain SCENARIO --profile NAME` walks a scenario with one.\n",
    ]
    for profile in PROFILES.values():
        lines += [f"## {profile.name}\n", f"{profile.title}. Source: {profile.source}.\n"]
        if profile.choices:
            lines += ["| choice | option | seen in |", "|---|---|---|"]
            lines += [
                f"| `{key}` | {option} | {cell(profile.sources.get(key, ''))} |"
                for key, option in profile.choices.items()
            ]
        else:
            lines.append("Every choice has its default.")
        lines.append("")
    return "\n".join(lines)
