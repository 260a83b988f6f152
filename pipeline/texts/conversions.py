"""Values turned into other values as Ruby does it, for the filters whose options promise that.

Every function takes a JSON value and gives one, or raises `ValueError` where Ruby raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from pipeline.texts import ruby_text

Conversion = Callable[[Any], Any]

_BLANK = "\0\t\n\v\f\r "
"""What Ruby's `strip` takes away; it knows no other blanks."""
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1

# ------------------------------------------------------------------------------------------------- texts


def text(value: Any) -> str:
    """Ruby's `to_s`."""
    if type(value) is str:
        return value
    return "" if value is None else inspected(value)


def inspected(value: Any) -> str:
    """Ruby's `inspect`, which is also how an array or a hash is written as text."""
    if value is None:
        return "nil"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return ruby_text.float_text(value)
    if type(value) is str:
        return f'"{ruby_text.inspected(value)}"'
    if type(value) is list:
        return "[" + ", ".join(map(inspected, value)) + "]"
    if type(value) is dict:
        return "{" + ", ".join(f"{inspected(key)}=>{inspected(item)}" for key, item in value.items()) + "}"
    return str(value)


def stripped(value: str) -> str:
    """Ruby's `strip`."""
    return value.strip(_BLANK)


def lowercase(value: str) -> str:
    """Ruby's `downcase`, which knows no final sigma."""
    return value.replace("Σ", "σ").lower()


def capitalized(value: str) -> str:
    """Ruby's `capitalize`."""
    return value[:1].capitalize() + lowercase(value[1:])


def split(value: str, separator: str) -> list[str]:
    """Ruby's `split`: empty parts at the end are dropped, one blank stands for any run of them."""
    if separator == " ":
        return _WORD.findall(value)
    parts = value.split(separator) if separator else list(value)
    while parts and not parts[-1]:
        parts.pop()
    return parts


_WORD = re.compile(r"[^\t-\r ]+")


def joined(values: list[Any], separator: str) -> str:
    """Ruby's `join`, which joins arrays inside as well."""
    return separator.join([joined(value, separator) if type(value) is list else text(value) for value in values])


# ----------------------------------------------------------------------------------------------- numbers


def integer(value: Any) -> Any:
    """A whole number; of a text, what a number at its start says, or 0."""
    if type(value) is str:
        return _integer_of_text(stripped(value).replace(",", ""))
    if type(value) is bool or type(value) is float:
        return bounded(int(value))
    if type(value) is int:
        return value
    raise ValueError(f"{value!r:.100} cannot be an integer")


def _integer_of_text(value: str) -> int | float:
    if _HEX_START.match(value):
        number = _hex_float(value)
        return bounded(int(number) if "." in value else _hex_integer(value))
    if "e" in value:
        return bounded(_scientific(value))
    found = _INTEGER_START.match(value)
    return bounded(int(found[0])) if found else 0


def floating(value: Any) -> float:
    """A float; a text must be a number from end to end."""
    if type(value) is str:
        return _float_of_text(stripped(value).replace(",", ""))
    if type(value) is float:
        return value
    if type(value) is bool or type(value) is int:
        return float(value)
    raise ValueError(f"{value!r:.100} cannot be a float")


def _float_of_text(value: str) -> float:
    if _HEX_START.match(value):
        return _hex_float(value)
    if not _FLOAT.fullmatch(value):
        raise ValueError(f'"{value:.100}" is no number')
    return _finite(float(value), value)


def leading_integer(value: str) -> int | float:
    """Ruby's `String#to_i`: the whole number that a text begins with, or 0."""
    if value.isdecimal() and value.isascii() and len(value) < _SURELY_SHORT:
        return int(value)
    found = _LEADING_INTEGER.match(value)
    return bounded(int(found[1])) if found else 0


def leading_float(value: str) -> float:
    """Ruby's `String#to_f`: the number that a text begins with, or 0.0."""
    found = _LEADING_FLOAT.match(value)
    return float(found[1].replace("_", "")) if found else 0.0


_SURELY_SHORT = 19
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+(?:_\d+)*)", re.ASCII)
_LEADING_FLOAT = re.compile(
    r"\s*([+-]?(?:\d+(?:_\d+)*)?(?:(?<=\d)|(?=\.\d))(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?)", re.ASCII
)


def european(conversion: Conversion) -> Conversion:
    """The conversion for numbers with points between thousands and a comma before the fraction."""

    def convert(value: Any) -> Any:
        return conversion(value.translate(_EUROPEAN) if type(value) is str else value)

    return convert


_EUROPEAN = str.maketrans(",.", ".,")
_HEX_START = re.compile(r"[+-]?0[xX]")
_INTEGER_START = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*")
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_FLOAT = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]+)?(?:[pP][+-]?[0-9]+)?")
_HEX_INTEGER = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")


def _hex_float(value: str) -> float:
    if not _HEX_FLOAT.fullmatch(value):
        raise ValueError(f'"{value:.100}" is no hexadecimal number')
    try:
        return float.fromhex(value)
    except OverflowError:
        raise ValueError(f'"{value:.100}" is beyond the range of a float') from None


def _hex_integer(value: str) -> int:
    if not _HEX_INTEGER.fullmatch(value):
        raise ValueError(f'"{value:.100}" is no hexadecimal integer')
    return int(value, 16)


def _scientific(value: str) -> int:
    if not _FLOAT.fullmatch(value):
        raise ValueError(f'"{value:.100}" is no number')
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f'"{value:.100}" is beyond the range of a number') from None
    if number.adjusted() > 308:
        raise ValueError(f'"{value:.100}" is beyond the range of a number')
    return int(number)


def bounded(number: int) -> int | float:
    """An integer that JSON writers take; one beyond 64 bits is a float, as it is when it comes in JSON."""
    return number if _SMALLEST <= number <= _LARGEST else _finite_integer(number)


def _finite_integer(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError("the integer is beyond the range of a number") from None


def _finite(number: float, value: str) -> float:
    if number in (float("inf"), float("-inf")):
        raise ValueError(f'"{value:.100}" is beyond the range of a float')
    return number


# ---------------------------------------------------------------------------------------------- booleans

_TRUE = re.compile(r"^(?:true|t|yes|y|1|1.0)$", re.IGNORECASE | re.MULTILINE | re.ASCII)
_FALSE = re.compile(r"^(?:false|f|no|n|0|0.0)$", re.IGNORECASE | re.MULTILINE | re.ASCII)


def boolean(value: Any) -> Any:
    """True or false where the text of the value says so; any other value as it is."""
    words = text(value)
    if _TRUE.search(words):
        return True
    if not words or _FALSE.search(words):
        return False
    return value


CONVERSIONS: dict[str, Conversion] = {
    "string": text,
    "integer": integer,
    "float": floating,
    "boolean": boolean,
    "integer_eu": european(integer),
    "float_eu": european(floating),
}
"""The types of the `convert` option of mutate."""
