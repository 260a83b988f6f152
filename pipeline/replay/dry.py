"""A dry run: an output renders as ever, and sends nothing."""

from __future__ import annotations

from typing import Any

from pipeline.plugin import Body, Output, Sent


class Counting:
    """Stands in for an output; the first items are kept to be shown."""

    def __init__(self, output: Output, shown: list[bytes], most: int) -> None:
        """`shown` takes the first `most` items, of all outputs together."""
        self._real = output
        self._shown = shown
        self._most = most
        self.ordered = output.ordered
        self.render = output.render

    def __getattr__(self, name: str) -> Any:
        """What else the engine asks of an output."""
        return getattr(self._real, name)

    async def start(self) -> None:
        """Connects to nothing."""

    async def close(self) -> None:
        """Nothing is open."""

    async def send(self, body: Body) -> Sent:
        """Takes all of it."""
        left = self._most - len(self._shown)
        self._shown += [body.item(number) for number in range(min(left, len(body)))]
        return Sent()
