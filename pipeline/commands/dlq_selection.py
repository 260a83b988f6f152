"""Which dead letters a command is about, and where they are."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from pipeline.dates.timestamps import canonical, epoch_nanos
from pipeline.disk.letters import Damaged, Letter, letters, parse_name
from pipeline.errors import StoreError

_AGE = re.compile(r"-?(\d{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; what is not given does not restrict it."""

    names: Sequence[str] = ()
    plugin: str | None = None
    reason: str | None = None
    since: int | None = None
    """In nanoseconds since 1970, as is `until`."""
    until: int | None = None
    limit: int | None = None

    @classmethod
    def read(
        cls,
        names: Sequence[str] | None,
        plugin: str | None,
        reason: str | None,
        since: str | None,
        until: str | None,
        limit: int | None,
    ) -> Selection:
        """From the command line; raises `BadParameter`."""
        for name in names or ():
            if parse_name(name) is None:
                raise typer.BadParameter(f'"{name}" is no name of a dead letter; `apex-logs dlq list` names them')
        folded = None if reason is None else reason.casefold()
        return cls(tuple(names or ()), plugin, folded, _moment("--since", since), _moment("--until", until), limit)

    @property
    def given(self) -> bool:
        """Something says which letters are meant; a limit alone does not."""
        return bool(self.names) or any(part is not None for part in (self.plugin, self.reason, self.since, self.until))

    def letters(self, folder: Path, damaged: Damaged) -> Iterator[Letter]:
        """The letters that are meant, oldest first."""
        found = 0
        for letter in letters(folder, damaged):
            if self._means(letter):
                yield letter
                found += 1
                if found == self.limit:
                    return

    def _means(self, letter: Letter) -> bool:
        record = letter.record
        if self.names and letter.name not in self.names:
            return False
        if self.plugin is not None and self.plugin != letter.plugin_type and self.plugin not in record["plugin"]:
            return False
        if self.reason is not None and self.reason not in record["reason"].casefold():
            return False
        if self.since is None and self.until is None:
            return True
        written = epoch_nanos(record["time"])
        return (self.since is None or written >= self.since) and (self.until is None or written <= self.until)

    def missing(self, found: Sequence[str]) -> list[str]:
        """The names that were asked for and are not among those found, if it is by names alone that was asked."""
        return sorted(set(self.names) - set(found)) if self.limit is None else []


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is not None:
        return round((time.time() - int(found[1]) * _UNITS[found[2]]) * 1_000_000_000)
    timestamp = canonical(text.strip())
    if timestamp is None:
        raise typer.BadParameter(
            f'{option} takes a time such as 2026-02-03T04:05:06Z, or an age such as -7d; not "{text}"'
        )
    return epoch_nanos(timestamp)


def report(damages: Sequence[StoreError], missing: Sequence[str] = ()) -> int:
    """Says what could not be read or found; the exit code for it."""
    for damage in damages:
        print(f"apex-logs: {damage}; only the letters before it can be read", file=sys.stderr)
    for name in missing:
        print(f'apex-logs: there is no dead letter "{name}"; `apex-logs dlq list` names them', file=sys.stderr)
    return 1 if damages else 2 if missing else 0
