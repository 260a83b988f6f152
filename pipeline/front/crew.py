"""The workers: hired, dealt to, heard out, replaced when they die, exchanged for others at a reload.

posts      one a worker: filled until all stop; a worker that did not live long is replaced after a pause
isolation  one post more, filled only while there are suspects (ledger.py)
exchange   new workers are hired; when they are ready, the old ones get no more, finish, and leave. One that is asked
           for meanwhile takes the place of the one that goes on
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from time import monotonic
from typing import Any, NamedTuple

from pipeline.batch import Batch
from pipeline.errors import BrokenFraming
from pipeline.front.hired import Hired, hire
from pipeline.front.ledger import Dealt
from pipeline.front.suspicions import Suspicions
from pipeline.front.wire import Kind, Message
from pipeline.metrics import Counters

log = logging.getLogger("apex.front")

AHEAD = 2
"""Batches that wait in a worker until its engine has room, so that it never waits for the front."""
LIVED = 10.0
"""Seconds: a worker that lived less is replaced after a pause, which doubles each time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
PATIENCE = 30.0
"""Seconds that an old worker has to deliver what it has, when it is exchanged."""


class Life(NamedTuple):
    """How a worker ended."""

    code: int
    """Its exit code."""
    seconds: float
    """How long it took batches."""
    told_to_leave: bool


