"""What is in a real Elasticsearch, asked without the engine."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any


def call(url: str, method: str = "GET", body: Any = None) -> Any:
    """One request, and its answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def documents(url: str, indices: str, first: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document of the indices and its index, page by page; those from the oracle's number `first` on."""
    call(f"{url}/{indices}/_refresh", "POST")
    query = {"query": {"range": {"n": {"gte": first}}}} if first else {}
    page = call(f"{url}/{indices}/_search?scroll=1m", "POST", {"size": 2000, "sort": ["_doc"], **query})
    while hits := page["hits"]["hits"]:
        yield from ((hit["_index"], hit["_source"]) for hit in hits)
        page = call(f"{url}/_search/scroll", "POST", {"scroll": "1m", "scroll_id": page["_scroll_id"]})


def clear(url: str) -> None:
    """Deletes the indices that the design document's configuration writes."""
    for index in call(f"{url}/apex-logs-*/_alias"):
        call(f"{url}/{index}", "DELETE")
