"""What is done to processes: `kill -9`, SIGSTOP and SIGCONT, a clock that jumps, a disk that fails. Each leaves them
running, and all is well when it is over."""

from __future__ import annotations

import asyncio
import errno
import random
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psutil

from tests.faults.shim import Shim
from tests.proofs.engine import Engine
from tests.servers.elasticsearch_node import Server

Fault = Callable[[], Awaitable[None]]
_PATIENCE = 30.0
_JUMPS = (-30 * 86_400.0, -3600.0, -5.0, 5.0, 3600.0, 400 * 86_400.0)
"""Seconds by which the wall clock goes wrong, and back."""


class Processes:
    """The engine, its workers and the Elasticsearch node; what can be done to them, by name."""

    def __init__(self, engine: Engine, server: Server, shim: Shim, draw: random.Random) -> None:
        self._engine = engine
        self._shim = shim
        self._server = server
        self._draw = draw
        self._disk_is_well = asyncio.Lock()
        """The engine does not start on a disk that fails: it says so and ends, for who started it to do it again."""

    def faults(self, workers: bool) -> dict[str, Fault]:
        """The names are those of the report. Where there are workers, the engine's first process is the front."""
        first = "front" if workers else "single process"
        every = {
            f"SIGKILL of the {first}": self._kill_engine,
            f"SIGSTOP of the {first}": self._stop_engine,
            "SIGKILL of Elasticsearch": self._kill_server,
            "SIGSTOP of Elasticsearch": self._stop_server,
        }
        if workers:
            every |= {"SIGKILL of a worker": self._kill_worker, "SIGSTOP of a worker": self._stop_worker}
        return every

    def machine(self, queue: bool) -> dict[str, Fault]:
        """What can be done to the machine that they run on, as the engine sees it."""
        every = {"clock jump": self._turn_clock}
        if queue:
            every |= {
                "files that may not grow": self._fill_disk,
                "full disk": self._no_space,
                "read-only disk": self._read_only,
                "fsync failure": self._fail_syncs,
            }
        return every

    async def _while(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.2, 2.5))

    async def _kill_engine(self) -> None:
        async with self._disk_is_well:
            workers = self._engine.workers()
            self._engine.kill()
            _, alive = await asyncio.to_thread(psutil.wait_procs, workers, _PATIENCE)
            assert not alive, f"workers outlive their front: {alive}"
            self._engine.start()
            await asyncio.to_thread(self._engine.listening)

    async def _stop_engine(self) -> None:
        assert self._engine.process is not None
        await self._stop(psutil.Process(self._engine.process.pid))

    async def _kill_worker(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self._worker().kill()

    async def _stop_worker(self) -> None:
        with suppress(psutil.NoSuchProcess):
            await self._stop(self._worker())

    def _worker(self) -> psutil.Process:
        workers = self._engine.workers()
        if not workers:  # both were killed just now
            raise psutil.NoSuchProcess(0)
        return self._draw.choice(workers)

    async def _stop(self, process: psutil.Process) -> None:
        process.suspend()
        try:
            await self._while()
        finally:
            process.resume()

    async def _kill_server(self) -> None:
        await asyncio.to_thread(self._server.kill)
        await asyncio.to_thread(self._server.start)

    async def _stop_server(self) -> None:
        self._server.pause()
        try:
            await self._while()
        finally:
            self._server.resume()

    async def _turn_clock(self) -> None:
        """The wall clock of the engine and its workers; it is right again after a while."""
        await self._switched(clock=self._draw.choice(_JUMPS))

    async def _no_space(self) -> None:
        async with self._disk_is_well:
            await self._switched(write=errno.ENOSPC)

    async def _read_only(self) -> None:
        async with self._disk_is_well:
            await self._switched(write=errno.EROFS, sync=errno.EROFS)

    async def _fail_syncs(self) -> None:
        async with self._disk_is_well:
            await self._switched(sync=errno.EIO)

    async def _switched(self, **faults: Any) -> None:
        self._shim.switch(**faults)
        try:
            await self._while()
        finally:
            self._shim.switch()

    async def _fill_disk(self) -> None:
        """A write beyond the limit fails (EFBIG)."""
        async with self._disk_is_well:
            assert self._engine.process is not None
            process = self._engine.process.pid
            before = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (2_000, before[1]))
            try:
                await self._while()
            finally:
                resource.prlimit(process, resource.RLIMIT_FSIZE, before)
