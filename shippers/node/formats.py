"""How the lines of an input are read, from its options."""

from __future__ import annotations

import re

from shippers.node.containers import Containers
from shippers.node.entries import Format
from shippers.node.lines import Lines
from shippers.node.multiline import Multiline
from shippers.node.tables import Table


def of(table: Table, largest: int) -> tuple[Format, float | None]:
    """The format, and after how many seconds without anything new an event that could go on is over."""
    kind = table.text("format", "lines", choices=("lines", "container"))
    max_bytes = table.size("max_bytes", 1 << 20, least=64, most=largest)
    stream = table.text("stream", "all", choices=("all", "stdout", "stderr"))
    if stream != "all" and kind != "container":
        table.fault("stream", 'is for format = "container" alone')
    only = "" if stream == "all" else stream
    inner = Containers(max_bytes, only) if kind == "container" else Lines(max_bytes)
    if not table.has("multiline"):
        table.table("multiline")
        return inner, None
    return _multiline(table.table("multiline"), inner, max_bytes)


def _multiline(table: Table, inner: Lines | Containers, max_bytes: int) -> tuple[Format, float | None]:
    pattern = table.text("pattern", needed="a regular expression, such as '^\\d{4}-\\d{2}-\\d{2}'")
    negate = table.flag("negate")
    after = table.text("match", "after", choices=("after", "before")) == "after"
    max_lines = table.number("max_lines", 500, least=2, most=1_000_000)
    timeout = table.seconds("timeout", 5.0, least=0.1)
    table.done()
    try:
        compiled = re.compile(pattern.encode())
    except re.error as error:
        table.fault("pattern", f"is no regular expression: {error}")
        return inner, timeout
    return Multiline(inner, compiled, negate=negate, after=after, most=(max_lines, max_bytes)), timeout
