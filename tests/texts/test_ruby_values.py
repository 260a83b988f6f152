"""Values as Ruby writes them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.texts.ruby_values import inspect, to_s

TEXTS: list[tuple[Any, str]] = [
    (None, ""),
    ("a\n", "a\n"),
    (True, "true"),
    (-5, "-5"),
    (1e10, "10000000000.0"),
    (1e20, "1.0e+20"),
    (0.00001, "1.0e-05"),
    (float("-inf"), "-Infinity"),
    (float("nan"), "NaN"),
    ([1, "a\n", None, [], False], '[1, "a\\n", nil, [], false]'),
    ({"a": {"b": 1.5}, "c": []}, '{"a"=>{"b"=>1.5}, "c"=>[]}'),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_values(value: Any, text: str) -> None:
    """As `to_s` and `inspect` of Ruby 3.1 have them, which JRuby 9.4 is; Ruby 3.4 has spaces around the arrows."""
    assert to_s(value) == text


def test_within_others() -> None:
    assert inspect("é#{x}") == '"é\\#{x}"'
