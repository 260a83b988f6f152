"""Append events to files as lines of comma-separated values.

    output { csv { path => "/var/log/users-%{+YYYY-MM-dd}.csv" fields => ["@timestamp", "[user][name]", "bytes"] } }

A column a field, in their order; a field that is not there is an empty column, an object is JSON, an array as Ruby
shows it: `["a", 1]`. With `spreadsheet_safe`, a text that a spreadsheet would take for a formula gets an apostrophe
before it; in Logstash one that begins with `=`, here with `+`, `-` or `@` too, unless it is a number or a dash.

Files are written as the file output writes them: an event is delivered when the operating system has it; with `fsync`,
when the disk has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.options import Boolean, CodecOption, Hash, Ignored, as_list, default_codec, shown
from pipeline.plugin import PluginContext
from pipeline.texts.csv_lines import written
from pipeline.texts.ruby_values import to_s
from pipeline.written.options import WrittenOptions
from pipeline.written.output import Writing

_TEXTS = {"col_sep": ",", "row_sep": "\n", "quote_char": '"'}
_FORMULA = re.compile(r"[=@]|[+-](?!(?:\d+(?:\.\d*)?)?\Z)")
"""What a spreadsheet would calculate; a number, or a dash alone, is as it is."""


def _known(options: dict[str, Any]) -> dict[str, Any]:
    """Ruby's options of a CSV line."""
    for name, value in options.items():
        if name == "force_quotes":
            if str(value) not in ("true", "false", "True", "False"):
                raise ValueError(f"force_quotes is true or false, not {shown(value)}")
        elif name not in _TEXTS:
            raise ValueError(f'there is no "{name}" here; known are col_sep, row_sep, quote_char and force_quotes')
        elif not isinstance(value, str) or not value:
            raise ValueError(f"{name} must be a text, not {shown(value)}")
    if len(options.get("quote_char", '"')) != 1:
        raise ValueError("quote_char must be one character")
    return options


class Options(WrittenOptions):
    """Options of the csv output."""

    fields: Annotated[
        list[FieldReference], BeforeValidator(as_list), Field(min_length=1, description="The columns, in their order.")
    ]
    csv_options: Annotated[
        Hash, AfterValidator(_known), Field(description="`col_sep`, `row_sep`, `quote_char`, `force_quotes`.")
    ] = {}
    spreadsheet_safe: Annotated[
        Boolean, Field(description="An apostrophe before what a spreadsheet would calculate.")
    ] = True
    codec: Annotated[
        CodecOption, Ignored("lines are made of `fields`"), Field(description="Accepted as in Logstash.")
    ] = default_codec("plain")

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        options = {**_TEXTS, **self.csv_options}
        if options["col_sep"] == options["quote_char"]:
            raise ValueError("col_sep and quote_char must differ")
        return self


def build(options: Options, context: PluginContext) -> Writing:
    """Makes the output."""
    return Writing(options, line_of(options), context)


def line_of(options: Options) -> Callable[[Event], bytes]:
    """A function from an event to its line."""
    chosen = {**_TEXTS, **options.csv_options}
    separator, end, quote = (str(chosen[name]).replace("\\t", "\t") for name in _TEXTS)
    end = end.replace("\\r", "\r").replace("\\n", "\n")
    force, safe = str(chosen.get("force_quotes")).lower() == "true", options.spreadsheet_safe
    getters = [field.get for field in options.fields]

    def line(event: Event) -> bytes:
        values = [_column(get(event), safe=safe) for get in getters]
        if force:
            text = separator.join(quote + (value or "").replace(quote, quote * 2) + quote for value in values)
        else:
            text = written(values, separator, quote)
        return (text + end).encode("utf-8", "replace")

    return line


def _column(value: Any, *, safe: bool) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = to_s(value)
    return f"'{text}" if safe and type(value) is str and _FORMULA.match(text) else text
