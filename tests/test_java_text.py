"""Values as Java writes them. The orders of names were seen in a `HashMap` of OpenJDK 17."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.java_text import as_text, hash_order, java_float, shown

TEXTS: list[tuple[Any, str]] = [
    ("a", "a"),
    (True, "true"),
    (5, "5"),
    (2**70, "1180591620717411303424"),
    (1e10, "1.0E10"),
    ([], ""),
    (["a", None, 1e-5, False, ["b", ["c", None]]], "a,,1.0E-5,false,b,c,"),
    ([{"b": [1, {"c": None}], "a": 1e10}], "{a=1.0E10, b=[1, {c=null}]}"),
    ({}, "{}"),
    ({"b": 2, "a": 1}, '{"a":1,"b":2}'),
    ({"x": [1e10, -0.0, None, True, "é"]}, '{"x":[1.0E10,-0.0,null,true,"é"]}'),
    ({"x": '\x1b\x7f/"\\\n'}, '{"x":"\\u001B\x7f/\\"\\\\\\n"}'),
    ({"x": float("nan")}, '{"x":"NaN"}'),
    ({"x": "\ud800"}, '{"x":"\ud800"}'),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (None, "null"), ([1.5, None, ["a"]], "[1.5, null, [a]]"), ({"a": {}}, "{a={}}")]
)
def test_shown(value: Any, text: str) -> None:
    assert shown(value) == text


ORDERS = [
    "",
    "ip",
    "ip port",
    "a b c d",
    "country_name city_name location",
    "name hostname id ip mac os architecture",
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth",
    "é ü 😀 ß",
]
SEEN = [
    "",
    "ip",
    "port ip",
    "a b c d",
    "country_name city_name location",
    "hostname os ip name id mac architecture",
    "tenth eighth eleventh thirteenth second sixth third seventh twelfth ninth fifth fourth first",
    "😀 é ü ß",
]


@pytest.mark.parametrize(("names", "ordered"), [*zip(ORDERS, SEEN, strict=True)])
def test_hash_order(names: str, ordered: str) -> None:
    assert hash_order(names.split()) == ordered.split()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (0.0001, "1.0E-4"),
        (1.5e-7, "1.5E-7"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-12345678.5, "-1.23456785E7"),
        (1e16, "1.0E16"),
        (1.2345e22, "1.2345E22"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_floats(value: float, text: str) -> None:
    assert java_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_written_is_the_same_float(value: float) -> None:
    assert float(java_float(value)) == value
