"""infra/logging/loki.conf as users run it: Beats in, Loki's push API out, and what Loki had refused retried.

The server holds the pipeline to Loki's documentation; it is not Loki.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from shippers.lumberjack import Sender
from tests.cli.program import Running, invoke, until
from tests.deploy.filebeat import envelope
from tests.deploy.manifests import ROOT
from tests.loki_server import LokiServer
from tests.servers.elasticsearch_node import free_port

LOGGING = ROOT / "infra" / "logging"
LINE = '{"level":"info","event":"request_finished","status":200,"source_ip":"81.2.69.142"}'
OLD = "2026-11-01T00:00:00.000Z"
NEW = "2026-11-25T10:00:00.000Z"


def at(stamp: str, **more: Any) -> dict[str, Any]:
    return {**envelope("kubernetes", LINE, app="apex-api"), "@timestamp": stamp, **more}


async def ship(port: int, *events: dict[str, Any]) -> None:
    async with Sender("127.0.0.1", port) as sender:
        await sender.send(list(events))


def test_it_is_sound() -> None:
    code, out, err = invoke("check", "-f", str(LOGGING / "loki.conf"), "--path.settings", str(LOGGING))
    assert (code, out) == (0, "Configuration OK: 1 input, 3 filters, 1 output\n")
    assert "warning" not in err


def test_beats_to_loki_and_what_it_refused_after_all(loki: LokiServer, tmp_path: Path) -> None:
    deployed = yaml.safe_load((ROOT / "infra" / "loki" / "local-config.yaml").read_text())["limits_config"]
    loki.limits.label_names = deployed["max_label_names_per_series"]
    loki.limits.structured_metadata = deployed.get("allow_structured_metadata", False)  # Loki 2.9's default
    loki.limits.oldest = 1_795_000_000 * 10**9
    port = free_port()
    file = tmp_path / "loki.conf"
    file.write_text((LOGGING / "loki.conf").read_text().replace("port => 5044", f"port => {port}"))
    data = ["--path.settings", str(LOGGING), "--path.data", str(tmp_path / "data")]
    with Running("-f", str(file), *data, cwd=tmp_path, LOKI_URL=loki.address, LOG_FORMAT="json") as engine:
        until(lambda: any(f":{port}" in line for line in engine.log), lambda: f"a listening input: {engine.log}")
        asyncio.run(ship(port, at(NEW), at(OLD), at(NEW, fields={"service": "other"})))
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
        [end] = [json.loads(line) for line in engine.log if '"drained"' in line]
    assert (end["delivered"], end["dead"]) == (2, 1)
    served, other = sorted(loki.streams, key=len, reverse=True)
    assert served == (("job", "apex-logs"), ("level", "info"), ("service", "apex-api"))
    assert other == (("job", "apex-logs"), ("service", "other"))
    [entry] = loki.streams[served]
    document = json.loads(entry.line)
    assert (document["log_event"], document["geoip"]["country_code2"]) == ("request_finished", "GB")
    assert document["kubernetes"]["labels"] == {"app": "apex-api"}
    assert json.loads(loki.streams[other][0].line)["message"] == LINE

    loki.limits.oldest = 0
    retried = invoke("dlq", "retry", "--again", "--all", "-f", str(file), *data, LOKI_URL=loki.address)
    assert retried.code == 0, retried.err
    assert [json.loads(entry.line)["@timestamp"] for entry in loki.streams[served]] == [NEW, OLD]


@pytest.mark.parametrize("status", [401, 503])
def test_nothing_is_given_up_while_loki_does_not_take_it(loki: LokiServer, tmp_path: Path, status: int) -> None:
    """The Beat hears of it when Loki has it."""
    loki.refusals = [(status, "not now")]
    port = free_port()
    text = (LOGGING / "loki.conf").read_text().replace("port => 5044", f"port => {port}")
    file = tmp_path / "loki.conf"
    file.write_text(text.replace("codec => json", "codec => json min_delay => 0.1 max_delay => 0.2"))
    with Running("-f", str(file), "--path.settings", str(LOGGING), cwd=tmp_path, LOKI_URL=loki.address) as engine:
        until(lambda: any(f":{port}" in line for line in engine.log), lambda: f"a listening input: {engine.log}")
        asyncio.run(ship(port, at(NEW)))
        assert len(loki.lines()) == 1
        engine.send(signal.SIGTERM)
        assert engine.wait() == 0
    assert len(loki.requests) == 2
