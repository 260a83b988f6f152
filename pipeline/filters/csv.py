"""Parse a line of comma-separated values into fields.

    filter {
      csv {
        columns => ["time", "user", "bytes"]
        convert => { "bytes" => "integer" }
      }
    }

A line that is not quoted as it must be is left alone, and its event tagged `_csvparsefailure`. What has no name among
`columns` becomes `column3` and so on. Names go to the event, or to `target`.

`autodetect_column_names` takes the first line that comes for the names, so events must come in order, and from one
source; with `skip_header`, a line that equals the names is dropped. Such a filter runs in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.field_setting import Setter, setter
from pipeline.options import Boolean, Ecs, FilterOptions, Text, Texts, as_hash
from pipeline.plugin import Filter, Spreading
from pipeline.texts.csv_lines import Row, line_parser
from pipeline.texts.table_values import CONVERTERS, Converter

Type = Literal["integer", "float", "date", "date_time", "boolean"]


SKIPPED = "_csvskippedemptyfield"


def _quote(text: str) -> str:
    if text == r"\x00":
        return "\x00"
    if len(text) != 1:
        raise ValueError(r'quotes are one character, or "\x00" where nothing is quoted')
    return text


class Options(FilterOptions):
    """What the csv filter takes."""

    source: Annotated[FieldReference, Field(description="The field that holds the line.")] = FieldReference("message")
    target: Annotated[FieldReference | None, Field(description="The field for the columns; without it, the event.")] = (
        None
    )
    columns: Texts = Field([], description="Names of the columns, from the first.")
    separator: Annotated[Text, Field(min_length=1, description="What is between two values.")] = ","
    quote_char: Annotated[
        Text,
        AfterValidator(_quote),
        Field(description=r"What is around a quoted value, one character; `\x00` where nothing is quoted."),
    ] = '"'
    autogenerate_column_names: Annotated[
        Boolean, Field(description="Give columns without a name one; else they are left out.")
    ] = True
    autodetect_column_names: Annotated[Boolean, Field(description="Take the names from the first line.")] = False
    skip_header: Annotated[Boolean, Field(description="Drop lines that equal the names of the columns.")] = False
    skip_empty_columns: Annotated[Boolean, Field(description="Set no field where there is no value.")] = False
    skip_empty_rows: Annotated[
        Boolean, Field(description="Tag an empty line `_csvskippedemptyfield`, not as one that failed.")
    ] = False
    convert: Annotated[
        dict[Text, Type],
        BeforeValidator(as_hash),
        Field(
            description="Column to type: integer, float, boolean, date or date_time. What cannot be stays text; but no "
            "value for a boolean is a failure."
        ),
    ] = {}
    tag_on_failure: Texts = Field(["_csvparsefailure"], description="Tags for an event that failed.")
    ecs_compatibility: Annotated[
        Ecs, Field(description="Changes nothing in this filter; with ECS a target is advisable.")
    ] = "v8"


def build(options: Options) -> Filter:
    """The filter for these options."""
    read = _reader(options)
    if options.autodetect_column_names or options.skip_header:
        return Spreading(_table(options, read), remembers=options.autodetect_column_names)
    columns = _Columns(options, options.columns)

    def set_columns(event: Event) -> bool:
        row = read(event)
        if row is None:
            return False
        columns.set(event, row)
        return True

    return set_columns


def _reader(options: Options) -> Callable[[Event], Row | None]:
    """A function that reads the line of an event; None where there is nothing to read."""
    parse, get = line_parser(options.separator, options.quote_char), options.source.get
    skip_empty = options.skip_empty_rows

    def read(event: Event) -> Row | None:
        text = get(event)
        if text is None or text is False:
            return None
        if type(text) is not str:
            raise FilterFailure(f"the source holds no text but {text!r:.100}")
        try:
            row = parse(text)
        except ValueError as error:
            raise FilterFailure(str(error)) from error
        if row is None:
            if not skip_empty:
                raise FilterFailure("the line is empty")
            add_tag(event, SKIPPED)
        return row

    return read


def _table(options: Options, read: Callable[[Event], Row | None]) -> Callable[[Event], Iterable[Event]]:
    """Drops headers; the names in the first one are those of the lines that follow."""
    columns = _Columns(options, options.columns) if options.columns else None
    detect, skip = options.autodetect_column_names, options.skip_header

    def spread(event: Event) -> Iterable[Event]:
        nonlocal columns
        try:
            row = read(event)
            if row is None:
                return (event,)
            if detect and columns is None:
                columns = _Columns(options, [name or "" for name in row])
                return ()
            if skip and columns is not None and row == columns.names:
                return ()
            columns = columns or _Columns(options, [])
            columns.set(event, row)
        except FilterFailure:
            for tag in options.tag_on_failure:
                add_tag(event, tag)
            return (event,)
        # To the engine it is another event, so that it counts as matched.
        return (Event(event.fields, event.metadata, event.ordinal),)

    return spread


class _Columns:
    """Puts the values of a line into the fields of its columns; those of columns without a name are made on the way."""

    def __init__(self, options: Options, names: list[str]) -> None:
        self.names = names
        self._options = options
        self._target = "".join(f"[{key}]" for key in options.target.path) if options.target else ""
        self._columns: list[tuple[Setter, Converter | None] | None] = []

    def set(self, event: Event, row: Row) -> None:
        """Sets the fields of one line."""
        while len(self._columns) < len(row):
            self._columns.append(self._column(len(self._columns)))
        skip = self._options.skip_empty_columns
        for column, value in zip(self._columns, row, strict=False):
            if column is None or (skip and not value):
                continue
            set_field, convert = column
            if convert and value is not None:
                set_field(event, convert(value))
            elif convert is CONVERTERS["boolean"]:
                raise FilterFailure("a column without a value is no boolean")
            else:
                set_field(event, value)

    def _column(self, index: int) -> tuple[Setter, Converter | None] | None:
        name = self.names[index] if index < len(self.names) else ""
        if not name:
            if not self._options.autogenerate_column_names:
                return None
            name = f"column{index + 1}"
        convert = self._options.convert.get(name)
        try:
            field = FieldReference(f"{self._target}[{name}]")
        except FieldReferenceError as error:
            raise FilterFailure(str(error)) from error
        return setter(field), CONVERTERS[convert] if convert else None
