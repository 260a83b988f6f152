"""The worker: decodes a batch, runs each event through the flow, and starts the batch on its way to its end.

for event in decode(batch):          one event alive at a time
    process(event)                   filters, routes; every output it goes to renders it at once
await in_flight.room()               waits only at the bound; the batch's end acknowledges it
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import monotonic

from pipeline.batch import Batch, Origin, Tally
from pipeline.delivery.asking import settle
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.delivery.outlets import Outlet
from pipeline.delivery.retry import Backoff, bury
from pipeline.delivery.tickets import InFlight, Ticket
from pipeline.delivery.turns import Turns
from pipeline.errors import BrokenFraming, Undecodable, Unjudged
from pipeline.event import Event
from pipeline.flow import Continue, Flow
from pipeline.metrics import Counters
from pipeline.plugin import Input
from pipeline.spans import Tracer
from pipeline.texts.json_documents import write_json
from pipeline.time_limits import Watch

log = logging.getLogger("apex.delivery")

_MADE_HERE = Batch(b"", {"id": "made by a filter"}, lambda events: None, lambda error: None)


@dataclass(frozen=True, slots=True)
class Source:
    """An input with its common options resolved."""

    input: Input
    decorate: Callable[[Event], None] | None
    label: str
    kind: str = ""
    """The name of the input's plugin."""


@dataclass(slots=True)
class Sampling:
    """Chooses one batch in `every` to run through the timed twin of the flow, which is compiled at the first of them.

    Batches that are not chosen cost a count.
    """

    every: int
    twin: Callable[[], Flow]
    counters: Counters
    _until: int = field(init=False)
    _compiled: Flow | None = None

    def __post_init__(self) -> None:
        # Not the first one: it comes while everything is still cold, and start-up should not wait for the twin.
        self._until = min(self.every, 16)

    def flow(self, plain: Flow) -> Flow:
        """The flow for the next batch."""
        self._until -= 1
        if self._until > 0:
            return plain
        self._until = self.every
        if self._compiled is None:
            self._compiled = self.twin()
        return self._compiled

    def timed(self, events: int) -> None:
        """A batch has passed the twin."""
        self.counters.timed_batches += 1
        self.counters.timed_events += events


@dataclass(slots=True)
class Fates:
    """Catches what fails for one event alone, so that the events beside it go on."""

    counters: Counters
    letters: list[DeadLetter] = field(default_factory=list)
    """Given up in the batch that is worked on; on disk before the batch can end."""
    of_events: list[tuple[DeadLetter, int]] = field(default_factory=list)
    """Those of them whose event was decoded, with its ordinal: its original is not looked for yet."""
    decoded: int = 0
    """Events of the batch that were decoded."""
    rejected: int = 0
    """Events of the batch that could not be decoded."""
    batch: Batch | None = None
    """The batch that is worked on; none while filters let go what they held."""
    source: Source | None = None
    flow: Flow | None = None
    tally: Tally | None = None
    """Where what becomes of the events is counted, if somebody wants to know."""
    _passed: Tally = field(default_factory=Counter)

    def begin(self, tally: Tally | None) -> None:
        """The events that follow are counted there."""
        self.tally = tally
        if tally is not None:
            self._passed = self.counters.passed()

    def count(self) -> None:
        """There is no more to come of them before the outputs."""
        if self.tally is not None:
            self.tally["read", "", ""] += self.decoded + self.rejected
            self.tally.update(self.counters.passed())
            self.tally.subtract(self._passed)

    def guard(self, proceed: Continue, event: Event) -> None:
        """Runs a continuation; what it raises concerns this event alone."""
        try:
            proceed(event)
        except Exception as error:
            self.stopped(event, error)

    def stopped(self, event: Event, error: Exception) -> None:
        """An event stops here: it is dropped where a condition cannot judge it, else dead-lettered."""
        assert self.flow is not None
        place = self.flow.place_of(error)
        if isinstance(error, Unjudged):
            self.counters.unjudged[place] += 1
            log.warning("%s: an event was dropped, as Logstash does: %s", place, error)
            return
        self.failed(event, error, place)

    def unrouted(self, _event: Event) -> None:
        """An event reached no output: it ends here, counted."""
        self.counters.unrouted += 1

    def failed(self, event: Event, error: Exception, place: str) -> None:
        """Dead-letters an event with its original bytes."""
        letter = DeadLetter(f"{type(error).__name__}: {error}", place, b"", Origin())
        if self.batch is None:
            letter.original, letter.event_id = write_json(event.fields), event.metadata.get("event_id")
        else:
            self.of_events.append((letter, event.ordinal))
        letter.tally = self.tally
        self.letters.append(letter)

    def given_up(self, ticket: Ticket) -> list[DeadLetter]:
        """The letters, which are whole now. The id is that of the event as it was decoded, as the original is what is
        retried: a child of it has another, and would hand that on to all the children of the retry."""
        originals = ticket.originals({ordinal for _, ordinal in self.of_events})
        for letter, ordinal in self.of_events:
            letter.original, letter.event_id, letter.sibling = originals[ordinal]
            letter.origin, letter.input = ticket.batch.origin, ticket.kind
        letters, self.letters, self.of_events = self.letters, [], []
        return letters

    def reject(self, raw: bytes, error: Exception) -> None:
        """Dead-letters bytes that could not be decoded."""
        assert self.batch is not None
        assert self.source is not None
        self.rejected += 1
        origin = self.batch.origin | (error.place if isinstance(error, Undecodable) else {})
        letter = DeadLetter(f"cannot be decoded: {error}", self.source.label, raw, origin)
        letter.input = letter.plugin_type = self.source.kind
        letter.tally = self.tally
        self.letters.append(letter)


