"""What systemd is told, over real sockets: with a path, and in the abstract namespace."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.monitoring.systemd import Systemd


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The value of NOTIFY_SOCKET, and the socket."""
    name = f"@apex-logs-{os.getpid()}-{tmp_path.name}" if request.param == "abstract" else f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(name.replace("@", "\0") if request.param == "abstract" else name)
        bound.settimeout(10)
        yield name, bound


def test_each_state_is_one_datagram(heard: tuple[str, socket.socket]) -> None:
    name, bound = heard
    environment = {"NOTIFY_SOCKET": name, "PATH": "x"}
    systemd = Systemd(environment)
    assert environment == {"PATH": "x"}, "processes that are started do not speak for this one"
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    systemd.ready()
    systemd.reloading()
    systemd.stopping()
    said = [bound.recv(4096).decode().splitlines() for _ in range(3)]
    assert [lines[0] for lines in said] == ["READY=1", "RELOADING=1", "STOPPING=1"]
    name, _, moment = said[1][1].partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(("of", "asked"), [("", True), ("ours", True), ("1", False)])
def test_the_watchdog_is_for_the_process_that_it_names(heard: tuple[str, socket.socket], of: str, asked: bool) -> None:
    name, bound = heard
    systemd = Systemd(
        {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": of.replace("ours", str(os.getpid()))}
    )
    bound.setblocking(False)

    async def scenario() -> None:
        watching = asyncio.create_task(systemd.watch())
        if not asked:
            await watching
            return
        for _ in range(3):
            assert await asyncio.get_running_loop().sock_recv(bound, 4096) == b"WATCHDOG=1"
        watching.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/notify"])
def test_where_nobody_listens_everything_goes_on(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Systemd({"NOTIFY_SOCKET": address} if address else {}).ready()
    assert bool(caplog.records) is bool(address)
