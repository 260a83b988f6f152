"""APEX System Health: the design document's key panels, its error aggregation, and the machines below."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.monitoring.boards.panels import Builder, Curve, Place, Text, bars, board, heat, lines, number

TRAFFIC = 'job="api",endpoint!~"/healthz|/readyz|/metrics"'
"""Of the API, without what probes and scrapes ask."""
DURATION = f"rate(http_request_duration_seconds_bucket{{{TRAFFIC}}}[5m])"


def build() -> Dashboard:
    """The dashboard, as Grafana's JSON."""
    words = "How the API and what it stands on are: latency, errors, pool, cache, queue, disks."
    return board("apex-system", "APEX System Health", words, _panels())


def _panels() -> Iterator[Builder]:
    yield heat(
        Text("API Latency Heatmap", "Requests a second by how long they took, probes and scrapes left out.", "s"),
        Place(0, 0, 12, 8),
        f"sum by (le) ({DURATION})",
    )
    yield lines(
        Text("API Latency", "Response times over all endpoints. HighLatency warns where P95 is above 250 ms.", "s"),
        Place(12, 0, 12, 8),
        *(Curve(f"histogram_quantile({q}, sum by (le) ({DURATION}))", f"P{q * 100:g}") for q in (0.5, 0.95, 0.99)),
        limit=0.25,
    )
    yield lines(
        Text("Database Connection Pool", "Connections in use, of those that an instance may open.", "percent"),
        Place(0, 8, 8, 8),
        Curve("apex_pg_pool_used / apex_pg_pool_total * 100", "{{instance}}"),
        limit=90,
    )
    yield lines(
        Text(
            "Cache Hit Rates",
            "Share of the look-ups that the cache had. HighCacheMissRate warns below 50 %.",
            "percent",
        ),
        Place(8, 8, 8, 8),
        Curve("sum(rate(apex_cache_hits_total[5m])) / sum(rate(apex_cache_requests_total[5m])) * 100", "Hit Rate %"),
    )
    yield lines(
        Text("Queue Age", "How long the oldest report in the queue has waited. HighQueueLag warns above 300 s.", "s"),
        Place(16, 8, 8, 8),
        Curve("max(apex_celery_queue_age_seconds)", "Oldest task"),
        limit=300,
    )
    yield from _errors()
    yield from _machines()


def _errors() -> Iterator[Builder]:
    yield bars(
        Text(
            "Error Rate by Endpoint",
            "The ten endpoints with the largest share of 5xx in the last 5 minutes.",
            "percentunit",
        ),
        Place(0, 16, 12, 8),
        Curve(
            'topk(10, sum by (endpoint) (rate(http_requests_total{job="api",status=~"5.."}[5m]))'
            ' / sum by (endpoint) (rate(http_requests_total{job="api"}[5m])))',
            "{{endpoint}}",
        ),
    )
    yield lines(
        Text("Error Trends", "Answers with a 5xx a second, by endpoint.", "reqps"),
        Place(12, 16, 12, 8),
        Curve('sum by (endpoint) (rate(http_requests_total{job="api",status=~"5.."}[5m]))', "{{endpoint}}"),
    )
    yield lines(
        Text("Requests", "Answers a second by their status, probes and scrapes left out.", "reqps"),
        Place(0, 24, 12, 8),
        Curve(f"sum by (status) (rate(http_requests_total{{{TRAFFIC}}}[5m]))", "{{status}}"),
    )
    yield lines(
        Text("Error Rate", "Share of requests answered with a 5xx. CriticalErrorRate pages above 5 %.", "percentunit"),
        Place(12, 24, 12, 8),
        Curve(
            f'sum(rate(http_requests_total{{{TRAFFIC},status=~"5.."}}[5m]))'
            f" / sum(rate(http_requests_total{{{TRAFFIC}}}[5m]))",
            "Error rate",
        ),
        limit=0.05,
    )


def _machines() -> Iterator[Builder]:
    yield number(
        Text("Database", "1 while PostgreSQL answers its exporter.", "short"),
        Place(0, 32, 4, 8),
        Curve("min(pg_up)", "Database"),
        good_from=1,
    )
    yield lines(
        Text("Targets", "1 for each target that answers Prometheus, 0 for one that does not.", "short"),
        Place(4, 32, 10, 8),
        Curve("up", "{{job}} {{instance}}"),
    )
    yield lines(
        Text("Disk Usage", "How full each file system is. HighDiskUsage pages above 90 %.", "percentunit"),
        Place(14, 32, 10, 8),
        Curve(
            '1 - node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"}'
            " / node_filesystem_size_bytes",
            "{{instance}} {{mountpoint}}",
        ),
        limit=0.9,
    )
