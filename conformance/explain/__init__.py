"""A scenario walked on the model, as one would tell it in a discussion of the text.

``walk`` plays the scenario and makes a ``Walk``: what happens, the steps of the text
that are taken then, what they change, what a script sees of it.  ``compare`` puts two
walks beside each other.  ``text`` and ``markdown`` write both down; ``shape`` is their
form as JSON.
"""
