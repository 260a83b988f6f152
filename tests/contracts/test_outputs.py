"""What the engine expects of every output; an output that is not in the table fails the suite."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import registry
from pipeline.config.building import build
from pipeline.event import Event
from pipeline.metrics import Counters
from pipeline.plugin import Body, Output, Sent
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import context, ended, planned
from tests.http_receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


STAMP = "2026-11-25T10:00:00.000Z"


@dataclass(frozen=True)
class Case:
    """The text of an output; `attach` gives it a descriptor of the test's own."""

    text: str
    attach: Callable[[Any, Path], None] = lambda made, folder: None

    def made(self, request: pytest.FixtureRequest, folder: Path) -> Output:
        url = request.getfixturevalue("elasticsearch").url if "{url}" in self.text else ""
        bootstrap = request.getfixturevalue("kafka").bootstrap if "{bootstrap}" in self.text else ""
        receiver = request.getfixturevalue("receiver").url if "{receiver}" in self.text else ""
        ports = dict.fromkeys(("rabbitmq", "redis"), 0)
        for name in ports:
            if f"{{{name}}}" in self.text:
                ports[name] = request.getfixturevalue(f"{name}_server").port
        loki = request.getfixturevalue("loki").url if "{loki}" in self.text else ""
        index = f"contract-{folder.name.lower()}".replace("_", "-")
        known = {
            "folder": folder,
            "url": url,
            "bootstrap": bootstrap,
            "index": index,
            "receiver": receiver,
            "loki": loki,
        }
        text = self.text.format(**known, **ports)
        [(made, _)] = build(planned(f"output {{ {text} }}"), context(folder)).outputs.values()
        self.attach(made, folder)
        return made


def to_file(made: Any, folder: Path) -> None:
    made.descriptor = os.open(folder / "stdout", os.O_CREAT | os.O_WRONLY)


def to_taker(made: Any, folder: Path) -> None:
    """Another pipeline, which takes all and ends it at once."""

    async def take() -> None:
        while True:
            if (handover := await box.take(lambda: False)) is not None:
                handover.ended.set_result(None)

    [(box, _)] = made.ways
    made.taker = asyncio.get_running_loop().create_task(take())


CASES = {
    "csv": Case('csv {{ path => "{folder}/%{{kind}}.csv" fields => ["n", "message"] }}'),
    "elasticsearch": Case(
        'elasticsearch {{ hosts => ["{url}"] index => "{index}" manage_template => false ilm_enabled => false }}'
    ),
    "file": Case('file {{ path => "{folder}/%{{kind}}/out.jsonl" }}'),
    "http": Case('http {{ url => "{receiver}/%{{kind}}" http_method => "post" }}'),
    "kafka": Case(
        'kafka {{ bootstrap_servers => "{bootstrap}" topic_id => "{index}" message_key => "%{{kind}}" codec => json }}'
    ),
    "loki": Case('loki {{ url => "{loki}" include_fields => ["kind"] metadata_fields => ["n"] }}'),
    "null": Case("null {{ }}"),
    "pipeline": Case('pipeline {{ send_to => ["there"] }}', to_taker),
    "rabbitmq": Case(
        'rabbitmq {{ host => "127.0.0.1" port => {rabbitmq} exchange => "{index}" exchange_type => "fanout" }}'
    ),
    "redis": Case('redis {{ port => {redis} data_type => "list" key => "{index}-%{{kind}}" }}'),
    "sqlite": Case('sqlite {{ path => "{folder}/store" index => "{index}" }}'),
    "stdout": Case("stdout {{ codec => json_lines }}", to_file),
}
every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def test_the_table_holds_every_output() -> None:
    assert list(CASES) == registry.names("output")


def events() -> list[Event]:
    texts = ["plain", "drei ☃", "line\nbreak", "", "x" * 5000]
    return [
        Event({"@timestamp": STAMP, "message": text, "n": n, "kind": "a" if n % 2 else "b"}, {"event_id": f"e{n}"})
        for n, text in enumerate(texts)
    ]


def bodied(made: Output, chosen: list[Event]) -> Body:
    body = Body()
    for event in chosen:
        made.render(event, body.data)
        body.ends.append(len(body.data))
    return body


def parts(body: Body) -> list[Body]:
    """Each item as a body of its own, as the engine makes them to send again what was refused."""
    alone = []
    for index in range(len(body)):
        part = Body(bytearray(body.item(index)))
        part.ends.append(len(part.data))
        alone.append(part)
    return alone


@every
def test_render_appends_whole_items(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async def scenario() -> None:
        made = case.made(request, tmp_path)
        before = events()
        body = bodied(made, before)
        assert [(event.fields, event.metadata) for event in before] == [
            (event.fields, event.metadata) for event in events()
        ], "an output may not change an event: others get it too"
        alone = [bytes(bodied(made, [event]).data) for event in before]
        assert [body.item(index) for index in range(len(body))] == alone
        assert all(alone)
        assert b"".join(alone) == bytes(body.data)
        assert type(made.ordered) is bool
        await made.close()

    asyncio.run(scenario())


@every
def test_send_reports_every_item_and_a_repeat_is_no_failure(
    case: Case, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    async def scenario() -> list[Sent]:
        made = case.made(request, tmp_path)
        await made.start()
        body = bodied(made, events())
        data, ends = bytes(body.data), list(body.ends)
        answers = [await made.send(body), await made.send(body)]
        answers += [await made.send(part) for part in parts(body)]
        assert (bytes(body.data), list(body.ends)) == (data, ends), "a body is sent again as it is"
        await made.close()
        return answers

    first, second, *single = asyncio.run(scenario())
    assert first.duplicates == 0
    for answer in (first, second, *single):
        assert not answer.again
        assert not answer.dead
        assert answer.duplicates in (0, 1, 5)
    assert (second.duplicates, {answer.duplicates for answer in single}) in ((5, {1}), (0, {0}))


@every
def test_start_may_come_twice_and_close_without_it(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async def scenario() -> None:
        made = case.made(request, tmp_path)
        await made.start()
        await made.start()
        await made.close()
        unstarted = case.made(request, tmp_path)
        await unstarted.close()

    asyncio.run(scenario())


@every
def test_no_item_goes_uncounted(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    async def scenario() -> Counters:
        text = (
            "input { generator { count => 3 } } filter { if [event][sequence] == 1 { drop {} } } output { stdout {} }"
        )
        pipeline = Pipeline(Settings(path_data=tmp_path), planned(text))
        # The output of the table, in the place of the one of the text.
        made = case.made(request, tmp_path)
        [(node, (_, label))] = pipeline._built.outputs.items()
        pipeline._built = replace(pipeline._built, outputs={node: (made, label)})
        async with asyncio.timeout(60):
            await pipeline.run()
        return pipeline.counters

    counters = asyncio.run(scenario())
    [counted] = counters.outputs.values()
    assert (counted.delivered, counted.duplicates, counted.dead, counted.under_way) == (2, 0, 0, 0)
    assert counted.sends > 0
    assert counted.bytes > 0
    assert counters.decoded == ended(counters) == 3
