"""Loki's push API: names, items, pushes, and what an answer means."""

import json
from array import array

import pytest

from pipeline.errors import BodyTooLarge, NotAuthorised, SendFailure, Unavailable
from pipeline.plugin import Body, Sent
from pipeline.protocols import loki
from tests.loki_server import SCHEMA


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("service",), "service"),
        (("kubernetes", "namespace"), "kubernetes_namespace"),
        (("host.name",), "host_name"),
        (("app-name",), "app_name"),
        (("0", "x"), "_0_x"),
        (("__internal",), "_internal"),
        (("@version",), "_version"),
        (("größe",), "gr__e"),
        (("٣",), "_"),
    ],
)
def test_label_names(path, name):
    assert loki.label_name(path) == name


def test_an_item_is_two_lines_of_json():
    assert loki.labels({"b": "2", "a": 'q"\n'}) == b'{"a":"q\\"\\n","b":"2"}\n'
    assert loki.entry(12, "a\nb", {}) == b'["12","a\\nb"]\n'
    assert loki.entry(12, "x", {"id": "7"}) == b'["12","x",{"id":"7"}]\n'
    assert loki.time_of(loki.labels({"a": "b"}) + loki.entry(12, "x", {})) == 12


def test_half_of_a_surrogate_pair_is_replaced():
    assert json.loads(loki.labels({"a": "x\ud800y"})) == {"a": "x\ufffdy"}
    assert json.loads(loki.entry(1, "\udc00", {"\ud800": "z\U0001f600"})) == ["1", "\ufffd", {"\ufffd": "z\U0001f600"}]


def item(label, time, line="x"):
    return loki.labels({"job": label}) + loki.entry(time, line, {})


def test_a_push_has_a_stream_for_each_set_of_labels():
    document = json.loads(loki.push([item("a", 1), item("b", 2), item("a", 3, "y\n")]))
    assert document == {
        "streams": [
            {"stream": {"job": "a"}, "values": [["1", "x"], ["3", "y\n"]]},
            {"stream": {"job": "b"}, "values": [["2", "x"]]},
        ]
    }
    SCHEMA.validate(document)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ([], 10, []),
        ([4, 4, 2], 10, [[0, 1, 2]]),
        ([4, 4, 3], 10, [[0, 1], [2]]),
        ([99], 10, [[0]]),
        ([4, 99, 4], 10, [[0], [1], [2]]),
        ([10, 10, 10], 10, [[0], [1], [2]]),
        ([99, 99], 1, [[0], [1]]),
    ],
)
def test_a_body_is_cut_where_a_push_is_full(sizes, limit, expected):
    ends = array("Q", [sum(sizes[: index + 1]) for index in range(len(sizes))])
    body = Body(bytearray(sum(sizes)), ends)
    assert [list(part) for part in loki.parts(body, limit)] == expected


THREE = [item("a", 1_700_000_000_000_000_000), item("a", 1_800_000_000_000_000_000), item("b", 1)]


@pytest.mark.parametrize("status", [200, 204])
def test_written(status):
    assert loki.judge(status, b"", THREE) == Sent()


REFUSED = {
    "rate": (429, b"ingestion rate limit exceeded for user x", Unavailable, "HTTP 429: rate_limited: ingestion rate"),
    "stream rate": (429, b"Per stream rate limit exceeded", Unavailable, "HTTP 429: per_stream_rate_limit: Per"),
    "streams": (429, b"maximum active stream limit exceeded", Unavailable, "HTTP 429: stream_limit: maximum"),
    "blocked": (260, b"ingestion blocked for user x", Unavailable, "HTTP 260: ingestion blocked"),
    "accepted by whom": (202, b"", Unavailable, "HTTP 202: an empty answer"),
    "moved": (302, b"", Unavailable, "HTTP 302: an empty answer"),
    "wrong path": (404, b"404 page not found\n", Unavailable, "ends in /loki/api/v1/push"),
    "ill": (503, b"a\n  b", Unavailable, "HTTP 503: a b"),
    "no tenant": (401, b"no org id", NotAuthorised, "HTTP 401: no org id (give username and password, or tenant_id)"),
    "forbidden": (403, b"", NotAuthorised, "HTTP 403: "),
    "large": (413, b"Request body too large", BodyTooLarge, "HTTP 413: Request body too large"),
    "large inside": (500, b"received message larger than max (5 vs. 4)", BodyTooLarge, "HTTP 500: received"),
    "one of several": (400, b"entry too far behind, ...", BodyTooLarge, "HTTP 400: too_far_behind: entry"),
    "no metadata": (
        400,
        b"stream '{}' includes structured metadata, but this feature is disallowed. Please see ...",
        Unavailable,
        "leave metadata_fields out",
    ),
}


