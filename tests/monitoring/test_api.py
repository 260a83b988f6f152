"""Logstash's monitoring API: paths, documents, who may ask, where it listens."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import trustme

from pipeline.errors import ConfigurationError
from pipeline.monitoring.documents import Documents
from pipeline.monitoring.listening import listening, tls_of
from pipeline.monitoring.node import Node
from pipeline.monitoring.rates import Rates
from pipeline.running import QueueFigures
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import planned
from tests.monitoring.watched import fetch, until, watched

LINES = """'{"a":1}', '{"a":2,"x":[1,2]}', '{"a":3}'"""


def through(folder: Path, count: int = 10) -> str:
    return f"""
        input {{ generator {{ id => "in" lines => [{LINES}] codec => json count => {count} }} }}
        filter {{
          if [a] == 1 {{ drop {{ id => "away" }} }}
          if [x] {{ split {{ id => "apart" field => "x" }} }}
          mutate {{ id => "named" add_field => {{ "b" => "c" }} }}
        }}
        output {{ file {{ id => "out" path => "{folder}/out" }} }}
    """


def shape(value: Any) -> Any:
    """A document with the kinds of its values in place of the values; of a list, its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return "null" if value is None else "number" if type(value) in (int, float) else type(value).__name__


HEAD = {
    **dict.fromkeys(("host", "version", "http_address", "id", "name", "ephemeral_id", "status"), "str"),
    "snapshot": "bool",
    "pipeline": dict.fromkeys(("workers", "batch_size", "batch_delay"), "number"),
}


def test_every_path_answers_with_logstashs_documents(tmp_path: Path) -> None:
    async def scenario() -> dict[str, Any]:
        async with watched(through(tmp_path), tmp_path, plugin_timing_every=1, node_name="n1") as it:
            await until(lambda: it.pipeline.counters.delivered == 30)
            await until(lambda: it.pipeline.in_flight.events == 0)
            paths = ["/", "/_node", "/_node/os,jvm", "/_node/pipelines", "/_node/pipelines/main?graph=true"]
            paths += ["/_node/stats", "/_node/stats/jvm", "/_node/stats/events,process", "/_node/stats/pipelines/main"]
            paths += ["/_node/stats?vertices=true", "/_node/hot_threads", "/_health_report", "/_node/plugins"]
            paths += ["/_node/stats/pipeline", "/health/live", "/health/ready"]
            return {path: await it.document(path) for path in paths}

    found = asyncio.run(scenario())
    for path in found:
        if not path.startswith(("/health/", "/_node/stats/pipeline")) or path.startswith("/_node/stats/pipelines"):
            assert shape({name: found[path][name] for name in HEAD}) == HEAD, path
            assert (found[path]["name"], found[path]["version"]) == ("n1", "8.19.0")
    assert (tmp_path / "data" / "uuid").read_text() == found["/"]["id"]
    assert set(found["/_node/os,jvm"]) - set(HEAD) == {"os", "jvm"}
    assert set(found["/_node"]) - set(HEAD) == {"os", "jvm", "pipelines"}
    sections = {"jvm", "process", "events", "flow", "pipelines", "reloads", "os", "queue"}
    assert set(found["/_node/stats"]) - set(HEAD) == sections
    assert set(found["/_node/stats/events,process"]) - set(HEAD) == {"events", "process"}

    main = found["/_node/stats/pipelines/main"]["pipelines"]["main"]
    assert main["events"] == found["/_node/stats"]["events"] | {
        "duration_in_millis": main["events"]["duration_in_millis"]
    }
    assert [main["events"][name] for name in ("in", "filtered", "out")] == [30, 30, 30]
    assert {item["id"]: item["events"] | {"duration_in_millis": 0} for item in main["plugins"]["filters"]} == {
        "away": {"in": 10, "out": 0, "duration_in_millis": 0},
        "apart": {"in": 10, "out": 20, "duration_in_millis": 0},
        "named": {"in": 30, "out": 30, "duration_in_millis": 0},
    }
    [output] = main["plugins"]["outputs"]
    assert (output["id"], output["name"], output["events"]["in"], output["events"]["out"]) == ("out", "file", 30, 30)
    assert found["/_node/stats/pipeline"]["pipeline"]["events"]["in"] == 30
    vertices = found["/_node/stats?vertices=true"]["pipelines"]["main"]["vertices"]
    assert [vertex["id"] for vertex in vertices] == ["in", "away", "apart", "named", "out"]
    graph = found["/_node/pipelines/main?graph=true"]["pipelines"]["main"]["graph"]["graph"]
    assert [vertex["id"] for vertex in graph["vertices"]] == ["in", "away", "apart", "named", "out"]
    assert found["/_node/plugins"]["total"] == len(found["/_node/plugins"]["plugins"]) > 10
    assert found["/_health_report"]["status"] == "green"
    assert found["/_node/hot_threads"]["hot_threads"]["threads"][0]["name"] == "MainThread"


