"""The syslog input, on real sockets and with a real client."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import re
import socket
import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from pydantic import ValidationError

from pipeline.codecs import json, plain
from pipeline.inputs.syslog import FACILITIES, PATTERNS, SEVERITIES, Options, Syslog, build
from pipeline.protocols.datagrams import packed
from tests.beats.workbench import Certificates, Worker, connected, running
from tests.harness import FakeClock, context

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))
ORIGIN = {"id": "x", "peer": "192.0.2.1"}
NOW = 1_791_800_000.0  # 2026-10-12
LINE = b"<86>Oct 11 22:14:15 web1 sshd[42]: Accepted publickey\n"


def made(warnings: list[str] | None = None, **options: Any) -> Syslog:
    given = {"port": 0, "codec": PLAIN, "timezone": "UTC", **options}
    return build(Options(**given), context(clock=FakeClock(NOW), warnings=warnings))


def decoded(data: bytes, **options: Any) -> list[dict[str, Any]]:
    def refuse(raw: bytes, error: Exception) -> None:
        raise AssertionError(raw) from error

    events = list(made(**options).decode(data, ORIGIN, refuse))
    return [{name: value for name, value in event.fields.items() if name != "@version"} for event in events]


def test_the_fields_without_ecs() -> None:
    assert decoded(LINE, ecs_compatibility="disabled") == [
        {
            "@timestamp": "2026-10-11T22:14:15.000Z",
            "message": "Accepted publickey",
            "host": "192.0.2.1",
            "priority": 86,
            "facility": 10,
            "facility_label": "security/authorization",
            "severity": 6,
            "severity_label": "Informational",
            "timestamp": "Oct 11 22:14:15",
            "logsource": "web1",
            "program": "sshd",
            "pid": "42",
        }
    ]


def test_the_fields_in_ecs_mode() -> None:
    assert decoded(LINE) == [
        {
            "@timestamp": "2026-10-11T22:14:15.000Z",
            "message": "Accepted publickey",
            "host": {"ip": "192.0.2.1", "hostname": "web1"},
            "log": {
                "syslog": {
                    "priority": 86,
                    "facility": {"code": 10, "name": "security/authorization"},
                    "severity": {"code": 6, "name": "Informational"},
                }
            },
            "process": {"name": "sshd", "pid": 42},
            "event": {"original": LINE.decode().rstrip()},
            "service": {"type": "system"},
        }
    ]


def test_ecs_mode_keeps_the_text_that_was_read_and_no_time_beside_the_timestamp() -> None:
    """As the spec of logstash-input-syslog has it; without the field, 8.8 shows an original that is nothing."""
    codec = json.build(json.Options(ecs_compatibility="disabled"))
    text = "<13>Oct 11 22:14:15 h a: b"
    data = f'{{"line":"{text}","timestamp":"x","event":{{"original":1,"kind":"k"}}}}\n{{"event":5,"timestamp":"x"}}\n'
    first, second = decoded(data.encode(), codec=codec, syslog_field="line")
    assert first["event"] == {"original": text, "kind": "k"}
    assert second["event"] == 5
    assert "timestamp" not in first | second
    assert decoded(b"{}\n", codec=codec)[0]["event"] == {"original": None}


NEW = b'<165>1 2026-10-11T22:14:15.000003-07:00 web1 app %s ID47 [origin ip="10.0.0.1"] hello\n'


def test_rfc_5424_without_ecs() -> None:
    (event,) = decoded(NEW % b"42", ecs_compatibility="disabled", use_labels=False)
    assert event == {
        "@timestamp": "2026-10-12T05:14:15.000003Z",
        "message": "hello",
        "host": "192.0.2.1",
        "priority": 165,
        "facility": 20,
        "severity": 5,
        "timestamp": "2026-10-11T22:14:15.000003-07:00",
        "timestamp8601": "2026-10-11T22:14:15.000003-07:00",
        "logsource": "web1",
        "program": "app",
        "pid": "42",
        "syslog5424_ver": 1,
        "syslog5424_msgid": "ID47",
        "syslog5424_sd": {"origin": {"ip": "10.0.0.1"}},
    }


@pytest.mark.parametrize(
    ("procid", "process", "more"),
    [(b"42", {"name": "app", "pid": 42}, {}), (b"w-7", {"name": "app"}, {"procid": "w-7"})],
)
def test_rfc_5424_in_ecs_mode(procid: bytes, process: dict[str, Any], more: dict[str, Any]) -> None:
    (event,) = decoded(NEW % procid, use_labels=False)
    assert event["log"]["syslog"] == {
        "priority": 165,
        "facility": {"code": 20},
        "severity": {"code": 5},
        "version": "1",
        "msgid": "ID47",
        "structured_data": {"origin": {"ip": "10.0.0.1"}},
        **more,
    }
    assert event["process"] == process
    assert event["host"] == {"ip": "192.0.2.1", "hostname": "web1"}


def test_what_is_no_syslog_is_tagged_and_kept() -> None:
    legacy, ecs = (decoded(b"hello\n", ecs_compatibility=ecs)[0] for ecs in ("disabled", "v8"))
    for event in (legacy, ecs):
        assert event["message"] == "hello"
        assert event["tags"] == ["_grokparsefailure_sysloginput"]
    assert (legacy["priority"], legacy["severity_label"]) == (0, "Emergency")
    assert ecs["log"]["syslog"]["facility"] == {"code": 0, "name": "kernel"}
    assert ecs["service"] == {"type": "system"}


def test_labels_of_ones_own_and_numbers_without_one() -> None:
    (event,) = decoded(LINE, ecs_compatibility="disabled", facility_labels=["a"], severity_labels=["x"] * 7)
    assert "facility_label" not in event
    assert event["severity_label"] == "x"


TIMES = {
    "a zone": ("<13>Oct  1 02:00:00 h a: b", {"timezone": "Europe/Paris"}, "2026-10-01T00:00:00.000Z"),
    "the present year": ("<13>Dec 31 02:00:00 h a: b", {}, "2026-12-31T02:00:00.000Z"),
    "another language": ("<13>Mai 01 02:00:00 h a: b", {"locale": "de"}, "2026-05-01T02:00:00.000Z"),
    "ISO 8601": ("<13>2026-02-03T04:05:06+01:00 h a: b", {}, "2026-02-03T03:05:06.000Z"),
}


@pytest.mark.parametrize(("text", "options", "stamp"), TIMES.values(), ids=TIMES)
def test_times(text: str, options: dict[str, Any], stamp: str) -> None:
    (event,) = decoded(text.encode(), **options)
    assert event["@timestamp"] == stamp
    assert "tags" not in event


@pytest.mark.parametrize(
    "text", [b"<13>Oct 11 22:14:15.5 h a: b", b"<13>Oktober 11 22:14:15 h a: b", b"<1>1 now - - - - - b"]
)
def test_a_time_that_cannot_be_read_is_tagged(text: bytes) -> None:
    (event,) = decoded(text)
    assert event["tags"] == ["_dateparsefailure"]
    assert event["message"] == "b"


def test_the_codec_comes_first() -> None:
    data = b'{"log_line":"<13>Oct 11 22:14:15 h a: b","process":7,"service":"x"}\n{"a":1}\n'
    codec = json.build(json.Options(ecs_compatibility="disabled"))
    first, second = decoded(data, codec=codec, syslog_field="log_line")
    assert (first["message"], first["process"], first["service"]) == ("b", {"name": "a"}, "x")
    assert second["tags"] == ["_grokparsefailure_sysloginput"]


@pytest.mark.parametrize(
    ("found", "priority"),
    [("34", 34), ("34x", 34), (34.9, 34), ("x", 0), (None, 0), (True, 13), ([1], 13)],
)
def test_the_priority_that_a_codec_found_is_kept_where_a_message_is_no_syslog(found: Any, priority: int) -> None:
    """`event.get(@priority_key).to_i rescue 13` in logstash-input-syslog, which every message comes to."""
    codec = json.build(json.Options(ecs_compatibility="disabled"))
    document = {"message": "no syslog", "priority": found, "log": {"syslog": {"priority": found}}}
    data = orjson.dumps(document) + b"\n"
    (legacy,) = decoded(data, codec=codec, ecs_compatibility="disabled")
    (ecs,) = decoded(data, codec=codec)
    assert (legacy["priority"], legacy["facility"], legacy["severity"]) == (priority, priority >> 3, priority & 7)
    assert ecs["log"]["syslog"]["priority"] == priority
    assert ecs["log"]["syslog"]["severity"]["code"] == priority & 7


def test_what_a_codec_cannot_read_is_dead_lettered_alone() -> None:
    class Picky:
        def decode(self, data: bytes) -> Any:
            if b"bad" in data:
                raise ValueError("bad")
            yield {"message": data.decode()}

    rejected: list[bytes] = []
    given = made(codec=Picky())
    data = LINE + b"bad\n\n" + b"6 <1>bad" + LINE
    events = list(given.decode(data, ORIGIN, lambda raw, error: rejected.append(raw)))
    assert len(events) == 2
    assert rejected == [b"bad\n", b"6 <1>bad"]
    assert given.pick(data, ORIGIN, events[1].ordinal) == LINE


def test_datagrams_and_streams_on_one_port() -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            address = given.server.listener.addresses[0]
            assert given.server.datagrams.addresses == [address]
            client.send(LINE + b"%d %s" % (len(LINE), LINE))
            (first, second) = await worker.end(0)
            assert (first.fields["message"], second.fields["message"]) == ("Accepted publickey",) * 2
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
                sending.sendto(LINE, address)
            (third,) = await worker.end(1)
            assert third.fields["host"] == {"ip": "127.0.0.1", "hostname": "web1"}
            assert given.pick(worker.batches[1].data, worker.batches[1].origin, 0).endswith(LINE)

    asyncio.run(test())


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_pythons_own_client(kind: socket.SocketKind) -> None:
    """It ends messages with a NUL, and no line feed."""

    def send(address: tuple[str, int]) -> None:
        handler = logging.handlers.SysLogHandler(address, socktype=kind)
        handler.setFormatter(logging.Formatter("Oct 11 22:14:15 web1 app[%(process)d]: %(message)s"))
        for number in range(3):
            handler.handle(logging.LogRecord("app", logging.WARNING, __file__, 1, "message %d", (number,), None))
        handler.close()

    async def test() -> None:
        given = made(ecs_compatibility="disabled")
        async with running(given) as worker:
            await asyncio.to_thread(send, given.server.listener.addresses[0])
            events = await events_of(worker, 3)
            assert [event.fields["message"] for event in events] == ["message 0", "message 1", "message 2"]
            assert {event.fields["severity_label"] for event in events} == {"Warning"}
            assert "tags" not in events[0].fields

    asyncio.run(test())


async def events_of(worker: Worker, count: int) -> list[Any]:
    found: list[Any] = []
    number = 0
    while len(found) < count:
        found += await worker.end(number)
        number += 1
    return found


def test_tls_with_octet_counting_and_no_datagrams(tmp_path: Path) -> None:
    async def test() -> None:
        certificates = Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)
        given = made(**certificates.options())
        async with running(given) as worker, connected(worker, certificates.client()) as client:
            assert given.server.datagrams is None
            assert isinstance(client.writer.get_extra_info("ssl_object"), ssl.SSLObject)
            client.send(b"%d %s" % (len(LINE), LINE))
            assert [event.fields["message"] for event in await worker.end(0)] == ["Accepted publickey"]

    asyncio.run(test())


def test_a_message_that_is_too_long_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(made(max_message_size=100)) as worker, connected(worker) as client:
            client.send(b"101 <1>")
            assert await client.end() == b""
            async with connected(worker) as other:
                other.send(b"x" * 150)
                (event,) = await worker.end(0)
                assert event.fields["message"] == "x" * 150

    asyncio.run(test())
    assert "a message of 101 bytes is longer than 100; closed" in caplog.text


def test_a_proxy_says_who_connects() -> None:
    async def test() -> None:
        async with running(made(proxy_protocol=True)) as worker, connected(worker) as client:
            client.send(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n" + LINE)
            (event,) = await worker.end(0)
            assert event.fields["host"] == {"ip": "192.0.2.7", "hostname": "web1"}

    asyncio.run(test())


WRONG = {
    "an unknown pattern": ({"grok_pattern": "<%{POSINTT:p}>"}, 'did you mean "POSINT"'),
    "a pattern that does not compile": ({"grok_pattern": "<(%{INT:p}>"}, 'grok_pattern: "(" without ")"'),
    "a pattern for no field": ({"grok_pattern": "<%{INT:[p}>"}, 'grok_pattern: "[p" is no field reference'),
    "a zone": ({"timezone": "Europe/Pari"}, 'did you mean "Europe/Paris"'),
    "a language": ({"locale": "xx"}, "xx"),
    "TLS without a certificate": ({"ssl_enabled": True}, "needs ssl_certificate and ssl_key"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)):
        Options(**options)


PRIORITY = "<%{POSINT:[log][syslog][priority]:int}>"


@pytest.mark.parametrize(
    ("pattern", "data", "expected"),
    [
        (
            PRIORITY + "%{TIMESTAMP_ISO8601:timestamp} %{WORD:[my][app]}: %{GREEDYDATA:message}",
            b"<86>2024-01-02T03:04:05+01:00 shop: sold\n",
            {"@timestamp": "2024-01-02T02:04:05.000Z", "message": "sold", "my": {"app": "shop"}, "severity": 6},
        ),
        (PRIORITY + "%{GREEDYDATA:rest}", b"<34>hello\n", {"message": "<34>hello", "rest": "hello", "severity": 2}),
        (
            PRIORITY + "%{DATA:timestamp} %{GREEDYDATA:message}",
            b"<34>never x\n",
            {"message": "x", "timestamp": None, "tags": ["_dateparsefailure"], "severity": 2},
        ),
        (PRIORITY + "x", b"<34>y\n", {"message": "<34>y", "tags": ["_grokparsefailure_sysloginput"], "severity": 0}),
        (
            "%{SYSLOGHOST:[host][hostname]}: x",
            b"web: x\n",
            {"host": {"ip": "192.0.2.1", "hostname": "web"}, "severity": 0},
        ),
    ],
)
def test_messages_of_another_form_are_read_by_a_pattern(pattern: str, data: bytes, expected: dict[str, Any]) -> None:
    (fields,) = decoded(data, grok_pattern=pattern)
    assert fields["log"]["syslog"]["severity"]["code"] == expected.pop("severity")
    assert {name: fields.get(name) for name in expected} == expected
    assert "tags" in expected or "tags" not in fields


def test_a_pattern_without_ecs() -> None:
    pattern = "<%{POSINT:priority}>%{WORD:program} %{SYSLOGTIMESTAMP:timestamp}"
    (fields,) = decoded(b"<86>app Oct 11 22:14:15\n", grok_pattern=pattern, ecs_compatibility="disabled")
    assert (fields["priority"], fields["facility"], fields["program"]) == (86, 10, "app")
    assert fields["timestamp"] == "Oct 11 22:14:15"
    assert fields["@timestamp"][5:] == "10-11T22:14:15.000Z"


def test_the_default_pattern_may_be_given() -> None:
    for ecs, pattern in PATTERNS.items():
        assert Options(grok_pattern=pattern, ecs_compatibility=ecs).port == 514


def test_there_are_as_many_labels_as_numbers() -> None:
    assert (len(FACILITIES), len(SEVERITIES)) == (24, 8)


def test_what_can_be_lost_is_said_once_at_the_start() -> None:
    warnings: list[str] = []
    made(warnings)
    assert len(warnings) == 1
    assert "cannot send again" in warnings[0]


def test_datagrams_are_events() -> None:
    data = packed("::1", 1, b"hello\r\n\0") + packed("10.0.0.1", 2, LINE)
    events = list(made().decode(data, {"id": "x", "datagrams": True}, lambda raw, error: None))
    assert [event.fields["message"] for event in events] == ["hello", "Accepted publickey"]
    assert [event.fields["host"]["ip"] for event in events] == ["::1", "10.0.0.1"]
