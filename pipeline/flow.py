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

    def answered(self, event: Event, answer: Any) -> None:
        """Applies an answer (None: there was none) and the filter's common options."""
        ...


class Waiting(NamedTuple):
    """An event at a cut: what it asks (None: nothing), and where it goes on."""

    event: Event
    question: Question
    key: Hashable | None
    proceed: Continue


@dataclass(frozen=True, slots=True)
class Flow:
    """A compiled pipeline without its inputs."""

    process: Continue
    """Runs the filters, and routes the event to the outputs."""
    waiting: list[Waiting]
    """Events that wait for an answer, in their order; delivery empties it after each batch."""
    arrived: list[Event]
    """Where filters ask, events that have passed them all: an event that waited twice may come after one that waited
    once, so delivery routes them in the order in which they were decoded, when nothing waits any more."""
    route: Continue
    """Routes an event that has arrived to the outputs."""
    flushes: Sequence[tuple[Holding, Continue]]
    """Filters that hold events, and where the events go that they let go."""
    place_of: Callable[[BaseException], str]
    """The plugin in which an exception was raised."""
    source: str
    """The generated Python, to read."""
