"""The embedded store and a real Elasticsearch find the same documents, query by query."""

import asyncio

import pytest

from pipeline.languages.kql_tree import QueryError
from pipeline.search import cluster, embedded
from pipeline.search.questions import Question
from tests.search.agreement import DOCUMENTS, NOW, QUERIES, fill_cluster, fill_store

LINES = [line for line in QUERIES.splitlines() if line]
REFUSED = {"source_ip:2001:db8::1", "source_ip:::ffff:10.0.0.1"}
"""A colon in a value is quoted or escaped."""


@pytest.fixture(scope="module")
def stores(elasticsearch, tmp_path_factory):
    """A store and the URL of a node, with the same documents."""
    folder = tmp_path_factory.mktemp("store")
    fill_store(folder)
    fill_cluster(elasticsearch.url)
    return folder, elasticsearch.url


def asked(stores, ask):
    """What each of the two answers."""
    folder, url = stores

    async def both():
        async with embedded.opened(folder) as store, cluster.opened(url) as elastic:
            return await ask(store), await ask(elastic)

    return asyncio.run(both())


@pytest.fixture(scope="module")
def found(stores):
    """The ids that each store finds, by query."""
    found = {}

    async def ask(store):
        answers = {}
        for query in LINES:
            question = Question(query, now=NOW, indices="agree-*")
            try:
                page = await store.search(question, limit=1000)
                answers[query] = [hit.id for hit in page.hits]
            except QueryError:
                answers[query] = "refused"
        return answers

    ours, theirs = asked(stores, ask)
    for query in LINES:
        found[query] = ours[query], theirs[query]
    return found


@pytest.mark.parametrize("query", LINES)
def test_both_find_the_same(found, query):
    ours, theirs = found[query]
    if query in REFUSED:
        assert ours == theirs == "refused"
    else:
        assert sorted(ours) == sorted(theirs)


def test_the_queries_are_worth_asking(found):
    telling = [query for query, (ours, _) in found.items() if 0 < len(ours) < len(DOCUMENTS)]
    assert len(telling) > 150
