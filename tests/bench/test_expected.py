from __future__ import annotations

from typing import Any

import pytest

from bench.events import generate
from bench.expected import document, same

ENVELOPE = generate(1)[0]


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in document(ENVELOPE).items() if key != name}


def test_a_document_has_what_the_filters_make() -> None:
    found = document(ENVELOPE, beats=True)
    assert found["log_event"] == "request_finished"
    assert found["tags"][0] == "beats_input_codec_plain_applied"
    assert not found.keys() & {"event", "@metadata"}


def test_more_of_geoip_is_the_same() -> None:
    wanted = document(ENVELOPE)
    assert same(wanted, wanted)
    assert same(wanted | {"geoip": wanted["geoip"] | {"timezone": "Europe/Stockholm"}}, wanted)


@pytest.mark.parametrize(
    "found",
    [
        _without("log_event"),
        _without("geoip"),
        document(ENVELOPE) | {"level": "other"},
        document(ENVELOPE) | {"geoip": {"ip": "192.0.2.1"}},
        document(ENVELOPE) | {"tags": ["_jsonparsefailure"]},
    ],
    ids=["a member missing", "no geoip", "another value", "another place", "a tag"],
)
def test_what_is_wrong_is_not_the_same(found: dict[str, Any]) -> None:
    assert not same(found, document(ENVELOPE))
