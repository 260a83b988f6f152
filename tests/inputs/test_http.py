"""The http input, with a real client: bodies and events."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from typing import Any

import pytest

from pipeline.codecs import json_lines, line
from pipeline.event import SIBLING
from pipeline.sockets.requests import authorised, in_utf8
from tests.inputs.http_site import JSON, made, site


def without_time(event: Any) -> dict[str, Any]:
    return {name: value for name, value in event.fields.items() if not name.startswith("@")}


def test_the_fields_without_ecs() -> None:
    async def test() -> None:
        async with site(made(ecs_compatibility="disabled")) as found:
            headers = {"User-Agent": "curl/8", "X-Two-Words": "a", "Accept": "*/*", "Content-Type": "text/plain"}
            assert (await found.post(b"hello", "/a/b?c=d", headers=headers, method="PUT"))[:2] == (200, "ok")
            (event,) = found.events
            (host,) = {event.fields["headers"].pop("http_host")}
            assert re.fullmatch(r"localhost:\d+", host)
            event.fields["headers"].pop("accept_encoding")
            assert without_time(event) == {
                "message": "hello",
                "host": "127.0.0.1",
                "headers": {
                    "request_method": "PUT",
                    "request_path": "/a/b?c=d",
                    "http_version": "HTTP/1.1",
                    "http_user_agent": "curl/8",
                    "http_accept": "*/*",
                    "x_two_words": "a",
                    "content_type": "text/plain",
                    "content_length": "5",
                },
            }

    asyncio.run(test())


def test_the_fields_in_ecs_mode() -> None:
    async def test() -> None:
        async with site(made()) as found:
            await found.post(b"hello", "/a", headers={"User-Agent": "curl/8", "Content-Type": "text/plain"})
            (event,) = found.events
            port = found.worker.input.server.listener.addresses[0][1]
            assert without_time(event) == {
                "message": "hello",
                "host": {"ip": "127.0.0.1"},
                "http": {
                    "version": "HTTP/1.1",
                    "method": "POST",
                    "request": {"mime_type": "text/plain", "body": {"bytes": "5"}},
                },
                "url": {"domain": "localhost", "port": port, "path": "/a"},
                "user_agent": {"original": "curl/8"},
            }
            headers = event.metadata["input"]["http"]["request"]["headers"]
            assert headers["http_user_agent"] == "curl/8"

    asyncio.run(test())


@pytest.mark.parametrize("ecs", ["disabled", "v8"])
def test_headers_that_are_not_sent(ecs: str) -> None:
    """Three are told as null, as `formatHeaders` in logstash-input-http puts them; no ECS field is made of that."""

    async def test() -> None:
        async with site(made(ecs_compatibility=ecs)) as found:
            host, port = found.worker.input.server.listener.addresses[0]
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
            assert b" 200 " in await reader.readline()
            writer.close()
            (event,) = found.events
            headers = (
                event.fields["headers"] if ecs == "disabled" else event.metadata["input"]["http"]["request"]["headers"]
            )
            known = {"request_method": "POST", "request_path": "/", "http_version": "HTTP/1.0", "content_length": "1"}
            assert headers == known | {"http_accept": None, "http_host": None, "http_user_agent": None}
            assert "user_agent" not in event.fields
            assert ecs == "disabled" or event.fields["url"] == {"path": "/"}

    asyncio.run(test())


def test_fields_of_ones_own_and_events_without_room() -> None:
    async def test() -> None:
        given = made(remote_host_target_field="[from][ip]", request_headers_target_field="[from][headers]")
        async with site(given) as found:
            body = b'[{"url":"/x","http":{"version":"2"}},{"from":"me"}]'
            await found.post(body, headers={"Content-Type": "application/json; charset=utf-8"})
            first, second = found.events
            assert first.fields["from"]["ip"] == "127.0.0.1"
            assert first.fields["from"]["headers"]["request_method"] == "POST"
            assert first.fields["url"] == "/x"
            assert first.fields["http"]["version"] == "HTTP/1.1"
            assert second.fields["from"] == "me"
            assert first.metadata["event_id"] + "-1" == second.metadata["event_id"]

    asyncio.run(test())


BODIES = {
    "json": (b'{"message":"a"}', {"Content-Type": "application/json"}, ["a"]),
    "json in other letters": (b'[{"message":"a"},{"message":"b"}]', {"Content-Type": "Application/JSON"}, ["a", "b"]),
    "no json": (b"{cut", {"Content-Type": "application/json"}, ["{cut"]),
    "another type": (b'{"message":"a"}', {"Content-Type": "text/plain"}, ['{"message":"a"}']),
    "lines of json": (b'{"message":"a"}\n{"message":"b"}', {"Content-Type": "application/x-ndjson"}, ["a", "b"]),
    "another charset": ("é".encode("latin-1"), {"Content-Type": "text/plain; charset=ISO-8859-1"}, ["é"]),
    "a charset nobody knows": ("é".encode(), {"Content-Type": "text/plain; charset=x-unknown"}, ["é"]),
    "gzip": (gzip.compress(b"a") + gzip.compress(b"b"), {"Content-Encoding": "gzip"}, ["ab"]),
    "deflate": (zlib.compress(b"a"), {"Content-Encoding": "deflate"}, ["a"]),
    "deflate without its header": (zlib.compress(b"a" * 50, wbits=-15), {"Content-Encoding": "deflate"}, ["a" * 50]),
    "nothing": (b"", {}, [""]),
}


@pytest.mark.parametrize(("body", "headers", "messages"), BODIES.values(), ids=BODIES)
def test_bodies(body: bytes, headers: dict[str, str], messages: list[str]) -> None:
    async def test() -> None:
        lines = json_lines.build(json_lines.Options())
        given = made(additional_codecs={"application/json": JSON, "application/x-ndjson": lines})
        async with site(given) as found:
            assert (await found.post(body, headers=headers))[0] == 200
            assert [event.fields["message"] for event in found.events] == messages
            batch = found.worker.batches[0]
            for event, message in zip(found.events, messages, strict=True):
                part = given.pick(batch.data, batch.origin, event.ordinal % SIBLING)
                assert message in [one.fields["message"] for one in given.decode(part, batch.origin, lambda *_: None)]

    asyncio.run(test())


def test_who_may_send() -> None:
    assert authorised(None, None)
    assert not authorised(None, "Basic x")
    assert not authorised("Basic é", "Basic x")
    assert authorised("Basic x", "Basic x")


def test_charsets() -> None:
    assert in_utf8(b"\xe9", "latin-1") == "é".encode()
    assert in_utf8(b"\xe9", None) == in_utf8(b"\xe9", "utf-8") == in_utf8(b"\xe9", "base64") == b"\xe9"


def test_a_codec_of_lines() -> None:
    given = made(codec=line.build(line.Options()))
    assert [event.fields["message"] for event in given.decode(b"a\nb", {"id": "x"}, lambda *_: None)] == ["a", "b"]
