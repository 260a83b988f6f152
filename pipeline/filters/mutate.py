r"""Change fields: rename, replace, convert, split and more.

    filter {
      mutate {
        rename  => { "[src][ip]" => "[client][ip]" }
        replace => { "summary" => "%{method} %{path}" }
        convert => { "bytes" => "integer" }
        gsub    => [ "path", "/+$", "", "user", "(\w+)@(\w+)", "\2 at \1" ]
        split   => { "roles" => "," }
      }
    }

Whatever the order in the configuration, operations run in this order: coerce, rename, update, replace, convert,
gsub, uppercase, capitalize, lowercase, strip, split, join, merge, copy. Use two mutate blocks for another order.

If an operation fails, those after it are left out, the event gets the tag `_mutate_error`, and `add_field` and the
other common options are not applied. What was done before stays done. Four things are kinder than in Logstash: a value
that cannot be set under its new name keeps its old one, an integer beyond 64 bits becomes a float, a pattern of gsub
that works on a field for longer than 30 s fails, and so does a text beyond the range of a float (`1e400`), where
Logstash makes an infinity of it that JSON cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, copied
from pipeline.field_reference import FieldReference
from pipeline.field_renaming import renaming
from pipeline.field_setting import setter, text_setter
from pipeline.options import FilterOptions, FormatHash, Hash, Text, TextHash, Texts, as_hash
from pipeline.plugin import Filter, PlainFilter
from pipeline.sprintf import Template
from pipeline.texts import conversions
from pipeline.texts.conversions import Conversion
from pipeline.time_limits import TimeLimit, TimeLimitExceeded

Operation = PlainFilter
"""Does one thing to one field; always True, so that a lone operation is the whole filter."""
Type = Literal["string", "integer", "float", "boolean", "integer_eu", "float_eu"]
GSUB_SECONDS = 30.0
"""As long as grok's patterns may take by default."""


def _triples(values: list[str]) -> list[str]:
    if len(values) % 3:
        raise ValueError(f"expected field, pattern and replacement, again and again, got {len(values)} values")
    from pipeline.languages import ruby_regex  # for gsub alone

    for pattern in values[1::3]:
        if "%{" not in pattern:
            ruby_regex.compile(pattern)
    return values


class Options(FilterOptions):
    """What the mutate filter takes."""

    coerce: FormatHash = Field({}, description="Values for fields that are there but null; may hold %{...}.")
    rename: FormatHash = Field({}, description="Old name to new name; both may hold %{...}.")
    update: FormatHash = Field({}, description="Values for fields that are there; may hold %{...}.")
    replace: FormatHash = Field({}, description="Values for fields, there or not; may hold %{...}.")
    convert: Annotated[dict[Text, Type], BeforeValidator(as_hash)] = Field(
        {},
        description="Field to type: string, integer, float, boolean, or integer_eu and float_eu for numbers such as"
        ' "1.234,56". Elements of an array are converted one by one; objects and null are left alone.',
    )
    gsub: Annotated[Texts, AfterValidator(_triples)] = Field(
        [],
        description=r"Field, pattern and replacement, again and again. Patterns are Ruby's; \0 to \9 and \k<name> in a"
        " replacement stand for what was matched (of numbers only \\0, where groups have names)."
        " Pattern and replacement may hold %{...}.",
    )
    uppercase: Texts = Field([], description="Fields to write in upper case.")
    capitalize: Texts = Field([], description="Fields to write with a capital first and the rest in lower case.")
    lowercase: Texts = Field([], description="Fields to write in lower case.")
    strip: Texts = Field([], description="Fields to free of blanks at both ends.")
    split: TextHash = Field(
        {}, description='Field to separator: text becomes an array. " " is any run of blanks, "" gives the characters.'
    )
    join: TextHash = Field({}, description="Field to separator: an array becomes text.")
    merge: Hash = Field(
        {},
        description="Field to the field, or array of fields, whose values are added to it. Arrays and single values"
        " make an array; two objects make one; an object and anything else are left alone.",
    )
    copy_: TextHash = Field(
        {}, alias="copy", description="Field to the field that gets a copy of it, in place of what it has."
    )
    tag_on_failure: Texts = Field(["_mutate_error"], description="The tag for an event on which an operation failed.")


