"""Kafka's file and variables, as the image puts them together, on a real broker; the topics' job on it.

The image's start is a program of Kafka itself, `kafka.docker.KafkaDockerWrapper`: it appends the KAFKA_* variables to
the mounted file, and formats the disk. That program runs here, and a broker of the same version with what it wrote.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import invoke
from tests.deploy import composing
from tests.deploy.manifests import ROOT, Objects
from tests.servers import kafka_cluster, packages
from tests.servers.elasticsearch_node import free_port
from tests.servers.skipping import or_skip

PATIENCE = 120.0
TOPICS = str(ROOT / "shippers" / "kafka" / "topics.yaml")


def java(*arguments: str) -> list[str]:
    made = kafka_cluster.files()
    return [str(made.java.home / "bin" / "java"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", made.classpath,
            *arguments]  # fmt: skip


def prepared(folder: Path, variables: Mapping[str, str], **instead: str) -> Path:
    """The broker's properties as the image makes them; addresses and folders become this machine's."""
    mounted, final = folder / "mounted", folder / "final"
    mounted.mkdir(parents=True)
    final.mkdir()
    text = (ROOT / "infra" / "kafka" / "server.properties").read_text()
    for name, value in instead.items():
        key = name.replace("_", ".")
        assert f"\n{key}=" in text, key
        text = "\n".join(f"{key}={value}" if line.startswith(f"{key}=") else line for line in text.splitlines())
    (mounted / "server.properties").write_text(text + "\n")
    (folder / "default").mkdir()
    folders = {"default": folder / "default", "mounted": mounted, "final": final}
    options = [f"--{name}-configs-dir={path}" for name, path in folders.items()]
    command = java("kafka.docker.KafkaDockerWrapper", "setup", *options)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    done = subprocess.run(command, env={**kept, **variables}, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return final / "server.properties"


@contextmanager
def running(brokers: Mapping[int, Path]) -> Iterator[None]:
    """Brokers by the ports that clients use, started side by side: their controllers need each other."""
    processes = {}
    try:
        for port, properties in brokers.items():
            with properties.with_name("log").open("wb") as output:
                processes[port] = subprocess.Popen(java("kafka.Kafka", str(properties)), stdout=output, stderr=output)
        for port, properties in brokers.items():
            answers(port, processes[port], properties.with_name("log"))
        yield
    finally:
        for process in processes.values():
            process.kill()
            process.wait(PATIENCE)


def answers(port: int, broker: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the port answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert broker.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


def read(path: Path) -> dict[str, str]:
    """A properties file; what comes later stands."""
    pairs = [line.partition("=") for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def test_the_compose_broker_starts_and_the_job_makes_its_topics(tmp_path: Path) -> None:
    with or_skip("kafka"):
        service: dict[str, Any] = composing.read("full")["services"]["kafka"]
        setup = composing.read("full")["services"]["kafka-setup"]["command"]
        port, controller = free_port(), free_port()
        variables = service["environment"] | {
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@127.0.0.1:{controller}",
        }
        listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
        properties = prepared(tmp_path, variables, listeners=listeners, log_dirs=str(tmp_path / "logs"))
    assert read(properties)["auto.create.topics.enable"] == "false"
    with running({port: properties}):
        told = [each.replace("/etc/kafka-topics/topics.yaml", TOPICS) for each in setup]
        told = [each.replace("kafka:9092", f"127.0.0.1:{port}") for each in told]
        code, out, err = invoke(*told)
        assert (code, err) == (0, "")
        assert [line.split(": ")[:2] for line in out.splitlines()] == [["apex-logs", "create"],
                                                                        ["apex-logs-enriched", "create"]]  # fmt: skip
        assert invoke(*told).out == "apex-logs: as it should be\napex-logs-enriched: as it should be\n"


@pytest.fixture(scope="module")
def brokers(base: Objects, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """The StatefulSet's three brokers; the ports that clients use."""
    with or_skip("kafka"):
        packages.jdk()
        pod = base.pods()["kafka"]
        ports = [free_port() for _ in range(3)]
        controllers = [free_port() for _ in range(3)]
        folder = tmp_path_factory.mktemp("brokers")
        made = []
        for number in range(3):
            variables = {
                name: value.replace("$(POD_NAME)", f"kafka-{number}") for name, value in pod.environment().items()
            }
            advertised = variables["KAFKA_ADVERTISED_LISTENERS"]
            assert advertised == f"PLAINTEXT://kafka-{number}.kafka-brokers:9092"
            voters = variables["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
            assert voters == [f"{n}@kafka-{n}.kafka-brokers:9093" for n in range(3)]
            variables |= {
                "KAFKA_NODE_ID": str(number),
                "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{ports[number]}",
                "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(
                    f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers)
                ),
            }
            here = folder / f"kafka-{number}"
            listeners = f"PLAINTEXT://127.0.0.1:{ports[number]},CONTROLLER://127.0.0.1:{controllers[number]}"
            made.append(prepared(here, variables, listeners=listeners, log_dirs=str(here / "logs")))
    with running(dict(zip(ports, made, strict=True))):
        yield ports


def test_three_brokers_are_a_cluster_with_the_topics_of_the_file(base: Objects, brokers: list[int]) -> None:
    """Three copies can only be made where there are three brokers."""
    args = base.pods()["kafka-setup"].container()["args"]
    told = [each.replace("/etc/kafka-topics/topics.yaml", TOPICS) for each in args]
    told = [each.replace("kafka:9092", f"127.0.0.1:{brokers[0]}") for each in told]
    code, out, err = invoke(*told)
    assert (code, err) == (0, "")
    assert out.startswith("apex-logs: create: 12 partitions, 3 copies, min.insync.replicas=2")
