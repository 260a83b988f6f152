"""What a real server makes of the templates: types read back, conflicts, hostile documents, priorities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mappings import fields, templates
from mappings.templates import Server
from tests.cli.program import invoke
from tests.mappings.workbench import call, documents, enveloped, shipped, types

NODE = Server(match_only_text=False, wildcard=False, lifecycle=False)
"""What the node of the tests knows: mapper-extras and x-pack are not on Maven Central."""


def bulk(node: str, index: str, *given: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [json.dumps(line) for each in given for line in ({"create": {"_index": index}}, each)]
    answer = call(f"{node}/_bulk?refresh=true", "POST", ("\n".join(lines) + "\n").encode())
    return [item["create"] for item in answer["items"]]


def test_the_sample_has_the_declared_types(node: str, sample: str) -> None:
    found = types(node, sample)
    for name, declared in fields.declared().items():
        assert found[name] == NODE.field(declared)["type"], name
    unknown = {name: kind for name, kind in found.items() if name not in fields.declared()}
    assert unknown["geoip.region_name"] == unknown["agent.type"] == unknown["host.name"] == "keyword"
    assert len(documents(node, sample)) == 361


@pytest.mark.parametrize("ecs", ["disabled", "v8"])
def test_lines_of_the_api_that_are_no_json(node: str, tmp_path: Path, ecs: str) -> None:
    index = f"apex-logs-lines-{ecs}"
    lines = [
        "Traceback (most recent call last): worker 3",
        '{"cut": ',
        "[1, 2]",
        '"text"',
        "\x00\x1b[31m",
        '{"event": "x"}',
    ]
    shipped(node, [enveloped(line, place) for place, line in enumerate(lines)], tmp_path, index, ecs)
    found = documents(node, index)
    assert sorted(document["message"] for document in found) == sorted(lines)
    tagged = [document for document in found if "_jsonparsefailure" in document.get("tags", [])]
    assert len(tagged) >= 3


CONFLICTS: list[dict[str, Any]] = [
    {"user_agent": "curl", "host": "a", "error": "boom", "level": "info", "status": 200, "geoip": {"location": "1,2"}},
    {"user_agent": {"name": "curl"}, "host": {"name": "a"}, "error": {"message": "boom"}, "level": {"name": "info"}},
    {"status": "abc", "duration_ms": {"p": 1}, "source_ip": "nohost", "geoip": {"location": "nowhere"}},
    {"status": 99999, "timestamp": "yesterday", "message": {"a": [1, "b", {"c": None}]}, "big": 2**70, "e": "é" * 9},
    {"k": "x" * 40_000, "message": "y" * 40_000, "log_event": "z" * 40_000},
    {f"field_{number}": number for number in range(10_000)},
    {"deep": json.loads('{"a":' * 250 + "1" + "}" * 250)},
]

DEEP = {"deep": json.loads('{"a":' * 900 + "1" + "}" * 900)}
"""Never sent to a server: a node's stack may overflow on it."""


@pytest.mark.parametrize("index", ["apex-logs-conflicts", "logs-apex-conflicts"])
def test_conflicts_are_indexed(node: str, index: str) -> None:
    given = [{"@timestamp": "2026-11-23T00:00:00Z", "n": n, **each} for n, each in enumerate(CONFLICTS)]
    results = bulk(node, index, *given)
    assert [item["status"] for item in results] == [201] * len(CONFLICTS), results
    assert sorted(documents(node, index), key=lambda each: each["n"]) == given


@pytest.mark.parametrize("refused", [{"labels": "x"}, {"context": json.loads('{"a":' * 30 + "1" + "}" * 30)}, {"": 1}])
def test_what_no_index_takes_is_refused_by_item(node: str, refused: dict[str, Any]) -> None:
    """A 400 of an item is what the elasticsearch output dead-letters."""
    good = {"@timestamp": "2026-11-23T00:00:00Z"}
    assert [item["status"] for item in bulk(node, "apex-logs-refused", good | refused, good)] == [400, 201]


def test_too_many_fields_for_a_server_that_cannot_ignore_them(node: str) -> None:
    setting = "index.mapping.total_fields.ignore_dynamic_beyond_limit"
    call(f"{node}/apex-logs-strict", "PUT", {"settings": {setting: False}})
    stamp = {"@timestamp": "2026-11-23T00:00:00Z"}
    many = {f"field_{number}": number for number in range(10_000)}
    assert [item["status"] for item in bulk(node, "apex-logs-strict", stamp | many, stamp)] == [400, 201]


