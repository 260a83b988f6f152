"""Sends a parcel until every item of it has its end. The only place that sleeps and repeats.

A pure function of the output (`send`) says what became of each item; here it is decided what follows:

    written, duplicate      the item's end
    again (429, 503)        sent again, alone, after a pause; fewer bodies at once (pace.py)
    dead (mapping error)    dead-lettered, durably; then its end
    Unavailable             all of it sent again, after a pause; fewer bodies at once
    BodyTooLarge            in halves; a single item that is too large is dead
    NotAuthorised           all of it sent again after a long pause, said loudly; nothing is dropped

While an output gives no answer it is away (away.py): one body after the other tries, at most `away` seconds apart, and
the rest waits with it. Whatever answers, all go on. A body that gets no answer while others do is tried by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from pipeline.delivery.away import Away, Tries
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue, Taken
from pipeline.delivery.pace import Pace
from pipeline.delivery.parcels import Parcel
from pipeline.delivery.tickets import Ticket
from pipeline.errors import BodyTooLarge, NotAuthorised, SendFailure, StoreError
from pipeline.metrics import Counters, OutputCounters, kind_of, status_of
from pipeline.plugin import Output, Sent

log = logging.getLogger("apex.delivery")

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double, with jitter, in seconds: between half and all of `first * 2^n`, at most `longest`."""

    first: float = 2.0
    longest: float = 64.0
    away: float = 5.0
    """The longest pause between two tries of an output that is away: one body asks, so it may ask often, and what
    waits goes on soon after its return. Logstash's `resurrect_delay`."""

    def pause(self, attempt: int, at_most: float = inf) -> float:
        """The pause after the failure of that number, from 0."""
        full = min(self.longest, at_most, self.first * 2.0 ** min(attempt, 30))
        return full * random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret


