"""The tests that conditions are made of: closures over fields and constants, one for each shape."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.config.comparisons import as_text, contains, equal, in_words, order
from pipeline.errors import Unjudged
from pipeline.event import Event
from pipeline.field_reference import FieldReference

Test = Callable[[Event], bool]

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# ---------------------------------------------------------------------------------------------- logic


def always(value: bool) -> Test:
    """A test that comes out the same for every event."""
    return lambda _: value


def negated(test: Test) -> Test:
    """True where the test is not."""
    return lambda event: not test(event)


def all_of(tests: Sequence[Test]) -> Test:
    """True where all tests are, asked in their order up to the first that is not."""
    if len(tests) == 2:
        first, second = tests
        return lambda event: first(event) and second(event)
    if len(tests) == 3:
        first, second, third = tests
        return lambda event: first(event) and second(event) and third(event)

    def all_tests(event: Event) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(event):
                return False
        return True

    return all_tests


def any_of(tests: Sequence[Test]) -> Test:
    """True where one test is, asked in their order up to the first that is."""
    if len(tests) == 2:
        first, second = tests
        return lambda event: first(event) or second(event)
    if len(tests) == 3:
        first, second, third = tests
        return lambda event: first(event) or second(event) or third(event)

    def any_test(event: Event) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if test(event):
                return True
        return False

    return any_test


def one_of(first: Test, second: Test) -> Test:
    """True where exactly one of two tests is."""
    return lambda event: first(event) is not second(event)


def true(field: FieldReference) -> Test:
    """Truth: there, and neither null, false, "" nor "false"."""
    get = field.get

    def test(event: Event) -> bool:
        value = get(event)
        return value is not None and value is not False and value != "" and value != "false"

    return test


# ---------------------------------------------------------------------------------------------- comparisons


def equals_constant(field: FieldReference, constant: Any) -> Test:
    """`[a] == "x"`. Python's == is as strict as Logstash's for a text; a number needs its kind compared too."""
    get = field.get
    if isinstance(constant, str):
        return lambda event: get(event) == constant
    kind = type(constant)

    def test(event: Event) -> bool:
        value = get(event)
        return type(value) is kind and value == constant

    return test


def equals_field(left: FieldReference, right: FieldReference) -> Test:
    """`[a] == [b]`. Two fields that are not there are equal; null equals null, but not what is not there."""

    def test(event: Event) -> bool:
        value, other = left.get(event), right.get(event)
        if value is None and other is None:
            return left.has(event) is right.has(event)
        return equal(value, other)

    return test


def ordered_constant(field: FieldReference, sign: str, constant: Any, place: str) -> Test:
    """`[a] < 5`. Raises `Unjudged` where the value has no order against the constant."""
    get, compare = field.get, ORDERS[sign]
    kinds = (str, str) if isinstance(constant, str) else (int, float)

    def test(event: Event) -> bool:
        value = get(event)
        if type(value) in kinds:
            return compare(value, constant)
        raise _unordered(value, constant, place)

    return test


def ordered_field(left: FieldReference, sign: str, right: FieldReference, place: str) -> Test:
    """`[a] < [b]`. Raises `Unjudged` where the values have no order."""
    compare = ORDERS[sign]

    def test(event: Event) -> bool:
        value, other = left.get(event), right.get(event)
        found = order(value, other)
        if found is None and value is None and other is None and left.has(event) and right.has(event):
            found = 0
        if found is None:
            raise _unordered(value, other, place)
        return compare(found, 0)

    return test


def unordered(field: FieldReference, constant: Any, place: str) -> Test:
    """`[@timestamp] < "2020"`: a time never has an order against a constant."""

    def test(event: Event) -> bool:
        raise Unjudged(f"{place}: the time {as_text(field.get(event))} has no order against {in_words(constant)}")

    return test


def _unordered(left: Any, right: Any, place: str) -> Unjudged:
    return Unjudged(f"{place}: {in_words(left)} has no order against {in_words(right)}")


def matches(field: FieldReference, search: Callable[[str], object]) -> Test:
    """`[a] =~ /x/`: only a text can match."""
    get = field.get

    def test(event: Event) -> bool:
        value = get(event)
        return type(value) is str and search(value) is not None

    return test


# ---------------------------------------------------------------------------------------------- in


def in_text(field: FieldReference, text: str) -> Test:
    """`[a] in "xyz"`: a text within the text."""
    get = field.get

    def test(event: Event) -> bool:
        value = get(event)
        return type(value) is str and value in text

    return test


def in_list(field: FieldReference, items: Sequence[Any]) -> Test:
    """`[a] in ["x", 5]`: compared as texts, so the text "5" is in it too."""
    get, has = field.get, field.has
    texts = frozenset(map(as_text, items))

    def test(event: Event) -> bool:
        value = get(event)
        if type(value) is str:
            return value in texts
        if value is None:
            return "" in texts and has(event)
        return as_text(value) in texts

    return test


def holds(field: FieldReference, constant: Any) -> Test:
    """`"x" in [a]`: an item of the array, or a text within the text; a number only an item."""
    get = field.get
    if not isinstance(constant, str):
        return lambda event: type(value := get(event)) is list and contains(value, constant)

    def test(event: Event) -> bool:
        value = get(event)
        kind = type(value)
        return (kind is list or kind is str) and constant in value

    return test


def in_field(left: FieldReference, right: FieldReference) -> Test:
    """`[a] in [b]`: a text within a text, an item of an array, or two equal values that are neither."""

    def test(event: Event) -> bool:
        value, other = left.get(event), right.get(event)
        kind, other_kind = type(value), type(other)
        if kind is str and other_kind is str:
            return value in other
        if kind is list or kind is dict or (value is None and not left.has(event)):
            return False
        if other_kind is list:
            return contains(other, value)
        return equal(value, other) and (other is not None or right.has(event))

    return test
