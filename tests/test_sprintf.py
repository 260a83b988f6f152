import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from pipeline.dates import timestamps
from pipeline.event import Event
from pipeline.sprintf import Template

FIELDS = {
    "@timestamp": "2015-10-01T02:03:04.567Z",
    "@version": "1",
    "bar": "foo",
    "j": {"k1": "v", "n": None, "é": [1, 2.5]},
    "list": ["Hello", "world", None, 1.5, True, ["a", ["b"]], {"k": "v", "n": None, "l": [1, 2]}],
    "empty": [],
    "n": 5,
    "big": 12345678901234567890123,
    "f": 1.5,
    "large": 1e10,
    "t": True,
    "no": False,
    "z": None,
    "blank": "",
}


def event():
    return Event(dict(FIELDS), {"day": "today", "inner": {"x": 1}})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("/full/path", "/full/path"),
        ("%{bar}", "foo"),
        ("%{[bar]}-%{[j][k1]}", "foo-v"),
        ("%{list}", "Hello,world,,1.5,true,a,b,{l=[1, 2], n=null, k=v}"),
        ("%{[list][0]}%{[list][-1][k]}", "Hellov"),
        ("<%{empty}><%{blank}>", "<><>"),
        ("%{j}", '{"é":[1,2.5],"k1":"v","n":null}'),
        ("%{n} %{f} %{large} %{t} %{no}", "5 1.5 1.0E10 true false"),
        ("%{big}", "12345678901234567890123"),
        ("v%{@version}", "v1"),
        ("%{@timestamp}", "2015-10-01T02:03:04.567Z"),
        ("%{[@metadata][day]} %{[@metadata][inner]}", 'today {"x":1}'),
        ("/full/%{do-not-exist}/%{[a][b]}", "/full/%{do-not-exist}/%{[a][b]}"),
        ("<%{z}>", "<%{z}>"),
        ("%{+YYYY.MM.dd}", "2015.10.01"),
        ("logs-%{+YYYY.MM.dd}-x", "logs-2015.10.01-x"),
        ("%{bar}-%{+YYYY.MM.dd.HH}", "foo-2015.10.01.02"),
        ("%{+HH:mm:ss.SSS}", "02:03:04.567"),
        ("%{{yyyy-'Q'q}}", "2015-Q4"),
        ("%{{yyyy}}-%{+MM}-%{{dd}}", "2015-10-01"),
        ("%{+%s} %{}", "1443664984 1443664984"),
        ("%{+%ss}", "%04"),
        ("%{bar", "%{bar"),
        ("%{bar}}", "foo}"),
        ("%{{yyyy}", "%{{yyyy}"),
        ("%{%{bar}}", "%{%{bar}}"),
        ("100% {bar} %bar", "100% {bar} %bar"),
        ("}%{bar}{", "}foo{"),
    ],
)
def test_renders(template, expected):
    compiled = Template(template)
    assert compiled.render(event()) == expected
    assert compiled.render(event()) == expected


@pytest.mark.parametrize(
    ("template", "constant"),
    [("", True), ("x", True), ("%{x", True), ("%{x}", False), ("%{+YYYY}", False), ("%{{TIME_NOW}}", False)],
)
def test_knows_whether_it_is_constant(template, constant):
    assert Template(template).constant is constant


def test_dates_of_an_event_without_a_timestamp_are_empty():
    for fields in ({}, {"@timestamp": None}, {"@timestamp": 5}, {"@timestamp": "no time"}, {"@timestamp": [1]}):
        assert Template("a-%{+YYYY.MM.dd}-%{{yyyy}}%{+%s}").render(Event(fields)) == "a--"
        assert Template("%{b}-%{+YYYY.MM.dd}").render(Event({"b": "x", **fields})) == "x-"


def test_a_timestamp_that_is_not_canonical_is_read_first():
    assert Template("%{+YYYY.MM.dd.HH}").render(Event({"@timestamp": "2015-10-01T00:30:00+02:00"})) == "2015.09.30.22"


def test_the_present():
    rendered = Template("%{{TIME_NOW}}").render(Event({}))
    assert abs(timestamps.epoch_seconds(rendered) - time.time()) < 60


def test_what_is_remembered_of_dates_is_bounded():
    template = Template("i-%{+YYYY.MM.dd}")
    for day in range(6000):
        stamp = timestamps.from_epoch(day * 86_400)
        assert template.render(Event({"@timestamp": stamp})) == f"i-{stamp[:10].replace('-', '.')}"
    cells = [cell.cell_contents for cell in template.render.__closure__]
    assert max(len(cell) for cell in cells if isinstance(cell, dict)) <= 4096


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("%{[a][b}", r"no field reference"),
        ("%{a[b]}", r"no field reference"),
        ("x-%{+YYYY.bb}", r'no meaning for "bb"'),
        ("%{{yyyy-bb}}", r'the letter "b" has no meaning'),
        ("%{{DDDD}}", r"is no length"),
    ],
)
def test_what_cannot_be_read_is_a_fault(template, why):
    with pytest.raises(ValueError, match=why):
        Template(template)


class Options(BaseModel):
    index: Template


@pytest.mark.parametrize(
    ("value", "text"), [("a%{b}", "a%{b}"), (["x"], "x"), (5, "5"), (1.5, "1.5"), (True, "true"), (Template("y"), "y")]
)
def test_is_a_type_for_options(value, text):
    assert Options(index=value).index == Template(text)
    assert hash(Options(index=value).index) == hash(Template(text))
    assert repr(Template(text)) == f"Template({text!r})"


@pytest.mark.parametrize("value", [["a", "b"], {"a": "b"}, None, "%{[a}", "%{+b}"])
def test_faults_of_options_are_those_of_pydantic(value):
    with pytest.raises(ValidationError):
        Options(index=value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PIECES = st.lists(
    st.sampled_from(["%{", "}", "{", "[", "]", "a", "b", "+", "YYYY", "%s", "-", "'", " ", "é"]), max_size=12
)


@given(PIECES.map("".join), st.dictionaries(st.sampled_from(["a", "b", "@timestamp"]), JSON))
def test_any_template_renders_or_is_a_fault(text, fields):
    try:
        template = Template(text)
    except ValueError:
        return
    first = template.render(Event(fields))
    assert isinstance(first, str)
    assert template.render(Event(fields)) == first
    if template.constant:
        assert first == text


@given(st.lists(st.sampled_from(["x", "%{a}", "%{[o][i]}", "-", "é"]), max_size=8), st.text(), st.integers())
def test_a_template_is_its_pieces_joined(pieces, text, number):
    event = Event({"a": text, "o": {"i": number}})
    expected = "".join({"%{a}": text, "%{[o][i]}": str(number)}.get(piece, piece) for piece in pieces)
    assert Template("".join(pieces)).render(event) == expected


@pytest.mark.parametrize(
    ("text", "dated"),
    [("logs-%{+YYYY.MM.dd}", 10), ("%{+YYYY}-%{+HH}", 13), ("logs", None), ("%{a}-%{+YYYY.MM.dd}", None)],
)
def test_on_how_much_of_the_time_a_text_depends(text, dated):
    assert Template(text).dated == dated