@dataclass(slots=True)
class Courier:
    """Delivers the parcels of one output, several at a time."""

    output: Output
    label: str
    dead_letters: DeadLetterQueue
    counters: Counters
    backoff: Backoff = Backoff()
    sleep: Sleep = asyncio.sleep
    pace: Pace = field(default_factory=Pace)
    kind: str = ""
    """The name of the output's plugin."""
    traced: bool = False
    """Whether some batches are traced."""
    counted: OutputCounters = field(init=False)
    _started: bool = False
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _away: Away = field(default_factory=Away)
    _aside: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the body that is tried by itself, as others are answered and it is not."""

    def __post_init__(self) -> None:
        self.counted = self.counters.output(self.label)

    async def start(self) -> None:
        """Connects the output; where it is away, the pipeline starts all the same and delivers when it is there."""
        try:
            await self._start()
        except SendFailure as failure:
            log.warning("%s: %s; delivery begins when it is there", self.label, failure)

    async def _start(self) -> None:
        if self._started:
            return
        async with self._starting:  # parcels may meet here
            if not self._started:
                await self.output.start()
                self._started = True

    async def deliver(self, parcel: Parcel) -> None:
        """Returns when every item has its end."""
        self.counted.begin()
        try:
            await self._until_ended(parcel)
        finally:
            self.counted.under_way -= 1

    async def _until_ended(self, parcel: Parcel) -> None:
        refusals, tries = 0, Tries()
        while len(parcel):
            try:
                sent = await self._tried(parcel, tries)
            except BodyTooLarge as failure:
                await self._smaller(parcel, failure)
                return
            except SendFailure as failure:
                self.counted.failed += 1
                self.counted.retry([_status(failure)] * len(parcel))
                continue
            self._count(parcel, sent)
            if not sent.again and not sent.dead:
                parcel.finish()
                return
            if sent.dead:
                await self._bury(parcel, sent.dead)
            reasons = dict(sent.again)
            parcel, ended = parcel.split(sorted(reasons))
            ended.finish()
            if reasons:
                self.counted.retry(map(status_of, reasons.values()))
                await self._refused(refusals, next(iter(reasons.values())), len(parcel))
                refusals += 1

    async def _tried(self, parcel: Parcel, tries: Tries) -> Sent:
        """One try, in its turn. Who may never be answered takes no room from the others."""
        if tries.alone:
            await self.sleep(self.backoff.pause(tries.alone - 1, self.backoff.away))
            async with self._aside:
                return await self._send(parcel, tries, self.pace.round)
        again = tries.unanswered > 0
        while True:
            async with self._away.turn(again, self.sleep) as asks:
                if asks and again:
                    return await self._send(parcel, tries, self.pace.round)
                async with self.pace.turn() as in_round:
                    if asks or not self._away.silences:  # else it went away while this one waited
                        return await self._send(parcel, tries, in_round)

    async def _send(self, parcel: Parcel, tries: Tries, in_round: int) -> Sent:
        silences = self._away.silences
        try:
            await self._start()
            sent = await self._send_once(parcel)
        except BodyTooLarge:
            self._away.answered(tries)
            raise
        except SendFailure as failure:
            if _status(failure) == "unavailable":
                self._away.unheard(tries)
            if not tries.alone or isinstance(failure, NotAuthorised):
                self.pace.refused(in_round)
                self._unheard(silences + 1, failure)
            elif tries.alone == 1:
                words = "%s: %s; others are answered; from now on its %d items are tried by themselves; nothing is lost"
                log.warning(words, self.label, failure, len(parcel))
            raise
        self._away.answered(tries)
        if sent.again:
            self.pace.refused(in_round)
        else:
            self.pace.taken()
        return sent

    async def _send_once(self, parcel: Parcel) -> Sent:
        """With the spans of the batches in it that are traced."""
        ends = [span.sending(self.label, items) for span, items in parcel.spans()] if self.traced else ()
        begun, problem = monotonic(), ""
        try:
            return await self.output.send(parcel)
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.counted.seconds += monotonic() - begun
            self.counted.sends += 1
            self.counted.bytes += len(parcel.data)
            for end in ends:
                end(problem)

    def _count(self, parcel: Parcel, sent: Sent) -> None:
        counted = self.counted
        ended = len(parcel) - len(sent.again)
        counted.duplicates += sent.duplicates
        counted.delivered += ended - len(sent.dead) - sent.duplicates - sent.lost
        self.counters.lost += sent.lost
        counted.imperfect += bool(sent.again or sent.dead)
        if ended:
            counted.since = monotonic()

    def _unheard(self, silences: int, failure: SendFailure) -> None:
        """The output does not answer, or refuses us: says so, once for all that hear it at the same time."""
        if silences <= self._away.silences:
            return
        self._away.silences = silences
        refused = isinstance(failure, NotAuthorised)
        self._away.pause = self.backoff.longest if refused else self.backoff.pause(silences - 1, self.backoff.away)
        level = logging.ERROR if refused else logging.WARNING
        log.log(level, "%s: %s; nothing is lost, the next try is in %.1f s", self.label, failure, self._away.pause)

    async def _smaller(self, parcel: Parcel, failure: BodyTooLarge) -> None:
        if len(parcel) == 1:
            await self._bury(parcel, [(0, f"the receiver refuses it even alone: {failure}")])
            parcel.finish()
            return
        for half in parcel.halves():
            await self._until_ended(half)

    async def _refused(self, refusals: int, reason: str, items: int) -> None:
        seconds = self.backoff.pause(refusals)
        log.warning("%s: %s; %d items are sent again in %.1f s", self.label, reason, items, seconds)
        await self.sleep(seconds)

    async def _bury(self, parcel: Parcel, dead: Sequence[tuple[int, str]]) -> None:
        wanted: dict[int, tuple[Ticket, set[int]]] = {}
        for index, _ in dead:
            ticket = parcel.ticket(index)
            wanted.setdefault(id(ticket), (ticket, set()))[1].add(parcel.ordinals[index])
        originals = {key: ticket.originals(ordinals) for key, (ticket, ordinals) in wanted.items()}
        letters = []
        for index, reason in dead:
            ticket = parcel.ticket(index)
            found = originals[id(ticket)][parcel.ordinals[index]]
            letter = DeadLetter(reason, self.label, found.data, ticket.batch.origin, parcel.item(index), found.event_id)
            letter.input, letter.plugin_type, letter.sibling = ticket.kind, self.kind, found.sibling
            letter.tally = ticket.batch.tally
            letters.append(letter)
        await bury(self.dead_letters, letters, self.counters, self.backoff)
        self.counted.dead += len(letters)


def _status(failure: SendFailure) -> str:
    """The HTTP status that a failure names, or what kind of failure it is."""
    status = status_of(str(failure))
    if status != "other":
        return status
    return "unauthorised" if isinstance(failure, NotAuthorised) else "unavailable"


async def bury(queue: DeadLetterQueue, letters: Sequence[DeadLetter], counters: Counters, backoff: Backoff) -> None:
    """Writes dead letters, and does not return before they are on disk: a full disk stops, it does not lose.

    What the queue drops at its bound, as its policy says, is counted as lost.
    """
    attempt = 0
    while letters:
        try:
            taken = await queue.put(letters)
        except StoreError as error:
            counters.block(str(error))
            seconds = backoff.pause(attempt)
            log.error("dead letters cannot be written, and nothing is dropped: %s; next try in %.0f s", error, seconds)
            await asyncio.sleep(seconds)
            attempt += 1
        else:
            counters.block("")
            for letter in letters[: taken.kept]:
                counters.bury(letter.plugin, letter.reason)
            counters.lost += taken.dropped + taken.pushed_out
            _note(letters, taken)
            letters = letters[taken.kept + taken.dropped :]
            attempt = 0


def _note(letters: Sequence[DeadLetter], taken: Taken) -> None:
    """Says it of the batches that want to know; the first of them answers for the letters that were pushed out."""
    for place, letter in enumerate(letters[: taken.kept + taken.dropped]):
        if letter.tally is not None:
            kept = place < taken.kept
            letter.tally[("dead", letter.plugin, kind_of(letter.reason)) if kept else ("lost", "", "")] += 1
    if taken.pushed_out and (first := letters[0].tally) is not None:
        first["lost", "", ""] += taken.pushed_out
