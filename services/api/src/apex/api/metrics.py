"""What Prometheus reads at `/metrics`; every metric is explained here, and nowhere else.

A label takes few values: `endpoint` is the route's template, `(none)` where no route matched, and `method` one of
HTTP's own or `other`. A registry belongs to one application, so that a process can hold several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shippers.handlers.logs import ShippingHandler

NO_ENDPOINT = "(none)"
OTHER_METHOD = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CALCULATION_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
REPORT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """The metrics of a process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "http_requests_total",
            "Requests answered, by method, route and status.",
            ["method", "endpoint", "status"],
            registry=registry,
        )
        self.request_duration = Histogram(
            "http_request_duration_seconds",
            "Seconds from a request's arrival to the end of its answer.",
            ["method", "endpoint"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self.projects_created = Counter("apex_projects_created_total", "Projects created.", registry=registry)
        self.projects_submitted = Counter(
            "apex_projects_submitted_total",
            "Projects submitted, by how it ended: success, or failure of the receiver.",
            ["status"],
            registry=registry,
        )
        self.queue_age: float | None = None
        """Seconds that the oldest report in the queue has waited for, as last asked; None if it is not known."""
        for status in ("success", "failure"):
            self.projects_submitted.labels(status)  # a rate needs a zero to start from
        self.calculation_duration = Histogram(
            "apex_calc_duration_seconds",
            "Seconds that deriving the cabinets of a request took, without database and HTTP.",
            buckets=CALCULATION_BUCKETS,
            registry=registry,
        )
        self.cache_hits = Counter("apex_cache_hits_total", "Values that the cache had.", registry=registry)
        self.cache_requests = Counter("apex_cache_requests_total", "Values asked of the cache.", registry=registry)
        self.report_duration = Histogram(
            "apex_report_generation_duration_seconds",
            "Seconds that writing a report took that is done, without its time in the queue.",
            buckets=REPORT_BUCKETS,
            registry=registry,
        )
        self.reports_failed = Counter("apex_reports_failed_total", "Reports that could not be made.", registry=registry)

    def watch_shipping(self, handler: ShippingHandler) -> None:
        """Adds what became of the log lines that are shipped into the pipeline."""
        self.registry.register(_Shipping(handler))

    def watch(self, used: Callable[[], int], total: int) -> None:
        """Adds connections in use, read at the time of asking, and the age of the queue if it is known."""
        self.registry.register(_Watched(used, total, lambda: self.queue_age))


class _Watched(Collector):
    def __init__(self, used: Callable[[], int], total: int, queue_age: Callable[[], float | None]) -> None:
        self._used, self._total, self._queue_age = used, total, queue_age

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("apex_pg_pool_used", "Connections to the database that are in use.", self._used())
        yield GaugeMetricFamily("apex_pg_pool_total", "Connections to the database that may be open.", self._total)
        age = self._queue_age()
        if age is not None:
            yield GaugeMetricFamily(
                "apex_celery_queue_age_seconds", "Seconds that the oldest report in the queue has waited for.", age
            )

    def describe(self) -> list[Metric]:
        return []  # the engine need not be open yet


class _Shipping(Collector):
    def __init__(self, handler: ShippingHandler) -> None:
        self._handler = handler

    def collect(self) -> Iterator[Metric]:
        sent, dropped, queued = self._handler.sent, self._handler.dropped, self._handler.queued
        yield CounterMetricFamily("apex_log_lines_shipped", "Log lines that the pipeline has acknowledged.", sent)
        yield CounterMetricFamily("apex_log_lines_dropped", "Log lines that are lost.", dropped)
        yield GaugeMetricFamily("apex_log_lines_queued", "Log lines that wait for the pipeline.", queued)


def endpoint_label(template: str | None) -> str:
    """The label for a route's template."""
    return NO_ENDPOINT if template is None else template


def method_label(method: str) -> str:
    """The label for a method: anybody can invent one."""
    return method if method in METHODS else OTHER_METHOD
