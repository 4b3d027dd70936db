"""What is wrong with the one-shot Background Sync text; see ``spec_model.errata``."""

from __future__ import annotations

from spec_model.errata import load

ERRATA = load("spec_model.background_sync")
"""Every erratum by id, in order.  Its clusters are ``editions.SYNC_CLUSTERS``."""
