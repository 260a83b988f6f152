"""The Kafka handler against a real broker, and the kafka input behind it."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shippers.handlers.brokers import Security
from shippers.handlers.kafka import KafkaHandler
from shippers.handlers.logs import ShippingHandler
from shippers.handlers.targets import handler_for
from shippers.handlers.transports import Pace, ShippingThread
from tests.kafka.workbench import make_topic, unique, whole_topic
from tests.proofs.engine import TextEngine
from tests.servers import kafka_cluster
from tests.servers.elasticsearch_node import free_port
from tests.shippers.handlers.workbench import PATIENCE, QUICK, ROOT, eventually, program

LogsTo = Callable[[ShippingHandler], logging.Logger]


@pytest.fixture
def topic(kafka: kafka_cluster.Cluster) -> str:
    name = unique("handlers")
    asyncio.run(make_topic(kafka.bootstrap, name, 3))
    return name


def _messages(kafka: kafka_cluster.Cluster, topic: str) -> list[Any]:
    return [event["message"] for event in asyncio.run(whole_topic(kafka.bootstrap, topic))]


def test_records_are_envelopes_and_the_input_takes_their_ids(
    kafka: kafka_cluster.Cluster, topic: str, tmp_path: Path, logs_to: LogsTo
) -> None:
    handler = KafkaHandler(kafka.bootstrap, topic, fields={"service": "apex-api"}, pace=QUICK)
    logger = logs_to(handler)
    for number in range(300):
        logger.info("%d", number)
    assert handler.drain(PATIENCE)
    assert (handler.sent, handler.queued, handler.dropped) == (300, 0, 0)
    events = asyncio.run(whole_topic(kafka.bootstrap, topic))
    assert sorted(int(event["message"]) for event in events) == list(range(300))
    assert len({event["@metadata"]["_id"] for event in events}) == 300
    written = tmp_path / "ids"
    text = f"""input {{ kafka {{ bootstrap_servers => "{kafka.bootstrap}" topics => ["{topic}"] group_id => "{topic}"
        auto_offset_reset => "earliest" codec => json }} }}
    output {{ file {{ path => "{written}" codec => line {{ format => "%{{[@metadata][event_id]}}" }} }} }}"""
    engine = TextEngine(tmp_path / "engine", text)
    engine.start()
    try:
        eventually(lambda: engine.runs() or (written.exists() and len(written.read_text().splitlines()) >= 300))
    finally:
        engine.kill()
    assert set(written.read_text().splitlines()) == {event["@metadata"]["_id"] for event in events}


def test_a_broker_that_is_killed_costs_nothing_and_repeats_nothing(
    kafka: kafka_cluster.Cluster, topic: str, logs_to: LogsTo, capfd: pytest.CaptureFixture[str]
) -> None:
    pace = Pace(delay=0.02, timeout=1.0, first_pause=0.1, longest_pause=0.2, farewell=PATIENCE)
    handler = KafkaHandler(kafka.bootstrap, topic, pace=pace)
    logger = logs_to(handler)
    for number in range(100):
        logger.info("%d", number)
    assert handler.drain(PATIENCE)
    kafka.kill(1)
    try:
        for number in range(100, 200):
            logger.info("%d", number)
        assert not handler.drain(0.5)
        said: list[str] = []
        eventually(lambda: said.append(capfd.readouterr().err) or "records wait" in "".join(said))
    finally:
        kafka.start(1)
    for number in range(200, 300):
        logger.info("%d", number)
    assert handler.drain(PATIENCE)
    assert Counter(map(int, _messages(kafka, topic))) == Counter(range(300))
    assert handler.dropped == 0


def test_the_end_is_bounded_while_records_are_under_way_to_a_broker_that_is_gone(
    kafka: kafka_cluster.Cluster, topic: str
) -> None:
    text = """
