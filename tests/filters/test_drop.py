"""The drop filter."""

import random

import pytest

from tests.harness import filtered


def kept(options, *events):
    return [document["n"] for document in filtered(f"filter {{ if [n] != 2 {{ drop {{ {options} }} }} }}", *events)]


EVENTS = [{"n": number} for number in range(4)]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [("", [2]), ("percentage => 100", [2]), ("percentage => 0", [0, 1, 2, 3]), ('percentage => "100"', [2])],
)
def test_drop(options, numbers):
    assert kept(options, *EVENTS) == numbers


def test_a_share():
    random.seed(1)
    events = [{"n": 1}] * 1000
    assert 500 < len(kept("percentage => 40", *events)) < 700


def test_what_is_kept_is_decorated():
    (document,) = filtered('filter { drop { percentage => 0 add_field => { "x" => "y" } } }', {"n": 1})
    assert document["x"] == "y"


def test_nothing_runs_behind_it():
    config = 'filter { if [n] == 1 { drop { } } mutate { add_field => { "after" => "%{n}" } } }'
    assert [document["after"] for document in filtered(config, {"n": 1}, {"n": 2})] == ["2"]
