"""Documents on which the embedded store and Elasticsearch must agree; and how they get them."""

import json
import urllib.request

import orjson

from pipeline.store.writer import Operation, Writer

NOW = 1_795_428_000_000
"""2026-11-23T10:00:00Z"""
INDICES = ("agree-2026.11.22", "agree-2026.11.23")


def _properties(**types):
    return {name: kind if isinstance(kind, dict) else {"type": kind} for name, kind in types.items()}


MAPPING = {
    "date_detection": False,
    "dynamic_templates": [
        {
            "text": {
                "path_match": ["message", "*.message"],
                "match_mapping_type": "string",
                "mapping": {"type": "text"},
            }
        },
        {
            "ip": {
                "path_match": ["source_ip", "*.ip", "*_ip"],
                "match_mapping_type": "string",
                "mapping": {"type": "ip"},
            }
        },
        {"strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}},
        {"whole": {"match_mapping_type": "long", "mapping": {"type": "long"}}},
        {"broken": {"match_mapping_type": "double", "mapping": {"type": "double"}}},
    ],
    "properties": _properties(**{"@timestamp": "date"})
    | {
        "event": {"properties": _properties(start="date", end="date")},
        "geoip": {"properties": _properties(location="geo_point")},
        "duration_ms": {"type": "double"},
        "mixed": {"type": "double"},
    },
}

_LINES = [
    ("error", 503, "Connection RESET by peer: user-agent unknown"),
    ("info", 200, "request finished in 12 ms"),
    ("warn", 404, "File /etc/app.conf not found, don't retry"),
    ("error", 500, "database is locked (SQLITE_BUSY)"),
    ("Error", 500, "Database connection lost"),
    ("info", 201, "created user_agent record for example.com"),
    ("debug", 200, "GET /api/v1/search?q=x&page=2 from 10.0.0.1"),
    ("critical", 502, "timeout while reading: time-out after 1.5s, 3,000 bytes"),
    ("info", 301, "moved to https://example.com/a/b?c=d"),
    ("error", 503, "peer reset: connection closed by remote"),
    ("info", 200, "Größe geändert, café São Paulo"),
    ("info", 204, "日本語 のログ テスト"),
    ("warn", 429, "rate limit: too many requests (timed out)"),
    ("error", 500, 'failed: "quoted" value with \\ backslash and * star'),
    ("info", 200, ""),
    ("info", 200, "not and or"),
]


def _document(number):
    level, status, message = _LINES[number % len(_LINES)]
    document = {
        "@timestamp": f"2026-11-{22 + number // 24}T{number % 24:02}:{number * 7 % 60:02}:00.{number * 13:03}Z",
        "level": level,
        "status": status,
        "message": message,
        "duration_ms": [12.5, 0.25, 100, 29.9, 1500.0, 7][number % 6],
        "source_ip": ["10.0.0.1", "10.1.2.3", "192.168.7.9", "2001:db8::1", "81.2.69.160"][number % 5],
        "route": ["/projects/{id}", "/healthz", "/projects", "/signage/common", "/Projects/{id}/submit"][number % 5],
        "http": {"method": ["GET", "POST", "DELETE"][number % 3], "version": 1.1},
        "cached": number % 4 == 0,
        "host": {"name": f"web-{number % 3}", "ip": ["10.9.0.1", f"10.9.0.{number % 4}"]},
        "trace": {"id": f"{number:032x}"},
    }
    if number % 3 == 0:
        document["geoip"] = {
            "country_code2": ["DE", "SE", "US"][number % 9 // 3],
            "city_name": ["São Paulo", "New York", "Berlin"][number % 9 // 3],
            "location": {"lat": 52.5, "lon": 13.4},
        }
    if number % 5 == 0:
        document["tags"] = [["web", "eu-west"], ["_grokparsefailure"], [], ["web", "slow query"]][number % 4]
        document["items"] = [{"sku": "A1", "n": number}, {"sku": f"B{number}", "n": 9}]
    if number % 7 == 0:
        document["error"] = {"message": ["disk full", "Disk FULL again"], "code": "E-17"}
        document["event"] = {"start": "2026-11-23", "end": NOW - number * 60_000}
    if number % 11 == 0:
        document |= {"nothing": None, "empty": "", "dotted.name": "yes", "mixed": number, "big": 2**53 + number}
    return document


DOCUMENTS = {f"d{number}": _document(number) for number in range(48)}
DOCUMENTS["timeless"] = {"message": "no time at all", "level": "info"}


def index_of(document):
    return INDICES[0] if document.get("@timestamp", "2026-11-22").startswith("2026-11-22") else INDICES[1]


def fill_store(path):
    """Writes the documents into an embedded store."""
    writer = Writer(path)
    for name, document in DOCUMENTS.items():
        writer.write(index_of(document), [Operation("create", name, orjson.dumps(document))])
    writer.close()


def send(url, method, path, body=None):
    """One request to Elasticsearch; its answer."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(url + path, data, {"content-type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def fill_cluster(url):
    """Makes the indices with the mapping, and writes the documents."""
    for index in INDICES:
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        send(url, "PUT", f"/{index}", {"mappings": MAPPING, "settings": settings})
    lines = b""
    for name, document in DOCUMENTS.items():
        lines += orjson.dumps({"create": {"_index": index_of(document), "_id": name}}) + b"\n"
        lines += orjson.dumps(document) + b"\n"
    answer = send(url, "POST", "/_bulk?refresh=true", lines)
    assert not answer["errors"], [item for item in answer["items"] if item["create"]["status"] > 299]
