from __future__ import annotations

import asyncio
import time

import pytest

from pipeline.config.building import build
from tests.harness import context, planned


def beaten(text, ecs="disabled"):
    warnings = []

    async def run():
        [made] = build(planned(f"input {{ heartbeat {{ {text} }} }}", ecs=ecs), context(warnings=warnings)).inputs
        events = []
        async for batch in made.input.batches():
            events += made.input.decode(batch.data, batch.origin, None)
        await made.input.close()
        return [event.fields for event in events]

    return asyncio.run(run()), warnings


@pytest.mark.parametrize(
    ("text", "ecs", "fields"),
    [
        ("", "disabled", {"message": "ok"}),
        ("", "v8", {"message": "ok"}),
        ('message => "sequence"', "disabled", {"clock": 1}),
        ('sequence => "sequence"', "disabled", {"message": "ok", "clock": 1}),
        ('sequence => "sequence"', "v8", {"message": "ok", "event": {"sequence": 1}}),
        ('sequence => "none" message => "sequence"', "disabled", {"message": "sequence"}),
        ('message => "sequence"', "v8", {"message": "sequence"}),
    ],
)
def test_what_an_event_tells(text, ecs, fields):
    [found], _ = beaten(f"count => 1 {text}", ecs)
    assert type(found.pop("host")) is (str if ecs == "disabled" else dict)
    assert {name: found.get(name) for name in fields} == fields
    assert "clock" in fields or "clock" not in found


def test_the_time_and_the_number():
    found, warnings = beaten('count => 3 interval => 0 message => "epoch"')
    assert all(abs(fields["clock"] - time.time()) < 30 for fields in found)
    assert "message" not in found[0]
    assert 'sequence => "epoch"' in warnings[0]
    found, _ = beaten('count => 3 interval => 0 sequence => "sequence"')
    assert [fields["clock"] for fields in found] == [1, 2, 3]


def test_the_interval_is_kept():
    begun = time.monotonic()
    beaten("count => 3 interval => 0.1")
    assert time.monotonic() - begun >= 0.2
