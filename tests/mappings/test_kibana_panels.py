"""Each panel's query on a real server, over what `make run` indexes, against the same sums in Python."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from math import ceil, floor
from typing import Any

import pytest

from mappings.kibana.build import objects
from mappings.kibana.searches import SEARCHES
from tests.mappings.lens import kql, request, rows
from tests.mappings.workbench import call, documents

Documents = list[dict[str, Any]]
LENSES = {each["id"].removeprefix("apex-logs-"): each for each in objects() if each["type"] == "lens"}


def hour(document: dict[str, Any]) -> str:
    return f"{document['@timestamp'][:13]}:00:00.000Z"


def country(document: dict[str, Any]) -> str | None:
    found = document.get("geoip", {}).get("country_code2")
    assert found is None or isinstance(found, str)
    return found


def per_route(found: Documents) -> dict[tuple[Any, ...], dict[str, Any]]:
    requests = Counter(each["route"] for each in found if "route" in each)
    failed = Counter(each["route"] for each in found if each.get("status", 0) >= 500)
    return {
        (route,): {"requests": count, "errors": failed[route], "rate": failed[route] / count}
        for route, count in requests.items()
    }


def slowest(found: Documents) -> dict[tuple[Any, ...], dict[str, Any]]:
    worst = sorted((each for each in found if "duration_ms" in each), key=lambda each: -each["duration_ms"])[:20]
    return {
        (each["trace_id"],): {
            "duration": pytest.approx(each["duration_ms"], rel=1e-6),
            "route": each["route"],
            "status": each["status"],
        }
        for each in worst
    }


def counted(name: str, key: Callable[[dict[str, Any]], tuple[Any, ...] | None]) -> Callable[[Documents], Any]:
    def count(found: Documents) -> dict[tuple[Any, ...], dict[str, Any]]:
        keys = Counter(made for each in found if (made := key(each)) is not None)
        return {each: {name: number} for each, number in keys.items()}

    return count


EXPECTED: dict[str, Callable[[Documents], Any]] = {
    "events-by-level": counted("events", lambda each: (each["level"], hour(each)) if "level" in each else None),
    "top-routes": counted("requests", lambda each: (each["route"],) if "route" in each else None),
    "error-rate": per_route,
    "regions": counted("requests", lambda each: (country(each),) if country(each) else None),
    "countries": counted("requests", lambda each: (country(each),) if country(each) else None),
    "slowest": slowest,
}


def asked(node: str, index: str, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    lens = LENSES[name]
    answer = call(f"{node}/{index}/_search", "POST", request(lens))
    assert answer["timed_out"] is False
    return dict(rows(lens, answer))


def test_every_panel_is_compared() -> None:
    assert {*EXPECTED, "latency"} == set(LENSES)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_panel(node: str, sample: str, name: str) -> None:
    expected = EXPECTED[name](documents(node, sample))
    found = asked(node, sample, name)
    shown = {key: {column: value[column] for column in next(iter(expected.values()))} for key, value in found.items()}
    assert shown
    assert shown == expected


def test_percentiles_lie_between_their_neighbours(node: str, sample: str) -> None:
    """The server's digest interpolates in its own way, so a value is held to the two measured ones beside it."""
    durations = defaultdict(list)
    for document in documents(node, sample):
        if "duration_ms" in document:
            durations[hour(document)].append(document["duration_ms"])
    found = asked(node, sample, "latency")
    assert {key for (key,) in found} == set(durations)
    for (moment,), values in found.items():
        measured = sorted(durations[moment])
        for rank in (50, 95, 99):
            place = rank / 100 * len(measured)
            low = measured[max(0, floor(place) - 1)]
            high = measured[min(len(measured) - 1, ceil(place))]
            assert low * (1 - 1e-6) <= values[f"p{rank}"] <= high * (1 + 1e-6)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[0])
def test_a_saved_search_finds_something(node: str, sample: str, search: tuple[str, str, str, str, list[str]]) -> None:
    found = call(f"{node}/{sample}/_search", "POST", {"query": kql(search[3]), "size": 1})["hits"]["hits"]
    assert found, json.dumps(kql(search[3]))
