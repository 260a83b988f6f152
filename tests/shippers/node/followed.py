"""One input of the shipper, pass by pass; what it gives out ends when the test says so."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson

from pipeline.disk.chunks import Chunk
from pipeline.event_ids import beat_namer
from shippers.node.entries import Format
from shippers.node.envelopes import Envelopes, Marks, Sender
from shippers.node.following import Following, Input
from shippers.node.lines import Lines
from shippers.node.settings import PACKED

SENDER = Sender({"type": "filebeat", "version": "8.11.0", "id": "one", "name": "node"}, {"name": "node"})


class Followed:
    def __init__(self, folder: Path, *patterns: str, formatted: Format | None = None, **options: Any) -> None:
        self.folder = folder
        registry = folder / "registry"
        registry.mkdir(exist_ok=True)
        formatted = formatted or Lines(1 << 20)
        copies = options.pop("copies", None)
        given = Input(
            id="logs",
            paths=tuple(f"{folder}/{pattern}" for pattern in patterns or ("*.log",)),
            excluded=PACKED,
            formatted=formatted,
            from_beginning=options.get("from_beginning", True),
            ignore_older=None,
            close_inactive=options.get("close_inactive", 300.0),
            clean_removed=1e6,
            copies=re.compile(copies) if copies else None,
            flush_after=options.get("flush_after"),
        )
        envelopes = Envelopes(SENDER, Marks(), formatted)
        self.following = Following(
            given, envelopes, registry, options.get("most_open", 100), options.get("interval", 0.0)
        )
        self.held: list[Chunk] = []

    def events(self, *, end: bool = True) -> list[dict[str, Any]]:
        """What is new."""

        async def run() -> list[dict[str, Any]]:
            await self.following.scan()
            found = []
            async for chunk in self.following.chunks():
                found += [orjson.loads(event) for event in self.following.envelopes.of(chunk, 1.5)]
                self.held.append(chunk)
                if end:
                    self.end()
            await self.following.save()
            return found

        return asyncio.run(run())

    def messages(self, *, end: bool = True) -> list[str]:
        return [event["message"] for event in self.events(end=end)]

    def end(self) -> None:
        """All that was given out is acknowledged."""
        while self.held:
            self.following.ended(self.held.pop())

    def close(self) -> None:
        """As kill -9 does it: nothing is saved."""
        self.following._files.close()
        self.following._thread.shutdown()


def ids(events: list[dict[str, Any]]) -> list[str | None]:
    """What the server calls them."""
    name = beat_namer()
    return [name(event, event["@metadata"]) for event in events]
