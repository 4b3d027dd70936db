"""The ``bgfetch`` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process.

    The script is installed with the engine alone, too; what it needs may not be there.
    """
    try:
        from conformance.cli import root
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in ("conformance", "spec_model", "transfer_engine"):
            raise
        sys.stderr.write(f"bgfetch: {missing} is missing: pip install 'bgfetch-spec[all]'\n")
        sys.exit(78)  # as exits.BAD_INPUT, which cannot be imported without click
    root.main(arguments)
