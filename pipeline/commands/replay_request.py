"""What the command line of a replay says, read: every value that makes no sense is a wrong usage, with what would."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import typer

from pipeline.dates.timestamps import canonical, from_epoch
from pipeline.disk.unpacking import Bound
from pipeline.errors import FieldReferenceError
from pipeline.field_reference import FieldReference
from pipeline.replay.kinds import KINDS, Kind
from pipeline.replay.pace import Pace, rate_of
from pipeline.replay.source import Terms
from pipeline.replay.times import USUAL, Clock
from pipeline.replay.wishes import Wishes, place_of

_AGE = re.compile(r"-(\d+)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Request:
    """The options, as they were given."""

    paths: Sequence[str]
    kind: str | None = None
    fields: Sequence[str] = ()
    time_field: str | None = None
    time: str | None = None
    since: str | None = None
    until: str | None = None
    refilter: bool = False
    rate: str | None = None
    max_ratio: float = 500
    sample: int | None = None
    """How many documents a dry run prints; None: it is none."""
    restart: bool = False
    quiet: bool = False

    def terms(self) -> Terms:
        """How archives are read."""
        wishes = self.wishes()
        fields = orjson.dumps(sorted(wishes.fields.items())).decode() if wishes.fields else ""
        return Terms(self._kind(), Bound(self.max_ratio), Clock(wishes.time_fields), fields, pace=self._pace())

    def _kind(self) -> Kind | None:
        """What the archives hold, if that was said."""
        if self.kind is None:
            return None
        for kind in KINDS:
            if kind == self.kind:
                return kind
        known = ", ".join(kind for kind in KINDS if kind != "segment")
        raise typer.BadParameter(f'--format: there is no format "{self.kind}"; use one of {known}')

    def _pace(self) -> Pace | None:
        """How fast, if that was said."""
        if self.rate is None:
            return None
        try:
            return Pace(rate_of(self.rate))
        except ValueError as error:
            raise typer.BadParameter(f"--rate: {error}") from None

    def wishes(self) -> Wishes:
        """What decoding and delivery are told."""
        if self.time not in (None, "mtime"):
            raise typer.BadParameter(f'--time: expected "mtime", got "{self.time}"')
        times = USUAL
        if self.time_field is not None:
            _checked("--time-field", self.time_field)
            times = (self.time_field,)
        fields = dict(_pair(text) for text in self.fields)
        since, until = _moment("--from", self.since), _moment("--to", self.until)
        if since is not None and until is not None and since >= until:
            raise typer.BadParameter(f"--from: {since} is not before --to, {until}: no event is between them")
        return Wishes(
            fields,
            times,
            mtime=self.time == "mtime",
            refilter=self.refilter,
            since=since,
            until=until,
            host=socket.gethostname(),
        )


def _checked(option: str, name: str) -> None:
    try:
        FieldReference(name)
    except FieldReferenceError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f'--field: expected NAME=VALUE, got "{text}"')
    try:
        place_of(name)
    except FieldReferenceError as error:
        raise typer.BadParameter(f"--field: {error}") from None
    return name, value


def _moment(option: str, text: str | None) -> str | None:
    """The canonical time of an option; `-7d` is so long ago."""
    if text is None:
        return None
    if found := _AGE.fullmatch(text):
        return from_epoch(time.time() - int(found[1]) * _UNITS[found[2]])
    moment = canonical(text)
    if moment is None:
        raise typer.BadParameter(f'{option}: expected a time such as 2026-02-03T04:05:06Z or -7d, got "{text}"')
    return moment
