"""One-shot Background Sync: a second specification behind the same door.

It shares the kernel with Background Fetch and nothing else: steps, lifecycle, state and
algorithms are its own.  Small as it is, it has what makes such a text hard: work in
parallel, races between a page that registers and an event that ends, retries, restarts.

    steps       the text as data          lifecycle    a registration's states
    state       everything that waits     algorithms   register, fire, the ends of an event
    system      BACKGROUND_SYNC           errata.tsv   what is wrong with the text
"""
