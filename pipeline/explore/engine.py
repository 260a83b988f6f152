"""What the engine says of itself: its metrics, read from its API (docs/monitoring.md)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import ApexLogsError

KEPT = 180
"""So many looks are kept for the lines of the throughput."""
_TIMEOUT = 5.0


class NoEngine(ApexLogsError):
    """The engine's API does not answer; says what to do."""


@dataclass(frozen=True, slots=True)
class PluginTime:
    """What a plugin takes for an event, by the batches that were timed."""

    plugin: str
    kind: str
    microseconds: float
    events: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at an engine; counters since its start, of all its pipelines together."""

    seconds: float
    """When it was looked, since 1970."""
    read: int = 0
    written: int = 0
    retried: int = 0
    dead: int = 0
    dropped: int = 0
    in_flight: int = 0
    in_flight_limit: int = 0
    queued: int = 0
    ready: bool = True
    blocked: bool = False
    """Dead letters cannot be written, and the pipeline waits."""
    lag: list[tuple[str, int]] = field(default_factory=list)
    """By topic and partition, the records that have not ended."""
    retries: list[tuple[str, str, int]] = field(default_factory=list)
    """Plugin, status, items that were sent again."""
    plugins: list[PluginTime] = field(default_factory=list)
    """The slowest first."""


_COUNTERS = {
    "read": "apex_logs_events_in_total",
    "written": "apex_logs_items_out_total",
    "retried": "apex_logs_items_retried_total",
    "dead": "apex_logs_events_dead_lettered_total",
    "dropped": "apex_logs_events_dropped_total",
    "in_flight": "apex_logs_in_flight_events",
    "in_flight_limit": "apex_logs_in_flight_events_limit",
    "queued": "apex_logs_queue_events",
}


def figures(text: str, seconds: float) -> Figures:
    """The figures in the text of `/metrics`; raises `ValueError` for what is none."""
    found: defaultdict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append((sample.labels, sample.value))
    if "apex_logs_info" not in found:
        raise ValueError("these are no metrics of apex-logs")
    ready = found["apex_logs_ready"]
    return Figures(
        seconds,
        **{name: int(_sum(found[metric])) for name, metric in _COUNTERS.items()},
        ready=not ready or _sum(ready) > 0,
        blocked=_sum(found["apex_logs_dead_letters_blocked"]) > 0,
        lag=[(f"{of['topic']}-{of['partition']}", int(value)) for of, value in found["apex_logs_partition_lag"]],
        retries=[(of["plugin"], of["status"], int(value)) for of, value in found["apex_logs_items_retried_total"]],
        plugins=_plugin_times(found["apex_logs_timed_seconds_total"], found["apex_logs_timed_events_total"]),
    )


def _sum(samples: Iterable[tuple[dict[str, str], float]]) -> float:
    return sum(value for _, value in samples)


def _plugin_times(
    seconds: list[tuple[dict[str, str], float]], events: list[tuple[dict[str, str], float]]
) -> list[PluginTime]:
    counts = {(of["plugin"], of["kind"]): int(value) for of, value in events}
    timed = [(of["plugin"], of["kind"], value, counts.get((of["plugin"], of["kind"]), 0)) for of, value in seconds]
    times = [PluginTime(plugin, kind, value / count * 1e6, count) for plugin, kind, value, count in timed if count]
    return sorted(times, key=lambda each: -each.microseconds)


class Engine:
    """The API of an engine."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    async def look(self, seconds: float) -> Figures:
        """Its figures; raises `NoEngine`."""
        wait = aiohttp.ClientTimeout(total=_TIMEOUT)
        try:
            async with aiohttp.ClientSession(timeout=wait) as session, session.get(f"{self.url}/metrics") as answer:
                text = await answer.text()
                if answer.status != 200:
                    raise NoEngine(f"{self.shown} answers with HTTP {answer.status}; give another with --engine")
                return figures(text, seconds)
        except (TimeoutError, aiohttp.ClientError, ValueError, OSError) as error:
            why = str(error) or type(error).__name__
            raise NoEngine(f"no engine answers at {self.shown} ({why}): start one with `apex-logs run`") from None

    @property
    def shown(self) -> str:
        """The address without a password."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"


class Throughput:
    """Rates between looks, for lines."""

    def __init__(self) -> None:
        self._looks: deque[Figures] = deque(maxlen=KEPT)

    def add(self, look: Figures) -> None:
        """Takes one more look; one of an engine that was started anew begins anew."""
        if self._looks and (look.read < self._looks[-1].read or look.written < self._looks[-1].written):
            self._looks.clear()
        self._looks.append(look)

    def lines(self) -> dict[str, list[tuple[int, float]]]:
        """Events a second, by what became of them."""
        pairs = [(before, after) for before, after in zip(self._looks, list(self._looks)[1:], strict=False)]
        return {name: [_rate(before, after, name) for before, after in pairs] for name in ("read", "written", "dead")}


def _rate(before: Figures, after: Figures, name: str) -> tuple[int, float]:
    seconds = max(after.seconds - before.seconds, 1e-3)
    return round(after.seconds * 1000), round((getattr(after, name) - getattr(before, name)) / seconds, 1)
