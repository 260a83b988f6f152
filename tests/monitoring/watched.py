"""A pipeline that runs in this process with its API beside it, and how a test asks the API."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.monitoring.listening import listening
from pipeline.monitoring.node import Node
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import planned

PATIENCE = 30.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        return json.loads(self.text)


class Watched:
    """A node, and its one pipeline."""

    def __init__(self, node: Node, pipeline: Pipeline) -> None:
        self.node = node
        self.pipeline = pipeline

    async def ask(self, path: str, **headers: str) -> Answer:
        """GET, from a thread of its own."""
        return await asyncio.to_thread(fetch, f"http://{self.node.address}{path}", headers)

    async def document(self, path: str) -> Any:
        return (await self.ask(path)).document


def fetch(url: str, headers: dict[str, str] | None = None) -> Answer:
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read().decode())


@asynccontextmanager
async def watched(text: str, folder: Path, **settings: Any) -> AsyncIterator[Watched]:
    """The pipeline runs to the end of the block, or has run when its inputs have ended."""
    chosen = Settings(path_data=folder / "data", **({"api_http_port": 0} | settings))
    pipeline = Pipeline(chosen, planned(text))
    node = Node(chosen, {"main": pipeline})
    async with asyncio.timeout(PATIENCE * 2), listening(node):
        work = asyncio.create_task(pipeline.run())
        try:
            yield Watched(node, pipeline)
        finally:
            pipeline.stop()
            await work


async def until(holds: Any) -> None:
    """Waits for something that the pipeline does."""
    while not holds():
        await asyncio.sleep(0.001)
