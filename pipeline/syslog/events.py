"""From the bytes of a syslog batch to events, in Logstash's two layouts of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.event import SIBLING, Event, Fields, add_tag
from pipeline.field_reference import FieldReference
from pipeline.plugin import Codec, Reject
from pipeline.protocols.datagrams import unpacked
from pipeline.protocols.syslog import Message, frames, read, trimmed
from pipeline.syslog.times import ReadTime
from pipeline.texts.conversions import leading_integer

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]
Understood = tuple[Message | None, Callable[[Event], None] | None]
"""What a text says; and, where fields are the reader's own affair, the function that sets them. Of a text that says
nothing it sets the tag; without it, the event gets that of a text that is no syslog."""
Understand = Callable[[str], Understood]

NO_SYSLOG = "_grokparsefailure_sysloginput"
NO_DATE = "_dateparsefailure"


@dataclass(frozen=True, slots=True)
class Labels:
    """The names of facilities and severities, by number; none where they are not wanted."""

    facilities: Sequence[str] = ()
    severities: Sequence[str] = ()


def frame_of(data: bytes, number: int) -> bytes:
    """The message of a number in a stream, with its framing."""
    frame = next(islice(frames(data), number, None))
    return data[frame.start : frame.end]


def by_grammar(*, ecs: bool) -> Understand:
    """Reads messages of RFC 3164 and RFC 5424."""
    return lambda text: (read(text, strict=not ecs), None)


@dataclass(frozen=True, slots=True)
class Reading:
    """How messages are read: the field that holds one, what it says, and its time."""

    field: FieldReference
    understand: Understand
    read_time: ReadTime


def decoder(codec: Codec, reading: Reading, labels: Labels, *, ecs: bool) -> Decode:
    """A function from the bytes of a batch to its events; a codec may make several of one message."""
    tell = _in_ecs(labels) if ecs else _in_legacy(labels)
    field, understand = reading.field, reading.understand

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        id_ = origin["id"]
        for ordinal, (payload, address, start, end) in enumerate(_messages(data, origin)):
            name = f"{id_}-{ordinal}" if ordinal else id_
            try:
                decoded = list(codec.decode(payload))
            except Exception as error:  # whatever a codec raises concerns this message alone
                reject(data[start:end], error)
                continue
            for sibling, fields in enumerate(decoded):
                own = {"event_id": f"{name}_{sibling}" if sibling else name}
                event = arrive(fields, own, ordinal + sibling * SIBLING)
                text = field.get(event)
                if ecs:
                    _keep_original(event.fields, text)
                message, keep = understand(text) if type(text) is str else (None, None)
                if message is None:
                    tell(event.fields, None, address)
                    (keep or _tag)(event)
                elif keep is None:
                    tell(event.fields, message, address)
                    _finish(event, message, reading.read_time)
                else:
                    tell(event.fields, message._replace(timestamp=None), address)
                    keep(event)
                    _finish(event, message, reading.read_time)
                if ecs:
                    event.fields.pop("timestamp", None)
                yield event

    return decode


def _keep_original(fields: Fields, text: Any) -> None:
    """What is read as syslog is the original, also where there is nothing, as in Logstash."""
    known = fields.setdefault("event", {})
    if type(known) is dict:
        known["original"] = text


def _messages(data: bytes, origin: Origin) -> Iterator[tuple[bytes, str | None, int, int]]:
    """Each message without its framing, who sent it, and where it lies with its framing."""
    if origin.get("datagrams"):
        for datagram in unpacked(data):
            yield trimmed(datagram.payload), datagram.address, datagram.start, datagram.end
    else:
        peer = origin.get("peer")
        for frame in frames(data):
            yield trimmed(data[frame.first : frame.last]), peer, frame.start, frame.end


def _tag(event: Event) -> None:
    add_tag(event, NO_SYSLOG)


def _finish(event: Event, message: Message, read_time: ReadTime) -> None:
    event.fields["message"] = message.text
    if message.timestamp is not None:
        stamp = read_time(message)
        if stamp is None:
            add_tag(event, NO_DATE)
        else:
            event.fields["@timestamp"] = stamp


# ---------------------------------------------------------------------------------------------- layouts

Tell = Callable[[Fields, Message | None, str | None], None]


_UNKNOWN = 13
"""RFC 3164's priority for who says none: `rescue 13`, where Ruby finds no number in the event's own."""


def _known_priority(value: Any) -> int:
    """What the codec found, where a message is no syslog: as `to_i` in Ruby, which makes 0 of nothing."""
    if value is None:
        return 0
    if isinstance(value, bool | list | dict):
        return _UNKNOWN
    try:
        return int(leading_integer(value)) if isinstance(value, str) else int(value)
    except (OverflowError, ValueError):  # no finite number
        return _UNKNOWN


def _inner(fields: Fields, *names: str) -> Any:
    value: Any = fields
    for name in names:
        value = value.get(name) if type(value) is dict else None
    return value


def _label(labels: Sequence[str], number: int) -> str | None:
    return labels[number] if number < len(labels) else None


def _in_legacy(labels: Labels) -> Tell:
    def tell(fields: Fields, message: Message | None, address: str | None) -> None:
        priority = message.priority if message else _known_priority(fields.get("priority"))
        facility, severity = priority >> 3, priority & 7
        if address is not None:
            fields["host"] = address
        said: Fields = {"priority": priority, "severity": severity, "facility": facility}
        said["facility_label"] = _label(labels.facilities, facility)
        said["severity_label"] = _label(labels.severities, severity)
        if message:
            said |= {"timestamp": message.timestamp, "logsource": message.host, "program": message.program}
            said |= {"pid": message.pid, "syslog5424_ver": message.version, "syslog5424_msgid": message.id}
            said["syslog5424_sd"] = message.structured
            if message.iso:
                said["timestamp8601"] = message.timestamp
        for name, value in said.items():
            if value is not None:
                fields[name] = value

    return tell


def _in_ecs(labels: Labels) -> Tell:
    def named(code: int, names: Sequence[str]) -> Fields:
        return {"code": code, "name": names[code]} if code < len(names) else {"code": code}

    def tell(fields: Fields, message: Message | None, address: str | None) -> None:
        priority = message.priority if message else _known_priority(_inner(fields, "log", "syslog", "priority"))
        facility, severity = named(priority >> 3, labels.facilities), named(priority & 7, labels.severities)
        syslog: Fields = {"priority": priority, "facility": facility, "severity": severity}
        host: Fields = {} if address is None else {"ip": address}
        if message:
            given = message.pid
            pid = int(given) if given and given.isdecimal() and len(given) < 19 else None
            if message.version is not None:
                told = {"version": str(message.version), "msgid": message.id, "procid": given if pid is None else None}
                syslog |= _without_none(told | {"structured_data": message.structured})
            if message.host is not None:
                host["hostname"] = message.host
            if message.program is not None or pid is not None:
                _merge(fields, "process", _without_none({"name": message.program, "pid": pid}))
        _merge(fields, "log", {"syslog": syslog})
        if host:
            _merge(fields, "host", host)
        service = fields.setdefault("service", {})
        if type(service) is dict:
            service.setdefault("type", "system")

    return tell


def _without_none(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _merge(fields: Fields, name: str, told: Fields) -> None:
    """Sets an object's fields; what the codec found there and is no object gives way, as there is no room beside it."""
    known = fields.get(name)
    fields[name] = {**known, **told} if type(known) is dict else told
