"""Write events to topics of Apache Kafka.

    output { kafka { bootstrap_servers => "kafka1:9092" topic_id => "logs-%{[service][name]}" codec => json } }

An event is delivered when every replica that is in sync has it (`acks => "all"`, unlike in Logstash, whose default
waits for the leader alone). The producer is idempotent: a request that it repeats is written once. With `acks => "1"`
or `"0"`, as the configuration may ask, it is not, and an event can be lost with a broker.

Where brokers are away, events wait; nothing is given up after a number of attempts. A record that is too large, a topic
whose name cannot be one, and one of several topics that may not be written to make a dead letter of their events. If
the only topic may not be written to, the output waits and says so.

With `message_key`, events of a key keep their order, in the partition where Java's producer would put that key; one
body is in flight at a time. Without, each batch of records goes to the next partition. Needs the extra `kafka`:
`pip install "apex-logs[kafka]"`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.event import Event
from pipeline.kafka import security
from pipeline.kafka.options import ConnectionOptions, NotNegative
from pipeline.options import CodecOption, Ignored, Integer, OutputOptions, Text, TextHash, default_codec
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.sprintf import Template

if TYPE_CHECKING:
    from pipeline.kafka.producing import Item, Producer

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_PARTITIONERS = {"defaultpartitioner": "default", "uniformstickypartitioner": "uniform_sticky"}
_PARTITIONERS["roundrobinpartitioner"] = "round_robin"
_PARCELS = Ignored("`pipeline.batch.delay` and the size of a body say when events are sent")


def _serializer(value: str) -> str:
    if value.rsplit(".", 1)[-1] not in ("StringSerializer", "ByteArraySerializer"):
        raise ValueError(f"no Java class can be loaded here ({value}); the codec makes the bytes of a value")
    return value


def _partitioner(value: Any) -> Any:
    name = str(value).rsplit(".", 1)[-1].lower()
    return _PARTITIONERS.get(name, value)


_Serializer = Annotated[Text, AfterValidator(_serializer)]


class Options(ConnectionOptions, OutputOptions):
    """Options of the kafka output."""

    topic_id: Annotated[Template, Field(description="The topic; may hold %{...}.")]
    codec: Annotated[CodecOption, Field(description="How an event becomes the value of a record.")] = default_codec(
        "plain"
    )
    message_key: Annotated[Template | None, Field(description="The key of a record; may hold %{...}.")] = None
    message_headers: Annotated[TextHash, Field(description="Headers: name to value; values may hold %{...}.")] = {}
    partitioner: Annotated[
        Literal["default", "uniform_sticky", "round_robin"],
        BeforeValidator(_partitioner),
        Field(description="Where records without a key go: a batch, or each record, to the next partition."),
    ] = "default"
    acks: Annotated[
        Literal["0", "1", "all"],
        BeforeValidator(lambda value: {"-1": "all"}.get(str(value), str(value))),
        Field(description="Who must have a record: nobody, the leader, every replica in sync."),
    ] = "all"
    compression_type: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"], Field(description="How batches are compressed.")
    ] = "none"
    client_id: Annotated[Text | None, Field(description="What brokers call us in their logs.")] = None
    max_request_size: Annotated[Integer, Field(gt=0, description="Bytes of a batch of records, at most.")] = 1_048_576
    batch_size: Annotated[Integer, _PARCELS, Field(description="As in Logstash.")] = 16_384
    linger_ms: Annotated[NotNegative, _PARCELS, Field(description="As in Logstash.")] = 0
    buffer_memory: Annotated[
        Integer, Ignored("the bounds of in-flight work hold for every output"), Field(description="As in Logstash.")
    ] = 33_554_432
    metadata_fetch_timeout_ms: Annotated[
        NotNegative, Ignored("`request_timeout_ms` holds for them too"), Field(description="As in Logstash.")
    ] = 60_000
    retries: Annotated[
        Integer | None,
        Field(ge=0, description="As in Logstash."),
        Ignored("nothing is given up after a number of attempts: it is sent again until it is written"),
    ] = None
    key_serializer: Annotated[_Serializer, Field(description="Java's `StringSerializer`, or bytes.")] = (
        "org.apache.kafka.common.serialization.StringSerializer"
    )
    value_serializer: Annotated[_Serializer, Field(description="The same for values.")] = (
        "org.apache.kafka.common.serialization.StringSerializer"
    )


def build(options: Options, context: PluginContext) -> KafkaOutput:
    """Makes the output; certificates are read now."""
    if options.topic_id.constant:
        _check_topic(options.topic_id.text)
    if options.acks != "all":
        context.warn(
            f'kafka: with acks => "{options.acks}" an event can be lost with a broker, or be written twice; leave acks '
            "out to have every replica in sync hold it"
        )
    return KafkaOutput(options, security.settings(options, context.warn))


class KafkaOutput:
    """An item is a line of JSON with topic, key and headers, and after it the value."""

    def __init__(self, options: Options, settings: security.Settings) -> None:
        self.ordered = options.message_key is not None
        self.render = _renderer(options)
        self._options = options
        self._settings: security.Settings = {
            **settings,
            "client_id": options.client_id,
            "acks": options.acks if options.acks == "all" else int(options.acks),
            "enable_idempotence": options.acks == "all",
            "compression_type": None if options.compression_type == "none" else options.compression_type,
            "max_batch_size": options.max_request_size,
            "max_request_size": options.max_request_size,
        }
        self._producer: Producer | None = None

    async def start(self) -> None:
        """Connects; may be called again after it failed."""
        from pipeline.kafka.producing import Producer  # aiokafka: not for a mere check

        if self._producer is None:
            login = partial(security.login_settings, self._options)
            self._producer = Producer(self._settings, login, self._options.partitioner == "round_robin")
        await self._producer.start()

    async def send(self, body: Body) -> Sent:
        """Hands the records to the brokers, once, and says what they said."""
        from pipeline.kafka.producing import judge

        assert self._producer is not None
        dead = [
            (index, f"the record is larger than max_request_size, {self._options.max_request_size} bytes")
            for index in range(len(body))
            if len(body.item(index)) > self._options.max_request_size
        ]
        large = {index for index, _ in dead}
        failed = await self._producer.send(body, lambda: _by_topic(body, large))
        again, refused = judge(failed, len(body), self._options.topic_id.constant)
        return Sent(again=again, dead=sorted([*dead, *refused]))

    async def close(self) -> None:
        """Lets go of the brokers."""
        if self._producer is not None:
            await self._producer.close()
            self._producer = None


def _check_topic(topic: str) -> None:
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise ValueError(f'"{topic}" cannot be the name of a topic: letters, digits, ".", "_", "-", at most 249')


def _renderer(options: Options) -> Callable[[Event, bytearray], None]:
    encode, topic_of = options.codec.encode, options.topic_id.render
    key_of = None if options.message_key is None else options.message_key.render
    headers = {name: Template(text).render for name, text in options.message_headers.items()}
    known: dict[str, bytes] = {}

    def plain(event: Event, body: bytearray) -> None:
        topic = topic_of(event)
        head = known.get(topic)
        if head is None:
            _check_topic(topic)
            if len(known) > 10_000:
                known.clear()
            head = known[topic] = orjson.dumps({"topic": topic}) + b"\n"
        body += head
        body += encode(event)

    def full(event: Event, body: bytearray) -> None:
        topic = topic_of(event)
        if topic not in known:
            _check_topic(topic)
            if len(known) > 10_000:
                known.clear()
            known[topic] = b""
        head: dict[str, Any] = {"topic": topic}
        if key_of is not None:
            head["key"] = key_of(event)
        if headers:
            head["headers"] = {name: render(event) for name, render in headers.items()}
        body += orjson.dumps(head)
        body += b"\n"
        body += encode(event)

    return plain if key_of is None and not headers else full


def _by_topic(body: Body, without: set[int]) -> Mapping[str, Sequence[Item]]:
    from pipeline.kafka.producing import Item

    topics: dict[str, list[Item]] = {}
    known: dict[bytes, tuple[list[Item], bytes | None, list[tuple[str, bytes]]]] = {}
    for index in range(len(body)):
        if index in without:
            continue
        line, _, value = body.item(index).partition(b"\n")
        place = known.get(line)
        if place is None:
            head = orjson.loads(line)
            key = head.get("key")
            headers = [(name, text.encode()) for name, text in head.get("headers", {}).items()]
            items = topics.setdefault(head["topic"], [])
            place = known[line] = (items, None if key is None else key.encode(), headers)
        place[0].append(Item(index, place[1], value, place[2]))
    return topics
