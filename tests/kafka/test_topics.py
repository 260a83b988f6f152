"""What has to change so that a cluster has the topics of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from pipeline.kafka.topics import Found, Layout, Topic, change

LAYOUT = Path(__file__).parents[2] / "shippers" / "kafka" / "topics.yaml"
TOPIC = Topic(name="t", partitions=3, replication_factor=2, settings={"retention.ms": "10", "segment.ms": "5"})
AS_IT_SHOULD_BE = {"retention.ms": "10", "segment.ms": "5", "cleanup.policy": "delete"}

CASES = {
    "absent": (None, (True, None, None), ["create: 3 partitions, 2 copies, retention.ms=10, segment.ms=5"]),
    "as it should be": (Found(3, 2, AS_IT_SHOULD_BE), (False, None, None), []),
    "too few partitions": (Found(1, 2, AS_IT_SHOULD_BE), (False, 3, None), ["partitions: 1 -> 3"]),
    "too many": (
        Found(4, 2, AS_IT_SHOULD_BE),
        (False, None, None),
        ["stays: 4 partitions, not 3, as Kafka takes none away"],
    ),
    "other copies": (
        Found(3, 1, AS_IT_SHOULD_BE),
        (False, None, None),
        ["stays: 1 copies, not 2: move them with kafka-reassign-partitions.sh"],
    ),
    "a setting that keeps the others": (
        Found(3, 2, {**AS_IT_SHOULD_BE, "retention.ms": "7"}, {"retention.ms": "7", "cleanup.policy": "compact"}),
        (False, None, {"retention.ms": "10", "cleanup.policy": "compact"}),
        ["retention.ms: 7 -> 10"],
    ),
    "a setting the broker does not know": (
        Found(3, 2, {"retention.ms": "10"}),
        (False, None, {"segment.ms": "5"}),
        ["segment.ms: not set -> 5"],
    ),
}


@pytest.mark.parametrize(("found", "done", "said"), CASES.values(), ids=CASES)
def test_what_changes(found: Found | None, done: tuple[object, ...], said: list[str]) -> None:
    made = change(TOPIC, found)
    assert (made.create, made.partitions, made.settings) == done
    assert list(made.said) == said
    assert made.empty is (done == (False, None, None))


def test_fewer_copies_ask_for_no_more_in_sync_than_there_are() -> None:
    topic = Topic(name="t", partitions=1, replication_factor=3, settings={"min.insync.replicas": "2"})
    assert topic.with_copies(1).settings == {"min.insync.replicas": "1"}
    assert topic.with_copies(5).settings == {"min.insync.replicas": "2"}
    assert topic.with_copies(1).replication_factor == 1


WRONG = {
    "no list": ({"topics": {}}, "topics"),
    "nothing": ({"topics": []}, "topics"),
    "a name that Kafka refuses": ({"topics": [{"name": "a b", "partitions": 1, "replication_factor": 1}]}, "name"),
    "no partition": ({"topics": [{"name": "a", "partitions": 0, "replication_factor": 1}]}, "partitions"),
    "an unknown word": ({"topics": [{"name": "a", "partitions": 1, "replicas": 1}]}, "replicas"),
    "twice": ({"topics": [{"name": "a", "partitions": 1, "replication_factor": 1}] * 2}, "named twice: a"),
}


@pytest.mark.parametrize(("document", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_file(document: object, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Layout.model_validate(document)


def test_the_file_that_comes_with_it() -> None:
    topics = Layout.model_validate(yaml.safe_load(LAYOUT.read_text())).topics
    assert [topic.name for topic in topics] == ["apex-logs", "apex-logs-enriched"]
    assert all(topic.settings["min.insync.replicas"] == "2" and topic.replication_factor == 3 for topic in topics)
