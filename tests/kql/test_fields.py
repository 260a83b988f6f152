import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kql.fields import exists, fitting, kind_of, leaves, values
from pipeline.kql.tree import Literal

DOCUMENT = {"a": {"b": [1, {"c": "x"}, None]}, "a.b": 2, "e": [], "o": {}, "n": None, "d.e": {"f": True}, "l": [[3], 4]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", [2, 1]),
        ("a.b.c", ["x"]),
        ("a", []),
        ("d.e.f", [True]),
        ("d", []),
        ("e", []),
        ("n", []),
        ("l", [3, 4]),
        ("missing.x", []),
    ],
)
def test_values(path, expected):
    assert list(values(DOCUMENT, path)) == expected


@pytest.mark.parametrize(
    ("path", "there"),
    [("a", True), ("a.b", True), ("d", True), ("d.e", True), ("e", False), ("o", False), ("n", False), ("a.", False)],
)
def test_exists(path, there):
    assert exists(DOCUMENT, path) is there


def test_leaves():
    assert list(leaves(DOCUMENT)) == [
        *[("a.b", 1), ("a.b.c", "x"), ("a.b", 2), ("d.e.f", True)],
        *[("l", 3), ("l", 4)],
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[("message", "text"), ("error.message", "text"), ("messages", None), ("message.raw", None)],
        *[("source_ip", "ip"), ("host.ip", "ip"), ("ip", "ip"), ("zip", None), ("tip.x", None)],
        *[("@timestamp", "date"), ("event.start", "date"), ("start", None), ("level", None)],
    ],
)
def test_kinds(name, kind):
    assert kind_of(name) == kind


pieces = st.lists(st.text(st.sampled_from("ab"), max_size=2), min_size=1, max_size=4)


def reference(parts, text):
    """The same, by definition."""
    if len(parts) == 1:
        return text == parts[0]
    if not text.startswith(parts[0]):
        return False
    rest = text[len(parts[0]) :]
    return any(reference(parts[1:], rest[at:]) for at in range(len(rest) + 1))


@given(pieces, st.text(st.sampled_from("ab"), max_size=8))
def test_wildcards(parts, text):
    assert fitting(Literal(tuple(parts)))(text) is reference(parts, text)


def test_many_wildcards_take_no_time():
    assert not fitting(Literal(("", *["a"] * 40, "b")))("a" * 100_000)
