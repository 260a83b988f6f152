"""`apex-logs setup kafka` on real brokers: what it makes, says and leaves alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.kafka.administration import administrator, found
from pipeline.kafka.topics import Found, Topic
from tests.cli.program import invoke
from tests.kafka.workbench import unique
from tests.servers.elasticsearch_node import free_port
from tests.servers.kafka_cluster import PASSWORD, USER, Cluster, LocalCluster


def layout(folder: Path, *topics: tuple[str, int, str]) -> str:
    rows = [f"  - {{name: {name}, partitions: {count}, replication_factor: 3, {more}}}" for name, count, more in topics]
    (folder / "topics.yaml").write_text("\n".join(["topics:", *rows]) + "\n")
    return str(folder / "topics.yaml")


def there(bootstrap: str, name: str) -> Found | None:
    async def look() -> Found | None:
        async with administrator({"bootstrap_servers": [bootstrap]}) as client:
            return (await found(client, [Topic(name=name, partitions=1, replication_factor=1)])).get(name)

    return asyncio.run(look())


def test_made_once_and_grown(tmp_path: Path, kafka: Cluster) -> None:
    name = unique("setup")
    retention = "settings: {retention.ms: 3600000, min.insync.replicas: 2}"
    options = ["--bootstrap-servers", kafka.bootstrap, "--replication-factor", "1"]
    file = layout(tmp_path, (name, 2, retention))

    code, out, _ = invoke("setup", "kafka", file, *options, "--dry-run")
    made_of = "2 partitions, 1 copy, retention.ms=3600000, min.insync.replicas=1"
    assert (code, out) == (0, f"{name}: would create: {made_of}\n")
    assert there(kafka.bootstrap, name) is None

    code, out, _ = invoke("setup", "kafka", file, *options)
    assert code == 0
    assert out == f"{name}: create: {made_of}\n"
    made = there(kafka.bootstrap, name)
    assert made is not None
    assert (made.partitions, made.replication_factor) == (2, 1)
    assert made.own == {"retention.ms": "3600000", "min.insync.replicas": "1"}

    assert invoke("setup", "kafka", file, *options)[:2] == (0, f"{name}: as it should be\n")

    file = layout(tmp_path, (name, 3, "settings: {segment.ms: 60000, unclean.leader.election.enable: true}"))
    code, out, _ = invoke("setup", "kafka", file, *options, "--dry-run")
    wanted = ["partitions: 2 -> 3", "segment.ms: 604800000 -> 60000", "unclean.leader.election.enable: false -> true"]
    assert (code, out.splitlines()) == (0, [f"{name}: would {line}" for line in wanted])
    code, out, _ = invoke("setup", "kafka", file, *options)
    assert (code, out.splitlines()) == (0, [f"{name}: {line}" for line in wanted])
    grown = there(kafka.bootstrap, name)
    assert grown is not None
    assert grown.partitions == 3
    assert grown.own == {**made.own, "segment.ms": "60000", "unclean.leader.election.enable": "true"}
    assert invoke("setup", "kafka", file, *options)[:2] == (0, f"{name}: as it should be\n")

    file = layout(tmp_path, (name, 1, "settings: {}"))
    code, out, _ = invoke("setup", "kafka", file, *options)
    assert (code, out) == (0, f"{name}: stays: 3 partitions, not 1, as Kafka takes none away\n")


REFUSED = {
    "more copies than brokers": (3, "settings: {}", "replication factor"),
    "a setting that there is not": (1, "settings: {no.such.setting: 1}", "no.such.setting"),
}


@pytest.mark.parametrize(("copies", "more", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_a_broker_refuses(tmp_path: Path, kafka: Cluster, copies: int, more: str, reason: str) -> None:
    name = unique("refused")
    file = layout(tmp_path, (name, 1, more))
    options = ["--bootstrap-servers", kafka.bootstrap, "--replication-factor", str(copies)]
    code, _, err = invoke("setup", "kafka", file, *options)
    assert code == 1
    assert err.startswith(f"{name} cannot be created: ")
    assert reason in err.lower()


def test_no_broker(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    code, _, err = invoke("setup", "kafka", layout(tmp_path, ("t", 1, "settings: {}")), "--bootstrap-servers", nowhere)
    assert code == 1
    assert nowhere in err


WRONG = {
    "no such file": ("", "localhost:9092", "No such file"),
    "no topics": ("a: 1\n", "localhost:9092", "topics: Field required"),
    "no YAML": ("topics: [\n", "localhost:9092", "topics.yaml: "),
    "an address without a port": ("topics: [{name: a, partitions: 1, replication_factor: 1}]", "x", "no address"),
}


@pytest.mark.parametrize(("text", "bootstrap", "reason"), WRONG.values(), ids=WRONG)
def test_wrong_files_and_addresses(tmp_path: Path, text: str, bootstrap: str, reason: str) -> None:
    file = tmp_path / "topics.yaml"
    if text:
        file.write_text(text)
    code, _, err = invoke("setup", "kafka", str(file), "--bootstrap-servers", bootstrap)
    assert code == 2
    assert reason in err


def test_over_tls_with_a_login(tmp_path: Path, secure_kafka: LocalCluster) -> None:
    client = tmp_path / "client.properties"
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    lines = [
        "# as Kafka's own tools read it",
        "security.protocol=SASL_SSL",
        "sasl.mechanism=SCRAM-SHA-512",
        f'sasl.jaas.config={login} username="{USER}" password="{PASSWORD}";',
        f"ssl.truststore.location={secure_kafka.ca}",
    ]
    client.write_text("\n".join(lines) + "\n")
    name = unique("secure")
    file = layout(tmp_path, (name, 1, "settings: {}"))
    options = ["--bootstrap-servers", secure_kafka.secure, "--replication-factor", "1", "--command-config", str(client)]
    assert invoke("setup", "kafka", file, *options)[:2] == (0, f"{name}: create: 1 partition, 1 copy\n")
    client.write_text("security.protocol\n")
    code, _, err = invoke("setup", "kafka", file, *options)
    assert (code, err) == (2, f"{client}:1: expected name=value\n")
    client.write_text("security.protocol=TLS\n")
    code, _, err = invoke("setup", "kafka", file, *options)
    assert code == 2
    assert f"{client}: security_protocol: " in err
