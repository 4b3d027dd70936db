"""The generated pages of the documentation, made from the tables and from walks.

Each function gives the text of one page.  They are deterministic, and hold no line numbers
of our own code, so that a page changes only when what it says does.
"""
