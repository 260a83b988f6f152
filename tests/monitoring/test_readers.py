"""Programs that read Logstash read this: Telegraf's input, as it is published."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.monitoring.test_api import through
from tests.monitoring.watched import until, watched
from tests.servers.telegraf_reader import gathered


def test_telegraf(telegraf: Path, tmp_path: Path) -> None:
    credentials = {"api_auth_type": "basic", "api_auth_username": "me", "api_auth_password": "Passw0rd"}

    async def scenario() -> None:
        async with watched(through(tmp_path), tmp_path, plugin_timing_every=1, **credentials) as it:
            await until(lambda: it.pipeline.counters.delivered == 30)
            await until(lambda: it.pipeline.in_flight.events == 0)
            found = await asyncio.to_thread(gathered, telegraf, f"http://{it.node.address}", "me", "Passw0rd")
        [events] = [item for item in found if item["name"] == "logstash_events"]
        counted = {name: events["fields"][name] for name in ("in", "filtered", "out")}
        assert counted == {"in": 30, "filtered": 30, "out": 30}
        assert (events["tags"]["pipeline"], events["tags"]["node_id"]) == ("main", it.node.id)
        plugins = {item["tags"]["plugin_id"]: item for item in found if item["name"] == "logstash_plugins"}
        assert {name: item["tags"]["plugin_type"] for name, item in plugins.items()} == {
            "in": "input",
            "away": "filter",
            "apart": "filter",
            "named": "filter",
            "out": "output",
        }
        assert {name: item["fields"]["out"] for name, item in plugins.items()} == {
            "in": 30,
            "away": 0,
            "apart": 20,
            "named": 30,
            "out": 30,
        }
        kinds = {item["name"] for item in found}
        assert kinds == {f"logstash_{kind}" for kind in ("jvm", "process", "events", "plugins", "queue")}

    asyncio.run(scenario())
