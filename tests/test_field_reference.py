"""Field references: how they are read, and what they do to an event."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import FieldError, FieldReferenceError
from pipeline.event import Event
from pipeline.field_reference import FieldReference, parse

PATHS = {
    "a": ("a",),
    "a b.c": ("a b.c",),
    "": ("",),
    "[a]": ("a",),
    "[a][b]": ("a", "b"),
    "[a][0]": ("a", "0"),
    "[[a][b]][c]": ("a", "b", "c"),
    "[[[a]]][b]": ("a", "b"),
    "[@metadata][x]": ("@metadata", "x"),
}


@pytest.mark.parametrize(("text", "path"), PATHS.items())
def test_paths(text: str, path: tuple[str, ...]) -> None:
    assert parse(text) == path


UNREADABLE = {
    "[a": "outside the brackets",
    "a]": "outside the brackets",
    "[]": "an empty name",
    "[a][]": "an empty name",
    "[a]b": '"b" outside the brackets',
    "[a]b[c]": '"b" outside the brackets',
    "a[b]": '"a" outside the brackets',
    "[a[b]]": "outside the brackets",
    "[[a]b]": '"b]" outside the brackets',
    "[[a]": '"[" without "]"',
    "[a]]": '"]" without "["',
    "[a]][[b]": '"]" without "["',
}


@pytest.mark.parametrize(("text", "why"), UNREADABLE.items())
def test_what_cannot_be_read(text: str, why: str) -> None:
    with pytest.raises(FieldReferenceError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith(f'"{text}" is no field reference: ')
    assert why in message
    assert message.endswith("; write [outer][inner] or a bare name")


DOCUMENT = {"a": 1, "o": {"p": {"q": 2}, "none": None}, "l": [10, {"x": 11}, [12]], "n": None, "nulls": [None]}
READ: dict[str, tuple[Any, bool]] = {
    "a": (1, True),
    "[o][p]": ({"q": 2}, True),
    "[o][p][q]": (2, True),
    "[o][none]": (None, True),
    "n": (None, True),
    "[l][0]": (10, True),
    "[l][-1]": ([12], True),
    "[l][1][x]": (11, True),
    "[l][2][0]": (12, True),
    "[l][3]": (None, False),
    "[nulls][0]": (None, True),
    "[l][-4]": (None, False),
    "[l][x]": (None, False),
    "[a][b]": (None, False),
    "[a][b][c]": (None, False),
    "[o][x][q]": (None, False),
    "gone": (None, False),
    "[@metadata][m]": (1, True),
    "[@metadata][x]": (None, False),
    "[@metadata]": ({"m": 1}, True),
}


@pytest.mark.parametrize(("text", "answer"), READ.items())
def test_get_and_has(text: str, answer: tuple[Any, bool]) -> None:
    event, reference = Event(DOCUMENT, {"m": 1}), FieldReference(text)
    assert (reference.get(event), reference.has(event)) == answer


SET = {
    "a": {"a": "new"},
    "[o][p]": {"o": {"p": "new"}},
    "[x][y][z]": {"x": {"y": {"z": "new"}}},
    "[l][0]": {"l": ["new", {"x": 11}]},
    "[l][-1]": {"l": [10, "new"]},
    "[l][3]": {"l": [10, {"x": 11}, None, "new"]},
    "[l][1][x]": {"l": [10, {"x": "new"}]},
    "[l][2][y]": {"l": [10, {"x": 11}, {"y": "new"}]},
    "[none][y]": {"none": {"y": "new"}},
    "[l][x]": {},
    "[l][x][y]": {},
}


@pytest.mark.parametrize(("text", "changed"), SET.items())
def test_set(text: str, changed: dict[str, Any]) -> None:
    event = Event({"a": 1, "o": {"p": 1}, "l": [10, {"x": 11}], "none": None})
    FieldReference(text).set(event, "new")
    assert event.fields == {"a": 1, "o": {"p": 1}, "l": [10, {"x": 11}], "none": None} | changed


def test_set_metadata() -> None:
    event = Event({})
    FieldReference("[@metadata][a][b]").set(event, 1)
    assert (event.fields, event.metadata) == ({}, {"a": {"b": 1}})
    FieldReference("[@metadata]").set(event, {"c": 2})
    assert event.metadata == {"c": 2}
    with pytest.raises(FieldError, match="must be an object"):
        FieldReference("[@metadata]").set(event, 5)


IN_THE_WAY = {
    "[a][b]": "[a] holds 1, which has no fields",
    "[o][a][b]": "[a] holds 'text', which has no fields",
    "[l][-2]": "-2 is before the start of the array",
}


@pytest.mark.parametrize(("text", "why"), IN_THE_WAY.items())
def test_what_cannot_be_set(text: str, why: str) -> None:
    event = Event({"a": 1, "o": {"a": "text"}, "l": [0]})
    with pytest.raises(FieldError) as caught:
        FieldReference(text).set(event, "new")
    assert str(caught.value) == f"{text} cannot be set: {why}"
    assert event.fields == {"a": 1, "o": {"a": "text"}, "l": [0]}


REMOVED: dict[str, tuple[Any, dict[str, Any]]] = {
    "a": (1, {"o": {"p": 2}, "l": [3, 4]}),
    "[o][p]": (2, {"a": 1, "o": {}, "l": [3, 4]}),
    "[l][0]": (3, {"a": 1, "o": {"p": 2}, "l": [4]}),
    "[l][9]": (None, {"a": 1, "o": {"p": 2}, "l": [3, 4]}),
    "[a][x]": (None, {"a": 1, "o": {"p": 2}, "l": [3, 4]}),
    "gone": (None, {"a": 1, "o": {"p": 2}, "l": [3, 4]}),
}


@pytest.mark.parametrize(("text", "expected"), REMOVED.items())
def test_remove(text: str, expected: tuple[Any, dict[str, Any]]) -> None:
    event = Event({"a": 1, "o": {"p": 2}, "l": [3, 4]})
    assert (FieldReference(text).remove(event), event.fields) == expected


def test_remove_metadata() -> None:
    event = Event({}, {"a": 1, "b": 2})
    assert FieldReference("[@metadata][a]").remove(event) == 1
    assert FieldReference("[@metadata]").remove(event) == {"b": 2}
    assert event.metadata == {}


def test_references_to_one_field_are_equal() -> None:
    assert FieldReference("[a]") == FieldReference("a")
    assert len({FieldReference("[a]"), FieldReference("a"), FieldReference("b")}) == 2
    assert FieldReference("a") != "a"
    assert repr(FieldReference("[a]")) == "FieldReference('[a]')"


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    field: FieldReference


@pytest.mark.parametrize("given", ["[a]", ["a"], FieldReference("a")])
def test_as_an_option(given: Any) -> None:
    assert Model(field=given).field == FieldReference("a")


@pytest.mark.parametrize("given", [5, ["a", "b"], "[a", None])
def test_as_an_option_that_is_wrong(given: Any) -> None:
    with pytest.raises(ValidationError, match="field reference"):
        Model(field=given)
