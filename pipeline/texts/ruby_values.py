"""Values as Ruby writes them: `to_s`, where Logstash's plugins in Ruby make a text of a field."""

from __future__ import annotations

from typing import Any

from pipeline.texts.codecs import inspected


def to_s(value: Any) -> str:
    """A value as a text; nothing is an empty one."""
    if isinstance(value, str):
        return value
    return "" if value is None else inspect(value)


def inspect(value: Any) -> str:
    """A value as it stands within an array or a hash."""
    if isinstance(value, str):
        return f'"{inspected(value)}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inspect(key)}=>{inspect(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inspect, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    return "nil" if value is None else str(value)


def float_text(value: float) -> str:
    """A float: plain from 0.0001 up to 10^16, else as 1.0e+16."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+03d}"
