"""`make load`: how long the API takes to derive, and what shipping its log into the pipeline costs.

latency     requests at a fixed rate; a request's time runs from when it was due, so that a stall counts for all
            that it delays
CPU         of the API's process, for as many requests as fast as they are answered: pairs of runs, one with the
            log in a file and one with the log shipped, in turns; the median of the ratios
away        the same rate with the pipeline stopped: no request fails, none waits for it
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import aiohttp
import psutil

from bench.material import FILTERS, provide_database
from bench.processes import Tree, engine, free_port

DERIVE = "/signage/common/cabinets/derive"
BODY = {"cabinets": [{"width": 48, "height": 24, "depth": 8, "count": count} for count in (1, 2, 3)]}
P95, P99 = 0.2, 0.5
"""The objective of the design document, in seconds."""
MAX_COST = 0.05
"""The share of a request's CPU time that shipping its log line may add."""
CONNECTIONS = 8
SETTLE = 0.6
"""Seconds after a run until the shipping thread has nothing left to do."""
PATIENCE = 60.0


class Api:
    """A process of the API, with its log where it is told to."""

    def __init__(self, folder: Path, target: str) -> None:
        self.port = free_port()
        folder.mkdir()
        variables = {"LOG_TARGET": target, "DATABASE_URL": f"sqlite:///{folder / 'api.db'}", "PORT": str(self.port)}
        quiet = {"HOST": "127.0.0.1", "OTEL_EXPORTER": "none", "SENTRY_DSN": "", "REDIS_URL": ""}
        own = {**os.environ, **quiet, **variables}
        self.process = subprocess.Popen([sys.executable, "-m", "apex.api"], env=own, process_group=0)
        self._seen = psutil.Process(self.process.pid)

    def cpu(self) -> float:
        """CPU seconds so far, of all its threads."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def ready(self) -> None:
        """Returns when it answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return
            time.sleep(0.05)
        raise RuntimeError("the API did not start; its reason is above")


@contextmanager
def _api(folder: Path, target: str) -> Iterator[Api]:
    api = Api(folder, target)
    try:
        api.ready()
        yield api
    finally:
        api.process.terminate()
        api.process.wait()


class Result(NamedTuple):
    """What a run of requests came to."""

    seconds: list[float]
    failed: int

    def quantile(self, share: float) -> float:
        """Seconds within which that share of the requests was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> int:
    """Measures and prints; 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--rate", type=int, default=100, help="requests a second")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run at that rate")
    parser.add_argument("--pairs", type=int, default=10, help="paired runs for the CPU time")
    parser.add_argument("--requests", type=int, default=400, help="in each of the paired runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="apex-load-") as name:
        return _measure(Path(name), given)


def _measure(folder: Path, given: argparse.Namespace) -> int:
    provide_database(folder)
    port = free_port()
    output = f'output {{ file {{ path => "{folder}/events.json" }} }}'
    configuration = f"input {{ beats {{ port => {port} }} }}\n{FILTERS}\n{output}\n"
    with _api(folder / "shipping", f"beats://127.0.0.1:{port}") as shipping:
        with (
            engine(Tree(), configuration, folder / "engine") as running,
            _api(folder / "writing", f"file:{folder / 'api.log'}") as writing,
        ):
            running.listening(port)
            for api in (shipping, writing):
                asyncio.run(_in_turn(api, given.requests))  # warm
            latency = asyncio.run(_at_rate(shipping, given.rate, given.seconds))
            _print_latency(f"{given.rate} requests/s for {given.seconds:g} s, the log shipped", latency)
            _print_cost(_paired(writing, shipping, given.pairs, given.requests), given.requests)
        away = asyncio.run(_at_rate(shipping, given.rate, given.seconds))
        _print_latency("the same, the pipeline stopped", away)
    return int(bool(latency.failed or away.failed))


def _paired(writing: Api, shipping: Api, pairs: int, requests: int) -> list[tuple[float, float]]:
    """CPU seconds of pairs of runs: with the log written to a file, and with it shipped."""
    found = []
    for number in range(pairs):
        order = (writing, shipping) if number % 2 else (shipping, writing)
        spent = {api: _cpu(api, requests) for api in order}
        found.append((spent[writing], spent[shipping]))
    return found


def _cpu(api: Api, requests: int) -> float:
    """CPU seconds of the process for so many requests and their log lines."""
    before = api.cpu()
    if failed := asyncio.run(_in_turn(api, requests)).failed:
        raise RuntimeError(f"{failed} requests failed")
    time.sleep(SETTLE)
    return api.cpu() - before


async def _at_rate(api: Api, rate: int, seconds: float) -> Result:
    """Requests that are sent when they are due, whatever became of those before."""
    took: list[float] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        started, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(_post(session, api, due, took)))
        await asyncio.gather(*tasks)
    return Result(took, len(tasks) - len(took))


async def _in_turn(api: Api, requests: int) -> Result:
    """Requests one after the other, on each of a few connections."""
    took: list[float] = []
    share = requests // CONNECTIONS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:

        async def connection() -> None:
            for _ in range(share):
                await _post(session, api, time.perf_counter(), took)

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return Result(took, share * CONNECTIONS - len(took))


async def _post(session: aiohttp.ClientSession, api: Api, due: float, took: list[float]) -> None:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.post(f"http://127.0.0.1:{api.port}{DERIVE}", json=BODY, raise_for_status=True) as answer:
            await answer.read()
        took.append(time.perf_counter() - due)


def _print_latency(title: str, result: Result) -> None:
    print(f"\n{title}: {len(result.seconds)} answered, {result.failed} failed")
    for share, objective in ((0.5, None), (0.95, P95), (0.99, P99), (1.0, None)):
        took = result.quantile(share)
        name = "slowest" if share == 1 else f"p{share * 100:g}"
        beside = "" if objective is None else f"  objective {objective * 1e3:.0f} ms: {_kept(took <= objective)}"
        print(f"  {name:<8}{took * 1e3:8.1f} ms{beside}")


def _print_cost(pairs: list[tuple[float, float]], requests: int) -> None:
    added = [shipped / written - 1 for written, shipped in pairs]
    written, shipped = (statistics.median(column) / requests * 1e6 for column in zip(*pairs, strict=True))
    print(f"\nCPU time of a request, {len(pairs)} pairs of {requests} requests:")
    print(f"  log in a file {written:8.0f} us    log shipped {shipped:8.0f} us    (medians)")
    print(
        f"  shipping adds {statistics.median(added):+8.1%}    from {min(added):+.1%} to {max(added):+.1%}"
        f"    at most {MAX_COST:.0%}: {_kept(statistics.median(added) <= MAX_COST)}"
    )


def _kept(met: bool) -> str:
    return "met" if met else "NOT met"


if __name__ == "__main__":
    sys.exit(main())
