"""The front: runs the inputs, deals their batches to workers, and replaces workers that die.

            inputs --batch--> deal                                   the end of the batch acknowledges it
            inputs --batch--> queue on disk --record--> deal         the sync does; the end is for the checkpoint

crew       one post a worker: hired, heard out, and when it dies replaced, after a pause if it did not live long
isolation  one post more, filled only while there are suspects (ledger.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Coroutine, Iterator
from time import monotonic
from typing import Any, NamedTuple

from pipeline.batch import Batch
from pipeline.clock import Clock, SystemClock
from pipeline.config.building import BuiltInput, build_inputs
from pipeline.config.logstash_yml import Settings
from pipeline.config.plan import Plan
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.queue import PersistentQueue
from pipeline.delivery.worker import Source
from pipeline.errors import BrokenFraming
from pipeline.front.dealt import runs_itself
from pipeline.front.hired import Hired, hire
from pipeline.front.ledger import Dealt
from pipeline.front.wire import Kind, Message
from pipeline.metrics import Counters
from pipeline.persistence import open_queue
from pipeline.plugin import Input, PluginContext
from pipeline.runtime import Load, QueueFigures, State, Voice, background, bounds_of, listening, repeat

log = logging.getLogger("apex.front")

AHEAD = 2
"""Batches that wait in a worker until its engine has room, so that it never waits for the front."""
LIVED = 10.0
"""Seconds: a worker that lived less is replaced after a pause, which doubles each time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
PATIENCE = 30.0
"""Seconds that a reload waits for an old worker to deliver what it has."""


class Life(NamedTuple):
    """How a worker ended."""

    code: int
    """Its exit code."""
    seconds: float
    """How long it took batches."""
    told_to_leave: bool


