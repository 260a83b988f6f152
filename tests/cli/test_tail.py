import asyncio
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from pipeline.search import embedded
from pipeline.search.following import following
from pipeline.search.questions import Question
from pipeline.store.writer import Operation, Writer
from tests.cli.running import run

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def document(seconds, **more):
    moment = NOON + timedelta(seconds=seconds)
    return orjson.dumps({"@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), **more})


def create(name, seconds, **more):
    return Operation("create", name, document(seconds, **more))


@pytest.fixture
def writer(tmp_path):
    writer = Writer(tmp_path)
    writer.write("a", [create(f"d{number}", number, level="info", message=f"line {number}") for number in range(20)])
    yield writer
    writer.close()


def test_the_newest_come_last(writer, tmp_path):
    result = run("tail", "--embedded", tmp_path, "-n", "2", "--fields", "message")
    assert (result.exit_code, result.stdout) == (0, "line 18\nline 19\n")
    assert run("tail", "level:error", "--embedded", tmp_path).stdout == ""


def test_what_comes_is_given_once_and_in_order(writer, tmp_path):
    batches = [
        [create("new1", 21), create("new0", 20.5)],
        [create("late", 12), create("same", 21)],  # 9 s behind the newest one, and at its time
        [create("too-late", 1), create("new2", 40)],
        [create("new3", 40)],
    ]

    async def follow():
        got = []
        async with embedded.opened(tmp_path) as store:
            shown = (await store.search(Question(), limit=3)).hits
            stream = following(store, Question(), shown, 0.01)
            for batch in batches:
                pending = asyncio.ensure_future(anext(stream))
                await asyncio.sleep(0.2)  # it has looked, and found nothing
                assert not pending.done()
                await asyncio.to_thread(writer.write, "b", batch)
                got.append([hit.id for hit in await asyncio.wait_for(pending, 30)])
            await stream.aclose()
        return got

    assert asyncio.run(follow()) == [["new0", "new1"], ["late", "same"], ["new2"], ["new3"]]


def test_a_store_without_times_and_a_first_document(tmp_path):
    writer = Writer(tmp_path)
    writer.write("a", [Operation("create", "timeless", b"{}")])

    async def follow():
        async with embedded.opened(tmp_path) as store:
            shown = (await store.search(Question(), limit=3)).hits
            stream = following(store, Question(), shown, 0.01)
            pending = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(writer.write, "a", [create("first", 0)])
            found = [hit.id for hit in await asyncio.wait_for(pending, 30)]
            await stream.aclose()
            return found

    assert asyncio.run(follow()) == ["first"]
    writer.close()


def test_follow_until_ctrl_c(writer, tmp_path):
    program = "from pipeline.cli.main import main; main()"
    arguments = ["tail", "-f", "level:error", "--embedded", str(tmp_path), "--interval", "0.1", "--fields", "message"]
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE) as process:
        for number in range(20):
            writer.write("a", [create(f"e{number}", 30 + number, level="error", message=f"error {number}")])
            time.sleep(0.05)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 130
    numbers = [int(line.split()[1]) for line in (first + rest).decode().splitlines()]
    assert numbers == sorted(set(numbers))
    assert numbers != []
