"""Fixtures with real servers, one for each test process. What cannot be had is skipped by name."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline.commands.repeats import Repeats
from tests.loki_server import LokiServer
from tests.servers import elasticsearch_node, kafka_cluster, postgres, rabbitmq, redis, telegraf_reader
from tests.servers.skipping import or_skip

settings.register_profile("suite", deadline=None)  # how long an example takes is the machine's mood
settings.load_profile("suite")


def pytest_configure() -> None:
    """Ctrl-C means what it means at a terminal, also where the suite is started in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command that runs in the test's process sets up the log, with a clock of its own, for that test alone."""
    yield
    root = logging.getLogger()
    for handler in root.handlers[:]:
        for each in handler.filters:
            if isinstance(each, Repeats):
                root.removeHandler(handler)
                each.close()


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """A command that runs in the test's process takes signals, and uvloop leaves them so."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elasticsearch_node.Server]:
    """A real Elasticsearch: `url`, and `start()`, `stop()`, `kill()` for tests of failures."""
    with or_skip("elasticsearch"), elasticsearch_node.started(tmp_path_factory.mktemp("elasticsearch")) as node:
        yield node


@pytest.fixture(scope="module")
def secure_elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elasticsearch_node.LocalNode]:
    """A node with TLS and passwords: `ca`, and the user `tester` with `PASSWORD`."""
    folder = tmp_path_factory.mktemp("secure")
    with or_skip("elasticsearch with security"), elasticsearch_node.started(folder, secure=True) as node:
        assert isinstance(node, elasticsearch_node.LocalNode)
        yield node


@pytest.fixture(scope="session")
def telegraf() -> Path:
    """Telegraf's reader of Logstash's monitoring API, as a program."""
    with or_skip("telegraf"):
        return telegraf_reader.built()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_cluster.Cluster]:
    """A real Apache Kafka of one broker: `bootstrap`, and `start(1)`, `stop(1)`, `kill(1)` for tests of failures."""
    with or_skip("kafka"), kafka_cluster.started(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_cluster.LocalCluster]:
    """A broker with listeners for TLS with passwords and tokens (`secure`) and with certificates (`mutual`)."""
    with or_skip("kafka"), kafka_cluster.started(tmp_path_factory.mktemp("secure"), secure=True) as cluster:
        assert isinstance(cluster, kafka_cluster.LocalCluster)
        yield cluster


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL: `url`, and `start()`, `stop()` for tests of failures."""
    with or_skip("postgresql"), postgres.started() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    """A real Redis: `port`, and `start()`, `stop()` for tests of failures."""
    with or_skip("redis"), redis.started(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbitmq.Server]:
    """A real RabbitMQ: `port`, and `start()`, `stop()`, `kill()` for tests of failures."""
    with or_skip("rabbitmq"), rabbitmq.started(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def loki() -> Iterator[LokiServer]:
    """What Loki documents of its push API, strictly: `url`, `streams`, and `refusals` for tests of failures."""
    with LokiServer() as server:
        yield server
