r"""Read records from topics of Apache Kafka, as a member of a consumer group.

    input { kafka { bootstrap_servers => "kafka1:9092,kafka2:9092" topics => ["logs"] codec => json } }

An offset is committed when every record before it has been delivered: written, dead-lettered, dropped by a filter, or
wanted by no output. It is committed every `auto_commit_interval_ms`, when a partition is taken away, and at the end.
What a crash interrupts is read again, under the same ids. When outputs stall, partitions are paused, while polling goes
on, so that the group does not lose this member.

`[@metadata][event_id]` is made of topic, partition, offset, timestamp and value of the record; where the value is what
a Beat sends, of agent, file, offset and message, so that the event has the same id whichever way it comes. Values are
given to the codec as the bytes that they are. A record without a value (a tombstone) is an empty text for the codec, as
in Logstash. A record that the codec cannot read is dead-lettered, with its topic, partition and offset.

By default a group that has no offset yet begins with what comes next (`auto_offset_reset`), as in Logstash, and that
place is committed at once. A partition or topic that is made later is read from its beginning whatever the option says,
as there is nothing older in it to leave out. If the broker does not have an offset any more (records expired, or a
topic was deleted and made anew), reading goes on from the earliest record, unless the option says otherwise; a warning
says so.

Logins are read from JAAS entries (PLAIN, SCRAM, OAUTHBEARER), certificates from PKCS#12 or PEM files. Needs the extra
`kafka`: `pip install "apex-logs[kafka]"`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.batch import Batch, Origin
from pipeline.event import Event
from pipeline.kafka import security
from pipeline.kafka.events import Decoration, decoder
from pipeline.kafka.options import ConnectionOptions, NotNegative
from pipeline.kafka.records import unpack
from pipeline.options import (
    Boolean,
    ExistingPath,
    InputOptions,
    Integer,
    Refused,
    Secret,
    Text,
    Texts,
    shown,
)
from pipeline.plugin import Lag, PluginContext, Reject, Seat

if TYPE_CHECKING:
    from pipeline.kafka.group import Terms
    from pipeline.kafka.members import Members

_STRATEGIES = {
    "rangeassignor": "range",
    "roundrobinassignor": "round_robin",
    "stickyassignor": "sticky",
    "cooperativestickyassignor": "cooperative_sticky",
}
_AVRO = Refused("Avro is not read here: write JSON to the topic, or convert it with Kafka Connect")


def _strategy(value: Any) -> Any:
    name = str(value).rsplit(".", 1)[-1].lower()
    name = _STRATEGIES.get(name, name.replace("-", "_"))
    if name == "cooperative_sticky":
        raise ValueError(
            "cooperative_sticky is not offered: the client, aiokafka, lacks that protocol, in which members keep "
            "partitions during a rebalance; sticky moves as few partitions, and every member of the group must use it"
        )
    return name


def _decoration(value: Any) -> Any:
    return {"true": "basic", "false": "none"}.get(str(value).lower(), value)


def _deserializer(value: str) -> str:
    if value.rsplit(".", 1)[-1] not in ("StringDeserializer", "ByteArrayDeserializer"):
        raise ValueError(
            f"no Java class can be loaded here ({value}); values are given to the codec as bytes, which is what "
            "StringDeserializer and ByteArrayDeserializer come to"
        )
    return value


_Deserializer = Annotated[Text, AfterValidator(_deserializer)]


class Options(ConnectionOptions, InputOptions):
    """Options of the kafka input."""

    topics: Annotated[Texts, Field(min_length=1, description="Topics to read.")] = ["logstash"]
    topics_pattern: Annotated[
        Text | None, Field(description="A regular expression; topics with such a name are read, in place of `topics`.")
    ] = None
    group_id: Annotated[Text, Field(min_length=1, description="The consumer group; its members share the records.")] = (
        "logstash"
    )
    group_instance_id: Annotated[
        Text | None,
        Field(
            description="A name that outlives a restart: the group waits instead of sharing out anew. With several "
            "consumers or workers, `-0`, `-1`, ... is added, as in Logstash."
        ),
    ] = None
    client_id: Annotated[Text, Field(description="What brokers call us in their logs; `-0`, `-1` is added.")] = (
        "logstash"
    )
    client_rack: Annotated[Text | None, Field(description="Where we are, so that a near replica can be read.")] = None
    consumer_threads: Annotated[
        Integer, Field(ge=1, description="Consumers in this process, all on one loop; more than partitions stay idle.")
    ] = 1
    auto_offset_reset: Annotated[
        Literal["earliest", "latest", "none"] | None,
        Field(description="Where to begin without a usable offset; `none`: nowhere, and an error says so."),
    ] = None
    auto_create_topics: Annotated[
        Boolean, Field(description="Lets a broker that does such things make a topic that is not there.")
    ] = True
    enable_auto_commit: Annotated[
        Boolean, Field(description="false: commit as soon as records have been delivered, not now and then.")
    ] = True
    auto_commit_interval_ms: Annotated[Integer, Field(gt=0, description="Time between two commits.")] = 5000
    decorate_events: Annotated[
        Decoration,
        BeforeValidator(_decoration),
        Field(
            description="`basic`: fills `[@metadata][kafka]`: topic, partition, offset, ...; `extended`: headers too."
        ),
    ] = "none"
    isolation_level: Annotated[
        Literal["read_uncommitted", "read_committed"], Field(description="Whether aborted transactions are left out.")
    ] = "read_uncommitted"
    partition_assignment_strategy: Annotated[
        Literal["range", "round_robin", "sticky"],
        BeforeValidator(_strategy),
        Field(description="How members share partitions; all of them need one in common. Java's names are known too."),
    ] = "range"
    max_poll_records: Annotated[Integer, Field(ge=1, description="Records of one poll, at most.")] = 500
    poll_timeout_ms: Annotated[Integer, Field(gt=0, description="How long a poll waits for records.")] = 100
    max_poll_interval_ms: Annotated[
        Integer, Field(gt=0, description="Without a poll for so long, the member leaves its group.")
    ] = 300_000
    session_timeout_ms: Annotated[
        Integer, Field(gt=0, description="Without a heartbeat for so long, the group loses the member.")
    ] = 10_000
    heartbeat_interval_ms: Annotated[Integer, Field(gt=0, description="Time between two heartbeats.")] = 3000
    fetch_min_bytes: Annotated[NotNegative, Field(description="A broker waits for so many bytes.")] = 1
    fetch_max_bytes: Annotated[Integer, Field(gt=0, description="Bytes of one answer of a broker, about.")] = 52_428_800
    fetch_max_wait_ms: Annotated[NotNegative, Field(description="A broker waits for `fetch_min_bytes` so long.")] = 500
    max_partition_fetch_bytes: Annotated[
        Integer, Field(gt=0, description="Bytes of one partition in an answer, about; a larger record comes alone.")
    ] = 1_048_576
    check_crcs: Annotated[Boolean, Field(description="Check that records are as they were written.")] = True
    exclude_internal_topics: Annotated[
        Boolean, Field(description="Leave out Kafka's own topics, where a pattern would match them.")
    ] = True
    key_deserializer_class: Annotated[_Deserializer, Field(description="Java's `StringDeserializer`, or bytes.")] = (
        "org.apache.kafka.common.serialization.StringDeserializer"
    )
    value_deserializer_class: Annotated[_Deserializer, Field(description="The same for values.")] = (
        "org.apache.kafka.common.serialization.StringDeserializer"
    )
    schema_registry_url: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_key: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_secret: Annotated[Secret | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_proxy: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_validation: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_ssl_keystore_location: Annotated[
        ExistingPath | None, _AVRO, Field(description="As in Logstash.")
    ] = None
    schema_registry_ssl_keystore_password: Annotated[Secret | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_ssl_keystore_type: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None
    schema_registry_ssl_truststore_location: Annotated[
        ExistingPath | None, _AVRO, Field(description="As in Logstash.")
    ] = None
    schema_registry_ssl_truststore_password: Annotated[Secret | None, _AVRO, Field(description="As in Logstash.")] = (
        None
    )
    schema_registry_ssl_truststore_type: Annotated[Text | None, _AVRO, Field(description="As in Logstash.")] = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.heartbeat_interval_ms >= self.session_timeout_ms:
            raise ValueError("heartbeat_interval_ms must be less than session_timeout_ms, best a third of it")
        if self.topics_pattern is not None:
            try:
                re.compile(self.topics_pattern)
            except re.error as error:
                raise ValueError(f"topics_pattern {shown(self.topics_pattern)} cannot be read: {error}") from None
        return self


def build(options: Options, context: PluginContext) -> Kafka:
    """Makes the input; certificates are read now, brokers are asked when the pipeline runs."""
    if type(options.codec).__name__ == "Multiline":
        raise ValueError("the codec multiline cannot join records, which stand alone; join lines where they are sent")
    if options.topics_pattern is not None and "topics" in options.model_fields_set:
        context.warn("kafka: topics_pattern is given, so topics change nothing")
    return Kafka(options, security.settings(options, context.warn), context.seat)


class Kafka:
    """The two halves: members of the group for `batches`, a function for `decode`."""

    shares_itself = True

    def __init__(self, options: Options, settings: security.Settings, seat: Seat) -> None:
        self._options, self._settings, self._seat = options, settings, seat
        self.named_by_seat = options.group_instance_id is not None
        self._decode = decoder(options.codec, options.group_id, options.decorate_events)
        self.members: Members | None = None
        self._stopped = False

    async def batches(self) -> AsyncIterator[Batch]:
        """The records of all the members, partition by partition."""
        if self._stopped:
            return
        from pipeline.kafka.members import Members  # aiokafka: not for a mere check

        self.members = Members(_terms(self._options, self._settings, self._seat), f"kafka {self._options.group_id}")
        async for batch in self.members.batches():
            yield batch

    def stop(self) -> None:
        """Take no more; the members stay in their group until `close`."""
        self._stopped = True
        if self.members is not None:
            self.members.stop()

    async def close(self) -> None:
        """Commits what has ended, and leaves the group."""
        if self.members is not None:
            await self.members.close()

    def lags(self) -> list[Lag]:
        """How far the members in this process are behind."""
        return [] if self.members is None else self.members.lags()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of packed records."""
        return self._decode(data, origin, reject)

    def span(self, origin: Origin) -> tuple[str, int, int]:
        """The partition, and the first and last offset."""
        return f"{origin['topic']}-{origin['partition']}", origin["offset"], origin["last"]

    def singly(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Each record with its offset."""
        packed = unpack(data)
        return ((offset, packed.one(index)) for index, offset in enumerate(packed.offsets))

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One record."""
        return unpack(data).one(piece)


def _terms(options: Options, settings: security.Settings, seat: Seat) -> Terms:
    from pipeline.kafka.group import GRACE, Terms

    named = ("client_rack", "group_id", "group_instance_id", "isolation_level", "check_crcs", "exclude_internal_topics")
    numbers = ("fetch_min_bytes", "fetch_max_bytes", "fetch_max_wait_ms", "max_partition_fetch_bytes")
    timing = ("heartbeat_interval_ms", "session_timeout_ms", "max_poll_interval_ms", "client_id")
    own = {name: getattr(options, name) for name in (*named, *numbers, *timing)}
    pattern = options.topics_pattern
    if pattern is None and not options.auto_create_topics:  # whoever subscribes by name lets the broker make topics
        pattern = "|".join(map(re.escape, options.topics))
    return Terms(
        settings={
            **settings,
            **own,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "rebalance_timeout_ms": options.max_poll_interval_ms,  # as in Java
        },
        login=lambda: security.login_settings(options),
        topics=options.topics,
        pattern=None if pattern is None else re.compile(rf"(?:{pattern})\Z"),
        strategy=options.partition_assignment_strategy,
        reset=options.auto_offset_reset,
        poll=options.poll_timeout_ms / 1000,
        records=options.max_poll_records,
        commit_every=options.auto_commit_interval_ms / 1000 if options.enable_auto_commit else 0,
        members=options.consumer_threads,
        before=options.consumer_threads * seat.number,
        together=options.consumer_threads * seat.of,
        grace=min(GRACE, options.max_poll_interval_ms / 2000),
    )
