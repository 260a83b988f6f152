"""The contract between a compiled configuration and delivery: what runs an event, and what waits at a cut."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pipeline.event import Event
from pipeline.plugin import Holding

Continue = Callable[[Event], None]
"""Runs an event through what is left of the pipeline."""
Guard = Callable[[Continue, Event], None]
"""Runs a continuation for one event; what it raises concerns that event alone."""


class Question(Protocol):
    """An asking filter at its place in the flow."""

    async def look_up(self, keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        """Answers the keys it could find."""
        ...


class Waiting(NamedTuple):
    """An event that has passed all filters and is to be routed, or one at a cut: what it asks, and where it goes on."""

    event: Event
    question: Question | None = None
    """None: it has passed all filters."""
    key: Hashable | None = None
    """None: the filter has nothing to ask for this event."""
    proceed: Continue | None = None
    resume: Callable[[Event, Any], None] | None = None
    """Goes on with an answer: None, where there was none; or the exception that the look-up raised."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A compiled pipeline without its inputs."""

    process: Continue
    """Runs the filters, and routes the event to the outputs."""
    waiting: list[Waiting]
    """Where filters ask: events that wait for an answer, and those that have passed all filters, in their order.
    Delivery empties it after each batch; when nothing asks any more, it routes the events in that order."""
    route: Continue
    """Routes an event that has passed all filters to the outputs."""
    flushes: Sequence[tuple[Holding, Continue]]
    """Filters that hold events, and where the events go that they let go."""
    place_of: Callable[[BaseException], str]
    """The plugin in which an exception was raised."""
    source: str
    """The generated Python, to read."""
