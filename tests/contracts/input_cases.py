"""Every input: how it is made, how four messages reach it, and how bytes that a sender wrote become its data."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiormq
import orjson
import pytest
from redis.asyncio import Redis

from pipeline.arrivals import arrive
from pipeline.config.building import build
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.kafka.records import pack
from pipeline.plugin import Input
from pipeline.protocols import messages
from pipeline.protocols.datagrams import packed
from pipeline.protocols.lumberjack import compressed, json_frames
from pipeline.texts.handed import write_event
from shippers.lumberjack import Sender
from tests.harness import context, planned
from tests.kafka.test_records import Made
from tests.kafka.workbench import committed, eventually, make_topic, produce

MESSAGES = ["one", "two", "drei ☃", "four"]
LINES = "".join(f"{message}\n" for message in MESSAGES).encode()
PATIENCE = 20.0


def fill(path: Path) -> None:
    """A table of the messages, in a file of SQLite."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS lines (n INTEGER PRIMARY KEY, message TEXT)")
        database.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?)", list(enumerate(MESSAGES)))


def built(text: str, folder: Path, ecs: str = "v8") -> Input:
    [made] = build(planned(f"input {{ {text} }}", ecs=ecs), context(folder)).inputs
    return made.input


@dataclass(frozen=True)
class Case:
    """How an input is made, how four messages reach it, and how bytes that a sender wrote become a batch's data."""

    text: str
    source: Callable[[Input, Path], Any]
    wrap: Callable[[bytes], bytes] = lambda line: line + b"\n"
    codec: str = ""
    """Where the messages are not what the input's own codec reads."""

    def made(self, folder: Path, ecs: str = "v8", codec: str = "") -> Input:
        (folder / "in.log").write_bytes(LINES)
        if "jdbc" in self.text:
            fill(folder / "rows.db")
        return built(self.source_of(folder, codec), folder, ecs)

    def source_of(self, folder: Path, codec: str = "") -> str:
        """The text of the configuration."""
        return self.text.format(folder=folder, codec=codec or self.codec, topic=topic_of(folder), **BROKER)


BROKER = {"bootstrap": "127.0.0.1:9", "redis": "9", "rabbitmq": "9"}
"""Where the servers are, for the cases that need one."""


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


@asynccontextmanager
async def handed(made: Any, folder: Path) -> AsyncIterator[None]:
    async def hand() -> None:
        for message in MESSAGES:
            data = write_event(arrive({"message": message}, {"event_id": message}))
            await made.box.put(data, {"id": message, "branch": "p0"}).ended
        made.stop()

    handing = asyncio.create_task(hand())
    yield
    await handing


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


@asynccontextmanager
async def pushed(made: Any, folder: Path) -> AsyncIterator[None]:
    """A list of Redis; the input is stopped when the server holds nothing of it any more."""
    client = Redis(port=int(BROKER["redis"]))
    await client.rpush(topic_of(folder), *(message.encode() for message in MESSAGES))

    async def stop() -> None:
        while await client.exists(topic_of(folder), f"{topic_of(folder)}:apex-logs"):
            await asyncio.sleep(0.02)
        made.stop()

    stopping = asyncio.create_task(stop())
    yield
    await stopping
    await client.aclose()


@asynccontextmanager
async def published(made: Any, folder: Path) -> AsyncIterator[None]:
    """A queue of RabbitMQ; the input is stopped when the broker has let go of all."""
    queue = topic_of(folder)
    connection = await aiormq.connect(f"amqp://127.0.0.1:{BROKER['rabbitmq']}/")
    channel = await connection.channel()
    await channel.queue_declare(queue, durable=True)
    for message in MESSAGES:
        await channel.basic_publish(message.encode(), routing_key=queue)

    async def stop() -> None:
        while made._consumer is None or made._consumer._link is None or not made._consumer._link.given:
            await asyncio.sleep(0.02)
        while made._consumer._link.open or (await channel.queue_declare(queue, passive=True)).message_count:
            await asyncio.sleep(0.02)
        made.stop()

    stopping = asyncio.create_task(stop())
    yield
    await stopping
    await channel.queue_delete(queue)
    await connection.close()


