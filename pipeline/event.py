"""The event: a plain dict of fields, and a small dict of metadata beside it.

Everything on the hot path works on `event.fields` directly. The functions here are the few things
that Logstash does to every event, whichever plugin asks for it.
"""

from __future__ import annotations

from typing import Any

from pipeline.dates import timestamps

Fields = dict[str, Any]

SIBLING = 1 << 32
"""By so much the ordinals of two events differ that follow each other in one piece of the data."""


class Event:
    """One log event.

    `fields` is what an output writes; `metadata` is `[@metadata]`, which no output writes; `ordinal` says
    where in its batch the event comes from, by which its original bytes are found again: the number of the
    piece of the data (a line, a frame, a record), from 0, and `SIBLING` for each event before it in that piece.
    """

    __slots__ = ("fields", "metadata", "ordinal")

    def __init__(self, fields: Fields, metadata: Fields | None = None, ordinal: int = 0) -> None:
        self.fields = fields
        self.metadata: Fields = {} if metadata is None else metadata
        self.ordinal = ordinal

    def clone(self) -> Event:
        """An event of its own with the same content: changes to one are not seen in the other.

        As every event that is made, it has a time and a version, though they were taken from the first
        (`clone` in logstash-core's Event.java).
        """
        fields = copied(self.fields)
        fields.setdefault("@version", "1")
        if fields.get("@timestamp") is None:
            fields["@timestamp"] = timestamps.now()
        return Event(fields, copied(self.metadata), self.ordinal)

    def __repr__(self) -> str:
        return f"Event({self.fields!r}, metadata={self.metadata!r})"


def copied(value: Any) -> Any:
    """A deep copy of a JSON value; much faster than `copy.deepcopy`, as JSON has no cycles and its scalars no parts."""
    if type(value) is dict:
        return {key: copied(item) if type(item) in _CONTAINERS else item for key, item in value.items()}
    if type(value) is list:
        return [copied(item) if type(item) in _CONTAINERS else item for item in value]
    return value


_CONTAINERS = (dict, list)


def add_tag(event: Event, tag: str) -> None:
    """Adds a tag once, as Logstash's `event.tag`: a text in `tags` becomes an array, unless it is the tag."""
    tags = event.fields.get("tags")
    if type(tags) is list:
        if tag not in tags:
            tags.append(tag)
    elif tags is None:
        event.fields["tags"] = [tag]
    elif tags != tag:
        event.fields["tags"] = [tags, tag]


def remove_tag(event: Event, tag: str) -> None:
    """Removes a tag; a text in `tags` becomes an array, the last tag leaves an empty array behind."""
    tags = event.fields.get("tags")
    if tags is None:
        return
    if type(tags) is not list:
        tags = event.fields["tags"] = [tags]
    if tag in tags:
        tags[:] = [kept for kept in tags if kept != tag]
