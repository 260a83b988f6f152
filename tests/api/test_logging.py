from __future__ import annotations

import json
from pathlib import Path

from tests.api.serving import serving, until


def test_stdout_gets_a_json_object_a_line(tmp_path: Path) -> None:
    with serving(tmp_path, LOG_TARGET="stdout") as api:
        request_id = api.derive().headers["X-Request-ID"]
        out = tmp_path / "apex.api.out"
        until(lambda: request_id in out.read_text())
        api.stop()
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {"timestamp", "level", "event", "trace_id", "span_id"} <= set.intersection(*(set(line) for line in lines))
    assert {line["level"] for line in lines} == {"info"}
    assert {line.get("logger") for line in lines} == {None, "uvicorn.error"}
    assert api.errors.read_text() == ""


def test_a_file_that_was_rotated_is_opened_anew(tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        first = api.derive().headers["X-Request-ID"]
        until(lambda: api.request_lines(first))
        api.log.rename(tmp_path / "old.log")
        second = api.derive().headers["X-Request-ID"]
        until(lambda: api.request_lines(second))
        assert first in (tmp_path / "old.log").read_text()
        assert first not in api.log.read_text()
