"""The output plugins, one file each, found by file name. They never import each other.

A file is the docstring, `Options`, `build`, and what `build` needs, in that order; its docstring is its reference page.
What several share is in `documents`, `http`, `kafka`, `written`. An output renders, and sends once; delivery alone
repeats and writes dead letters.
"""
