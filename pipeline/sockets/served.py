"""The first half of an input that has a server: all of it is the server's. Imports no event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Protocol, Self

from pipeline.batch import Batch

if TYPE_CHECKING:
    import asyncio


class Serves(Protocol):
    """What an input listens with."""

    def renew(self, fresh: Any) -> None:
        """Takes over certificates and keys from another, for the connections to come."""
        ...

    listening: asyncio.Event
    """Set when every socket is bound."""

    def batches(self) -> AsyncIterator[Batch]:
        """What is received, as it arrives; ends when `stop` was called and what is here is taken."""
        ...

    def stop(self) -> None:
        """Takes no more."""
        ...

    async def close(self) -> None:
        """Tells senders what has ended, and frees the sockets."""
        ...


class Served:
    """An input in front of a server; who inherits adds the second half, `decode` and `pick`."""

    def __init__(self, server: Serves) -> None:
        self.server = server

    def batches(self) -> AsyncIterator[Batch]:
        """What senders sent, as it arrives."""
        return self.server.batches()

    def stop(self) -> None:
        """Take no more."""
        self.server.stop()

    def renew(self, fresh: Self) -> None:
        """Take over certificates and keys that were read anew; connections that stand keep theirs."""
        self.server.renew(fresh.server)

    async def close(self) -> None:
        """Tell senders what has ended, and free the sockets."""
        await self.server.close()
