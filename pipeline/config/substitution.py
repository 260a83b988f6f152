"""Variables of the environment in a configuration: `${NAME}` and `${NAME:default}`.

In the options of plugins they stand anywhere in a text, at any depth of arrays and in the values of
hashes, not in their keys. In conditions they must be the whole text, and patterns have none. Anything
else, such as `$NAME`, `${NAME` or `${a b}`, is plain text. What a variable holds is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.grammar.faults import Fault, did_you_mean
from pipeline.grammar.sources import Span

_VARIABLE = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)(?::([^}]*))?\}")


def substituted(value: Any, environment: Mapping[str, str], span: Span, faults: list[Fault]) -> Any:
    """The value with every variable in its texts replaced; one that is not defined is a fault at the span."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _replacement(found, environment, span, faults), value)
    if isinstance(value, list):
        return [substituted(item, environment, span, faults) for item in value]
    if isinstance(value, dict):
        return {key: substituted(item, environment, span, faults) for key, item in value.items()}
    return value


def variables(text: str) -> set[str]:
    """The names of the variables in a text."""
    return {found[1] for found in _VARIABLE.finditer(text)}


def substituted_whole(text: str, environment: Mapping[str, str], span: Span, faults: list[Fault]) -> str:
    """The text of a condition: replaced if it is a variable and nothing else."""
    found = _VARIABLE.fullmatch(text)
    return _replacement(found, environment, span, faults) if found else text


def _replacement(found: re.Match[str], environment: Mapping[str, str], span: Span, faults: list[Fault]) -> str:
    name, default = found[1], found[2]
    value = environment.get(name, default)
    if value is not None:
        return value
    hint = did_you_mean(name, environment)
    remedy = f"; set it in the environment, or give a default: ${{{name}:default}}"
    faults.append(Fault(f"the variable {name} is not defined{hint}{remedy}", _place(found[0], span)))
    return found[0]


def _place(text: str, span: Span) -> Span:
    """Where the variable stands within the value."""
    at = span.text.find(text)
    return span if at < 0 else Span(span.source, span.start + at, span.start + at + len(text))
