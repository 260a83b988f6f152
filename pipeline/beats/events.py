"""From the bytes of a lumberjack piece to events, as Logstash's beats input makes them; the hot path of that input.

    frames -> JSON -> event id -> codec on `message` -> @metadata, @timestamp, @version, tags

Most envelopes come as Filebeat sends them, and most codecs are plain: then one pass over a few keys does it. What is
unusual goes through `arrive`, and through the codec.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import orjson

from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.dates.timestamps import canonical
from pipeline.event import SIBLING, Event, Fields, add_tag, copied
from pipeline.event_ids import beat_namer
from pipeline.field_reference import FieldReference
from pipeline.options import CodecName
from pipeline.plugin import Codec, Reject
from pipeline.protocols.lumberjack import json_frames, pairs_frame
from pipeline.protocols.lumberjack_events import LONGEST, Payload, events
from pipeline.texts.codecs import keep_original
from pipeline.texts.json_documents import write_json

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]
Identify = Callable[[int], str]
"""Names an event that has no id of its own, by its place among the payloads."""

RAW_TAG = "beats_input_raw_event"


class Run(Protocol):
    """From payloads to events."""

    def __call__(
        self, payloads: Iterator[Payload], origin: Origin, reject: Reject, identify: Identify | None = None
    ) -> Iterator[Event]:
        """Without `identify`, an event that has no id of its own is named after the batch."""
        ...


@dataclass(frozen=True, slots=True)
class Enrichment:
    """What the input adds to each event."""

    ecs: bool
    source: bool = True
    """The sender's address, where the sender gave any `@metadata`."""
    codec: bool = True
    """The codec's tag, and in ECS mode `[event][original]`."""
    hostname: bool = False
    """The name that old Beats give themselves."""


def decoder(
    codec: Codec | CodecName, enrichment: Enrichment, max_inflated: int, max_events: int, longest: int = LONGEST
) -> Decode:
    """The second half of the input: from a piece and its origin to events."""
    run = runner(codec, enrichment)

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        return run(events(data, max_inflated, origin.get("window", max_events), longest), origin, reject)

    return decode


def runner(codec: Codec | CodecName, enrichment: Enrichment) -> Run:
    """The loop over payloads, whatever they came in."""
    tag = f"beats_input_codec_{codec.name}_applied" if enrichment.codec else None
    if isinstance(codec, CodecName):
        return _plain_runner(enrichment, enrichment.ecs and enrichment.codec, tag)
    if (original := _keeps_text(codec)) is not None:
        return _plain_runner(enrichment, original and enrichment.codec, tag)
    return _codec_runner(enrichment, codec, tag)


def one_to_one(codec: Codec | CodecName) -> bool:
    """Whether each payload gives one event at most."""
    return isinstance(codec, CodecName) or _keeps_text(codec) is not None


def _keeps_text(codec: Codec) -> bool | None:
    """Whether the codec leaves any text as it is, and (True) keeps it in `[event][original]` too; None if it does not.

    Found out by trial: whatever its name, a codec that gives this text back unchanged need not be called.
    """
    text = "é\t1\r\n{[\n\n"
    try:
        parsed = list(codec.decode(text.encode()))
    except Exception:  # it refuses the text, so it does not leave it alone
        return None
    if parsed == [{"message": text}]:
        return False
    return True if parsed == [{"message": text, "event": {"original": text}}] else None


# ---------------------------------------------------------------------------------------------- the loops


