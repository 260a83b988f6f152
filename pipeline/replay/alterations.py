"""What is different behind a replay: which events go to the outputs, and what is noted of what becomes of them.

filters --> [--from, --to; no time] --> outputs [by index]         exported documents --> outputs
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pipeline.batch import Tally
from pipeline.dates.timestamps import canonical
from pipeline.delivery.parcels import Parcel
from pipeline.errors import ApexLogsError
from pipeline.event import Event
from pipeline.flow import Continue, Flow
from pipeline.metrics import Counters
from pipeline.plugin import Body, Output, Sent
from pipeline.replay.exported import STRAIGHT
from pipeline.replay.times import UNKNOWN
from pipeline.replay.wishes import Wishes

_INDEX = b'"_index":'


class NoTime(ApexLogsError):
    """Neither a field of the event nor a filter says when it happened."""


class Alterations:
    """Of one pipeline."""

    def __init__(
        self, wishes: Wishes, counters: Counters, loose: Tally, output: Callable[[Output], Output] | None = None
    ) -> None:
        """`output` puts another output in the place of each."""
        self._wishes = wishes
        self._counters = counters
        self._output = output
        self.loose = loose
        """What became of the events that filters made of their own state."""

    def output(self, given: Output) -> Output:
        """Notes by index what becomes of its items."""
        return ByIndex(given if self._output is None else self._output(given))

    def sink(self, proceed: Continue) -> Continue:
        """Lets through what has a time, and is in the time that is asked for."""
        dated = _dated(proceed)
        if self._wishes.since is None and self._wishes.until is None:
            return dated
        return self._screened(dated)

    def _screened(self, proceed: Continue) -> Continue:
        since = (self._wishes.since or "")[:-1]
        until = (self._wishes.until or "~")[:-1] or "~"  # behind every digit
        counters = self._counters
        last: Event | None = None

        def screened(event: Event) -> None:
            nonlocal last
            time = event.fields.get("@timestamp")
            if type(time) is not str or (time[-1:] != "Z" and (time := canonical(time)) is None):
                proceed(event)  # a filter has made it what it is: whoever writes it judges
            elif time == UNKNOWN or since <= time[:-1] < until:
                proceed(event)
            elif event is not last:  # it may be on its way to several outputs
                last = event
                counters.outside += 1

        return screened

    def flow(self, flow: Flow) -> Flow:
        """Exported documents have passed the filters once."""
        process, route = flow.process, flow.route

        def either(event: Event) -> None:
            if STRAIGHT in event.metadata:
                route(event)
            else:
                process(event)

        return replace(flow, process=either)


def _dated(proceed: Continue) -> Continue:
    def dated(event: Event) -> None:
        if event.fields.get("@timestamp") == UNKNOWN:
            raise NoTime("no field and no filter says when it happened; --time-field names one, or use --time mtime")
        proceed(event)

    return dated


class ByIndex:
    """An output that notes in the tallies of batches what became of their items, by index; the name of the index is
    empty where the output knows none."""

    def __init__(self, output: Output) -> None:
        self._real = output
        self.ordered = output.ordered
        self.render = output.render
        self.start = output.start
        self.close = output.close

    def __getattr__(self, name: str) -> Any:
        """What else the engine asks of an output: the pauses of the elasticsearch output."""
        return getattr(self._real, name)

    async def send(self, body: Body) -> Sent:
        """As the output does it."""
        assert isinstance(body, Parcel)
        sent = await self._real.send(body)
        if not (sent.again or sent.dead) and _INDEX not in body.data[: body.ends[0]]:
            for tally, first, after in _runs(body):
                tally["indexed", "", ""] += after - first
            return sent
        left_out = {position for position, _ in sent.again} if sent.again else set()
        dead = {position for position, _ in sent.dead} if sent.dead else set()
        repeated = set(sent.repeated)
        data, ends = body.data, body.ends
        for tally, first, after in _runs(body):
            start = ends[first - 1] if first else 0
            for position in range(first, after):
                end = ends[position]
                if position not in left_out:
                    fate = "refused" if position in dead else "duplicates" if position in repeated else "indexed"
                    tally[fate, _index(data, start, end), ""] += 1
                start = end
        return sent


def _runs(parcel: Parcel) -> Iterator[tuple[Tally, int, int]]:
    """The tallies of its batches, each with the place of its first item and the place after its last one."""
    after = 0
    for ticket, count in parcel.runs:
        first, after = after, after + count
        if ticket.batch.tally is not None:
            yield ticket.batch.tally, first, after


def _index(data: bytearray, start: int, end: int) -> str:
    """The index that an item of a bulk request names; empty, where there is none."""
    if data[start : start + 1] != b"{":
        return ""
    at = data.find(_INDEX, start, min(end, start + 64))
    if at < 0:
        return ""
    begin = at + len(_INDEX) + 1
    return data[begin : data.find(b'"', begin, end)].decode(errors="replace")
