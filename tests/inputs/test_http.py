"""The http input, with a real client."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.codecs import json, json_lines, line, multiline, plain
from pipeline.config.building import build as built
from pipeline.errors import BrokenFraming, ConfigurationError
from pipeline.inputs.http import Http, Options, build
from pipeline.sockets.requests import Inflater, authorised, in_utf8
from tests.beats.workbench import PATIENCE, Certificates, Worker, running
from tests.harness import context, planned

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))
JSON = json.build(json.Options(ecs_compatibility="disabled"))


def made(warnings: list[str] | None = None, **options: Any) -> Http:
    given = {"port": 0, "codec": PLAIN, "additional_codecs": {"application/json": JSON}, **options}
    return build(Options(**given), context(warnings=warnings))


@dataclass
class Site:
    """A running input whose worker ends every batch at once, and a client of it."""

    worker: Worker
    session: aiohttp.ClientSession
    events: list[Any]

    async def post(self, data: Any = b"hello", path: str = "/", **arguments: Any) -> tuple[int, str, Any]:
        async with asyncio.timeout(PATIENCE):
            async with self.session.request(arguments.pop("method", "POST"), path, data=data, **arguments) as answer:
                return answer.status, await answer.text(), answer.headers


@contextlib.asynccontextmanager
async def site(given: Http, tls: ssl.SSLContext | None = None, *, ending: bool = True) -> AsyncIterator[Site]:
    async with running(given) as worker:
        port = given.server.listener.addresses[0][1]
        scheme = "https" if tls else "http"
        connector = aiohttp.TCPConnector(ssl=tls) if tls else None
        async with aiohttp.ClientSession(f"{scheme}://localhost:{port}", connector=connector) as session:
            found = Site(worker, session, [])
            task = asyncio.create_task(end_all(found)) if ending else None
            try:
                yield found
            finally:
                if task is not None:
                    task.cancel()


async def end_all(found: Site) -> None:
    number = 0
    while True:
        while len(found.worker.batches) <= number:
            found.worker.taken.clear()
            await found.worker.taken.wait()
        found.events += await found.worker.end(number)
        number += 1


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
                part = given.pick(batch.data, batch.origin, event.ordinal)
                assert message in [one.fields["message"] for one in given.decode(part, batch.origin, lambda *_: None)]

    asyncio.run(test())


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


def test_mutual_tls(tmp_path: Path) -> None:
    async def test() -> None:
        certificates = Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)
        options = certificates.options() | {
            "ssl_certificate_authorities": str(tmp_path / "ca.pem"),
            "ssl_client_authentication": "required",
        }
        async with site(made(**options), certificates.client(certificate=True)) as found:
            assert (await found.post())[0] == 200
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificates.client())) as other:
                with pytest.raises(aiohttp.ClientError):
                    await other.post(str(found.session._base_url), data=b"never")
            assert len(found.worker.batches) == 1

    asyncio.run(test())


def test_keystores(tmp_path: Path) -> None:
    async def test() -> None:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        served = authority.issue_cert("localhost")
        key = serialization.load_pem_private_key(served.private_key_pem.bytes(), None)
        certificate = x509.load_pem_x509_certificate(served.cert_chain_pems[0].bytes())
        trusted = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
        encrypted = serialization.BestAvailableEncryption(b"secret")
        own = pkcs12.serialize_key_and_certificates(b"own", key, certificate, None, encrypted)
        (tmp_path / "own.p12").write_bytes(own)
        others = pkcs12.serialize_key_and_certificates(b"ca", None, None, [trusted], encrypted)
        (tmp_path / "ca.p12").write_bytes(others)
        options = {
            "ssl_enabled": True,
            "ssl_keystore_path": str(tmp_path / "own.p12"),
            "ssl_keystore_password": "secret",
            "ssl_keystore_type": "pkcs12",
            "ssl_truststore_path": str(tmp_path / "ca.p12"),
            "ssl_truststore_password": "secret",
            "ssl_client_authentication": "optional",
            "tls_max_version": 1.2,
        }
        client = Certificates(authority, tmp_path).client(certificate=True)
        async with site(made(**options), client) as found:
            assert (await found.post())[0] == 200
            context = found.worker.input.server.listener._place.tls
            assert (context.verify_mode, context.maximum_version) == (ssl.CERT_OPTIONAL, ssl.TLSVersion.TLSv1_2)

    asyncio.run(test())


def test_a_port_in_use_is_said_clearly() -> None:
    async def test() -> None:
        async with site(made()) as found:
            port = found.worker.input.server.listener.addresses[0][1]
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with running(made(port=port)):
                    pass

    asyncio.run(test())


WRONG = {
    "a user without a password": ({"user": "u"}, "user and password go together"),
    "a header of two lines": ({"response_headers": {"A": "b\r\nC: d"}}, "a header is one line"),
    "no certificate": ({"ssl_enabled": True}, "needs ssl_certificate and ssl_key, or ssl_keystore_path"),
    "two certificates": (
        {"ssl_enabled": True, "ssl_certificate": __file__, "ssl_key": __file__, "ssl_keystore_path": __file__},
        "not both",
    ),
    "a Java keystore": (
        {"ssl_enabled": True, "ssl_keystore_path": __file__, "ssl_keystore_type": "jks"},
        "read by Java alone; convert it",
    ),
    "authorities twice": (
        {
            "ssl_enabled": True,
            "ssl_keystore_path": __file__,
            "ssl_truststore_path": __file__,
            "ssl_certificate_authorities": __file__,
        },
        "not both",
    ),
    "a truststore for nothing": (
        {"ssl_enabled": True, "ssl_keystore_path": __file__, "ssl_truststore_path": __file__},
        "ssl_truststore_path needs ssl_client_authentication",
    ),
    "another status": ({"response_code": 203}, "200, 201, 202 or 204"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Options(**options)


def test_the_engine_builds_additional_codecs() -> None:
    text = 'input { http { port => 0 additional_codecs => { "a/b" => "json_lines" "c/d" => "line" } } }'
    [item] = built(planned(text), context()).inputs
    assert {name: codec.name for name, codec in item.input._codecs.items()} == {"a/b": "json_lines", "c/d": "line"}
    [item] = built(planned("input { http { port => 0 } }"), context()).inputs
    assert {name: codec.name for name, codec in item.input._codecs.items()} == {"application/json": "json"}


FAULTY = {
    "a codec that is none": ('{ "a/b" => "jsn" }', 'there is no codec plugin "jsn"; did you mean "json"'),
    "no hash": ('"json"', 'http: "additional_codecs" expected a hash of codecs, got "json"'),
    "a codec that is faulty": ('{ "a/b" => multiline { what => "next" } }', 'multiline needs the option "pattern"'),
}


@pytest.mark.parametrize(("value", "why"), FAULTY.values(), ids=FAULTY)
def test_faults_of_additional_codecs(value: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        planned(f"input {{ http {{ additional_codecs => {value} }} }}")


def test_what_changes_nothing_is_said() -> None:
    warnings: list[str] = []
    made(warnings, ssl_key=__file__)
    assert warnings == ["http: ssl_key change nothing without ssl_enabled => true"]
    joined = multiline.build(multiline.Options(pattern="^ ", what="previous", auto_flush_interval=1))
    made(warnings, codec=joined)
    assert warnings[1:] == ["http: auto_flush_interval changes nothing, as a body ends with its request"]
    (event,) = made(codec=joined).decode(b"error\n  at a", {"id": "x"}, lambda *_: None)
    assert event.fields["message"] == "error\n  at a"


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
