"""Reads values out of TOML tables, and gathers what is wrong with them, all of it: file, key, what would be right.

table = Table(values, "node.toml", "inputs[0]", faults)
paths = table.texts("paths")
table.done()                    # what was not asked for is a fault: perhaps a misspelt key
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

_VARIABLE = re.compile(r"\$\{(\w+)(?::([^}]*))?\}")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")

T = TypeVar("T")
D = TypeVar("D")


class Table:
    """One table; each key may be asked for once. What is wrong gives the default, and a fault."""

    def __init__(self, values: dict[str, Any], file: str, place: str, faults: list[str]) -> None:
        self._values = values
        self._file, self._place, self.faults = file, place, faults
        self._known: list[str] = []

    def fault(self, key: str, text: str) -> None:
        """Says what is wrong with a key, and what would be right."""
        place = ".".join(part for part in (self._place, key) if part)
        self.faults.append(f"{self._file}: {place}: {text}")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def done(self, also: Sequence[str] = ()) -> None:
        """Each key that nobody asked for is a fault, but for those that are known `also`."""
        known = [*self._known, *also]
        for key in self._values:
            if key not in known:
                meant = get_close_matches(key, known, 1)
                hint = f'did you mean "{meant[0]}"?' if meant else f"known here are {', '.join(sorted(known))}"
                self.fault(key, f"there is no such option; {hint}")

    # ------------------------------------------------------------------------------------------ values

    def _get(self, key: str, default: D, read: Callable[[Any], T]) -> T | D:
        self._known.append(key)
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except ValueError as error:
            self.fault(key, str(error))
            return default

    def text(self, key: str, default: str = "", *, choices: Sequence[str] = (), needed: str = "") -> str:
        """A text; where it is `needed`, that says what for."""
        if needed and key not in self._values:
            self._known.append(key)
            self.fault(key, f"is missing: {needed}")
            return default

        def read(value: Any) -> str:
            text = _text(value)
            if choices and text not in choices:
                raise ValueError(f'"{text}" is none of {", ".join(choices)}')
            if needed and not text:
                raise ValueError(f"is empty: {needed}")
            return text

        return self._get(key, default, read)

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """A regular expression, compiled; None where it is not given."""

        def read(value: Any) -> re.Pattern[str]:
            try:
                return re.compile(_text(value))
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from None

        return self._get(key, None, read)

    def texts(self, key: str, default: Sequence[str] = (), *, needed: str = "") -> tuple[str, ...]:
        """A list of texts."""
        if needed and not self._values.get(key, ["x"] if key in self._values else None):
            self._known.append(key)
            self.fault(key, f"is missing or empty: {needed}")
            return tuple(default)

        def read(value: Any) -> tuple[str, ...]:
            if not isinstance(value, list):
                raise ValueError(f'must be a list of texts, such as ["..."], and is {_shown(value)}')
            return tuple(map(_text, value))

        return self._get(key, tuple(default), read)

    def flag(self, key: str, default: bool = False) -> bool:
        """true or false."""

        def read(value: Any) -> bool:
            if not isinstance(value, bool):
                raise ValueError(f"must be true or false, and is {_shown(value)}")
            return value

        return self._get(key, default, read)

    def number(self, key: str, default: int, *, least: int, most: int) -> int:
        """An integer between bounds."""

        def read(value: Any) -> int:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"must be a whole number from {least} to {most}, and is {_shown(value)}")
            return value

        return self._get(key, default, read)

    def seconds(self, key: str, default: float, *, least: float = 0.0) -> float:
        """A duration, in seconds: 30, "500ms", "5m"."""

        def read(value: Any) -> float:
            found = _quantity(value, _SECONDS, "s", 'seconds, or a text such as "500ms", "30s", "5m", "72h"')
            if found < least:
                raise ValueError(f"must be at least {least:g} s, and is {_shown(value)}")
            return found

        return self._get(key, default, read)

    def size(self, key: str, default: int, *, least: int, most: int) -> int:
        """A size, in bytes: 65536, "64KiB", "1MB"."""

        def read(value: Any) -> int:
            found = int(_quantity(value, _BYTES, "", 'bytes, or a text such as "64KiB", "1MB"'))
            if not least <= found <= most:
                raise ValueError(f"must be from {least} to {most} bytes, and is {_shown(value)}")
            return found

        return self._get(key, default, read)

    def anything(self, key: str) -> dict[str, Any]:
        """A table of any values."""
        return self._get(key, {}, _table)

    def table(self, key: str) -> Table:
        """A table within this one."""
        return self._within(self._get(key, {}, _table), key)

    def tables(self, key: str) -> list[Table]:
        """A list of tables."""

        def read(value: Any) -> list[Any]:
            if not isinstance(value, list):
                raise ValueError(f"must be tables: [[{key}]]")
            return value

        found: list[Any] = self._get(key, [], read)
        return [self._within(value if isinstance(value, dict) else {}, f"{key}[{n}]") for n, value in enumerate(found)]

    def _within(self, values: dict[str, Any], key: str) -> Table:
        place = ".".join(part for part in (self._place, key) if part)
        return Table(values, self._file, place, self.faults)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table, and is {_shown(value)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'must be a text, in quotes: "...", and is {_shown(value)}')

    def replaced(found: re.Match[str]) -> str:
        known = os.environ.get(found[1], found[2])
        if known is None:
            raise ValueError(
                f"the variable {found[1]} is not defined; set it in the environment, or give a default: "
                f"${{{found[1]}:default}}"
            )
        return known

    return _VARIABLE.sub(replaced, value)


def _quantity(value: Any, units: dict[str, float] | dict[str, int], default: str, right: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    found = _QUANTITY.fullmatch(_text(value).strip()) if isinstance(value, str) else None
    unit = (found[2] or default).lower() if found else "?"
    if found is None or unit not in units:
        raise ValueError(f"must be {right}, and is {_shown(value)}")
    return float(found[1]) * units[unit]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else "a table" if isinstance(value, dict) else str(value)
