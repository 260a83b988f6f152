"""Sends windows that are ready over lumberjack, and measures how long each takes to be acknowledged.

    python -m bench.load --port P --windows FILE [--connections N] [--ahead N]
    python -m bench.load --port P --windows FILE --connections N --every SECONDS --seconds SECONDS

The first form sends all windows of the file, `ahead` of them unanswered on each connection, and so as fast as they are
acknowledged. The second sends one window on each connection now and then, answered or not. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from bench.material import read_windows
from bench.sink import run
from pipeline.protocols.lumberjack import ACK_SIZE, acknowledged

Window = tuple[int, bytes]


class Sender(asyncio.Protocol):
    """One connection of a Beat, which sends windows and waits for their acknowledgements."""

    def __init__(self) -> None:
        self.transport = cast("asyncio.Transport", None)
        self.waiting: deque[tuple[int, float]] = deque()
        """Events of each window that has no answer yet, and when it was sent."""
        self.latencies: list[float] = []
        self.acknowledged = 0
        self.kept_alive = 0
        self.answered = asyncio.Event()
        self.failure: Exception | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting:
            self.failure = error or ConnectionError("closed before its answer")
        self.answered.set()

    def send(self, window: Window) -> None:
        """Sends the next window."""
        events, data = window
        self.waiting.append((events, time.monotonic()))
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        data = self._rest + data
        for at in range(0, len(data) - ACK_SIZE + 1, ACK_SIZE):
            sequence = acknowledged(data[at : at + ACK_SIZE])
            if sequence == 0:
                self.kept_alive += 1
                continue
            events, sent = self.waiting.popleft()
            assert sequence == events, f"acknowledged {sequence} of a window of {events}"
            self.acknowledged += events
            self.latencies.append(now - sent)
        self._rest = data[len(data) - len(data) % ACK_SIZE :]
        self.answered.set()

    async def room(self, most: int) -> None:
        """Returns when no more than that many windows have no answer."""
        while len(self.waiting) > most:
            if self.failure is not None:
                raise self.failure
            self.answered.clear()
            await self.answered.wait()


async def _connected(port: int, connections: int) -> list[Sender]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Sender, "127.0.0.1", port))[1] for _ in range(connections)]


async def stream(port: int, windows: Iterable[Window], connections: int, ahead: int) -> list[Sender]:
    """All windows, as fast as they are acknowledged."""
    senders = await _connected(port, connections)
    ready = iter(windows)

    async def feed(sender: Sender) -> None:
        for window in ready:  # shared: whoever has room takes the next
            sender.send(window)
            await sender.room(ahead - 1)
        await sender.room(0)

    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(feed(sender))
    return senders


async def paced(port: int, windows: Iterable[Window], connections: int, every: float, seconds: float) -> list[Sender]:
    """One window on each connection every so often, each connection in its own rhythm."""
    senders = await _connected(port, connections)
    chance = random.Random(1)
    ready = deque(windows)
    end = time.monotonic() + seconds

    async def tick(sender: Sender) -> None:
        await asyncio.sleep(chance.uniform(0, every))
        while time.monotonic() < end and ready:
            sender.send(ready.popleft())
            await asyncio.sleep(chance.uniform(0.5, 1.5) * every)
        await sender.room(0)

    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(tick(sender))
    return senders


async def _main(arguments: argparse.Namespace) -> None:
    windows = read_windows(arguments.windows)
    start = time.monotonic()
    if arguments.every:
        senders = await paced(arguments.port, windows, arguments.connections, arguments.every, arguments.seconds)
    else:
        senders = await stream(arguments.port, windows, arguments.connections, arguments.ahead)
    seconds = time.monotonic() - start
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    for sender in senders:
        sender.transport.close()
    found = {
        "events": sum(sender.acknowledged for sender in senders),
        "windows": len(latencies),
        "seconds": seconds,
        "kept_alive": sum(sender.kept_alive for sender in senders),
        "median": statistics.median(latencies),
        "p99": latencies[len(latencies) * 99 // 100],
        "cpu": time.process_time(),
    }
    print(json.dumps(found), flush=True)


def main() -> int:
    """Sends, and prints what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--ahead", type=int, default=2)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    run(_main(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
