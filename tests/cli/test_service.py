"""The process as a service: what it tells systemd, and the bound on its end."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shippers.lumberjack import Sender
from tests.cli.program import APEX_LOGS, PATIENCE, Running, until
from tests.servers.elasticsearch_node import free_port

UNIT = Path(__file__).parents[2] / "infra" / "systemd" / "apex-logs.service"
ALONE_OR_NOT = pytest.mark.parametrize("workers", ["1", "2"])


class Systemd:
    """The side of the service manager: hears what the main process says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE)

    def next(self) -> str:
        """The first line of the next message that is not the watchdog's."""
        while (line := self.any()) == "WATCHDOG=1":
            pass
        return line

    def any(self) -> str:
        """The first line of the next message."""
        return self._socket.recv(4096).decode().partition("\n")[0]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with contextlib.closing(Systemd(tmp_path / "notify")) as there:
        yield there


def beats_to(port: int, elasticsearch: int, more: str = "") -> str:
    """To a server that may not be there."""
    output = f'elasticsearch {{ hosts => ["127.0.0.1:{elasticsearch}"] index => "x" {more} }}'
    return f"input {{ beats {{ port => {port} }} }} output {{ {output} }}"


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@ALONE_OR_NOT
def test_systemd_hears_of_start_reload_and_end(tmp_path: Path, systemd: Systemd, workers: str) -> None:
    """Ready is that the inputs listen, though there is no Elasticsearch."""
    port, nobody, configuration = free_port(), free_port(), tmp_path / "a.conf"
    configuration.write_text(beats_to(port, nobody))
    arguments = ["-f", str(configuration), "--workers", workers]
    told = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "200000"}
    with Running(*arguments, cwd=tmp_path, **told) as engine:
        assert systemd.next() == "READY=1"
        assert answers(port)
        assert systemd.any() == "WATCHDOG=1"
        for text in (beats_to(port, nobody, "timeout => 10"), beats_to(port, nobody, "no_such_option => 1")):
            configuration.write_text(text)
            engine.send(signal.SIGHUP)
            assert systemd.next() == "RELOADING=1"
            assert systemd.next() == "READY=1"
            assert answers(port)
        engine.says("the new configuration has faults")
        engine.send(signal.SIGTERM)
        assert systemd.next() == "STOPPING=1"
        assert engine.wait() == 0


def test_a_loop_that_does_not_turn_is_silent(tmp_path: Path, systemd: Systemd) -> None:
    told = {"NOTIFY_SOCKET": str(systemd.path), "WATCHDOG_USEC": "100000"}
    with Running("-e", beats_to(free_port(), free_port()), cwd=tmp_path, **told) as engine:
        assert systemd.next() == "READY=1"
        engine.send(signal.SIGSTOP)
        until(lambda: stopped(engine.process.pid), lambda: "the process to stop")
        systemd._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:  # what it said before
                systemd.any()
        systemd._socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            systemd.any()
        systemd._socket.settimeout(PATIENCE)
        engine.send(signal.SIGCONT)
        assert systemd.any() == "WATCHDOG=1"


def stopped(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_what_plugins_say_at_the_start_is_said_once(tmp_path: Path, systemd: Systemd) -> None:
    """However many processes build them."""
    port = free_port()
    text = (
        f"input {{ udp {{ port => {port} }} }} filter {{ clone {{ clones => [] }} }} output {{ elasticsearch {{ }} }}"
    )
    with Running("-e", text, "--workers", "2", cwd=tmp_path, NOTIFY_SOCKET=str(systemd.path)) as engine:
        assert systemd.next() == "READY=1"  # so every worker has been built
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
    assert sum("cannot send again" in line for line in engine.log) == 1
    assert sum('"clones" is empty' in line for line in engine.log) == 1


def test_what_cannot_listen_is_never_ready(tmp_path: Path, systemd: Systemd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        configuration = beats_to(taken.getsockname()[1], free_port())
        with Running("-e", configuration, cwd=tmp_path, NOTIFY_SOCKET=str(systemd.path)) as engine:
            assert engine.wait() == 1
    systemd._socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.any()


@ALONE_OR_NOT
@pytest.mark.parametrize("queue", ["memory", "persisted"])
def test_the_end_comes_when_shutdown_timeout_is_over(tmp_path: Path, workers: str, queue: str) -> None:
    """What is not delivered by then is not acknowledged, or stays in the queue; one line says how much it is."""
    port, nobody = free_port(), free_port()
    settings = {"SHUTDOWN_TIMEOUT": "200 ms", "QUEUE_TYPE": queue}
    with Running("-e", beats_to(port, nobody), "--workers", workers, cwd=tmp_path, **settings) as engine:
        engine.says("listening")

        async def scenario() -> None:
            async with Sender("127.0.0.1", port) as sender:
                sending = asyncio.create_task(sender.send([{"message": "one"}, {"message": "two"}]))
                if queue == "persisted":
                    assert await sending == 2
                await asyncio.to_thread(engine.says, "nothing is lost")
                engine.send(signal.SIGTERM)
                if queue == "memory":
                    with pytest.raises(OSError, match=r"closed|reset"):
                        await sending

        asyncio.run(scenario())
        assert engine.wait() == 1
    [line] = [line for line in engine.log if "shutdown.timeout (0.2 s) is over" in line]
    much = "2 events" if workers == "1" else "1 batches"
    assert much in line
    assert ("were not acknowledged" if queue == "memory" else "the queue on disk keeps 1 batches") in line
    assert not [line for line in engine.log if "Traceback" in line]
    if queue == "persisted":
        found = subprocess.run(
            [APEX_LOGS, "queue", "inspect", "--json", "--path.data", str(tmp_path / "data")],
            capture_output=True,
            text=True,
        )
        print(found.stdout)
        assert json.loads(found.stdout)["waiting"] == 1


def test_the_unit_file_is_what_it_says(tmp_path: Path) -> None:
    class Unit(configparser.ConfigParser):
        def optionxform(self, optionstr: str) -> str:
            return optionstr  # capitals count

    unit = Unit(interpolation=None, strict=False)
    unit.read(UNIT)
    service = unit["Service"]
    wanted = {"Type": "notify", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "KillMode": "mixed"}
    assert wanted.items() <= dict(service).items()
    assert int(service["TimeoutStopSec"]) > 75
    assert "SHUTDOWN_TIMEOUT=75 s" in service["Environment"]
    assert service["StateDirectory"] == "apex-logs"
    assert "--path.data %S/apex-logs" in service["ExecStart"]
    assert {"LimitNOFILE", "WatchdogSec", "User"} <= set(service)
    assert service["Restart"] == "on-failure"
    if shutil.which("systemd-analyze") is not None:
        systemd_understands_it(tmp_path)


def systemd_understands_it(tmp_path: Path) -> None:
    """With the program where it is here; and a fault would be noticed."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/apex-logs/bin/apex-logs", APEX_LOGS))
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
    assert [line for line in found.stderr.splitlines() if "apex-logs" in line] == []
    broken = tmp_path / "broken.service"
    broken.write_text(copy.read_text().replace("Type=notify", "Type=notified"))
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(broken)], capture_output=True, text=True)
    assert "notified" in found.stderr
