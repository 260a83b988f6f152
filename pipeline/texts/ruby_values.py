"""Values as Ruby writes them: `to_s`, where Logstash's plugins in Ruby make a text of a field."""

from __future__ import annotations

from typing import Any

from pipeline.texts.ruby_text import float_text, inspected


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
