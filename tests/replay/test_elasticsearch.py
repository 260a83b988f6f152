"""Into a real Elasticsearch, twice; and what its `_search` answers, replayed into a store."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tests.proofs.indices import call
from tests.replay.program import counts, envelope, lines, replay, stored
from tests.servers.elasticsearch_node import Server


def test_there_and_back(tmp_path: Path, elasticsearch: Server) -> None:
    prefix = f"replay-{uuid.uuid4().hex[:8]}"
    there = f"""
    input {{ beats {{ port => 5044 }} }}
    output {{ elasticsearch {{ hosts => ["{elasticsearch.url}"] index => "{prefix}-%{{+YYYY.MM.dd}}" }} }}
    """
    (tmp_path / "a.ndjson").write_bytes(lines([envelope(number) for number in range(30)]))
    (tmp_path / "there.conf").write_text(there)
    real = ("a.ndjson", "-f", "there.conf")
    for fate in ("indexed", "duplicates"):
        answer = replay(tmp_path, *real, "--restart", text=None)
        assert (answer.code, counts(answer)[fate]) == (0, 30), answer.err
        indices = [line.split() for line in answer.out.split("\n\n")[1].splitlines()[1:]]
        figures = ["10", "0", "0"] if fate == "indexed" else ["0", "10", "0"]
        assert indices == [[f"{prefix}-2026.11.{day}", *figures] for day in (20, 21, 22)]
    call(f"{elasticsearch.url}/{prefix}-*/_refresh", "POST")
    found = call(f"{elasticsearch.url}/{prefix}-*/_search?size=100")
    (tmp_path / "answer.json").write_text(json.dumps(found))
    back = replay(tmp_path, "answer.json")
    assert (back.code, counts(back)["indexed"]) == (0, 30)
    assert "answer.json: answers of Elasticsearch's _search" in back.err
    hits = {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}
    assert {document.id: document.source for document in stored(tmp_path)} == hits
