"""APEX Business Metrics: the design document's three panels, and what is left of the promises made."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.monitoring.boards.panels import Builder, Curve, Place, Text, bars, board, lines, number

CALCULATION = "rate(apex_calc_duration_seconds_{}[5m])"
REPORT = "rate(apex_report_generation_duration_seconds_bucket[1h])"


def build() -> Dashboard:
    """The dashboard, as Grafana's JSON."""
    words = "What the API does for its users: projects, submissions, calculations, reports, service levels."
    return board("apex-business", "APEX Business Metrics", words, _panels())


def _panels() -> Iterator[Builder]:
    yield number(
        Text("Projects Created Today", "Projects created in the last 24 hours, by all instances.", "short"),
        Place(0, 0, 6, 4),
        Curve("sum(increase(apex_projects_created_total[24h]))", "Projects"),
    )
    yield lines(
        Text("Submission Success Rate", "Share of the submissions that their receiver took.", "percent"),
        Place(6, 0, 6, 4),
        Curve(
            'sum(rate(apex_projects_submitted_total{status="success"}[5m]))'
            " / sum(rate(apex_projects_submitted_total[5m])) * 100",
            "Success Rate %",
        ),
    )
    yield lines(
        Text("Submissions", "Submissions by how they ended: success, or failure of their receiver.", "reqps"),
        Place(12, 0, 12, 4),
        Curve("sum by (status) (rate(apex_projects_submitted_total[5m]))", "{{status}}"),
    )
    yield lines(
        Text("Average Calculation Time", "Time to derive the cabinets of a request, without HTTP and database.", "s"),
        Place(0, 4, 12, 8),
        Curve(f"histogram_quantile(0.95, sum by (le) ({CALCULATION.format('bucket')}))", "P95 Latency"),
        Curve(f"sum({CALCULATION.format('sum')}) / sum({CALCULATION.format('count')})", "Average"),
    )
    yield lines(
        Text("Report Generation Time", "Time to write a report, without its time in the queue. Objective: 30 s.", "s"),
        Place(12, 4, 12, 8),
        Curve(f"histogram_quantile(0.95, sum by (le) ({REPORT}))", "P95"),
        Curve(f"histogram_quantile(0.5, sum by (le) ({REPORT}))", "P50"),
        limit=30,
    )
    yield from _service_levels()


def _service_levels() -> Iterator[Builder]:
    yield bars(
        Text(
            "Error Budget Left",
            "Of the budget of 30 days; 0 is all used, below it the objective is missed.",
            "percentunit",
        ),
        Place(0, 12, 8, 8),
        Curve("slo:error_budget_remaining:ratio", "{{sli}}"),
    )
    yield lines(
        Text("Burn Rate", "How fast the error budget goes, over an hour; at 1 it lasts just 30 days.", "short"),
        Place(8, 12, 8, 8),
        Curve("sli:errors_per_request:ratio_rate1h / (1 - slo:objective:ratio)", "{{sli}}"),
        limit=14.4,
    )
    yield lines(
        Text(
            "Uptime", "Share of requests answered without a 5xx in 5 minutes. Objective: 99.9 % in 30 days.", "percent"
        ),
        Place(16, 12, 8, 8),
        Curve('(1 - sli:errors_per_request:ratio_rate5m{sli="availability"}) * 100', "Uptime %"),
    )
    yield lines(
        Text("Derive Response Time", "Response time of derive. Objectives: P95 below 200 ms, P99 below 500 ms.", "s"),
        Place(0, 20, 12, 8),
        Curve("sli:derive_latency_seconds:p95", "P95"),
        Curve("sli:derive_latency_seconds:p99", "P99"),
    )
    yield lines(
        Text(
            "Reports Within 30 s",
            "Share of the reports of 24 hours that were written in 30 s. Objective: 95 %.",
            "percent",
        ),
        Place(12, 20, 12, 8),
        Curve('(1 - sli:errors_per_request:ratio_rate1d{sli="report_generation"}) * 100', "Within 30 s"),
    )
