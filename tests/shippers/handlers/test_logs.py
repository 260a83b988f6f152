"""The handler against the real input: `apex-logs run` with the embedded store."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shippers.handlers.logs import LumberjackHandler, ShippingHandler
from shippers.handlers.transports import Pace, ShippingThread
from tests.servers.elasticsearch_node import free_port
from tests.shippers.handlers.workbench import PATIENCE, QUICK, Pipeline, Relay, eventually, new_run

LogsTo = Callable[[ShippingHandler], logging.Logger]
AWAY = Pace(delay=0.01, first_pause=0.01, longest_pause=0.05, farewell=0.2)
"""For a pipeline that is away, and does not come."""


def test_a_record_becomes_the_event_that_filebeat_would_send(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields={"service": "apex-api", **run}, pace=QUICK)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger = logs_to(handler)
    before = time.time()
    logger.warning("Zürich ☃ has %d\nlines", 2)
    assert handler.drain(PATIENCE)
    [document] = pipeline.found(run["run"])
    host = socket.gethostname()
    stamp, agent = document.pop("@timestamp"), document.pop("agent")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before)) <= stamp
    assert (agent["name"], agent["type"], agent["version"]) == (host, "filebeat", "8.11.0")
    assert agent["id"] != agent["ephemeral_id"]
    assert document == {
        "@version": "1",
        "message": "WARNING: Zürich ☃ has 2\nlines",
        "log": {"level": "warning", "logger": logger.name},
        "input": {"type": "python"},
        "fields": {"service": "apex-api", **run},
        "host": {"name": host},
        "ecs": {"version": "8.0.0"},
        "tags": ["beats_input_codec_plain_applied"],
    }
    assert (handler.sent, handler.queued, handler.dropped) == (1, 0, 0)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "arguments", "shipped"),
    [
        ("%d of %d", ("one", 2), "%d of %d ('one', 2) (not formatted: TypeError)"),
        ("%s", (Unspeakable(),), "%s arguments without a text: RuntimeError (not formatted: RuntimeError)"),
        (Unspeakable(), (), "a Unspeakable without a text: RuntimeError () (not formatted: RuntimeError)"),
        ("half \ud83d of a pair", (), "half \ud83d of a pair"),
        ("nul \0 and \x1b[0m", (), "nul \0 and \x1b[0m"),
        ({"a": 1}, (), "{'a': 1}"),
        ("", (), ""),
    ],
)
def test_what_is_odd_is_shipped_and_raises_nothing(
    pipeline: Pipeline, logs_to: LogsTo, message: Any, arguments: tuple[Any, ...], shipped: str
) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    told: list[logging.LogRecord] = []
    handler.handleError = told.append  # it prints a traceback
    logs_to(handler).error(message, *arguments)
    assert handler.drain(PATIENCE)
    assert pipeline.messages(run["run"]) == [shipped]
    assert len(told) == ("not formatted" in shipped)


def test_a_formatter_that_cannot_be_survived_is_counted(pipeline: Pipeline, logs_to: LogsTo) -> None:
    class Endless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return self.format(record)

    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    handler.setFormatter(Endless())
    handler.handleError = lambda record: None  # it prints a traceback
    logs_to(handler).error("deep")
    assert handler.drain(PATIENCE)
    assert handler.sent + handler.dropped == 1


def test_a_record_without_any_text_is_counted(pipeline: Pipeline, logs_to: LogsTo) -> None:
    handler = LumberjackHandler(pipeline.address, pace=QUICK)
    told: list[logging.LogRecord] = []
    handler.handleError = told.append  # it prints a traceback
    logs_to(handler).handle(logging.makeLogRecord({"name": Unspeakable(), "levelno": logging.INFO}))
    assert (handler.sent, handler.queued, handler.dropped, len(told)) == (0, 0, 1, 1)


def test_flushing_hurries_and_does_not_wait(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=dataclasses.replace(QUICK, delay=10 * PATIENCE))
    logs_to(handler).info("now")
    handler.flush()
    eventually(lambda: handler.sent)
    assert pipeline.messages(run["run"]) == ["now"]


def test_a_text_that_is_too_long_is_cut_and_flagged(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    logger = logs_to(handler)
    logger.info("x" * 3_000_000)
    logger.info("\x01" * 800_000)
    logger.info("short")
    assert handler.drain(PATIENCE)
    long, escaped, short = sorted(pipeline.found(run["run"]), key=lambda one: -len(one["message"]))
    assert 400_000 < len(long["message"]) <= 900_000
    assert 50_000 < len(escaped["message"]) <= 150_000
    assert [one["log"].get("flags") for one in (long, escaped, short)] == [["truncated"], ["truncated"], None]


def test_many_threads_lose_nothing_and_repeat_nothing(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    logger = logs_to(handler)

    def work(number: int) -> None:
        for count in range(500):
            logger.info("%d-%d", number, count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.drain(PATIENCE)
    assert sorted(pipeline.messages(run["run"])) == sorted(f"{a}-{b}" for a in range(8) for b in range(500))
    assert (handler.sent, handler.queued, handler.dropped) == (4000, 0, 0)


def test_what_was_not_acknowledged_is_sent_again_under_its_id_and_indexed_once(
    pipeline: Pipeline, logs_to: LogsTo
) -> None:
    run = new_run()
    with Relay(pipeline.port, swallows=2) as relay:
        handler = LumberjackHandler(f"127.0.0.1:{relay.port}", fields=run, pace=QUICK)
        logger = logs_to(handler)
        for number in range(3):
            logger.info("%d", number)
        assert handler.drain(PATIENCE)
        handler.close()
    assert relay.connections == 3
    assert relay.windows[0] == relay.windows[1] == relay.windows[2]
    assert sorted(pipeline.messages(run["run"])) == ["0", "1", "2"]
    assert handler.sent == 3


def test_the_program_goes_on_while_the_pipeline_is_away(
    tmp_path: Path, logs_to: LogsTo, capfd: pytest.CaptureFixture[str]
) -> None:
    run = new_run()
    later = Pipeline(tmp_path)
    handler = LumberjackHandler(later.address, fields=run, pace=QUICK, capacity=1000)
    logger = logs_to(handler)
    for number in range(600):
        logger.info("%d", number)
    eventually(lambda: "records wait" in capfd.readouterr().err)
    assert handler.sent == 0
    later.start()
    try:
        assert handler.drain(PATIENCE)
        assert sorted(map(int, later.messages(run["run"]))) == list(range(600))
        later.kill()
        logger.info("600")
        later.start()
        assert handler.drain(PATIENCE)
        assert sorted(map(int, later.messages(run["run"]))) == list(range(601))
        assert handler.dropped == 0
    finally:
        later.kill()


def test_a_pipeline_that_is_killed_again_and_again_gets_each_record_once(tmp_path: Path, logs_to: LogsTo) -> None:
    run = new_run()
    mortal = Pipeline(tmp_path)
    handler = LumberjackHandler(mortal.address, fields=run, pace=dataclasses.replace(QUICK, batch=50))
    logger = logs_to(handler)
    numbers = itertools.count()
    try:
        for _ in range(5):
            mortal.start()
            enough = handler.sent + 300
            while handler.sent < enough:
                logger.info("%d", next(numbers))
                time.sleep(0.0005)
            mortal.kill()
        mortal.start()
        assert handler.drain(PATIENCE)
        assert handler.dropped == 0
        assert sorted(map(int, mortal.messages(run["run"]))) == list(range(next(numbers)))
    finally:
        mortal.kill()


def test_an_idle_connection_that_was_closed_is_no_failure(
    tmp_path: Path, logs_to: LogsTo, capfd: pytest.CaptureFixture[str]
) -> None:
    run = new_run()
    impatient = Pipeline(tmp_path, "client_inactivity_timeout => 1")
    impatient.start()
    try:
        impatient.listening()
        with Relay(impatient.port) as relay:
            handler = LumberjackHandler(f"127.0.0.1:{relay.port}", fields=run, pace=QUICK)
            logger = logs_to(handler)
            logger.info("before")
            assert handler.drain(PATIENCE)
            assert handler._courier._transport._socket.recv(1) == b"", "it waits until the other side has closed"
            logger.info("after")
            assert handler.drain(PATIENCE)
            handler.close()
        assert impatient.messages(run["run"]) == ["before", "after"]
        assert relay.connections == 2
        assert capfd.readouterr().err == ""
    finally:
        impatient.kill()


def test_when_the_queue_is_full_the_oldest_go(logs_to: LogsTo, capfd: pytest.CaptureFixture[str]) -> None:
    handler = LumberjackHandler(f"127.0.0.1:{free_port()}", capacity=10, pace=AWAY)
    logger = logs_to(handler)
    logger.info("under way")
    waiting = handler._courier.waiting
    eventually(lambda: waiting.under_way)
    for number in range(25):
        logger.info("%d", number)
    assert [entry[3] for entry in waiting._entries] == [str(number) for number in range(15, 25)]
    assert (handler.sent, handler.queued, handler.dropped) == (0, 11, 15)
    handler.close()
    eventually(lambda: handler.dropped == 26)
    logger.info("after the end")
    assert (handler.queued, handler.dropped) == (0, 27)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2, "one line of the failure, one of the end, however many attempts there were"
    assert "refused" in lines[0]
    assert "11 records were not delivered within 0.2 s" in lines[1]


def test_another_host_takes_over(tmp_path: Path, pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    other = Pipeline(tmp_path)
    other.start()
    try:
        other.listening()
        hosts = [f"127.0.0.1:{free_port()}", pipeline.address, other.address]
        handler = LumberjackHandler(hosts, fields=run, pace=QUICK)
        logger = logs_to(handler)
        logger.info("first")
        assert handler.drain(PATIENCE)
        other.kill()
        for number in range(20):
            logger.info("%d", number)
            assert handler.drain(PATIENCE)
        found = pipeline.messages(run["run"]) + other.messages(run["run"])
        assert sorted(found) == sorted(["first", *map(str, range(20))])
    finally:
        other.kill()


def test_its_own_log_and_that_of_other_handlers_threads_is_not_shipped(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    logger = logs_to(handler)
    thread = ShippingThread(target=lambda: logger.error("from a shipping thread"))
    thread.start()
    thread.join()
    transport = handler._courier._transport
    send = transport.send

    def talkative(payloads: Any, left: Any) -> int:
        logger.debug("sending %d", len(payloads))
        return send(payloads, left)

    transport.send = talkative  # a transport that logs, as Kafka's client does
    logger.info("from the program")
    assert handler.drain(PATIENCE)
    assert pipeline.messages(run["run"]) == ["from the program"]
    assert handler.sent == 1


def test_logging_within_logging_does_not_block(pipeline: Pipeline, logs_to: LogsTo) -> None:
    run = new_run()
    handler = LumberjackHandler(pipeline.address, fields=run, pace=QUICK)
    logger = logs_to(handler)

    class Talkative:
        def __str__(self) -> str:
            with handler._courier.waiting._changed:  # as a signal handler that interrupts `put` finds it
                logger.info("inner")
            return "outer"

    logger.info("%s", Talkative())
    assert handler.drain(PATIENCE)
    assert pipeline.messages(run["run"]) == ["inner", "outer"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"hosts": "nowhere:port"}, "'nowhere:port' is no address: give host:port"),
        ({"hosts": []}, "is no address"),
        ({"hosts": "a", "fields": {"a": object()}}, "fields: "),
        ({"hosts": "a", "fields": {"a": "x" * 500_000}}, "fields: 500"),
        ({"hosts": "a", "capacity": 0}, "capacity: 0"),
    ],
)
def test_what_cannot_work_is_said_at_once(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        LumberjackHandler(**arguments)
