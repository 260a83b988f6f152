"""What the query bar offers while a query is typed: names of fields, then values, then `and`, `or`."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.kql.tree import Is, Literal
from pipeline.kql.writer import field_is, write

_IN_QUOTES = re.compile(r'(?:^|[\s(])(?P<field>[^\s():<>"]+)\s*:\s*"(?P<value>[^"\\]*)$')
_IN_VALUE = re.compile(r'(?:^|[\s(])(?P<field>[^\s():<>"]+)\s*:\s*(?P<value>[^\s():<>"]*)$')
_IN_WORD = re.compile(r'(?:^|[\s(])(?P<word>[^\s():<>"]*)$')
_ENDED = re.compile(r'(?:[:<>=]\s*[^\s():<>"]+|"|\))\s+$')


class Place(NamedTuple):
    """What is being typed at the end of a query."""

    kind: str
    """field, value or keyword."""
    start: int
    """Where the part that a completion replaces begins."""
    typed: str = ""
    """What there is of it."""
    field: str = ""
    """Of a value: of which field."""


class Offer(NamedTuple):
    """One completion."""

    label: str
    query: str
    """The whole query with it."""
    note: str = ""


def place(query: str) -> Place | None:
    """What is being typed at the end of a query; None where nothing can be offered."""
    if found := _IN_QUOTES.search(query):
        return Place("value", found.start("value") - 1, found["value"], found["field"])
    if query.count('"') % 2:
        return None
    if found := _IN_VALUE.search(query):
        return Place("value", found.start("value"), found["value"], found["field"])
    if _ENDED.search(query):
        return Place("keyword", len(query))
    if found := _IN_WORD.search(query):
        return Place("field", found.start("word"), found["word"])
    return None


def fields(query: str, at: Place, names: list[tuple[str, str]], most: int = 8) -> list[Offer]:
    """Names with their kinds that begin so, before those that only hold it."""
    typed = at.typed.casefold()
    fitting = [(not name.casefold().startswith(typed), name, kind) for name, kind in names if typed in name.casefold()]
    return [Offer(name, query[: at.start] + _name(name) + ": ", kind) for _, name, kind in sorted(fitting)[:most]]


def values(query: str, at: Place, found: list[tuple[str, int]]) -> list[Offer]:
    """Values, as the query has to write them."""
    return [
        Offer(value, query[: at.start] + field_is("x", value).partition(": ")[2] + " ", str(count))
        for value, count in found
    ]


def keywords(query: str) -> list[Offer]:
    """What joins two terms."""
    return [Offer(word, query + word + " ") for word in ("and", "or", "and not")]


def _name(name: str) -> str:
    return write(Is(Literal((name,)), Literal(("x",)))).rpartition(": ")[0]
