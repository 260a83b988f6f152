"""The udp input, on real sockets."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import pytest

from pipeline.codecs import json_lines, line, plain
from pipeline.errors import ConfigurationError
from pipeline.inputs.udp import Options, Udp, build
from pipeline.protocols.datagrams import packed
from tests.beats.workbench import PATIENCE, running
from tests.harness import context

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))
ORIGIN = {"id": "x"}


def made(warnings: list[str] | None = None, **options: Any) -> Udp:
    return build(Options(**{"port": 0, "codec": PLAIN, **options}), context(warnings=warnings))


def sender(given: Udp) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(given.server.datagrams.addresses[0])
    return made


def test_a_datagram_is_an_event() -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker:
            with sender(given) as sending:
                for message in (b"one", b"two\nlines", b"", "drei ☃".encode()):
                    sending.send(message)
            assert await worker.messages(4) == ["one", "two\nlines", "", "drei ☃"]

    asyncio.run(test())


FIELDS = {
    "disabled": ({"ecs_compatibility": "disabled"}, {"host": "127.0.0.1"}),
    "v8": ({}, {"host": {"ip": "127.0.0.1"}}),
    "its own": ({"source_ip_fieldname": "[appliance][ip]"}, {"appliance": {"ip": "127.0.0.1"}}),
}


@pytest.mark.parametrize(("options", "expected"), FIELDS.values(), ids=FIELDS)
def test_the_sender_is_told(options: dict[str, Any], expected: dict[str, Any]) -> None:
    (event,) = made(**options).decode(packed("127.0.0.1", 9, b"one"), ORIGIN, refuse)
    told = {name: value for name, value in event.fields.items() if name not in ("@timestamp", "@version", "message")}
    assert told == expected


def test_what_the_event_says_of_its_sender_stays() -> None:
    given = made(codec=json_lines.build(json_lines.Options()))
    data = packed("127.0.0.1", 9, b'{"host":{"ip":"10.0.0.1"}}\n{"host":"web1"}\n{"host":null}')
    events = list(given.decode(data, ORIGIN, refuse))
    assert [event.fields["host"] for event in events] == [{"ip": "10.0.0.1"}, "web1", {"ip": "127.0.0.1"}]
    assert [event.metadata["event_id"] for event in events] == ["x", "x_1", "x_2"]


def refuse(raw: bytes, error: Exception) -> None:
    raise AssertionError(raw) from error


def test_what_a_codec_cannot_read_is_dead_lettered_alone() -> None:
    class Picky:
        def decode(self, data: bytes) -> Any:
            if data == b"bad":
                raise ValueError("bad")
            yield {"message": data.decode()}

    rejected: list[bytes] = []
    given = made(codec=Picky())
    data = packed("::1", 1, b"one") + packed("::1", 2, b"bad") + packed("::1", 3, b"two")
    events = list(given.decode(data, ORIGIN, lambda raw, error: rejected.append(raw)))
    assert [event.fields["message"] for event in events] == ["one", "two"]
    assert rejected == [packed("::1", 2, b"bad")]
    assert given.pick(data, ORIGIN, events[1].ordinal) == packed("::1", 3, b"two")


def test_lines_of_a_datagram_are_events() -> None:
    given = made(codec=line.build(line.Options()))
    events = list(given.decode(packed("::1", 1, b"one\ntwo"), ORIGIN, refuse))
    assert [event.fields["message"] for event in events] == ["one", "two"]


def test_a_datagram_that_is_too_long_is_cut_and_said(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        given = made(buffer_size=4)
        async with running(given) as worker:
            with sender(given) as sending:
                sending.send(b"123456")
                sending.send(b"1234")
            assert await worker.messages(2) == ["1234", "1234"]

    asyncio.run(test())
    assert caplog.text.count("longer than 4 bytes and was cut (buffer_size)") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many it dropped")
def test_what_waits_is_bounded_and_what_the_kernel_drops_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        given = made(queue_size=10, receive_buffer_bytes=32768)
        async with running(given) as worker:
            worker.gate.clear()
            with sender(given) as sending:
                sending.send(b"first")
                await worker.batch(0)
                for _ in range(500):
                    sending.send(b"x" * 100)
                async with asyncio.timeout(PATIENCE):
                    while given.server.datagrams._count < 10:
                        await asyncio.sleep(0)
                assert given.server.datagrams._count == 10
                worker.gate.set()
                sending.send(b"last")  # may be dropped itself: what counts is the next one
                while not given.server.datagrams.dropped:
                    sending.send(b"more")
                    await asyncio.sleep(0)
            assert 0 < given.server.datagrams.dropped < 500

    asyncio.run(test())
    assert "the kernel dropped datagrams" in caplog.text
    assert "since the start" in caplog.text


def test_stop_takes_what_has_arrived() -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker:
            with sender(given) as sending:
                for number in range(20):
                    sending.send(b"%d" % number)
            given.stop()
            assert await worker.messages(20) == [str(number) for number in range(20)]

    asyncio.run(test())


def test_a_small_buffer_of_the_kernel_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(made(receive_buffer_bytes=1 << 30)):
            pass

    asyncio.run(test())
    assert "the kernel's receive buffer has" in caplog.text


def test_a_port_in_use_is_said_clearly() -> None:
    async def test() -> None:
        given = made()
        async with running(given):
            port = given.server.datagrams.addresses[0][1]
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with running(made(port=port)):
                    pass

    asyncio.run(test())


def test_every_address_ipv6_too() -> None:
    async def test() -> None:
        given = made(host="::")
        async with running(given) as worker:
            port = given.server.datagrams.addresses[0][1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
                sending.sendto(b"one", ("127.0.0.1", port))
            (event,) = await worker.end(0)
            assert event.fields["host"] == {"ip": "127.0.0.1"}

    asyncio.run(test())


def test_what_can_be_lost_is_said_once_at_the_start() -> None:
    warnings: list[str] = []
    made(warnings)
    assert len(warnings) == 1
    assert "cannot send again" in warnings[0]
