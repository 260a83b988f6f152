"""A filter as the generated flow calls it: with its common options, its failures, its counts.

`compile` writes the calls; what is called is here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.decorations import Decorate
from pipeline.errors import FilterFailure
from pipeline.event import Event, add_tag
from pipeline.metrics import FilterCounters
from pipeline.plugin import Asking, Filter, Holding

Spread = Callable[[Event], Iterable[Event]]


@dataclass(frozen=True, slots=True)
class BuiltFilter:
    """A filter with its common options resolved."""

    filter: Filter
    decorate: Decorate | None
    tag_on_failure: Sequence[str] | None
    """None where the plugin has no such option: what it raises dead-letters the event."""
    label: str
    counters: FilterCounters = field(default_factory=lambda: FilterCounters("", ""))
    """Counted where the filter changes the number of events."""


@dataclass(frozen=True, slots=True)
class AskingFilter:
    """An asking filter at its place in the flow."""

    asking: Asking
    built: BuiltFilter
    told: Callable[[Event, bool], None] | None = None

    async def look_up(self, keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        """Answers the keys it could find."""
        return await self.asking.look_up(keys)

    def answered(self, event: Event, answer: Any) -> None:
        """Applies an answer, and the common options; raises what the look-up raised."""
        if isinstance(answer, BaseException):
            # One exception for many events: with each, the traceback would grow.
            raise answer.with_traceback(None)
        matched = _apply(self.built, event, lambda given: self.asking.apply(given, answer))
        if self.told is not None:
            self.told(event, matched)


def children_of(spread: Spread, built: BuiltFilter, number: int) -> Spread:
    """Gives each child an id of its own, and the common options; the event that was given may be among them as it is.

    The id is the parent's with the numbers of the filter and of the child, so that a repeat gives the same ids, and
    two filters never the same one. Counts what became of the event; where the filter fails, its end is counted there.
    """
    decorate, counters, holds = built.decorate, built.counters, isinstance(built.filter, Holding)

    def children(event: Event) -> Iterable[Event]:
        parent = event.metadata.get("event_id")
        count, ends = 0, 1
        try:
            for child in spread(event):
                if child is not event:
                    if parent is not None:
                        child.metadata["event_id"] = f"{parent}.{number}.{count}"
                    if decorate is not None:
                        decorate(child)
                count += 1
                yield child
        except Exception:
            ends = 0
            raise
        finally:
            if holds:
                counters.balance += ends - count
            elif count != ends:
                if count:
                    counters.made += count - ends
                else:
                    counters.dropped += 1

    return children


def counted(holding: Holding, counters: FilterCounters) -> Holding:
    """The same; what it lets go when it is flushed is counted."""

    def flush(now: float, final: bool) -> Iterable[Event]:
        for event in holding.flush(now, final):
            counters.balance -= 1
            yield event

    return Holding(holding.hold, flush)


def failure_of(built: BuiltFilter) -> Callable[[Event, FilterFailure], None]:
    """What follows when a filter could not do its work: the event is tagged, or stops here."""

    def tag(event: Event, failure: FilterFailure) -> None:
        if built.tag_on_failure is None:
            raise failure
        for name in built.tag_on_failure:
            add_tag(event, name)

    return tag


def _apply(built: BuiltFilter, event: Event, run: Callable[[Event], bool]) -> bool:
    try:
        matched = run(event)
        if matched and built.decorate is not None:
            built.decorate(event)
    except FilterFailure as failure:
        failure_of(built)(event, failure)
        return False
    return matched
