import orjson
import typer
from typer.testing import CliRunner

from pipeline.cli.indices import indices, table
from pipeline.store import files
from pipeline.store.reader import IndexSize
from pipeline.store.writer import Operation, Writer


def run(*arguments):
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(indices)
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_table_with_totals():
    found = [IndexSize("apex-logs-2026.11.23", 1234567, 9876543210), IndexSize("b", 1, 4096)]
    assert list(table(found)) == [
        "index                 documents          bytes",
        "apex-logs-2026.11.23  1,234,567  9,876,543,210",
        "b                             1          4,096",
        "total                 1,234,568  9,876,547,306",
    ]


def test_a_store(tmp_path):
    writer = Writer(tmp_path)
    writer.write("a", [Operation("create", "1", b"{}"), Operation("create", "2", b"{}")])
    writer.close()
    size = files.path_of(tmp_path, "a").stat().st_size
    result = run("--embedded", tmp_path)
    assert result.exit_code == 0
    assert [text.split() for text in result.stdout.splitlines()] == [
        ["index", "documents", "bytes"],
        ["a", "2", f"{size:,}"],
        ["total", "2", f"{size:,}"],
    ]
    result = run("--embedded", tmp_path, "--json")
    assert orjson.loads(result.stdout) == [{"index": "a", "documents": 2, "bytes": size}]


def test_an_empty_store(tmp_path):
    with files.locked(tmp_path):
        pass
    assert run("--embedded", tmp_path, "--json").stdout == "[]\n"
    assert run("--embedded", tmp_path).stdout == "index  documents  bytes\ntotal          0      0\n"


def test_no_store(tmp_path):
    result = run("--embedded", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"there is no embedded store in {tmp_path}; name its folder with --embedded")