@dataclass(slots=True)
class Worker:
    """Works on one batch at a time, whichever input it comes from."""

    flow: Flow
    fates: Fates
    outlets: Sequence[Outlet]
    in_flight: InFlight
    dead_letters: DeadLetterQueue
    counters: Counters
    sampling: Sampling | None = None
    """Which batches are timed; none if it is None."""
    tracer: Tracer | None = None
    loose: Tally | None = None
    """Where it is counted what became of the events that filters made of their own state, if somebody wants to know."""
    watch: Watch | None = None
    """What stops filters and inputs that work too long on one event; None where none has such a bound."""
    turns: Turns = field(default_factory=Turns)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, source: Source) -> None:
        """Takes the batches of an input until it has no more."""
        async for batch in source.input.batches():
            await self.take(source, batch)

    async def take(self, source: Source, batch: Batch) -> None:
        """Works on a batch; returns when there is room for another."""
        async with self._one_at_a_time:
            if self.watch is None:
                await self._take(source, batch)
            else:
                with self.watch:
                    await self._take(source, batch)
        await self.in_flight.room()
        if self.turns.over:
            await self.turns.give()

    async def flush(self, now: float, final: bool) -> None:
        """Lets holding filters let go. What they made of their own state has no sender to acknowledge."""
        async with self._one_at_a_time, AsyncExitStack() as stack:
            if self.watch is not None:
                stack.enter_context(self.watch)
            ticket = Ticket(replace(_MADE_HERE, tally=self.loose), None, self.in_flight)
            self.fates.batch, self.fates.decoded, self.fates.rejected = None, 0, 0
            self.fates.begin(self.loose)
            for outlet in self.outlets:
                outlet.begin(ticket)
            self.fates.flow = self.flow
            self.turns.begin()
            for holding, proceed in self.flow.flushes:
                for event in holding.flush(now, final):
                    self.fates.guard(proceed, event)
                    if self.turns.passed():
                        await self.turns.give()
            await self._close(ticket, 0)

    async def _take(self, source: Source, batch: Batch) -> None:
        counted, begun = self.counters.input(source.label), monotonic()
        counted.batches += 1
        counted.bytes += len(batch.data)
        ticket = Ticket(batch, source.input, self.in_flight, source.kind)
        if self.tracer is not None:
            ticket.span = self.tracer.batch(source.label, len(batch.data))
        self.fates.batch, self.fates.source, self.fates.rejected = batch, source, 0
        self.fates.begin(batch.tally)
        self.fates.flow = self.flow if self.sampling is None else self.sampling.flow(self.flow)
        for outlet in self.outlets:
            outlet.begin(ticket)
        try:
            await self._events(source, batch)
        except BrokenFraming as error:
            self.counters.refused += 1
            ticket.abandon()
            batch.refuse(error)
            return
        except Exception as error:
            log.exception("%s: a batch cannot be decoded whole; it is dead-lettered as it came", source.label)
            self.fates.reject(batch.data, error)
        decoded = self.fates.decoded
        counted.decoded += decoded
        counted.undecodable += self.fates.rejected
        self.counters.worked += monotonic() - begun
        if self.sampling is not None and self.fates.flow is not self.flow:
            self.sampling.timed(decoded)
        if ticket.span is not None:
            ticket.span.decoded(decoded)
        await self._close(ticket, decoded + self.fates.rejected)

    async def _close(self, ticket: Ticket, events: int) -> None:
        """Answers what waits; what was given up is on disk before the batch can end."""
        assert self.fates.flow is not None
        await settle(self.fates.flow, self.fates.guard, self.turns)
        for outlet in self.outlets:
            outlet.pause()
        self.fates.count()
        if self.fates.letters:
            await bury(self.dead_letters, self.fates.given_up(ticket), self.counters, Backoff())
        ticket.seal(events)

    async def _events(self, source: Source, batch: Batch) -> None:
        """Every event of the batch through the flow."""
        assert self.fates.flow is not None
        process, decorate, turns = self.fates.flow.process, source.decorate, self.turns
        turns.begin(careful=batch.careful)
        count, look = 0, turns.stride
        try:
            for event in source.input.decode(batch.data, batch.origin, self.fates.reject):
                count += 1
                try:
                    if decorate is not None:
                        decorate(event)
                    process(event)
                except Exception as error:
                    self.fates.stopped(event, error)
                if count >= look:
                    if turns.due():
                        await turns.give()
                    look = count + turns.stride
        finally:
            self.fates.decoded = count
