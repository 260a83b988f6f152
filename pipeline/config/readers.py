"""Who still looks into a field: nobody, where that can be shown from the text of the configuration.

A filter that writes a ready-made object may then write it as ready-made JSON, which costs no copy and is never
taken apart again. The proof errs towards "somebody": any later text that holds the field's name counts, and so
does any later plugin that is not known to look at named fields alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pipeline.config.check import CheckedPlugin, plugins_in
from pipeline.config.option_values import plain
from pipeline.grammar import ast
from pipeline.options import FilterOptions

NAMING = {"mutate", "date", "drop", "dns", "split", "clone"}
"""Filters that touch only what their options name, or fields that no ready-made object is written to by default."""
WRITING = {"elasticsearch", "sqlite"}
"""Outputs that hand a document to orjson as it is."""
LINES = {"file", "stdout"}
"""Outputs whose codec decides."""
JSON_CODECS = {"json", "json_lines"}

_SPRINTF = "%{"
_TEXTS = {"add_tag", "remove_tag"}
"""Options whose items are texts, not names of fields."""


def unread_after(configuration: ast.Configuration, checked: CheckedPlugin, outputs: list[CheckedPlugin]) -> Unread:
    """For a filter: whether no one after it, itself included, reads or changes a field of that name."""
    nodes = list(plugins_in(configuration.body("filter")))
    place = next(index for index, node in enumerate(nodes) if node is checked.node)
    after = nodes[place + 1 :]
    # The filter's own options were read before it wrote; its common options come after.
    options = [option for option in checked.node.options if option.name in FilterOptions.model_fields]
    options += [option for node in after for option in node.options]
    known = all(_names_what_it_touches(node) for node in after) and all(_writes_json(output) for output in outputs)
    # What makes a field's name at run time could make this one.
    known = known and not any(_SPRINTF in name for option in options for name in _names(option))
    texts = [text for option in options for text in _leaves(plain(option.value))]
    texts += [text for output in outputs for option in output.node.options for text in _leaves(plain(option.value))]
    texts += [text for section in configuration.sections for text in _conditions(section.body)]

    def unread(field: str) -> bool:
        return known and not any(field in text for text in texts)

    return unread


Unread = Callable[[str], bool]


def _names_what_it_touches(node: ast.Plugin) -> bool:
    # Without a target, a json filter sets whatever the document names.
    return node.name in NAMING or (node.name == "json" and any(option.name == "target" for option in node.options))


def _writes_json(output: CheckedPlugin) -> bool:
    if output.module.name in WRITING:
        return True
    codec = getattr(output.options, "codec", None)
    return output.module.name in LINES and getattr(codec, "name", None) in JSON_CODECS


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, ast.Plugin):
        for option in value.options:
            yield from _leaves(plain(option.value))
    else:
        yield str(value)


def _names(option: ast.Option) -> Iterator[str]:
    """Texts of an option that may be names of fields: keys, items of arrays, single values; not values of a hash."""
    value = plain(option.value)
    if isinstance(value, dict):
        yield from value
    elif option.name not in _TEXTS:
        yield from _leaves(value)


def _conditions(statements: tuple[ast.Statement, ...]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.Branch):
            for arm in statement.arms:
                yield arm.condition.span.text
                yield from _conditions(arm.body)
            yield from _conditions(statement.otherwise)