class Crew:
    """So many workers, and what is open at them."""

    def __init__(self, count: int, orders: Callable[[], Mapping[str, Any]]) -> None:
        """`orders` says what a worker that is hired now is to run."""
        self.count = count
        self.workers: list[Hired] = []
        self.open = 0
        """Batches without an end."""
        self.counted = Counters()
        """What workers counted that are no more."""
        self._orders = orders
        self._posts: set[asyncio.Task[None]] = set()
        self._exchanging = asyncio.Lock()
        self._numbers = itertools.count()
        self._suspects = 0
        self._suspicions = Suspicions()
        self._stopping = False
        self._changed = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._exchanges = 0
        """How often there were new orders: workers that were hired before the last ones are to leave."""

    @property
    def complete(self) -> bool:
        """Whether all take batches."""
        return sum(worker.takes for worker in self.workers) >= self.count

    @contextlib.asynccontextmanager
    async def working(self, group: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Workers are there for the time of the block; at its end they stop, and it returns when they have ended."""
        self._group = group
        self._fill_posts(group)
        isolation = group.create_task(self._isolation())
        yield
        self._stopping = True
        self.look()
        isolation.cancel()
        for worker in self.workers:
            worker.stop()
        while self._posts:
            await asyncio.wait(self._posts)

    def look(self) -> None:
        """Something has changed that `until` may wait for."""
        self._changed.set()

    async def until(self, holds: Callable[[], bool], seconds: float | None = None) -> None:
        """Returns when it holds, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()

    # ------------------------------------------------------------------------------------ dealing

    async def deal(self, number: int, batch: Batch) -> None:
        """Returns when a worker has the batch, which came from the input of that number."""
        self.open += 1
        await self._deal(Dealt(next(self._numbers), number, batch))

    async def _deal(self, dealt: Dealt) -> None:
        """Waits for a worker with room: of those, the one with the least to do."""
        if dealt.suspect:
            self._suspects += 1
            self.look()
        while True:
            free = [
                worker
                for worker in self.workers
                if worker.takes and worker.hand.alone is dealt.suspect and worker.hand.room(AHEAD)
            ]
            if free:
                min(free, key=lambda worker: (worker.hand.untaken, worker.hand.bytes)).give(dealt)
                return
            self._changed.clear()
            await self._changed.wait()

    def _heard(self, worker: Hired, message: Message) -> None:
        kind, head, _ = message
        if kind is Kind.COUNTS:
            worker.counts = head
            return
        if kind is Kind.READY:
            worker.ready_at = monotonic()
        elif kind is Kind.TAKEN:
            worker.hand.untaken -= 1
        elif kind is Kind.ENDED:
            batch = self._finished(worker.hand.gone(head["seq"]))
            if batch.tally is not None:
                batch.tally.update({(what, of, why): count for what, of, why, count in head["tally"]})
            batch.end(head["events"])
        elif kind is Kind.REFUSED:
            self._finished(worker.hand.gone(head["seq"])).refuse(BrokenFraming(head["reason"]))
        self.look()

    def _finished(self, dealt: Dealt) -> Batch:
        self.open -= 1
        self._suspects -= dealt.suspect
        return dealt.batch

    # ------------------------------------------------------------------------------------ lives

    def _fill_posts(self, group: asyncio.TaskGroup) -> None:
        for seat in range(self.count):
            post = group.create_task(self._post(seat, self._exchanges))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)

    async def _post(self, seat: int, since: int) -> None:
        """Fills one post until all stop, or there are other posts in its place."""
        pauses = _pauses()
        while not self._stopping and since == self._exchanges:
            life = await self._serve(seat)
            if life.told_to_leave or (self._stopping and life.code == 0):
                return
            pauses = _pauses() if life.seconds > LIVED else pauses
            pause = next(pauses)
            log.error("a worker ended (%s); another takes its place in %.1f s", _how(life.code), pause)
            await self.until(lambda: self._stopping, pause)

    def exchange(self, done: Callable[[], None]) -> None:
        """Begins to put workers with new orders in the place of those that are there; calls `done` when they are."""
        if self._group is None:  # nobody is hired yet
            done()
            return
        self._exchanges += 1
        self.look()
        self._group.create_task(self._exchange(self._group, self._exchanges, done))

    async def _exchange(self, group: asyncio.TaskGroup, number: int, done: Callable[[], None]) -> None:
        def over() -> bool:
            return self._stopping or number != self._exchanges

        def new() -> int:
            return sum(worker.takes and worker.exchange == number for worker in self.workers)

        async with self._exchanging:
            if over():
                return
            self._fill_posts(group)
            await self.until(lambda: over() or new() >= self.count)
            if over():
                return
            for worker in self.workers:
                if worker.exchange < number and not (worker.hand.alone or worker.leaving):
                    worker.leaving = True
                    group.create_task(self._let_go(worker))
            done()

    async def _let_go(self, worker: Hired) -> None:
        """Waits until a worker has finished; not for ever, as the new configuration may be what its outputs need."""
        await self.until(lambda: self._stopping or not worker.hand.batches, PATIENCE)
        if worker.hand.batches and not self._stopping:
            log.warning("what an old worker could not deliver in %.0f s is dealt to the new ones", PATIENCE)
            worker.kill()
        worker.stop()

    async def _isolation(self) -> None:
        """Fills the post for suspects while there are any."""
        pauses = _pauses()
        while True:
            await self.until(lambda: self._suspects > 0)
            log.warning("a batch that workers died of runs alone, event by event")
            life = await self._serve(None)
            if life.code:
                log.error("the worker that ran it alone ended, too (%s)", _how(life.code))
                pauses = pauses if life.seconds == 0 else _pauses()
                await asyncio.sleep(next(pauses))

    async def _serve(self, seat: int | None) -> Life:
        """One worker's life, without a seat alone; what it had when it ended is dealt again."""
        assert self._group is not None
        alone = seat is None
        exchange = self._exchanges
        try:
            worker = await hire(
                {
                    **self._orders(),
                    "alone": alone,
                    "seat": [seat or 0, self.count],
                    "suspects": self._suspicions.orders(),
                },
                alone=alone,
            )
        except OSError as error:  # no memory, no process, no descriptor, just now
            log.error("a worker cannot be started: %s", error)
            return Life(1, 0.0, told_to_leave=False)
        worker.exchange = exchange
        self.workers.append(worker)
        if not alone and exchange != self._exchanges:  # there were new orders while it was hired
            worker.leaving = True
        if self._stopping or worker.leaving:
            worker.stop()
        leaving = self._group.create_task(self._leave(worker)) if alone else None
        try:
            code = await worker.listen(lambda message: self._heard(worker, message))
        finally:
            self.workers.remove(worker)
            self.look()
            if leaving is not None:
                leaving.cancel()
        self.counted.add(worker.counts, gone=True)
        if (noted := worker.fell_at(code)) is not None:
            log.error(
                "the worker that ended was at work on records %d to %d of %s", noted.first, noted.last, noted.part
            )
            self._suspicions.died(noted)
        for dealt in worker.died(code):
            if alone:
                self._suspects -= 1  # `_deal` counts it anew
            self._group.create_task(self._deal(dealt))
        return Life(code, worker.lived, worker.leaving)

    async def _leave(self, worker: Hired) -> None:
        """Lets the worker for suspects go when there are none."""
        await self.until(lambda: self._suspects == 0)
        worker.leaving = True
        worker.stop()


def _pauses() -> Iterator[float]:
    """Nothing, then longer and longer."""
    yield 0.0
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * 2)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
