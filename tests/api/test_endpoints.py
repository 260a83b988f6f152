"""The endpoints over HTTP, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import hypothesis
import pytest
from apex.api.database import CALCULATIONS, open_database
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.api.serving import CABINET, DERIVE, PATIENCE, Process, serving, until

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*CABINET, "count", "\ud800", "x"]), inner)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp(request.param)
    url = f"sqlite:///{folder / 'api.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").url
    with serving(folder, DATABASE_URL=url, GIT_SHA="abc123") as process:
        yield process


@pytest.fixture
def client(served: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=PATIENCE) as client:
        yield client


def test_derive(client: httpx.Client) -> None:
    body = {"cabinets": [CABINET, {**CABINET, "count": 2, "material": "acrylic"}]}
    answer = client.post(DERIVE, json=body)
    assert answer.status_code == 200
    derived = answer.json()
    assert derived["A_ft2"] == 24.0
    assert derived["cabinets"][0] == {
        "width": 48.0,
        "height": 24.0,
        "depth": 8.0,
        "count": 1,
        "material": "aluminium",
        "area_ft2": 8.0,
        "weight_lb": 42.25,
    }
    assert derived["weight_estimate_lb"] == pytest.approx(42.25 + 2 * 3456 * 0.177 / 1728 * 74, abs=0.001)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"cabinets": [{**CABINET, "width": -1}]}, ["cabinets", 0, "width"]),
        ({"cabinets": [CABINET, {**CABINET, "depth": 1e9}]}, ["cabinets", 1, "depth"]),
        ({"cabinets": [{**CABINET, "material": "gold"}]}, ["cabinets", 0, "material"]),
        ({"cabinets": [{"width": 1, "height": 1}]}, ["cabinets", 0, "depth"]),
        ({"cabinets": []}, ["cabinets"]),
        ({"cabinets": [CABINET] * 501}, ["cabinets"]),
        ({}, ["cabinets"]),
        ({"cabinets": [{**CABINET, "height": float("nan")}]}, ["cabinets", 0, "height"]),
        ({"cabinets": [{**CABINET, "height": float("inf")}]}, ["cabinets", 0, "height"]),
        ({"cabinets": [CABINET], "more": 1}, ["more"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_derived_is_named(client: httpx.Client, body: Any, place: list[str | int]) -> None:
    answer = client.post(DERIVE, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *place]
    assert "input" not in answer.json()["detail"][0]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'"cabinets"', b"null"])
def test_what_is_no_body(client: httpx.Client, body: bytes) -> None:
    answer = client.post(DERIVE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def create(client: httpx.Client) -> dict[str, Any]:
    answer = client.post("/projects", json={"name": "Main Street pylon", "cabinets": [CABINET]})
    assert answer.status_code == 201
    project: dict[str, Any] = answer.json()
    return project


def test_a_project_is_created_shown_and_submitted_once(client: httpx.Client, served: Process) -> None:
    created, submitted = (
        served.metric("apex_projects_created_total"),
        served.metric('apex_projects_submitted_total{status="success"}'),
    )
    project = create(client)
    assert project["status"] == "draft"
    assert client.get(f"/projects/{project['id']}").json() == project
    answer = client.post(f"/projects/{project['id']}/submit")
    assert answer.status_code == 200
    assert answer.json()["status"] == "submitted"
    assert answer.json()["submitted_at"] >= project["created_at"]
    assert client.post(f"/projects/{project['id']}/submit").status_code == 409
    assert served.metric("apex_projects_created_total") == created + 1
    assert served.metric('apex_projects_submitted_total{status="success"}') == submitted + 1


def test_a_project_that_cannot_be_derived_is_not_created(client: httpx.Client) -> None:
    answer = client.post("/projects", json={"name": "x", "cabinets": [{**CABINET, "material": "gold"}]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "cabinets", 0, "material"]


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b", "two\nlines", "\ud800"])
def test_what_no_name_is(client: httpx.Client, name: str) -> None:
    body = json.dumps({"name": name, "cabinets": [CABINET]})
    answer = client.post("/projects", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "name"]


def test_a_refusal_is_short_whatever_was_sent(client: httpx.Client) -> None:
    body = json.dumps({"\ud800" * 500 + str(number): number for number in range(100)})
    answer = client.post(DERIVE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


@given(json_values)
@hypothesis.settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_answered(client: httpx.Client, value: Any) -> None:
    for body in (value, {"cabinets": value}, {"cabinets": [value]}, {"cabinets": [{**CABINET, "material": value}]}):
        answer = client.post(DERIVE, content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 422)


def test_a_report_is_queued_and_written(client: httpx.Client, served: Process) -> None:
    project = create(client)
    answer = client.post(f"/projects/{project['id']}/report")
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"

    def written() -> dict[str, Any] | None:
        report: dict[str, Any] = client.get(answer.headers["Location"]).json()
        return report if report["status"] == "done" else None

    content = until(written)["content"]
    assert content["derived"]["weight_estimate_lb"] == 42.25
    assert content["project"] == project
    assert content["text"].endswith("Total: 8.00 ft2, 42.2 lb\n")
    assert served.metric("apex_report_generation_duration_seconds_count") >= 1
    assert served.metric("apex_celery_queue_age_seconds") == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/projects/{}"), ("POST", "/projects/{}/submit"), ("POST", "/projects/{}/report"), ("GET", "/reports/{}")],
)
def test_what_is_not_there(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path.format(uuid.uuid4())).status_code == 404
    assert client.request(method, path.format("no-id")).status_code == 422


def test_health_readiness_and_the_description(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "live", "service": "apex-api", "release": "abc123"}
    assert client.get("/readyz").json() == {"status": "ready", "reasons": []}
    paths = client.get("/openapi.json").json()["paths"]
    assert {DERIVE, "/projects", "/projects/{project_id}", "/reports/{report_id}", "/metrics"} <= paths.keys()
    assert client.get("/docs").status_code == 200


def test_derived_calculations_are_recorded(client: httpx.Client, served: Process) -> None:
    client.post(DERIVE, json={"cabinets": [CABINET] * 7}).raise_for_status()
    engine = open_database(served.database)
    with engine.connect() as connection:
        rows = connection.execute(select(CALCULATIONS).where(CALCULATIONS.c.cabinets == 7)).mappings().all()
    engine.dispose()
    assert [(row["area_ft2"], row["weight_lb"]) for row in rows] == [(56.0, 295.75)]
