"""What the engine expects of every input; an input that is not in the table fails the suite."""

from __future__ import annotations

import asyncio
import os
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import registry
from pipeline.batch import Batch
from pipeline.config.building import build
from pipeline.config.logstash_yml import Settings
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.errors import BrokenFraming
from pipeline.event import Event
from pipeline.kafka.records import pack
from pipeline.metrics import Counters
from pipeline.plugin import Input
from pipeline.protocols.datagrams import packed
from pipeline.protocols.lumberjack import compressed, json_frames
from pipeline.runtime import Pipeline
from shippers.lumberjack import Sender
from tests.harness import context, ended, planned
from tests.kafka.test_records import Made
from tests.kafka.workbench import committed, eventually, make_topic, produce

MESSAGES = ["one", "two", "drei ☃", "four"]
LINES = "".join(f"{message}\n" for message in MESSAGES).encode()
PATIENCE = 20.0


def built(text: str, folder: Path, ecs: str = "v8") -> Input:
    [made] = build(planned(f"input {{ {text} }}", ecs=ecs), context(folder)).inputs
    return made.input


@dataclass(frozen=True)
class Case:
    """How an input is made, how four messages reach it, and how bytes that a sender wrote become a batch's data."""

    text: str
    source: Callable[[Input, Path], Any]
    wrap: Callable[[bytes], bytes] = lambda line: line + b"\n"

    def made(self, folder: Path, ecs: str = "v8", codec: str = "") -> Input:
        (folder / "in.log").write_bytes(LINES)
        return built(self.source_of(folder, codec), folder, ecs)

    def source_of(self, folder: Path, codec: str = "") -> str:
        """The text of the configuration."""
        return self.text.format(folder=folder, codec=codec, topic=topic_of(folder), bootstrap=BROKER["bootstrap"])


BROKER = {"bootstrap": "127.0.0.1:9"}
"""Where the broker is, for the case that needs one."""


@pytest.fixture(autouse=True)
def broker(request: pytest.FixtureRequest) -> None:
    if "kafka" in request.node.name:
        BROKER["bootstrap"] = request.getfixturevalue("kafka").bootstrap


def topic_of(folder: Path) -> str:
    return "contract-" + "".join(
        letter if letter.isalnum() else "-" for letter in f"{folder.parent.name}-{folder.name}"
    )


@asynccontextmanager
async def nothing(made: Input, folder: Path) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def piped(made: Any, folder: Path) -> AsyncIterator[None]:
    reader, writer = os.pipe()
    made.descriptor = reader
    os.write(writer, LINES)
    os.close(writer)
    yield
    os.close(reader)


@asynccontextmanager
async def shipped(made: Any, folder: Path) -> AsyncIterator[None]:
    async def ship() -> None:
        await made.server.listening.wait()
        async with Sender(*made.server.listener.addresses[0][:2]) as sender:
            await sender.send([{"message": message} for message in MESSAGES])
        made.stop()

    shipping = asyncio.create_task(ship())
    yield
    await shipping


@asynccontextmanager
async def given_up(made: Any, folder: Path) -> AsyncIterator[None]:
    """Dead letters; the input follows them until all have their end."""
    queue = DeadLetterQueue(folder / "dlq" / "main", "main")
    await queue.put([DeadLetter("r", "p", message.encode(), {}) for message in MESSAGES])
    queue.close()

    async def stop() -> None:
        while not made.followed.changed:
            await asyncio.sleep(0.005)
        made.stop()

    stopping = asyncio.create_task(stop())
    yield
    await stopping


@asynccontextmanager
async def consumed(made: Any, folder: Path) -> AsyncIterator[None]:
    topic = topic_of(folder)
    await make_topic(BROKER["bootstrap"], topic)
    await produce(BROKER["bootstrap"], topic, [message.encode() for message in MESSAGES])

    async def stop() -> None:
        async def all_ended() -> bool:
            return (await committed(BROKER["bootstrap"], topic)).get((topic, 0)) == len(MESSAGES)

        await eventually(all_ended)
        made.stop()

    stopping = asyncio.create_task(stop())
    yield
    await stopping


