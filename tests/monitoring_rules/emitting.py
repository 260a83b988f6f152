"""What is really emitted: API, pipeline and exporters run, do everything once, and are asked; as pages."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from pipeline.store import files
from tests.api.serving import CABINET, PATIENCE, serving, until
from tests.kafka.workbench import make_topic, produce, unique
from tests.monitoring_rules.programs import fetched
from tests.monitoring_rules.programs import serving as running
from tests.proofs.engine import TextEngine
from tests.servers.debian import Program
from tests.servers.elasticsearch_node import free_port


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


def samples(page: str) -> list[Sample]:
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


def of_api(folder: Path) -> str:
    """A project is made, submitted in vain, and reported on; a cabinet is derived twice; probes ask."""
    nowhere = f"http://127.0.0.1:{free_port()}/"
    with serving(folder, SUBMISSION_URL=nowhere) as api, httpx.Client(base_url=api.url, timeout=PATIENCE) as client:
        for _ in range(2):
            assert api.derive().status_code == 200
        project = client.post("/projects", json={"name": "sign", "cabinets": [CABINET]}).json()["id"]
        assert client.post(f"/projects/{project}/submit").status_code >= 500
        report = client.post(f"/projects/{project}/report").json()["id"]
        until(lambda: client.get(f"/reports/{report}").json()["status"] == "done")
        for probe in ("/healthz", "/readyz", "/metrics"):
            assert client.get(probe).status_code == 200
        return api.metrics()


PIPELINE = """
    input {{ kafka {{
        id => "kafka" bootstrap_servers => "{bootstrap}" topics => ["{topic}"] group_id => "{topic}"
        auto_offset_reset => "earliest" codec => json
    }} }}
    filter {{
        if [n] == 0 {{ drop {{ id => "first" }} }}
        clone {{ id => "twice" clones => ["again"] }}
    }}
    output {{
        sqlite {{ id => "waits" path => "{folder}/waits" index => "logs" }}
        sqlite {{ id => "kept" path => "{folder}/kept" index => "%{{[index]}}" }}
    }}
"""


def of_pipeline(folder: Path, bootstrap: str, workers: int = 1) -> str:
    """Records of Kafka, of which one is dropped and one has an index that cannot be; one of two outputs has to wait."""
    topic, port = unique("watched"), free_port()
    text = PIPELINE.format(bootstrap=bootstrap, topic=topic, folder=folder)
    records = [b'{"n": %d, "index": "%s"}' % (n, b"Bad*" if n == 1 else b"fine") for n in range(9)]
    engine = TextEngine(folder, text, f"api.http.port: {port}\nplugin_timing.every: 1\n", ["--workers", str(workers)])

    async def fill() -> None:
        await make_topic(bootstrap, topic)
        await produce(bootstrap, topic, records)

    asyncio.run(fill())
    index = files.path_of(folder / "waits", "logs")
    index.parent.mkdir(parents=True)
    with closing(sqlite3.connect(index, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        engine.start()
        try:
            return until(lambda: _complete(engine, port))
        finally:
            engine.kill()


def _complete(engine: TextEngine, port: int) -> str | None:
    """What it says once a send has failed and a dead letter has been written."""
    engine.runs()
    try:
        page = fetched(f"http://127.0.0.1:{port}/metrics")
    except OSError:
        return None
    names = {sample.name for sample in samples(page)}
    wanted = {"apex_logs_items_retried_total", "apex_logs_events_dead_lettered_total", "apex_logs_partition_lag"}
    return page if wanted <= names else None


def of_node_exporter(program: Program, folder: Path) -> str:
    with _exporter(program, folder / "node.log") as url:
        return fetched(url)


def of_postgres_exporter(program: Program, folder: Path, database: str) -> str:
    """What it says of the database at that address, which may be away."""
    asking = program._replace(environment={**program.environment, "DATA_SOURCE_NAME": f"{database}?sslmode=disable"})
    with _exporter(asking, folder / "postgres.log") as url:
        return fetched(url)


@contextmanager
def _exporter(program: Program, log: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}/metrics"
    with running(program, f"--web.listen-address={address}", ready=f"http://{address}/", log=log):
        yield url
