"""What inputs that ask for their data have in common: a stop that ends their pauses, and batches nobody waits for."""

from __future__ import annotations

import asyncio
import logging
import secrets

from pipeline.batch import Batch


class Stop:
    """Set once; whoever rests wakes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Says that no more is to be taken."""
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


_LONGEST_PAUSE = 30.0


class Troubles:
    """What goes wrong with a source is said, and tried again after a pause that doubles, up to 30 s."""

    def __init__(self, log: logging.Logger, label: str, stop: Stop) -> None:
        self._log, self._label, self._stop, self._attempt = log, label, stop, 0

    def over(self) -> None:
        """The source answers: the next pause is the shortest again."""
        self._attempt = 0

    async def pause(self, error: Exception) -> None:
        """Says it, and waits."""
        seconds = min(_LONGEST_PAUSE, 2.0 ** min(self._attempt, 10))
        self._attempt += 1
        said = str(error) or type(error).__name__
        self._log.warning("%s: %s; next try in %.0f s", self._label, said, seconds)
        await self._stop.rest(seconds)


def unanswered(data: bytes) -> Batch:
    """A batch whose end nobody is told of."""
    return Batch(data, {"id": secrets.token_hex(16)}, _nothing, _nothing)


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""
