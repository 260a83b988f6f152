"""Where the pipelines of a process meet: what is handed to an address waits in its box until a pipeline takes it.

    put          an output hands over a body, and waits for its end
    take         the input of the address has it; it ends when all that became of it has ended
    give back    the input closes before that: it waits again, in its place, for whoever takes the address next

So a pipeline that is reloaded, or that fails, loses nothing of what others handed to it, and they wait meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pipeline.batch import Origin
from pipeline.errors import Unattended


@dataclass(slots=True, eq=False)
class Handover:
    """Bytes on their way from one pipeline to another."""

    data: bytes
    origin: Origin
    ended: asyncio.Future[None]
    """Done when every event in it has its end."""


class Box:
    """What waits at one address."""

    def __init__(self, address: str, bus: Bus) -> None:
        self.address = address
        self.served = False
        """Whether a pipeline runs, or starts, that has this address."""
        self.senders = 0
        """Outputs that run and hand over to it."""
        self._bus = bus
        self.waiting: deque[Handover] = deque()
        """Not taken yet, in their order."""
        self._changed = asyncio.Event()

    def put(self, data: bytes, origin: Origin) -> Handover:
        """Hands over; its end raises `Unattended` where the process ends and nobody will take it."""
        handover = Handover(data, origin, asyncio.get_running_loop().create_future())
        self.waiting.append(handover)
        self.look()
        return handover

    def withdraw(self, handover: Handover) -> None:
        """Who handed it over is gone, and so is what has not been taken; what has, ends for nobody."""
        if handover in self.waiting:
            self.waiting.remove(handover)

    async def take(self, stopped: Callable[[], bool]) -> Handover | None:
        """The next one. None when the input is stopped: at the end of the process not before its senders have ended,
        else at once, as another pipeline takes the address over."""
        while True:
            ending = self._bus.ending
            if stopped() and not (ending and (self.senders or self.waiting)):
                return None
            if self.waiting:
                return self.waiting.popleft()
            self._changed.clear()
            await self._changed.wait()

    def give_back(self, taken: Iterable[Handover]) -> None:
        """What was taken and has no end waits again, before the rest."""
        self.waiting.extendleft(reversed([handover for handover in taken if not handover.ended.done()]))
        self.look()

    def sender(self, more: int) -> None:
        """An output begins (1) or has ended (-1)."""
        self.senders += more
        self.look()

    def serve(self, served: bool) -> None:
        """A pipeline that has this address is about to run, or is no more."""
        self.served = served
        self.look()

    def look(self) -> None:
        """Something has changed that `take` waits for."""
        self._changed.set()
        if self._bus.ending and not self.served:
            while self.waiting:
                ended = self.waiting.popleft().ended
                if not ended.done():
                    ended.set_exception(Unattended(f'no pipeline with the address "{self.address}" runs any more'))


@dataclass(slots=True)
class Bus:
    """The boxes of a process, by their address."""

    ending: bool = False
    """The process ends: nobody will take over what is left."""
    _boxes: dict[str, Box] = field(default_factory=dict)

    def box(self, address: str) -> Box:
        """The box of an address; made when it is first asked for."""
        if address not in self._boxes:
            self._boxes[address] = Box(address, self)
        return self._boxes[address]

    def end(self) -> None:
        """The process ends: those that hand over go first, then those that take."""
        self.ending = True
        for box in self._boxes.values():
            box.look()
