"""The pipeline as its pod runs it: arguments, variables and files, probes, the end; Beats and Kafka in, one document.

Paths become a folder, and ports free ones; addresses are this machine's. 127.0.0.2 stands for the pod's own address:
only what listens on every address answers there.
"""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer

from shippers.lumberjack import Sender
from tests.cli.program import Running, invoke, until
from tests.deploy.filebeat import envelope
from tests.deploy.manifests import ROOT, Objects
from tests.servers.elasticsearch_node import Server, free_port
from tests.servers.kafka_cluster import Cluster

OTHERS = "127.0.0.2"
LINE = (
    '{"timestamp":"2026-11-21T06:29:45.816Z","level":"info","event":"request_finished","route":"/projects/{id}",'
    '"status":200,"source_ip":"81.2.69.142","trace_id":"2a095ee82bb2997659ba1b0d5c906158"}'
)


class Pod(NamedTuple):
    """A pod that runs here."""

    engine: Running
    beats: int
    monitoring: int


@contextmanager
def pod(objects: Objects, folder: Path, elasticsearch: str, kafka: str, index: str = "apex-logs") -> Iterator[Pod]:
    """The pipeline's container, as a process."""
    container = objects.pods()["pipeline"].container()
    beats, monitoring = free_port(), free_port()
    config = folder / "etc"
    config.mkdir()
    for name, text in objects.config("pipeline-config").items():
        instead = {"port => 5044": f"port => {beats}", '"elasticsearch:9200"': f'"{elasticsearch}"',
                   "apex-logs-%{": index + "-%{"}  # fmt: skip
        for old, new in instead.items():
            text = text.replace(old, new)
        (config / name).write_text(text)
    run, *arguments = container["args"]
    assert run == "run"
    arguments = [each.replace("/etc/apex-logs", str(config)) for each in arguments]
    arguments = [each.replace("/var/lib/apex-logs", str(folder / "data")) for each in arguments]
    environment = objects.pods()["pipeline"].environment() | {
        "API_HTTP_PORT": str(monitoring),
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
    }
    with Running(*arguments, cwd=folder, **environment) as engine:
        yield Pod(engine, beats, monitoring)


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{OTHERS}:{port}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_probes_answer_on_the_pods_address_and_sigterm_ends_it(base: Objects, tmp_path: Path) -> None:
    """Neither Elasticsearch nor Kafka is there: it is alive and ready, and senders wait."""
    container = base.pods()["pipeline"].container()
    nobody = f"127.0.0.1:{free_port()}"
    with pod(base, tmp_path, nobody, nobody) as running:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            until(lambda path=path: status(running.monitoring, path) == 200, lambda path=path: path)
        for line in list(running.engine.log):
            json.loads(line)  # LOG_FORMAT
        running.engine.send(signal.SIGTERM)
        assert running.engine.wait() == 0


async def over_beats(port: int, event: dict[str, Any]) -> None:
    async with Sender(OTHERS, port) as sender:
        await sender.send([event])


async def over_kafka(bootstrap: str, *events: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for event in events:
            await producer.send_and_wait("apex-logs", json.dumps(event).encode(), key=b"path")
    finally:
        await producer.stop()


def test_beats_and_kafka_become_one_document(
    base: Objects, tmp_path: Path, elasticsearch: Server, kafka: Cluster
) -> None:
    """The same line by both roads has one id; another line that came by Kafka alone is there too."""
    file = str(ROOT / "shippers" / "kafka" / "topics.yaml")
    assert invoke("setup", "kafka", file, "--bootstrap-servers", kafka.bootstrap, "--replication-factor", "1").code == 0
    address = elasticsearch.url.removeprefix("http://")
    event = envelope("kubernetes", LINE, app="apex-api")
    other = {**envelope("kubernetes", LINE, app="apex-api"), "log": {"offset": 512, "file": event["log"]["file"]}}

    def found() -> list[dict[str, Any]]:
        url = f"{elasticsearch.url}/deployed-*/_search?ignore_unavailable=true"
        urllib.request.urlopen(f"{elasticsearch.url}/deployed-*/_refresh?ignore_unavailable=true", b"", 30).close()
        with urllib.request.urlopen(url, timeout=30) as answer:
            return [hit["_source"] for hit in json.load(answer)["hits"]["hits"]]

    with pod(base, tmp_path, address, kafka.bootstrap, index="deployed") as running:
        until(lambda: status(running.monitoring, "/health/ready") == 200, lambda: "readiness")
        asyncio.run(over_beats(running.beats, event))
        asyncio.run(over_kafka(kafka.bootstrap, event, other))
        until(lambda: len(found()) == 2, lambda: f"two documents, not {found()}")
        running.engine.send(signal.SIGTERM)
        assert running.engine.wait() == 0
        [end] = [json.loads(line) for line in running.engine.log if '"drained"' in line]
    assert (end["delivered"], end["duplicates"], end["dead"]) == (2, 1, 0)
    for document in found():
        assert document["log_event"] == "request_finished"
        assert document["fields"] == {"service": "apex-api"}
        assert document["geoip"]["country_code2"] == "GB"
        assert document["kubernetes"]["labels"] == {"app": "apex-api"}


@pytest.mark.parametrize("name", ["logstash.conf", "loki.conf", "secure.conf"])
def test_the_filters_are_the_documents(name: str) -> None:
    """loki.conf and secure.conf repeat them, as a configuration cannot take a part of another."""
    logging = ROOT / "infra" / "logging"

    def filters(text: str) -> str:
        return text[text.index("filter {") : text.index("output {")]

    assert filters((logging / name).read_text()) == filters((logging / "logstash.conf").read_text())
