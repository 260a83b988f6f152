"""SIGTERM drains, a second one stops at once; SIGHUP reloads, and keeps what runs where the new one has a fault."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from pipeline.protocols import lumberjack
from shippers.lumberjack import Sender
from tests.cli.program import Running
from tests.servers.elasticsearch_node import free_port


def beats_to(port: int, output: str) -> str:
    return f"input {{ beats {{ port => {port} }} }} output {{ {output} }}"


def to_file(path: str) -> str:
    return f'file {{ path => "{path}" codec => line {{ format => "%{{message}}" }} }}'


async def shipped(port: int, *messages: str) -> int:
    """Ships messages; the number that was acknowledged."""
    async with Sender("127.0.0.1", port) as sender:
        return await sender.send([{"message": message} for message in messages])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(tmp_path: Path, number: signal.Signals) -> None:
    """What was taken is delivered and acknowledged before the process ends, though no body is full or old enough."""
    port = free_port()
    configuration = beats_to(port, to_file(f"{tmp_path}/out"))
    with Running("-e", configuration, "--pipeline.batch.delay", "3600000", cwd=tmp_path) as engine:
        engine.says("listening")

        async def scenario() -> int:
            sending = asyncio.create_task(shipped(port, "one", "two"))
            await asyncio.sleep(0.3)  # the window is in the engine, and waits for its body to fill
            assert not sending.done()
            assert not (tmp_path / "out").exists()
            engine.send(number)
            return await sending

        assert asyncio.run(scenario()) == 2
        assert engine.wait() == 0
    assert (tmp_path / "out").read_text() == "one\ntwo\n"
    assert any("decoded=2 delivered=2" in line for line in engine.log)


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    port, nobody = free_port(), free_port()
    configuration = beats_to(port, f'elasticsearch {{ hosts => ["127.0.0.1:{nobody}"] index => "x" }}')
    with Running("-e", configuration, cwd=tmp_path) as engine:
        engine.says("listening")

        async def scenario() -> None:
            sending = asyncio.create_task(shipped(port, "one"))
            await asyncio.to_thread(engine.says, "nothing is lost")
            engine.send(signal.SIGTERM)
            await asyncio.to_thread(engine.says, "draining")
            assert engine.process.poll() is None
            engine.send(signal.SIGTERM)
            with pytest.raises(OSError, match=r"closed|reset"):
                await sending

        asyncio.run(scenario())
        assert engine.wait() == 1
    assert any("stopped at once" in line for line in engine.log)


@pytest.mark.parametrize("how", ["SIGHUP", "automatic"])
def test_a_changed_configuration_is_taken_and_a_faulty_one_is_not(tmp_path: Path, how: str) -> None:
    port, configuration = free_port(), tmp_path / "a.conf"
    flags = ["--config.reload.automatic", "--config.reload.interval", "50 ms"] if how == "automatic" else []

    def write(text: str) -> None:
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(configuration)
        if how == "SIGHUP":
            engine.send(signal.SIGHUP)

    configuration.write_text(beats_to(port, to_file(f"{tmp_path}/first")))
    with Running("-f", str(configuration), *flags, cwd=tmp_path) as engine:
        engine.says("listening")
        assert asyncio.run(shipped(port, "one")) == 1
        write(beats_to(port, "stdoot {}"))
        engine.says("the new configuration has faults; the running one goes on")
        engine.says('there is no output plugin "stdoot"; did you mean "stdout"?')
        assert asyncio.run(shipped(port, "two")) == 1
        write(beats_to(port, to_file(f"{tmp_path}/second")))
        engine.says("reloaded")
        engine.says("listening", times=2)
        assert asyncio.run(shipped(port, "three")) == 1
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
    assert (tmp_path / "first").read_text() == "one\ntwo\n"
    assert (tmp_path / "second").read_text() == "three\n"


def test_a_reload_that_is_asked_for_during_the_start_is_one(tmp_path: Path) -> None:
    """The signal is there before the process is: it neither ends it, nor is it lost."""
    port, configuration = free_port(), tmp_path / "a.conf"
    configuration.write_text(beats_to(port, f'sqlite {{ path => "{tmp_path}/store" index => "x" }}'))
    for workers in ("1", "2"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            engine = Running(
                "-f", str(configuration), "--workers", workers, "--pipeline.id", f"w{workers}", cwd=tmp_path
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        with engine:
            engine.send(signal.SIGHUP)
            engine.says("listening on")
            assert asyncio.run(shipped(port, workers)) == 1
            engine.send(signal.SIGTERM)
            assert engine.wait() == 0
        assert not [line for line in engine.log if "Error" in line or "Traceback" in line]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_new_certificates_are_taken_at_a_reload(tmp_path: Path, workers: str) -> None:
    """Of every input with TLS. Where there are workers, connections that stand go on."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    client = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    ports = {name: free_port() for name in ("beats", "tcp", "http", "syslog")}
    pair = f'ssl_enabled => true ssl_certificate => "{tmp_path}/a.crt" ssl_key => "{tmp_path}/a.key"'

    def issue() -> None:
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(tmp_path / "a.crt")
        issued.private_key_pem.write_to_path(tmp_path / "a.key")

    def serial(port: int) -> str:
        with (
            socket.create_connection(("127.0.0.1", port), 30) as bare,
            client.wrap_socket(bare, server_hostname="localhost") as stream,
        ):
            return str(stream.getpeercert()["serialNumber"])

    def serials() -> set[str]:
        return {serial(port) for port in ports.values()}

    issue()
    more = {"tcp": 'ssl_client_authentication => "none"'}
    inputs = " ".join(f"{name} {{ port => {port} {pair} {more.get(name, '')} }}" for name, port in ports.items())
    store = f'sqlite {{ path => "{tmp_path}/store" index => "x" }}'
    with Running("-e", f"input {{ {inputs} }} output {{ {store} }}", "--workers", workers, cwd=tmp_path) as engine:
        engine.says("listening on", 4)
        [first] = serials()
        standing = client.wrap_socket(
            socket.create_connection(("127.0.0.1", ports["beats"]), 30), server_hostname="localhost"
        )
        issue()
        engine.send(signal.SIGHUP)
        engine.says("reloaded")
        engine.says("listening on", 4 if workers == "2" else 8)
        [second] = serials()
        assert second != first
        if workers == "2":
            standing.sendall(lumberjack.window(1) + lumberjack.json_frames([b'{"message":"x"}']))
            while (heard := standing.recv(lumberjack.ACK_SIZE)) == lumberjack.ack(0):
                pass
            assert heard == lumberjack.ack(1)
        standing.close()
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