class Front:
    """A pipeline in several processes; for who runs it, it is like a `Pipeline`."""

    def __init__(self, settings: Settings, plan: Plan, workers: int, clock: Clock | None = None) -> None:
        """Builds the inputs; that all the rest can be built is for the caller to know."""
        self.plan = plan
        self.settings = settings
        self.state: State = "starting"
        self.ready = asyncio.Event()
        """Set while its inputs listen, and every worker takes batches of the newest configuration."""
        self._queue: PersistentQueue | None = None
        self._count = workers
        self._periodic: list[tuple[float, Any]] = []
        voice = Voice(silent=True)  # who has built all the rest has said it
        context = PluginContext(
            pipeline_id=settings.pipeline_id,
            path_data=settings.path_data,
            clock=clock or SystemClock(),
            every=lambda seconds, call: self._periodic.append((seconds, call)),
            warn=voice.warn,
            persisted=settings.queue_type == "persisted",
        )
        self._inputs: list[BuiltInput] = build_inputs(plan, context)
        voice.silent = False
        self._crew: list[Hired] = []
        self._posts: set[asyncio.Task[None]] = set()
        self._rolling = asyncio.Lock()
        self._gone = Counters()
        """What workers counted that are no more."""
        self._own = Counters()
        self._numbers = itertools.count()
        self._open = 0
        """Batches without an end."""
        self._suspects = 0
        self._stopping = False
        self._changed = asyncio.Event()
        self._numbers_of: dict[int, int] = {}
        """By the identity of an input, the number under which workers know it."""
        self._group: asyncio.TaskGroup

    @property
    def queue(self) -> QueueFigures:
        """What waits in the queue on disk, which is the front's."""
        return (
            QueueFigures("memory", 0, 0, 0) if self._queue is None else QueueFigures("persisted", *self._queue.figures)
        )

    @property
    def unfinished(self) -> str:
        """How much was taken and has no end yet, in words."""
        size = sum(worker.hand.bytes for worker in self._crew)
        return f"{self._open} batches ({size} bytes of them at the workers)"

    @property
    def counters(self) -> Counters:
        """The counters of all workers, those included that are no more."""
        total = Counters()
        total.add(self._gone.snapshot(), gone=True)
        total.add(self._own.snapshot())
        for worker in self._crew:
            total.add(worker.counts)
        return total

    @property
    def in_flight(self) -> Load:
        """What is under way in all workers, and where they wait."""
        loads = [worker.counts["in_flight"] for worker in self._crew if worker.counts]
        events, size = sum(load[0] for load in loads), sum(load[1] for load in loads)
        count = self._count
        return Load(events, size, self.settings.in_flight_events * count, self.settings.in_flight_bytes * count)

    @property
    def inputs(self) -> list[tuple[str, Input]]:
        """Each input with its label."""
        return [(item.label, item.input) for item in self._inputs]

    def stop(self) -> None:
        """Takes no more: `run` drains and returns."""
        self.state = "draining"
        self._changed.set()
        if self._queue is not None:
            self._queue.stop()
        for item in self._inputs:
            item.input.stop()

    def reload(self, settings: Settings, plan: Plan) -> bool:
        """Goes over to another configuration, worker by worker, while the inputs go on; False if they are others."""
        if settings != self.settings or _text_of_inputs(plan) != _text_of_inputs(self.plan):
            return False
        self.plan = plan
        self.ready.clear()
        self._group.create_task(self._roll())
        return True

    async def run(self) -> None:
        """Runs until every input has ended or `stop` was called, and every batch has its end."""
        log.info("%d workers", self._count)
        dead_letters = DeadLetterQueue(
            self.settings.dead_letters, self.settings.pipeline_id, bounds_of(self.settings), self._own.block
        )
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as self._group:
            stack.callback(dead_letters.close)
            queue = self._queue = await self._open_queue(dead_letters, stack)
            self._fill_posts()
            isolation = self._group.create_task(self._isolation())
            for item in self._inputs:
                stack.push_async_callback(item.input.close)
            with background(self._opening(), *self._periodic_work(dead_letters)):
                async with asyncio.TaskGroup() as reading:
                    if queue is not None:
                        reading.create_task(queue.run(self._take))
                    for number, item in enumerate(self._inputs if queue is None else ()):
                        reading.create_task(self._read(number, item))
                await self._until(lambda: self._open == 0)
                if queue is not None:
                    await queue.close()
                self._stopping = True
                self._changed.set()
                isolation.cancel()
                for worker in self._crew:
                    worker.stop()
                while self._posts:
                    await asyncio.wait(self._posts)

    async def _opening(self) -> None:
        await listening(item.input for item in self._inputs if not runs_itself(item.input, self.settings))
        await self._until(lambda: sum(worker.takes for worker in self._crew) >= self._count)
        if self.state == "starting":
            self.state = "running"
            self.ready.set()

    async def _open_queue(
        self, dead_letters: DeadLetterQueue, stack: contextlib.AsyncExitStack
    ) -> PersistentQueue | None:
        sources = [Source(item.input, item.decorate, item.label, item.kind) for item in self._inputs]
        inputs = list(zip(self.plan.section("input"), sources, strict=True))
        queue = await open_queue(self.settings, inputs, dead_letters, self._own, stack)
        if queue is not None and self.state == "draining":
            queue.stop()
        self._numbers_of = {id(source.input): number for number, source in enumerate(sources)}
        return queue

    def _periodic_work(self, dead_letters: DeadLetterQueue) -> Iterator[Coroutine[Any, Any, None]]:
        for seconds, call in self._periodic:
            yield repeat(seconds, call)
        if self._queue is not None:
            yield self._queue.checkpoints()
            yield dead_letters.keep()

    # ------------------------------------------------------------------------------------ dealing

    async def _read(self, number: int, item: BuiltInput) -> None:
        if runs_itself(item.input, self.settings):  # each worker runs its own, until all stop
            await self._until(lambda: self.state == "draining")
            return
        async for batch in item.input.batches():
            self._open += 1
            await self._deal(Dealt(next(self._numbers), number, batch))

    async def _take(self, source: Source, batch: Batch) -> None:
        """A record of the queue; returns when a worker has it."""
        self._open += 1
        await self._deal(Dealt(next(self._numbers), self._numbers_of[id(source.input)], batch))

    async def _deal(self, dealt: Dealt) -> None:
        """Waits for a worker with room: of those, the one with the least to do."""
        if dealt.suspect:
            self._suspects += 1
            self._changed.set()
        while True:
            free = [
                worker
                for worker in self._crew
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
            self._finished(worker.hand.gone(head["seq"])).end(head["events"])
        elif kind is Kind.REFUSED:
            self._finished(worker.hand.gone(head["seq"])).refuse(BrokenFraming(head["reason"]))
        self._changed.set()

    def _finished(self, dealt: Dealt) -> Batch:
        self._open -= 1
        self._suspects -= dealt.suspect
        return dealt.batch

    # ------------------------------------------------------------------------------------ workers

    def _fill_posts(self) -> None:
        for _ in range(self._count):
            post = self._group.create_task(self._post())
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)

    async def _post(self) -> None:
        """Fills one post until the front stops, or the worker was told to leave."""
        pauses = _pauses()
        while not self._stopping:
            life = await self._serve(alone=False)
            if life.told_to_leave or (self._stopping and life.code == 0):
                return
            pauses = _pauses() if life.seconds > LIVED else pauses
            pause = next(pauses)
            log.error("a worker ended (%s); another takes its place in %.1f s", _how(life.code), pause)
            await self._until(lambda: self._stopping, pause)

    async def _roll(self) -> None:
        """Puts new workers in the place of the old ones, which finish what they have."""
        async with self._rolling:
            old = [worker for worker in self._crew if not (worker.hand.alone or worker.leaving)]
            self._fill_posts()
            await self._until(
                lambda: (
                    self._stopping or sum(worker.takes and worker not in old for worker in self._crew) >= self._count
                )
            )
            if self._stopping:
                return
            for worker in old:
                worker.leaving = True
                self._group.create_task(self._let_go(worker))
            log.info("reloaded: %d new workers", self._count)
            self.ready.set()

    async def _let_go(self, worker: Hired) -> None:
        """Waits until a worker has finished; not for ever, as the new configuration may be what its outputs need."""
        await self._until(lambda: self._stopping or not worker.hand.batches, PATIENCE)
        if worker.hand.batches and not self._stopping:
            log.warning("what an old worker could not deliver in %.0f s is dealt to the new ones", PATIENCE)
            worker.kill()
        worker.stop()

    async def _isolation(self) -> None:
        """Fills the post for suspects while there are any."""
        pauses = _pauses()
        while True:
            await self._until(lambda: self._suspects > 0)
            log.warning("a batch that workers died of runs alone, event by event")
            life = await self._serve(alone=True)
            if life.code:
                log.error("the worker that ran it alone ended, too (%s)", _how(life.code))
                pauses = pauses if life.seconds == 0 else _pauses()
                await asyncio.sleep(next(pauses))

    async def _serve(self, *, alone: bool) -> Life:
        """One worker's life; what it had when it ended is dealt again."""
        try:
            worker = await hire(_plan_head(self.settings, self.plan) | {"alone": alone}, alone=alone)
        except OSError as error:  # no memory, no process, no descriptor, just now
            log.error("a worker cannot be started: %s", error)
            return Life(1, 0.0, told_to_leave=False)
        self._crew.append(worker)
        if self._stopping:
            worker.stop()
        leaving = self._group.create_task(self._leave(worker)) if alone else None
        try:
            code = await worker.listen(lambda message: self._heard(worker, message))
        finally:
            self._crew.remove(worker)
            self._changed.set()
            if leaving is not None:
                leaving.cancel()
        self._gone.add(worker.counts, gone=True)
        for dealt in worker.died(code):
            if alone:
                self._suspects -= 1  # `_deal` counts it anew
            self._group.create_task(self._deal(dealt))
        return Life(code, worker.lived, worker.leaving)

    async def _leave(self, worker: Hired) -> None:
        """Lets the worker for suspects go when there are none."""
        await self._until(lambda: self._suspects == 0)
        worker.leaving = True
        worker.stop()

    async def _until(self, holds: Any, seconds: float | None = None) -> None:
        """Returns when it holds, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()


def _text_of_inputs(plan: Plan) -> list[str]:
    return [section.span.text for section in plan.configuration.sections if section.kind == "input"]


def _plan_head(settings: Settings, plan: Plan) -> dict[str, Any]:
    recipe = plan.recipe
    return {
        "settings": settings.model_dump(mode="json", by_alias=True),
        "sources": [[source.name, source.text] for source in recipe.sources],
        "ecs_compatibility": recipe.ecs_compatibility,
        "support_escapes": recipe.support_escapes,
        "instead": recipe.instead,
    }


def _pauses() -> Iterator[float]:
    """Nothing, then longer and longer."""
    yield 0.0
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(LONGEST_PAUSE, pause * 2)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
