import orjson

from pipeline.commands.indices import lines
from pipeline.store import files
from pipeline.store.reader import IndexSize
from pipeline.store.writer import Operation, Writer
from tests.cli.running import run


def test_a_table_with_totals():
    found = [IndexSize("apex-logs-2026.11.23", 1234567, 9876543210), IndexSize("b", 1, 4096)]
    assert lines(found) == [
        "index                 documents          bytes",
        "apex-logs-2026.11.23  1,234,567  9,876,543,210",
        "b                             1          4,096",
        "total                 1,234,568  9,876,547,306",
    ]


def stored(path):
    writer = Writer(path)
    writer.write("a", [Operation("create", "1", b"{}"), Operation("create", "2", b"{}")])
    writer.close()
    return path


def test_a_store(tmp_path):
    size = files.path_of(stored(tmp_path), "a").stat().st_size
    result = run("indices", "--embedded", tmp_path)
    assert result.exit_code == 0
    assert [text.split() for text in result.stdout.splitlines()] == [
        ["index", "documents", "bytes"],
        ["a", "2", f"{size:,}"],
        ["total", "2", f"{size:,}"],
    ]
    result = run("indices", "--embedded", tmp_path, "--json")
    assert orjson.loads(result.stdout) == [{"index": "a", "documents": 2, "bytes": size}]


def test_an_empty_store(tmp_path):
    with files.locked(tmp_path):
        pass
    assert run("indices", "--embedded", tmp_path, "--json").stdout == "[]\n"
    assert run("indices", "--embedded", tmp_path).stdout == "index  documents  bytes\ntotal          0      0\n"


def test_no_store(tmp_path):
    for command in ([], ["check"], ["vacuum"]):
        result = run("indices", *command, "--embedded", tmp_path)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"there is no embedded store in {tmp_path}; name its folder with --embedded")


def test_upkeep(tmp_path):
    stored(tmp_path)
    assert run("indices", "check", "--embedded", tmp_path).stdout == "a: sound\n"
    result = run("indices", "vacuum", "--embedded", tmp_path)
    assert (result.exit_code, result.stdout.split(": ")[0]) == (0, "a")
    (tmp_path / "indices" / "b.sqlite").write_bytes(b"not a database at all" * 100)
    result = run("indices", "check", "--embedded", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "a: sound\nb: file is not a database\n")
    assert "move a damaged file out of the folder" in result.stderr
