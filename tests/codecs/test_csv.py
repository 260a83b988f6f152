from __future__ import annotations

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from tests.harness import context, planned


def made(options="", ecs="disabled"):
    plan = planned(f"input {{ generator {{ codec => csv {{ {options} }} }} }}", ecs=ecs)
    [one] = build(plan, context()).inputs
    return one.input.codec


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        ("", b"a,b", [{"column1": "a", "column2": "b"}]),
        ('columns => ["x"]', b'"a,""b""",c,', [{"x": 'a,"b"', "column2": "c", "column3": None}]),
        ('columns => ["x", "y"] convert => { "y" => "integer" }', b"a,5\n", [{"x": "a", "y": 5}]),
        ('separator => ";" target => "t" columns => ["x"]', b"1;2", [{"t": {"x": "1", "column2": "2"}}]),
        ('columns => ["x"] autogenerate_column_names => false', b"a,b", [{"x": "a"}]),
        ("skip_empty_columns => true", b"a,,c", [{"column1": "a", "column3": "c"}]),
        ("", b'a,"b', [{"message": 'a,"b', "tags": ["_csvparsefailure"]}]),
        ('charset => "ISO-8859-1"', b"\xe4", [{"column1": "ä"}]),
        ("", b'a,"b\nc"', [{"column1": "a", "column2": "b\nc"}]),
        ('columns => ["[a][b]"]', b"x", [{"a": {"b": "x"}}]),
    ],
)
def test_read(options, data, expected):
    assert list(made(options).decode(data)) == expected


def test_a_stream_is_read_line_by_line_and_ecs_keeps_the_line():
    streaming = made('columns => ["x"]', "v8").streaming()
    assert streaming.cut(b"a\nb\nc") == 4
    assert list(streaming.decode(b"a\nb\n")) == [
        {"x": "a", "event": {"original": "a"}},
        {"x": "b", "event": {"original": "b"}},
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", b'1,"a,b",,"{""k"":1}"\n'), ('columns => ["t", "[o][k]"]', b'"a,b",1\n')],
)
def test_written(options, expected):
    assert made(options).encode(Event({"n": 1, "t": "a,b", "e": None, "o": {"k": 1}})) == expected


def test_what_would_need_memory_is_refused():
    for option, said in (("autodetect_column_names", "csv filter"), ("include_headers", "first event")):
        with pytest.raises(ConfigurationError, match=said):
            made(f"{option} => true")
