"""The embedded store and a real Elasticsearch find the same documents, query by query."""

import random

import pytest

from pipeline.kql.tree import And, Compare, Is, Literal, Not, Or, QueryError
from pipeline.kql.writer import write
from tests.search.agreement import DOCUMENTS
from tests.search.queries import QUERIES
from tests.search.stores import question

LINES = [line for line in QUERIES.splitlines() if line]
REFUSED = {"source_ip:2001:db8::1", "source_ip:::ffff:10.0.0.1"}
"""A colon in a value is quoted or escaped."""


@pytest.fixture(scope="module")
def found(stores):
    """The ids that each store finds, by query."""

    async def ask(store):
        answers = {}
        for query in LINES:
            try:
                page = await store.search(question(query), limit=1000)
                answers[query] = [hit.id for hit in page.hits]
            except QueryError:
                answers[query] = "refused"
        return answers

    ours, theirs = stores.ask(ask)
    return {query: (ours[query], theirs[query]) for query in LINES}


@pytest.mark.parametrize("query", LINES)
def test_both_find_the_same(found, query):
    ours, theirs = found[query]
    if query in REFUSED:
        assert ours == theirs == "refused"
    else:
        assert sorted(ours) == sorted(theirs)


def test_the_queries_are_worth_asking(found):
    telling = [query for query, (ours, _) in found.items() if ours != "refused" and 0 < len(ours) < len(DOCUMENTS)]
    assert len(telling) > 150


# ---------------------------------------------------------------------------------------------- drawn queries

FIELDS = (
    *(
        "level",
        "status",
        "message",
        "duration_ms",
        "source_ip",
        "route",
        "http.method",
        "http.*",
        "*",
        "host.ip",
        "tags",
    ),
    *("cached", "@timestamp", "event.start", "event.end", "error.message", "items.n", "items.sku", "geoip.city_name"),
    *("mixed", "big", "empty", "nothing", "dotted.name", "trace.*", "*e*", "host.name"),
)
VALUES = (
    *("error", "Error", "503", "500.0", "-1", "0", "12.5", "1e3", "true", "false", "GET", "10.0.0.1", "10.0.0.0/8"),
    *("2001:db8::1", "2026-11-23", "now-1d/d", "2026-11-22T05", "now", "web-1", "web", "connection", "reset by", "A1"),
    *(
        "São Paulo",
        "/projects",
        "/projects/{id}",
        "_grokparsefailure",
        "full",
        "DISK full",
        "don't",
        "user-agent",
        "語",
    ),
    *(
        "yes",
        "",
        " ",
        ".",
        "a:b",
        "not",
        "1_000",
        "+5",
        "5.",
        ".5",
        "0x10",
        "NaN",
        "Infinity",
        "1,000",
        "ＡＢ",
        "1d",
        "::1",
    ),
)
PATTERNS = (
    "",
    "e",
    "E",
    "we",
    "conn",
    "CONN",
    "5",
    "/pro",
    "ion",
    "São",
    "0",
    "10.",
    "-",
    "r r",
    "?",
    "[a]",
    "/",
    "日",
)


def drawn(count=400, seed=20):
    """Trees of terms from all fields and values, among them many that a kind of field cannot hold."""
    draw = random.Random(seed)

    def value():
        if draw.random() < 0.25:
            pieces = (draw.choice(PATTERNS), draw.choice(PATTERNS))
            return Literal(pieces if any(pieces) else ("", "x"))
        text = draw.choice(VALUES)
        return Literal((text,), quoted=not text.strip() or draw.random() < 0.4)

    def term():
        name = Literal(tuple(draw.choice(FIELDS).split("*")))
        name = Literal(("", "")) if name.pieces == ("", "") else name
        kind = draw.random()
        if kind < 0.2:
            free = value()
            # Here `now` is the server's clock, which no question can set.
            return Is(None, free) if not free.text.startswith("now") else Is(Literal(("@timestamp",)), free)
        if kind < 0.75:
            return Is(name, value())
        return Compare(name, draw.choice(["<", "<=", ">", ">="]), Literal((draw.choice(VALUES),), quoted=True))

    def tree(depth):
        kind = draw.random()
        if depth == 0 or kind < 0.6:
            return term()
        if kind < 0.75:
            return Not(tree(depth - 1))
        return draw.choice([And, Or])((tree(depth - 1), tree(depth - 1)))

    return [write(tree(draw.choice([0, 0, 1, 2]))) for _ in range(count)]


def test_both_find_the_same_by_queries_that_are_drawn(stores):
    queries = drawn()

    async def ask(store):
        return [sorted(hit.id for hit in (await store.search(question(each), limit=1000)).hits) for each in queries]

    ours, theirs = stores.ask(ask)
    differing = {query: (a, b) for query, a, b in zip(queries, ours, theirs, strict=True) if a != b}
    assert differing == {}
    assert sum(0 < len(found) < len(DOCUMENTS) for found in ours) > 60
