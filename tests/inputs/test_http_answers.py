"""The http input, with a real client: answers, bounds, clients that mean harm."""

from __future__ import annotations

import asyncio
import base64
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.sockets.requests import Inflater
from tests.beats.workbench import PATIENCE
from tests.inputs.http_site import made, site

BOMB = gzip.compress(b"\0" * 50_000_000)
REFUSED = {
    "too long": (b"x" * 1001, {}, 413),
    "too long, of unknown length": ([b"x" * 600, b"x" * 600], {}, 413),
    "a bomb": (BOMB, {"Content-Encoding": "gzip"}, 413),
    "gzip that is cut": (gzip.compress(b"a" * 99)[:-5], {"Content-Encoding": "gzip"}, 400),
    "no gzip": (b"hello", {"Content-Encoding": "gzip"}, 400),
    "deflate with something behind": (zlib.compress(b"a") + b"x", {"Content-Encoding": "deflate"}, 400),
    "another encoding": (b"hello", {"Content-Encoding": "compress"}, 415),
}


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_not_processed(
    body: Any, headers: dict[str, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in body:
            yield part

    async def test() -> None:
        given = made(max_content_length=100_000 if "Encoding" in str(headers) else 1000)
        async with site(given) as found:
            answer = await found.post(parts() if isinstance(body, list) else body, headers=headers)
            assert answer[0] == status
            assert found.worker.batches == []
            assert given.server._bodies == 0
            assert (await found.post(b"still there"))[0] == 200

    asyncio.run(test())
    assert caplog.text.count("a request was refused") == 1


def test_the_answer_waits_for_delivery() -> None:
    async def test() -> None:
        async with site(made(response_code=202, response_headers={"X-By": "apex"}), ending=False) as found:
            posting = asyncio.create_task(found.post())
            batch = await found.worker.batch(0)
            for _ in range(50):
                await asyncio.sleep(0)
            assert not posting.done()
            batch.end(1)
            status, text, headers = await posting
            assert (status, text, headers["X-By"], headers["Content-Type"]) == (202, "ok", "apex", "text/plain")

    asyncio.run(test())


def test_no_content() -> None:
    async def test() -> None:
        async with site(made(response_code="204")) as found:
            assert (await found.post())[:2] == (204, "")

    asyncio.run(test())


def test_too_many_requests_that_wait() -> None:
    async def test() -> None:
        async with site(made(max_pending_requests=2), ending=False) as found:
            found.worker.gate.clear()
            first = asyncio.create_task(found.post(b"taken"))
            await found.worker.batch(0)
            waiting = [asyncio.create_task(found.post(b"waits")) for _ in range(2)]
            async with asyncio.timeout(PATIENCE):
                while len(found.worker.input.server.inbox) < 2:
                    await asyncio.sleep(0)
            status, _, headers = await found.post(b"too many")
            assert (status, headers["Retry-After"]) == (429, "1")
            found.worker.gate.set()
            for number in range(3):
                await found.worker.end(number)
            assert {(await one)[0] for one in (first, *waiting)} == {200}

    asyncio.run(test())


def test_a_request_that_is_not_taken_in_time_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sockets.requests.BLOCKED", 0.05)

    async def test() -> None:
        async with site(made(), ending=False) as found:
            found.worker.gate.clear()
            first = asyncio.create_task(found.post(b"taken"))
            await found.worker.batch(0)
            assert (await found.post(b"not taken"))[:2] == (429, "outputs have stalled\n")
            found.worker.gate.set()
            await found.worker.end(0)
            assert (await first)[0] == 200
            assert len(found.worker.batches) == 1

    asyncio.run(test())


def test_bodies_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sockets.requests.BODY_BYTES", 1000)

    async def test() -> None:
        given = made()
        async with site(given) as found:
            go_on = asyncio.Event()

            async def slow() -> AsyncIterator[bytes]:
                yield b"x" * 900
                await go_on.wait()
                yield b"y"

            first = asyncio.create_task(found.post(slow()))
            async with asyncio.timeout(PATIENCE):
                while given.server._bodies < 900:
                    await asyncio.sleep(0)
            assert (await found.post(b"z" * 200))[0] == 429
            go_on.set()
            assert (await first)[0] == 200

    asyncio.run(test())


def test_what_is_stopped_is_answered() -> None:
    """What was taken is answered when it ends; what gets no end is told to come back."""

    async def test() -> None:
        given = made()
        async with site(given, ending=False) as found:
            posting = [asyncio.create_task(found.post(b"one")), asyncio.create_task(found.post(b"two"))]
            batch = await found.worker.batch(0)
            await found.worker.batch(1)
            given.stop()
            batch.end(1)
            closing = asyncio.create_task(given.close())
            assert sorted([(await one)[0] for one in posting]) == [200, 503]
            await closing

    asyncio.run(test())


def test_a_standing_connection_is_told_that_it_is_over() -> None:
    async def test() -> None:
        given = made()
        async with site(given) as found:
            assert (await found.post())[0] == 200
            given.stop()
            assert (await found.post())[0] == 503

    asyncio.run(test())


def test_a_body_that_the_engine_refuses() -> None:
    async def test() -> None:
        async with site(made(), ending=False) as found:
            posting = asyncio.create_task(found.post())
            (await found.worker.batch(0)).refuse(BrokenFraming("nonsense"))
            assert (await posting)[:2] == (400, "the body cannot be read: nonsense\n")

    asyncio.run(test())


@pytest.mark.parametrize(
    ("given", "status"), [(None, 401), (("u", "wrong"), 401), (("x", "p"), 401), (("u", "p"), 200)]
)
def test_basic_authentication(given: Any, status: int) -> None:
    async def test() -> None:
        async with site(made(user="u", password="p", ecs_compatibility="disabled")) as found:
            token = base64.b64encode(":".join(given or ()).encode()).decode()
            answer = await found.post(headers={"Authorization": f"Basic {token}"} if given else {})
            assert answer[0] == status
            if status == 401:
                assert answer[2]["WWW-Authenticate"].startswith("Basic realm=")
                assert found.worker.batches == []
            else:
                assert "authorization" not in found.events[0].fields["headers"]
                assert "authorization" not in str(found.worker.batches[0].origin).lower()

    asyncio.run(test())


def test_a_client_that_asks_first_is_told_before_it_sends() -> None:
    """`Expect: 100-continue`: what is refused is refused before the body."""

    async def test() -> None:
        async with site(made(max_content_length=10)) as found:
            assert (await found.post(b"hello", expect100=True))[0] == 200
            reader, writer = await asyncio.open_connection(*found.worker.input.server.listener.addresses[0])
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
            writer.close()

    asyncio.run(test())


SLOW = {
    "nothing": (b"", b""),
    "a header without its end": (b"POST / HTTP/1.1\r\nHost:", b""),
    "a body without its end": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 408 "),
}


@pytest.mark.parametrize(("sent", "answer"), SLOW.values(), ids=SLOW)
def test_clients_that_do_not_go_on_are_let_go(sent: bytes, answer: bytes) -> None:
    async def test() -> None:
        async with site(made(client_inactivity_timeout=0.1)) as found:
            reader, writer = await asyncio.open_connection(*found.worker.input.server.listener.addresses[0])
            writer.write(sent)
            async with asyncio.timeout(PATIENCE):
                assert (await reader.read()).startswith(answer)
            writer.close()
            assert found.worker.batches == []

    asyncio.run(test())


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"POST / HTTP/1.1\r\n\x84\x00 is no header\r\n\r\n", "127.0.0.1: no HTTP that is read: "),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\nhalf",
            "the client was gone before its body was whole",
        ),
    ],
)
def test_a_broken_client_is_one_line_in_the_log(sent: bytes, said: str, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        given = made()
        async with site(given) as found:
            address = given.server.listener.addresses[0]
            for _ in range(3):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(sent)
                await writer.drain()
                if b"Content-Length" not in sent:
                    assert b"400" in await reader.readline()
                writer.close()
            async with asyncio.timeout(PATIENCE):
                while said not in caplog.text:
                    await asyncio.sleep(0.01)
            assert (await found.post(b"still there"))[0] == 200

    asyncio.run(test())
    assert [said in record.getMessage() for record in caplog.records if record.levelname != "INFO"] == [True]
    assert "Traceback" not in caplog.text


def test_a_client_that_goes_away_does_no_harm() -> None:
    async def test() -> None:
        async with site(made(), ending=False) as found:
            _, writer = await asyncio.open_connection(*found.worker.input.server.listener.addresses[0])
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            batch = await found.worker.batch(0)
            writer.transport.abort()
            batch.end(1)
            posting = asyncio.create_task(found.post())
            await found.worker.end(1)
            assert (await posting)[0] == 200

    asyncio.run(test())


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 50), st.integers(1, 40))
def test_members_are_inflated_however_they_arrive(parts: list[bytes], size: int, at_most: int) -> None:
    data = b"".join(map(gzip.compress, parts))
    inflater, found = Inflater(31), b""
    for at in range(0, len(data), size):
        inflater.feed(data[at : at + size])
        while part := inflater.next(at_most):
            assert len(part) <= at_most
            found += part
    assert found == b"".join(parts)
    assert inflater.ended == bool(parts)
