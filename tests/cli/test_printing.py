import orjson
import pytest

from pipeline.commands.printing import dumped, line_of, table
from pipeline.search.questions import Found


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
    assert line_of(Found("i", "1", timestamp, document, orjson.dumps(document)), width) == expected


def test_a_table_is_aligned_and_cells_are_cut():
    assert table(["a", "n"], [["x" * 70, "1"], ["y", "1,000"]], right=frozenset({1})) == [
        "a" + " " * 59 + "      n",
        "x" * 59 + "…      1",
        "y" + " " * 59 + "  1,000",
    ]


def test_cut_surrogates_are_written():
    assert dumped({"a": "\ud800"}) == '{"a": "\\ud800"}'