def letter(line: bytes) -> bytes:
    record = {"name": "1-0", "time": "2026-01-01T00:00:00.000Z", "original": {"base64": b64encode(line).decode()}}
    return orjson.dumps(record) + b"\n"


@asynccontextmanager
async def connected(made: Any, folder: Path) -> AsyncIterator[None]:
    async def send() -> None:
        await made.server.listening.wait()
        reader, writer = await asyncio.open_connection(*made.server.listener.addresses[0])
        writer.write(LINES)
        writer.write_eof()
        await reader.read()  # it is closed when all has been read
        writer.close()
        made.stop()

    sending = asyncio.create_task(send())
    yield
    await sending


@asynccontextmanager
async def thrown(made: Any, folder: Path) -> AsyncIterator[None]:
    async def send() -> None:
        await made.server.listening.wait()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in MESSAGES:
                sender.sendto(message.encode(), made.server.datagrams.addresses[0])
        made.stop()

    sending = asyncio.create_task(send())
    yield
    await sending


@asynccontextmanager
async def posted(made: Any, folder: Path) -> AsyncIterator[None]:
    async def send() -> None:
        await made.server.listening.wait()
        host, port = made.server.listener.addresses[0]
        async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
            for message in MESSAGES:
                async with session.post("/", data=message.encode()) as answer:
                    assert (answer.status, await answer.text()) == (200, "ok")
        made.stop()

    sending = asyncio.create_task(send())
    yield
    await sending


def recorded(line: bytes) -> bytes:
    return pack([Made(7, 1, None, line)])


def numbered(line: bytes) -> bytes:
    return orjson.dumps([[0, line.decode(errors="replace")]])


CASES = {
    "beats": Case("beats {{ port => 0 {codec} }}", shipped, lambda line: compressed(json_frames([framed(line)]))),
    "dead_letter_queue": Case(
        'dead_letter_queue {{ path => "{folder}/dlq" sincedb_path => "{folder}/since" {codec} }}', given_up, letter
    ),
    "file": Case(
        'file {{ path => "{folder}/in.log" mode => "read" exit_after_read => true file_completed_action => "log" '
        'file_completed_log_path => "{folder}/done" sincedb_path => "{folder}/since" {codec} }}',
        nothing,
    ),
    "generator": Case(
        'generator {{ lines => ["one", "two", "drei ☃", "four"] count => 1 {codec} }}', nothing, numbered
    ),
    "http": Case("http {{ port => 0 {codec} }}", posted, lambda line: line),
    "kafka": Case(
        'kafka {{ bootstrap_servers => "{bootstrap}" topics => ["{topic}"] group_id => "{topic}" {codec} '
        'auto_offset_reset => "earliest" auto_commit_interval_ms => 50 }}',
        consumed,
        recorded,
    ),
    "stdin": Case("stdin {{ {codec} }}", piped),
    "syslog": Case("syslog {{ port => 0 {codec} }}", connected),
    "tcp": Case("tcp {{ port => 0 {codec} }}", connected),
    "udp": Case("udp {{ port => 0 {codec} }}", thrown, lambda line: packed("127.0.0.1", 1, line)),
}
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def framed(line: bytes) -> bytes:
    return orjson.dumps({"message": line.decode(errors="replace"), "log": {"offset": len(line)}})


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
    """Ordinals count up, ids are stable, and what `pick` gives for an ordinal decodes to that event."""
    events = decoded(made, data, origin)
    ordinals = [event.ordinal for event in events]
    assert ordinals == sorted(ordinals)
    assert not ordinals or ordinals[0] == 0
    assert len({event.metadata["event_id"] for event in events}) == len(events)
    again = decoded(made, data, origin)
    assert [event.metadata["event_id"] for event in again] == [event.metadata["event_id"] for event in events]
    for event in events:
        picked = decoded(made, made.pick(data, origin, event.ordinal), origin)
        assert content(event) in [content(one) for one in picked]
        assert len(picked) <= len(events)


def content(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.fields.items() if name != "@timestamp"}


ORIGIN = {"id": "x", "path": "in.log", "identity": "1-2", "offset": 0, "peer": "127.0.0.1:1", "window": 9}
ORIGIN |= {"topic": "logs", "partition": 3, "last": 0}

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
