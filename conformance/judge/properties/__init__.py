"""The second oracle: properties of a trace alone.

No model, no scenario, no acceptor: a property looks at what was done and seen and
says that it holds, that it is broken, or that it cannot be told.  ``order`` has the
theory of what came before what, ``identity`` how observations are tied to fetches.
"""

from conformance.judge.properties.registry import PROPERTIES, Property, check_all
from conformance.judge.properties.tally import Observer

__all__ = ["PROPERTIES", "Observer", "Property", "check_all"]
