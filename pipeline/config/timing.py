"""The timed twin of a flow: the same plugins in the same order, each call of them timed and counted.

One batch in many runs through it, so that what each plugin costs is known, and the other batches pay nothing. It is
compiled like the plain flow, from the same built plugins, as `explain` compiles its traced one: it does the same to an
event and gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from pipeline.config.building import Built, connect
from pipeline.config.built import BuiltFilter
from pipeline.config.plan import Plan
from pipeline.event import Event
from pipeline.flow import Continue, Flow, Guard
from pipeline.metrics import PluginTime
from pipeline.plugin import Asking, Filter, Holding, PlainFilter, Spreading


def timed_flow(
    plan: Plan, built: Built, sinks: Mapping[int, Continue], guard: Guard, unrouted: Continue
) -> tuple[Flow, list[PluginTime]]:
    """The flow, and where it counts: filters, then outputs, in the order of the configuration."""
    times: dict[int, PluginTime] = {}
    for kind in ("filter", "output"):
        for checked in plan.section(kind):
            times[id(checked.node)] = PluginTime(checked.label, kind, checked.module.name)
    filters = {node: _timed(item, times[node]) for node, item in built.filters.items()}
    timed_sinks = {node: _sink(sink, times[node]) for node, sink in sinks.items()}
    return connect(plan, filters, timed_sinks, guard, unrouted=unrouted), list(times.values())


def _timed(built: BuiltFilter, time: PluginTime) -> BuiltFilter:
    decorate = built.decorate
    return replace(
        built,
        filter=_filter(built.filter, time),
        decorate=None if decorate is None else _also(decorate, time),
    )


def _filter(made: Filter, time: PluginTime) -> Filter:
    match made:
        case Spreading(spread):
            return Spreading(_children(spread, time))
        case Holding(hold, flush):
            return Holding(_children(hold, time), flush)
        case Asking():
            return _asking(made, time)
        case _:
            return _plain(made, time)


def _plain(run: PlainFilter, time: PluginTime) -> PlainFilter:
    def timed(event: Event) -> bool:
        time.taken += 1
        begun = perf_counter()
        try:
            return run(event)
        finally:
            time.seconds += perf_counter() - begun
            time.given += 1

    return timed


def _children(spread: Callable[[Event], Iterable[Event]], time: PluginTime) -> Callable[[Event], Iterable[Event]]:
    """Each child is timed as it is made: what follows runs between two of them."""

    def timed(event: Event) -> Iterable[Event]:
        time.taken += 1
        begun = perf_counter()
        try:
            for child in spread(event):
                time.seconds += perf_counter() - begun
                time.given += 1
                yield child
                begun = perf_counter()
        finally:
            time.seconds += perf_counter() - begun

    return timed


def _asking(asking: Asking, time: PluginTime) -> Asking:
    """The look-up counts as the time that it took, however much else was done meanwhile."""

    async def look_up(keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        begun = perf_counter()
        try:
            return await asking.look_up(keys)
        finally:
            time.seconds += perf_counter() - begun

    def key(event: Event) -> Hashable | None:
        time.taken += 1
        begun = perf_counter()
        try:
            return asking.key(event)
        finally:
            time.seconds += perf_counter() - begun
            time.given += 1

    def apply(event: Event, answer: Any) -> bool:
        begun = perf_counter()
        try:
            return asking.apply(event, answer)
        finally:
            time.seconds += perf_counter() - begun

    return Asking(key, look_up, apply)


def _also(run: Continue, time: PluginTime) -> Continue:
    def timed(event: Event) -> None:
        begun = perf_counter()
        try:
            run(event)
        finally:
            time.seconds += perf_counter() - begun

    return timed


def _sink(run: Continue, time: PluginTime) -> Continue:
    timed = _also(run, time)

    def sink(event: Event) -> None:
        time.taken += 1
        time.given += 1
        timed(event)

    return sink
