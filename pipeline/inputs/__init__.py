"""The input plugins, one file each, found by file name. They never import each other.

A file is the docstring, `Options`, `build`, and what `build` needs, in that order; its docstring is its reference page.
What several share is in the rooms below: `sockets`, `kafka`, `disk`, ... An input acknowledges nothing by itself: it is
told the end of a batch.
"""
