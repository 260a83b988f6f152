"""What holds for every request: its log line, its metrics, its id, the bound of its body."""

from __future__ import annotations

import random
import re
import socket
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from apex.api.requests import MAX_BODY

from tests.api.serving import DERIVE, PATIENCE, Process, until

FIELDS = [
    *("timestamp", "level", "event", "request_id", "trace_id", "span_id"),
    *("method", "route", "status", "duration_ms", "source_ip", "user_agent"),
]


def line(api: Process, request_id: str) -> dict[str, Any]:
    [only] = until(lambda: api.request_lines(request_id))
    return only


def test_a_log_line_has_exactly_these_fields(api: Process) -> None:
    answer = api.derive(**{"User-Agent": "a test", "X-Request-ID": "given-1", "X-Forwarded-For": "81.2.69.160"})
    assert answer.headers["X-Request-ID"] == "given-1"
    logged = line(api, "given-1")
    assert list(logged) == FIELDS
    assert logged.pop("timestamp").endswith("Z")
    assert 0 < logged.pop("duration_ms") < PATIENCE * 1000
    assert logged == {
        "level": "info",
        "event": "request_finished",
        "request_id": "given-1",
        "trace_id": None,
        "span_id": None,
        "method": "POST",
        "route": DERIVE,
        "status": 200,
        "source_ip": "81.2.69.160",
        "user_agent": "a test",
    }


@pytest.mark.parametrize("given", ["", "with space", "x" * 65, "a/b", "ä"])
def test_an_id_that_is_none_is_replaced(api: Process, given: str) -> None:
    answer = api.client.get("/healthz", headers={"X-Request-ID": given.encode()})
    request_id = answer.headers["X-Request-ID"]
    assert len(request_id) == 32
    assert line(api, request_id)["route"] == "/healthz"


def test_a_path_that_leads_nowhere_has_no_route(api: Process) -> None:
    answer = api.client.get("/no/such/path?token=secret")
    assert answer.status_code == 404
    logged = line(api, answer.headers["X-Request-ID"])
    assert (logged["route"], logged["status"]) == (None, 404)
    assert "secret" not in api.log.read_text()


def test_a_thousand_random_paths_and_methods_are_a_few_series(api: Process) -> None:
    """As many as there are routes, whatever anybody asks for."""
    rng = random.Random(5)
    word = lambda: "".join(rng.choices(string.ascii_letters, k=rng.randint(1, 12)))  # noqa: E731  short

    def path() -> str:
        starts = ["", "/projects", "/reports", "/signage/common/cabinets/derive", "/metrics"]
        return f"{rng.choice(starts)}/{word()}" + rng.choice(["", f"/{word()}", f"?{word()}={word()}"])

    asked = [("GET" if rng.random() < 0.9 else word().upper(), path()) for _ in range(1000)]
    with httpx.Client(base_url=api.url, timeout=PATIENCE) as client, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda each: client.request(*each), asked))
    assert {answer.status_code for answer in answers} <= {404, 405, 422}
    series = [text for text in api.metrics().splitlines() if text.startswith("http_requests_total{")]
    assert len(series) < 40
    assert sum(float(text.rpartition(" ")[2]) for text in series if '"(none)"' in text) > 500
    labels = "".join(text.partition("}")[0] for text in series)
    assert 'method="other"' in labels
    known = {"(none)", DERIVE, "/projects", "/projects/{project_id}", "/projects/{project_id}/submit"}
    known |= {"/projects/{project_id}/report", "/reports/{report_id}", "/healthz", "/readyz", "/metrics"}
    assert {text.partition('endpoint="')[2].partition('"')[0] for text in series} <= known


def test_a_body_that_is_announced_as_too_large_is_not_read(api: Process) -> None:
    answer = api.client.post(DERIVE, content=b" " * (MAX_BODY + 1))
    assert answer.status_code == 413
    assert line(api, answer.headers["X-Request-ID"])["status"] == 413


def test_a_body_without_an_end_is_cut(api: Process) -> None:
    with socket.create_connection(("127.0.0.1", api.port), PATIENCE) as connection:
        head = [f"POST {DERIVE} HTTP/1.1", "Host: x", "Content-Type: application/json", "Transfer-Encoding: chunked"]
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(MAX_BODY // 65536 + 1):
            connection.sendall(chunk)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_every_metric_of_the_design_document_is_there(api: Process) -> None:
    api.derive().raise_for_status()
    text = api.metrics()
    names = {each.split()[2] for each in text.splitlines() if each.startswith("# TYPE")}
    assert names >= {
        *("http_requests_total", "http_request_duration_seconds", "apex_projects_created_total"),
        *("apex_projects_submitted_total", "apex_calc_duration_seconds", "apex_pg_pool_used", "apex_pg_pool_total"),
        *("apex_cache_hits_total", "apex_cache_requests_total", "apex_celery_queue_age_seconds"),
        "apex_report_generation_duration_seconds",
    }
    series = f'endpoint="{DERIVE}"'
    for bound in ("0.2", "0.25", "0.5"):
        assert f'http_request_duration_seconds_bucket{{{series},le="{bound}",method="POST"}}' in text
    assert 'apex_report_generation_duration_seconds_bucket{le="30.0"}' in text
    assert f'http_requests_total{{{series},method="POST",status="200"}}' in text
    assert 'apex_projects_submitted_total{status="success"}' in text
    assert api.metric("apex_cache_requests_total") >= api.metric("apex_cache_hits_total")
    assert api.metric("apex_pg_pool_total") > 0


def test_every_metric_is_in_the_documentation(api: Process) -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    names = {each.split()[2] for each in api.metrics().splitlines() if each.startswith("# TYPE")}
    assert [name for name in names if not re.search(rf"`{name}[`{{]", page) and not name.startswith("process_")] == []
