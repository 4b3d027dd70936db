"""Who judges the acceptor: traces that the model made, and traces that it cannot have made.

``wild`` lets the model run with its tasks, its network and its script in random order;
``reorder`` does to the log what distance, buffers and a kill can do; ``mutate`` spoils
one observation.  ``plain`` reads a trace for the plain acceptor, which has no
cleverness to be wrong about.  ``python -m conformance.trials`` runs them at scale.
"""