log.info("before")
assert handler.drain(30)
print("ready", flush=True)
sys.stdin.readline()
log.info("after")
"""
    command = [sys.executable, "-c", START.replace("30.0", "0.5") + text, kafka.bootstrap, topic]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as ending:
        assert ending.stdout is not None
        assert ending.stdout.readline() == "ready\n"
        kafka.kill(1)
        try:
            _, said = ending.communicate("\n", timeout=PATIENCE)
        finally:
            kafka.start(1)
    assert ending.returncode == 0
    assert "1 records were not delivered within 0.5 s at the end" in said
    assert "Traceback" not in said
    assert _messages(kafka, topic) == ["before"]


def test_a_handler_that_is_closed_meanwhile_lets_go(kafka: kafka_cluster.Cluster, topic: str, logs_to: LogsTo) -> None:
    handler = KafkaHandler(kafka.bootstrap, topic, pace=dataclasses.replace(QUICK, farewell=0.5))
    logger = logs_to(handler)
    logger.info("before")
    assert handler.drain(PATIENCE)
    kafka.kill(1)
    try:
        logger.info("after")
        handler.close()
        eventually(lambda: not any(isinstance(thread, ShippingThread) for thread in threading.enumerate()))
    finally:
        kafka.start(1)
    assert (handler.sent, handler.queued, handler.dropped) == (1, 0, 1)


def test_brokers_that_are_away_hold_up_nothing(logs_to: LogsTo, capfd: pytest.CaptureFixture[str]) -> None:
    pace = Pace(delay=0.01, first_pause=0.01, longest_pause=0.05, farewell=0.3)
    handler = KafkaHandler(f"127.0.0.1:{free_port()}", "t", capacity=10, pace=pace)
    logger = logs_to(handler)
    for number in range(100):
        logger.info("%d", number)
    handler.close()
    eventually(lambda: handler.dropped == 100)
    assert handler.sent == handler.queued == 0
    assert "were not delivered within 0.3 s at the end" in capfd.readouterr().err


def test_what_is_too_large_for_the_topic_goes_in_parts_and_alone_is_counted(
    kafka: kafka_cluster.Cluster, logs_to: LogsTo, capfd: pytest.CaptureFixture[str]
) -> None:
    name = unique("small")
    asyncio.run(make_topic(kafka.bootstrap, name, 1, **{"max.message.bytes": "3000"}))
    handler = KafkaHandler(kafka.bootstrap, name, pace=dataclasses.replace(QUICK, complain_every=0.0))
    logger = logs_to(handler)
    noise = [bytes(range(33, 127)).decode()[shift:] for shift in range(60)]
    for number in range(60):
        logger.info("%d %s", number, noise[number])
    logger.info("large %s", "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(4000)))
    logger.info("after")
    assert handler.drain(PATIENCE)
    assert (handler.sent, handler.queued, handler.dropped) == (61, 0, 1)
    shipped = Counter(message.split()[0] for message in _messages(kafka, name))
    assert shipped == Counter([*map(str, range(60)), "after"])
    eventually(lambda: "refuses 1 records" in capfd.readouterr().err)


START = """
import logging, os, sys
from shippers.handlers.kafka import KafkaHandler
from shippers.handlers.transports import Pace
handler = KafkaHandler(sys.argv[1], sys.argv[2], pace=Pace(farewell=30.0))
log = logging.getLogger()
log.addHandler(handler)
log.setLevel("INFO")
"""


@pytest.mark.parametrize("drained", [False, True])
def test_children_and_the_end(kafka: kafka_cluster.Cluster, topic: str, drained: bool) -> None:
    text = f"""
log.info("parent before")
{"assert handler.drain(30)" if drained else ""}
for number in range(3):
    if os.fork() == 0:
        log.info("child %d", number)
        sys.exit(0)
for _ in range(3):
    os.wait()
log.info("parent after")
"""
    assert program(START + text, kafka.bootstrap, topic) == ""
    expected = ["parent before", "parent after", *(f"child {number}" for number in range(3))]
    assert sorted(_messages(kafka, topic)) == sorted(expected)


def test_what_the_client_logs_is_not_shipped(kafka: kafka_cluster.Cluster, topic: str) -> None:
    text = START + "log.setLevel('DEBUG'); log.debug('mine'); assert handler.drain(30); log.debug('mine too')"
    assert program(text, kafka.bootstrap, topic) == ""
    assert sorted(_messages(kafka, topic)) == ["mine", "mine too"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_over_tls(secure_kafka: kafka_cluster.LocalCluster, mechanism: str, logs_to: LogsTo) -> None:
    name = unique("login")
    tls = ssl.create_default_context(cafile=str(secure_kafka.ca))
    security = Security(tls, kafka_cluster.USER, kafka_cluster.PASSWORD, mechanism)
    assert kafka_cluster.PASSWORD not in repr(security)
    handler = KafkaHandler(secure_kafka.secure, name, security=security, pace=QUICK)
    logs_to(handler).info("secret")
    assert handler.drain(PATIENCE)
    assert _messages(secure_kafka, name) == ["secret"]


def test_certificates_from_a_target(secure_kafka: kafka_cluster.LocalCluster, logs_to: LogsTo) -> None:
    name = unique("mutual")
    files = f"ca={secure_kafka.ca}&certificate={secure_kafka.client}&key={secure_kafka.client}"
    handler = handler_for(f"kafka+tls://{secure_kafka.mutual}/{name}?{files}", pace=QUICK)
    logs_to(handler).info("secret")
    assert handler.drain(PATIENCE)
    assert _messages(secure_kafka, name) == ["secret"]


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("kafka://", "'' cannot be the name of a topic"),
        ("kafka://b", "'' cannot be the name of a topic"),
        ("kafka://b/a/b", "'a/b' cannot be the name of a topic"),
        ("kafka:///t", "'' is no address: give host:port, such as logs.example.org:9092"),
        ("kafka://user:secret@b/t", "'kafka://...@b/t' is no log target: it may hold no user and password"),
    ],
)
def test_what_is_no_target_is_said(target: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="is no log target") as raised:
        handler_for(target)
    assert complaint in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_missing_client_is_said() -> None:
    text = """
import sys
sys.modules["aiokafka"] = None
from shippers.handlers.targets import handler_for
handler_for("beats://a").close()
handler_for("kafka://a/t")
"""
    assert "pip install 'apex-logs[kafka]'" in program(text, code=1)
