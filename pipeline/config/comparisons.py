"""How Logstash compares two values: which are equal, which comes first, and how they read as text.

Values of different kinds are never equal: 5 is not 5.0, true is not 1, an array is not its only item.
There is an order between two texts (by their bytes) and between two numbers, and nowhere else.
"""

from __future__ import annotations

from typing import Any

_NUMBERS = (int, float)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are of the same kind and equal. Objects are equal only if both are empty."""
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if type(left) is dict:
        return left is right or not (left or right)
    return bool(left == right)


def contains(items: list[Any], value: Any) -> bool:
    """Whether a value is one of the items."""
    return any(equal(value, item) for item in items)


def order(left: Any, right: Any) -> int | None:
    """Less than, equal to or more than 0, as left comes before, with or after right; None without order."""
    kind = type(left)
    if (kind is str and type(right) is str) or (kind in _NUMBERS and type(right) in _NUMBERS):
        return int(left > right) - int(left < right)
    return 0 if kind is bool and left is right else None


def as_text(value: Any) -> str:
    """A value as Logstash shows it where it compares by text: `5`, `true`, `[a, b]`, `{a=b}`, null as nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={as_text(item)}" for key, item in value.items()) + "}"
    return str(value)


def in_words(value: Any) -> str:
    """A value for the message of an error; long texts are cut."""
    if value is None:
        return "a missing field"
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 40 else f'the text "{value[:37]}..."'
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else as_text(value)
