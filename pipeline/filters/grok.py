r"""Take a text apart with patterns that have names.

    filter {
      grok {
        match => { "message" => "%{IPORHOST:client} %{WORD:method} %{URIPATHPARAM:request} %{INT:bytes:int}" }
      }
    }

`%{NAME:field}` keeps what the pattern NAME matches in a field, `%{NAME:field:int}` as a number; `(?<field>...)` is a
pattern of your own. The patterns of Logstash are built in under their names, with the field names of the Elastic Common
Schema or, under `ecs_compatibility => "disabled"`, those of old. Patterns are Ruby's regular expressions; they match
anywhere in the text unless they begin with `^` or `\A`, which also makes them much faster.

A field that is there already gets an array, unless `overwrite` names it. Of several patterns for a field the first that
matches counts; `break_on_match => false` tries them all, and then it is the last of them that decides whether the event
is tagged, as in Logstash. A field that the event lacks is matched as an empty text. An event on which a pattern works
longer than `timeout_millis` is tagged `_groktimeout`, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from pipeline.errors import FieldReferenceError
from pipeline.event import Event, add_tag
from pipeline.field_reference import METADATA, FieldReference
from pipeline.languages import grok
from pipeline.languages.grok_captures import Apply, Terms, applier
from pipeline.languages.grok_library import library
from pipeline.languages.grok_reasons import told
from pipeline.options import Boolean, Ecs, FilterOptions, Integer, Text, TextHash, Texts, as_hash, as_list
from pipeline.plugin import Filter, PlainFilter, explained
from pipeline.texts.conversions import text as to_text
from pipeline.time_limits import TimeLimit, TimeLimitExceeded

Patterns = Annotated[list[Text], BeforeValidator(as_list)]


class Options(FilterOptions):
    """What the grok filter takes."""

    patterns_dir: Annotated[Texts, Field(description="Folders with pattern files of your own, or globs of files.")] = []
    patterns_files_glob: Annotated[Text, Field(description="Which files of these folders are read.")] = "*"
    pattern_definitions: Annotated[TextHash, Field(description="Name to pattern, for this filter alone.")] = {}
    named_captures_only: Annotated[
        Boolean, Field(description="Keep only what has a field; else %{NAME} is kept in the field NAME.")
    ] = True
    keep_empty_captures: Annotated[Boolean, Field(description="Set fields to which nothing was matched, too.")] = False
    break_on_match: Annotated[Boolean, Field(description="Stop at the first pattern that matches.")] = True
    overwrite: Annotated[list[FieldReference], BeforeValidator(as_list)] = Field(
        [], description="Fields whose value is replaced; others get an array of the old and the new."
    )
    target: Annotated[FieldReference | None, Field(description="The field that all captures go below.")] = None
    tag_on_failure: Texts = Field(["_grokparsefailure"], description="Tags for an event that no pattern matched.")
    timeout_millis: Annotated[Integer, Field(ge=0, description="The longest time for a pattern; 0 for no bound.")] = (
        30000
    )
    timeout_scope: Annotated[
        Literal["pattern", "event"], Field(description="Whether the time is that of one pattern, or of them all.")
    ] = "pattern"
    tag_on_timeout: Annotated[Text, Field(description="The tag for an event that took too long.")] = "_groktimeout"
    ecs_compatibility: Annotated[Ecs, Field(description="Which field names the built-in patterns use.")] = "v8"
    match: Annotated[
        dict[Text, Patterns],
        BeforeValidator(as_hash),
    ] = Field({}, description="Field to the pattern, or the patterns, for its text.")

    @field_validator("match")
    @classmethod
    def _compiles(cls, match: dict[str, list[str]], info: ValidationInfo) -> dict[str, list[str]]:
        if {"patterns_dir", "patterns_files_glob", "pattern_definitions"} <= info.data.keys():
            try:
                _compiled(match, info.data)
            except FieldReferenceError as error:
                raise ValueError(str(error)) from error
        return match


class Attempt(NamedTuple):
    """A compiled pattern: how to find it in a text (see `Regex`), and what to do with what it captured."""

    find: grok.Find
    apply: Apply
    literal: str
    plain: grok.Find | None


Source = tuple[FieldReference, Sequence[Attempt]]


def build(options: Options) -> Filter:
    """The filter for these options."""
    sources = _compiled(options.match, dict(options))
    if len(sources) == 1 and len(sources[0][1]) == 1:
        match = _single(sources[0][0], sources[0][1][0], options)
    else:
        match = _several(sources, options)
    return explained(match, lambda event: _reasons(options, event))


def _reasons(options: Options, event: Event) -> Iterator[str]:
    """For `explain`: how far each pattern gets."""
    patterns = _patterns(dict(options))
    for field, texts in options.match.items():
        value = FieldReference(field).get(event)
        for item in value if type(value) is list else (value,):
            for text in texts:
                yield f"{field}: {told(text, patterns, to_text(item))}"


def _compiled(match: Mapping[str, Sequence[str]], options: Mapping[str, Any]) -> list[Source]:
    """The patterns of each field; `options` are those that were validated before `match`."""
    patterns = _patterns(options)
    sources: list[Source] = []
    for field, texts in match.items():
        source, attempts = FieldReference(field), []
        terms = Terms(options["target"], options["overwrite"], options["keep_empty_captures"], source)
        for text in texts:
            compiled = grok.compile(text, patterns, named_only=options["named_captures_only"])
            regex = compiled.regex
            apply = applier(compiled.captures, regex.groups, terms)
            attempts.append(Attempt(regex.find, apply, regex.literal, regex.plain))
        sources.append((source, attempts))
    return sources


def _patterns(options: Mapping[str, Any]) -> dict[str, str]:
    patterns = library(
        ecs=options["ecs_compatibility"] != "disabled",
        places=options["patterns_dir"],
        names=options["patterns_files_glob"],
    )
    return {**patterns, **options["pattern_definitions"]}


def _limit(options: Options, *parts: str) -> TimeLimit | None:
    if not options.timeout_millis:
        return None
    return TimeLimit(options.timeout_millis / 1000, parts if options.timeout_scope == "pattern" else ())


def _tagger(tags: Sequence[str]) -> Callable[[Event], bool]:
    def fail(event: Event) -> bool:
        for tag in tags:
            add_tag(event, tag)
        return False

    return fail


def _single(source: FieldReference, attempt: Attempt, options: Options) -> PlainFilter:
    """One pattern for one field."""
    get, (find, apply, literal, plain), bounded_by = source.get, attempt, _limit(options, "item")
    key = source.path[0] if len(source.path) == 1 and source.path[0] != METADATA else None
    fail, late = _tagger(options.tag_on_failure), _tagger([options.tag_on_timeout])

    def match(event: Event) -> bool:
        try:
            # The usual case, with as few calls as can be.
            value = event.fields.get(key) if key is not None else get(event)
            if type(value) is str:
                if plain is not None and value.isascii():
                    found = plain(value) if literal in value else None
                else:
                    found = find(value)
                if found is None:
                    return fail(event)
                apply(found, event)
                return True
            matched = False
            for item in value if type(value) is list else (value,):
                found = find(to_text(item))
                if found is not None:
                    apply(found, event)
                    matched = True
            return matched or fail(event)
        except TimeLimitExceeded:
            assert bounded_by is not None
            return late(event)

    return match


def _several(sources: Sequence[Source], options: Options) -> PlainFilter:
    """Several patterns, or several fields."""
    readers = [(source.get, attempts) for source, attempts in sources]
    bounded_by, stops = _limit(options, "attempt", "item"), options.break_on_match
    fail, late = _tagger(options.tag_on_failure), _tagger([options.tag_on_timeout])

    def match(event: Event) -> bool:
        matched = False
        try:
            for get, attempts in readers:
                value = get(event)
                here = False
                for item in value if type(value) is list else (value,):
                    text, hit = item if type(item) is str else to_text(item), False
                    for attempt in attempts:
                        find, apply, _, _ = attempt
                        found = find(text)
                        hit = found is not None
                        if found is not None:
                            apply(found, event)
                            if stops:
                                break
                    here |= hit
                matched |= here
                if matched and stops:
                    break
        except TimeLimitExceeded:
            assert bounded_by is not None
            return late(event)
        return matched or fail(event)

    return match
