from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.event_ids import beat_namer
from shippers.handlers.envelope import LONGEST, Envelope


@given(st.text(), st.text(), st.text())
def test_whatever_the_texts_it_is_an_event_of_one_line(level: str, logger: str, text: str) -> None:
    payload = Envelope({"a": 1}).payload((1e9, level, logger, text))
    event = json.loads(payload)
    assert b"\n" not in payload
    assert (event["message"], event["log"]) == (text, {"level": level, "logger": logger})


@pytest.mark.parametrize(
    ("created", "stamp"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (-0.001, "1969-12-31T23:59:59.999Z"),
        (1_700_000_000.9999, "2023-11-14T22:13:20.999Z"),
        (951_782_400.5, "2000-02-29T00:00:00.500Z"),
    ],
)
def test_times_are_utc_with_milliseconds(created: float, stamp: str) -> None:
    assert json.loads(Envelope({}).payload((created, "", "", "")))["@timestamp"] == stamp


@given(st.floats(-1e9, 4e9))
def test_times_are_those_of_the_record_to_the_millisecond(created: float) -> None:
    stamp = json.loads(Envelope({}).payload((created, "", "", "")))["@timestamp"]
    assert abs(datetime.fromisoformat(stamp).timestamp() - created) <= 0.0011


@pytest.mark.parametrize("created", [float("nan"), float("inf"), 1e300, None, "now"])
def test_a_time_that_is_none_is_now(created: Any) -> None:
    before = datetime.now(UTC)
    stamp = json.loads(Envelope({}).payload((created, "", "", "")))["@timestamp"]
    assert abs((datetime.fromisoformat(stamp) - before).total_seconds()) < 60


def test_each_event_has_an_id_that_the_pipeline_takes_for_its_own() -> None:
    first, second = Envelope({}), Envelope({})
    entry = (1.0, "info", "a", "the same")
    events = [json.loads(one.payload(entry)) for one in (first, first, second)]
    first.renew()
    events.append(json.loads(first.payload(entry)))
    ids = [beat_namer()(event, event["@metadata"]) for event in events]
    assert None not in ids
    assert len(set(ids)) == 4
    assert ids == [event["@metadata"]["_id"] for event in events]


def test_the_start_is_what_the_kafka_input_knows_an_envelope_by() -> None:
    payload = Envelope({"x": "y"}).payload((1.0, "info", "a", "text"))
    assert payload.startswith(b'{"@timestamp":"')
    assert b'"@metadata":{"beat":"' in payload[:160]


@pytest.mark.parametrize("text", ["x" * LONGEST, "\x01" * LONGEST, "\ud83d" * LONGEST, "☃" * LONGEST])
@pytest.mark.parametrize("logger", ["a", "l" * 2 * LONGEST])
def test_no_event_is_longer_than_its_bound(text: str, logger: str) -> None:
    payload = Envelope({}).payload((1.0, "info", logger, text))
    assert len(payload) <= LONGEST
    event = json.loads(payload)
    assert text.startswith(event["message"])
    assert event["log"]["flags"] == ["truncated"]
