"""The push API of Grafana Loki, as JSON: what goes out, what comes back, and what it means.

    push   = {"streams": [{"stream": {"label": "value", ...}, "values": [entry, ...]}, ...]}
    entry  = ["<nanoseconds since 1970>", "<line>"] | ["<nanoseconds>", "<line>", {"name": "value", ...}]
    item   = labels "\\n" entry "\\n"              the JSON of both: an item goes into a push without being parsed
    answer = 204, or another status with a text

The facts are those of Loki's pages "HTTP API" and "Troubleshoot log ingestion". A push has one answer for all of its
entries: where it is 400, Loki has kept those that are valid, and its text speaks of some of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import orjson

from pipeline.errors import BodyTooLarge, NotAuthorised, Unavailable
from pipeline.plugin import Body, Sent

CONTENT_TYPE = "application/json"
PATH = "/loki/api/v1/push"
WRITTEN = frozenset({200, 204})
"""Not every 2xx: 260 says that writing is blocked for now."""
_SHOWN = 500
"""How much of an answer is shown."""

# ---------------------------------------------------------------------------------------------- out


def label_name(path: Sequence[str]) -> str:
    """The name of a label for a field: `kubernetes_namespace` for `[kubernetes][namespace]`.

    A name holds letters of ASCII, digits and underscores, begins with no digit, and not with two underscores.
    """
    name = re.sub(r"[^A-Za-z0-9_]", "_", "_".join(path))
    name = re.sub(r"^__+", "_", name)
    return f"_{name}" if name[:1].isdigit() else name


def labels(pairs: Mapping[str, str]) -> bytes:
    """The first line of an item, the same for the same labels in any order."""
    return _written(dict(sorted(pairs.items())))


def entry(nanoseconds: int, line: str, metadata: Mapping[str, str]) -> bytes:
    """The second line of an item."""
    if metadata:
        return _written([str(nanoseconds), line, dict(metadata)])
    return _written([str(nanoseconds), line])


def _written(value: dict[str, str] | list[str | dict[str, str]]) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return orjson.dumps(_whole(value), option=orjson.OPT_APPEND_NEWLINE)


def _whole(value: str | dict[str, str] | list[str | dict[str, str]]) -> object:
    """Half of a surrogate pair, which UTF-8 cannot hold, is U+FFFD."""
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def parts(body: Body, size: int) -> Iterator[range]:
    """The items of each push: as many as fit into `size` bytes, and one at least."""
    first = start = 0
    for index, end in enumerate(body.ends):
        if end - start > size and index > first:
            yield range(first, index)
            first, start = index, body.ends[index - 1]
    if len(body) > first:
        yield range(first, len(body))


def push(items: Sequence[bytes]) -> bytes:
    """The body of a request: a stream for each set of labels, with its entries in their order."""
    streams: dict[bytes, list[bytes]] = {}
    for item in items:
        head, _, rest = item.partition(b"\n")
        streams.setdefault(head, []).append(rest.rstrip(b"\n"))
    texts = [b'{"stream":%b,"values":[%b]}' % (head, b",".join(entries)) for head, entries in streams.items()]
    return b'{"streams":[%b]}' % b",".join(texts)


# ---------------------------------------------------------------------------------------------- back

_KINDS = {
    "timestamp too old": "greater_than_max_sample_age",
    "timestamp too new": "too_far_in_future",
    "too far behind": "too_far_behind",
    "out of order": "out_of_order",
    "max entry size": "line_too_long",
    "parsing labels": "invalid_labels",
    "at least one label pair": "missing_labels",
    "label names; limit": "max_label_names_per_series",
    "label name too long": "label_name_too_long",
    "label value too long": "label_value_too_long",
    "duplicate label name": "duplicate_label_names",
    "structured metadata too large": "structured_metadata_too_large",
    "too many structured metadata": "structured_metadata_too_many",
    "per stream rate limit": "per_stream_rate_limit",
    "rate limit exceeded": "rate_limited",
    "active stream limit": "stream_limit",
}
"""Words of an answer, and the name that Loki's metric `loki_discarded_samples_total` has for what they say."""

_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_STREAM = rb"(?:\d+ errors like: )?(?:entry for )?stream '?\{(?:[^\"}]|" + _QUOTED + rb")*\}'? "
_NO_METADATA = re.compile(_STREAM + rb"includes structured metadata, but this feature is disallowed")
_OLDEST = re.compile(
    _STREAM + rb"has timestamp too old: \S+, oldest acceptable timestamp is: (\d{4}-\d\d-\d\dT[\d:.]+Z)"
)
"""A bound for all entries; the one of "too far behind" is that of a stream. An answer quotes labels, which anyone may
have written: so both are read at its beginning only."""
_TOO_LARGE = b"larger than max"
"""gRPC's words, which come as a 500 where a push is larger than the parts of Loki take from each other."""
_REMEDIES = {
    401: "give username and password, or tenant_id",
    403: "give username and password, or tenant_id",
    404: f"the url of Loki's push API ends in {PATH}",
}


def judge(status: int, answer: bytes, items: Sequence[bytes]) -> Sent:
    """What became of the items of a push. Raises `SendFailure` if the answer concerns all of them.

    400 is a refusal for good of some entry. Where Loki names the oldest time that it takes, older items are dead and
    the others are sent again, which Loki knows for repeats; else halves lead to the one that is to blame.
    """
    if status in WRITTEN:
        return Sent()
    reason = _reason(status, answer)
    if status in (401, 403):
        raise NotAuthorised(reason)
    if status == 413 or (status >= 500 and _TOO_LARGE in answer):
        raise BodyTooLarge(reason)
    if status != 400:
        raise Unavailable(reason)
    if _NO_METADATA.match(answer):  # no event is to blame, and none would be taken
        raise Unavailable(f"{reason}; allow it there, or leave metadata_fields out")
    if len(items) == 1:
        return Sent(dead=[(0, reason)])
    found = _OLDEST.match(answer)
    old = _older(items, found[1].decode()) if found else set()
    if not old:
        raise BodyTooLarge(reason)
    return Sent(
        [(index, reason) for index in range(len(items)) if index not in old],
        [(index, reason) for index in sorted(old)],
    )


def _reason(status: int, answer: bytes) -> str:
    said = " ".join(answer[:_SHOWN].decode("utf-8", "replace").split()) or "an empty answer"
    unquoted = re.sub(_QUOTED, b"", answer).decode("utf-8", "replace").lower()
    places = {unquoted.find(words): kind for words, kind in reversed(_KINDS.items()) if words in unquoted}
    kind = f"{places[min(places)]}: " if places else ""
    remedy = _REMEDIES.get(status)
    return f"HTTP {status}: {kind}{said}{f' ({remedy})' if remedy else ''}"


def _older(items: Sequence[bytes], oldest: str) -> set[int]:
    bound = int(datetime.fromisoformat(oldest[:19] + "Z").timestamp()) * 1_000_000_000
    return {index for index, item in enumerate(items) if time_of(item) < bound}


def time_of(item: bytes) -> int:
    """Nanoseconds since 1970 of an item."""
    return int(item.partition(b"\n")[2][2:].partition(b'"')[0])
