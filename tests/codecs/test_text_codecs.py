import pytest

from pipeline.codecs import dots, json, json_lines, line, plain, rubydebug
from pipeline.event import Event
from pipeline.options import PluginOptions
from pipeline.texts.codecs import Picker, python_charset


def codec(module, **options):
    return module.build(module.Options(**options))


def decoded(module, data, **options):
    made = codec(module, **options)
    return list(made.decode(data))


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"  a \r\nb\t\n", ["  a \r", "b\t"]),
        (b"a\nunfinished", ["a", "unfinished"]),
        (b"bar \xad and \xc3\n", ["bar \\xAD and \\xC3"]),
        (b"foo \xed\xb9\x81\xc3", ["foo \\xED\\xB9\\x81\\xC3"]),
        ("München 😀\n".encode(), ["München 😀"]),
    ],
)
def test_line_decodes(data, messages):
    assert [fields["message"] for fields in decoded(line, data)] == messages


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("ISO-8859-1", b"\xe0 Montr\xe9al", "à Montréal"),
        ("ASCII-8BIT", b"\xe0 Montr\xe9al", "\ufffd Montr\ufffdal"),
        ("CP1252", b"\x80", "€"),
        ("Windows-31J", "日本".encode("cp932"), "日本"),
        ("macRoman", b"\x8e", "é"),
    ],
)
def test_charsets(charset, data, text):
    assert decoded(line, data, charset=charset, ecs_compatibility="disabled") == [{"message": text}]


def test_a_line_is_kept_in_ecs_mode():
    """As `new_event_from_line` in logstash-codec-line does; seen in the output of a tcp input of Logstash 8.8."""
    assert decoded(line, b"\xe9\nb", charset="ISO-8859-1") == [
        {"message": "é", "event": {"original": "é"}},
        {"message": "b", "event": {"original": "b"}},
    ]


def test_a_charset_that_python_lacks_is_refused():
    with pytest.raises(ValueError, match="there is no charset"):
        line.Options(charset="EUC-TW")
    assert python_charset("locale") == "utf-8"


@pytest.mark.parametrize(
    ("data", "final", "whole"),
    [(b"", False, 0), (b"ab", False, 0), (b"ab", True, 2), (b"ab\nc", False, 3), (b"ab\nc\n", False, 5)],
)
def test_cut(data, final, whole):
    for module in (line, json_lines):
        assert codec(module).cut(data, final=final) == whole


def test_cut_at_another_delimiter():
    made = codec(line, delimiter="||")
    assert made.cut(b"a||b|") == 3
    assert [fields["message"] for fields in made.decode(b"a|b||c")] == ["a|b", "c"]
    assert made.encode(Event({"message": "m"})) == b"%{host} m||"


def test_a_line_over_the_limit_is_cut():
    assert codec(json_lines, decode_size_limit_bytes=5).cut(b"{}\n" + b"x" * 6) == 9


def test_plain_is_one_event_and_lines_in_a_stream():
    made = codec(plain, ecs_compatibility="v8")
    assert made.cut(b"a\nb") == 3
    assert list(made.decode(b"a\nb")) == [{"message": "a\nb", "event": {"original": "a\nb"}}]
    assert [fields["message"] for fields in made.streaming().decode(b"a\nb\n")] == ["a", "b"]
    assert [fields["message"] for fields in made.streaming(b"|").decode(b"a|b")] == ["a", "b"]
    assert decoded(plain, b"a", ecs_compatibility="disabled") == [{"message": "a"}]


EVENT = Event(
    {"@timestamp": "2020-01-01T00:00:00.000Z", "host": {"name": "h"}, "message": "m", "n": 5, "o": {"k": "v"}}
)


