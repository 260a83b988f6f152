"""One running pipeline: built, started, drained, stopped. Joins the configuration to delivery.

start    outputs connect; inputs open; one task an input
run      batches flow
stop     inputs take no more; holders let go; open parcels are sent; every batch ends; inputs say goodbye
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from pipeline.batch import Tally
from pipeline.bus import Bus
from pipeline.clock import Clock, SystemClock
from pipeline.config.building import build, connect
from pipeline.config.plan import Plan
from pipeline.config.timing import timed_flow
from pipeline.delivery.dead_letters import Bounds, DeadLetterQueue
from pipeline.delivery.outlets import Departures, Limits, Outlet
from pipeline.delivery.queue import PersistentQueue
from pipeline.delivery.retry import Backoff, Courier
from pipeline.delivery.tickets import InFlight
from pipeline.delivery.worker import Fates, Sampling, Source, Worker
from pipeline.event import Event
from pipeline.flow import Continue, Flow
from pipeline.metrics import Counters
from pipeline.persistence import open_queue
from pipeline.plugin import ALONE, Holding, Input, Lag, Listens, Meets, Output, PluginContext, Seat, Spreading
from pipeline.running import QueueFigures, State, lags_of, queue_figures
from pipeline.settings.logstash_yml import Settings
from pipeline.spans import Tracer
from pipeline.time_limits import watch_over

log = logging.getLogger("apex.pipeline")

HANDED_AFTER = 0.005
"""Seconds that a body waits to fill which goes to another pipeline of the process: it waits again there."""
FLUSH_INTERVAL = 5.0
"""Seconds between two flushes of the filters that hold events, as in Logstash."""


class Place(NamedTuple):
    """What stands beside a pipeline."""

    seat: Seat = ALONE
    """Among the processes that have the same one."""
    bus: Bus | None = None
    """Where it meets the others of its process; None: there are none."""


class Altered(Protocol):
    """What whoever takes the place of the inputs has to say about the rest."""

    loose: Tally
    """Counts what becomes of the events that filters make of their own state."""

    def output(self, given: Output) -> Output:
        """The output to use in the place of one."""
        ...

    def sink(self, proceed: Continue) -> Continue:
        """What stands before an output."""
        ...

    def flow(self, flow: Flow) -> Flow:
        """The flow to use in the place of the compiled one."""
        ...


@dataclass(slots=True)
class Voice:
    """What plugins have to say to the user."""

    silent: bool = False
    """While they are built, where another process has built the same and has said it."""

    def warn(self, text: str) -> None:
        """Says it in the log."""
        if not self.silent:
            log.warning("%s", text)


class Pipeline:
    """A pipeline whose plugins are built; it runs once."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        clock: Clock | None = None,
        tracer: Tracer | None = None,
        voice: Voice | None = None,
        place: Place | None = None,
    ) -> None:
        """Builds every plugin; raises `ConfigurationError` with what only building can find."""
        voice, place = voice or Voice(), place or Place()
        self.counters = Counters()
        self.plan = plan
        self.settings = settings
        self.in_flight = InFlight(settings.in_flight_events, settings.in_flight_bytes, self.counters.latency)
        self.state: State = "starting"
        self.ready = asyncio.Event()
        """Set when its inputs listen, and its outputs are connected to or tried."""
        self._tracer = tracer
        self._clock = clock or SystemClock()
        self._periodic: list[tuple[float, Callable[[], None]]] = []
        context = PluginContext(
            pipeline_id=settings.pipeline_id,
            path_data=settings.path_data,
            clock=self._clock,
            every=lambda seconds, call: self._periodic.append((seconds, call)),
            warn=voice.warn,
            persisted=settings.queue_type == "persisted",
            seat=place.seat,
            bus=place.bus or Bus(),
            number=itertools.count().__next__,
        )
        self._built = build(plan, context, sealing=True)
        voice.silent = False
        # A flow that cannot be compiled is a fault of the configuration, to be known before anything starts or stops.
        nowhere: dict[int, Continue] = dict.fromkeys(self._built.outputs, _nowhere)
        connect(plan, self._built.filters, nowhere, lambda proceed, event: None)
        self.counters.filters = [item.counters for item in self._built.filters.values()]
        for label in [item.label for item in self._built.inputs]:
            self.counters.input(label)
        for _, label in self._built.outputs.values():
            self.counters.output(label)
        self._sources = [Source(item.input, item.decorate, item.label, item.kind) for item in self._built.inputs]
        self._queue: PersistentQueue | None = None
        self._queued = True
        self._altered: Altered | None = None
        self._stopping = False

    @property
    def queue(self) -> QueueFigures:
        """What waits between inputs and filters: batches, in a queue on disk."""
        return queue_figures(self._queue)

    @property
    def unfinished(self) -> str:
        """How much was taken and has no end yet, in words."""
        return f"{self.in_flight.events} events ({self.in_flight.bytes} bytes)"

    @property
    def why_alone(self) -> str | None:
        """Why several of this pipeline side by side would not do what one does; None if they would."""
        for built in self._built.filters.values():
            if isinstance(built.filter, Holding):
                return f"{built.label} holds events back, and must see them all"
            if isinstance(built.filter, Spreading) and built.filter.remembers:
                return f"{built.label} goes by the events before, and must see them all"
        for output, label in self._built.outputs.values():
            if output.ordered:
                return f"{label} keeps the order of events"
        meeting = [*self.inputs, *((label, output) for output, label in self._built.outputs.values())]
        for label, plugin in meeting:
            if isinstance(plugin, Meets):
                return f"{label} {plugin.meets}"
        return None

    @property
    def inputs(self) -> list[tuple[str, Input]]:
        """Each input with its label."""
        return [(item.label, item.input) for item in self._sources]

    def lags(self) -> Iterator[tuple[str, Lag]]:
        """How far inputs are behind that know it, with their labels."""
        return lags_of(self.inputs)

    @property
    def sources(self) -> Sequence[Source]:
        """The inputs, built and not started."""
        return self._sources

    def take_from(self, sources: Sequence[Source]) -> None:
        """Takes from these in place of the configuration's inputs, which are not started; no queue stands between."""
        self._sources = list(sources)
        self._queued = False

    def alter(self, altered: Altered) -> None:
        """Delivers through outputs and a flow that are altered. Its batches are not timed."""
        self._altered = altered
        self._built = replace(
            self._built,
            outputs={node: (altered.output(output), label) for node, (output, label) in self._built.outputs.items()},
        )

    def stop(self) -> None:
        """Takes no more: `run` drains and returns."""
        self._stopping = True
        self.state = "draining"
        if self._queue is not None:
            self._queue.stop()
        for source in self._sources:
            source.input.stop()

    async def run(self) -> None:
        """Runs until every input has ended or `stop` was called, and everything in flight has its end."""
        dead_letters = DeadLetterQueue(
            self.settings.dead_letters, self.settings.pipeline_id, bounds_of(self.settings), self.counters.block
        )
        fates = Fates(self.counters)
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            stack.callback(dead_letters.close)
            queue = self._queue = await self._open_queue(dead_letters, stack)
            couriers = self._couriers(dead_letters, stack)
            outlets = self._outlets(couriers, fates, Departures(group))
            for source in self._sources:  # also where a reload gives up waiting: senders must notice
                stack.push_async_callback(source.input.close)
            worker = self._worker(outlets, fates, dead_letters)
            if worker.watch is not None:
                stack.callback(worker.watch.stop)
            with background(
                self._opening(group, couriers.values()),
                dead_letters.keep(),
                *self._periodic_work(worker, bool(worker.flow.flushes)),
            ):
                async with asyncio.TaskGroup() as inputs:
                    if queue is not None:
                        inputs.create_task(queue.run(worker.take))
                    for source in self._sources if queue is None else ():
                        inputs.create_task(worker.run(source))
                await worker.flush(self._clock.now(), True)
                for outlet in outlets.values():
                    await outlet.drain()
                await self.in_flight.empty()
                if queue is not None:
                    await queue.close()

    def _couriers(self, dead_letters: DeadLetterQueue, stack: contextlib.AsyncExitStack) -> dict[int, Courier]:
        """Who delivers to each output, by its node; the outputs are closed at the end, whatever becomes of the rest."""
        couriers: dict[int, Courier] = {}
        for node, (output, label) in self._built.outputs.items():
            stack.push_async_callback(output.close)
            courier = Courier(output, label, dead_letters, self.counters, backoff_of(output, self.settings))
            courier.kind = self.plan.plugins[node].module.name
            courier.traced = self._tracer is not None
            couriers[node] = courier
        return couriers

    def _outlets(self, couriers: Mapping[int, Courier], fates: Fates, departures: Departures) -> dict[int, Outlet]:
        """What stands before each output."""
        delay = self.settings.pipeline_batch_delay / 1000
        outlets: dict[int, Outlet] = {}
        for node, courier in couriers.items():
            limits = Limits(delay=min(delay, HANDED_AFTER) if isinstance(courier.output, Meets) else delay)
            outlets[node] = Outlet(courier, self.in_flight, limits, fates.failed, departures)
        return outlets

    def _worker(self, outlets: Mapping[int, Outlet], fates: Fates, dead_letters: DeadLetterQueue) -> Worker:
        sinks: dict[int, Continue] = {node: outlet.add for node, outlet in outlets.items()}
        flow = fates.flow = self._flow(sinks, fates)
        worker = Worker(flow, fates, list(outlets.values()), self.in_flight, dead_letters, self.counters)
        worker.sampling, worker.tracer = self._sampling(sinks, fates), self._tracer
        worker.loose = None if self._altered is None else self._altered.loose
        filters = [one.filter for one in self._built.filters.values()]
        worker.watch = watch_over([*filters, *(one.input for one in self._built.inputs)])
        return worker

    async def _opening(self, group: asyncio.TaskGroup, couriers: Iterable[Courier]) -> None:
        """Outputs start when inputs listen, which takes a fraction of the time; what is taken waits for them."""
        await listening(source.input for source in self._sources)
        for courier in couriers:
            group.create_task(courier.start())
        if self.state == "starting":
            self.state = "running"
            self.ready.set()

    async def _open_queue(
        self, dead_letters: DeadLetterQueue, stack: contextlib.AsyncExitStack
    ) -> PersistentQueue | None:
        if not self._queued:
            return None
        inputs = list(zip(self.plan.section("input"), self._sources, strict=True))
        queue = await open_queue(self.settings, inputs, dead_letters, self.counters, stack)
        if queue is not None and self._stopping:
            queue.stop()
        return queue

    def _flow(self, sinks: dict[int, Continue], fates: Fates) -> Flow:
        altered = self._altered
        if altered is None:
            return connect(self.plan, self._built.filters, sinks, fates.guard, unrouted=fates.unrouted)
        screened = {node: altered.sink(sink) for node, sink in sinks.items()}
        return altered.flow(connect(self.plan, self._built.filters, screened, fates.guard, unrouted=fates.unrouted))

    def _sampling(self, sinks: dict[int, Continue], fates: Fates) -> Sampling | None:
        def twin() -> Flow:
            flow, self.counters.times = timed_flow(self.plan, self._built, sinks, fates.guard, fates.unrouted)
            return flow

        every = self.settings.plugin_timing_every
        return Sampling(every, twin, self.counters) if every and self._altered is None else None

    def _periodic_work(self, worker: Worker, holding: bool) -> Iterator[Coroutine[Any, Any, None]]:
        for seconds, call in self._periodic:
            yield repeat(seconds, call)
        if self._queue is not None:
            yield self._queue.checkpoints()
        if holding:
            yield self._flushing(worker)

    async def _flushing(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(FLUSH_INTERVAL)
            await worker.flush(self._clock.now(), False)


async def listening(inputs: Iterable[Input]) -> None:
    """Returns when every input that has sockets listens."""
    for item in inputs:
        if isinstance(item, Listens):
            await item.server.listening.wait()


def _nowhere(event: Event) -> None:
    """Takes an event to no output."""


def bounds_of(settings: Settings) -> Bounds:
    """How large and how old the dead letter queue may become."""
    return Bounds(
        settings.dead_letter_queue_max_bytes,
        settings.dead_letter_queue_storage_policy,
        settings.dead_letter_queue_retain_age,
        settings.dead_letter_queue_flush_interval / 1000,
        settings.dead_letter_queue_fsync,
    )


def backoff_of(output: Output, settings: Settings) -> Backoff:
    """The output's own pauses, where its options give them (elasticsearch, loki), else the settings'."""

    def seconds(name: str) -> float:
        own = getattr(output, name, None)
        return float(getattr(settings, name) if own is None else own)

    return Backoff(seconds("retry_initial_interval"), seconds("retry_max_interval"))


@contextlib.contextmanager
def background(*work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Tasks that go on while the block does. One that fails ends, and is told of in the log: nobody awaits it."""
    tasks = [asyncio.get_running_loop().create_task(item) for item in work]
    for task in tasks:
        task.add_done_callback(_tell)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has ended, which it should not: %s", task.get_coro(), error, exc_info=error)


async def repeat(seconds: float, call: Callable[[], None]) -> None:
    """Calls again and again, with a pause before each."""
    while True:
        await asyncio.sleep(seconds)
        call()
