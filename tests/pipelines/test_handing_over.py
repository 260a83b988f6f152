"""A pipeline that fails with what was handed to it: who takes the address next gets it, and nobody is told before."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.bus import Bus
from pipeline.errors import StoreError
from pipeline.event import Event
from pipeline.plugin import Body, Sent
from pipeline.runtime import Pipeline, Place
from pipeline.settings.logstash_yml import Settings
from tests.harness import planned

PATIENCE = 30.0


class Broken:
    """An output that ends its pipeline."""

    ordered = False

    def render(self, event: Event, body: bytearray) -> None:
        body += b"x"

    async def send(self, body: Body) -> Sent:
        raise StoreError("no disk")

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass


def made(name: str, text: str, bus: Bus, folder: Path) -> Pipeline:
    return Pipeline(Settings(pipeline_id=name, path_data=folder), planned(text), place=Place(bus=bus))


def test_what_a_failed_pipeline_had_goes_to_the_next_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus, out = Bus(), tmp_path / "out"
        takes = f'input {{ pipeline {{ address => "x" }} }} output {{ file {{ path => "{out}" codec => json_lines }} }}'
        hands = 'input { generator { count => 3 } } output { pipeline { send_to => ["x"] } }'
        broken = made("b", takes, bus, tmp_path)
        [(node, (_, label))] = broken._built.outputs.items()
        broken._built = replace(broken._built, outputs={node: (Broken(), label)})
        async with asyncio.timeout(PATIENCE):
            handing = asyncio.create_task(made("a", hands, bus, tmp_path).run())
            with pytest.raises(ExceptionGroup) as caught:
                await broken.run()
            assert caught.group_contains(StoreError, match="no disk")
            assert not handing.done()
            whole = made("b", takes, bus, tmp_path)
            taking = asyncio.create_task(whole.run())
            await handing
            whole.stop()
            await taking
        assert [json.loads(line)["event"]["sequence"] for line in out.read_text().splitlines()] == [0, 1, 2]

    asyncio.run(scenario())


def test_a_pipeline_that_is_cut_takes_back_what_nobody_has_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        bus = Bus()
        hands = 'input { generator { count => 3 } } output { pipeline { send_to => ["x"] } }'
        handing = asyncio.create_task(made("a", hands, bus, tmp_path).run())
        async with asyncio.timeout(PATIENCE):
            while not bus.box("x").waiting:
                await asyncio.sleep(0.001)
        handing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handing
        assert not bus.box("x").waiting

    asyncio.run(scenario())
