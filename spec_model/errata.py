"""The errata register: every known defect of the text, and how it is to be read.

``reading`` says what conforming means where the text is broken.  *Repair*: only the
amended behaviour conforms, because the text contradicts itself, hangs, or states its
intent elsewhere.  *Open*: either conforms, and a judge reports which was seen.

``status`` says what runs.  *Executable*: the model can show the text with and
without the repair (``cluster``), or has a choice in its place (``choice``).
*Textual*: the entry is for readers; where its ``why`` says "here in every edition"
the model has the repaired behaviour built in.

``cluster`` groups amendments that only make sense together, and is named after its
first erratum.  ``masked_by``: as long as one of these is not repaired this one cannot
be seen (or not in all its cases).  ``implies``: repairing this one needs these too.
"""

from __future__ import annotations

from importlib import resources
from typing import Literal, TypeAlias, cast

import attrs

Severity: TypeAlias = Literal["S1", "S2", "S3", "S4"]
"""S1 nothing works, data is corrupted or ordinary use hangs; S2 a definite case goes wrong;
S3 an outcome is not determined; S4 stale or editorial."""

Class: TypeAlias = Literal["dead", "wrong", "race", "gap", "contra", "stale"]
Status: TypeAlias = Literal["executable", "textual"]
Reading: TypeAlias = Literal["repair", "open"]


@attrs.frozen
class Erratum:
    """One defect.  ``amendment``: what the text should say; ``why``: the reason of the reading."""

    id: str
    severity: Severity
    kind: Class
    status: Status
    reading: Reading
    cluster: str
    choice: str
    masked_by: tuple[str, ...]
    implies: tuple[str, ...]
    steps: tuple[str, ...]
    title: str
    amendment: str
    why: str


class UnknownErratum(LookupError):
    """An erratum was named that the register does not have."""

    def __init__(self, erratum: str) -> None:
        self.erratum = erratum
        super().__init__(f"no erratum {erratum!r}; they are numbered E01 to E{len(ERRATA):02}")


def load(package: str, file: str = "errata.tsv") -> dict[str, Erratum]:
    """The errata of one specification, from the table that lies in its package."""
    table = resources.files(package).joinpath(file).read_text("utf-8")
    errata: dict[str, Erratum] = {}
    for row in table.splitlines()[1:]:
        id_, severity, kind, status, reading, cluster, choice, masked, implies, steps, *prose = (
            row.split("\t")
        )
        title, amendment, why = prose
        assert id_ not in errata, f"two rows for {id_}"
        # The casts are checked by the register's tests, which know the words.
        errata[id_] = Erratum(
            id_,
            cast(Severity, severity),
            cast(Class, kind),
            cast(Status, status),
            cast(Reading, reading),
            cluster,
            choice,
            tuple(masked.split()),
            tuple(implies.split()),
            tuple(steps.split()),
            title,
            amendment,
            why,
        )
    return errata


ERRATA = load("spec_model")
"""Every erratum by id, in order."""


def get(erratum: str) -> Erratum:
    """The erratum with this id.  Raises UnknownErratum."""
    try:
        return ERRATA[erratum]
    except KeyError:
        raise UnknownErratum(erratum) from None


def members(cluster: str) -> tuple[Erratum, ...]:
    """The errata whose amendments a cluster switches together, in order."""
    return tuple(each for each in ERRATA.values() if each.cluster == cluster)


def reading(cluster: str) -> Reading:
    """How a cluster is to be read: ``repair`` as soon as one of its errata is."""
    return "repair" if any(each.reading == "repair" for each in members(cluster)) else "open"
