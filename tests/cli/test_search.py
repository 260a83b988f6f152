import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime

import orjson
import pytest

from pipeline.store.writer import Operation, Writer
from tests.cli.running import run


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store")
    writer = Writer(path)
    old = {"@timestamp": "2026-01-02T03:04:05.006Z", "level": "error", "message": "disk full\x1b[2J\nnow", "n": [1, 2]}
    new = {"@timestamp": stamp(time.time() - 600), "log": {"level": "info"}, "message": "all well", "big": 2**70}
    writer.write("apex-old", [Operation("create", 'o"1', orjson.dumps(old))])
    writer.write("apex-new", [Operation("create", "n1", str(new).replace("'", '"').encode())])
    writer.close()
    return path


def test_a_line_for_each_hit(store):
    result = run("search", "disk", "--embedded", store)
    assert result.exit_code == 0
    assert result.stdout == r"2026-01-02 03:04:05.006 apex-old ERROR disk full\x1b[2J⏎now" + "\n"


def test_json(store):
    result = run("search", "--embedded", store, "--json")
    hits = [orjson.loads(text) for text in result.stdout.splitlines()]
    assert [(hit["_index"], hit["_id"], hit["_source"]["message"]) for hit in hits] == [
        ("apex-new", "n1", "all well"),
        ("apex-old", 'o"1', "disk full\x1b[2J\nnow"),
    ]
    assert list(hits[0]) == ["_index", "_id", "_source"]
    assert f'"big": {2**70}' in result.stdout  # as it was written


def test_chosen_fields(store):
    result = run("search", "--embedded", store, "--fields", "message, n,log.level")
    assert result.stdout == "all well\t\tinfo\ndisk full\\x1b[2J⏎now\t1, 2\t\n"
    result = run("search", "--embedded", store, "--fields", "message,n", "--json")
    assert result.stdout.splitlines() == ['{"message":"all well"}', r'{"message":"disk full\u001b[2J\nnow","n":[1,2]}']


def test_a_table(store):
    result = run("search", "n:*", "--embedded", store, "--fields", "level,n,missing", "--table")
    assert result.stdout == "level  n     missing\nerror  1, 2\n"
    assert run("search", "--embedded", store, "--table").stdout.startswith("@timestamp                level  message\n")


@pytest.mark.parametrize(
    ("arguments", "indices"),
    [
        (["*"], ["apex-new", "apex-old"]),
        (["*", "--limit", "1"], ["apex-new"]),
        (["*", "--index", "*-old"], ["apex-old"]),
        (["*", "--index", "*-old,*-new"], ["apex-new", "apex-old"]),
        (["*", "--last", "15m"], ["apex-new"]),
        (["*", "--last", "9m"], []),
        (["*", "--last", "100000d"], ["apex-new", "apex-old"]),
        (["*", "--from", "now-1h"], ["apex-new"]),
        (["*", "--to", "2026-01-02"], ["apex-old"]),
        (["*", "--to", "2026-01-01"], []),
        (["*", "--from", "2026-01-02", "--to", "2026-01-02T03:04:05"], ["apex-old"]),
        (["*", "--from", "2026-01-02T03:04:05.007", "--to", "2026-01-02"], []),
        (["level:error"], ["apex-old"]),
        (["not level:error"], ["apex-new"]),
        (["@timestamp > now-1h"], ["apex-new"]),
    ],
)
def test_what_is_found(store, arguments, indices):
    result = run("search", "--embedded", store, "--json", *arguments)
    assert [orjson.loads(text)["_index"] for text in result.stdout.splitlines()] == indices
    assert result.exit_code == 0


def test_no_hits(store):
    result = run("search", "nothing", "--embedded", store, "--last", "2h", "--json")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no hits for nothing in {store}, in the last 2h\n"


def test_no_store(tmp_path):
    result = run("search", "x", "--embedded", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"there is no embedded store in {tmp_path}; name its folder with --embedded,"
        f" or make one with: apex-logs run -f FILE.conf --embedded {tmp_path}\n"
    )


def test_a_broken_store(store, tmp_path):
    shutil.copytree(store, tmp_path / "broken")
    (tmp_path / "broken" / "indices" / "apex-old.sqlite").write_bytes(b"not a database at all" * 100)
    result = run("search", "x", "--embedded", tmp_path / "broken")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "apex-old.sqlite: file is not a database" in result.stderr


def test_a_query_that_cannot_be_read(store):
    result = run("search", "a or", "--embedded", store)
    assert result.exit_code == 2
    assert result.stderr == (
        "cannot read this query: a value, a phrase or field:value is missing here\n    a or\n        ^\n"
    )


@pytest.mark.parametrize("last", ["15", "m", "2 hours", "-1h", "1y"])
def test_an_age_that_cannot_be_read(store, last):
    result = run("search", "x", "--embedded", store, f"--last={last}")
    assert result.exit_code == 2
    assert result.stderr == f'--last takes a number and a unit, such as 15m, 2h or 7d; not "{last}"\n'


def test_times_that_cannot_be(store):
    assert "--from takes a date such as" in run("search", "--embedded", store, "--from", "yesterday").stderr
    assert "--to takes a date such as" in run("search", "--embedded", store, "--to", "").stderr
    both = run("search", "--embedded", store, "--from", "now-1d", "--last", "1d")
    assert (both.exit_code, both.stderr) == (2, "give --last or --from, not both\n")


def test_elasticsearch(elasticsearch, monkeypatch):
    monkeypatch.delenv("ELASTICSEARCH_API_KEY", raising=False)
    result = run("search", "--elasticsearch", elasticsearch.url, "--index", "no-such-*")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no hits for * in {elasticsearch.url}\n"
    refused = run("search", "--elasticsearch", "ftp://x")
    assert refused.exit_code == 2
    assert "it begins with http:// or https://" in refused.stderr
    away = run("search", "--elasticsearch", "http://user:secret@127.0.0.1:1")
    assert away.exit_code == 1
    assert "secret" not in away.stderr


def test_an_api_key_is_only_sent_over_tls(monkeypatch):
    monkeypatch.setenv("ELASTICSEARCH_API_KEY", "id:key")
    result = run("search", "--elasticsearch", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "an api_key is only sent over TLS" in result.stderr


def test_what_is_imported(store):
    """The command starts in no time, so it needs neither the pipeline's machinery nor aiohttp."""
    program = "import sys; from pipeline.cli.main import app; app(standalone_mode=False); print(*sys.modules)"
    arguments = ["search", "--embedded", str(store)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    loaded = set(re.split(r"\s", done.stdout))
    assert loaded & {"rich", "structlog", "aiohttp", "pipeline.plugin", "pipeline.options"} == set()
