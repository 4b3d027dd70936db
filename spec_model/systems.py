"""Every specification that runs here, with its registries, and a step of any by its id."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from spec_model import errata, steps
from spec_model.background_sync import errata as sync_errata
from spec_model.background_sync import steps as sync_steps
from spec_model.errata import Erratum
from spec_model.steps import Step, places


@attrs.frozen
class Text:
    """One specification: ``name`` is that of its system and of a scenario's ``api``.

    ``document`` at ``commit`` is what line numbers mean; ``package`` is where its code lies.
    """

    name: str
    package: str
    document: str
    commit: str
    steps: Mapping[str, Step]
    not_modelled: Mapping[str, str]
    errata: Mapping[str, Erratum]

    def places(self) -> dict[str, tuple[str, ...]]:
        """Where its code takes each step: ``file:line function``."""
        return places(self.package, self.steps)


BACKGROUND_FETCH_TEXT = Text(
    "background-fetch",
    "spec_model",
    steps.DOCUMENT,
    steps.COMMIT,
    steps.STEPS,
    steps.NOT_MODELLED,
    errata.ERRATA,
)
SYNC_TEXT = Text(
    "sync",
    "spec_model.background_sync",
    sync_steps.DOCUMENT,
    sync_steps.COMMIT,
    sync_steps.STEPS,
    sync_steps.NOT_MODELLED,
    sync_errata.ERRATA,
)

TEXTS = {text.name: text for text in (BACKGROUND_FETCH_TEXT, SYNC_TEXT)}
"""Every specification by name."""


def step(id: str) -> Step:
    """The step with this id, of whichever specification.  Raises UnknownStep."""
    known = sync_steps.STEPS.get(id)
    return known if known is not None else steps.get(id)
