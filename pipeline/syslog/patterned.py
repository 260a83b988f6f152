"""Syslog messages read by a grok pattern of the user's."""

from __future__ import annotations

from typing import Any

from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.languages import grok
from pipeline.languages.grok_captures import Terms, applier
from pipeline.languages.grok_library import built_in
from pipeline.protocols.syslog import Message
from pipeline.syslog.events import Understand, Understood
from pipeline.texts.conversions import leading_integer
from pipeline.time_limits import TimeLimit, TimeLimitExceeded

PRIORITY = {True: ("log", "syslog", "priority"), False: ("priority",)}
"""The field that holds the priority, with ECS and without."""
SECONDS = 30.0
"""How long the pattern may work on a message: grok's default in Logstash, whose input has no option for it."""
TOO_LATE = "_groktimeout"


def by_pattern(pattern: str, field: FieldReference, *, ecs: bool) -> Understand:
    """A function that reads messages by the pattern; raises `PatternError` or `FieldReferenceError`.

    What it captures is kept in its fields; the one that held the message is replaced. The priority, the time and the
    message are those in the fields where the built-in pattern has them too. A message on which the pattern works too
    long is tagged, as by the grok filter.
    """
    compiled = grok.compile(pattern, built_in(ecs=ecs))
    apply = applier(compiled.captures, compiled.regex.groups, Terms(overwrite=[field]))
    paths = [(FieldReference(one.field).path, one.group) for one in compiled.captures]

    bounded_by = TimeLimit(SECONDS)

    def understand(text: str) -> Understood:
        try:
            found = compiled.find(text)
        except TimeLimitExceeded:
            assert bounded_by is not None
            return None, _tag_too_late
        if found is None:
            return None, None
        said: dict[tuple[str, ...], Any] = {path: found[group] for path, group in paths if found[group]}
        time: str = said.get(("timestamp",)) or said.get(("timestamp8601",)) or ""
        priority = leading_integer(said.get(PRIORITY[ecs], "0"))
        message = Message(int(priority), None, None, None, None, said.get(("message",), text))

        def keep(event: Event) -> None:
            apply(found, event)

        return message._replace(timestamp=time or None, iso=time[:4].isdigit()), keep

    return understand


def _tag_too_late(event: Event) -> None:
    add_tag(event, TOO_LATE)
