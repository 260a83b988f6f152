import orjson
import pytest

from pipeline.store.writer import Operation, Writer
from tests.cli.running import run


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store")
    writer = Writer(path)
    documents = [
        {"route": ["/a", "/b\x1b[2J"][number % 4 == 0], "duration_ms": number * 1.5, "ok": number % 2 == 0}
        for number in range(100)
    ]
    writer.write("i", [Operation("create", str(n), orjson.dumps(each)) for n, each in enumerate(documents)])
    writer.close()
    return path


def test_by_a_field_with_percentiles(store):
    result = run("stats", "--by", "route", "--percentiles", "duration_ms", "--embedded", store)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "route      count   share  duration_ms p50  duration_ms p95  duration_ms p99",
        "/a            75  75.0 %               75           141.45           147.39",
        r"/b\x1b[2J     25  25.0 %               72            136.8           142.56",
    ]


def test_json(store):
    result = run(
        "stats", "duration_ms < 6", "--by", "ok", "--percentiles", "duration_ms", "--embedded", store, "--json"
    )
    found = orjson.loads(result.stdout)
    assert found["documents"] == 4
    assert [(group["ok"], group["count"]) for group in found["groups"]] == [(False, 2), (True, 2)]
    assert found["groups"][0]["percentiles"]["duration_ms"] == pytest.approx({"p50": 3.0, "p95": 4.35, "p99": 4.47})


def test_all_together(store):
    assert run("stats", "--embedded", store).stdout.splitlines() == ["     count    share", "all    100  100.0 %"]
    nothing = run("stats", "nothing", "--by", "route", "--embedded", store)
    assert (nothing.exit_code, nothing.stdout) == (0, "route  count  share\n")


def test_no_store(tmp_path):
    assert run("stats", "--embedded", tmp_path).exit_code == 2
