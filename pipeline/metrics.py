"""What is counted of a pipeline, explained in one place. Plain integers; published per batch, never per event.

    in      what inputs decoded, and what they could not decode
    made    what filters made of it: the pieces of a split, clones, what a filter made of its own state
    ended   written, there before (a duplicate), dead-lettered, dropped, wanted by no output, outside the time asked for
    held    what a filter keeps back, or has merged into another event

With one output `in + made = written + duplicates + dead + dropped + unrouted + outside + held + in flight`; with
several, an event has an end in each output that it is routed to. `METRICS` are the names under which it is published.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from time import monotonic
from typing import Any, Literal, NamedTuple

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: the upper bounds of the buckets of a histogram of times."""
PREFIX = "apex_logs_"


class Metric(NamedTuple):
    """What is published under one name."""

    name: str
    """After `apex_logs_`; of a counter without its `_total`."""
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    """Beside `pipeline`, which every metric of a pipeline has."""


METRICS = (
    Metric("batches", "counter", "Batches that an input took.", ("plugin",)),
    Metric("bytes_in", "counter", "Bytes of them, as the sender sent them.", ("plugin",)),
    Metric("events_in", "counter", "Events that an input decoded.", ("plugin",)),
    Metric("events_undecodable", "counter", "Events that could not be decoded; dead-lettered raw.", ("plugin",)),
    Metric("batches_refused", "counter", "Batches whose framing was broken; their senders were not acknowledged."),
    Metric("events_made", "counter", "Events that a filter made beside those it was given.", ("plugin", "place")),
    Metric("events_dropped", "counter", "Events dropped, by the line that dropped them.", ("plugin", "place")),
    Metric("events_held", "gauge", "Events that a filter keeps back, or has merged into others.", ("plugin",)),
    Metric("events_unrouted", "counter", "Events that matched no output."),
    Metric("events_dead_lettered", "counter", "Events and items in the dead letter queue.", ("plugin", "reason")),
    Metric("items_out", "counter", "Items that an output wrote.", ("plugin",)),
    Metric("items_duplicate", "counter", "Items that were there before, found out by their id.", ("plugin",)),
    Metric("items_retried", "counter", "Items sent again, counted at each repeat.", ("plugin", "status")),
    Metric("sends", "counter", "Bodies sent, repeats included.", ("plugin",)),
    Metric("sends_failed", "counter", "Bodies of which nothing was taken.", ("plugin",)),
    Metric("bytes_out", "counter", "Bytes of the bodies sent.", ("plugin",)),
    Metric("send_seconds", "counter", "Time in which bodies were under way, added up.", ("plugin",)),
    Metric("output_stalled_seconds", "gauge", "For how long an output has had work and taken none.", ("plugin",)),
    Metric("in_flight_events", "gauge", "Events of batches that have not ended."),
    Metric("in_flight_bytes", "gauge", "Bytes of batches and bodies that have not ended."),
    Metric("in_flight_events_limit", "gauge", "The bound at which inputs wait: in_flight.events."),
    Metric("in_flight_bytes_limit", "gauge", "The bound at which inputs wait: in_flight.bytes."),
    Metric("queue_events", "gauge", "Events in the queue on disk; 0 without one."),
    Metric("queue_bytes", "gauge", "Bytes in the queue on disk; 0 without one."),
    Metric("partition_lag", "gauge", "Records not yet ended, by partition.", ("plugin", "topic", "partition")),
    Metric("dead_letters_lost", "counter", "Dead letters that a full queue dropped, as `storage_policy` said."),
    Metric("dead_letters_blocked", "gauge", "1 while dead letters cannot be written and the pipeline waits."),
    Metric("delivery_seconds", "histogram", "From taking a batch to its end, when its sender is acknowledged."),
    Metric("work_seconds", "counter", "Time from taking batches to having rendered their events."),
    Metric("timed_batches", "counter", "Batches that went through the timed twin of the flow."),
    Metric("timed_events", "counter", "Events of them that came to a plugin.", ("plugin", "kind")),
    Metric("timed_seconds", "counter", "Time that a plugin took for them.", ("plugin", "kind")),
)
"""Of each pipeline. Counters begin at 0 with the pipeline, so also at a reload."""

NODE_METRICS = (
    Metric("info", "gauge", "1; the version is its label.", ("version",)),
    Metric("ready", "gauge", "1 if /health/ready says so."),
    Metric("reloads", "counter", "Reloads of the configuration, by result.", ("result",)),
)
"""Of the process. `process_*` beside them are what Prometheus' clients usually tell of a process."""

MAX_KINDS = 100
"""Different reasons or statuses that are counted each by its own name; what comes after counts as `other`."""


