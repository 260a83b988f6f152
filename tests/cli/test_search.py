import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

import orjson
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.search import line, search
from pipeline.store.reader import Hit
from pipeline.store.writer import Operation, Writer


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store")
    writer = Writer(path)
    old = {"@timestamp": "2026-01-02T03:04:05.006Z", "level": "error", "message": "disk full\x1b[2J\nnow"}
    new = {"@timestamp": stamp(time.time() - 600), "log": {"level": "info"}, "message": "all well"}
    writer.write("apex-old", [Operation("create", 'o"1', orjson.dumps(old))])
    writer.write("apex-new", [Operation("create", "n1", orjson.dumps(new))])
    writer.close()
    return path


def run(*arguments):
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(search)
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_line_for_each_hit(store):
    result = run("error", "--embedded", store)
    assert result.exit_code == 0
    assert result.stdout == r"2026-01-02 03:04:05.006 apex-old ERROR disk full\x1b[2J⏎now" + "\n"


def test_json(store):
    result = run("--embedded", store, "--json")
    hits = [orjson.loads(text) for text in result.stdout.splitlines()]
    assert [(hit["_index"], hit["_id"], hit["_source"]["message"]) for hit in hits] == [
        ("apex-new", "n1", "all well"),
        ("apex-old", 'o"1', "disk full\x1b[2J\nnow"),
    ]
    assert list(hits[0]) == ["_index", "_id", "_source"]


@pytest.mark.parametrize(
    ("arguments", "indices"),
    [
        (["*"], ["apex-new", "apex-old"]),
        (["*", "--limit", "1"], ["apex-new"]),
        (["*", "--index", "*-old"], ["apex-old"]),
        (["*", "--last", "15m"], ["apex-new"]),
        (["*", "--last", "9m"], []),
        (["*", "--last", "2h"], ["apex-new"]),
        (["*", "--last", "100000d"], ["apex-new", "apex-old"]),
        (["level:error"], ["apex-old"]),
        (["--", "-level:error"], ["apex-new"]),
    ],
)
def test_what_is_found(store, arguments, indices):
    result = run("--embedded", store, "--json", *arguments)
    assert [orjson.loads(text)["_index"] for text in result.stdout.splitlines()] == indices
    assert result.exit_code == 0


def test_no_hits(store):
    result = run("nothing", "--embedded", store, "--last", "2h", "--json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no hits for nothing in {store}, in the last 2h\n"


def test_no_store(tmp_path):
    result = run("x", "--embedded", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"there is no embedded store in {tmp_path}; name its folder with --embedded,"
        f" or make one with: apex-logs run -f FILE.conf --embedded {tmp_path}\n"
    )


def test_a_broken_store(store, tmp_path):
    shutil.copytree(store, tmp_path / "broken")
    (tmp_path / "broken" / "indices" / "apex-old.sqlite").write_bytes(b"not a database at all" * 100)
    result = run("x", "--embedded", tmp_path / "broken")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "apex-old.sqlite: file is not a database" in result.stderr


def test_a_query_that_cannot_be_read(store):
    result = run("a OR", "--embedded", store)
    assert result.exit_code == 2
    assert result.stderr == (
        "cannot read this query: a word, a phrase or field:value is missing here\n    a OR\n        ^\n"
    )


@pytest.mark.parametrize("last", ["15", "m", "2 hours", "-1h", "1y"])
def test_an_age_that_cannot_be_read(store, last):
    result = run("x", "--embedded", store, f"--last={last}")
    assert result.exit_code == 2
    assert result.stderr == f'--last takes a number and a unit, such as 15m, 2h or 7d; not "{last}"\n'


@pytest.mark.parametrize(
    ("timestamp", "document", "width", "expected"),
    [
        (0, {"message": "hello"}, 0, "1970-01-01 00:00:00.000 i hello"),
        (0, {"message": "hello", "level": "warn"}, 0, "1970-01-01 00:00:00.000 i WARN hello"),
        (0, {"message": "hello", "log": {"level": "warn"}, "level": "x"}, 0, "1970-01-01 00:00:00.000 i WARN hello"),
        (0, {"message": "hello"}, 28, "1970-01-01 00:00:00.000 i h…"),
        (0, {"message": "hello"}, 31, "1970-01-01 00:00:00.000 i hello"),
        (-1, {"@timestamp": "x", "@version": "1", "a": {"b": 1}}, 0, '1969-12-31 23:59:59.999 i {"a":{"b":1}}'),
        (None, {"message": ["a"]}, 0, '----------------------- i {"message":["a"]}'),
        (10**17, {"message": "far"}, 0, "100000000000000000 i far"),
    ],
)
def test_a_line(timestamp, document, width, expected):
    assert line(Hit(timestamp, "i", "1", orjson.dumps(document)), width) == expected


def test_what_is_imported(store):
    """The command starts in no time, so it needs neither the pipeline's machinery nor rich."""
    program = (
        "import sys; from pathlib import Path; from pipeline.cli.search import search;"
        "search('*', embedded=Path(sys.argv[1]), last=None, limit=1, index='*', as_json=True);"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store)], capture_output=True, text=True, check=True)
    loaded = set(re.split(r"\s", done.stdout))
    assert (
        loaded & {"pydantic", "rich", "asyncio", "structlog", "aiohttp", "pipeline.plugin", "pipeline.options"} == set()
    )