def _plain_runner(enrichment: Enrichment, original: bool, tag: str | None) -> Run:
    """Events whose `message` stays as it is. An envelope as Filebeat sends it meets no call that can be spared."""
    slowly = _finisher(enrichment, original, tag)
    marks = [tag] if tag else None
    alike = not enrichment.hostname

    def run(
        payloads: Iterator[Payload], origin: Origin, reject: Reject, identify: Identify | None = None
    ) -> Iterator[Event]:
        identify = identify or _identifier(origin)
        loads, take, name = orjson.loads, _metadata_taker(origin, enrichment), beat_namer()
        address = _address_alone(origin, enrichment)
        last_sent: Any = _NEVER
        last = ""
        for ordinal, payload in enumerate(payloads):
            try:
                fields = loads(payload)  # type: ignore[arg-type]  # pairs are no JSON: `_read` takes them
            except ValueError:
                fields = None
            if type(fields) is not dict and (fields := _read(payload, reject)) is None:
                continue
            metadata = fields.get("@metadata")
            if address is not None and type(metadata) is dict:
                del fields["@metadata"]
                metadata["ip_address"] = address
            else:
                metadata = take(fields)
            metadata["event_id"] = name(fields, metadata) or identify(ordinal)
            sent, message = fields.get("@timestamp"), fields.get("message")
            if sent != last_sent and alike and type(sent) is str and (known := canonical(sent)) is not None:
                last_sent, last = sent, known
            if sent != last_sent or type(message) is not str or "tags" in fields or "@metadata" in fields:
                yield from _alone(payload, reject, partial(slowly, fields, metadata, ordinal))
                continue
            fields["@timestamp"] = last
            if "@version" not in fields:
                fields["@version"] = "1"
            if original:
                keep_original(fields, message)
            if marks:
                fields["tags"] = marks.copy()
            yield Event(fields, metadata, ordinal)

    return run


_NEVER = object()
"""Unequal to any `@timestamp`."""


def _alone(payload: Payload, reject: Reject, make: Callable[[], Event]) -> Iterator[Event]:
    """The event of a payload; what raises, such as a message that is nested too deeply, concerns this one alone."""
    try:
        event = make()
    except Exception as error:
        reject(_frame(payload), error)
    else:
        yield event


def _codec_runner(enrichment: Enrichment, codec: Codec, tag: str | None) -> Run:
    """Events whose `message` goes through a codec, which may make none, one or many of it."""
    finish = _finisher(enrichment, False, tag)

    def run(
        payloads: Iterator[Payload], origin: Origin, reject: Reject, identify: Identify | None = None
    ) -> Iterator[Event]:
        identify = identify or _identifier(origin)
        take, name = _metadata_taker(origin, enrichment), beat_namer()
        for ordinal, payload in enumerate(payloads):
            fields = _read(payload, reject)
            if fields is None:
                continue
            try:
                metadata = take(fields)
                event_id = name(fields, metadata) or identify(ordinal)
                message = _line(fields)
                decoded = [fields] if message is None else _merged(codec, message, fields)
                found = []
                for sibling, own in enumerate(decoded):
                    inner = copied(metadata)
                    inner["event_id"] = f"{event_id}_{sibling}" if sibling else event_id
                    found.append(finish(own, inner, ordinal + sibling * SIBLING, message is None))
            except Exception as error:  # whatever a codec raises concerns this payload alone
                reject(_frame(payload), error)
                continue
            yield from found

    return run


def _merged(codec: Codec, message: str, fields: Fields) -> list[Fields]:
    """What the codec makes of the message, under the fields of the envelope; objects are merged one level deep."""
    del fields["message"]
    decoded = list(codec.decode(message.encode("utf-8", "surrogatepass")))
    for own in decoded:
        for name, value in copied(fields).items():
            known = own.get(name)
            own[name] = {**known, **value} if type(known) is dict and type(value) is dict else value
    return decoded


# ---------------------------------------------------------------------------------------------- payloads


def _read(payload: Payload, reject: Reject) -> Fields | None:
    """The object in a payload, also where orjson refuses what is JSON (NaN, half of a surrogate pair); else None."""
    if isinstance(payload, dict):
        return dict(payload)
    try:
        document = json.loads(payload)
        if type(document) is not dict:
            raise ValueError("the payload is JSON, but no object")
    except (ValueError, RecursionError) as error:
        reject(_frame(payload), error)
        return None
    return document


