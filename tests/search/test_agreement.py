"""The embedded store and a real Elasticsearch find the same documents, query by query."""

import pytest

from pipeline.languages.kql_tree import QueryError
from tests.search.agreement import DOCUMENTS, QUERIES
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
