"""What happens to every event that an input decodes: what Logstash does when it makes an event of a document."""

from __future__ import annotations

from pipeline.dates.timestamps import canonical, now
from pipeline.event import Event, Fields, add_tag


def arrive(fields: Fields, metadata: Fields | None = None, ordinal: int = 0) -> Event:
    """The event of a decoded document.

    `@metadata` of the document goes to the event's metadata, `@timestamp` becomes canonical, `@version` is
    "1" where there is none, `tags` are a text or an array of texts. What cannot be read so is kept in a field
    of its own (`_@timestamp`, `_tags`, `_@metadata`) and the event is tagged. `metadata` is the input's own,
    its `event_id` gives way to an `[@metadata][_id]` that the sender set.
    """
    event = Event(fields, metadata, ordinal)
    if "tags" in fields:
        _check_tags(fields)
    if "@metadata" in fields:
        _take_metadata(event)
    sent = fields.get("@timestamp")
    if sent is None:
        fields["@timestamp"] = now()
    elif type(sent) is str and (timestamp := canonical(sent)) is not None:
        fields["@timestamp"] = timestamp
    else:
        fields["@timestamp"] = now()
        fields["_@timestamp"] = sent
        add_tag(event, "_timestampparsefailure")
    if "@version" not in fields:
        fields["@version"] = "1"
    return event


def _check_tags(fields: Fields) -> None:
    tags = fields["tags"]
    if tags is None or type(tags) is str or (type(tags) is list and all(type(tag) is str for tag in tags)):
        return
    fields["_tags"] = [tags]
    fields["tags"] = ["_tagsparsefailure"]


def _take_metadata(event: Event) -> None:
    sent, own = event.fields.pop("@metadata"), event.metadata
    if sent is None:
        return
    if type(sent) is not dict:
        event.fields["_@metadata"] = sent
        add_tag(event, "_metadataparsefailure")
        return
    sent.update(own)
    event.metadata = sent
    if "event_id" in own and (named := sent.get("_id")) != "" and type(named) in (str, int):
        event.metadata["event_id"] = str(named)
