"""Keep or remove fields by patterns for their names or their values.

    filter {
      prune {
        whitelist_names => ["^method$", "(referrer|status)"]
        whitelist_values => { "status" => "^[45]" }
      }
    }

Only the event's own fields are looked at, not those inside of objects; `tags` is one of them, and `@timestamp` and
`@version` are, too. A pattern (Ruby's) may match anywhere in the name. Of an array, the elements that are not wanted
are removed; if none is left, so is the field. Where both kinds of values name one array, the second looks at the
array as it was, as in Logstash. Unless `blacklist_names` is given, fields whose name holds an unresolved
`%{...}` are removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from pipeline.errors import FilterFailure
from pipeline.event import Event
from pipeline.languages import ruby_regex
from pipeline.options import Boolean, FilterOptions, TextHash, Texts
from pipeline.plugin import Filter
from pipeline.sprintf import Template
from pipeline.texts.conversions import text

Search = Callable[[str], Any]


def _patterns(values: list[str] | dict[str, str]) -> list[str] | dict[str, str]:
    for pattern in values.values() if isinstance(values, dict) else values:
        ruby_regex.compile(pattern)
    return values


class Options(FilterOptions):
    """What the prune filter takes."""

    interpolate: Annotated[Boolean, Field(description="Whether patterns and names may hold %{...}.")] = False
    whitelist_names: Annotated[Texts, AfterValidator(_patterns)] = Field(
        [], description="Keep only fields whose name matches one of these; all if empty."
    )
    blacklist_names: Annotated[Texts, AfterValidator(_patterns)] = Field(
        [r"%\{[^}]+\}"], description="Remove fields whose name matches one of these."
    )
    whitelist_values: Annotated[TextHash, AfterValidator(_patterns)] = Field(
        {}, description="Field to pattern: keep the field only if its value matches."
    )
    blacklist_values: Annotated[TextHash, AfterValidator(_patterns)] = Field(
        {}, description="Field to pattern: remove the field if its value matches."
    )


def build(options: Options) -> Filter:
    """The filter for these options."""
    keep_names = _searches(options.whitelist_names, options.interpolate)
    drop_names = _searches(options.blacklist_names, options.interpolate)
    keep_values = _values(options.whitelist_values, options.interpolate)
    drop_values = _values(options.blacklist_values, options.interpolate)
    selective = bool(options.whitelist_names)

    def prune(event: Event) -> bool:
        # All is decided before anything is removed: patterns may speak of fields that go.
        fields = event.fields
        kept, dropped = keep_names(event), drop_names(event)
        gone = [name for name in fields if (selective and not _any(kept, name)) or (dropped and _any(dropped, name))]
        rests = [_rest(fields, name, search, True) for name, search in keep_values(event)]
        rests += [_rest(fields, name, search, False) for name, search in drop_values(event)]
        for name in gone:
            fields.pop(name, None)
        for rest in rests:
            _apply(fields, rest)
        return True

    return prune


def _any(searches: list[Search], name: str) -> bool:
    return any(search(name) is not None for search in searches)


def _searches(patterns: list[str], interpolate: bool) -> Callable[[Event], list[Search]]:
    if not interpolate:
        fixed = [ruby_regex.compile(pattern).search for pattern in patterns]
        return lambda event: fixed
    renders = [Template(pattern).render for pattern in patterns]
    return lambda event: [_compiled(render(event)) for render in renders]


def _values(patterns: dict[str, str], interpolate: bool) -> Callable[[Event], Iterable[tuple[str, Search]]]:
    if not interpolate:
        fixed = [(name, ruby_regex.compile(pattern).search) for name, pattern in patterns.items()]
        return lambda event: fixed
    renders = [(Template(name).render, Template(pattern).render) for name, pattern in patterns.items()]
    return lambda event: [(name(event), _compiled(pattern(event))) for name, pattern in renders]


def _compiled(pattern: str) -> Search:
    try:
        return ruby_regex.compile(pattern).search
    except ruby_regex.PatternError as error:
        raise FilterFailure(str(error)) from error


Rest = tuple[str, list[Any], list[Any]] | None
"""A field, its elements, and those of them to remove; a value that is no array is one element."""


def _rest(fields: dict[str, Any], name: str, search: Search, wanted: bool) -> Rest:
    value = fields.get(name)
    if value is None or value is False:
        return None
    items = value if type(value) is list else [value]
    return name, items, [item for item in items if (search(text(item)) is not None) is not wanted]


def _apply(fields: dict[str, Any], rest: Rest) -> None:
    if rest is None or not rest[2] or rest[0] not in fields:
        return
    name, items, unwanted = rest
    left = [item for item in items if item not in unwanted]
    if left:
        fields[name] = left
    else:
        del fields[name]
