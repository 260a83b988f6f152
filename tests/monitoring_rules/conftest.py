"""The programs of Prometheus and its exporters, from Debian's packages. What cannot be had is skipped by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitoring_rules import emitting
from tests.servers import debian
from tests.servers.debian import Program
from tests.servers.elasticsearch_node import free_port
from tests.servers.kafka_cluster import Cluster
from tests.servers.skipping import or_skip

TEMPLATES = "usr/share/prometheus"


def _had(name: str, package: str) -> Program:
    with or_skip(name):
        return debian.program(name, package=package)


@pytest.fixture(scope="session")
def promtool() -> Program:
    return _had("promtool", "prometheus")


@pytest.fixture(scope="session")
def amtool() -> Program:
    return _had("amtool", "prometheus-alertmanager")


@pytest.fixture(scope="session")
def alertmanager() -> tuple[Program, list[str]]:
    """The program, and what stands before its own arguments.

    Debian's reads its templates from /usr/share; where it is unpacked and not installed, proot shows it them there.
    """
    program = _had("prometheus-alertmanager", "prometheus-alertmanager")
    templates = Path(program.path).parents[2] / TEMPLATES
    if templates == Path("/", TEMPLATES):
        return program, []
    return _had("proot", "proot"), ["-b", f"{templates}:/{TEMPLATES}", program.path]


@pytest.fixture(scope="session")
def node_exporter() -> Program:
    return _had("prometheus-node-exporter", "prometheus-node-exporter")


@pytest.fixture(scope="session")
def postgres_exporter() -> Program:
    return _had("prometheus-postgres-exporter", "prometheus-postgres-exporter")


@pytest.fixture(scope="session")
def prometheus() -> Program:
    return _had("prometheus", "prometheus")


@pytest.fixture(scope="session")
def pages(
    tmp_path_factory: pytest.TempPathFactory, kafka: Cluster, node_exporter: Program, postgres_exporter: Program
) -> dict[str, str]:
    """What each job says; the database of the exporter is away."""
    folder = tmp_path_factory.mktemp("emitted")
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    return {
        "api": emitting.of_api(folder / "api"),
        "pipeline": emitting.of_pipeline(folder / "pipeline", kafka.bootstrap),
        "node": emitting.of_node_exporter(node_exporter, folder),
        "postgres": emitting.of_postgres_exporter(postgres_exporter, folder, away),
    }
