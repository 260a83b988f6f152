"""A running http input, and a client of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from pipeline.codecs import json, plain
from pipeline.inputs.http import Http, Options, build
from tests.beats.workbench import PATIENCE, Worker, running
from tests.harness import context

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))
JSON = json.build(json.Options(ecs_compatibility="disabled"))


def made(warnings: list[str] | None = None, **options: Any) -> Http:
    given = {"port": 0, "codec": PLAIN, "additional_codecs": {"application/json": JSON}, **options}
    return build(Options(**given), context(warnings=warnings))


@dataclass
class Site:
    """A running input whose worker ends every batch at once, and a client of it."""

    worker: Worker
    session: aiohttp.ClientSession
    events: list[Any]

    async def post(self, data: Any = b"hello", path: str = "/", **arguments: Any) -> tuple[int, str, Any]:
        async with asyncio.timeout(PATIENCE):
            async with self.session.request(arguments.pop("method", "POST"), path, data=data, **arguments) as answer:
                return answer.status, await answer.text(), answer.headers


@contextlib.asynccontextmanager
async def site(given: Http, tls: ssl.SSLContext | None = None, *, ending: bool = True) -> AsyncIterator[Site]:
    async with running(given) as worker:
        port = given.server.listener.addresses[0][1]
        scheme = "https" if tls else "http"
        connector = aiohttp.TCPConnector(ssl=tls) if tls else None
        async with aiohttp.ClientSession(f"{scheme}://localhost:{port}", connector=connector) as session:
            found = Site(worker, session, [])
            task = asyncio.create_task(end_all(found)) if ending else None
            try:
                yield found
            finally:
                if task is not None:
                    task.cancel()


async def end_all(found: Site) -> None:
    number = 0
    while True:
        while len(found.worker.batches) <= number:
            found.worker.taken.clear()
            await found.worker.taken.wait()
        found.events += await found.worker.end(number)
        number += 1