STATS = {
    "jvm": {
        "threads": dict.fromkeys(("count", "peak_count"), "number"),
        "mem": {
            **dict.fromkeys(("heap_used_percent", "heap_committed_in_bytes", "heap_max_in_bytes"), "number"),
            **dict.fromkeys(("heap_used_in_bytes", "non_heap_used_in_bytes", "non_heap_committed_in_bytes"), "number"),
            "pools": dict.fromkeys(
                ("survivor", "old", "young"),
                dict.fromkeys(
                    ("used_in_bytes", "peak_used_in_bytes", "max_in_bytes", "peak_max_in_bytes", "committed_in_bytes"),
                    "number",
                ),
            ),
        },
        "gc": {
            "collectors": dict.fromkeys(
                ("old", "young"), dict.fromkeys(("collection_count", "collection_time_in_millis"), "number")
            )
        },
        "uptime_in_millis": "number",
    },
    "process": {
        **dict.fromkeys(("open_file_descriptors", "peak_open_file_descriptors", "max_file_descriptors"), "number"),
        "mem": {"total_virtual_in_bytes": "number"},
        "cpu": {
            "total_in_millis": "number",
            "percent": "number",
            "load_average": dict.fromkeys(("1m", "5m", "15m"), "number"),
        },
    },
    "reloads": dict.fromkeys(("successes", "failures"), "number"),
    "queue": {"events_count": "number"},
}
"""What programs that read Logstash ask for; from Metricbeat's and Telegraf's inputs and an exporter for Prometheus."""


def test_the_statistics_have_the_shape_that_readers_expect(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with watched(through(tmp_path), tmp_path) as it:
            return await it.document("/_node/stats")

    found = shape(asyncio.run(scenario()))
    assert {name: found[name] for name in STATS} == STATS
    numbers = dict.fromkeys(("in", "filtered", "out", "duration_in_millis", "queue_push_duration_in_millis"), "number")
    assert found["events"] == numbers
    rates = dict.fromkeys(("current", "lifetime"), "number")
    flows = ("input_throughput", "filter_throughput", "output_throughput", "queue_backpressure", "worker_concurrency")
    assert {name: found["flow"][name] for name in flows} == dict.fromkeys(flows, rates)
    main = found["pipelines"]["main"]
    assert main["events"] == numbers
    assert main["dead_letter_queue"] == {
        **dict.fromkeys(("queue_size_in_bytes", "max_queue_size_in_bytes"), "number"),
        **dict.fromkeys(("dropped_events", "expired_events"), "number"),
        "storage_policy": "str",
        "last_error": "str",
    }
    assert main["queue"]["capacity"] | {"events_count": "number"} == {
        **dict.fromkeys(("max_unread_events", "page_capacity_in_bytes", "max_queue_size_in_bytes"), "number"),
        **dict.fromkeys(("queue_size_in_bytes", "events_count"), "number"),
    }
    assert set(main["reloads"]) == {
        *("last_error", "successes", "failures", "last_success_timestamp", "last_failure_timestamp"),
    }


def test_what_is_not_there_and_what_is_meant_for_people(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watched(through(tmp_path), tmp_path) as it:
            for path in ("/nowhere", "/_node/nothing", "/_node/stats/nothing", "/_node/pipelines/x"):
                answer = await it.ask(path)
                wanted = {"path": path, "status": 404, "error": {"message": "Not Found"}}
                assert (answer.status, answer.document) == (404, wanted)
            assert (await it.ask("/_node/hot_threads?threads=x")).status == 400
            assert (await it.ask("/?pretty")).text.startswith('{\n  "host"')
            text = (await it.ask("/_node/hot_threads?human=true&threads=1")).text
            assert text.startswith("::: {")
            assert "MainThread, thread id" in text

    asyncio.run(scenario())


def test_who_may_ask(tmp_path: Path) -> None:
    good = {"Authorization": "Basic " + base64.b64encode(b"me:Passw0rd").decode()}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"me:Passw0rd!").decode()}
    chosen = {"api_auth_type": "basic", "api_auth_username": "me", "api_auth_password": "Passw0rd"}

    async def scenario() -> None:
        async with watched(through(tmp_path), tmp_path, **chosen) as it:
            for path in ("/", "/metrics", "/health/live", "/nowhere"):
                refused = await it.ask(path)
                assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="apex-logs"')
                assert (await it.ask(path, **wrong)).status == 401
            assert (await it.ask("/", **good)).status == 200

    asyncio.run(scenario())


def keystore(folder: Path, authority: trustme.CA) -> Path:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
    from cryptography.x509 import load_pem_x509_certificate

    issued = authority.issue_cert("127.0.0.1")
    key: Any = load_pem_private_key(issued.private_key_pem.bytes(), None)
    certificate = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    path = folder / "api.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"api", key, certificate, None, BestAvailableEncryption(b"s"))
    )
    return path