def build(options: Options) -> Filter:
    """The filter for these options."""
    operations = [*_operations(options)]
    if options.gsub:
        return _bounded(operations)
    if len(operations) == 1:
        return operations[0]

    def mutate(event: Event) -> bool:
        for operate in operations:
            operate(event)
        return True

    return mutate


def _bounded(operations: Iterable[Operation]) -> PlainFilter:
    bounded_by, operations = TimeLimit(GSUB_SECONDS, ("operate",)), tuple(operations)

    def mutate(event: Event) -> bool:
        try:
            for operate in operations:
                operate(event)
        except TimeLimitExceeded as error:
            raise FilterFailure(f"{error}, more than the {bounded_by.seconds:g} s that gsub has") from error
        return True

    return mutate


def _operations(options: Options) -> Iterable[Operation]:
    def texts(formats: dict[str, Any]) -> Iterable[tuple[str, str]]:
        return ((field, conversions.text(value)) for field, value in formats.items())

    yield from (_compiled(_coerce, *pair) for pair in texts(options.coerce))
    yield from (_renaming(*pair) for pair in texts(options.rename))
    yield from (_compiled(_update, *pair) for pair in texts(options.update))
    yield from (_compiled(_replace, *pair) for pair in texts(options.replace))
    yield from (_compiled(_convert, *pair) for pair in options.convert.items())
    triples = zip(options.gsub[::3], options.gsub[1::3], options.gsub[2::3], strict=True)
    yield from (_compiled(_gsub, *triple) for triple in triples)
    yield from (_compiled(_change_texts, field, str.upper) for field in options.uppercase)
    yield from (_compiled(_change_texts, field, conversions.capitalized) for field in options.capitalize)
    yield from (_compiled(_change_texts, field, conversions.lowercase) for field in options.lowercase)
    yield from (_compiled(_strip, field) for field in options.strip)
    yield from (_compiled(_split, *pair) for pair in options.split.items())
    yield from (_compiled(_join, *pair) for pair in options.join.items())
    yield from (_compiled(_merge, *pair) for pair in options.merge.items())
    yield from (_compiled(_copy, *pair) for pair in options.copy_.items())


def _compiled(make: Callable[..., Operation], field: str, *arguments: Any) -> Operation:
    """The operation on a field; where the reference cannot be read, one that fails, as in Logstash."""
    try:
        return make(FieldReference(field), *arguments)
    except FieldReferenceError as error:
        return _failing(str(error))


def _failing(reason: str) -> Operation:
    def fail(_event: Event) -> bool:
        raise FilterFailure(reason)

    return fail


# ---------------------------------------------------------------------------------------------- setting


def _coerce(field: FieldReference, text: str) -> Operation:
    get, has, set_field, render = field.get, field.has, text_setter(field), Template(text).render

    def coerce(event: Event) -> bool:
        if get(event) is None and has(event):
            set_field(event, render(event))
        return True

    return coerce


def _update(field: FieldReference, text: str) -> Operation:
    has, set_field, render = field.has, text_setter(field), Template(text).render

    def update(event: Event) -> bool:
        if has(event):
            set_field(event, render(event))
        return True

    return update


def _replace(field: FieldReference, text: str) -> Operation:
    set_field, render = text_setter(field), Template(text).render

    def replace(event: Event) -> bool:
        set_field(event, render(event))
        return True

    return replace


def _copy(field: FieldReference, target: str) -> Operation:
    get, set_target = field.get, setter(FieldReference(target))

    def copy(event: Event) -> bool:
        value = get(event)
        if value is not None:
            set_target(event, copied(value))
        return True

    return copy


def _renaming(old: str, new: str) -> Operation:
    names = Template(old), Template(new)
    if names[0].constant and names[1].constant:
        return _compiled(lambda source: renaming(source, FieldReference(new)), old)

    def rename(event: Event) -> bool:
        try:
            source, target = (FieldReference(name.render(event)) for name in names)
        except FieldReferenceError as error:
            raise FilterFailure(str(error)) from error
        return renaming(source, target)(event)

    return rename


# ------------------------------------------------------------------------------------------- converting


