"""APEX Log Pipeline: throughput, latency, lag, dead letters, and what each plugin costs. docs/monitoring.md explains
the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.monitoring.boards.panels import Builder, Curve, Place, Text, bars, board, heat, lines, number

DELIVERY = "rate(apex_logs_delivery_seconds_bucket[5m])"


def build() -> Dashboard:
    """The dashboard, as Grafana's JSON."""
    words = "What apex-logs takes, what becomes of it, and how long that takes."
    return board("apex-pipeline", "APEX Log Pipeline", words, _panels())


def _panels() -> Iterator[Builder]:
    yield from _throughput()
    yield from _latency()
    yield from _trouble()
    yield from _plugins()
    yield from _process()


def _throughput() -> Iterator[Builder]:
    yield number(
        Text("Ready", "1 while every instance is ready; /health/ready gives the reasons where one is not.", "short"),
        Place(0, 0, 4, 8),
        Curve("min(apex_logs_ready)", "Ready"),
        good_from=1,
    )
    yield lines(
        Text("Events", "Events a second: taken, and what became of them. Apart for long means trouble.", "cps"),
        Place(4, 0, 12, 8),
        Curve("sum by (pipeline) (rate(apex_logs_events_in_total[5m]))", "{{pipeline}} in"),
        Curve("sum by (pipeline) (rate(apex_logs_items_out_total[5m]))", "{{pipeline}} out"),
        Curve("sum by (pipeline) (rate(apex_logs_items_duplicate_total[5m]))", "{{pipeline}} there before"),
        Curve("sum by (pipeline) (rate(apex_logs_events_dropped_total[5m]))", "{{pipeline}} dropped"),
        Curve("sum by (pipeline) (rate(apex_logs_events_unrouted_total[5m]))", "{{pipeline}} wanted by no output"),
    )
    yield lines(
        Text("Bytes", "Bytes a second, as senders sent them and as outputs sent them.", "Bps"),
        Place(16, 0, 8, 8),
        Curve("sum by (plugin) (rate(apex_logs_bytes_in_total[5m]))", "in: {{plugin}}"),
        Curve("sum by (plugin) (rate(apex_logs_bytes_out_total[5m]))", "out: {{plugin}}"),
    )


def _latency() -> Iterator[Builder]:
    yield heat(
        Text("Delivery Heatmap", "Batches a second by the time from being taken to being acknowledged.", "s"),
        Place(0, 8, 12, 8),
        f"sum by (le) ({DELIVERY})",
    )
    yield lines(
        Text("Delivery Time", "From taking a batch to acknowledging it to its sender.", "s"),
        Place(12, 8, 12, 8),
        *(Curve(f"histogram_quantile({q}, sum by (le) ({DELIVERY}))", f"P{q * 100:g}") for q in (0.5, 0.95, 0.99)),
    )
    yield lines(
        Text("Lag", "Records of Kafka that have not ended yet, by topic and partition.", "short"),
        Place(0, 16, 8, 8),
        Curve("sum by (topic, partition) (apex_logs_partition_lag)", "{{topic}} {{partition}}"),
    )
    yield lines(
        Text("In Flight", "Share of the bound of events and bytes in flight; inputs wait at 1.", "percentunit"),
        Place(8, 16, 8, 8),
        Curve("apex_logs_in_flight_events / apex_logs_in_flight_events_limit", "{{instance}} {{pipeline}} events"),
        Curve("apex_logs_in_flight_bytes / apex_logs_in_flight_bytes_limit", "{{instance}} {{pipeline}} bytes"),
        limit=0.9,
    )
    yield lines(
        Text("Queue on Disk", "Events in the queue on disk; 0 where none is configured.", "short"),
        Place(16, 16, 8, 8),
        Curve("apex_logs_queue_events", "{{instance}} {{pipeline}}"),
    )


def _trouble() -> Iterator[Builder]:
    yield lines(
        Text("Dead Letters", "Events dead-lettered in a quarter of an hour, by plugin and reason.", "short"),
        Place(0, 24, 8, 8),
        Curve(
            "sum by (plugin, reason) (increase(apex_logs_events_dead_lettered_total[15m]))", "{{plugin}}: {{reason}}"
        ),
    )
    yield lines(
        Text("Retries", "Items sent again a second, by output and status. 429 and 503 are a busy receiver.", "cps"),
        Place(8, 24, 8, 8),
        Curve("sum by (plugin, status) (rate(apex_logs_items_retried_total[5m]))", "{{plugin}}: {{status}}"),
    )
    yield lines(
        Text("Output Stalled", "For how long an output has had work and taken none; not ready above 60 s.", "s"),
        Place(16, 24, 8, 8),
        Curve("apex_logs_output_stalled_seconds", "{{instance}} {{plugin}}"),
        limit=60,
    )
    yield number(
        Text(
            "Dead Letters Lost", "Letters that a full queue dropped in 24 hours, where storage_policy says so.", "short"
        ),
        Place(0, 32, 6, 6),
        Curve("sum(increase(apex_logs_dead_letters_lost_total[24h]))", "Lost"),
    )
    yield number(
        Text(
            "Batches Refused", "Batches with broken framing in 24 hours; their senders were not acknowledged.", "short"
        ),
        Place(6, 32, 6, 6),
        Curve("sum(increase(apex_logs_batches_refused_total[24h]))", "Refused"),
    )
    yield lines(
        Text("Undecodable", "Events a second that could not be decoded, by input; they are dead letters.", "cps"),
        Place(12, 32, 12, 6),
        Curve("sum by (plugin) (rate(apex_logs_events_undecodable_total[5m]))", "{{plugin}}"),
    )


def _plugins() -> Iterator[Builder]:
    yield bars(
        Text("Time of a Plugin", "What an event costs in each plugin, measured in one batch of a hundred.", "s"),
        Place(0, 38, 12, 10),
        Curve(
            "sum by (plugin, kind) (rate(apex_logs_timed_seconds_total[15m]))"
            " / sum by (plugin, kind) (rate(apex_logs_timed_events_total[15m]))",
            "{{kind}} {{plugin}}",
        ),
    )
    yield lines(
        Text("Time of a Send", "How long a body is under way to its receiver, on average.", "s"),
        Place(12, 38, 12, 10),
        Curve(
            "sum by (plugin) (rate(apex_logs_send_seconds_total[5m]))"
            " / sum by (plugin) (rate(apex_logs_sends_total[5m]))",
            "{{plugin}}",
        ),
    )


def _process() -> Iterator[Builder]:
    yield lines(
        Text("Work", "Share of the time that workers decode, filter and render; 1 is one core.", "percentunit"),
        Place(0, 48, 8, 8),
        Curve("rate(apex_logs_work_seconds_total[5m])", "{{instance}} {{pipeline}}"),
    )
    yield lines(
        Text("CPU", "Seconds of CPU time a second, of the process; 1 is one core.", "percentunit"),
        Place(8, 48, 8, 8),
        Curve('rate(process_cpu_seconds_total{job="pipeline"}[5m])', "{{instance}}"),
    )
    yield lines(
        Text("Memory", "Resident memory of the process. It stays flat while outputs are stalled.", "bytes"),
        Place(16, 48, 8, 8),
        Curve('process_resident_memory_bytes{job="pipeline"}', "{{instance}}"),
    )
