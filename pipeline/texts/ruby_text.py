"""Texts and floats as Ruby writes them: `String#inspect` and `Float#to_s`, as JRuby 9.4 does them.

Both were compared with JRuby 9.4.13, the Ruby of Logstash 8.19, character by character and on drawn floats. Above 1e19
JRuby's last digits are now and then not the shortest, as here they are: -1.9999999999999998e+23 for -2.0e+23.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\v": "\\v", "\b": "\\b", "\a": "\\a", "\x1b": "\\e"}
_SPECIAL = re.compile(r'["\\]|#(?=[{$@])|[^ -~]')
_UNPRINTABLE = {"Cc", "Cn", "Cs", "Zl", "Zp"}
"""Categories of Unicode that are written as numbers; the next line (U+0085) is not, though it is one of them."""


def inspected(text: str) -> str:
    """A text as Ruby's `String#inspect` shows it, without the quotes around it. An escaped byte is `\\xAD`."""
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\#':
        return "\\" + character
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02X}"
    if unicodedata.category(character) not in _UNPRINTABLE or code == 0x85:
        return character
    return f"\\u{code:04X}" if code < 0x10000 else f"\\u{{{code:X}}}"


def float_text(value: float) -> str:
    """A float as `Float#to_s`: plain from 0.0001 up to 1e19, else as 1.0e+20 and 1.0e-05."""
    size = abs(value)
    if 1e16 <= size < 1e20:
        return ("-" if value < 0 else "") + _large(size)
    if value != value or size == float("inf"):
        return "NaN" if value != value else ("Infinity" if value > 0 else "-Infinity")
    plain = repr(value)
    mantissa, exponent, power = plain.partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{power}" if exponent else plain


def _large(size: float) -> str:
    """JRuby prints 20 digits, and where these leave no place for a fraction, 15."""
    if size >= 1e19:
        mantissa, _, power = f"{size:.14e}".partition("e")
        mantissa = mantissa.rstrip("0")
        return f"{mantissa}{'0' if mantissa.endswith('.') else ''}e{power}"
    whole = int(size)
    bits = whole.bit_length()
    if bits > 63:
        return f"{int(Decimal(repr(size)))}.0"
    unsure = 1 if bits < 59 else 10 if bits < 62 else 100
    return f"{(whole + unsure // 2) // unsure * unsure}.0"
