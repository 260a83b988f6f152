"""What an archive holds, by its first lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.disk.segments import MAGIC
from pipeline.replay.kinds import kind_of
from tests.replay.program import envelope

HIT = {"_index": "a", "_id": "1", "_source": {"message": "m"}}
LETTER = {"time": "2026-01-01T00:00:00Z", "reason": "r", "plugin": "p", "original": "o"}


def text(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (text(envelope(1), envelope(2)), "envelopes"),
        (b"garbage\n" + text(envelope(1), envelope(2)), "envelopes"),
        (b"\n\n" + text(envelope(1)), "envelopes"),
        (text({"@timestamp": "2026-01-01", "message": "m", "agent": {}}), "envelopes"),
        (text({"@timestamp": "2026-01-01", "message": "m"}), "lines"),
        (text(HIT), "documents"),
        (text({"took": 1, "hits": {"hits": [HIT]}}), "search"),
        (json.dumps({"took": 1, "hits": {"hits": [HIT]}}, indent=1).encode(), "search"),
        (json.dumps({"hits": {"hits": [HIT] * 2000}}).encode()[:65536], "search"),
        (text(LETTER), "letters"),
        (text({"name": "1-0", **LETTER}), "letters"),
        (MAGIC + b"...", "segment"),
        (text({"level": "info"}), "lines"),
        (text({"hits": 3, "took": 2}), "lines"),
        (b"127.0.0.1 - - [x] GET /hits\n", "lines"),
        (b"", "lines"),
        (b"\xff\xfe", "lines"),
        (text(1, "a", None, [HIT]), "lines"),
    ],
)
def test_kinds(head: bytes, kind: str) -> None:
    assert kind_of(head, whole=True) == kind


def test_a_cut_last_line_is_not_judged() -> None:
    data = text(envelope(1), envelope(2))
    assert kind_of(data[:-20], whole=False) == "envelopes"
    assert kind_of(text(envelope(1)) + b'{"cut', whole=False) == "envelopes"
