"""Dead letters on their way again, through the same courier or the same worker as any event.

    item        as it was sent before, in a parcel, to an output
    original    a batch of its own, decoded by an input, through a whole pipeline

A letter is removed when its batch has its end: delivered, or given up once more, which is a new letter. What did not
end stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

from pipeline.batch import Batch, Origin
from pipeline.delivery.outlets import Limits
from pipeline.delivery.parcels import Parcel
from pipeline.delivery.retry import Courier
from pipeline.delivery.tickets import InFlight, Ticket
from pipeline.disk.letters import Letter, remove_letters
from pipeline.disk.removals import delete_emptied
from pipeline.errors import BrokenFraming
from pipeline.event import Event
from pipeline.plugin import Input, Reject

_WRITE_EVERY = 0.5


class Ended:
    """The letters that have their end, and those that cannot be retried."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[str] = []
        self._turn = asyncio.Lock()
        self.removed = 0
        self.left: dict[str, str] = {}
        """The names of letters that stay, and why."""

    def add(self, name: str) -> None:
        """It has its end."""
        self._waiting.append(name)

    async def write(self) -> None:
        """Returns when it is on disk that they are removed; raises `StoreError`."""
        async with self._turn:
            names = self._waiting[:]
            if names:
                await asyncio.to_thread(remove_letters, self._folder, names)
                del self._waiting[: len(names)]
                self.removed += len(names)

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Writes now and then while the block runs, and at its end, however it ends."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(_WRITE_EVERY)
                await self.write()

        async with asyncio.TaskGroup() as group:
            writing = group.create_task(repeat())
            try:
                yield
            finally:
                writing.cancel()
                await self.write()
                await asyncio.to_thread(delete_emptied, self._folder)


# ---------------------------------------------------------------------------------------------- items


class Known:
    """Stands for the input of a letter: its event is decoded already, as far as the queue needs to know."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter

    async def batches(self) -> AsyncIterator[Batch]:
        """None: the letter's batch is made where it is sent."""
        return
        yield

    def stop(self) -> None:
        """Nothing is taken."""

    async def close(self) -> None:
        """Nothing is open."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """One event with the letter's id."""
        yield Event({}, {"event_id": self._letter.event_id})

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The original."""
        return data


async def resend(letters: Iterable[Letter], courier: Courier, ended: Ended, limits: Limits | None = None) -> None:
    """Sends the items of letters; returns when each has its end."""
    limits = limits or Limits()
    in_flight = InFlight(limits.items, limits.bytes)
    rest = iter(letters)
    while group := list(islice(rest, limits.items)):
        while group:
            parcel = Parcel()
            while group and len(parcel.data) < limits.bytes:
                _join(parcel, group.pop(0), in_flight, ended)
            await courier.deliver(parcel)
            await ended.write()


def _join(parcel: Parcel, letter: Letter, in_flight: InFlight, ended: Ended) -> None:
    item = letter.item
    assert item is not None
    batch = Batch(letter.original, origin_of(letter), lambda _: ended.add(letter.name), lambda _: None)
    ticket = Ticket(batch, Known(letter), in_flight, letter.input)
    parcel.data += item
    parcel.ends.append(len(parcel.data))
    parcel.ordinals.append(0)
    parcel.runs.append((ticket, 1))
    ticket.begin(1)
    ticket.seal(1)


def origin_of(letter: Letter) -> Origin:
    """Where the letter's event came from, and which letter it was."""
    origin: Origin = {"id": letter.event_id, **letter.record.get("origin", {}), "letter": letter.name}
    if letter.sibling:
        origin["sibling"] = letter.sibling
    return origin


# ---------------------------------------------------------------------------------------------- originals


class Originals:
    """Gives letters to a pipeline in place of an input, whose half it uses that decodes.

    The event keeps the id that it had, so what was delivered before is known for a repeat.
    """

    def __init__(self, letters: Iterable[Letter], decoder: Input, ended: Ended) -> None:
        self._letters = letters
        self._open: dict[str, Letter] = {}
        self._decoder = decoder
        self._ended = ended
        self._stopped = False

    async def batches(self) -> AsyncIterator[Batch]:
        """A batch a letter."""
        for letter in self._letters:
            if self._stopped:
                return
            self._open[letter.name] = letter
            yield self._batch(letter)
            await asyncio.sleep(0)

    def _batch(self, letter: Letter) -> Batch:
        name = letter.name

        def end(_: int) -> None:
            del self._open[name]
            self._ended.add(name)

        def refuse(error: Exception) -> None:
            del self._open[name]
            self._ended.left[name] = f"its original cannot be decoded: {error}"

        return Batch(letter.original, origin_of(letter), end, refuse)

    def stop(self) -> None:
        """Take no more."""
        self._stopped = True

    async def close(self) -> None:
        """Nothing is open: the input that decodes was never started."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The event of the letter; all events, where the letter was of bytes that could not be decoded."""
        letter = self._open[origin["letter"]]
        found = 0

        def rejected(raw: bytes, error: Exception) -> None:
            nonlocal found
            found += 1
            reject(raw, error)

        known = "id" in letter.record
        for number, event in enumerate(self._decoder.decode(data, origin, rejected)):
            if known and number != letter.sibling:
                continue
            found += 1
            event.metadata["event_id"] = f"{letter.event_id}-{number}" if number and not known else letter.event_id
            if known:  # it is all that there is
                event.ordinal = 0
            yield event
        if not found:
            raise BrokenFraming("it holds no event for this input")

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The original, or the part of it that is the event."""
        letter = self._open[origin["letter"]]
        return data if "id" in letter.record else self._decoder.pick(data, origin, piece)
