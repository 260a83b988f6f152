"""The documents of Logstash's monitoring API, made of the counters; `docs/monitoring.md` says what is a constant here.

The names and the shapes are those of Logstash 8.19, as its documentation and the programs that read it have them
(Telegraf, Metricbeat, the exporters for Prometheus).
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from weakref import WeakKeyDictionary

from pipeline import registry
from pipeline.monitoring.node import Node
from pipeline.monitoring.plugin_documents import figures_of, plugins_of, statistics_of, vertex_of
from pipeline.monitoring.process import Process, cgroup, machine, runtime
from pipeline.monitoring.rates import Rates
from pipeline.running import Running

SPOKEN = "8.19.0"
"""The version of Logstash whose API this is: programs choose by it what they read."""
_CONSTANT_FLOW = {"current": 0.0, "lifetime": 0.0}

Json = dict[str, Any]


class Documents:
    """Makes the documents of one process."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._process = Process()
        self._rates: dict[str, Rates] = {}
        self._out: WeakKeyDictionary[Running, int] = WeakKeyDictionary()
        self._ephemeral: WeakKeyDictionary[Running, str] = WeakKeyDictionary()

    def head(self) -> Json:
        """What every document begins with."""
        node = self._node
        return {
            "host": node.host,
            "version": SPOKEN,
            "http_address": node.address,
            "id": node.id,
            "name": node.name,
            "ephemeral_id": node.ephemeral_id,
            "snapshot": False,
            "status": "green" if not node.why_not_ready() else "red",
            "pipeline": {
                "workers": node.settings.pipeline_workers,
                "batch_size": 125,
                "batch_delay": node.settings.pipeline_batch_delay,
            },
        }

    def root(self) -> Json:
        """`/`"""
        build = {"build_date": "", "build_sha": "", "build_snapshot": False}
        return self.head() | build | {"engine": {"name": "apex-logs", "version": version("apex-logs")}}

    def node(self, graph: bool) -> dict[str, Callable[[], Json]]:
        """The sections of `/_node`."""
        return {
            "pipelines": lambda: {name: self.pipeline(item, graph) for name, item in self._node.pipelines.items()},
            "os": machine,
            "jvm": lambda: runtime(self._node.started),
        }

    def pipeline(self, pipeline: Running, graph: bool) -> Json:
        """One pipeline of `/_node/pipelines`."""
        settings = pipeline.settings
        document: Json = {
            "ephemeral_id": self._drawn(pipeline),
            "hash": _hash(pipeline),
            "workers": settings.pipeline_workers,
            "batch_size": 125,
            "batch_delay": settings.pipeline_batch_delay,
            "config_reload_automatic": settings.config_reload_automatic,
            "config_reload_interval": int(settings.config_reload_interval * 1_000_000_000),
            "dead_letter_queue_enabled": True,
            "dead_letter_queue_path": str(settings.dead_letters),
        }
        if graph:
            vertices = [vertex_of(kind, checked) for kind, checked in plugins_of(pipeline)]
            inner = {"vertices": vertices, "edges": []}
            document["graph"] = {"hash": _hash(pipeline), "type": "lir", "version": "0.0.0", "graph": inner}
        return document

    def stats(self, vertices: bool) -> dict[str, Callable[[], Json]]:
        """The sections of `/_node/stats`."""
        node, reloads = self._node, self._node.reloads
        return {
            "jvm": lambda: self._process.jvm(time.monotonic() - node.started),
            "process": self._process.process,
            "events": self._all_events,
            "flow": lambda: self._flow("", self._all_events()),
            "pipelines": lambda: {name: self.statistics(item, vertices) for name, item in node.pipelines.items()},
            "reloads": lambda: {"successes": reloads.successes, "failures": reloads.failures},
            "os": cgroup,
            "queue": lambda: {"events_count": sum(item.queue.events for item in node.pipelines.values())},
        }

    def statistics(self, pipeline: Running, vertices: bool) -> Json:
        """One pipeline of `/_node/stats/pipelines`."""
        events = self._events(pipeline)
        plugins = statistics_of(pipeline)
        ephemeral = self._drawn(pipeline)
        document: Json = {
            "events": events,
            "flow": self._flow(pipeline.settings.pipeline_id, events),
            "plugins": plugins,
            "reloads": self._reloads(pipeline.settings.pipeline_id),
            "queue": _queue(pipeline),
            "dead_letter_queue": _dead_letters(pipeline),
            "hash": _hash(pipeline),
            "ephemeral_id": ephemeral,
        }
        if vertices:
            every = [*plugins["inputs"], *plugins["filters"], *plugins["outputs"]]
            document["vertices"] = [figures_of(plugin, ephemeral) for plugin in every]
        return document

    def plugins(self) -> Json:
        """`/_node/plugins`"""
        kinds: Sequence[registry.Kind] = ("codec", "filter", "input", "output")
        names = [f"logstash-{kind}-{name}" for kind in kinds for name in registry.names(kind)]
        return {"total": len(names), "plugins": [{"name": name, "version": version("apex-logs")} for name in names]}

    def _reloads(self, name: str) -> Json:
        reloads = self._node.reloads_of(name)
        error = {"message": reloads.last_error, "backtrace": []} if reloads.last_error else None
        return {
            "last_error": error,
            "successes": reloads.successes,
            "last_success_timestamp": _stamp(reloads.last_success),
            "last_failure_timestamp": _stamp(reloads.last_failure),
            "failures": reloads.failures,
        }

    def _events(self, pipeline: Running) -> Json:
        counters = pipeline.counters
        dead_before = counters.dead - counters.undecodable - sum(item.dead for item in counters.outputs.values())
        passed = counters.decoded + counters.made - counters.dropped - counters.held - dead_before
        # What is in flight is counted by batches: it may be more than what has passed, and is never seen to go back.
        out = self._out[pipeline] = max(passed - pipeline.in_flight.events, self._out.get(pipeline, 0))
        return {
            "in": counters.decoded,
            "filtered": passed,
            "out": out,
            "duration_in_millis": int(counters.worked * 1000),
            "queue_push_duration_in_millis": 0,
        }

    def _all_events(self) -> Json:
        every = [self._events(pipeline) for pipeline in self._node.pipelines.values()]
        names = ("in", "filtered", "out", "duration_in_millis", "queue_push_duration_in_millis")
        return {name: sum(events[name] for events in every) for name in names}

    def _flow(self, name: str, events: Json) -> Json:
        rates = self._rates.setdefault(name, Rates(self._node.started))
        inputs, filters, outputs, busy = rates.look(
            (events["in"], events["filtered"], events["out"], events["duration_in_millis"] / 1000)
        )
        return {
            "input_throughput": inputs,
            "filter_throughput": filters,
            "output_throughput": outputs,
            "queue_backpressure": _CONSTANT_FLOW,
            "worker_concurrency": busy,
            "worker_utilization": {when: round(100 * share, 4) for when, share in busy.items()},
        }

    def _drawn(self, pipeline: Running) -> str:
        return self._ephemeral.setdefault(pipeline, str(uuid.uuid4()))


def _queue(pipeline: Running) -> Json:
    queue = pipeline.queue
    capacity = {
        "max_unread_events": 0,
        "page_capacity_in_bytes": 0,
        "max_queue_size_in_bytes": queue.max_bytes,
        "queue_size_in_bytes": queue.bytes,
    }
    figures = {"events_count": queue.events, "queue_size_in_bytes": queue.bytes}
    return (
        {"type": queue.kind, "events": queue.events, "capacity": capacity}
        | figures
        | {"max_queue_size_in_bytes": queue.max_bytes}
    )


def _dead_letters(pipeline: Running) -> Json:
    folder = pipeline.settings.dead_letters
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0
    return {
        "queue_size_in_bytes": size,
        "max_queue_size_in_bytes": pipeline.settings.dead_letter_queue_max_bytes,
        "dropped_events": pipeline.counters.lost,
        "expired_events": 0,
        "storage_policy": pipeline.settings.dead_letter_queue_storage_policy,
        "last_error": pipeline.counters.blocked or "no errors",
    }


def _hash(pipeline: Running) -> str:
    """Of the texts of the configuration."""
    texts = {item.span.source.text: None for item in pipeline.plan.configuration.sections}
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
