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
from conformance.report.whole import write_whole

ENOUGH = 0.95
"""Share of the mutants that scenarios and properties have to notice."""


KINDS = ("equivalent", "by choice", "interleaving", "unobserved", "gap")
EQUIVALENT = KINDS[0]
"""Why a mutant survives; ``reports/README.md`` says what each means."""

EQUAL = "equal"
"""The kind of a survivor that needs no entry: whatever was played and explored is the same."""


class BadSurvivor(ValueError):
    """An entry of the list of survivors lacks its key, kind or reason, or is there twice."""


class _Saved(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    sources: dict[str, str] = {}
    scenarios: dict[str, str]
    plays: int
    seed: int
    sample: int | None
    counts: dict[str, dict[str, int]]
    mutants: list[Row]


@attrs.define
class Report:
    """The rows of one campaign, and what they were found on.

    ``model``: digest of the model and its judges; ``sources``: of each file with algorithms;
    ``scenarios``: of each scenario.
    """

    model: str
    sources: dict[str, str]
    scenarios: dict[str, str]
    plays: int
    seed: int
    sample: int | None
    _rows: dict[str, Row] = attrs.field(factory=dict)

    @classmethod
    def fresh(
        cls,
        model: str,
        sources: dict[str, str],
        scenarios: dict[str, str],
        plays: int,
        seed: int,
        sample: int | None,
    ) -> Report:
        """Nothing found yet."""
        return cls(model, sources, scenarios, plays, seed, sample)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what ``save`` wrote.  Raises msgspec.DecodeError."""
        saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
        report = cls(
            saved.model, saved.sources, saved.scenarios, saved.plays, saved.seed, saved.sample
        )
        report.add(saved.mutants)
        return report

    def save(self, path: Path) -> None:
        """Write it whole or not at all; the same findings give the same bytes."""
        saved = _Saved(
            model=self.model,
            sources=self.sources,
            scenarios=self.scenarios,
            plays=self.plays,
            seed=self.seed,
            sample=self.sample,
            counts=self.counts(),
            mutants=self.mutants,
        )
        write_whole(path, msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n")

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
        """Survivors that have no reason: not on the list, nor the same in everything."""
        return [row for row in self.survivors if row.key not in known and not row.equal]

    def killed_share(self, known: Mapping[str, Survivor]) -> float:
        """Of the mutants tried that are not equivalent to the model, from 0 to 1."""
        left = [row for row in self.survivors if kind_of(row, known) not in (EQUAL, EQUIVALENT)]
        return self._killed / max(1, self._killed + len(left))

    @property
    def killed_of_all(self) -> float:
        """Of all mutants tried, from 0 to 1."""
        return self._killed / max(1, len(self._rows))

    @property
    def _killed(self) -> int:
        return sum(row.killed for row in self.mutants)

    def kinds(self, known: Mapping[str, Survivor]) -> Counter[str]:
        """How many survivors there are of each kind."""
        return Counter(kind_of(row, known) for row in self.survivors)

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


def kind_of(row: Row, known: Mapping[str, Survivor]) -> str:
    """Of which kind a survivor is; "" if nobody says."""
    if row.key in known:
        return known[row.key].kind
    return EQUAL if row.equal else ""


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
    kinds = report.kinds(known).most_common()
    told = ", ".join(f"{n} {kind or 'without a reason'}" for kind, n in kinds)
    lines.append(f"survivors: {told or 'none'}")
    share = report.killed_share(known)
    lines.append(
        f"{report.killed_of_all:.1%} of all are noticed, {share:.1%} of those not equivalent; "
        f"{ENOUGH:.0%} of these have to be."
    )
    missing = report.unexplained(known)
    if missing:
        lines.append(f"{len(missing)} survivors have no reason:")
        lines += [f"  {row.key}: {row.where}: {row.change}" for row in missing]
    return "\n".join(lines)