@pytest.mark.parametrize(
    ("module", "options", "written"),
    [
        (plain, {}, b"2020-01-01T00:00:00.000Z {name=h} m"),
        (plain, {"format": "%{[o][k]} %{n};"}, b"v 5;"),
        (line, {"format": "%{n}"}, b"5\n"),
        (dots, {}, b"."),
        (json, {}, b'{"@timestamp":"2020-01-01T00:00:00.000Z","host":{"name":"h"},"message":"m","n":5,"o":{"k":"v"}}'),
    ],
)
def test_encode(module, options, written):
    assert codec(module, **options).encode(EVENT) == written


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b'\n{"a":1}\n\n  \n{"b":2}\n\n', [{"a": 1}, {"b": 2}]),
        (
            b'123\n"hello"\nnull\n',
            [{"message": text, "tags": ["_jsonparsefailure"]} for text in ("123", '"hello"', "null")],
        ),
        (b'[{"a":1},{"a":2}]\n[]\n{"a":3}', [{"a": 1}, {"a": 2}, {"a": 3}]),
        (b"[1]\n", [{"message": "[1]", "tags": ["_jsonparsefailure"]}]),
        (b'{"a":1} x\n', [{"message": '{"a":1} x', "tags": ["_jsonparsefailure"]}]),
        (b'{"a":NaN}\n', [{"message": '{"a":NaN}', "tags": ["_jsonparsefailure"]}]),
        (b'{"a":"\\ud83d"}\n', [{"a": "\ud83d"}]),
        (b'{"m":"\\u00fc \\ud83d\\ude00"}\n', [{"m": "ü 😀"}]),
        (b'{"a":"\xad"}\n', [{"message": '{\\"a\\":\\"\\xAD\\"}', "tags": ["_jsonparsefailure"]}]),
    ],
)
def test_json_lines_decodes(data, events):
    assert decoded(json_lines, data) == events


def test_json_in_another_charset_and_under_a_target():
    options = {"charset": "CP1252", "target": "[doc]"}
    assert decoded(json_lines, b'{"a":"\xe9"}\nbad\n', **options) == [
        {"doc": {"a": "é"}},
        {"message": "bad", "tags": ["_jsonparsefailure"]},
    ]


def test_json_keeps_the_original_in_ecs_mode():
    assert decoded(json, b'{"a":1}') == [{"a": 1, "event": {"original": '{"a":1}'}}]
    assert decoded(json, b'{"event":{"original":"x"}}') == [{"event": {"original": "x"}}]
    assert decoded(json, b'{"event":"GET"}') == [{"event": "GET"}]
    assert decoded(json, b'{"a":1}', ecs_compatibility="disabled") == [{"a": 1}]


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"a": "\ud83d"}, b'{"a":"\\ud83d"}\n'),
        ({"a": 1 << 70}, b'{"a":1180591620717411303424}\n'),
        ({"b": [1, {"c": None}]}, b'{"b":[1,{"c":null}]}\n'),
    ],
)
def test_json_lines_encodes(fields, written):
    assert codec(json_lines).encode(Event(fields, {"not": "written"})) == written


def test_pick_gives_a_line_by_its_number():
    made = codec(json_lines)
    data = b'{"a":1}\n\n[{"a":2},{"a":3}]\n{"a":4}\n'
    assert [Picker(made)(data, ordinal) for ordinal in range(4)] == [
        b'{"a":1}',
        b"\n",
        b'[{"a":2},{"a":3}]',
        b'{"a":4}',
    ]


SHOWN = """{
    "@timestamp" => 2026-11-23T12:23:31.624Z,
       "message" => "a\\"b",
          "host" => {
        "name" => "x",
          "os" => {
            "v" => 1.5
        }
    },
          "tags" => [
        [0] "a",
        [1] "b"
    ],
             "n" => nil,
             "e" => {},
             "l" => [],
             "t" => true,
     "@metadata" => {
        "p" => 1
    }
}
"""


def test_rubydebug():
    fields = {
        "@timestamp": "2026-11-23T12:23:31.624Z",
        "message": 'a"b',
        "host": {"name": "x", "os": {"v": 1.5}},
        "tags": ["a", "b"],
        "n": None,
        "e": {},
        "l": [],
        "t": True,
    }
    assert codec(rubydebug, metadata=True).encode(Event(fields, {"p": 1})).decode() == SHOWN
    assert codec(rubydebug, metadata=True).encode(Event({})) == b"{}\n"


def test_rubydebug_numbers_long_arrays_in_a_column():
    shown = rubydebug.shown(list(range(11)), 4)
    assert shown.splitlines()[1] == "    [ 0] 0,"
    assert rubydebug.shown(1e30) == "1.0e+30"


@pytest.mark.parametrize("module", [rubydebug, dots])
def test_codecs_that_only_write_refuse_to_read(module):
    with pytest.raises(ValueError, match="only writes"):
        codec(module).streaming()
    assert issubclass(module.Options, PluginOptions)
