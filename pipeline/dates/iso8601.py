"""Reading ISO 8601 as the date filter does: Joda-Time's general parser, and four forms with a space.

    text   = date [ "T" [ time ] [ offset ] ] | "T" time [ offset ] | YYYY-MM-DD HH:MM:SS("."|",")digits [ offset ]
    date   = YYYY [ -MM [ -DD ]] | YYYY-DDD | YYYY-"W"ww [ -d ]
    time   = HH [ :MM [ :SS ]], the last of them with up to nine digits after "." or ","
    offset = "Z" | +HH | +HHMM | +HH:MM

A time with a space needs its fraction, and takes three digits of it: so does Logstash 8. Digits past the millisecond
are cut off.
"""

from __future__ import annotations

import re

from pipeline.dates.fields import local_millis
from pipeline.dates.joda_parse import OFFSET, Read, fraction, offset_seconds

_TEXT = re.compile(
    rf"""(?:
        (?P<x>[-+]?[0-9]{{1,9}}+)-[Ww](?P<w>[0-9]{{1,2}}+)(?:-(?P<e>[0-9]))?
      | (?P<o>[-+]?[0-9]{{1,9}}+)-(?P<D>[0-9]{{3}})
      | (?P<y>[-+]?[0-9]{{1,9}}+)(?:-(?P<M>[0-9]{{1,2}}+)(?:-(?P<d>[0-9]{{1,2}}+))?)?
    )?
    (?:(?P<T>[Tt])
      (?:(?P<H>[0-9]{{1,2}}+)(?::(?P<m>[0-9]{{1,2}}+)(?::(?P<s>[0-9]{{1,2}}+))?)?(?:[.,](?P<S>[0-9]{{1,9}}+))?)?
      (?P<Z>{OFFSET})?
    )?""",
    re.VERBOSE,
)
_SPACED = re.compile(
    rf"""(?P<y>[-+]?[0-9]{{1,9}}+)-(?P<M>[0-9]{{1,2}}+)-(?P<d>[0-9]{{1,2}}+)[ ]
    (?P<H>[0-9]{{1,2}}+):(?P<m>[0-9]{{1,2}}+):(?P<s>[0-9]{{1,2}}+)[.,](?P<S>[0-9]{{1,3}}+)(?P<Z>{OFFSET})?""",
    re.VERBOSE,
)
_NUMBERS = "xweDyMdHms"


def read(text: str, _default_year: int = 0) -> Read | None:
    """The time that a text says; None if it is not of these forms."""
    found = _TEXT.fullmatch(text)
    if found is None or not (found["x"] or found["o"] or found["y"] or found["H"]):
        found = _SPACED.fullmatch(text)
        if found is None:
            return None
    parts = found.groupdict()
    fields = {letter: int(parts[letter]) for letter in _NUMBERS if parts.get(letter)}
    if parts.get("o"):
        fields["y"] = int(parts["o"])
    _add_fraction(fields, parts.get("S"))
    try:
        offset = offset_seconds(found["Z"]) if found["Z"] else None
    except ValueError:
        return None
    local = local_millis(fields, 1970)
    if local is None:
        return None
    direct = "s" in fields
    return Read(local, offset, None, found.span("s"), found.span("S") if direct else (-1, -1))


def _add_fraction(fields: dict[str, int], digits: str | None) -> None:
    """The fraction is of the smallest unit before it: `T12.5` is half past twelve."""
    if digits is None:
        return
    if "s" in fields:
        fields["S"] = fraction(digits)
        return
    unit = 60_000 if "m" in fields else 3_600_000
    millis = int(digits) * unit // 10 ** len(digits)
    if unit == 3_600_000:
        fields["m"], millis = divmod(millis, 60_000)
    fields["s"], fields["S"] = divmod(millis, 1000)
