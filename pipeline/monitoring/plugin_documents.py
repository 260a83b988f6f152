"""What Logstash's monitoring API says of single plugins, made of the counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config.check import CheckedPlugin
from pipeline.running import Running

Json = dict[str, Any]


def plugins_of(pipeline: Running) -> list[tuple[str, CheckedPlugin]]:
    """Its inputs, filters and outputs, each with its kind, in the order of the configuration."""
    return [(kind, checked) for kind in ("input", "filter", "output") for checked in pipeline.plan.section(kind)]


def statistics_of(pipeline: Running) -> Json:
    """`plugins` of `/_node/stats/pipelines`: lists by kind; no codecs, as they are not counted."""
    counters = pipeline.counters
    times = {item.label: item for item in counters.times}
    lags = list(pipeline.lags())
    # Filters are counted in the batches that were timed, and scaled to all of them.
    scale = counters.decoded / counters.timed_events if counters.timed_events else 0.0
    found: Json = {"inputs": [], "codecs": [], "filters": [], "outputs": []}
    for kind, checked in plugins_of(pipeline):
        plugin: Json = {"id": checked.label, "name": checked.module.name}
        timed = times.get(checked.label)
        if kind == "input":
            events: Json = {"out": counters.input(checked.label).decoded, "queue_push_duration_in_millis": 0}
            if behind := [lag._asdict() for label, lag in lags if label == checked.label]:
                plugin["lag"] = behind
        elif kind == "filter":
            taken, given, seconds = (timed.taken, timed.given, timed.seconds) if timed else (0, 0, 0.0)
            events = {
                "in": round(taken * scale),
                "out": round(given * scale),
                "duration_in_millis": round(seconds * scale * 1000),
            }
        else:
            output = counters.output(checked.label)
            ended = output.delivered + output.duplicates + output.dead
            events = {"in": ended, "out": ended, "duration_in_millis": int(output.seconds * 1000)}
            if checked.module.name == "elasticsearch":
                plugin |= _bulk(output)
        found[f"{kind}s"].append(plugin | {"events": events})
    return found


def _bulk(output: Any) -> Json:
    whole = output.sends - output.failed - output.imperfect
    return {
        "documents": {
            "successes": output.delivered + output.duplicates,
            "non_retryable_failures": output.dead,
            "retryable_failures": output.retried.total(),
        },
        "bulk_requests": {
            "successes": whole,
            "with_errors": output.imperfect,
            "failures": output.failed,
            "responses": {"200": output.sends - output.failed},
        },
    }


def figures_of(plugin: Mapping[str, Any], ephemeral: str) -> Json:
    """The figures of a plugin as a vertex, from its statistics."""
    events = plugin["events"]
    figures = {f"events_{name}": events[name] for name in ("in", "out") if name in events}
    times = {name: events[name] for name in events if name.endswith("_in_millis")}
    return {"id": plugin["id"], "pipeline_ephemeral_id": ephemeral} | figures | times


def vertex_of(kind: str, checked: CheckedPlugin) -> Json:
    """A plugin as a vertex of the graph."""
    source = checked.node.name_span.source
    line, column = source.line_and_column(checked.node.name_span.start)
    return {
        "id": checked.label,
        "explicit_id": checked.options.id is not None,
        "type": "plugin",
        "plugin_type": kind,
        "config_name": checked.module.name,
        "meta": {"source": {"protocol": "file", "id": source.name, "line": line, "column": column}},
    }
