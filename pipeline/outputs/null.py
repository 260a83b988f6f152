"""Take events and do nothing with them, to see how fast the rest of a pipeline is.

    output { null {} }

Every event counts as delivered.
"""

from __future__ import annotations

from pipeline.event import Event
from pipeline.options import OutputOptions
from pipeline.plugin import Body, Sent


class Options(OutputOptions):
    """The null output has no options of its own."""


def build(options: Options) -> Null:
    """Makes the output."""
    return Null()


class Null:
    """An item is one byte: the engine counts items by where they end."""

    ordered = False

    def render(self, event: Event, body: bytearray) -> None:
        """Appends nothing of the event."""
        body += b"."

    async def send(self, body: Body) -> Sent:
        """All of it has its end."""
        return Sent()

    async def start(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        """Nothing to free."""
