"""Elasticsearch, asked through the official client's transport: KQL becomes its query DSL.

The kinds of fields are asked for (`_field_caps`) and kept for a minute. Counts of values are as exact as its
aggregations; text is not counted by value.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from pipeline.elasticsearch.client import Client
from pipeline.elasticsearch.options import ElasticsearchOptions, tls_context
from pipeline.kql.elasticsearch import translate
from pipeline.kql.parser import parse
from pipeline.kql.query import compile_tree
from pipeline.search.cluster_answers import (
    found_in,
    key_of,
    kind_of_types,
    page_after,
    percentiles_in,
    percentiles_of,
    read,
)
from pipeline.search.counting import fields_of, spelled
from pipeline.search.questions import (
    PERCENTS,
    SAMPLE,
    After,
    Bucket,
    Fields,
    Found,
    Group,
    Index,
    Page,
    Question,
    SearchFailed,
    Term,
    Terms,
    next_page,
    unbounded,
)
from pipeline.store.timestamps import millis

_LARGEST_PAGE = 10_000
"""What Elasticsearch gives at once."""
_KEPT = 60.0
_MANY = 1_000
_LENIENT = "ignore_unavailable=true&allow_no_indices=true"
_NO_NAMES = frozenset(("", ".", ".."))
"""In the path of a request they are another path: of all indices, or of none."""


@asynccontextmanager
async def opened(url: str, *, api_key: str | None = None, authority: Path | None = None) -> AsyncIterator[Cluster]:
    """A cluster at a URL, which may hold user and password; `authority` is a PEM file. An API key needs TLS.

    Raises pydantic's `ValidationError` for an address that cannot be read.
    """
    given: dict[str, Any] = {"hosts": [url], "api_key": api_key}
    if authority is not None:
        given["ssl_certificate_authorities"] = [str(authority)]
    options = ElasticsearchOptions.model_validate({name: value for name, value in given.items() if value is not None})
    client = Client(options, tls_context(options))
    cluster = Cluster(client)
    try:
        yield cluster
    finally:
        await cluster.close()


class Cluster:
    """`Documents` of a cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kinds: dict[str, tuple[float, dict[str, str]]] = {}

    async def search(
        self, question: Question, *, limit: int = 100, oldest_first: bool = False, after: After | None = None
    ) -> Page:
        """The documents in the order of their time; 10,000 a page at most."""
        limit = min(limit, _LARGEST_PAGE)
        order = {"order": "asc" if oldest_first else "desc", "missing": "_last", "unmapped_type": "date"}
        body = {
            "size": limit,
            "query": {"bool": {"filter": [await self._query(question)], **page_after(after, oldest_first)}},
            "sort": [{"@timestamp": order | {"numeric_type": "date"}}],
            "track_total_hits": False,
        }
        answer = await self._ask("POST", f"/{_path(question)}/_search?{_LENIENT}", body)
        hits = [found_in(hit) for hit in answer["hits"]["hits"]]
        query = compile_tree(parse(question.query), _now(question))
        return Page(hits, next_page(hits, limit, after, unbounded(question, query)))

    async def count(self, question: Question) -> int:
        """How many documents there are."""
        body = {"query": await self._query(question)}
        answer = await self._ask("POST", f"/{_path(question)}/_count?{_LENIENT}", body)
        return int(answer["count"])

    async def histogram(self, question: Question, interval: int) -> list[Bucket]:
        """Documents by time."""
        by = {"field": "@timestamp", "fixed_interval": f"{interval}ms", "min_doc_count": 1}
        found = await self._aggregated(question, {"date_histogram": by})
        return [Bucket(int(each["key"]), each["doc_count"]) for each in found.get("buckets", ())]

    async def terms(self, question: Question, name: str, size: int = 10) -> Terms:
        """The most frequent values of a field."""
        await self._countable(question, name)
        found = await self._aggregated(question, {"terms": {"field": name, "size": size}})
        exact = not found.get("doc_count_error_upper_bound")
        terms = [Term(key_of(each), each["doc_count"]) for each in found.get("buckets", ())]
        return Terms(terms, found.get("sum_other_doc_count", 0), exact)

    async def percentiles(
        self, question: Question, name: str, percents: Sequence[float] = PERCENTS
    ) -> dict[float, float]:
        """Percentiles of the numbers in a field."""
        if (await self._kinds_of(question)).get(name) != "number":
            return {}
        return percentiles_in(await self._aggregated(question, percentiles_of(name, percents)))

    async def groups(
        self,
        question: Question,
        by: str,
        *,
        size: int = 10,
        of: Sequence[str] = (),
        percents: Sequence[float] = PERCENTS,
    ) -> list[Group]:
        """The most frequent values of a field, each with percentiles of other fields."""
        kinds = await self._kinds_of(question)
        inner = {
            f"of{place}": percentiles_of(name, percents) for place, name in enumerate(of) if kinds.get(name) == "number"
        }
        await self._countable(question, by)
        found = await self._aggregated(question, {"terms": {"field": by, "size": size}, "aggs": inner})
        return [
            Group(
                key_of(each),
                each["doc_count"],
                {name: percentiles_in(each.get(f"of{place}", {})) for place, name in enumerate(of)},
            )
            for each in found.get("buckets", ())
        ]

    async def fields(self, question: Question) -> Fields:
        """The fields of the newest documents; their kinds are those of the mapping."""
        page = await self.search(question, limit=SAMPLE)
        kinds = await self._kinds_of(question)
        return Fields(fields_of((hit.document for hit in page.hits), kinds), len(page.hits))

    async def values(self, question: Question, name: str, prefix: str = "", size: int = 10) -> list[Term]:
        """Frequent values of a field that begin so."""
        kind = (await self._kinds_of(question)).get(name)
        if kind in (None, "text", "other"):
            return []
        by: dict[str, Any] = {"field": name, "size": size if kind == "keyword" else _MANY}
        if kind == "keyword" and prefix:
            by["include"] = re.sub(r'[.?+*|{}\[\]()"\\#@&<>~^$-]', r"\\\g<0>", prefix) + ".*"
        found = await self._aggregated(question, {"terms": by})
        terms = [Term(key_of(each), each["doc_count"]) for each in found.get("buckets", ())]
        return [term for term in terms if spelled(term.value).startswith(prefix)][:size]

    async def document(self, index: str, document_id: str) -> Found | None:
        """One document by its index and id; None where there is none."""
        if not {index, document_id}.isdisjoint(_NO_NAMES):
            return None
        answer = await self._client.request("GET", f"/{quote(index, safe='')}/_doc/{quote(document_id, safe='')}")
        if answer.status == 404:
            return None
        hit = read(answer.status, answer.body)
        source = hit["_source"]
        return Found(hit["_index"], hit["_id"], millis(source.get("@timestamp")), source, orjson.dumps(source))

    async def indices(self) -> list[Index]:
        """The indices, by name; those that are hidden are left out."""
        found = await self._ask("GET", "/_cat/indices?format=json&bytes=b&h=index,docs.count,store.size&s=index")
        return [Index(each["index"], int(each["docs.count"] or 0), int(each["store.size"] or 0)) for each in found]

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()

    # ------------------------------------------------------------------------------------------ asking

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            sent = None if body is None else orjson.dumps(body)
        except TypeError as error:  # half of a surrogate pair, or a number beyond 64 bits
            raise SearchFailed(f"Elasticsearch cannot be asked this: {error}") from None
        answer = await self._client.request(method, path, sent)
        return read(answer.status, answer.body)

    async def _query(self, question: Question) -> dict[str, Any]:
        node = parse(question.query)
        query = translate(node, await self._kinds_of(question), _now(question))
        bounds = {"gte": question.since, "lte": question.until}
        given = {word: bound for word, bound in bounds.items() if bound is not None}
        if not given:
            return query
        return {"bool": {"filter": [query, {"range": {"@timestamp": given | {"format": "epoch_millis"}}}]}}

    async def _countable(self, question: Question, name: str) -> None:
        if (await self._kinds_of(question)).get(name) == "text":
            raise SearchFailed(f"{name} is a text, and Elasticsearch counts no values of texts: choose another field")

    async def _aggregated(self, question: Question, aggregation: dict[str, Any]) -> dict[str, Any]:
        body = {"size": 0, "query": await self._query(question), "aggs": {"a": aggregation}, "track_total_hits": False}
        answer = await self._ask("POST", f"/{_path(question)}/_search?{_LENIENT}", body)
        found: dict[str, Any] = answer.get("aggregations", {}).get("a", {})
        return found

    async def _kinds_of(self, question: Question) -> dict[str, str]:
        path = _path(question)
        asked, kinds = self._kinds.get(path, (0.0, {}))
        if not kinds or time.monotonic() - asked > _KEPT:
            answer = await self._ask("GET", f"/{path}/_field_caps?fields=*&{_LENIENT}")
            kinds = {
                name: kind for name, types in answer["fields"].items() if (kind := kind_of_types(types)) is not None
            }
            self._kinds[path] = (time.monotonic(), kinds)
        return kinds


def _path(question: Question) -> str:
    globs = [glob.strip() for glob in question.indices.split(",")]
    if not _NO_NAMES.isdisjoint(globs):
        raise SearchFailed(f'"{question.indices}" names no indices: write their names or globs, such as apex-logs-*')
    return ",".join(quote(glob, safe="*-") for glob in globs)


def _now(question: Question) -> int:
    return int(time.time() * 1000) if question.now is None else question.now
