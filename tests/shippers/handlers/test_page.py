"""The examples of docs/handlers.md, each as a program of its own against a running pipeline."""

from __future__ import annotations

import asyncio
import re

import pytest

from shippers.handlers.targets import FORMS
from shippers.handlers.transports import Pace
from tests.kafka.workbench import unique, whole_topic
from tests.servers.kafka_cluster import Cluster
from tests.shippers.handlers.workbench import ROOT, Pipeline, program

PAGE = (ROOT / "docs" / "handlers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SAID = {
    "With logging": ("apex-api", "request finished with 200"),
    "In a configuration of logging": ("apex-batch", "WARNING a batch is late"),
    "With structlog": ("apex-api", '"event":"request_finished"'),
    "From a setting": ("apex-jobs", "a job failed"),
    "Options": None,
}
"""What the example under a heading ships: its service, and a part of its message."""


def _examples() -> dict[str, str]:
    sections = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    found = {}
    for title, text in zip(sections[1::2], sections[2::2], strict=True):
        for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            found[title] = example
    return found


@pytest.mark.parametrize("title", SAID)
def test_an_example_ships_what_it_logs(pipeline: Pipeline, title: str) -> None:
    before = len(list(pipeline.documents()))
    example = _examples()[title]
    program(example.replace("logs.example.org:5044", pipeline.address))
    shipped = [(one["fields"]["service"], one["message"]) for one in list(pipeline.documents())[before:]]
    expected = SAID[title]
    assert len(shipped) == (expected is not None)
    assert expected is None or (shipped[0][0] == expected[0] and expected[1] in shipped[0][1])


def test_the_example_with_kafka_ships_what_it_logs(kafka: Cluster) -> None:
    topic = unique("page")
    example = _examples()["To a Kafka topic"].replace("kafka.example.org:9092", kafka.bootstrap)
    program(example.replace('"apex-logs"', f'"{topic}"'))
    [event] = asyncio.run(whole_topic(kafka.bootstrap, topic))
    assert (event["fields"], event["message"]) == ({"service": "apex-api"}, "out of order")


def test_every_example_is_run() -> None:
    assert set(_examples()) == {*SAID, "To a Kafka topic"}
    assert len(EXAMPLES) == len(SAID) + 1


def test_the_defaults_on_the_page_are_the_real_ones() -> None:
    pace = Pace()
    for name, value in [
        ("`pace.batch`", f"{pace.batch}"),
        ("`pace.delay`", f"{pace.delay:g} s"),
        ("`pace.timeout`", f"{pace.timeout:g} s"),
        ("`pace.first_pause`, `pace.longest_pause`", f"{pace.first_pause:g} s, {pace.longest_pause:g} s"),
        ("`pace.farewell`", f"{pace.farewell:g} s"),
        ("`pace.complain_every`", f"{pace.complain_every:g} s"),
    ]:
        assert f"| {name} | {value} |" in PAGE


def test_every_form_of_a_target_is_on_the_page() -> None:
    assert [form for form in FORMS.split(", ") if f"`{form}`" not in PAGE] == []
