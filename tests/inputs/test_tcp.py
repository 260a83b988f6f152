"""The tcp input, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from pipeline.codecs import json_lines, line, multiline
from pipeline.errors import ConfigurationError
from pipeline.inputs.tcp import Options, Tcp, build
from tests.beats.workbench import PATIENCE, Certificates, Run, connected, running
from tests.harness import context

LINE = line.build(line.Options())


def made(warnings: list[str] | None = None, **options: Any) -> Tcp:
    given = {"port": 0, "codec": LINE, "dns_reverse_lookup_enabled": False, **options}
    return build(Options(**given), context(warnings=warnings))


def test_lines_however_they_arrive_and_the_last_one_without_its_end() -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            for part in (b"o", b"ne\ntw", b"o\n\nth", b"ree"):
                client.send(part)
                await client.writer.drain()
                await asyncio.sleep(0)
            client.writer.write_eof()
            assert await worker.messages(4) == ["one", "two", "", "three"]
            assert await client.end() == b""

    asyncio.run(test())


def test_json_reads_json_lines() -> None:
    async def test() -> None:
        codec = json_lines.build(json_lines.Options())
        async with running(made(codec=codec)) as worker, connected(worker) as client:
            client.send(b'{"message":"one","host":"theirs"}\n[{"message":"two"},{"message":"three"}]\n')
            assert await worker.messages(3) == ["one", "two", "three"]

    asyncio.run(test())


LAYOUTS = {
    "disabled": ({"host": "localhost", "port": 0}, {"ip_address": "127.0.0.1"}),
    "v8": (
        {"event": {"original": "one"}},
        {"input": {"tcp": {"source": {"name": "localhost", "ip": "127.0.0.1", "port": 0}}}},
    ),
}


@pytest.mark.parametrize("ecs", LAYOUTS)
def test_the_sender_is_told(run: Run, ecs: str) -> None:
    async def test() -> None:
        codec = line.build(line.Options(ecs_compatibility=ecs))
        given = made(ecs_compatibility=ecs, dns_reverse_lookup_enabled=True, codec=codec)
        async with running(given) as worker, connected(worker) as client:
            client.send(b"one\n")
            (event,) = await worker.end(0)
            port = client.writer.get_extra_info("sockname")[1]
            fields, metadata = LAYOUTS[ecs]
            told = {name: value for name, value in event.fields.items() if name not in ("@timestamp", "@version")}
            assert told == {"message": "one"} | fields | ({"port": port} if ecs == "disabled" else {})
            if ecs == "v8":
                metadata["input"]["tcp"]["source"]["port"] = port
            assert event.metadata == metadata | {"event_id": event.metadata["event_id"]}

    run(test())


def test_a_sender_that_is_gone_at_once_is_named(run: Run) -> None:
    async def test() -> None:
        given = made(ecs_compatibility="disabled", dns_reverse_lookup_enabled=True)
        asked, answer = asyncio.Event(), asyncio.Event()

        async def name_of(address: str) -> str:
            asked.set()
            await answer.wait()
            return f"name of {address}"

        object.__setattr__(given.server.streams.terms, "name_of", name_of)
        async with running(given) as worker:
            async with connected(worker) as client:
                client.send(b"one\ntwo")
                client.writer.write_eof()
                await asked.wait()
            answer.set()
            async with asyncio.timeout(PATIENCE):
                events = [event for number in range(2) for event in await worker.end(number)]
            assert [event.fields["host"] for event in events] == ["name of 127.0.0.1"] * 2

    run(test())


def test_what_the_event_says_of_its_sender_stays() -> None:
    async def test() -> None:
        codec = json_lines.build(json_lines.Options())
        async with running(made(codec=codec, ecs_compatibility="disabled")) as worker, connected(worker) as client:
            client.send(b'{"host":"web1","port":null}\n')
            (event,) = await worker.end(0)
            assert event.fields["host"] == "web1"
            assert event.fields["port"] == client.writer.get_extra_info("sockname")[1]

    asyncio.run(test())


@pytest.mark.parametrize("ecs", ["disabled", "v8"])
def test_a_proxy_says_who_connects(ecs: str) -> None:
    """Its ports are texts, as in the spec of logstash-input-tcp."""

    async def test() -> None:
        async with running(made(ecs_compatibility=ecs, proxy_protocol=True)) as worker, connected(worker) as client:
            client.send(b"PROXY TCP4 192.0.2.1 198.51.100.1 5632")
            await client.writer.drain()
            client.send(b"4 443\r\none\n")
            (event,) = await worker.end(0)
            if ecs == "disabled":
                told = [event.fields[name] for name in ("host", "port", "proxy_host", "proxy_port")]
                assert told == ["192.0.2.1", "56324", "198.51.100.1", "443"]
            else:
                assert event.metadata["input"]["tcp"] == {
                    "source": {"name": "192.0.2.1", "ip": "192.0.2.1", "port": "56324"},
                    "proxy": {"ip": "198.51.100.1", "port": "443"},
                }

    asyncio.run(test())


def test_without_the_proxy_line_the_connection_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(made(proxy_protocol=True)) as worker, connected(worker) as client:
            client.send(b"one\n")
            assert await client.end() == b""
            assert worker.batches == []

    asyncio.run(test())
    assert "no PROXY line of version 1" in caplog.text


def test_mutual_tls_names_the_client(certificates: Certificates) -> None:
    async def test() -> None:
        authority = {"ssl_certificate_authorities": str(certificates.folder / "ca.pem")}
        given = made(**certificates.options(), **authority, ecs_compatibility="disabled")
        async with running(given) as worker:
            with contextlib.suppress(OSError):
                async with connected(worker, certificates.client()) as without:
                    without.send(b"never\n")
                    await without.end()
            async with connected(worker, certificates.client(certificate=True)) as client:
                client.send(b"one\n")
                (event,) = await worker.end(0)
                assert event.fields["message"] == "one"
                assert event.fields["sslsubject"].startswith("CN=shipper,")

    asyncio.run(test())


def test_a_chain_is_presented(certificates: Certificates) -> None:
    async def test() -> None:
        between = certificates.authority.create_child_ca()
        served = between.issue_cert("localhost")
        served.private_key_pem.write_to_path(certificates.folder / "key.pem")
        served.cert_chain_pems[0].write_to_path(certificates.folder / "own.pem")
        between.cert_pem.write_to_path(certificates.folder / "between.pem")
        files = {"ssl_certificate": "own.pem", "ssl_key": "key.pem", "ssl_extra_chain_certs": "between.pem"}
        paths = {name: str(certificates.folder / file) for name, file in files.items()}
        given = made(ssl_enabled=True, ssl_verify=False, **paths)
        async with running(given) as worker, connected(worker, certificates.client()) as client:
            client.send(b"one\n")
            assert await worker.messages(1) == ["one"]

    asyncio.run(test())


def test_a_stream_is_not_read_while_its_last_batch_waits() -> None:
    """The worker's gate is shut: what is sent beyond the first batch stays with the sender and the kernel."""

    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            worker.gate.clear()
            client.send(b"first\n")
            await worker.batch(0)
            client.send(b"x" * 1023 + b"\n" * 1)
            sending = asyncio.create_task(flood(client.writer))
            done, _ = await asyncio.wait({sending}, timeout=0.3)
            assert not done
            assert given.server.inbox.bytes < 1 << 20
            worker.gate.set()
            found = await worker.messages(20_002)
            await sending
            assert found[0] == "first"
            assert len(found) == 20_002

    async def flood(writer: asyncio.StreamWriter) -> None:
        for _ in range(200):
            writer.write((b"y" * 1023 + b"\n") * 100)
            await writer.drain()

    asyncio.run(test())


