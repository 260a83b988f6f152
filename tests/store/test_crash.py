"""`kill -9` in the middle of writing: what was reported as written is there, each id once, and the file is sound."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

from pipeline.kql.query import compile_query
from pipeline.store import files
from pipeline.store.reader import Scope, Search, load, search
from pipeline.store.writer import Operation, Writer

WRITER = """
import sys
from pathlib import Path
from pipeline.store.writer import Operation, Writer

writer = Writer(Path(sys.argv[1]))
body = int(sys.argv[2])
while True:
    source = b'{"@timestamp":"2026-11-23T09:00:00.000Z","message":"body%d %s"}'
    writer.write("a", [Operation("create", f"{body}-{item}", source % (body, b"x" * item)) for item in range(100)])
    print(body, flush=True)
    body += 1
"""


def killed(path, start: int, moment: float) -> int:
    """Writes bodies from a number on, until it is killed; the number of the last one that was reported."""
    command = [sys.executable, "-c", WRITER, str(path), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        reported = process.stdout.readline()
        time.sleep(moment)
        process.kill()
        return int((reported + process.stdout.read()).split()[-1])


def test_kill_9(tmp_path):
    draw = random.Random(5)
    reported = -1
    for _ in range(4):
        reported = killed(tmp_path, max(reported, 0), draw.random() * 0.1)
        hits = search(tmp_path, Search(Scope(compile_query("body*")), 1_000_000))
        found = [hit.id for hit in hits]
        assert len(found) == len(set(found))
        assert {f"{body}-{item}" for body in range(reported + 1) for item in range(100)} <= set(found)
        assert len(found) in ((reported + 1) * 100, (reported + 2) * 100)  # the one it died with, whole or not at all
        assert all(load(hit.source)["message"].startswith(f"body{hit.id.split('-')[0]} ") for hit in hits)
    writer = Writer(tmp_path)
    assert writer.write("a", [Operation("create", f"0-{item}", b"{}") for item in range(100)]).duplicates == 100
    writer.close()
    with closing(sqlite3.connect(files.path_of(tmp_path, "a"), isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")
