"""What the beats input refuses: broken framing, and clients beyond its bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import pytest

from pipeline.errors import ConfigurationError
from pipeline.protocols import lumberjack as wire
from pipeline.sockets.listening import Complaints
from tests.beats.workbench import ONE, TWO, WINDOW, Run, connected, made, running

REFUSED = {
    "a window in a window": (wire.window(2) + wire.json_frames([ONE]) + wire.window(1), "a new window"),
    "a large window": (wire.window(10_001), "a window of 10001 events"),
    "another protocol": (b"GET / HTTP/1.1\r\n\r\n", "neither version 1 nor 2"),
    "TLS": (b"\x16\x03\x01\x02\0\1\0", "a TLS handshake on a port without TLS"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_broken_framing_closes_without_an_answer(
    run: Run, caplog: pytest.LogCaptureFixture, data: bytes, why: str
) -> None:
    async def test() -> None:
        async with running(made()) as worker:
            for _ in range(2):
                async with connected(worker) as client:
                    client.send(data)
                    assert await client.end() == b""
            async with connected(worker) as client:
                client.send(WINDOW)
                await worker.end(0)
                assert await client.answer() == 2

    run(test())
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert said[0].startswith("127.0.0.1: ")
    assert why in said[0]


def counts(first: int, announced: int) -> bytes:
    return wire.window(announced) + wire.compressed(wire.json_frames([ONE, TWO], first))


REFUSED_LATER = {
    "more events than announced": counts(1, 1) + wire.window(0),
    "fewer events than announced": counts(1, 3) + wire.window(0),
    "no lumberjack inside": wire.window(1) + wire.compressed(wire.json_frames([ONE]) + b"nonsense"),
    "a bomb": wire.window(1) + wire.compressed(wire.json_frames([b" " * 2000])),
    "a long event": wire.window(1) + wire.compressed(wire.json_frames([b" " * 950])),
}


@pytest.mark.parametrize("data", REFUSED_LATER.values(), ids=REFUSED_LATER)
def test_what_decoding_refuses_closes_without_an_answer(run: Run, data: bytes) -> None:
    async def test() -> None:
        bounds = {"max_inflated_size": 1000, "max_frame_size": 900}
        async with running(made(**bounds)) as worker, connected(worker) as client:
            client.send(data)
            await worker.end(0)
            assert await client.end() == b""

    run(test())


def test_events_after_a_window_has_ended_close_the_connection(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(WINDOW)
            await worker.end(0)
            assert await client.answer() == 2
            client.send(wire.json_frames([ONE], 3))
            assert await client.end() == b""

    run(test())


def test_connections_beyond_the_bound_are_turned_away(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(made(max_connections=1)) as worker, connected(worker) as first:
            first.send(wire.window(0))
            assert await first.answer() == 0
            async with connected(worker) as second:
                assert await second.end() == b""
            first.send(wire.window(0))
            assert await first.answer() == 0

    run(test())
    assert "turned away, as there are 1 connections (max_connections)" in caplog.text


def test_half_received_frames_are_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.beats.server._PARTIAL_BYTES", 1_500_000)

    async def test() -> None:
        given = made()
        half = wire.window(1) + wire.json_frames([b"x" * 2_000_000])[:1_200_000]
        async with running(given) as worker, connected(worker) as first, connected(worker) as second:
            first.send(half)
            await first.writer.drain()
            second.send(half)
            done, _ = await asyncio.wait(
                {asyncio.create_task(first.end()), asyncio.create_task(second.end())},
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert [task.result() for task in done] == [b""]

    run(test())


def test_a_port_in_use_is_said_clearly(run: Run) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}: .*in use"):
                async with running(made(port=port)):
                    pass

    run(test())


def test_complaints_are_not_repeated_and_not_kept_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        complaints = Complaints()
        for number in range(1002):
            complaints.say(f"10.0.0.{number}", "broken")
            complaints.say(f"10.0.0.{number}", "broken")
        assert len(complaints._said) == 1

    asyncio.run(test())
    assert len(caplog.records) == 1002


def test_a_connection_that_cannot_be_accepted_does_not_end_the_server(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        accept, faults = loop.sock_accept, [OSError("too many open files")]

        async def faulty(listening: socket.socket) -> Any:
            if faults:
                raise faults.pop()
            return await accept(listening)

        monkeypatch.setattr(loop, "sock_accept", faulty)
        async with running(made()) as worker, connected(worker) as client:
            client.send(wire.window(0))
            assert await client.answer() == 0

    asyncio.run(test())
    assert "a connection could not be accepted: too many open files" in caplog.text
