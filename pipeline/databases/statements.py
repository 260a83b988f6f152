"""A statement of a configuration as SQLAlchemy reads it: with parameters by name, or prepared, with one for each `?`.

    SELECT * FROM t WHERE a = :who AND b > :sql_last_value
    SELECT * FROM t WHERE a = ? AND b > ?                       with prepared_statement_bind_values

What is within quotes or in a comment is no parameter; a prepared statement has none by name, as in Logstash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LAST = "sql_last_value"
_QUIET = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*"
_LITERAL = re.compile(_QUIET)
_PIECES = re.compile(rf"(?P<mark>\?)|{_QUIET}|:")


class Statement(NamedTuple):
    """Its text, the values of its parameters, and the names of those that hold the last value."""

    text: str
    values: Mapping[str, Any]
    last: tuple[str, ...]


def named(text: str, values: Mapping[str, Any]) -> Statement:
    """A statement whose parameters have names."""
    return Statement(_LITERAL.sub(lambda found: _plain(found[0]), text), values, (LAST,))


def prepared(text: str, values: Sequence[Any]) -> Statement:
    """A statement with a value for each `?`, where `":sql_last_value"` is the last value; raises ValueError."""
    marks = 0

    def name(found: re.Match[str]) -> str:
        nonlocal marks
        if not found["mark"]:
            return _plain(found[0])
        marks += 1
        return f":p{marks}"

    written = _PIECES.sub(name, text)
    if marks != len(values):
        raise ValueError(f"the statement has {marks} of ?, and prepared_statement_bind_values {len(values)} values")
    held = {f"p{number}": value for number, value in enumerate(values, 1)}
    last = tuple(name for name, value in held.items() if value == f":{LAST}")
    return Statement(written, {name: value for name, value in held.items() if name not in last}, last)


def _plain(text: str) -> str:
    """A text in which SQLAlchemy finds no parameter."""
    return text.replace(":", "\\:")
