"""Every metric that a rule or a dashboard names is emitted by something that runs, with the labels that it is asked by.

`up` alone is Prometheus' own: it writes it for each target, with the labels `job` and `instance`
(https://prometheus.io/docs/concepts/jobs_instances/).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.monitoring_rules import emitting
from tests.monitoring_rules.emitting import Sample, samples
from tests.monitoring_rules.watching import Expression, Use, board_expressions, recorded, rule_expressions, uses
from tests.servers import postgres
from tests.servers.debian import Program
from tests.servers.kafka_cluster import Cluster
from tests.servers.skipping import or_skip

TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus gives what it scrapes."""
USES = [use for expression in (*rule_expressions(), *board_expressions()) for use in uses(expression)]
Emitted = dict[str, list[Sample]]


@pytest.fixture(scope="module")
def emitted(pages: dict[str, str]) -> Emitted:
    """The samples of each job."""
    return {job: samples(page) for job, page in pages.items()} | {"prometheus": [Sample("up", {}, 1)]}


def of(use: Use, emitted: Emitted) -> list[Sample]:
    """The samples that a use reads."""
    jobs = [job for job in emitted if use.job in (None, job) or use.name == "up"]
    return [sample for job in jobs for sample in emitted[job] if sample.name == use.name]


@pytest.mark.parametrize(
    "use", {(use.name, use.labels, use.wanted): use for use in USES}.values(), ids=lambda use: use.name
)
def test_what_is_named_is_emitted(use: Use, emitted: Emitted) -> None:
    if use.name in recorded():
        assert use.labels <= recorded()[use.name] | {"sli"}
        return
    found = of(use, emitted)
    assert found, f"{use.where} reads {use.name}, which nothing emits"
    assert use.labels - TARGET <= found[0].labels.keys(), f"{use.where} asks {use.name} by labels that it has not"
    for label, pattern in use.wanted:
        if label not in TARGET:
            values = {sample.labels[label] for sample in found}
            assert any(re.fullmatch(pattern, value) for value in values), f"{use.where}: {label} is never {pattern}"


def test_several_workers_tell_the_same(emitted: Emitted, kafka: Cluster, tmp_path: Path) -> None:
    page = emitting.of_pipeline(tmp_path / "two", kafka.bootstrap, workers=2)
    found = {sample.name for sample in samples(page)}
    assert {sample.name for sample in emitted["pipeline"]} - found == set()


def test_a_name_that_nothing_emits_is_found_out(emitted: Emitted) -> None:
    [use] = uses(Expression("here", "rate(apex_logs_events_lost_on_the_way_total[5m])"))
    assert of(use, emitted) == []


def test_what_probes_ask_is_counted_under_the_names_that_the_rules_leave_out(emitted: Emitted) -> None:
    [left_out] = {pattern for use in USES for label, pattern in use.unwanted if label == "endpoint"}
    counted = {sample.labels["endpoint"] for sample in emitted["api"] if sample.name == "http_requests_total"}
    assert {name for name in counted if re.fullmatch(left_out, name)} == {"/healthz", "/readyz", "/metrics"}


def test_an_exporter_answers_while_its_database_is_away(
    emitted: Emitted, postgres_exporter: Program, tmp_path: Path
) -> None:
    """So `up` is 1 then, and DatabaseDown needs pg_up."""
    assert [sample.value for sample in emitted["postgres"] if sample.name == "pg_up"] == [0]
    with or_skip("postgres"), postgres.started() as server:
        found = samples(emitting.of_postgres_exporter(postgres_exporter, tmp_path, server.url))
    assert [sample.value for sample in found if sample.name == "pg_up"] == [1]
