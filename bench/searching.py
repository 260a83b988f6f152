"""How long questions to an embedded store of a million documents take.

    python -m bench.searching [--documents 1000000] [--days 10] [--store DIR]

The documents are those of the sample of API logs, over some days; one in 100,000 holds a rare word. A store that is
there already is used. Times are of the wall
clock, of the second of two runs; memory is the peak of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from pipeline.dates.timestamps import canonical
from pipeline.search import embedded
from pipeline.search.questions import Documents, Question
from pipeline.store.writer import Operation, Writer

START = 1_763_078_400
"""2025-11-14T00:00:00Z"""
BODY = 2_000
ROUTES = [f"/{name}/{{id}}" for name in ("projects", "users", "signage", "reports", "search", "healthz")]
HOUR = 3_600_000

Work = Callable[[Documents], Awaitable[Any]]


def questions(end: int) -> dict[str, Work]:
    """What is asked, by name; `end` is the time of the newest document."""
    last_hour = Question("level:error", since=end - HOUR)
    return {
        "newest of all": lambda store: store.search(Question(), limit=50),
        "newest errors, one in 20": lambda store: store.search(Question("level:error"), limit=50),
        "newest of nearly all, level:info": lambda store: store.search(Question("level:info"), limit=50),
        "status >= 500, no words": lambda store: store.search(Question("status >= 500"), limit=50),
        "a rare word": lambda store: store.search(Question("needle"), limit=50),
        "a word that is nowhere": lambda store: store.search(Question("nosuchword"), limit=50),
        "a rare word and an error": lambda store: store.search(Question("needle and level:error"), limit=50),
        "wildcard in words": lambda store: store.search(Question("message:need*"), limit=50),
        "the oldest first": lambda store: store.search(Question("level:error"), limit=50, oldest_first=True),
        "histogram of all": lambda store: store.histogram(Question(), HOUR),
        "fields": lambda store: store.fields(Question()),
        "completion": lambda store: store.values(Question(), "route", "/s"),
        "histogram of an hour's errors": lambda store: store.histogram(last_hour, 60_000),
        "terms of an hour": lambda store: store.terms(Question(since=end - HOUR), "route"),
        "terms of all": lambda store: store.terms(Question(), "route"),
        "percentiles of all": lambda store: store.percentiles(Question(), "duration_ms"),
    }


def fill(directory: Path, count: int, days: int) -> None:
    """Writes the documents, evenly over the days."""
    writer, draw, step = Writer(directory), random.Random(7), days * 86_400_000 // count
    for first in range(0, count, BODY):
        bodies: dict[str, list[Operation]] = {}
        for number in range(first, min(first + BODY, count)):
            moment = _stamp(START * 1000 + number * step)
            index = f"apex-logs-{moment[:10].replace('-', '.')}"
            bodies.setdefault(index, []).append(Operation("create", f"{number:x}", _document(number, moment, draw)))
        for index, operations in bodies.items():
            writer.write(index, operations)
    writer.close()


def _stamp(millis: int) -> str:
    text = canonical(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03}Z")
    assert text is not None
    return text


def _document(number: int, moment: str, draw: random.Random) -> bytes:
    status = draw.choice((200, 200, 200, 200, 201, 204, 301, 404, 500, 503))
    rare = " needle" if number % 100_000 == 50_000 else ""
    return orjson.dumps(
        {
            "@timestamp": moment,
            "message": f"request {number} to {draw.choice(ROUTES)} finished with {status} in the usual way{rare}",
            "level": "error" if draw.random() < 0.05 else "info",
            "logger": "apex.api",
            "request_id": f"{draw.getrandbits(128):032x}",
            "trace": {"id": f"{draw.getrandbits(128):032x}"},
            "method": draw.choice(("GET", "POST", "PUT")),
            "route": draw.choice(ROUTES),
            "status": status,
            "duration_ms": round(draw.lognormvariate(3, 1), 3),
            "source_ip": f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}",
            "geoip": {"country_code2": draw.choice(("DE", "SE", "US", "FR")), "location": {"lat": 52.5, "lon": 13.4}},
            "host": {"name": f"api-{draw.randrange(8)}"},
        }
    )


async def measure(directory: Path, end: int) -> dict[str, float]:
    """Seconds by question."""
    found = {}
    async with embedded.opened(directory) as store:
        for name, work in questions(end).items():
            for _ in range(2):
                start = time.perf_counter()
                await work(store)
                found[name] = time.perf_counter() - start
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Fills, measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.searching", description=__doc__.partition("\n")[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10, help="and so many indices")
    parser.add_argument("--store", type=Path, help="a folder to keep the store in")
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="apex-logs-bench-") as temporary:
        directory = parsed.store or Path(temporary)
        if not (directory / "indices").is_dir():
            start = time.perf_counter()
            fill(directory, parsed.documents, parsed.days)
            print(f"{parsed.documents:,} documents written in {time.perf_counter() - start:.0f} s")
        for name, seconds in asyncio.run(measure(directory, (START + parsed.days * 86_400) * 1000)).items():
            print(f"{name:<36}{seconds * 1000:>10,.0f} ms")
    print(f"{'memory, at most':<36}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>10,.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
