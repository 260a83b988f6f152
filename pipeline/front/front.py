"""The front: runs the inputs, and has their batches worked on by a crew of workers (crew.py).

inputs --batch--> deal                                   the end of the batch acknowledges it
inputs --batch--> queue on disk --record--> deal         the sync does; the end is for the checkpoint
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

from pipeline.batch import Batch
from pipeline.clock import Clock, SystemClock
from pipeline.config.building import BuiltInput, build_inputs
from pipeline.config.plan import Plan
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.queue import PersistentQueue
from pipeline.delivery.worker import Source
from pipeline.front.crew import Crew
from pipeline.front.dealt import runs_itself
from pipeline.metrics import Counters
from pipeline.persistence import open_queue
from pipeline.plugin import Input, Lag, PluginContext, Renews
from pipeline.running import Load, QueueFigures, State, lags_of, queue_figures
from pipeline.runtime import Voice, background, bounds_of, listening, repeat
from pipeline.settings.logstash_yml import Settings

log = logging.getLogger("apex.front")


class Front:
    """A pipeline in several processes; for who runs it, it is like a `Pipeline`."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        workers: int,
        clock: Clock | None = None,
        archives: tuple[Input, Mapping[str, Any]] | None = None,
    ) -> None:
        """Builds the inputs; that all the rest can be built is for the caller to know.

        `archives` are read in the place of the inputs; with them comes what their decoder in a worker is told.
        """
        self.plan = plan
        self.settings = settings
        self.state: State = "starting"
        self.ready = asyncio.Event()
        """Set while its inputs listen, and every worker takes batches of the newest configuration."""
        self._queue: PersistentQueue | None = None
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
        self._replays = archives is not None
        if archives is None:
            told: Mapping[str, Any] = {}
            self._inputs: list[BuiltInput] = build_inputs(plan, context)
        else:
            told = {"replay": archives[1]}
            self._inputs = [BuiltInput(archives[0], None, "replay", "replay")]
        voice.silent = False
        self._crew = Crew(workers, lambda: {**_orders(self.settings, self.plan), **told})
        self._own = Counters()
        """What the front itself counts."""
        self._numbers_of: dict[int, int] = {}
        """By the identity of an input, the number under which workers know it."""

    @property
    def queue(self) -> QueueFigures:
        """What waits in the queue on disk, which is the front's."""
        return queue_figures(self._queue)

    @property
    def unfinished(self) -> str:
        """How much was taken and has no end yet, in words."""
        size = sum(worker.hand.bytes for worker in self._crew.workers)
        return f"{self._crew.open} batches ({size} bytes of them at the workers)"

    @property
    def counters(self) -> Counters:
        """The counters of all workers, those included that are no more."""
        total = Counters()
        total.add(self._crew.counted.snapshot(), gone=True)
        total.add(self._own.snapshot())
        for worker in self._crew.workers:
            total.add(worker.counts)
        return total

    @property
    def in_flight(self) -> Load:
        """What is under way in all workers, and where they wait."""
        loads = [worker.counts["in_flight"] for worker in self._crew.workers if worker.counts]
        events, size = sum(load[0] for load in loads), sum(load[1] for load in loads)
        count = self._crew.count
        return Load(events, size, self.settings.in_flight_events * count, self.settings.in_flight_bytes * count)

    def lags(self) -> Iterator[tuple[str, Lag]]:
        """How far inputs are behind: its own, and those that workers run; each partition once, wherever it moves."""
        yield from lags_of((item.label, item.input) for item in self._inputs)
        told: dict[tuple[str, str, int], int] = {}
        for worker in self._crew.workers:
            for label, topic, partition, records in worker.counts.get("lags", ()):
                place = label, topic, partition
                told[place] = max(records, told.get(place, 0))
        for (label, topic, partition), records in told.items():
            yield label, Lag(topic, partition, records)

    def stop(self) -> None:
        """Takes no more: `run` drains and returns."""
        self.state = "draining"
        self._crew.look()
        if self._queue is not None:
            self._queue.stop()
        for item in self._inputs:
            item.input.stop()

    def reload(self, fresh: Front) -> bool:
        """Goes over to another configuration, worker by worker, while the inputs go on; False if they are others."""
        if fresh.settings != self.settings or _text_of_inputs(fresh.plan) != _text_of_inputs(self.plan):
            return False
        if any(runs_itself(item.input, self.settings) and item.input.named_by_seat for item in self._inputs):
            return False  # the old worker would be turned out of its group before it is done
        self.plan = fresh.plan
        for item, renewed in zip(self._inputs, fresh._inputs, strict=True):
            if isinstance(item.input, Renews):
                item.input.renew(renewed.input)
        self.ready.clear()
        self._crew.exchange(self._reloaded)
        return True

    def _reloaded(self) -> None:
        log.info("reloaded: %d new workers", self._crew.count)
        if self.state == "running":  # else it is not ready for the first time
            self.ready.set()

    async def run(self) -> None:
        """Runs until every input has ended or `stop` was called, and every batch has its end."""
        log.info("%d workers", self._crew.count)
        dead_letters = DeadLetterQueue(
            self.settings.dead_letters, self.settings.pipeline_id, bounds_of(self.settings), self._own.block
        )
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            stack.callback(dead_letters.close)
            queue = self._queue = await self._open_queue(dead_letters, stack)
            for item in self._inputs:
                stack.push_async_callback(item.input.close)
            with background(self._opening(), *self._periodic_work(dead_letters)):
                async with self._crew.working(group):
                    async with asyncio.TaskGroup() as reading:
                        if queue is not None:
                            reading.create_task(queue.run(self._take))
                        for number, item in enumerate(self._inputs if queue is None else ()):
                            reading.create_task(self._read(number, item))
                    await self._crew.until(lambda: self._crew.open == 0)
                    if queue is not None:
                        await queue.close()

    async def _opening(self) -> None:
        await listening(item.input for item in self._inputs if not runs_itself(item.input, self.settings))
        await self._crew.until(lambda: self._crew.complete)
        if self.state == "starting":
            self.state = "running"
            self.ready.set()

    async def _open_queue(
        self, dead_letters: DeadLetterQueue, stack: contextlib.AsyncExitStack
    ) -> PersistentQueue | None:
        if self._replays:
            return None
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

    async def _read(self, number: int, item: BuiltInput) -> None:
        if runs_itself(item.input, self.settings):  # each worker runs its own, until all stop
            await self._crew.until(lambda: self.state == "draining")
            return
        async for batch in item.input.batches():
            await self._crew.deal(number, batch)

    async def _take(self, source: Source, batch: Batch) -> None:
        """A record of the queue; returns when a worker has it."""
        await self._crew.deal(self._numbers_of[id(source.input)], batch)


def _text_of_inputs(plan: Plan) -> list[str]:
    return [section.span.text for section in plan.configuration.sections if section.kind == "input"]


def _orders(settings: Settings, plan: Plan) -> dict[str, Any]:
    recipe = plan.recipe
    return {
        "settings": settings.model_dump(mode="json", by_alias=True),
        "sources": [[source.name, source.text] for source in recipe.sources],
        "ecs_compatibility": recipe.ecs_compatibility,
        "support_escapes": recipe.support_escapes,
        "instead": recipe.instead,
        "inputs_host": recipe.inputs_host,
    }
