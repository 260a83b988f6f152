"""The shipper hears of changes, and does not have to."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from shippers.node.wakes import Wakes
from tests.shippers.node.receiving import LumberjackServer, until
from tests.shippers.node.shipper import Shipper, configuration

LONG = 60.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


def woken(change: object, folder: Path, *, watch: bool = True) -> bool:
    """Whether the change ends the wait."""

    async def test() -> bool:
        wakes = Wakes()
        try:
            wakes.watch([str(folder), str(folder / "none")] if watch else [])
            wakes.forget()
            began = time.monotonic()
            waiting = asyncio.create_task(wakes.wait(LONG if watch else 0.1))
            await asyncio.sleep(0)
            change()
            await waiting
            return time.monotonic() - began < LONG / 2
        finally:
            wakes.close()

    return asyncio.run(test())


@linux
def test_a_change_ends_the_wait(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert woken(lambda: log.write_text("new"), tmp_path)
    with log.open("a") as file:
        assert woken(lambda: (file.write("more"), file.flush()), tmp_path)
    other = tmp_path / "sub"
    other.mkdir()
    (other / "b.log").write_text("")
    assert woken(lambda: (other / "b.log").rename(tmp_path / "b.log"), tmp_path)


def test_the_wait_ends_anyhow(tmp_path: Path) -> None:
    assert woken(lambda: None, tmp_path, watch=False)


def test_what_was_before_wakes_no_more(tmp_path: Path) -> None:
    async def test() -> None:
        wakes = Wakes()
        wakes.watch([str(tmp_path)])
        (tmp_path / "a.log").write_text("")
        wakes.wake()
        wakes.forget()
        waiting = asyncio.create_task(wakes.wait(LONG))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        wakes.wake()
        await waiting
        wakes.close()

    asyncio.run(test())


@linux
def test_lines_come_though_files_are_looked_at_seldom(tmp_path: Path) -> None:
    async def test() -> None:
        async with LumberjackServer() as server:
            path = configuration(tmp_path, server.port)
            path.write_text(path.read_text().replace('scan_interval = "100ms"', 'scan_interval = "1h"'))
            log = tmp_path / "logs" / "a.log"
            log.write_text("one\n")
            with Shipper(path) as shipper:
                for number in range(3):
                    await until(lambda: len(server.events) == number + 1)  # noqa: B023  awaited at once
                    with log.open("a") as file:
                        file.write("more\n")
                assert await asyncio.to_thread(shipper.stop) == 0

    asyncio.run(test())
