"""`apex-logs indices expire`: in the embedded store, and in a real Elasticsearch."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import files
from pipeline.store.writer import Operation, Writer
from tests.cli.program import invoke
from tests.servers.elasticsearch_node import Server


def store(folder: Path, **ages: float) -> str:
    """A store of indices that were made so many days ago."""
    writer = Writer(folder)
    for name in ages:
        writer.write(name.replace("_", "."), [Operation("create", "1", b"{}")])
    writer.close()
    for name, days in ages.items():
        with closing(sqlite3.connect(files.path_of(folder, name.replace("_", ".")))) as connection, connection:
            connection.execute("UPDATE facts SET value = ? WHERE name = 'created'", (time.time() - days * 86400,))
    return str(folder)


def names(folder: str) -> list[str]:
    return [each["index"] for each in json.loads(invoke("indices", "--embedded", folder, "--json").out)]


def test_the_embedded_store_by_creation(tmp_path: Path) -> None:
    where = store(tmp_path, a_2020_01_01=1, b_2999_01_01=40)
    options = ["indices", "expire", "--older-than", "30d", "--embedded", where]
    assert invoke(*options, "--dry-run") == (0, "b.2999.01.01: would drop\n", "")
    assert names(where) == ["a.2020.01.01", "b.2999.01.01"]
    assert invoke(*options) == (0, "b.2999.01.01: dropped\n", "")
    assert invoke(*options) == (0, "no index is older than 30d\n", "")
    assert names(where) == ["a.2020.01.01"]


def test_the_embedded_store_by_name(tmp_path: Path) -> None:
    where = store(tmp_path, a_2020_01_01=1, b_2999_01_01=40, no_day=40)
    options = ["--older-than", "4w", "--embedded", where, "--by", "name"]
    assert invoke("indices", "expire", *options) == (0, "a.2020.01.01: dropped\n", "")
    assert names(where) == ["b.2999.01.01", "no.day"]


def call(url: str, method: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_elasticsearch(elasticsearch: Server) -> None:
    url = elasticsearch.url
    old, new, other = "expire-test-2020.01.01", "expire-test-2999.01.01", "expire-other-2020.01.01"
    for name in (old, new, other):
        call(f"{url}/{name}", "PUT", {"aliases": {"expire-test-alias": {}}})
    options = ["indices", "expire", "--elasticsearch", url, "--index", "expire-test-*"]
    assert invoke(*options, "--older-than", "1h") == (0, "no index is older than 1h\n", "")
    alias = invoke("indices", "expire", "--elasticsearch", url, "--index", "expire-test-alias", "--older-than", "1h")
    assert (alias.code, alias.out) == (2, "")
    assert f"expire-test-alias is an alias of {other}, {old}, {new}: name the indices" in alias.err
    by_name = [*options, "--older-than", "30d", "--by", "name"]
    assert invoke(*by_name, "--dry-run") == (0, f"{old}: would drop\n", "")
    assert invoke(*by_name) == (0, f"{old}: dropped\n", "")
    assert set(call(f"{url}/expire-*/_settings", "GET")) == {new, other}, "what only an alias leads to is not dropped"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--older-than", "soon"], '--older-than takes a number and a unit, such as 12h, 30d or 4w; not "soon"'),
        (["--older-than", "0d"], 'not "0d"'),
        (["--older-than", "1d", "--elasticsearch", "http://x", "--index", "*"], "would be any index"),
        (["--older-than", "1d", "--elasticsearch", "http://x", "--index", "*-logs"], "would be any index"),
        (["--older-than", "1d", "--elasticsearch", "http://x", "--index", "a-*,b-*"], "is no single glob"),
        (["--older-than", "1d", "--elasticsearch", "http://x", "--index", "a-?"], "is no single glob"),
        (["--older-than", "1d", "--embedded", "/nowhere"], "there is no embedded store in /nowhere"),
    ],
)
def test_what_cannot_be(tmp_path: Path, options: list[str], reason: str) -> None:
    where = [] if "--embedded" in options else ["--embedded", store(tmp_path, a=1)]
    answer = invoke("indices", "expire", *options, *where)
    assert (answer.code, answer.out) == (2, "")
    assert reason in answer.err