@dataclass(slots=True)
class Histogram:
    """How long something took, in seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """How often it took at most so long and longer than the bound before; the last one has no bound."""
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Counts something that took so long."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class InputCounters:
    """What one input took."""

    label: str
    batches: int = 0
    bytes: int = 0
    decoded: int = 0
    """Events."""
    undecodable: int = 0
    """Events that could not be decoded; they are dead-lettered raw."""


@dataclass(slots=True)
class FilterCounters:
    """What one filter that drops, spreads or holds did to the number of events."""

    label: str
    place: str
    """file:line:column in the configuration."""
    dropped: int = 0
    """Events of which it made none."""
    made: int = 0
    """Events that it made beside the one that it was given."""
    balance: int = 0
    """Of one that holds: what it was given, less what it has let go."""


@dataclass(slots=True)
class OutputCounters:
    """What became of the items of one output."""

    label: str
    delivered: int = 0
    duplicates: int = 0
    dead: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    """By status: an HTTP status, or `unavailable`, `unauthorised`, `other`."""
    sends: int = 0
    """Bodies that were sent, repeats included."""
    bytes: int = 0
    """Bytes of them."""
    failed: int = 0
    """Sends that were not taken at all."""
    imperfect: int = 0
    """Sends that were taken, but not all of their items."""
    seconds: float = 0.0
    """Time in which they were under way, added up."""
    under_way: int = 0
    """Bodies that are sent, or wait to be sent again, right now."""
    since: float = 0.0
    """Monotonic seconds: when something was last given or delivered to it."""

    def add(self, given: Mapping[str, Any], *, gone: bool) -> None:
        """Adds what another process counted: its `since` is for how long it has stalled."""
        for name in ("delivered", "duplicates", "dead", "sends", "bytes", "failed", "imperfect", "seconds"):
            setattr(self, name, getattr(self, name) + given[name])
        self.retried.update(given["retried"])
        if given["under_way"] and not gone:
            since = monotonic() - given["since"]
            self.since = min(self.since, since) if self.under_way else since
            self.under_way += given["under_way"]

    def begin(self) -> None:
        """A body sets out."""
        if not self.under_way:
            self.since = monotonic()
        self.under_way += 1

    def retry(self, statuses: Iterable[str]) -> None:
        """Items are sent again."""
        for status in statuses:
            self.retried[status if status in self.retried or len(self.retried) < MAX_KINDS else "other"] += 1

    @property
    def stalled(self) -> float:
        """Seconds for which bodies have been under way and none arrived."""
        return monotonic() - self.since if self.under_way else 0.0


@dataclass(slots=True)
class PluginTime:
    """What one plugin did in the batches that were timed: see `Counters.timed_batches`."""

    label: str
    kind: str
    name: str
    taken: int = 0
    """Events that came to it."""
    given: int = 0
    """Events that went on from it."""
    seconds: float = 0.0


@dataclass(slots=True)
class Counters:
    """What became of the events of one pipeline since it started."""

    lost: int = 0
    """Dead letters that a full queue dropped, new ones and older ones, as `storage_policy` said; never by default."""
    inputs: dict[str, InputCounters] = field(default_factory=dict)
    filters: list[FilterCounters] = field(default_factory=list)
    outputs: dict[str, OutputCounters] = field(default_factory=dict)
    buried: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Items and events in the dead letter queue, by plugin and reason."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Events dropped, as in Logstash, by a condition that could not judge them (a text ordered against a number)."""
    unrouted: int = 0
    """Events that reached the outputs section and matched no output."""
    outside: int = 0
    """Events of a replay that happened at another time than was asked for (`--from`, `--to`)."""
    refused: int = 0
    """Batches whose framing was broken; their senders were not acknowledged."""
    worked: float = 0.0
    """Seconds of decoding, filtering and rendering."""
    latency: Histogram = field(default_factory=Histogram)
    """From the moment that a batch was taken to its end, when its sender is acknowledged."""
    timed_batches: int = 0
    timed_events: int = 0
    times: list[PluginTime] = field(default_factory=list)
    """Filters and outputs in the order of the configuration; empty until the first batch is timed."""
    blocked: str = ""
    """Why dead letters cannot be written: nothing goes on until they can."""

    def input(self, label: str) -> InputCounters:
        """The counters of an input."""
        return self.inputs.get(label) or self.inputs.setdefault(label, InputCounters(label))

    def block(self, reason: str) -> None:
        """Delivery waits for dead letters to be written, and why; it goes on where there is no reason."""
        self.blocked = reason

    def bury(self, plugin: str, reason: str) -> None:
        """Counts a dead letter by the kind of its reason."""
        key = plugin, kind_of(reason)
        if key not in self.buried and len(self.buried) >= MAX_KINDS:
            key = plugin, "other"
        self.buried[key] += 1

    def output(self, label: str) -> OutputCounters:
        """The counters of an output."""
        return self.outputs.setdefault(label, OutputCounters(label))

    @property
    def decoded(self) -> int:
        """Events that inputs decoded."""
        return sum(item.decoded for item in self.inputs.values())

    @property
    def undecodable(self) -> int:
        """Events that inputs could not decode."""
        return sum(item.undecodable for item in self.inputs.values())

    @property
    def made(self) -> int:
        """Events that filters made."""
        return sum(item.made + max(-item.balance, 0) for item in self.filters)

    @property
    def held(self) -> int:
        """Events that filters keep back, or have merged into others."""
        return sum(max(item.balance, 0) for item in self.filters)

    @property
    def dropped(self) -> int:
        """Events that a filter dropped, or a condition that could not judge them."""
        return sum(item.dropped for item in self.filters) + self.unjudged.total()

    @property
    def delivered(self) -> int:
        """Items that outputs wrote; an event that goes to two outputs counts twice."""
        return sum(item.delivered for item in self.outputs.values())

    @property
    def duplicates(self) -> int:
        """Items that an output refused as already there: a repeat of something delivered before."""
        return sum(item.duplicates for item in self.outputs.values())

    @property
    def retried(self) -> int:
        """Items that were sent more than once, counted at each repeat."""
        return sum(item.retried.total() for item in self.outputs.values())

    @property
    def dead(self) -> int:
        """Items and events that were written to the dead letter queue."""
        return self.buried.total()

    def passed(self) -> Counter[tuple[str, str, str]]:
        """What came to its end before an output, or was made by a filter: as a `Tally`, of all batches so far."""
        counts = {"dropped": self.dropped, "unrouted": self.unrouted, "outside": self.outside, "made": self.made}
        return Counter({(what, "", ""): count for what, count in counts.items()})

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON values, for another process to `add`."""
        return {
            "inputs": [asdict(item) for item in self.inputs.values()],
            "filters": [asdict(item) for item in self.filters],
            "outputs": [
                {item.name: getattr(output, item.name) for item in fields(output)}
                | {"retried": dict(output.retried), "since": output.stalled}
                for output in self.outputs.values()
            ],
            "times": [asdict(item) for item in self.times],
            "buried": [[*key, count] for key, count in self.buried.items()],
            "unjudged": dict(self.unjudged),
            "latency": asdict(self.latency),
            "sums": {name: getattr(self, name) for name in _SUMS},
            "blocked": self.blocked,
        }

    def add(self, snapshot: Mapping[str, Any], *, gone: bool = False) -> None:
        """Adds what another process counted; of one that is gone, nothing is under way or blocked any more."""
        if not snapshot:
            return
        _add_each(self.inputs, InputCounters, snapshot["inputs"])
        filters = {item.label: item for item in self.filters}
        _add_each(filters, FilterCounters, snapshot["filters"])
        self.filters = list(filters.values())
        times = {item.label: item for item in self.times}
        _add_each(times, PluginTime, snapshot["times"])
        self.times = list(times.values())
        for given in snapshot["outputs"]:
            self.output(given["label"]).add(given, gone=gone)
        for plugin, reason, count in snapshot["buried"]:
            self.buried[plugin, reason] += count
        self.unjudged.update(snapshot["unjudged"])
        self.latency.total += snapshot["latency"]["total"]
        self.latency.buckets = [*map(sum, zip(self.latency.buckets, snapshot["latency"]["buckets"], strict=True))]
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + snapshot["sums"][name])
        self.blocked = self.blocked or ("" if gone else snapshot["blocked"])

    def as_dict(self) -> dict[str, int]:
        """The sums by name."""
        names = (
            "decoded",
            "undecodable",
            "made",
            "delivered",
            "duplicates",
            "dead",
            "lost",
            "dropped",
            "unrouted",
            "held",
        )
        return {name: getattr(self, name) for name in (*names, "retried", "refused")}


_SUMS = ("lost", "unrouted", "outside", "refused", "worked", "timed_batches", "timed_events")


def _add_each(known: dict[str, Any], kind: type[Any], snapshots: Iterable[Mapping[str, Any]]) -> None:
    """Adds up the numbers of those with the same label."""
    for given in snapshots:
        item = known.get(given["label"])
        if item is None:
            known[given["label"]] = kind(**given)
            continue
        for name, value in given.items():
            if not isinstance(value, str):
                setattr(item, name, getattr(item, name) + value)


_STATUS = re.compile(r"(?:HTTP )?([1-5]\d\d)\b:? ?")
_KIND = re.compile(r"[A-Za-z_][\w.]*(?=:|;|$)")


def status_of(reason: str) -> str:
    """The HTTP status at the head of a reason, else `other`."""
    found = _STATUS.match(reason)
    return found[1] if found else "other"


def kind_of(reason: str) -> str:
    """What a reason begins with, and no value of an event: a type of exception or of error, else `other`.

    "400 mapper_parsing_exception: failed to parse" is `mapper_parsing_exception`.
    """
    if reason.startswith("cannot be decoded"):
        return "undecodable"
    status = _STATUS.match(reason)
    found = _KIND.match(reason, status.end() if status else 0)
    return found[0] if found else f"status_{status[1]}" if status else "other"
