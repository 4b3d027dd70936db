"""Mutants of the specification: would anybody notice if the text said something else?

A scenario that states an outcome and a property that a trace must have are worth what
they can tell apart.  So the model's algorithms are changed in one place at a time (a step
dropped, a condition negated, two steps swapped, a promise fulfilled that ought to be
rejected) and played through the scenarios.  A change that no stated outcome, no
property and no invariant of the model notices *survives*: the change means nothing, or
something is not tested.

A mutant is other code for one function.  To install it the function's ``__code__`` is
replaced, so every reference to the function, however it was imported, sees the change at
once, and putting the old code back undoes it.

    sites      what can be changed in a function (the operators)
    citations  which steps of the text a changed place belongs to
    mutants    all mutants of the model, and installing one
    calls      whether a change can matter to a run, asked of each call
    playing    scenarios on a changed model: who notices
    replaying  recorded traces, judged by the changed model
    exploring  every state of a changed model within small bounds
    campaign   every mutant, in processes of their own; what survives
"""

from conformance.mutate.mutants import Mutant, installed, mutants

__all__ = ["Mutant", "installed", "mutants"]