def test_stop_gives_out_what_was_received() -> None:
    async def test() -> None:
        given = made()
        async with running(given) as worker, connected(worker) as client:
            client.send(b"one\nhalf")
            assert await worker.messages(1) == ["one"]
            given.stop()
            assert await client.end() == b""
            assert [event.fields["message"] for event in await worker.end(1)] == ["half"]

    asyncio.run(test())


def test_multiline_flushes_when_nothing_more_comes() -> None:
    async def test() -> None:
        codec = multiline.build(multiline.Options(pattern="^ ", what="previous", auto_flush_interval=0.05))
        async with running(made(codec=codec)) as worker, connected(worker) as client:
            client.send(b"error\n  at a\n")
            assert await worker.messages(1) == ["error\n  at a"]

    asyncio.run(test())


def test_connections_beyond_the_bound_are_turned_away(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running(made(max_connections=1)) as worker, connected(worker) as first:
            first.send(b"one\n")
            assert await worker.messages(1) == ["one"]
            async with connected(worker) as second:
                assert await second.end() == b""

    asyncio.run(test())
    assert "turned away" in caplog.text


def test_unfinished_lines_are_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Over the bound of all streams, a long unfinished line is cut where it is: nothing is lost, memory is bounded."""
    monkeypatch.setattr("pipeline.sockets.streams.PARTIAL_BYTES", 1_500_000)

    async def test() -> None:
        async with running(made()) as worker, connected(worker) as first, connected(worker) as second:
            for client in (first, second):
                client.send(b"x" * 1_200_000)
                await client.writer.drain()
            ((cut),) = await worker.end(0)
            assert len(cut.fields["message"]) > 1 << 20
            for client in (first, second):
                client.writer.write_eof()
                await client.end()
            sizes = [len(cut.fields["message"])]
            while sum(sizes) < 2_400_000:
                sizes += [len(event.fields["message"]) for event in await worker.end(len(sizes))]
            assert sum(sizes) == 2_400_000

    asyncio.run(test())
    assert "a long message is cut" in caplog.text


def test_a_client_connects_again_and_again(certificates: Certificates) -> None:
    async def test() -> None:
        pem = certificates.options()["ssl_certificate"]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        sent: list[int] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sent.append(1)
            writer.write(b"connection %d\n" % len(sent))
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            authority = str(certificates.folder / "ca.pem")
            given = made(
                mode="client", port=port, host="localhost", ssl_enabled=True, ssl_certificate_authorities=authority
            )
            given.server.caller.first_pause = 0.01
            async with running(given) as worker:
                assert await worker.messages(2) == ["connection 1", "connection 2"]

    asyncio.run(test())


def test_a_server_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
        given = made(mode="client", port=port)
        async with running(given):
            async with asyncio.timeout(PATIENCE):
                while "cannot connect" not in caplog.text:
                    await asyncio.sleep(0.01)
        assert f"127.0.0.1:{port}: cannot connect: " in caplog.text

    asyncio.run(test())


WRONG = {
    "no certificate": ({}, "needs ssl_certificate and ssl_key"),
    "half of a pair": ({"ssl_key": __file__}, "go together"),
    "clients nobody can vouch for": ({"ssl_certificate": __file__, "ssl_key": __file__}, "clients need a certificate"),
    "a server's option for a client": ({"mode": "client", "ssl_client_authentication": "none"}, 'for mode => "server"'),
    "a client's option for a server": ({"ssl_verification_mode": "none"}, 'for mode => "client"'),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Options(port=0, ssl_enabled=True, **options)


def test_what_a_crash_can_lose_is_said_once_at_the_start() -> None:
    warnings: list[str] = []
    made(warnings, ssl_key=__file__)
    assert warnings[0] == "tcp: ssl_key change nothing without ssl_enabled => true"
    assert "cannot send again" in warnings[1]
    assert len(warnings) == 2


def test_a_port_in_use_is_said_clearly() -> None:
    async def test() -> None:
        async with running(made()) as worker:
            port = worker.input.server.listener.addresses[0][1]
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with running(made(port=port)):
                    pass

    asyncio.run(test())


@pytest.fixture
def certificates(tmp_path: Any) -> Certificates:
    return Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)
