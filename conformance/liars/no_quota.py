"""Never runs out of quota: breaks FETCH-8.8 (``downloadTotal``) and RECORD-11 (bodies).

The engine is not told of the quota, which is all that it takes.  Whoever looks at the
result must see a success whose bodies do not fit.
"""

from __future__ import annotations

import attrs

from transfer_engine import EngineConfig, Seams


def wrap(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    """The engine with this fault."""
    return attrs.evolve(config, quota=None), seams
