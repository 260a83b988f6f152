"""What the engine expects of every input; an input that is not in the table fails the suite."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import registry
from pipeline.batch import Batch
from pipeline.errors import BrokenFraming
from pipeline.event import SIBLING, Event
from pipeline.metrics import Counters
from pipeline.plugin import Input
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.contracts.input_cases import BROKER, CASES, MESSAGES, PATIENCE, Case, every, nothing
from tests.harness import ended, planned


@pytest.fixture(autouse=True)
def broker(request: pytest.FixtureRequest) -> None:
    if "kafka" in request.node.name:
        BROKER["bootstrap"] = request.getfixturevalue("kafka").bootstrap
    for name in ("redis", "rabbitmq"):
        if name in request.node.name:
            BROKER[name] = str(request.getfixturevalue(f"{name}_server").port)


def test_the_table_holds_every_input() -> None:
    assert list(CASES) == registry.names("input")


def unexpected(raw: bytes, error: Exception) -> None:
    raise AssertionError(f"{raw!r} is rejected") from error


async def taken(made: Input, case: Case, folder: Path) -> list[Batch]:
    """Every batch until the input ends by itself; each is ended as soon as it is there."""
    batches = []
    async with asyncio.timeout(PATIENCE), case.source(made, folder):
        async for batch in made.batches():
            batches.append(batch)
            batch.end(sum(1 for _ in made.decode(batch.data, batch.origin, unexpected)))
        await made.close()
    return batches


def decoded(made: Input, data: bytes, origin: dict[str, Any]) -> list[Event]:
    return list(made.decode(data, origin, unexpected))


@every
@pytest.mark.parametrize("ecs", ["v8", "disabled"])
def test_batches_end_and_hold_every_event(case: Case, ecs: str, tmp_path: Path) -> None:
    made = case.made(tmp_path, ecs)
    batches = asyncio.run(taken(made, case, tmp_path))
    events = [event for batch in batches for event in decoded(made, batch.data, batch.origin)]
    assert [event.fields["message"] for event in events] == MESSAGES
    for event in events:
        assert event.fields["@version"] == "1"
        assert event.fields["@timestamp"].endswith("Z")
    ids = [event.metadata["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    assert all(type(name) is str and name for name in ids)


@every
def test_a_batch_decodes_the_same_each_time_and_pick_agrees(case: Case, tmp_path: Path) -> None:
    made = case.made(tmp_path)
    for batch in asyncio.run(taken(made, case, tmp_path)):
        assert set(map(type, batch.origin)) == {str}
        assert type(batch.data) is bytes
        agree(made, batch.data, batch.origin)


def agree(made: Input, data: bytes, origin: dict[str, Any]) -> None:
    """Ordinals count up, ids are stable, and what `pick` gives for a piece decodes to its events, in their order."""
    events = decoded(made, data, origin)
    places = [(event.ordinal % SIBLING, event.ordinal // SIBLING) for event in events]
    assert places == sorted(set(places))
    assert not places or places[0] == (0, 0)
    assert len({event.metadata["event_id"] for event in events}) == len(events)
    again = decoded(made, data, origin)
    assert [event.metadata["event_id"] for event in again] == [event.metadata["event_id"] for event in events]
    for event, (piece, sibling) in zip(events, places, strict=True):
        picked = decoded(made, made.pick(data, origin, piece), origin)
        assert content(picked[sibling]) == content(event)
        assert len(picked) == sum(one == piece for one, _ in places)


def content(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.fields.items() if name != "@timestamp"}


ORIGIN = {"id": "x", "path": "in.log", "identity": "1-2", "offset": 0, "peer": "127.0.0.1:1", "window": 9}
ORIGIN |= {"topic": "logs", "partition": 3, "last": 0, "branch": "p0"}

CODECS = {
    "json arrays": ("codec => json {}", [b'[{"message":"a"},{"message":"b"}]', b'{"message":"c"}']),
    "plain": ("codec => plain {}", [b"a", b"b"]),
    "line": ("codec => line {}", [b"a", b" ", b"b"]),
    "json_lines": ("codec => json_lines {}", [b'{"message":"a"}', b'{"message":"b"}']),
    "not json": ("codec => json {}", [b"{cut", b'{"message":"b"}']),
}


@every
@pytest.mark.parametrize(("codec", "lines"), CODECS.values(), ids=CODECS)
def test_pick_agrees_with_every_codec(case: Case, codec: str, lines: list[bytes], tmp_path: Path) -> None:
    made = case.made(tmp_path, codec=codec)
    for line in lines:
        agree(made, case.wrap(line), ORIGIN)
    if case.wrap(b"a") == b"a\n":
        agree(made, b"".join(map(case.wrap, lines)), ORIGIN)


@every
def test_stop_before_anything_comes_ends_the_batches(case: Case, tmp_path: Path) -> None:
    async def scenario() -> list[Batch]:
        made = case.made(tmp_path)
        made.stop()
        async with asyncio.timeout(PATIENCE):
            reader, writer = os.pipe()
            if hasattr(made, "descriptor"):
                made.descriptor = reader
            try:
                batches = [batch async for batch in made.batches()]
            finally:
                os.close(writer)
                os.close(reader)
            for batch in batches:
                batch.end(0)
            await made.close()
        return batches

    assert len(asyncio.run(scenario())) <= 1


@every
def test_stop_ends_an_input_that_waits(case: Case, tmp_path: Path) -> None:
    """No source ends here by itself: the pipe stays open, the file is tailed, the generator has no count."""
    endless = {"count => 1": "", 'mode => "read" exit_after_read => true': 'mode => "tail"'}
    text = case.text
    for old, new in endless.items():
        text = text.replace(old, new)

    async def scenario() -> None:
        made = Case(text, nothing).made(tmp_path)
        reader, writer = os.pipe()
        if hasattr(made, "descriptor"):
            made.descriptor = reader
        async with asyncio.timeout(PATIENCE):
            asyncio.get_running_loop().call_later(0.05, made.stop)
            async for batch in made.batches():
                batch.end(1)
            await made.close()
        os.close(writer)
        os.close(reader)

    asyncio.run(scenario())


@every
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_any_bytes_are_events_or_rejected_and_never_raise(case: Case, tmp_path: Path, data: bytes) -> None:
    made = case.made(tmp_path, codec="codec => json {}")
    rejected: list[bytes] = []
    try:
        events = made.decode(case.wrap(data), ORIGIN, lambda raw, error: rejected.append(raw))
        assert all(type(event.fields) is dict for event in events)
    except BrokenFraming:
        assert rejected == []


@every
def test_no_event_goes_uncounted(case: Case, tmp_path: Path) -> None:
    filters = 'if [message] == "one" { drop {} } if [message] == "two" { clone { clones => ["a", "b"] } }'
    text = f'filter {{ {filters} }} output {{ file {{ path => "{tmp_path}/out" }} }}'
    case.made(tmp_path)  # writes what there is to read

    async def scenario() -> Counters:
        source = case.source_of(tmp_path)
        pipeline = Pipeline(Settings(path_data=tmp_path), planned(f"input {{ {source} }} {text}"))
        [(label, made)] = pipeline.inputs
        async with asyncio.timeout(PATIENCE), case.source(made, tmp_path):
            await pipeline.run()
        assert list(pipeline.counters.inputs) == [label]
        return pipeline.counters

    counters = asyncio.run(scenario())
    [counted] = counters.inputs.values()
    assert (counted.decoded, counters.made, counters.dropped, counters.delivered) == (4, 2, 1, 5)
    assert counted.batches > 0
    assert counted.bytes > 0
    assert counters.decoded + counters.made == ended(counters)
    assert sum(counters.latency.buckets) == counted.batches
