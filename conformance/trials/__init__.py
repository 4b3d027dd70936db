"""Who judges the acceptor: traces that the model made, and traces that it cannot have made.

``wild`` lets the model run with its tasks, its network and its script (``wild_run``) in
random order; ``reorder`` does to the log what distance, buffers and a kill can do;
``mutate`` spoils one observation.  ``walked`` judges several logs of one run, ``witness``
looks for a run of the model that shows a spoilt trace (``witness_case`` is what it is about,
``witness_trail`` goes on with the trace, ``witness_moves`` with the model, ``witness_hope`` says
what is followed first), ``coverage`` counts what was asked.
``every`` lists all traces of small worlds, and ``plain`` reads them for the plain
acceptor, which has no cleverness to be wrong about.  ``python -m conformance.trials``
runs all of that at scale.
"""
