"""Show events as Logstash shows them to people, one field a line.

    output { stdout { codec => rubydebug { metadata => true } } }

For looking at events while a configuration is written. Fields come in the order in which they were set. It
cannot read.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field

from pipeline.event import Event, Fields
from pipeline.options import Boolean, PluginOptions
from pipeline.plugin import Codec
from pipeline.texts.codecs import WriteOnlyCodec
from pipeline.texts.ruby_text import float_text, inspected

INDENT = 4


class Options(PluginOptions):
    """Options of the rubydebug codec."""

    metadata: Annotated[Boolean, Field(description="Shows [@metadata] too.")] = False


def build(options: Options) -> Codec:
    """Makes the codec."""

    def encode(event: Event) -> bytes:
        metadata = {"@metadata": event.metadata} if options.metadata and event.metadata else {}
        fields = {**event.fields, **metadata}
        return (shown(fields, INDENT, root=True) + "\n").encode("utf-8", "replace")

    return WriteOnlyCodec("rubydebug", encode)


def shown(value: Any, indent: int = INDENT, *, root: bool = False) -> str:
    """A value as Ruby's amazing_print shows it, its parts indented by `indent`."""
    if isinstance(value, str):
        return f'"{inspected(value)}"'
    if isinstance(value, dict):
        return _hash(value, indent, root=root)
    if isinstance(value, list):
        return _array(value, indent)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, int):
        return str(value)
    return "nil" if value is None else shown(orjson.loads(orjson.dumps(value)), indent)


def _hash(value: Fields, indent: int, *, root: bool) -> str:
    if not value:
        return "{}"
    keys = [shown(key) for key in value]
    width = max(map(len, keys)) + indent
    lines = []
    for key, (name, item) in zip(keys, value.items(), strict=True):
        bare = root and name == "@timestamp" and isinstance(item, str)
        lines.append(f"{key.rjust(width)} => {item if bare else shown(item, indent + INDENT)}")
    return "{\n" + ",\n".join(lines) + "\n" + " " * (indent - INDENT) + "}"


def _array(value: list[Any], indent: int) -> str:
    if not value:
        return "[]"
    width = len(str(len(value) - 1))
    lines = [f"{' ' * indent}[{i:>{width}}] {shown(item, indent + INDENT)}" for i, item in enumerate(value)]
    return "[\n" + ",\n".join(lines) + "\n" + " " * (indent - INDENT) + "]"
