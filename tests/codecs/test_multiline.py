import pytest

from pipeline.codecs import multiline


def codec(**options):
    return multiline.build(multiline.Options(**{"ecs_compatibility": "disabled", **options}))


PREVIOUS = {"pattern": "^\\s", "what": "previous"}
NEXT = {"pattern": "\\\\$", "what": "next"}


def joined(data, **options):
    return [(fields["message"], fields.get("tags")) for fields in codec(**options).decode(data)]


@pytest.mark.parametrize(
    ("options", "data", "events"),
    [
        (PREVIOUS, b"a\n b\nc\n", [("a\n b", ["multiline"]), ("c", None)]),
        (PREVIOUS, b" a\n b\nc\n", [(" a\n b", ["multiline"]), ("c", None)]),
        (PREVIOUS, b"a\n b", [("a\n b", ["multiline"])]),
        (NEXT, b"a\\\nb\nc\nd\\\n", [("a\\\nb", ["multiline"]), ("c", None), ("d\\", None)]),
        ({**PREVIOUS, "negate": True}, b" a\nb\n c\n", [(" a\nb", ["multiline"]), (" c", None)]),
        ({**PREVIOUS, "multiline_tag": ""}, b"a\n b\n", [("a\n b", None)]),
        (
            {"pattern": "^-", "what": "previous", "max_bytes": 10},
            b"- 12345\n- 67890\n- x\n",
            [("- 12345\n- 67890", ["multiline", "multiline_codec_max_bytes_reached"]), ("- x", None)],
        ),
        (
            {**PREVIOUS, "max_lines": 2},
            b"a\n b\n c\n d\n",
            [("a\n b\n c", ["multiline", "multiline_codec_max_lines_reached"]), (" d", None)],
        ),
    ],
)
def test_decodes(options, data, events):
    assert joined(data, **options) == events


def test_keeps_the_original_in_ecs_mode():
    made = codec(**PREVIOUS, ecs_compatibility="v8")
    [fields] = made.decode(b"a\n b\n")
    assert fields == {"message": "a\n b", "tags": ["multiline"], "event": {"original": "a\n b"}}


@pytest.mark.parametrize(
    ("options", "data", "whole"),
    [
        (PREVIOUS, b"", 0),
        (PREVIOUS, b"a", 0),
        (PREVIOUS, b"a\n", 0),
        (PREVIOUS, b"a\n b\n", 0),
        (PREVIOUS, b"a\n b\nc", 0),
        (PREVIOUS, b"a\n b\nc\n", 5),
        (PREVIOUS, b"a\n b\nc\n d\n", 5),
        (NEXT, b"a\\\n", 0),
        (NEXT, b"a\\\nb\nc", 5),
        ({**PREVIOUS, "max_lines": 2}, b"a\n b\n c\n d\n e\n", 8),
        ({**PREVIOUS, "max_bytes": 3}, b"a\n b\n c\n", 5),
    ],
)
def test_cuts_where_an_event_is_certainly_over(options, data, whole):
    made = codec(**options)
    assert made.cut(data) == whole
    assert made.cut(data, final=True) == len(data)


@pytest.mark.parametrize("options", [PREVIOUS, NEXT, {**PREVIOUS, "max_lines": 2}, {**NEXT, "max_bytes": 4}])
def test_events_do_not_depend_on_how_the_data_came(options):
    data = b"a\\\n b\n c\\\n d\n e\nf\ng\\\n h\n i\n j\n k\\\n"
    made = codec(**options)
    at_once = list(made.decode(data))
    for step in (1, 2, 3, 7):
        events, rest = [], b""
        for start in range(0, len(data), step):
            rest += data[start : start + step]
            whole = made.cut(rest)
            events += made.decode(rest[:whole])
            rest = rest[whole:]
        assert events + list(made.decode(rest)) == at_once


def test_patterns_from_files(tmp_path):
    (tmp_path / "p").write_text("# words\nHEAD BEGIN %{NUM}\nNUM \\d+\n")
    options = {"pattern": "^%{HEAD}", "negate": True, "what": "previous", "patterns_dir": [str(tmp_path)]}
    assert [message for message, _ in joined(b"BEGIN 1\nx\nBEGIN 2\n", **options)] == ["BEGIN 1\nx", "BEGIN 2"]
    options["patterns_dir"] = [f"{tmp_path}/*"]
    assert len(joined(b"BEGIN 1\nx\nBEGIN 2\n", **options)) == 2


def test_an_unknown_pattern_is_refused():
    with pytest.raises(ValueError, match="HEAD"):
        codec(pattern="%{HEAD}", what="previous")
