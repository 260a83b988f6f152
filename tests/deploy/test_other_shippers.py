"""Fluent Bit's and Vector's configurations: what these programs document to send, into the inputs that they name.

Neither program runs here. Bodies and headers are those of their documentation (Fluent Bit: http and kafka outputs in
format json; Vector: http sink with newline-delimited JSON, kafka sink with JSON), made from the options of the files
under test.
"""

from __future__ import annotations

import gzip
import json
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from tests.cli.program import Running
from tests.deploy.manifests import ROOT
from tests.harness import filtered
from tests.proofs.engine import design_configuration
from tests.servers.elasticsearch_node import free_port

SHIPPERS = ROOT / "shippers"
LINE = '{"timestamp":"2026-11-21T06:29:45.816Z","level":"info","event":"request_finished","status":200}'
PATH = "/var/log/apex/apex-api.log"

Record = dict[str, Any]


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((SHIPPERS / name).read_text()))


def fluent_bit(name: str) -> Record:
    """The record of a line after the file's filters, with its time under the output's key for it."""
    pipeline = read(f"fluent-bit/{name}")["pipeline"]
    [source], [output] = pipeline["inputs"], pipeline["outputs"]
    record: Record = {source["key"]: LINE, source["path_key"]: PATH, source["offset_key"]: 0}
    for each in pipeline["filters"]:
        match each["name"]:
            case "modify":
                name, _, value = each["add"].partition(" ")
                record[name] = value
            case "nest":
                assert each["operation"] == "nest"
                inner = {key: record.pop(key) for key in each["wildcard"]}
                record[each["nest_under"]] = inner
            case other:
                raise AssertionError(f"this test knows no filter {other}")
    key = output.get("json_date_key") or output["timestamp_key"]
    assert output.get("json_date_format", output.get("timestamp_format")) == "iso8601"
    return {key: "2026-11-21T06:29:46.123456Z", **record}


def vector(name: str) -> Record:
    """The event of a line after the file's remap, which is one assignment of an object with paths in it."""
    file = read(f"vector/{name}")
    [source], [transform] = file["sources"].values(), file["transforms"].values()
    event: Record = {"message": LINE, "timestamp": "2026-11-21T06:29:46.123456789Z", "host": "node-1", "file": PATH,
                     "source_type": "file", source["offset_key"]: 0}  # fmt: skip
    program = transform["source"].strip()
    assert program.startswith(". = {")
    text = program.removeprefix(". = ")
    for field, value in event.items():
        text = text.replace(f": .{field}", f": {json.dumps(value)}")
    made: Record = orjson.loads(text)
    return made


MADE = {
    "fluent-bit/to-http.yaml": (lambda: fluent_bit("to-http.yaml"), "application/json"),
    "vector/to-http.yaml": (lambda: vector("to-http.yaml"), "application/x-ndjson"),
}


def body(name: str, records: list[Record]) -> bytes:
    """The body of a request: an array of Fluent Bit's format json, lines of Vector's framing."""
    if name.startswith("fluent-bit"):
        [output] = read(name)["pipeline"]["outputs"]
        assert (output["format"], output["compress"]) == ("json", "gzip")
        return gzip.compress(json.dumps(records).encode())
    sink = read(name)["sinks"]["pipeline"]
    assert (sink["encoding"], sink["framing"], sink["compression"]) == (
        {"codec": "json"},
        {"method": "newline_delimited"},
        "gzip",
    )
    assert sink["request"]["headers"]["Content-Type"] == MADE[name][1]
    return gzip.compress(b"".join(json.dumps(record).encode() + b"\n" for record in records))


@pytest.mark.parametrize("name", MADE)
def test_over_http_into_the_documents_pipeline(name: str, tmp_path: Path) -> None:
    """Answered 200 when both events are in the file that stands for Elasticsearch."""
    make, content_type = MADE[name]
    port, out = free_port(), tmp_path / "out.json"
    text = (ROOT / "infra" / "logging" / "http.conf").read_text().replace("port => 8080", f"port => {port}")
    (tmp_path / "http.conf").write_text(text)
    design = design_configuration(free_port())
    document = design[: design.index("output {")] + f'output {{ file {{ path => "{out}" codec => json_lines }} }}'
    (tmp_path / "logstash.conf").write_text(document)
    (tmp_path / "logstash.yml").write_text((ROOT / "infra" / "logging" / "logstash.yml").read_text())
    files = ["-f", str(tmp_path / "logstash.conf"), "-f", str(tmp_path / "http.conf"), "--path.settings", str(tmp_path)]
    with Running(*files, cwd=tmp_path, API_ENABLED="false") as engine:
        engine.says(f"127.0.0.1:{port}")
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", body(name, [make(), make()]), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        documents = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(documents) == 2
    for each in documents:
        assert each["log_event"] == "request_finished"
        assert each["fields"] == {"service": "apex-api"}
        assert each["@timestamp"].startswith("2026-11-21T06:29:46.123")


RECORDS = {"fluent-bit": lambda: fluent_bit("to-kafka.yaml"), "vector": lambda: vector("to-kafka.yaml")}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_kafka_is_an_event_of_the_documents_pipeline(name: str) -> None:
    """The kafka input's codec is json: a record is an event."""
    [document] = filtered(design_configuration(0), RECORDS[name](), ecs="disabled")
    assert document["log_event"] == "request_finished"


def test_topics_and_ports_are_those_of_the_inputs() -> None:
    kafka = (ROOT / "infra" / "logging" / "kafka.conf").read_text()
    http = (ROOT / "infra" / "logging" / "http.conf").read_text()
    assert 'topics => ["apex-logs"]' in kafka
    assert read("fluent-bit/to-kafka.yaml")["pipeline"]["outputs"][0]["topics"] == "apex-logs"
    assert read("vector/to-kafka.yaml")["sinks"]["kafka"]["topic"] == "apex-logs"
    assert f"port => {read('fluent-bit/to-http.yaml')['pipeline']['outputs'][0]['port']}" in http
    layout = read("kafka/topics.yaml")
    assert "apex-logs" in {topic["name"] for topic in layout["topics"]}


@pytest.mark.parametrize("name", ["fluent-bit/to-http.yaml", "fluent-bit/to-kafka.yaml"])
def test_fluent_bit_loses_nothing_and_waits(name: str) -> None:
    file = read(name)
    [source], [output] = file["pipeline"]["inputs"], file["pipeline"]["outputs"]
    assert source["storage.type"] == "filesystem"
    assert file["service"]["storage.path"]
    assert source["db"]
    assert source["skip_long_lines"] is True, "off would stop reading a file at a line that is too long"
    assert output["retry_limit"] == "no_limits"


@pytest.mark.parametrize("name", ["vector/to-http.yaml", "vector/to-kafka.yaml"])
def test_vector_loses_nothing_and_waits(name: str) -> None:
    [sink] = read(name)["sinks"].values()
    assert sink["acknowledgements"] == {"enabled": True}
    assert (sink["buffer"]["type"], sink["buffer"]["when_full"]) == ("disk", "block")
    assert sink["buffer"]["max_size"] >= 268_435_488, "Vector's least for a buffer on disk"
