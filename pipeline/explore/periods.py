"""Times of the page: the ranges that are offered, what they mean, and how wide the bars of a histogram are."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.kql.dates import interval

RANGES = {
    "now-15m": "Last 15 minutes",
    "now-1h": "Last hour",
    "now-4h": "Last 4 hours",
    "now-24h": "Last 24 hours",
    "now-7d": "Last 7 days",
    "now-30d": "Last 30 days",
    "": "All time",
}
"""What the time picker offers: a beginning, and its name."""
BARS = 100
"""At most about so many bars are shown."""
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_WIDTHS = (
    *(1, 10, 100),
    *(_SECOND * each for each in (1, 2, 5, 10, 30)),
    *(_MINUTE * each for each in (1, 2, 5, 10, 30)),
    *(_HOUR * each for each in (1, 2, 3, 6, 12)),
    *(_DAY * each for each in (1, 2, 7, 14, 30, 90, 365)),
)


class BadTime(ValueError):
    """A time that cannot be read; says what would be right."""


def resolve(text: str, now: int, edge: int) -> int | None:
    """The millisecond that a date means, its first (edge 0) or last (1); None for no date. Raises `BadTime`."""
    if not text.strip():
        return None
    found = interval(text.strip(), now)
    if found is None:
        raise BadTime(f'"{text}" is no time: write now-1h, now-1d/d, 2026-11-23 or 2026-11-23T09:30')
    return found[edge]


def width_of_bars(since: int, until: int) -> int:
    """The round number of milliseconds of which a range has at most `BARS`."""
    fitting = (width for width in _WIDTHS if (until - since) / width <= BARS)
    return next(fitting, _WIDTHS[-1] * (1 + (until - since) // (_WIDTHS[-1] * BARS)))


def named(since: str, until: str) -> str:
    """A range for people."""
    if not until and since in RANGES:
        return RANGES[since]
    return f"{since or 'the beginning'} to {until or 'now'}"


def written(timestamp: int) -> str:
    """A moment as a date that `resolve` reads: milliseconds since 1970, in UTC."""
    moment = datetime.fromtimestamp(timestamp // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp % 1000:03}Z"


def spelled(width: int) -> str:
    """A width of bars for people."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (_SECOND, "s")):
        if width >= unit and width % unit == 0:
            return f"{width // unit}{name}"
    return f"{width}ms"
