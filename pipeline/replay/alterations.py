"""What is different behind a replay: which events go to the outputs, and what is noted of what becomes of them.

filters --> [--from, --to; no time] --> outputs [by index]         exported documents --> outputs
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.dates.timestamps import canonical
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

    def __init__(self, wishes: Wishes, counters: Counters, output: Callable[[Output], Output] | None = None) -> None:
        """`output` puts another output in the place of each."""
        self._wishes = wishes
        self._counters = counters
        self._output = output

    def output(self, given: Output) -> Output:
        """Notes by index what becomes of its items."""
        return ByIndex(given if self._output is None else self._output(given), self._counters)

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
    """An output that notes what became of its items by their index; of an output without indices, by its own name."""

    def __init__(self, output: Output, counters: Counters) -> None:
        self._real = output
        self._counters = counters
        self.ordered = output.ordered
        self.render = output.render
        self.start = output.start
        self.close = output.close

    def __getattr__(self, name: str) -> Any:
        """What else the engine asks of an output: the pauses of the elasticsearch output."""
        return getattr(self._real, name)

    async def send(self, body: Body) -> Sent:
        """As the output does it."""
        sent = await self._real.send(body)
        counted = self._counters.by_index
        if not (sent.again or sent.dead) and _INDEX not in body.data[: body.ends[0]]:
            counted["", "indexed"] += len(body)  # the output knows no indices
            return sent
        left_out = {position for position, _ in sent.again} if sent.again else set()
        dead = {position for position, _ in sent.dead} if sent.dead else set()
        repeated = set(sent.repeated)
        data, start = body.data, 0
        for position, end in enumerate(body.ends):
            if position not in left_out:
                fate = "dead" if position in dead else "duplicates" if position in repeated else "indexed"
                counted[_index(data, start, end), fate] += 1
            start = end
        return sent


def _index(data: bytearray, start: int, end: int) -> str:
    """The index that an item of a bulk request names; empty, where there is none."""
    if data[start : start + 1] != b"{":
        return ""
    at = data.find(_INDEX, start, min(end, start + 64))
    if at < 0:
        return ""
    begin = at + len(_INDEX) + 1
    return data[begin : data.find(b'"', begin, end)].decode(errors="replace")