def _frame(payload: Payload) -> bytes:
    return pairs_frame(payload) if isinstance(payload, dict) else json_frames([payload])


def _line(fields: Fields) -> str | None:
    """What the codec gets, as text: `message`, or Logstash Forwarder's `line`; None if there is neither."""
    message = fields.get("message")
    if message is None:
        message = fields.pop("line", None)
        if message is None:
            return None
    text = message if type(message) is str else write_json(message).decode()
    fields["message"] = text
    return text


# ---------------------------------------------------------------------------------------------- what is added


def _identifier(origin: Origin) -> Identify:
    """Names an event that has no id of its own after its batch; a picked one keeps it by `origin["ordinal"]`."""
    batch_id, first = origin["id"], origin.get("ordinal", 0)
    return lambda ordinal: f"{batch_id}-{first + ordinal}" if first + ordinal else batch_id


def _metadata_taker(origin: Origin, enrichment: Enrichment) -> Callable[[Fields], Fields]:
    """A function that takes `[@metadata]` out of the fields, and adds what is known of the sender."""
    address = origin.get("peer") if enrichment.source else None
    peer, ecs = origin.get("tls"), enrichment.ecs

    def take(fields: Fields) -> Fields:
        sent = fields.pop("@metadata", None)
        if type(sent) is dict:
            if address and ecs:
                if "input" in sent:
                    _within(sent, "input", "beats", "host")["ip"] = address
                else:
                    sent["input"] = {"beats": {"host": {"ip": address}}}
            elif address:
                sent["ip_address"] = address
            metadata = sent
        else:
            metadata = {}
            if sent is not None:
                fields["@metadata"] = sent  # no object: `arrive` says so
        if peer:
            _add_tls(metadata, peer, ecs)
        return metadata

    return take


def _address_alone(origin: Origin, enrichment: Enrichment) -> str | None:
    """The sender's address, where it is all that is added to `[@metadata]`, under `ip_address`."""
    known = enrichment.source and not enrichment.ecs and "tls" not in origin
    return origin.get("peer") if known else None


def _add_tls(metadata: Fields, peer: Fields, ecs: bool) -> None:
    status: Fields = {"status": peer["status"]}
    metadata["tls_peer"] = status
    if "protocol" not in peer:
        return
    if ecs:
        tls = _within(metadata, "input", "beats", "tls")
        tls |= {"version_protocol": peer["protocol"], "cipher": peer["cipher"], "client": {"subject": peer["subject"]}}
    else:
        status |= {"protocol": peer["protocol"], "subject": peer["subject"], "cipher_suite": peer["cipher"]}


def _within(parent: Fields, *names: str) -> Fields:
    """The object on a path; what is missing or no object on the way is made one."""
    for name in names:
        child = parent.get(name)
        if type(child) is not dict:
            child = parent[name] = {}
        parent = child
    return parent


Finish = Callable[..., Event]


def _finisher(enrichment: Enrichment, original: bool, tag: str | None) -> Finish:
    """A function that makes the event of any envelope: fields, metadata, ordinal, and whether the codec had no text."""
    name_host = _host_namer(enrichment.ecs) if enrichment.hostname else None

    def finish(fields: Fields, metadata: Fields, ordinal: int, raw: bool | None = None) -> Event:
        if raw is None:
            message = _line(fields)
            raw = message is None
            if original and message is not None:
                keep_original(fields, message)
        event = arrive(fields, metadata, ordinal)
        if name_host is not None:
            name_host(event)
        if tag:
            add_tag(event, RAW_TAG if raw else tag)
        return event

    return finish


def _host_namer(ecs: bool) -> Callable[[Event], None]:
    """Copies the name that a Beat before version 6.3 gives its host, where none is set."""
    given = FieldReference("[beat][hostname]")
    place = FieldReference("[@metadata][input][beats][host][name]" if ecs else "host")

    def name_host(event: Event) -> None:
        name = given.get(event)
        if name is not None and place.get(event) is None:
            place.set(event, name)

    return name_host