def test_a_hostile_line_is_indexed_or_dead_lettered(node: str, tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, **each}) for n, each in enumerate([*CONFLICTS, {"labels": "x"}, {"": 1}, DEEP])]
    shipped(node, [enveloped(line, place) for place, line in enumerate(lines)], tmp_path, "apex-logs-hostile", "v8")
    dead = invoke("dlq", "list", "--path.data", str(tmp_path / "data"), "--json").out.splitlines()
    indexed = {document["n"] for document in documents(node, "apex-logs-hostile") if "n" in document}
    assert len(indexed) + len(dead) == len(lines)
    assert indexed >= set(range(3))
    assert any("nested deeper than 254 levels" in each for each in dead)


def test_what_a_field_becomes_that_has_no_line(node: str) -> None:
    document = {"peer.ip": "10.0.0.1", "client_ip": "::1", "wait_ms": 3, "took_seconds": 1.5, "job.message": "a b"}
    bulk(node, "apex-logs-unknown", {"@timestamp": "2026-11-23T00:00:00Z", "name": "n", "flag": True, **document})
    found = types(node, "apex-logs-unknown")
    assert {name: found[name] for name in (*document, "name", "flag")} == {
        "peer.ip": "ip",
        "client_ip": "ip",
        "wait_ms": "float",
        "took_seconds": "float",
        "job.message": "text",
        "name": "keyword",
        "flag": "boolean",
    }


def test_settings_and_aliases(node: str, sample: str) -> None:
    index = call(f"{node}/{sample}/_settings")[sample]["settings"]["index"]
    assert index["codec"] == "best_compression"
    assert index["refresh_interval"] == "5s"
    assert (index["sort"]["field"], index["sort"]["order"]) == ("@timestamp", "desc")
    assert index["mapping"]["total_fields"] == {"limit": "2000", "ignore_dynamic_beyond_limit": "true"}
    assert call(f"{node}/{sample}/_alias")[sample]["aliases"] == {"apex-logs": {}}


def test_the_data_stream_wins_over_the_stacks_own_template(node: str) -> None:
    builtin = {"index_patterns": ["logs-*-*"], "priority": 100, "data_stream": {}, "template": {"settings": {}}}
    call(f"{node}/_index_template/logs", "PUT", builtin)
    bulk(node, "logs-apex-default", {"@timestamp": "2026-11-23T00:00:00Z", "status": 200})
    (stream,) = call(f"{node}/_data_stream/logs-apex-default")["data_streams"]
    assert types(node, stream["indices"][0]["index_name"])["status"] == "short"
    assert call(f"{node}/apex-logs-stream/_count")["count"] >= 1


def test_a_server_that_knows_all() -> None:
    everything = templates.ecs_fields(Server())["template"]["mappings"]["properties"]
    assert everything["message"] == {"type": "match_only_text"}
    assert everything["url.path"]["type"] == "wildcard"
    assert templates.ecs_fields(NODE)["template"]["mappings"]["properties"]["message"] == {
        "type": "text",
        "norms": False,
    }
    assert "index.mapping.total_fields.ignore_dynamic_beyond_limit" not in str(
        templates.settings(Server(ignore_dynamic_beyond_limit=False))
    )


def test_queries_find_what_is_in_flattened_objects_and_below_other_fields(node: str) -> None:
    index, time = "apex-logs-flattened", "2026-11-23T10:00:00Z"
    accepted = bulk(
        node,
        index,
        {"@timestamp": time, "labels": {"app": "web", "n": 5}, "user_agent": {"name": "curl"}, "message": "first"},
        {"@timestamp": time, "labels": {"app": "db"}, "context": {"user": {"id": "u1"}}, "message": "second"},
        {"@timestamp": time, "user_agent": "wget", "event": {"original": "web"}, "message": "third"},
    )
    assert [item["status"] for item in accepted] == [201] * 3

    def found(query: str) -> list[str]:
        answer = invoke("search", query, "--elasticsearch", node, "--index", index, "--fields", "message")
        assert answer.code == 0, answer.err
        return sorted(answer.out.split())

    assert found("labels.app:web") == found("labels.app:w*") == found("labels.*:web") == found("*:web") == ["first"]
    assert found("not labels.app:web") == ["second", "third"]
    assert found("labels.n:5") == found('labels.app > "k"') == ["first"]
    assert found("context.user.id:u1") == ["second"]
    assert found("user_agent:*") == ["first", "third"]
    refused = invoke("search", "labels.app:*eb", "--elasticsearch", node, "--index", index)
    assert (refused.code, refused.out) == (1, "")
    assert "flattened" in refused.err
