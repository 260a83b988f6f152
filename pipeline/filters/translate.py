"""Look a value up in a dictionary, and put what it stands for into a field.

    filter {
      translate {
        source => "[http][response][status_code]"
        target => "[http][response][reason]"
        dictionary => { "200" => "OK" "404" => "Not Found" "500" => "Server Error" }
        fallback => "unknown"
      }
    }

Numbers are looked up as their texts; of an array the first element is. `regex` takes the keys for patterns (Ruby's),
and the first that matches counts; `exact => false` replaces each key that is in the text. `iterate_on` goes through an
array: of values, if it is the source, too, or of objects, each with a `source` and a `target` of its own; an object
without a source is left alone.

Without `target` the result takes the place of the source with ECS, else it goes to `translation`. A target that is
there is left alone, and the event counts as not matched, unless `override` is set or it is the source. In place of its
source the filter counts as matched whatever it finds.

A dictionary file (YAML, JSON, CSV) is read again when it has changed; one that cannot be read leaves the dictionary as
it was. With `refresh_behaviour => "merge"`, what is no longer in the file stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.event import Event, copied
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.languages import ruby_regex
from pipeline.options import Boolean, Ecs, ExistingPath, FilterOptions, FormerName, Hash, Ignored, Number
from pipeline.plugin import Filter, PlainFilter, PluginContext
from pipeline.sprintf import Template
from pipeline.texts import conversions, dictionaries

Words = Mapping[str, Any]
Find = Callable[[str], Any]
"""What a text stands for, `MISSING` if the dictionary does not say."""
MISSING = object()
_YAML = "YAML is read by another parser here, which has no such bound"


def _dictionary_path(path: Path) -> Path:
    dictionaries.ending(path)
    dictionaries.read(path)
    return path


class Options(FilterOptions):
    """What the translate filter takes."""

    source: Annotated[FieldReference, Field(description="The field to look up.")]
    target: Annotated[
        FieldReference | None,
        Field(description="The field for the result: with ECS the source by default, else `translation`."),
    ] = None
    dictionary: Annotated[Hash, Field(description="Word to what it stands for.")] = {}
    dictionary_path: Annotated[
        ExistingPath | None, AfterValidator(_dictionary_path), Field(description="A file of them: YAML, JSON or CSV.")
    ] = None
    refresh_interval: Annotated[Number, Field(description="Seconds between looks at the file; 0 for never.")] = 300
    refresh_behaviour: Annotated[
        Literal["merge", "replace"], Field(description="Whether what a file no longer has stays.")
    ] = "merge"
    exact: Annotated[Boolean, Field(description="Look the whole text up; else each word in it is replaced.")] = True
    regex: Annotated[Boolean, Field(description="Take words for patterns, where `exact` is set.")] = False
    fallback: Annotated[Template | None, Field(description="The result where there is none; may hold %{...}.")] = None
    override: Annotated[
        Boolean | None, Field(description="Replace what the target holds; by default if it is the source.")
    ] = None
    iterate_on: Annotated[FieldReference | None, Field(description="The array to go through.")] = None
    yaml_dictionary_code_point_limit: Annotated[
        Number, Ignored(_YAML), Field(description="Accepted as in Logstash.")
    ] = 134217728
    yaml_load_strategy: Annotated[
        Literal["one_shot", "streaming"], Ignored(_YAML), Field(description="Accepted as in Logstash.")
    ] = "one_shot"
    field: Annotated[FieldReference | None, FormerName("source"), Field(description="The former name of `source`.")] = (
        None
    )
    destination: Annotated[
        FieldReference | None, FormerName("target"), Field(description="The former name of `target`.")
    ] = None
    ecs_compatibility: Annotated[Ecs, Field(description="Decides the default of `target`.")] = "v8"

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.dictionary and self.dictionary_path:
            raise ValueError("dictionary and dictionary_path exclude each other")
        if self.override is False and self.into == self.source and self.iterate_on is None:
            raise ValueError("a translation in place of its source needs override => true, or no override at all")
        if self.exact and self.regex:
            for word in self.dictionary:
                ruby_regex.compile(word)
        return self

    @property
    def into(self) -> FieldReference:
        """The target, given or not."""
        if self.target:
            return self.target
        return FieldReference("translation") if self.ecs_compatibility == "disabled" else self.source


def build(options: Options, context: PluginContext) -> Filter:
    """The filter for these options."""
    words = _Dictionary(options, context.warn)
    if options.dictionary_path and options.refresh_interval > 0:
        context.every(options.refresh_interval, words.refresh)
    if options.iterate_on is None:
        return _single(options, words)
    if options.iterate_on == options.source:
        return _values(options, options.iterate_on, words)
    return _objects(options, options.iterate_on, words)


# --------------------------------------------------------------------------------------------- on an event


def _single(options: Options, words: _Dictionary) -> PlainFilter:
    source, target = options.source, options.into
    set_target, keep = setter(target), not _overrides(options)
    fallback = options.fallback.render if options.fallback else None
    in_place = target == source

    def translate(event: Event) -> bool:
        if not source.has(event) or (keep and target.has(event)):
            return False
        value = source.get(event)
        if type(value) is list:
            value = value[0] if value else None
        found = words.find(conversions.text(value))
        if found is MISSING:
            if fallback is None:
                return in_place
            found = fallback(event)
        set_target(event, copied(found))
        return True

    return translate


def _values(options: Options, array: FieldReference, words: _Dictionary) -> PlainFilter:
    target = options.into
    set_target, keep = setter(target), not _overrides(options)
    fallback = options.fallback.render if options.fallback else None

    def translate(event: Event) -> bool:
        if not array.has(event) or (keep and target.has(event)):
            return False
        otherwise = fallback(event) if fallback else None
        found = [words.find(conversions.text(item)) for item in _items(array.get(event))]
        results = [otherwise if item is MISSING else copied(item) for item in found]
        set_target(event, results)
        return target == array or any(result is not None and result is not False for result in results)

    return translate


def _objects(options: Options, array: FieldReference, words: _Dictionary) -> PlainFilter:
    source, target = options.source, options.into
    fallback = options.fallback.render if options.fallback else None

    def translate(event: Event) -> bool:
        if not array.has(event):
            return False
        matched = target == source
        for item in _items(array.get(event)):
            if type(item) is not dict:
                continue
            inside = Event(item)
            value = source.get(inside)
            if value is None:
                continue
            found = words.find(conversions.text(value))
            if found is MISSING:
                if fallback is None:
                    continue
                found = fallback(event)
            setter(target)(inside, copied(found))
            matched = True
        return matched

    return translate


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if type(value) is list else [value]


def _overrides(options: Options) -> bool:
    return options.into == options.source if options.override is None else options.override


# -------------------------------------------------------------------------------------------- the dictionary


class _Dictionary:
    """The words, from the configuration or from a file; `find` says what a text stands for."""

    def __init__(self, options: Options, warn: Callable[[str], None]) -> None:
        self._options, self._warn = options, warn
        self._words: dict[str, Any] = dict(options.dictionary)
        self._seen: tuple[int, int] | None = None
        self.find: Find = self._finder()
        if options.dictionary_path:
            self.refresh()

    def refresh(self) -> None:
        """Reads the file if it has changed; what is wrong with it is said, and changes nothing."""
        path = self._options.dictionary_path
        assert path is not None
        before = self._words
        try:
            status = path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return
            self._seen = seen
            read = dictionaries.read(path)
            self._words = {**before, **read} if self._options.refresh_behaviour == "merge" else read
            self.find = self._finder()
        except (OSError, ValueError) as error:
            self._words = before
            self._warn(f"translate: {path} cannot be read, the dictionary stays as it was: {error}")

    def _finder(self) -> Find:
        words = self._words
        if not self._options.exact:
            return _replacing(words)
        if not self._options.regex:
            return lambda text: words.get(text, MISSING)
        patterns = [(ruby_regex.compile(word).search, value) for word, value in words.items()]
        return lambda text: next((value for search, value in patterns if search(text) is not None), MISSING)


def _replacing(words: Words) -> Find:
    """Replaces each word in a text, the first of the dictionary's that is there at a place."""
    if not words:
        return lambda text: MISSING
    any_word = re.compile("|".join(map(re.escape, words)))

    def replace(text: str) -> Any:
        replaced = any_word.sub(lambda found: conversions.text(words[found[0]]), text)
        return MISSING if replaced == text else replaced

    return replace
