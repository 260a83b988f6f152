"""Read and write lines of comma-separated values.

    input { file { path => "/var/log/users.csv" codec => csv { columns => ["time", "user", "bytes"] } } }

A line is read as the csv filter reads it: what has no name among `columns` becomes `column3` and so on. A line that is
not quoted as it must be becomes the message of an event that is tagged `_csvparsefailure`. In a stream a line ends at a
line break; a quoted value that holds one is read whole only where the text comes whole (a record, a request).

Written lines hold the fields named in `columns` or, without them, every field of the event in its order.

Logstash takes the names from the first line with `autodetect_column_names`. A codec keeps nothing between two calls
here, so that an event can be decoded again: use the csv filter for that, which remembers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.event import Event, Fields
from pipeline.field_reference import FieldReference
from pipeline.java_text import as_text
from pipeline.options import Boolean, Ecs, PluginOptions, Text, Texts, as_hash
from pipeline.plugin import Codec
from pipeline.texts.codecs import Charset, LineCodec, Parse, keep_original, text_of
from pipeline.texts.csv_lines import line_parser, written
from pipeline.texts.table_values import CONVERTERS

Type = Literal["integer", "float", "date", "date_time", "boolean"]
FAILURE_TAG = "_csvparsefailure"


def _no_memory(value: bool) -> bool:
    if value:
        raise ValueError(
            "a codec keeps nothing between two calls here: name the columns, or use the csv filter, which remembers"
        )
    return value


def _no_header(value: bool) -> bool:
    if value:
        raise ValueError(
            "a codec keeps nothing between two calls here, so it does not know the first event: write the line with "
            "the names when the file is made"
        )
    return value


class Options(PluginOptions):
    """Options of the csv codec."""

    columns: Annotated[Texts, Field(description="Names of the columns, from the first.")] = []
    separator: Annotated[Text, Field(min_length=1, description="What is between two values.")] = ","
    quote_char: Annotated[Text, Field(min_length=1, max_length=1, description="What is around a quoted value.")] = '"'
    charset: Annotated[Charset, Field(description="Charset of what is read, by Ruby's name; UTF-8 is written.")] = (
        "UTF-8"
    )
    target: Annotated[FieldReference | None, Field(description="Field for the columns, in place of the root.")] = None
    convert: Annotated[
        dict[Text, Type],
        BeforeValidator(as_hash),
        Field(description="Column to type: integer, float, boolean, date or date_time. What cannot be stays text."),
    ] = {}
    autogenerate_column_names: Annotated[
        Boolean, Field(description="Give columns without a name one; else they are left out.")
    ] = True
    autodetect_column_names: Annotated[
        Boolean, AfterValidator(_no_memory), Field(description="Refused: use the csv filter.")
    ] = False
    include_headers: Annotated[
        Boolean, AfterValidator(_no_header), Field(description="Refused: it writes the names before the first event.")
    ] = False
    skip_empty_columns: Annotated[Boolean, Field(description="Set no field where there is no value.")] = False
    ecs_compatibility: Annotated[Ecs, Field(description="With v1 or v8, `[event][original]` is set too.")] = "v8"


def build(options: Options) -> Codec:
    """Makes the codec."""
    return Lines(_parser(options), _renderer(options))


class Lines(LineCodec):
    """What comes whole is one row, whatever breaks it holds; in a stream, a row a line."""

    name = "csv"

    def __init__(self, parse: Parse, render: Callable[[Event], bytes]) -> None:
        super().__init__(parse, render)

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """All of it."""
        return len(data)

    def pieces(self, data: bytes) -> list[bytes]:
        """All of it."""
        return [data]

    def decode(self, data: bytes) -> Iterator[Fields]:
        """One event."""
        fields = self.parse(data)
        yield from fields if isinstance(fields, list) else (fields,)

    def streaming(self, delimiter: bytes = b"\n") -> Codec:
        """The same, line by line."""
        return LineCodec(self.parse, self.encode, delimiter)


def _parser(options: Options) -> Parse:
    text, parse = text_of(options.charset), line_parser(options.separator, options.quote_char)
    original, skip = options.ecs_compatibility != "disabled", options.skip_empty_columns
    converters = {name: CONVERTERS[kind] for name, kind in options.convert.items()}
    prefix = "".join(f"[{key}]" for key in options.target.path) if options.target else ""

    def field(index: int) -> tuple[FieldReference, Any] | None:
        name = options.columns[index] if index < len(options.columns) else ""
        if not name:
            if not options.autogenerate_column_names:
                return None
            name = f"column{index + 1}"
        return FieldReference(f"{prefix}{name}" if name.startswith("[") else f"{prefix}[{name}]"), converters.get(name)

    fields = [field(index) for index in range(len(options.columns))]

    def read(piece: bytes) -> Fields:
        shown = text(piece)
        event = Event({})
        try:
            row = parse(shown.rstrip("\r\n"))
        except ValueError:
            return {"message": shown, "tags": [FAILURE_TAG]}
        for index, value in enumerate(row or ()):
            if index == len(fields):
                fields.append(field(index))
            column = fields[index]
            if column is not None and not (skip and not value):
                put, convert = column
                put.set(event, convert(value) if convert and value is not None else value)
        if original:
            keep_original(event.fields, shown)
        return event.fields

    return read


def _renderer(options: Options) -> Callable[[Event], bytes]:
    getters = [FieldReference(name if name.startswith("[") else f"[{name}]").get for name in options.columns]
    separator, quote = options.separator, options.quote_char

    def render(event: Event) -> bytes:
        values = [get(event) for get in getters] if getters else list(event.fields.values())
        return (written([_column(value) for value in values], separator, quote) + "\n").encode("utf-8", "replace")

    return render


def _column(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return as_text(value)
