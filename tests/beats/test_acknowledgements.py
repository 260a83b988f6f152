"""What the beats input acknowledges, and when."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pipeline.beats import server
from pipeline.beats.server import Connection
from pipeline.protocols import lumberjack as wire
from tests.beats.workbench import ONE, TWO, WINDOW, Certificates, Run, connected, made, quiet, running


def test_a_window_is_acknowledged_when_it_has_ended(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(WINDOW)
            await worker.batch(0)
            assert await quiet(client)
            events = await worker.end(0)
            assert [event.fields["message"] for event in events] == ["one", "two"]
            assert await client.answer() == 2

    run(test())


def test_a_window_in_several_frames_is_acknowledged_whole(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(wire.window(4) + wire.compressed(wire.json_frames([ONE, TWO], 11)))
            await worker.end(0)
            client.send(wire.compressed(wire.json_frames([ONE], 13)) + wire.json_frames([TWO], 14))
            await worker.end(1)
            assert await quiet(client)
            await worker.end(2)
            assert await client.answer() == 14
            client.send(WINDOW)
            await worker.end(3)
            assert await client.answer() == 2

    run(test())


def test_pipelined_windows_are_acknowledged_in_their_order(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(WINDOW + wire.window(1) + wire.json_frames([ONE], 7) + wire.window(0))
            await worker.end(1)
            assert await quiet(client)
            await worker.end(0)
            assert [await client.answer() for _ in range(3)] == [2, 7, 0]

    run(test())


def test_an_empty_window_is_acknowledged_at_once(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(wire.window(0))
            assert await client.answer() == 0

    run(test())


def test_a_client_that_waits_is_told_to_wait_on(run: Run) -> None:
    async def test() -> None:
        given = made()
        given.server.terms = replace(given.server.terms, keep_alive=0.05)
        async with running(given) as worker, connected(worker) as client:
            client.send(WINDOW)
            assert [await client.answer() for _ in range(3)] == [0, 0, 0]
            await worker.end(0)
            answer = 0
            while answer == 0:
                answer = await client.answer()
            assert answer == 2

    run(test())


@pytest.mark.parametrize("secure", [False, True])
def test_a_stop_while_a_client_is_greeted_leaves_none_behind(
    run: Run, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    """uvloop closes a connection that is broken off between two steps of its making, and tells nobody."""
    monkeypatch.setattr(server, "_FAREWELL", 3600.0)

    async def test() -> None:
        given = made(**certificates.options() if secure else {})

        def stopped_meanwhile(transport: object) -> dict[str, str]:
            given.stop()
            return {}

        given.server.describe = stopped_meanwhile
        async with running(given) as worker, connected(worker, certificates.client() if secure else None) as client:
            while not given.server.stopping:
                await asyncio.sleep(0)
            await given.close()
            assert await client.end() == b""
            assert not given.server.connections

    run(asyncio.wait_for(test(), 30))


def test_a_silent_client_is_let_go_but_not_while_it_waits(run: Run) -> None:
    async def test() -> None:
        given = made(client_inactivity_timeout=0.1)
        async with running(given) as worker, connected(worker) as silent, connected(worker) as busy:
            busy.send(WINDOW)
            assert await silent.end() == b""
            await worker.end(0)
            assert await busy.answer() == 2
            assert await busy.end() == b""

    run(test())


def test_a_client_that_sends_no_more_still_gets_its_answer(run: Run) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(WINDOW)
            client.writer.write_eof()
            await worker.end(0)
            assert await client.end() == wire.ack(2)

    run(test())


def test_stop_takes_no_more_and_acknowledges_what_was_taken(run: Run) -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            client.send(WINDOW)
            await worker.batch(0)
            given.stop()
            client.send(WINDOW)
            await worker.end(0)
            assert await client.answer() == 2
            await given.close()
            assert await client.end() == b""
            assert len(worker.batches) == 1
            with pytest.raises(OSError):
                async with connected(worker):
                    pass

    run(test())


def test_what_has_no_end_when_the_input_is_closed_is_not_acknowledged(run: Run) -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            client.send(WINDOW)
            batch = await worker.batch(0)
            await given.close()
            assert await client.end() == b""
            batch.end(2)

    run(test())


def test_no_more_is_read_while_the_worker_takes_nothing(run: Run) -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            worker.gate.clear()
            large = wire.window(1) + wire.json_frames([b'{"message":"' + b"x" * 400_000 + b'"}'])
            for _ in range(40):
                client.send(large)
            await worker.batch(0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.writer.drain()
            assert given.server.waiting_bytes < 2_000_000
            worker.gate.set()
            for number in range(40):
                await worker.end(number)
            assert [await client.answer() for _ in range(40)] == [1] * 40

    run(test())


def test_above_the_bound_of_the_server_no_connection_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.beats.server._WAITING_BYTES", 100)

    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as first, connected(worker) as second:
            for client in (first, second):
                client.send(wire.window(0))
                assert await client.answer() == 0
            worker.gate.clear()
            first.send(WINDOW)
            await worker.batch(0)
            first.send(WINDOW + WINDOW)
            while given.server.waiting_bytes < 100:
                await asyncio.sleep(0)
            assert len(given.server.held) == 1
            second.send(WINDOW)
            worker.gate.set()
            for number in range(4):
                await worker.end(number)
            assert [await first.answer() for _ in range(3)] == [2, 2, 2]
            assert await second.answer() == 2
            assert (given.server.waiting_bytes, given.server.held) == (0, set())

    run(test())


class Wire(asyncio.Transport):
    """A transport on which a client neither reads nor closes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def write(self, data: object) -> None:
        self.calls.append("write")

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


def test_a_client_that_does_not_read_its_answers_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.beats.server._FAREWELL", 0.01)

    async def test() -> None:
        server, transport = made().server, Wire()
        connection = Connection(server, "127.0.0.1")
        connection.connection_made(transport)
        connection.data_received(wire.window(0))
        connection.pause_writing()
        connection.tick(asyncio.get_running_loop().time() + 100)
        connection.resume_writing()
        assert transport.calls == ["write", "pause_reading", "resume_reading"]
        await server.close()
        assert transport.calls[-2:] == ["close", "abort"]

    asyncio.run(test())
