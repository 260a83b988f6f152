"""An embedded store and an Elasticsearch with the same documents, asked the same."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pipeline.search import cluster, embedded
from pipeline.search.questions import Documents, Question
from tests.search.agreement import NOW, fill_cluster, fill_store


class Stores:
    """Both."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url

    def ask(self, ask: Callable[[Documents], Awaitable[Any]]) -> tuple[Any, Any]:
        """What each of the two answers: the embedded store first."""

        async def both() -> tuple[Any, Any]:
            async with embedded.opened(self.folder) as store, cluster.opened(self.url) as elastic:
                return await ask(store), await ask(elastic)

        return asyncio.run(both())


def question(query: str = "*", **more: Any) -> Question:
    """A question about the documents that both have."""
    return Question(query, now=NOW, indices="agree-*", **more)


def filled(folder: Path, url: str) -> Stores:
    """Both, with the documents."""
    fill_store(folder)
    fill_cluster(url)
    return Stores(folder, url)
