"""A process is killed while it reads from RabbitMQ, and from a list of Redis: every message comes out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiormq
import pytest
from redis import Redis

MESSAGES = 3000
PATIENCE = 120.0


def written(folder: Path) -> list[str]:
    path = folder / "out.txt"
    return path.read_text().splitlines() if path.exists() else []


def run(folder: Path, text: str) -> subprocess.Popen[bytes]:
    config = folder / "main.conf"
    output = f'file {{ path => "{folder}/out.txt" codec => line {{ format => "%{{message}}" }} }}'
    config.write_text(f"input {{ {text} }} output {{ {output} }}")
    command = [
        str(Path(sys.executable).with_name("apex-logs")),
        "run",
        "-f",
        str(config),
        "--path.data",
        str(folder / "data"),
    ]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def killed_and_run_again(folder: Path, text: str) -> list[str]:
    first = run(folder, text)
    deadline = time.monotonic() + PATIENCE
    while not written(folder):
        assert first.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    before = len(set(written(folder)))
    second = run(folder, text)
    try:
        while len(set(written(folder))) < MESSAGES and time.monotonic() < deadline:
            assert second.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
    finally:
        second.terminate()
        second.wait()
    assert before < MESSAGES, "it was killed too late to prove anything"
    return written(folder)


async def publish(port: int, queue: str) -> None:
    connection = await aiormq.connect(f"amqp://127.0.0.1:{port}/")
    channel = await connection.channel()
    await channel.queue_declare(queue, durable=True)
    for number in range(MESSAGES):
        await channel.basic_publish(str(number).encode(), routing_key=queue)
    await connection.close()


async def left(port: int, queue: str) -> int | None:
    connection = await aiormq.connect(f"amqp://127.0.0.1:{port}/")
    declared = await (await connection.channel()).queue_declare(queue, passive=True)
    await connection.close()
    return declared.message_count


def test_rabbitmq(rabbitmq_server, tmp_path):
    port = rabbitmq_server.port
    asyncio.run(publish(port, "killed"))
    text = f'rabbitmq {{ host => "127.0.0.1" port => {port} queue => "killed" durable => true codec => plain }}'
    found = killed_and_run_again(tmp_path, text)
    assert sorted(set(found), key=int) == [str(number) for number in range(MESSAGES)]
    assert asyncio.run(left(port, "killed")) == 0


@pytest.mark.long
def test_redis(redis_server, tmp_path):
    """What the dead process had taken comes when its sign of life has expired, after 30 seconds."""
    with Redis(port=redis_server.port) as client:
        client.rpush("killed", *range(MESSAGES))
        text = f'redis {{ port => {redis_server.port} key => "killed" data_type => "list" codec => plain }}'
        found = killed_and_run_again(tmp_path, text)
        assert sorted(set(found), key=int) == [str(number) for number in range(MESSAGES)]
        assert client.keys("killed*") == []
