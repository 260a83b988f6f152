r"""Parse texts of keys and values, such as `ip=1.2.3.4 error="not found"`.

    filter {
      kv {
        source => "[url][query]"
        field_split => "&?"
        target => "[url][parameters]"
      }
    }

Without `target` the keys become fields of the event; a key such as `[a][b]` is a field reference then. A key that
comes several times gives an array. A source that is neither text nor an array is left alone, as are elements of an
array that are no text. Values in quotes or brackets may hold separators; a pair without a value is left out.

What is between pairs, and between key and value, is given as characters (a character class of Ruby's: write `\[` and
`\]` for brackets), or as patterns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.errors import FieldReferenceError, FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.languages import ruby_regex
from pipeline.languages.key_values import Grammar, finder
from pipeline.options import Boolean, Ecs, FilterOptions, Formats, Hash, Integer, Text, Texts
from pipeline.plugin import Filter
from pipeline.sprintf import Template
from pipeline.texts.conversions import capitalized, lowercase
from pipeline.time_limits import TimeLimit, TimeLimitExceeded

Case = Literal["lowercase", "uppercase", "capitalize"]
Change = Callable[[str], str]
_CASES: dict[str, Change] = {"lowercase": lowercase, "uppercase": str.upper, "capitalize": capitalized}


class Options(FilterOptions):
    """What the kv filter takes."""

    source: Annotated[FieldReference, Field(description="The field to parse.")] = FieldReference("message")
    target: Annotated[FieldReference | None, Field(description="The field for the pairs; without it, the event.")] = (
        None
    )
    field_split: Annotated[Text, Field(description="Characters between pairs.")] = " "
    field_split_pattern: Annotated[Text | None, Field(min_length=1, description="A pattern for them, instead.")] = None
    value_split: Annotated[Text, Field(min_length=1, description="Characters between key and value.")] = "="
    value_split_pattern: Annotated[Text | None, Field(min_length=1, description="A pattern for them, instead.")] = None
    whitespace: Annotated[
        Literal["lenient", "strict"], Field(description="Whether blanks around the value's separator belong to it.")
    ] = "lenient"
    include_brackets: Annotated[Boolean, Field(description="Take brackets around a value away, as quotes are.")] = True
    prefix: Annotated[Template, Field(description="A text before each key; may hold %{...}.")] = Template("")
    include_keys: Formats = Field([], description="Keys to keep; all if empty. May hold %{...}.")
    exclude_keys: Formats = Field([], description="Keys to leave out. May hold %{...}.")
    default_keys: Annotated[Hash, Field(description="Key to value, for keys that are not there.")] = {}
    allow_duplicate_values: Annotated[
        Boolean, Field(description="Whether a key that has the value already, or a text with it inside, gets it again.")
    ] = True
    allow_empty_values: Annotated[Boolean, Field(description="Keep keys whose value is empty.")] = False
    recursive: Annotated[Boolean, Field(description="Parse values in which there are pairs.")] = False
    trim_key: Annotated[Text | None, Field(description="Characters to take away at both ends of keys.")] = None
    trim_value: Annotated[Text | None, Field(description="Characters to take away at both ends of values.")] = None
    remove_char_key: Annotated[Text | None, Field(description="Characters to take out of keys.")] = None
    remove_char_value: Annotated[Text | None, Field(description="Characters to take out of values.")] = None
    transform_key: Annotated[Case | None, Field(description="The case that keys are written in.")] = None
    transform_value: Annotated[Case | None, Field(description="The case that values are written in.")] = None
    tag_on_failure: Texts = Field(["_kv_filter_error"], description="Tags for an event that failed.")
    tag_on_timeout: Annotated[Text, Field(description="The tag for an event that took too long.")] = (
        "_kv_filter_timeout"
    )
    timeout_millis: Annotated[
        Integer, Field(ge=0, description="Milliseconds that an event may take; 0 for no bound.")
    ] = 30000
    ecs_compatibility: Annotated[
        Ecs, Field(description="Changes nothing in this filter; with ECS a target is advisable.")
    ] = "v8"

    @model_validator(mode="after")
    def _patterns(self) -> Self:
        finder(_grammar(self))
        _changes(self.trim_key, self.remove_char_key, self.transform_key)
        _changes(self.trim_value, self.remove_char_value, self.transform_value)
        return self


def build(options: Options) -> Filter:
    """The filter for these options."""
    parse = _parser(options)
    get, set_target = options.source.get, setter(options.target) if options.target else None
    defaults, late = options.default_keys, options.tag_on_timeout
    bounded_by = TimeLimit(options.timeout_millis / 1000) if options.timeout_millis else None

    def read(event: Event) -> bool:
        value = get(event)
        pairs: dict[str, Any] = {}
        try:
            for text in value if type(value) is list else (value,):
                if type(text) is str:
                    parse(text, event, pairs)
        except TimeLimitExceeded:
            assert bounded_by is not None
            add_tag(event, late)
            return False
        if defaults:
            pairs = {**defaults, **pairs}
        if not pairs:
            return False
        if set_target:
            set_target(event, pairs)
        else:
            _set_each(event, pairs)
        return True

    return read


def _set_each(event: Event, pairs: dict[str, Any]) -> None:
    for key, value in pairs.items():
        try:
            field = FieldReference(key)
        except FieldReferenceError as error:
            raise FilterFailure(str(error)) from error
        setter(field)(event, value)


def _grammar(options: Options) -> Grammar:
    return Grammar(
        field_split=options.field_split,
        value_split=options.value_split,
        field_pattern=options.field_split_pattern,
        value_pattern=options.value_split_pattern,
        brackets=options.include_brackets,
        lenient=options.whitespace == "lenient",
    )


def _parser(options: Options) -> Callable[[str, Event, dict[str, Any]], None]:
    """A function that adds the pairs of a text to a dict."""
    separated, pairs_of = finder(_grammar(options))
    change_key = _changes(options.trim_key, options.remove_char_key, options.transform_key)
    change_value = _changes(options.trim_value, options.remove_char_value, options.transform_value)
    include, exclude = ([Template(key).render for key in keys] for keys in (options.include_keys, options.exclude_keys))
    prefix, empty, recursive = options.prefix.render, options.allow_empty_values, options.recursive
    again = options.allow_duplicate_values

    def parse(text: str, event: Event, into: dict[str, Any]) -> None:
        if not separated(text):
            return
        included, excluded = [key(event) for key in include], [key(event) for key in exclude]
        before = prefix(event)
        for raw, value in pairs_of(text):
            if not value and not empty:
                continue
            key = change_key(raw)
            if (included and key not in included) or key in excluded:
                continue
            key, value = before + key, change_value(value)
            if not again and key in into and value in into[key]:
                continue
            _add(into, key, _inner(value, event) if recursive else value)

    def _inner(value: str, event: Event) -> Any:
        inside: dict[str, Any] = {}
        parse(value, event, inside)
        return inside or value

    return parse


def _add(into: dict[str, Any], key: str, value: Any) -> None:
    if key not in into:
        into[key] = value
    elif type(into[key]) is list:
        into[key].append(value)
    else:
        into[key] = [into[key], value]


def _changes(trim: str | None, remove: str | None, case: Case | None) -> Change:
    """What is done to a key or a value, in this order."""
    changes: list[Change] = []
    if trim:
        changes.append(_without(f"^[{trim}]+|[{trim}]+$"))
    if remove:
        changes.append(_without(f"[{remove}]"))
    if case:
        changes.append(_CASES[case])

    def change(text: str) -> str:
        for each in changes:
            text = each(text)
        return text

    return change


def _without(pattern: str) -> Change:
    sub = ruby_regex.compile(pattern).sub
    return lambda text: sub("", text)
