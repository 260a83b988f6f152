"""What is done to processes: `kill -9`, SIGSTOP and SIGCONT, and a disk that is full. Each leaves them running."""

from __future__ import annotations

import asyncio
import random
import resource
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from tests.proofs.engine import Engine
from tests.servers.elasticsearch_node import Server

Fault = Callable[[], Awaitable[None]]
_PATIENCE = 30.0


class Processes:
    """The engine, its workers and the Elasticsearch node; `faults` gives what can be done to them, by name."""

    def __init__(self, engine: Engine, server: Server, draw: random.Random) -> None:
        self._engine = engine
        self._server = server
        self._draw = draw

    def faults(self, workers: bool, queue: bool) -> dict[str, Fault]:
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
        if queue:
            every["full disk"] = self._fill_disk
        return every

    async def _while(self) -> None:
        await asyncio.sleep(self._draw.uniform(0.2, 2.5))

    async def _kill_engine(self) -> None:
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

    async def _fill_disk(self) -> None:
        """No file may grow: a write beyond the limit fails (EFBIG), as one on a full disk does."""
        assert self._engine.process is not None
        process = self._engine.process.pid
        before = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (2_000, before[1]))
        try:
            await self._while()
        finally:
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)
