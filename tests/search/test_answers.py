"""What else can be asked, of the embedded store and a real Elasticsearch: the same questions, the same answers."""

import asyncio

import orjson
import pytest

from pipeline.errors import StoreError
from pipeline.kql.tree import QueryError
from pipeline.search import cluster, embedded
from pipeline.search.questions import Question, SearchFailed, Term
from pipeline.store.writer import Operation, Writer
from tests.search.agreement import DOCUMENTS, NOW, send
from tests.search.stores import question

HOUR = 3_600_000
DAY = 24 * HOUR
MIDNIGHT = NOW - 10 * HOUR


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("query", ["*", "level:error", "not level:error", "message:connection"])
def test_pages(stores, query, oldest_first):
    async def ask(store):
        ids, after = [], None
        for _ in range(100):
            page = await store.search(question(query), limit=7, oldest_first=oldest_first, after=after)
            ids += [hit.id for hit in page.hits]
            after = page.after
            if after is None:
                return ids
        raise AssertionError("the pages do not end")

    ours, theirs = stores.ask(ask)
    assert ours == theirs
    assert len(ours) == len(set(ours))
    whole, _ = stores.ask(lambda store: store.search(question(query), limit=1000, oldest_first=oldest_first))
    assert ours == [hit.id for hit in whole.hits]


def test_pages_within_one_moment(tmp_path):
    writer = Writer(tmp_path)
    source = orjson.dumps({"@timestamp": "2026-11-23T00:00:00.000Z"})
    writer.write("a", [Operation("create", str(number), source) for number in range(25)])
    writer.write("a", [Operation("create", f"t{number}", b"{}") for number in range(25)])
    writer.close()

    async def ask():
        ids, after = [], None
        async with embedded.opened(tmp_path) as store:
            while True:
                page = await store.search(Question(), limit=4, after=after)
                ids += [hit.id for hit in page.hits]
                after = page.after
                if after is None:
                    return ids

    ids = asyncio.run(ask())
    assert len(ids) == len(set(ids)) == 50


@pytest.mark.parametrize(
    ("since", "until"), [(MIDNIGHT, None), (None, MIDNIGHT - 1), (MIDNIGHT + 5 * HOUR, MIDNIGHT + 9 * HOUR)]
)
@pytest.mark.parametrize("query", ["*", "level:error"])
def test_counts_and_ranges(stores, query, since, until):
    asked = question(query, since=since, until=until)

    async def ask(store):
        page = await store.search(asked, limit=1000)
        return await store.count(asked), sorted(hit.id for hit in page.hits)

    ours, theirs = stores.ask(ask)
    assert ours == theirs
    assert ours[0] == len(ours[1]) > 0


@pytest.mark.parametrize("query", ["*", "level:error", "geoip:* and status:200"])
def test_histogram_and_count(stores, query):
    async def ask(store):
        return await store.histogram(question(query), 3 * HOUR), await store.count(question(query))

    ours, theirs = stores.ask(ask)
    assert ours == theirs
    timeless = 1 if query == "*" else 0
    assert sum(bucket.count for bucket in ours[0]) == ours[1] - timeless


@pytest.mark.parametrize("name", ["level", "route", "status", "cached", "tags", "host.name", "items.sku", "missing"])
def test_terms(stores, name):
    ours, theirs = stores.ask(lambda store: store.terms(question("not status:404"), name, 3))
    assert ours == theirs
    assert name == "missing" or len(ours.terms) >= 2


@pytest.mark.parametrize("name", ["duration_ms", "status", "level", "missing", "items.n"])
def test_percentiles(stores, name):
    ours, theirs = stores.ask(lambda store: store.percentiles(question(), name, (25, 50, 95, 99)))
    assert ours == pytest.approx(theirs, rel=0.02)
    assert bool(ours) == (name not in ("level", "missing"))


def test_groups(stores):
    ours, theirs = stores.ask(lambda store: store.groups(question(), "route", size=4, of=("duration_ms", "level")))
    assert [(group.value, group.count) for group in ours] == [(group.value, group.count) for group in theirs]
    for group, other in zip(ours, theirs, strict=True):
        assert group.percentiles["duration_ms"] == pytest.approx(other.percentiles["duration_ms"], rel=0.02)
        assert group.percentiles["level"] == other.percentiles["level"] == {}
    without, _ = stores.ask(lambda store: store.groups(question(), "route", size=4))
    assert [group.count for group in without] == [group.count for group in ours]


