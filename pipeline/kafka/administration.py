"""What a cluster has of topics, and carrying out their changes. Brokers of 1.1 and newer. Imports aiokafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.new_partitions import NewPartitions
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from pipeline.kafka.topics import Change, Found, Topic, change

PAUSE = 0.1
"""Seconds between two looks at topics that are being made."""

_OF_THE_TOPIC = 1
"""`config_source` of a setting that was made for the topic itself (DescribeConfigs, DYNAMIC_TOPIC_CONFIG)."""


class Refused(Exception):
    """The cluster does not do what was asked; the text says what and why."""


@asynccontextmanager
async def administrator(settings: Mapping[str, Any]) -> AsyncIterator[Any]:
    """A client for changes; raises `Refused` where no broker answers."""
    client = AIOKafkaAdminClient(**settings)
    try:
        await client.start()
    except (KafkaError, OSError) as error:
        await client.close()
        raise Refused(f"{', '.join(settings['bootstrap_servers'])}: {error or type(error).__name__}") from None
    try:
        yield client
    finally:
        await client.close()


async def found(client: Any, topics: Sequence[Topic]) -> dict[str, Found]:
    """Those of the topics that the cluster has."""
    there = set(await client.list_topics()) & {topic.name for topic in topics}
    if not there:
        return {}
    described = await client.describe_topics(sorted(there))
    settings, own = await _settings(client, sorted(there))
    return {
        each["topic"]: Found(
            len(each["partitions"]),
            len(each["partitions"][0]["replicas"]),
            settings[each["topic"]],
            own[each["topic"]],
        )
        for each in described
    }


async def _settings(client: Any, names: list[str]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    settings: dict[str, dict[str, str]] = {}
    own: dict[str, dict[str, str]] = {}
    for answer in await client.describe_configs(resources):
        for code, message, _, topic, entries in answer.resources:
            _accept(code, message, f"{topic}: its settings cannot be read")
            settings[topic] = {name: value for name, value, *_ in entries}
            own[topic] = {name: value for name, value, _, source, *_ in entries if source == _OF_THE_TOPIC}
    return settings, own


async def settled(client: Any, topics: Sequence[Topic], patience: float) -> None:
    """Returns when the cluster shows every topic as it was made, with a leader for each partition; else `Refused`.

    A broker answers that a topic has been made or changed before it, or another broker, shows it: asked again at once,
    it would seem that there is something to do. After `patience` seconds it says what is missing.
    """
    names = sorted(topic.name for topic in topics)
    deadline = time.monotonic() + patience
    while True:
        described = await client.describe_topics(names)
        missing = {each["topic"] for each in described if not _led(each)}
        if not missing:
            there = await found(client, topics)
            missing = {topic.name for topic in topics if not change(topic, there.get(topic.name)).empty}
            if not missing:
                return
        if time.monotonic() >= deadline:
            raise Refused(f"not all of {', '.join(sorted(missing))} is there after {patience:g} s")
        await asyncio.sleep(PAUSE)


def _led(described: Any) -> bool:
    partitions = described["partitions"]
    return described["error_code"] == 0 and bool(partitions) and all(each["leader"] >= 0 for each in partitions)


async def carry_out(client: Any, change: Change) -> None:
    """Does it; raises `Refused`. A topic that somebody else has made meanwhile is well."""
    name = change.topic.name
    if change.create:
        topic = change.topic
        new = NewTopic(name, topic.partitions, topic.replication_factor, topic_configs=topic.settings)
        answer = await client.create_topics([new])
        for _, code, *message in answer.topic_errors:
            if code != TopicAlreadyExistsError.errno:
                _accept(code, message[0] if message else None, f"{name} cannot be created")
    if change.partitions is not None:
        try:
            await client.create_partitions({name: NewPartitions(change.partitions)})
        except KafkaError as error:
            raise Refused(str(error)) from None
    if change.settings is not None:
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(change.settings))
        for answer in await client.alter_configs([resource]):
            for code, message, *_ in answer.resources:
                _accept(code, message, f"{name}: its settings cannot be changed")


def _accept(code: int, message: str | None, what: str) -> None:
    if code:
        raise Refused(f"{what}: {message or for_code(code).__name__}")
