"""Metrics in Prometheus' text format, made of the counters when someone asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

from pipeline.metrics import BOUNDS, METRICS, NODE_METRICS, PREFIX, Counters, Metric
from pipeline.monitoring.node import Node
from pipeline.running import Running

Values = Iterable[tuple[tuple[str, ...], float]]
"""Label values, and the value."""
Read = Callable[[Running], Values]


class Exposition:
    """All metrics of a process."""

    def __init__(self, node: Node) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(node))
        ProcessCollector(registry=self._registry)

    def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics, and their content type: OpenMetrics for whoever asks for it."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


class _Collector:
    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Any]:
        for metric in METRICS:
            family = _family(metric, ("pipeline", *metric.labels))
            for name, pipeline in self._node.pipelines.items():
                if metric.kind == "histogram":
                    _histogram(family, name, pipeline.counters)
                else:
                    for labels, value in READ[metric.name](pipeline):
                        family.add_metric((name, *labels), value)
            yield family
        values = self._node_values()
        for metric in NODE_METRICS:
            family = _family(metric, metric.labels)
            for labels, value in values[metric.name]:
                family.add_metric(labels, value)
            yield family

    def _node_values(self) -> dict[str, Values]:
        reloads = self._node.reloads
        return {
            "info": [((version("apex-logs"),), 1)],
            "ready": [((), float(not self._node.why_not_ready()))],
            "reloads": [(("success",), reloads.successes), (("failure",), reloads.failures)],
        }


def _family(metric: Metric, labels: tuple[str, ...]) -> Any:
    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
    return kinds[metric.kind](PREFIX + metric.name, metric.help, labels=labels)


def _histogram(family: Any, pipeline: str, counters: Counters) -> None:
    sums = list(accumulate(counters.latency.buckets))
    bounds = [*map(str, BOUNDS), "+Inf"]
    family.add_metric((pipeline,), list(zip(bounds, sums, strict=True)), counters.latency.total)


def _one(read: Callable[[Running], float]) -> Read:
    return lambda pipeline: [((), read(pipeline))]


def _inputs(name: str) -> Read:
    return lambda pipeline: [((item.label,), getattr(item, name)) for item in pipeline.counters.inputs.values()]


def _outputs(name: str) -> Read:
    return lambda pipeline: [((item.label,), getattr(item, name)) for item in pipeline.counters.outputs.values()]


def _made(pipeline: Running) -> Values:
    for item in pipeline.counters.filters:
        if count := item.made + max(-item.balance, 0):
            yield (item.label, item.place), count


def _dropped(pipeline: Running) -> Values:
    for item in pipeline.counters.filters:
        if item.dropped:
            yield (item.label, item.place), item.dropped
    for place, count in pipeline.counters.unjudged.items():
        yield ("condition", place.removeprefix("the condition at ")), count


def _held(pipeline: Running) -> Values:
    return [((item.label,), item.balance) for item in pipeline.counters.filters if item.balance > 0]


def _retried(pipeline: Running) -> Values:
    for item in pipeline.counters.outputs.values():
        for status, count in item.retried.items():
            yield (item.label, status), count


def _lag(pipeline: Running) -> Values:
    for label, (topic, partition, records) in pipeline.lags():
        yield (label, topic, str(partition)), records


def _timed(name: str) -> Read:
    return lambda pipeline: [((item.label, item.kind), getattr(item, name)) for item in pipeline.counters.times]


READ: dict[str, Read] = {
    "batches": _inputs("batches"),
    "bytes_in": _inputs("bytes"),
    "events_in": _inputs("decoded"),
    "events_undecodable": _inputs("undecodable"),
    "batches_refused": _one(lambda pipeline: pipeline.counters.refused),
    "events_made": _made,
    "events_dropped": _dropped,
    "events_held": _held,
    "events_unrouted": _one(lambda pipeline: pipeline.counters.unrouted),
    "events_dead_lettered": lambda pipeline: pipeline.counters.buried.items(),
    "items_out": _outputs("delivered"),
    "items_duplicate": _outputs("duplicates"),
    "items_retried": _retried,
    "sends": _outputs("sends"),
    "sends_failed": _outputs("failed"),
    "bytes_out": _outputs("bytes"),
    "send_seconds": _outputs("seconds"),
    "output_stalled_seconds": _outputs("stalled"),
    "in_flight_events": _one(lambda pipeline: pipeline.in_flight.events),
    "in_flight_bytes": _one(lambda pipeline: pipeline.in_flight.bytes),
    "in_flight_events_limit": _one(lambda pipeline: pipeline.in_flight.max_events),
    "in_flight_bytes_limit": _one(lambda pipeline: pipeline.in_flight.max_bytes),
    "queue_events": _one(lambda pipeline: pipeline.queue.events),
    "queue_bytes": _one(lambda pipeline: pipeline.queue.bytes),
    "partition_lag": _lag,
    "dead_letters_lost": _one(lambda pipeline: pipeline.counters.lost),
    "dead_letters_blocked": _one(lambda pipeline: float(bool(pipeline.counters.blocked))),
    "work_seconds": _one(lambda pipeline: pipeline.counters.worked),
    "timed_batches": _one(lambda pipeline: pipeline.counters.timed_batches),
    "timed_events": _timed("taken"),
    "timed_seconds": _timed("seconds"),
}
"""How each metric is read, by its name in `METRICS`."""
