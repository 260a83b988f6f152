"""What is looked at, as one value that is written into the URL: whoever opens the link sees the same.

?q=level:error&from=now-1h&to=now&filter=route:/tasks&not=status:200&columns=route,status&tab=map&doc=INDEX/ID
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from pipeline.explore.periods import resolve
from pipeline.kql.writer import field_is
from pipeline.search.questions import Question

TABS = ("documents", "map", "pipeline")
TIME = "@timestamp"
_THEMES = ("", "dark", "light")


class Filter(NamedTuple):
    """Documents whose field has a value, or those whose field has not."""

    name: str
    value: str
    negated: bool = False

    @property
    def query(self) -> str:
        """The filter as KQL."""
        return ("not " if self.negated else "") + field_is(self.name, self.value)

    def __str__(self) -> str:
        return f"{'NOT ' if self.negated else ''}{self.name}: {self.value}"


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at."""

    query: str = ""
    since: str = ""
    until: str = ""
    filters: tuple[Filter, ...] = ()
    columns: tuple[str, ...] = ()
    """Empty: the usual ones."""
    tab: str = "documents"
    index: str = "*"
    document: tuple[str, str] | None = None
    """The index and the id of the document that is open."""
    theme: str = ""
    """dark, light, or empty: as the browser has it."""

    def question(self, now: int) -> Question:
        """What it asks; raises `BadTime`. A query that cannot be read is told by whoever is asked."""
        since, until = resolve(self.since, now, 0), resolve(self.until, now, 1)
        parts = [f"({self.query})"] if self.query.strip() and self.filters else [self.query.strip() or "*"]
        if self.filters:
            parts = [part for part in parts if part != "*"] + [each.query for each in self.filters]
        return Question(" and ".join(parts), since, until, self.index, now)

    def url(self, path: str = "/") -> str:
        """The address of this view; what is as usual is left out."""
        found = [("q", self.query), ("from", self.since), ("to", self.until)]
        found += [("not" if each.negated else "filter", _pair(each)) for each in self.filters]
        found += [("columns", ",".join(map(_quoted, self.columns))), ("theme", self.theme)]
        found += [("tab", "" if self.tab == TABS[0] else self.tab), ("index", "" if self.index == "*" else self.index)]
        found += [("doc", "/".join(self.document) if self.document else "")]
        written = urlencode([(name, value) for name, value in found if value])
        return f"{path}?{written}" if written else path

    def with_filter(self, added: Filter) -> View:
        """With one filter more, in place of its opposite."""
        others = tuple(each for each in self.filters if each[:2] != added[:2])
        return replace(self, filters=(*others, added))

    def without(self, removed: Filter) -> View:
        """With one filter less."""
        return replace(self, filters=tuple(each for each in self.filters if each != removed))

    def toggled(self, column: str) -> View:
        """With a column more, or less if it is there."""
        there = column in self.columns
        kept = tuple(each for each in self.columns if each != column)
        return replace(self, columns=kept if there else (*kept, column))


def read(parameters: Iterable[tuple[str, str]]) -> View:
    """The view of a URL's parameters; what is unknown or cannot be read is as usual."""
    values: dict[str, str] = {}
    filters: list[Filter] = []
    for name, value in parameters:
        if name in ("filter", "not"):
            filters += [Filter(*pair, name == "not") for pair in [_unpaired(value)] if pair is not None]
        else:
            values[name] = value
    index, slash, document = values.get("doc", "").partition("/")
    tab, theme = values.get("tab", TABS[0]), values.get("theme", "")
    return View(
        query=values.get("q", ""),
        since=values.get("from", ""),
        until=values.get("to", ""),
        filters=tuple(filters),
        columns=tuple(name for name in map(_unquoted, values.get("columns", "").split(",")) if name),
        tab=tab if tab in TABS else TABS[0],
        index=values.get("index") or "*",
        document=(index, document) if slash else None,
        theme=theme if theme in _THEMES else "",
    )


def read_url(url: str) -> View:
    """The view of an address that `View.url` wrote."""
    return read(parse_qsl(urlsplit(url).query))


def _pair(filter_: Filter) -> str:
    return f"{filter_.name.replace('%', '%25').replace(':', '%3A')}:{filter_.value}"


def _unpaired(text: str) -> tuple[str, str] | None:
    name, colon, value = text.partition(":")
    return (name.replace("%3A", ":").replace("%25", "%"), value) if colon else None


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace(",", "%2C")


def _unquoted(name: str) -> str:
    return name.replace("%2C", ",").replace("%25", "%")