def _convert(field: FieldReference, type_name: str) -> Operation:
    get, set_field, conversion = field.get, setter(field), conversions.CONVERSIONS[type_name]
    if field.path == ("@timestamp",):
        return _nothing if type_name == "boolean" else _converting_time(type_name)

    def convert(event: Event) -> bool:
        value = get(event)
        if value is None or type(value) is dict:
            return True
        try:
            if type(value) is list:
                value = [None if item is None else conversion(item) for item in value]
            else:
                value = conversion(value)
        except ValueError as error:
            raise FilterFailure(f"{field.text}: {error}") from error
        set_field(event, value)
        return True

    return convert


def _change_texts(field: FieldReference, change: Conversion) -> Operation:
    """Changes a text, or the texts of an array; leaves all else alone."""
    get, set_field = field.get, setter(field)
    if field.path == ("@timestamp",):
        return _nothing  # a time is no text

    def change_texts(event: Event) -> bool:
        value = get(event)
        if type(value) is str:
            set_field(event, change(value))
        elif type(value) is list:
            set_field(event, [change(item) if type(item) is str else item for item in value])
        return True

    return change_texts


def _nothing(_event: Event) -> bool:
    return True


def _converting_time(type_name: str) -> Operation:
    """A time is no text, and whatever it is turned into is no time."""

    def convert(event: Event) -> bool:
        if event.fields.get("@timestamp") is not None:
            raise FilterFailure(
                f"@timestamp must stay a time and cannot be a {type_name}: copy it, and convert the copy"
            )
        return True

    return convert


def _gsub(field: FieldReference, pattern: str, replacement: str) -> Operation:
    by = Template(replacement)
    if "%{" not in pattern and by.constant:
        return _change_texts(field, _substitution(pattern, replacement))
    needle = Template(pattern).render if "%{" in pattern else None

    def gsub(event: Event) -> bool:
        try:
            substitution = _substitution(needle(event) if needle else pattern, by.render(event))
        except ValueError as error:  # a pattern that the event made
            raise FilterFailure(str(error)) from error
        return _change_texts(field, substitution)(event)

    return gsub


def _substitution(pattern: str, replacement: str) -> Callable[[str], str]:
    from pipeline.languages import ruby_regex

    regex = ruby_regex.compile(pattern)
    sub, by = regex.sub, ruby_regex.replacement(replacement, regex)

    def substitute(text: str) -> str:
        try:
            return sub(by, text)
        except ruby_regex.PatternError as error:
            raise FilterFailure(str(error)) from error

    return substitute


def _strip(field: FieldReference) -> Operation:
    get, change = field.get, _change_texts(field, conversions.stripped)

    def strip(event: Event) -> bool:
        value = get(event)
        if type(value) is list and not all(type(item) is str for item in value):
            raise FilterFailure(f"{field.text}: only text can be stripped")
        return change(event)

    return strip


# ------------------------------------------------------------------------------------------------ arrays


def _split(field: FieldReference, separator: str) -> Operation:
    get, set_field = field.get, setter(field)
    if field.path == ("@timestamp",):
        return _nothing

    def split(event: Event) -> bool:
        value = get(event)
        if type(value) is str:
            set_field(event, conversions.split(value, separator))
        return True

    return split


def _join(field: FieldReference, separator: str) -> Operation:
    get, set_field = field.get, setter(field)

    def join(event: Event) -> bool:
        value = get(event)
        if type(value) is list:
            set_field(event, conversions.joined(value, separator))
        return True

    return join


def _merge(field: FieldReference, added: Any) -> Operation:
    get, set_field = field.get, setter(field)
    sources = [FieldReference(str(source)).get for source in (added if isinstance(added, list) else [added])]

    def merge(event: Event) -> bool:
        before = get(event)
        for source in sources:
            more = source(event)
            if (type(before) is dict) is not (type(more) is dict):
                continue
            if type(before) is dict:
                set_field(event, before | copied(more))
            else:
                set_field(event, _array(before) + _array(copied(more)))
            # Logstash looks again only at what it can add to in place: a text stays what it was.
            before = get(event) if type(before) is dict or type(before) is list else before
        return True

    return merge


def _array(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if type(value) is list else [value]
