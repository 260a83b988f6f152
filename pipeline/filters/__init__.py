"""The filter plugins, one file each, found by file name. They never import each other.

A file is the docstring, `Options`, `build`, and what `build` needs, in that order; its docstring is its reference page.
What several share is in `texts`, `languages` and `dates`. Filters are plain functions on events; only one that asks
(`dns`) waits for the world outside.
"""
