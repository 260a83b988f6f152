"""The StatefulSet's settings on real nodes: one cluster, plain and with TLS; what the set-up job makes is enough."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from shippers.lumberjack import Sender
from tests.cli.program import Running, until
from tests.deploy import cluster
from tests.deploy.cluster import NODES, Node
from tests.deploy.filebeat import envelope
from tests.deploy.manifests import Objects
from tests.servers.elasticsearch_node import PASSWORD, free_port
from tests.servers.skipping import or_skip

LINE = '{"timestamp":"2026-11-21T06:29:45.816Z","level":"info","event":"request_finished","source_ip":"81.2.69.142"}'


@pytest.fixture(scope="module")
def nodes(base: Objects, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with or_skip("elasticsearch"), cluster.started(tmp_path_factory.mktemp("nodes"), base) as found:
        yield found


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_three_nodes_are_one_cluster_and_the_probes_say_so(base: Objects, nodes: list[Node]) -> None:
    container = base.pods()["elasticsearch"].container()
    for node in nodes:
        joined = asked(f"{node.url}{quote(container['startupProbe']['httpGet']['path'], safe='/?&=')}")
        assert (joined["cluster_name"], joined["number_of_nodes"]) == ("apex-logs", NODES)
        assert asked(f"{node.url}{container['readinessProbe']['httpGet']['path']}")["name"].startswith("elasticsearch-")
    with pytest.raises(urllib.error.HTTPError, match="408"):
        asked(f"{nodes[0].url}/_cluster/health?wait_for_nodes=ge(4)&timeout=1ms")


def test_it_stays_one_when_a_node_is_gone(nodes: list[Node]) -> None:
    nodes[2].kill()
    health = f"{nodes[0].url}/_cluster/health?wait_for_nodes=2&timeout=60s"
    assert asked(health)["number_of_nodes"] == NODES - 1
    nodes[2].start()
    assert asked(f"{nodes[0].url}/_cluster/health?wait_for_nodes=3&timeout=60s")["number_of_nodes"] == NODES


def set_up(overlay: Path, node: Node) -> None:
    """The set-up job's own script, with a user that the tests' nodes have in place of `elastic`."""
    secrets = overlay / "secrets"
    given = {
        "ELASTICSEARCH_URL": node.url,
        "CA": str(secrets / "ca.crt"),
        "ELASTIC_USERNAME": "tester",
        "ELASTIC_PASSWORD": PASSWORD,
        "KIBANA_PASSWORD": (secrets / "password-kibana-system").read_text(),
        "PIPELINE_PASSWORD": (secrets / "password-pipeline").read_text(),
    }
    for _ in range(2):  # again changes nothing
        done = subprocess.run(
            ["sh", overlay / "setup.sh"], env={**os.environ, **given}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr + done.stdout


def as_user(node: Node, ca: Path, user: str, password: str, path: str) -> Any:
    opener = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    opener.add_password(None, node.url, user, password)
    context = ssl.create_default_context(cafile=str(ca))
    handlers = [urllib.request.HTTPSHandler(context=context), urllib.request.HTTPBasicAuthHandler(opener)]
    with urllib.request.build_opener(*handlers).open(f"{node.url}{path}", timeout=30) as answer:
        return json.load(answer)


async def send(port: int, context: ssl.SSLContext) -> None:
    async with Sender("localhost", port, tls=context) as sender:
        await sender.send([envelope("kubernetes", LINE, app="apex-api")])


def test_the_secure_road_end_to_end(secure: Objects, overlay: Path, tmp_path: Path) -> None:
    """Filebeat's certificate, the pipeline's configuration, user and role, three nodes that trust one authority."""
    secrets = overlay / "secrets"
    ca = secrets / "ca.crt"
    (tmp_path / "nodes").mkdir()
    with cluster.started(tmp_path / "nodes", secure, secrets / "elasticsearch") as nodes:
        set_up(overlay, nodes[0])
        kibana = (secrets / "password-kibana-system").read_text()
        assert as_user(nodes[1], ca, "kibana_system", kibana, "/_security/_authenticate")["username"] == "kibana_system"

        port = free_port()
        text = secure.config("pipeline-config")["secure.conf"].replace("port => 5044", f"port => {port}")
        (tmp_path / "secure.conf").write_text(text.replace(":9200", f":{nodes[0].port}"))
        (tmp_path / "logstash.yml").write_text(secure.config("pipeline-config")["logstash.yml"])
        environment = {
            **secure.pods()["pipeline"].environment(),
            "TLS_FOLDER": str(secrets / "pipeline"),
            "ELASTICSEARCH_HOST": "localhost",
            "ELASTICSEARCH_PASSWORD": (secrets / "password-pipeline").read_text(),
            "API_HTTP_PORT": "0",
        }
        trusting = ssl.create_default_context(cafile=str(ca))
        arguments = ["-f", str(tmp_path / "secure.conf"), "--path.settings", str(tmp_path)]
        with Running(*arguments, cwd=tmp_path, **environment) as engine:
            engine.says("listening on 0.0.0.0")
            with pytest.raises((ssl.SSLError, ConnectionError, EOFError, asyncio.IncompleteReadError)):
                asyncio.run(send(port, trusting))  # no certificate
            trusting.load_cert_chain(secrets / "filebeat" / "tls.crt", secrets / "filebeat" / "tls.key")
            asyncio.run(send(port, trusting))

        documents: list[Any] = []

        def found() -> bool:
            """Copies of a shard show a document one after the other: what one has shown counts."""
            hits = as_user(nodes[2], ca, "tester", PASSWORD, "/apex-logs-*/_search?ignore_unavailable=true")
            documents[:] = [hit["_source"] for hit in hits["hits"]["hits"]]
            return bool(documents)

        until(found, lambda: "the document")
        [document] = documents
        assert document["log_event"] == "request_finished"
        assert document["geoip"]["country_code2"] == "GB"
