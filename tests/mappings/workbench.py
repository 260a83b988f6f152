"""A node with the templates, and the design document's pipeline towards it."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from shippers.lumberjack import Sender
from tests.cli.program import Running, until
from tests.servers.elasticsearch_node import free_port

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "shippers" / "samples" / "apex-api.log"
EVERYTHING = {"size": 1000, "query": {"match_all": {}}}


def call(url: str, method: str = "GET", body: Any = None) -> Any:
    """A request and its answer; an HTTP error raises with the server's reason."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(url, data, {"content-type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read().decode()[:2000]}") from None


def enveloped(line: str, offset: int) -> dict[str, Any]:
    """A line of the API as Filebeat ships it."""
    moment = json.loads(line).get("timestamp") if line.startswith('{"timestamp') else None
    return {
        "@timestamp": moment or "2026-11-22T06:00:00.000Z",
        "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
        "message": line,
        "log": {"offset": offset, "file": {"path": "/var/log/apex/apex-api.log"}},
        "input": {"type": "filestream"},
        "fields": {"service": "apex-api"},
        "agent": {"id": "5f0b1f2e", "type": "filebeat", "version": "8.11.0"},
        "host": {"name": "sample", "ip": ["10.0.0.7", "fe80::1"]},
        "ecs": {"version": "8.0.0"},
    }


def shipped(url: str, events: list[dict[str, Any]], folder: Path, index: str, ecs: str) -> None:
    """Ships events through `infra/logging/logstash.conf`, its port, server and index changed, until they are acked."""
    port = free_port()
    text = (ROOT / "infra" / "logging" / "logstash.conf").read_text()
    for before, after in (
        ("port => 5044", f"port => {port}"),
        ('["elasticsearch:9200"]', f'["{url}"]'),
        ("apex-logs-%{+YYYY.MM.dd}", index),
    ):
        assert before in text
        text = text.replace(before, after)
    flags = ["--path.data", str(folder / "data"), "--pipeline.ecs_compatibility", ecs]
    with Running("-e", text, *flags, cwd=folder) as running:
        until(lambda: _listens(port) or running.process.poll() is not None, lambda: f"the port: {running.log}")

        async def ship() -> None:
            async with Sender("127.0.0.1", port) as sender:
                await sender.send(events)

        asyncio.run(ship())
    call(f"{url}/_refresh", "POST")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def documents(url: str, index: str) -> list[dict[str, Any]]:
    """The sources of all documents."""
    hits = call(f"{url}/{index}/_search", "POST", EVERYTHING)["hits"]
    assert hits["total"]["value"] == len(hits["hits"])
    return [hit["_source"] for hit in hits["hits"]]


def types(url: str, index: str) -> dict[str, str]:
    """The type of each field of an index, as the server says it."""
    ((_, found),) = call(f"{url}/{index}/_mapping").items()
    return dict(_typed(found["mappings"]["properties"], ""))


def _typed(properties: dict[str, Any], prefix: str) -> Any:
    for name, value in properties.items():
        if "type" in value:
            yield f"{prefix}{name}", value["type"]
        yield from _typed(value.get("properties", {}), f"{prefix}{name}.")
