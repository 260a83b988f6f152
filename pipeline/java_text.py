"""Values as Java writes them: in templates, and wherever else Logstash makes text of what an event holds.

    "text"       text              1e10     1.0E10
    [1, [2]]     1,2               within an object [1, [2]]
    {"a": 1}     {"a":1}           within an array {a=1}
    null         nothing           within an object null

An object's names come in the order of Java's `HashMap`, which is neither that in which they were set nor that of the
alphabet: Logstash makes such a map of every object that it writes (`unconvert` in logstash-core's ConvertedMap.java,
`KeyNode.java`). JSON is as Jackson writes it, with floats as above and control characters in capital digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_WORD = 0xFFFFFFFF


def as_text(value: Any) -> str:
    """The text of a field's value, as Logstash puts it into a template."""
    if type(value) is str:
        return value
    if type(value) is list:
        return ",".join(
            ["" if item is None else as_text(item) if type(item) is list else shown(item) for item in value]
        )
    return json_text(value) if type(value) is dict else _scalar(value)


def shown(value: Any) -> str:
    """Java's `toString`."""
    if type(value) is str:
        return value
    if type(value) is dict:
        return "{" + ", ".join([f"{name}={shown(value[name])}" for name in hash_order(value)]) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(shown, value)) + "]"
    return "null" if value is None else _scalar(value)


def json_text(value: Any) -> str:
    """Jackson's JSON of a value."""
    if type(value) is str:
        return '"' + _CONTROL.sub(_escaped, value) + '"'
    if type(value) is dict:
        members = [f"{json_text(name)}:{json_text(value[name])}" for name in hash_order(value)]
        return "{" + ",".join(members) + "}"
    if type(value) is list:
        return "[" + ",".join(map(json_text, value)) + "]"
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return f'"{java_float(value)}"'
    return "null" if value is None else _scalar(value)


_CONTROL = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04X}"


def _scalar(value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return java_float(value)
    return str(value)


def java_float(value: float) -> str:
    """A float as Java prints it: plain from 0.001 up to 10,000,000, else as 1.0E10."""
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{value!r}".partition("e")
    if exponent:
        return f"{mantissa}{'' if '.' in mantissa else '.0'}E{int(exponent)}"
    return _scientific(mantissa)


def _scientific(plain: str) -> str:
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, _, fraction = plain.partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = len(whole) - 1 if whole.strip("0") else len(fraction.lstrip("0")) - len(fraction) - 1
    digits = digits.rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def hash_order(names: Iterable[str]) -> list[str]:
    """The names in the order of a `HashMap` that was made for so many; those that share a place stay as they came."""
    found = list(names)
    if len(found) < 2:
        return found
    places = 1 << (len(found) - 1).bit_length()
    if len(found) > places * 3 // 4:
        places *= 2
    return sorted(found, key=lambda name: _spread(name) & (places - 1))


def _spread(name: str) -> int:
    """`String.hashCode`, its halves mixed as `HashMap` does."""
    code, units = 0, name.encode("utf-16-le", "surrogatepass")
    for low, high in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & _WORD
    return code ^ (code >> 16)
