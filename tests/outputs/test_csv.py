"""The lines of the csv output; how files are written is the file output's test."""

from __future__ import annotations

import asyncio

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from pipeline.plugin import Body
from tests.harness import context, planned

DOCUMENT = {
    "t": "a,b",
    "n": 5,
    "f": 1e10,
    "o": {"x": [1]},
    "e": "",
    "q": 'say "x"',
    "s": "=1+1",
    "m": -3,
    "u": "☃",
    "w": " x\t",
}


def output(text):
    [(made, _)] = build(planned(f"output {{ csv {{ {text} }} }}"), context()).outputs.values()
    return made


def line(options, document=DOCUMENT):
    body = bytearray()
    output(f'path => "/x" {options}').render(Event(dict(document)), body)
    return body.decode()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('fields => ["t", "n", "missing", "u"]', '"a,b",5,,☃\n'),
        ('fields => ["[o][x]", "o", "f"]', '[1],"{""x"":[1]}",10000000000.0\n'),
        ('fields => ["e", "q"]', '"","say ""x"""\n'),
        ('fields => ["w", "u"]', " x\t,☃\n"),
        ('fields => ["t", "u"] csv_options => { "col_sep" => "::" }', "a,b::☃\n"),
        ('fields => ["w", "u"] csv_options => { "col_sep" => "ox" }', '" x\t"ox☃\n'),
        ('fields => ["s", "m"]', "'=1+1,-3\n"),
        ('fields => ["s"] spreadsheet_safe => false', "=1+1\n"),
        ('fields => ["t", "n"] csv_options => { "col_sep" => "\\t" "row_sep" => "\\r\\n" }', "a,b\t5\r\n"),
        ('fields => ["t", "n"] csv_options => { "force_quotes" => true "quote_char" => "\'" }', "'a,b','5'\n"),
    ],
)
def test_lines(options, expected):
    assert line(options) == expected


def test_arrays_and_what_is_no_formula():
    """An array is Ruby's text of it, as `to_csv` in logstash-output-csv writes it; numbers keep their sign."""
    document = {"l": ["a", None, {"b": 1}], "n": "-5", "p": "+3.5", "d": "-", "f": "-1+1", "a": "@x", "h": "--x"}
    shown = '"[""a"", nil, {""b""=>1}]",-5,+3.5,-,\'-1+1,\'@x,\'--x\n'
    assert line('fields => ["l", "n", "p", "d", "f", "a", "h"]', document) == shown


def test_the_path_is_the_events_own(tmp_path):
    async def run():
        made = output(f'path => "{tmp_path}/%{{k}}.csv" fields => ["n"]')
        body = Body()
        for number in range(4):
            made.render(Event({"k": "ab"[number % 2], "n": number}), body.data)
            body.ends.append(len(body.data))
        answer = await made.send(body)
        await made.close()
        return answer

    assert asyncio.run(run()).again == []
    assert (tmp_path / "a.csv").read_text() == "0\n2\n"
    assert (tmp_path / "b.csv").read_text() == "1\n3\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "fields"),
        ('fields => ["a"] csv_options => { "headers" => true }', 'no "headers"'),
        ('fields => ["a"] csv_options => { "quote_char" => "xx" }', "one character"),
        ('fields => ["a"] csv_options => { "col_sep" => \'"\' }', "must differ"),
    ],
)
def test_faults(options, said):
    with pytest.raises(ConfigurationError, match=said):
        line(options)
