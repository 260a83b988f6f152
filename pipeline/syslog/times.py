"""The times of syslog messages: `Oct 11 22:14:15`, or ISO 8601."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.clock import Clock
from pipeline.dates import iso8601, joda_parse, parsers, timestamps, zones
from pipeline.dates.locales import names_of
from pipeline.protocols.syslog import Message

FORMS = ("MMM d HH:mm:ss", "MMM  d HH:mm:ss")
"""As Logstash's input has them; `d` reads days of one and of two digits."""

ReadTime = Callable[[Message], str | None]
"""The canonical timestamp of a message; None if its time cannot be read."""


def time_reader(zone: str | None, locale: str | None, clock: Clock) -> ReadTime:
    """A function that reads the times of messages; years are guessed where there are none, as the date filter does."""
    where = zones.of_machine() if zone is None else zones.required(zone)
    names, year = names_of(locale or "en"), parsers.this_year(clock)
    readers = [joda_parse.compile_reader(form, names, year) for form in FORMS]
    dense, wide = (parsers.guessing_parser(reader, where, offset_read=False, clock=clock) for reader in readers)
    iso = parsers.parser(iso8601.read, where)

    def read(message: Message) -> str | None:
        text = message.timestamp
        if text is None:
            return None
        if message.version is not None:  # with a zone, and with all of its digits
            return timestamps.canonical(text)
        return iso(text) if message.iso else dense(text) or wide(text)

    return read
