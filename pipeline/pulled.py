"""What inputs that ask for their data have in common: a stop that ends their pauses, and batches nobody waits for."""

from __future__ import annotations

import asyncio
import secrets

from pipeline.batch import Batch


class Stop:
    """Set once; whoever rests wakes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Take no more."""
        self._event.set()

    async def wait(self) -> None:
        """Returns when it is set."""
        await self._event.wait()

    async def rest(self, seconds: float) -> None:
        """A pause of so many seconds, or until it is set."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return


def unanswered(data: bytes) -> Batch:
    """A batch whose end nobody is told of."""
    return Batch(data, {"id": secrets.token_hex(16)}, _nothing, _nothing)


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""
