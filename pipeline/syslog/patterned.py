"""Syslog messages read by a grok pattern of the user's."""

from __future__ import annotations

from typing import Any

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.languages import grok
from pipeline.languages.grok_captures import Terms, applier
from pipeline.languages.grok_library import built_in
from pipeline.protocols.syslog import Message
from pipeline.syslog.events import Understand, Understood
from pipeline.texts.conversions import leading_integer

PRIORITY = {True: ("log", "syslog", "priority"), False: ("priority",)}
"""The field that holds the priority, with ECS and without."""


def by_pattern(pattern: str, field: FieldReference, *, ecs: bool) -> Understand:
    """A function that reads messages by the pattern; raises `PatternError` or `FieldReferenceError`.

    What it captures is kept in its fields; the one that held the message is replaced. The priority, the time and the
    message are those in the fields where the built-in pattern has them too.
    """
    compiled = grok.compile(pattern, built_in(ecs=ecs))
    apply = applier(compiled.captures, compiled.regex.groups, Terms(overwrite=[field]))
    paths = [(FieldReference(one.field).path, one.group) for one in compiled.captures]

    def understand(text: str) -> Understood:
        found = compiled.find(text)
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
