"""A KQL query compiled for the embedded store: a predicate, and what narrows the documents it is asked about.

The predicate decides. The narrowing expression, for FTS5, and the bounds in time only leave out what cannot match;
there is no expression where words do not help (`not x`, `*x`, `status >= 500`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from pipeline.kql import narrowing
from pipeline.kql.dates import interval
from pipeline.kql.fields import Kind, exists, fitting, kind_of, leaves, values
from pipeline.kql.parser import parse
from pipeline.kql.tree import And, Compare, Everything, Is, Literal, Node, Not, Or
from pipeline.kql.values import Matches, chunked, equal, ordered

Predicate = Callable[[dict[str, Any]], bool]
TIME = "@timestamp"


class Query(NamedTuple):
    """A query compiled for the embedded store."""

    narrowing: str | None
    """An FTS5 expression that is true for every document that `matches`, or None for no such help."""
    matches: Predicate
    everything: bool = False
    """Whether every document matches."""
    since: int | None = None
    """Only documents whose `@timestamp` is this or later can match, in milliseconds since 1970."""
    until: int | None = None
    """Only documents whose `@timestamp` is this or earlier can match."""


def compile_query(text: str, now: int = 0) -> Query:
    """Compiles a query; `now` is what its dates take it for, in milliseconds since 1970. Raises `QueryError`."""
    return compile_tree(parse(text), now)


def compile_tree(node: Node, now: int) -> Query:
    """Compiles what `parse` made; `now` as in `compile_query`."""
    match node:
        case Everything():
            return Query(None, lambda document: True, everything=True)
        case Is(None, value):
            return Query(narrowing.free_text(value, now), _anywhere(value, now))
        case Is(field, value):
            assert field is not None, "was the case before"
            return _is(field, value, now)
        case Compare(field, sign, value):
            tell = cache(lambda kind: ordered(sign, value, kind, now))
            return Query(None, _on_field(field, tell), False, *_bounds(node, now))
        case Not(inner):
            opposite = compile_tree(inner, now).matches
            return Query(None, lambda document: not opposite(document))
        case And(nodes):
            return _all_of([compile_tree(each, now) for each in nodes])
        case Or(nodes):
            return _any_of([compile_tree(each, now) for each in nodes])


def _is(field: Literal, value: Literal, now: int) -> Query:
    if value.anything:
        return _exists(field)
    help_ = None if field.wild else narrowing.about(value, kind_of(field.text), now)
    tell = cache(lambda kind: equal(value, kind, now))
    bounds = _bounds(Compare(field, ">=", value), now)[:1] + _bounds(Compare(field, "<=", value), now)[1:]
    return Query(help_, _on_field(field, tell), False, *bounds)


def _exists(field: Literal) -> Query:
    if not field.wild:
        name = field.text
        return Query(narrowing.sure(name), lambda document: exists(document, name))
    fits = fitting(field)
    return Query(None, lambda document: any(fits(name) for name, _ in leaves(document)))


def _on_field(field: Literal, tell: Callable[[Kind | None], Matches]) -> Predicate:
    if not field.wild:
        name = field.text
        matches = tell(kind_of(name))
        return lambda document: any(map(matches, values(document, name)))
    fits = cache(fitting(field))
    return lambda document: any(fits(name) and tell(kind_of(name))(value) for name, value in leaves(document))


def _anywhere(value: Literal, now: int) -> Predicate:
    """Free text: of a literal with wildcards, each part between blanks is looked for by itself."""
    parts = chunked(value) if value.wild else [value]
    if any(part.anything for part in parts):
        return lambda document: True
    tell = cache(lambda kind: [equal(part, kind, now) for part in parts])
    return lambda document: any(matches(found) for name, found in leaves(document) for matches in tell(kind_of(name)))


def _bounds(node: Compare, now: int) -> tuple[int | None, int | None]:
    meant = interval(node.value.text, now) if node.field.text == TIME else None
    if meant is None:
        return None, None
    match node.sign:
        case ">=":
            return meant[0], None
        case ">":
            return meant[1], None
        case "<":
            return None, meant[0]
    return None, meant[1]


def _all_of(found: list[Query]) -> Query:
    predicates = [query.matches for query in found]
    return Query(
        narrowing.conjunction([query.narrowing for query in found if query.narrowing is not None]),
        lambda document: all(matches(document) for matches in predicates),
        all(query.everything for query in found),
        max((query.since for query in found if query.since is not None), default=None),
        min((query.until for query in found if query.until is not None), default=None),
    )


def _any_of(found: list[Query]) -> Query:
    predicates = [query.matches for query in found]
    since = [query.since for query in found if query.since is not None]
    until = [query.until for query in found if query.until is not None]
    return Query(
        narrowing.disjunction([query.narrowing for query in found]),
        lambda document: any(matches(document) for matches in predicates),
        any(query.everything for query in found),
        min(since) if len(since) == len(found) else None,
        max(until) if len(until) == len(found) else None,
    )
