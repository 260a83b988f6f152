import asyncio

import pytest
from pydantic import ValidationError

from pipeline.codecs import json, plain
from pipeline.inputs import generator

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))


def made(**options):
    return generator.build(generator.Options(**{"codec": PLAIN, "ecs_compatibility": "disabled", **options}))


def generated(one, most=10_000):
    async def run():
        events = []
        async for batch in one.batches():
            events += one.decode(batch.data, batch.origin, None)
            if len(events) >= most:
                one.stop()
        await one.close()
        return events

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"count": 2}, [("Hello world!", 0), ("Hello world!", 1)]),
        ({"count": 2, "message": "m"}, [("m", 0), ("m", 1)]),
        ({"count": 2, "lines": ["a", "b"]}, [("a", 0), ("b", 0), ("a", 1), ("b", 1)]),
    ],
)
def test_lines_and_rounds(options, events):
    found = generated(made(**options))
    assert [(event.fields["message"], event.fields["sequence"]) for event in found] == events
    assert found[0].fields["host"]
    assert len({event.metadata["event_id"] for event in found}) == len(events)


def test_without_count_it_goes_on_until_it_is_stopped():
    assert len(generated(made(), most=1500)) == 1500


def test_ecs_fields():
    codec = json.build(json.Options(ecs_compatibility="disabled"))
    one = made(count=1, message='{"host":{"name":"h"},"event":{"kind":"k"}}', codec=codec, ecs_compatibility="v8")
    [event] = generated(one)
    assert event.fields["host"] == {"name": "h"}
    assert event.fields["event"] == {"kind": "k", "sequence": 0}


def test_pick():
    assert made().pick(b'[[0,"a"],[0,"b"]]', {}, 1) == b'[[0,"b"]]'


def test_stdin_is_refused():
    with pytest.raises(ValidationError, match="stdin input"):
        made(message="stdin")