def numbered(line: bytes) -> bytes:
    return orjson.dumps([[0, line.decode(errors="replace")]])


def row(line: bytes) -> bytes:
    return orjson.dumps([{"message": line.decode(errors="replace")}])


def framed_message(line: bytes) -> bytes:
    return messages.packed([({}, line)])


@asynccontextmanager
async def beating(made: Any, folder: Path) -> AsyncIterator[None]:
    """Each beat says something else."""
    made.texts = itertools.cycle(MESSAGES)
    yield


@asynccontextmanager
async def printed(made: Any, folder: Path) -> AsyncIterator[None]:
    """Each run prints a line, and takes it away; the run that finds none waits until it is ended."""

    async def stop() -> None:
        while (folder / "in.log").stat().st_size:
            await asyncio.sleep(0.005)
        while not (folder / "waits").exists():
            await asyncio.sleep(0.005)
        made.stop()

    stopping = asyncio.create_task(stop())
    yield
    await stopping


CASES = {
    "beats": Case("beats {{ port => 0 {codec} }}", shipped, lambda line: compressed(json_frames([framed(line)]))),
    "dead_letter_queue": Case(
        'dead_letter_queue {{ path => "{folder}/dlq" sincedb_path => "{folder}/since" {codec} }}', given_up, letter
    ),
    "exec": Case(
        "exec {{ command => 'cd {folder}; test -s in.log || {{ touch waits; exec sleep 60; }}; "
        'head -n 1 in.log | tr -d "\\n"; sed -i 1d in.log\' interval => 0 {codec} }}',
        printed,
        framed_message,
    ),
    "file": Case(
        'file {{ path => "{folder}/in.log" mode => "read" exit_after_read => true file_completed_action => "log" '
        'file_completed_log_path => "{folder}/done" sincedb_path => "{folder}/since" {codec} }}',
        nothing,
    ),
    "generator": Case(
        'generator {{ lines => ["one", "two", "drei ☃", "four"] count => 1 {codec} }}', nothing, numbered
    ),
    "heartbeat": Case("heartbeat {{ count => 4 interval => 0 {codec} }}", beating, framed_message),
    "http": Case("http {{ port => 0 {codec} }}", posted, lambda line: line),
    "jdbc": Case(
        'jdbc {{ jdbc_connection_string => "jdbc:sqlite:{folder}/rows.db" {codec} '
        'statement => "SELECT message FROM lines ORDER BY n" }}',
        nothing,
        row,
    ),
    "kafka": Case(
        'kafka {{ bootstrap_servers => "{bootstrap}" topics => ["{topic}"] group_id => "{topic}" {codec} '
        'auto_offset_reset => "earliest" auto_commit_interval_ms => 50 }}',
        consumed,
        recorded,
    ),
    "pipeline": Case(
        'pipeline {{ address => "here" {codec} }}',
        handed,
        lambda line: write_event(arrive({"message": line.decode(errors="replace")})),
    ),
    "rabbitmq": Case(
        'rabbitmq {{ port => {rabbitmq} host => "127.0.0.1" queue => "{topic}" durable => true {codec} }}',
        published,
        framed_message,
        "codec => plain {}",
    ),
    "redis": Case(
        'redis {{ port => {redis} key => "{topic}" data_type => "list" {codec} }}',
        pushed,
        framed_message,
        "codec => plain {}",
    ),
    "stdin": Case("stdin {{ {codec} }}", piped),
    "syslog": Case("syslog {{ port => 0 {codec} }}", connected),
    "tcp": Case("tcp {{ port => 0 {codec} }}", connected),
    "udp": Case("udp {{ port => 0 {codec} }}", thrown, lambda line: packed("127.0.0.1", 1, line)),
}
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def framed(line: bytes) -> bytes:
    return orjson.dumps({"message": line.decode(errors="replace"), "log": {"offset": len(line)}})
