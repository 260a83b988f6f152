"""Events that a real Filebeat shipped come out as a real Logstash sent them on, line by line, field for field."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.building import build, connect
from pipeline.event import Event
from pipeline.protocols.lumberjack import compressed, json_frames
from tests.harness import context, planned
from tests.proofs.engine import design_configuration

DATA = Path(os.environ["APEX_RECORDINGS"]) / "data"


def processed(payloads: list[bytes]) -> list[dict[str, Any]]:
    """The documents that the design document's configuration makes of a window, as JSON would carry them."""
    database = DATA / "GeoIP2-City-Test.mmdb"
    text = design_configuration(0, {'source => "source_ip"': f'source => "source_ip" database => "{database}"'})
    plan = planned(text, ecs="disabled")
    built = build(plan, context())
    [beats] = built.inputs
    documents: list[dict[str, Any]] = []

    def sink(event: Event) -> None:
        documents.append(json.loads(orjson.dumps(event.fields)))

    def undecodable(raw: bytes, error: Exception) -> None:
        raise AssertionError(f"{raw!r} cannot be decoded") from error

    flow = connect(plan, built.filters, dict.fromkeys(built.outputs, sink), lambda proceed, event: proceed(event))
    for event in beats.input.decode(compressed(json_frames(payloads)), {"id": "recorded"}, undecodable):
        flow.process(event)
    return documents


def equal(want: Any, got: Any) -> bool:
    """Equal as JSON; numbers by value, and true and false are no numbers."""
    if number(want) and number(got):
        return want == got or math.isclose(want, got, rel_tol=1e-12)
    if type(want) is not type(got):
        return False
    if isinstance(want, dict):
        return want.keys() == got.keys() and all(equal(value, got[key]) for key, value in want.items())
    if isinstance(want, list):
        return len(want) == len(got) and all(map(equal, want, got))
    return bool(want == got)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize("name", ["filebeat-events", "filebeat-odd-lines"])
def test_as_logstash_did(name: str, record_property: Callable[[str, object], None]) -> None:
    sent = (DATA / f"{name}.ndjson").read_bytes().splitlines()
    wanted = [json.loads(line) for line in (DATA / f"{name}.logstash.ndjson").read_bytes().splitlines()]
    got = processed(sent)
    assert len(got) == len(wanted)
    different = [
        f"line {line}, {field}: wanted {want.get(field)!r:.200}, got {have.get(field)!r:.200}"
        for line, (want, have) in enumerate(zip(wanted, got, strict=True), 1)
        for field in sorted(want.keys() | have.keys())
        if (field in want) is not (field in have) or not equal(want.get(field), have.get(field))
    ]
    assert not different, "\n".join(different[:20])
    record_property("events", len(wanted))
