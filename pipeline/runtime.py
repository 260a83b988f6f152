"""One running pipeline: built, started, drained, stopped. Joins the configuration to delivery.

start    outputs connect; inputs open; one task an input
run      batches flow
stop     inputs take no more; holders let go; open parcels are sent; every batch ends; inputs say goodbye
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pipeline.clock import Clock, SystemClock
from pipeline.config.building import Built, build, connect
from pipeline.config.logstash_yml import Settings
from pipeline.config.plan import Plan
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.outlets import Limits, Outlet
from pipeline.delivery.retry import Backoff, Courier
from pipeline.delivery.tickets import InFlight
from pipeline.delivery.worker import Fates, Source, Worker
from pipeline.flow import Continue
from pipeline.metrics import Counters
from pipeline.plugin import PluginContext

log = logging.getLogger("apex.pipeline")

FLUSH_INTERVAL = 5.0
"""Seconds between two flushes of the filters that hold events, as in Logstash."""


@dataclass(slots=True)
class Pipeline:
    """A pipeline that is built and can be run once."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    counters: Counters = field(default_factory=Counters)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when every input is open."""
    _built: Built | None = None
    _plan: Plan | None = None
    _periodic: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _sources: list[Source] = field(default_factory=list)

    def build(self, plan: Plan) -> None:
        """Builds every plugin; raises `ConfigurationError` with what only building can find."""
        context = PluginContext(
            pipeline_id=self.settings.pipeline_id,
            path_data=self.settings.path_data,
            clock=self.clock,
            every=lambda seconds, call: self._periodic.append((seconds, call)),
            warn=log.warning,
        )
        self._plan, self._built = plan, build(plan, context)
        self._sources = [Source(item.input, item.decorate, item.label) for item in self._built.inputs]

    def stop(self) -> None:
        """Takes no more: `run` drains and returns."""
        for source in self._sources:
            source.input.stop()

    async def run(self) -> None:
        """Runs until every input has ended or `stop` was called, and everything in flight has its end."""
        assert self._built is not None
        assert self._plan is not None
        settings, counters = self.settings, self.counters
        in_flight = InFlight(settings.in_flight_events, settings.in_flight_bytes)
        dead_letters = DeadLetterQueue(settings.dead_letters, settings.pipeline_id)
        fates = Fates(counters)
        outlets: dict[int, Outlet] = {}
        couriers: list[Courier] = []
        for node, (output, label) in self._built.outputs.items():
            backoff = Backoff(settings.retry_initial_interval, settings.retry_max_interval)
            courier = Courier(output, label, dead_letters, counters, backoff)
            couriers.append(courier)
            limits = Limits(delay=settings.pipeline_batch_delay / 1000)
            outlets[node] = Outlet(courier, in_flight, limits, fates.failed)
        sinks: dict[int, Continue] = {node: outlet.add for node, outlet in outlets.items()}
        fates.flow = connect(self._plan, self._built.filters, sinks, fates.guard)
        worker = Worker(fates.flow, fates, list(outlets.values()), in_flight, dead_letters, counters)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(dead_letters.close)
            for courier in couriers:
                stack.push_async_callback(courier.output.close)
                await courier.start()
            for seconds, call in self._periodic:
                _background(stack, _repeat(seconds, call))
            if fates.flow.flushes:
                _background(stack, self._flushing(worker))
            await self._inputs(worker)
            await worker.flush(self.clock.now(), True)
            for outlet in outlets.values():
                await outlet.drain()
            await in_flight.empty()
            for source in self._sources:
                await source.input.close()

    async def _inputs(self, worker: Worker) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(worker.run(source))
            self.ready.set()

    async def _flushing(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            await worker.flush(self.clock.now(), False)


def _background(stack: contextlib.AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)

    async def cancel() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(cancel)


async def _repeat(seconds: float, call: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        call()
