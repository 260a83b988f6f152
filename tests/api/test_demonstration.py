"""The API's part of `make run`, with an engine on a free port."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from shippers import demonstrated_api
from tests.api.serving import NAMES, PATIENCE, stored
from tests.proofs.engine import Engine
from tests.servers.elasticsearch_node import free_port


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def ended(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    return process.wait(PATIENCE)


def test_it_is_asked_logged_and_traced(tmp_path: Path, engine: Engine) -> None:
    def found(query: str) -> list[dict[str, Any]]:
        name, _, value = query.partition(":")
        documents = stored(tmp_path / "store")
        return [{"_index": index, "_source": each} for index, each in documents if each.get(name) == value.strip('"')]

    port = free_port()
    api = demonstrated_api.start(tmp_path, port, f"127.0.0.1:{engine.port}")
    try:
        assert demonstrated_api.wait_ready(api, port)
        asked = demonstrated_api.ask(port)
        hit = demonstrated_api.logged(asked, found)
        assert hit is not None
        document = hit[0]["_source"]
        assert [name for name in demonstrated_api.EXPECTED if not document.get(name)] == []
        assert document["source_ip"] == demonstrated_api.VISITOR
        assert demonstrated_api.exported(tmp_path, document["trace_id"])
    finally:
        code = ended(api)
    assert code == 0


def test_one_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER", "jaeger")
    port = free_port()
    api = demonstrated_api.start(tmp_path, port, "127.0.0.1:1")
    assert not demonstrated_api.wait_ready(api, port)
    assert api.wait(PATIENCE) == 2
    assert demonstrated_api.spans(tmp_path).read_text().startswith("OTEL_EXPORTER: ")