def test_fields(stores):
    ours, theirs = stores.ask(lambda store: store.fields(question()))
    assert ours.documents == theirs.documents == len(DOCUMENTS)
    counts = {field.name: (field.kind, field.count) for field in ours.fields}
    assert counts["@timestamp"] == ("date", 48)
    assert counts["message"] == ("text", 49)
    assert counts["host.ip"] == ("ip", 48)
    assert counts["status"] == ("number", 48)
    # what lies in a geo_point is no field of its own to Elasticsearch
    named = {field.name: field for field in theirs.fields if not field.name.startswith("geoip.location")}
    assert named == {field.name: field for field in ours.fields if not field.name.startswith("geoip.location")}


@pytest.mark.parametrize(
    ("name", "prefix"), [("level", "e"), ("level", ""), ("route", "/projects/{"), ("status", "50"), ("cached", "t")]
)
def test_values_for_completion(stores, name, prefix):
    ours, theirs = stores.ask(lambda store: store.values(question(), name, prefix))
    assert ours == theirs
    assert ours != []


def test_values_of_text_are_not_completed_by_elasticsearch(stores):
    _, theirs = stores.ask(lambda store: store.values(question(), "message", "c"))
    assert theirs == []


def test_a_document(stores):
    ours, theirs = stores.ask(lambda store: store.document("agree-2026.11.23", "d30"))
    assert (ours.document, ours.timestamp) == (theirs.document, theirs.timestamp)
    assert ours.document == DOCUMENTS["d30"]
    assert stores.ask(lambda store: store.document("agree-2026.11.23", "none")) == (None, None)
    assert stores.ask(lambda store: store.document("no-such-index", "d30")) == (None, None)


def test_indices(stores):
    ours, theirs = stores.ask(lambda store: store.indices())
    counts = [(each.index, each.documents) for each in ours]
    assert counts == [(each.index, each.documents) for each in theirs if each.index.startswith("agree-")]
    assert all(each.bytes > 0 for each in ours)


def test_errors(stores, tmp_path):
    async def refused(store):
        with pytest.raises(QueryError) as caught:
            await store.count(question("a or"))
        return caught.value.position

    assert stores.ask(refused) == (4, 4)

    async def ask():
        async with embedded.opened(tmp_path) as store:
            with pytest.raises(StoreError, match="there is no embedded store"):
                await store.search(Question())

    asyncio.run(ask())


def test_an_error_of_elasticsearch_says_why(stores):
    async def ask(store):
        if type(store).__name__ == "Cluster":
            with pytest.raises(SearchFailed, match=r"cannot answer \(400\): .*geo_point"):
                await store.terms(question(), "geoip.location")

    stores.ask(ask)


def test_an_index_without_documents_or_times(elasticsearch, stores):
    send(elasticsearch.url, "PUT", "/bare-1", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}})

    async def ask(store):
        if type(store).__name__ == "Cluster":
            asked = Question("a:b and c >= 5", indices="bare-*")
            assert (await store.search(asked)).hits == []
            assert await store.histogram(asked, 1000) == []

    stores.ask(ask)


def test_a_question_that_is_cancelled_stops_reading(tmp_path):
    writer = Writer(tmp_path)
    for body in range(20):
        documents = [(f"{body}-{item}", b'{"m":"x","n":%d}' % item) for item in range(2000)]
        writer.write("a", [Operation("create", name, source) for name, source in documents])
    writer.close()

    async def ask():
        async with embedded.opened(tmp_path) as store:
            task = asyncio.create_task(store.terms(Question("not m:y"), "n"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return (await store.terms(Question(), "n", 1)).terms

    assert asyncio.run(ask()) == [Term(0, 20)]


@pytest.mark.parametrize("place", [("agree-2026.11.22", ".."), ("..", "d1"), ("", ""), (".", "d1")])
def test_a_document_is_no_path(stores, place):
    async def ask():
        async with cluster.opened(stores.url) as elastic:
            return await elastic.document(*place)

    assert asyncio.run(ask()) is None


@pytest.mark.parametrize("indices", ["", "..", "agree-*,"])
def test_what_names_no_index_is_not_all_of_them(stores, indices):
    async def ask():
        async with cluster.opened(stores.url) as elastic:
            return await elastic.count(Question(indices=indices))

    with pytest.raises(SearchFailed, match="names no indices"):
        asyncio.run(ask())


def test_texts_are_not_counted_by_elasticsearch(stores):
    async def ask(method):
        async with cluster.opened(stores.url) as elastic:
            return await getattr(elastic, method)(question(), "message")

    for method in ("terms", "groups"):
        with pytest.raises(SearchFailed, match="message is a text"):
            asyncio.run(ask(method))
