"""What can be seen of a pipeline while it runs, in one process or in several: its state, counts, load and lag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, Protocol

from pipeline.config.plan import Plan
from pipeline.delivery.queue import PersistentQueue
from pipeline.delivery.tickets import InFlight
from pipeline.metrics import Counters
from pipeline.plugin import Input, Lag, Lagging
from pipeline.settings.logstash_yml import Settings

State = Literal["starting", "running", "draining"]


class QueueFigures(NamedTuple):
    """What is in the queue between inputs and filters."""

    kind: str
    """Logstash's `queue.type`: memory or persisted."""
    events: int
    bytes: int
    max_bytes: int


def queue_figures(queue: PersistentQueue | None) -> QueueFigures:
    """What is in a queue on disk; nothing, where there is none."""
    return QueueFigures("memory", 0, 0, 0) if queue is None else QueueFigures("persisted", *queue.figures)


class Load(NamedTuple):
    """What is under way, as `InFlight` has it, of several processes together."""

    events: int
    bytes: int
    max_events: int
    max_bytes: int


class Running(Protocol):
    """What can be seen of a pipeline, in one process or in several."""

    settings: Settings
    plan: Plan
    state: State

    @property
    def queue(self) -> QueueFigures:
        """What waits between inputs and filters."""
        ...

    @property
    def counters(self) -> Counters:
        """What became of its events."""
        ...

    @property
    def in_flight(self) -> InFlight | Load:
        """What is under way."""
        ...

    def lags(self) -> Iterable[tuple[str, Lag]]:
        """How far inputs are behind that know it, with their labels."""
        ...


def lags_of(inputs: Iterable[tuple[str, Input]]) -> Iterator[tuple[str, Lag]]:
    """How far those are behind that know it."""
    for label, made in inputs:
        if isinstance(made, Lagging):
            for lag in made.lags():
                yield label, lag
