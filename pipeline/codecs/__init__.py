"""The codec plugins, one file each, found by file name. They never import each other.

A file is the docstring, `Options`, `build`, and what `build` needs, in that order; its docstring is its reference page.
What several share is in `texts`. A codec keeps nothing between two batches (docs/decisions/codecs-keep-nothing.md).
"""
