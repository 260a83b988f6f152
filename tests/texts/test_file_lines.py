"""Lines of files: whether an event takes the short way or the long one, it is the same."""

from __future__ import annotations

from typing import Any

import orjson
import xxhash
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.arrivals import arrive
from pipeline.event import Event
from pipeline.texts.codecs import LineCodec
from pipeline.texts.file_lines import decoder
from pipeline.texts.json_documents import json_parser, render_json

PATH, HOST, IDENTITY = "/var/log/a.log", "node", "abc"
READ = ["2026-11-23T06:00:00.123Z", "2026-11-23T06:00:00Z", "2026-11-23T06:00+02:00", "2026-02-31"]
NO_TIMES = ["", "no time", 5, None]
VALUES = st.none() | st.integers(0, 3) | st.sampled_from(["", "a", "1"])
DOCUMENTS = st.fixed_dictionaries(
    {"@timestamp": st.sampled_from([*READ, *NO_TIMES])},
    optional={
        "@metadata": VALUES | st.dictionaries(st.sampled_from(["_id", "path", "beat"]), VALUES, max_size=3),
        "@version": VALUES,
        "tags": VALUES | st.lists(VALUES, max_size=2),
        "path": VALUES,
        "host": VALUES,
        "message": VALUES,
    },
)


def plainly(document: dict[str, Any], event_id: str, ordinal: int) -> Event:
    fields = {"path": PATH, "host": HOST} | document
    return arrive(fields, {"path": PATH, "host": HOST, "event_id": event_id}, ordinal)


@given(documents=st.lists(DOCUMENTS, max_size=6))
@example(documents=[{"@timestamp": ""}, {"@timestamp": READ[0]}, {"@timestamp": READ[0], "@metadata": {"beat": "a"}}])
@example(documents=[{"@timestamp": READ[1]}, {"@timestamp": READ[1], "@metadata": {"_id": "own"}}])
def test_both_ways_lead_to_the_same_event(documents: list[dict[str, Any]]) -> None:
    codec = LineCodec(json_parser("UTF-8", None, original=False), render_json(b"\n"))
    lines = [orjson.dumps(document) for document in documents]
    data = b"".join(line + b"\n" for line in lines)
    decode = decoder(codec, 1, HOST, ecs=False)
    found = list(decode(data, {"path": PATH, "identity": IDENTITY, "offset": 16}, lambda raw, error: None))
    assert len(found) == len(documents)
    offset = 16
    for ordinal, (event, document, line) in enumerate(zip(found, documents, lines, strict=True)):
        expected = plainly(document, f"{IDENTITY}{offset:x}.{xxhash.xxh3_64_hexdigest(line)}", ordinal)
        if expected.fields["@timestamp"] != event.fields["@timestamp"]:  # now, at two moments
            assert document["@timestamp"] in NO_TIMES
            expected.fields["@timestamp"] = event.fields["@timestamp"]
        assert event.fields == expected.fields
        assert event.metadata == expected.metadata
        assert event.ordinal == ordinal
        offset += len(line) + 1
