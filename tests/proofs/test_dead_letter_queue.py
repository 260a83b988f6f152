"""The dead letter queue of running engines: full, on a full disk, shared, and seen from beside."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.disk.letters import letters
from pipeline.disk.segments import segments
from tests.cli.program import APEX_LOGS, Running, invoke, until

FAIL = 'filter { uuid { target => "[message][x]" } } output { stdout {} }'


def dead(folder: Path) -> list[str]:
    return [letter.original.decode() for letter in letters(folder / "dead_letter_queue" / "main")]


def configured(folder: Path, text: str) -> list[str]:
    (folder / "logstash.yml").write_text(text)
    return ["--path.settings", str(folder), "--path.data", str(folder)]


def test_a_full_queue_stops_delivery_until_an_operator_makes_room(tmp_path: Path) -> None:
    source = tmp_path / "in.log"
    source.write_text("".join(f"line {number}\n" for number in range(100)))
    read = f'input {{ file {{ path => "{source}" start_position => "beginning" stat_interval => 0.05 }} }}'
    where = configured(tmp_path, "dead_letter_queue.max_bytes: 10kb\ndead_letter_queue.flush_interval: 1000\n")
    seen: list[str] = []
    with Running("-e", f"{read} {FAIL}", *where, cwd=tmp_path) as engine:
        while len(seen) < 100:
            if not seen:
                engine.says("THE DEAD LETTER QUEUE IS FULL")
            until(lambda: bool(dead(tmp_path)), lambda: str(engine.log))
            used = sum(path.stat().st_size for path in segments(tmp_path / "dead_letter_queue" / "main"))
            assert used <= 10 << 10
            out = invoke("dlq", "export", "--path.data", str(tmp_path)).out
            names = [json.loads(line) for line in out.splitlines()]
            seen += [letter["original"] for letter in names]
            invoke("dlq", "purge", *[letter["name"] for letter in names], "--path.data", str(tmp_path))
        engine.send(15)
        assert engine.wait() == 0
        [drained] = [line for line in engine.log if "drained" in line]
        assert "dead=100 " in drained
        assert " lost=0 " in drained
    assert seen == [f"line {number}" for number in range(100)]
    assert dead(tmp_path) == []


def test_a_full_disk_stops_delivery_until_there_is_room(tmp_path: Path) -> None:
    """RLIMIT_FSIZE refuses as a full disk does: in the middle of a record."""
    text = f"input {{ stdin {{}} }} {FAIL}"
    where = configured(tmp_path, "retry.initial_interval: 10ms\n")
    command = [APEX_LOGS, "run", "-e", text, *where]
    limit = (3000, resource.RLIM_INFINITY)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    ) as engine:
        try:
            assert engine.stdin is not None
            assert engine.stderr is not None
            long = "x" * 4000
            engine.stdin.write(f"short\n{long}\nafter\n")
            engine.stdin.close()
            for line in engine.stderr:
                if "dead letters cannot be written, and nothing is dropped" in line:
                    break
            resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            rest = engine.stderr.read()
            assert engine.wait(30) == 0
        finally:
            engine.kill()
    assert "dead=3" in rest
    assert dead(tmp_path) == ["short", long, "after"]


WRITE = """
import asyncio, sys
from pathlib import Path
from pipeline.delivery.dead_letters import Bounds, DeadLetter, DeadLetterQueue

async def write():
    queue = DeadLetterQueue(Path(sys.argv[1]), "p", Bounds(1 << 20))
    for number in range(60):
        await queue.put([DeadLetter("r", "p", f"{sys.argv[2]}-{number}".encode(), {})])
        print(number, flush=True)
    queue.close()

asyncio.run(write())
"""


def test_processes_that_share_a_folder(tmp_path: Path) -> None:
    """Two write, a third removes meanwhile: everything is seen once, and nothing that is written to is deleted."""
    folder = tmp_path / "dead_letter_queue" / "main"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(folder), name], stdout=subprocess.DEVNULL) for name in "ab"
    ]
    seen: list[str] = []
    try:
        while any(writer.poll() is None for writer in writers) or dead(tmp_path):
            exported = invoke("dlq", "export", "--path.data", str(tmp_path)).out.splitlines()
            found = [json.loads(line) for line in exported]
            if found:
                seen += [letter["original"] for letter in found]
                invoke("dlq", "purge", *[letter["name"] for letter in found], "--path.data", str(tmp_path))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(seen) == sorted(f"{name}-{number}" for name in "ab" for number in range(60))
    assert segments(folder) == []


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_loses_no_letter_that_was_taken(tmp_path: Path, attempt: int) -> None:
    """What `put` had returned for is there, whole; at most one more, that was under way."""
    folder = tmp_path / "dead_letter_queue" / "main"
    taken = -1
    with subprocess.Popen([sys.executable, "-c", WRITE, str(folder), "a"], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            taken = int(line)
            if taken == 10 + attempt * 7:
                writer.kill()
    found = dead(tmp_path)
    assert found == [f"a-{number}" for number in range(len(found))]
    assert len(found) - (taken + 1) in (0, 1)
    assert invoke("dlq", "purge", "--all", "--path.data", str(tmp_path)).code == 0
    assert segments(folder) == []