@pytest.mark.parametrize(("status", "answer", "failure", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_concerns_all_of_a_push(status, answer, failure, reason):
    with pytest.raises(SendFailure) as raised:
        loki.judge(status, answer, THREE)
    assert type(raised.value) is failure
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"max entry size '9' bytes exceeded for stream", "line_too_long"),
        (b"Error parsing labels '{}' with error", "invalid_labels"),
        (b"error at least one label pair is required per stream", "missing_labels"),
        (b"entry for stream '{}' has 16 label names; limit 15", "max_label_names_per_series"),
        (b"stream '{}' has label name too long: 'x'", "label_name_too_long"),
        (b"stream '{}' has label value too long: 'x'", "label_value_too_long"),
        (b"stream '{}' has duplicate label name: 'x'", "duplicate_label_names"),
        (b"entry for stream '{}' has timestamp too new: 2027", "too_far_in_future"),
        (b"entry with timestamp 1 ignored, reason: 'entry out of order',", "out_of_order"),
        (b"stream '{}' has structured metadata too large: '7' bytes", "structured_metadata_too_large"),
        (b"stream '{}' has too many structured metadata labels: '9'", "structured_metadata_too_many"),
    ],
)
def test_a_single_refused_entry_is_dead(answer, kind):
    [(index, reason)] = loki.judge(400, answer, THREE[:1]).dead
    assert (index, reason) == (0, f"HTTP 400: {kind}: {answer.decode()}")


def too_old(oldest, labels='{job="b"}'):
    there = "1970-01-01T00:00:00Z"
    text = f"entry for stream '{labels}' has timestamp too old: {there}, oldest acceptable timestamp is: {oldest}"
    return text.encode()


def test_what_is_older_than_loki_takes_is_dead_at_once():
    reason = "HTTP 400: greater_than_max_sample_age: " + too_old("2025-01-01T00:00:00Z").decode()
    sent = loki.judge(400, too_old("2025-01-01T00:00:00Z"), THREE)
    assert sent == Sent([(1, reason)], [(0, reason), (2, reason)])
    sent = loki.judge(400, too_old("2023-11-14T22:13:20.123456789Z"), THREE)
    assert ([index for index, _ in sent.again], [index for index, _ in sent.dead]) == ([0, 1], [2])


def test_a_bound_that_no_item_is_below_leads_to_halves():
    with pytest.raises(BodyTooLarge):
        loki.judge(400, too_old("1960-01-01T00:00:00Z"), THREE)


NO_METADATA = "stream '{}' includes structured metadata, but this feature is disallowed"
HOSTILE = too_old("2999-01-01T00:00:00Z", "{}").decode()


@pytest.mark.parametrize(
    "answer",
    [
        f"entry for stream '{{job={json.dumps(HOSTILE)}}}' has timestamp too new: 2027-01-01T00:00:00Z",
        f"stream '{{job=\"x\"}}' has label value too long: '{HOSTILE}'",
        f"stream '{{job=\"x\"}}' has label value too long: '\n{HOSTILE}\n'",
        f"stream '{{}}' has label value too long: '\n{NO_METADATA}'",
    ],
)
def test_labels_that_speak_as_loki_does_harm_no_other_entry(answer):
    """Halves are what follows, not the death of all that is beside it, nor a wait without end."""
    with pytest.raises(BodyTooLarge):
        loki.judge(400, answer.encode(), THREE)


def test_several_refusals_are_of_the_kind_that_comes_first():
    said = too_old("1960-01-01T00:00:00Z") + b"; max entry size '9' bytes exceeded " + b"x" * 1000
    [(_, reason)] = loki.judge(400, said, THREE[:1]).dead
    assert reason.startswith("HTTP 400: greater_than_max_sample_age: entry for stream")
    assert len(reason) < 600
    assert loki.judge(400, b"2 errors like: " + too_old("2025-01-01T00:00:00Z"), THREE).dead
