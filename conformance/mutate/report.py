"""What a campaign found, as a file; and the list of survivors with a reason for each."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import msgspec

from conformance.mutate.campaign import Row
from conformance.mutate.sites import OPERATORS

ENOUGH = 0.95
"""Share of the mutants that scenarios and properties have to notice."""


KINDS = ("equivalent", "by choice", "interleaving", "unobserved", "gap")
EQUIVALENT = KINDS[0]
"""Why a mutant survives; ``reports/README.md`` says what each means."""


class BadSurvivor(ValueError):
    """An entry of the list of survivors lacks its key, kind or reason, or is there twice."""


class _Saved(msgspec.Struct, frozen=True):
    model: str
    scenarios: dict[str, str]
    plays: int
    seed: int
    sample: int | None
    counts: dict[str, dict[str, int]]
    mutants: list[Row]


@attrs.define
class Report:
    """The rows of one campaign, and what they were found on.

    ``model``: digest of the model and its judges; ``scenarios``: of each scenario.
    """

    model: str
    scenarios: dict[str, str]
    plays: int
    seed: int
    sample: int | None
    _rows: dict[str, Row] = attrs.field(factory=dict)

    @classmethod
    def fresh(
        cls, model: str, scenarios: dict[str, str], plays: int, seed: int, sample: int | None
    ) -> Report:
        """Nothing found yet."""
        return cls(model, scenarios, plays, seed, sample)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what ``save`` wrote.  Raises msgspec.DecodeError."""
        saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
        report = cls(saved.model, saved.scenarios, saved.plays, saved.seed, saved.sample)
        report.add(saved.mutants)
        return report

    def save(self, path: Path) -> None:
        """Write it whole or not at all; the same findings give the same bytes."""
        saved = _Saved(
            self.model,
            self.scenarios,
            self.plays,
            self.seed,
            self.sample,
            self.counts(),
            self.mutants,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n")
        beside.replace(path)

    def add(self, rows: Iterable[Row]) -> None:
        """More rows."""
        self._rows.update((row.key, row) for row in rows)

    @property
    def keys(self) -> frozenset[str]:
        """The mutants that were tried."""
        return frozenset(self._rows)

    @property
    def mutants(self) -> list[Row]:
        """All rows, by key."""
        return [self._rows[key] for key in sorted(self._rows)]

    @property
    def survivors(self) -> list[Row]:
        """What nobody noticed."""
        return [row for row in self.mutants if not row.killed]

    def unexplained(self, known: Mapping[str, Survivor]) -> list[Row]:
        """Survivors that are not on the list."""
        return [row for row in self.survivors if row.key not in known]

    def killed_share(self, known: Mapping[str, Survivor]) -> float:
        """Of the mutants tried that are not equivalent to the model, from 0 to 1."""
        left = [row for row in self.survivors if not _equivalent(row, known)]
        killed = sum(row.killed for row in self.mutants)
        return killed / max(1, killed + len(left))

    def counts(self) -> dict[str, dict[str, int]]:
        """For each operator and in all: how many, how many survive, and who noticed."""
        found: dict[str, dict[str, int]] = {}
        for name in (*OPERATORS, "all"):
            rows = [row for row in self.mutants if name in ("all", row.key.split("/")[1])]
            noticed = Counter(row.how for row in rows if row.killed)
            survive = sum(not row.killed for row in rows)
            found[name] = {
                "mutants": len(rows),
                "survive": survive,
                **dict(sorted(noticed.items())),
            }
        return found


@attrs.frozen
class Survivor:
    """An entry of the list: of which kind it is, and why it survives."""

    kind: str
    reason: str


def _equivalent(row: Row, known: Mapping[str, Survivor]) -> bool:
    return row.key in known and known[row.key].kind == EQUIVALENT


def read_survivors(path: Path) -> dict[str, Survivor]:
    """The list of known survivors, by key.  Raises BadSurvivor."""
    found: dict[str, Survivor] = {}
    for entry in tomllib.loads(path.read_text("utf-8")).get("survivor", []):
        key, kind, reason = (entry.get(name, "") for name in ("key", "kind", "reason"))
        if not key or not reason:
            raise BadSurvivor(f"{path}: an entry without its key or its reason: {entry}")
        if kind not in KINDS:
            raise BadSurvivor(f"{path}: {key} is of no kind; there are {', '.join(KINDS)}")
        if key in found:
            raise BadSurvivor(f"{path}: {key} is listed twice")
        found[key] = Survivor(kind, reason)
    return found


def summary(report: Report, known: Mapping[str, Survivor]) -> str:
    """What a reader wants to know first."""
    lines = [f"{'operator':<10}{'mutants':>8}{'survive':>8}  noticed by"]
    for name, counts in report.counts().items():
        told = ", ".join(f"{n} {how}" for how, n in list(counts.items())[2:])
        lines.append(f"{name:<10}{counts['mutants']:>8}{counts['survive']:>8}  {told}")
    kinds = Counter(known[row.key].kind for row in report.survivors if row.key in known)
    lines.append("survivors: " + (", ".join(f"{n} {kind}" for kind, n in kinds.items()) or "none"))
    share = report.killed_share(known)
    lines.append(f"{share:.1%} of those not equivalent are noticed; {ENOUGH:.0%} have to be.")
    missing = report.unexplained(known)
    if missing:
        lines.append(f"{len(missing)} survivors have no reason:")
        lines += [f"  {row.key}: {row.where}: {row.change}" for row in missing]
    return "\n".join(lines)