def test_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    chosen = {
        "api_ssl_enabled": True,
        "api_ssl_keystore": keystore(tmp_path, authority),
        "api_ssl_keystore_password": "s",
        "api_ssl_protocols": "TLSv1.3",
    }
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def ask(address: str) -> Any:
        with urllib.request.urlopen(f"https://{address}/", context=context, timeout=20) as answer:
            return json.load(answer)

    async def scenario() -> Any:
        async with watched(through(tmp_path), tmp_path, **chosen) as it:
            return await asyncio.to_thread(ask, it.node.address)

    assert asyncio.run(scenario())["status"] == "green"
    settings = Settings(**chosen | {"api_ssl_keystore_password": "wrong"})
    with pytest.raises(ConfigurationError):
        tls_of(settings)


def free_range() -> int:
    """A port that is taken, with one after it that is free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            with socket.socket() as after:
                try:
                    after.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
                return int(port)


def test_the_first_free_port_of_the_range_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = free_range()
        async with watched(through(tmp_path), tmp_path, api_http_port=f"{port}-{port + 1}") as first:
            assert first.node.address == f"127.0.0.1:{port}"
            async with watched(through(tmp_path), tmp_path, api_http_port=f"{port}-{port + 1}") as second:
                assert second.node.address == f"127.0.0.1:{port + 1}"

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_no_port_is_one_warning_and_no_end(host: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(port: int) -> None:
        async with watched(through(tmp_path), tmp_path, api_http_port=port, api_http_host=host) as it:
            await until(lambda: it.pipeline.counters.delivered == 30)
            assert it.node.address == ""

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asyncio.run(scenario(taken.getsockname()[1]))
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the API cannot listen" in record.message


def test_nothing_listens_where_it_is_not_enabled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with watched(through(tmp_path), tmp_path, api_enabled=False) as it:
            assert it.node.address == ""

    asyncio.run(scenario())


def test_a_server_is_made_only_when_somebody_asks(tmp_path: Path) -> None:
    script = """
import asyncio, sys, socket
from pathlib import Path
from pipeline.settings.logstash_yml import Settings
from pipeline.monitoring.listening import listening
from pipeline.monitoring.node import Node
async def main():
    node = Node(Settings(path_data=Path(sys.argv[1]), api_http_port=0))
    async with listening(node):
        await asyncio.sleep(0)
        assert "aiohttp" not in sys.modules and "prometheus_client" not in sys.modules
        host, port = node.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health/ready HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        print((await reader.read()).decode())
        writer.close()
asyncio.run(main())
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("HTTP/1.1 503 "), done.stderr
    assert "no pipeline runs" in done.stdout


def test_identity_where_the_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    node = Node(Settings(path_data=tmp_path / "file" / "data"))
    assert node.id == node.id
    assert Node(Settings(path_data=tmp_path)).id == Node(Settings(path_data=tmp_path)).id


def test_a_queue_and_reloads_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(Settings(path_data=tmp_path), planned(through(tmp_path)))
    monkeypatch.setattr(Pipeline, "queue", QueueFigures("persisted", 7, 512, 1024))
    node = Node(Settings(path_data=tmp_path), {"main": pipeline})
    node.reloads_of("main").succeeded()
    node.reloads_of("main").failed("line 3: no")
    document = Documents(node).stats(False)["pipelines"]()["main"]
    assert (document["queue"]["type"], document["queue"]["events_count"]) == ("persisted", 7)
    assert document["queue"]["max_queue_size_in_bytes"] == 1024
    reloads = document["reloads"]
    assert (reloads["successes"], reloads["failures"], reloads["last_error"]["message"]) == (1, 1, "line 3: no")
    assert reloads["last_failure_timestamp"].endswith("Z")


def test_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("pipeline.monitoring.rates.time.monotonic", lambda: now[0])
    rates = Rates(100.0)
    now[0] = 110.0
    assert rates.look((50.0,)) == [{"current": 5.0, "lifetime": 5.0}]
    now[0] = 120.0
    assert rates.look((250.0,)) == [{"current": 20.0, "lifetime": 12.5}]
    now[0] = 190.0  # longer than the last minute ago, so since the start
    assert rates.look((250.0,)) == [{"current": 2.7778, "lifetime": 2.7778}]
    now[0] = 200.0  # another pipeline after a reload
    assert rates.look((10.0,)) == [{"current": 0.1, "lifetime": 0.1}]


async def _closing(node: Node) -> str:
    async with listening(node):
        return node.address


def test_the_port_is_free_afterwards(tmp_path: Path) -> None:
    address = asyncio.run(_closing(Node(Settings(path_data=tmp_path, api_http_port=0))))
    with pytest.raises(OSError, match="refused"):
        fetch(f"http://{address}/")
