"""Walks and comparisons to paste into an issue of the specification."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from conformance.explain.lines import Line, Steps, Teller, end, whole
from conformance.explain.shape import Comparison, Walk


def walk_markdown(walk: Walk, steps: Steps = "once") -> str:
    """One walk: a numbered moment is a heading, what follows from it a list."""
    lines = [f"### {walk.scenario}: {walk.title}", "", *header(walk, walk.edition), ""]
    for line in whole(walk, steps):
        lines.append(_item(line))
    return "\n".join([*_squeezed(lines), "", *_footer(walk.command)]) + "\n"


def comparison_markdown(both: Comparison, steps: Steps = "once") -> str:
    """Two walks: where they part, a table of what is seen differently, and a diff."""
    left = both.left
    title = f"### {left.scenario}: {left.title}"
    names = f"{left.edition} against {both.right.edition}"
    lines = [title, "", *header(left, names), ""]
    return "\n".join([*lines, *body(both, steps), "", *_footer(both.command)]) + "\n"


def body(both: Comparison, steps: Steps = "once", most: int | None = None) -> Iterator[str]:
    """A comparison without header and footer; of the diff at ``most`` so many lines."""
    left, right, parting = both.left, both.right, both.parting
    if parting is None:
        yield "The two readings take the same steps here; no difference can be seen."
        return
    after = f", after {parting.after}" if parting.after else ""
    yield f"They part in moment {parting.moment}, “{_safe(parting.happens)}”{after}:"
    yield ""
    yield f"- **{left.edition}**: {_safe(parting.left)}"
    yield f"- **{right.edition}**: {_safe(parting.right)}"
    yield ""
    if both.observed:
        yield f"| seen with *{left.edition}* | seen with *{right.edition}* |"
        yield "|---|---|"
        for each in both.observed:
            yield f"| {_cell(each.left)} | {_cell(each.right)} |"
    else:
        yield "No page, worker or server sees a difference."
    yield ""
    yield "```diff"
    diff = list(_diff(both, steps))
    yield from diff[:most]
    if most is not None and len(diff) > most:
        yield f"  … and {len(diff) - most} lines more"
    yield "```"


def header(walk: Walk, reading: str) -> list[str]:
    """Which text, which reading, which user agent."""
    repository, _, file = walk.document.partition(" ")
    url = f"https://github.com/{repository}/blob/{walk.commit}/{file}"
    chosen = "".join(f", `{key}={option}`" for key, option in walk.choices.items())
    world = f" World: {'; '.join(walk.world)}." if walk.world else ""
    text = f"Text: [{walk.document}]({url}) at `{walk.commit[:12]}`."
    return [f"{text} Edition: {reading}. Profile: {walk.profile}{chosen}.{world}"]


def _footer(command: str) -> list[str]:
    return ["Again:", "", "```sh", command, "```"]


def _item(line: Line) -> str:
    text = _safe(line.text)
    match line.kind:
        case "happens":
            return f"\n**{line.label}. {text}**\n" if line.label.isdigit() else f"\n**{text}**\n"
        case "runs":
            return f"- *{text}*"
        case "step":
            return f"- `{line.label}` {text}"
        case "again":
            return f"- {text}"
        case "decides":
            return f"- **!** {text}"
        case "change":
            return f"- `{line.text}`"
        case "seen":
            return f"- → **{text}**"
        case "blank":
            return ""


def _squeezed(lines: Sequence[str]) -> Iterator[str]:
    """Never two blank lines after each other."""
    blank = False
    for line in "\n".join(lines).splitlines():
        if line or not blank:
            yield line
        blank = not line


def _diff(both: Comparison, steps: Steps) -> Iterator[str]:
    """A diff of both from the moment in which they part, a little of what is alike around it."""
    assert both.parting is not None
    same = both.parting.moment - 1
    left, right = (list(_compact(walk, same, steps)) for walk in (both.left, both.right))
    yield f"- {both.left.edition}"
    yield f"+ {both.right.edition}"
    for line in difflib.unified_diff(left, right, n=3, lineterm=""):
        if not line.startswith(("---", "+++")):
            yield "@@" if line.startswith("@@") else line


def _compact(walk: Walk, same: int, steps: Steps) -> Iterator[str]:
    teller = Teller(steps)
    for number, moment in enumerate(walk.moments, 1):
        told = list(teller.moment(number, moment))
        if number > same:
            yield from map(_short, told)
    yield from map(_short, end(walk))


def _short(line: Line) -> str:
    match line.kind:
        case "happens":
            return line.text
        case "step":
            return f"    {line.label} {line.text}"
        case "seen":
            return f"  → {line.text}"
        case "decides":
            return f"    ! {line.text}"
        case "runs":
            return f"  {line.text}"
        case _:
            return f"    {line.text}"


def _cell(text: str | None) -> str:
    return "(nothing)" if text is None else _safe(text).replace("|", "\\|")


def _safe(text: str) -> str:
    """Text that Markdown leaves as it is; the paraphrases' own code marks stay."""
    return text.replace("<", "&lt;").replace("*", "\\*")
