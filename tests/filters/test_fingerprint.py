"""The fingerprint filter."""

import hashlib
import uuid

import pytest

from pipeline.errors import ConfigurationError, FilterFailure
from tests.harness import documents, planned


def fingerprint(options, event, ecs="v8"):
    (document,) = documents(f'filter {{ fingerprint {{ target => "fp" {options} }} }}', event, ecs=ecs)
    return document.get("fp")


def sha1(text):
    return hashlib.sha1(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("options", "event", "result"),
    [
        ("", {"message": "x"}, sha1("x")),
        ("", {"other": "x"}, None),
        ("", {"message": ["x", 1]}, [sha1("x"), sha1("1")]),
        ("", {"message": {"b": 1, "a": [None, "c"]}}, sha1('{"a"=>[nil, "c"], "b"=>1}')),
        ('source => ["a", "b"]', {"a": "1", "b": "2"}, sha1("2")),
        ('source => ["b", "a"] concatenate_sources => true', {"a": "1", "b": "2"}, sha1("|a|1|b|2|")),
        ('source => ["a"] concatenate_sources => true', {}, sha1("|a||")),
        ('method => "MURMUR3"', {"message": "123.123.123.123"}, 4013733395),
        ('method => "MURMUR3_128"', {"message": "123.123.123.123"}, "41cbc4056eed401d091dfbeabf7ea9e0"),
        ('method => "IPV4_NETWORK" key => "24"', {"message": "1.2.3.4"}, "1.2.3.0"),
        ('method => "IPV4_NETWORK" key => "64"', {"message": "fe80::1:2:3:4:5"}, "fe80:0:0:1::"),
        ('method => "PUNCTUATION"', {"message": "a-b, €5!"}, "-,€!"),
        ('method => "MD5" key => "k" base64encode => true', {"message": "x"}, "RCugeejsYgb39VNNRlPbDw=="),
    ],
)
def test_methods(options, event, result):
    assert fingerprint(options, event) == result


@pytest.mark.parametrize(
    ("options", "value"), [('method => "IPV4_NETWORK" key => "24"', "x"), ('method => "PUNCTUATION"', 5)]
)
def test_what_has_no_fingerprint_fails(options, value):
    with pytest.raises(FilterFailure):
        fingerprint(options, {"message": value})


def test_all_fields_are_concatenated_in_the_order_of_their_names():
    first = fingerprint("concatenate_all_fields => true", {"a": 1, "b": 2, "@timestamp": "2026-01-01T00:00:00.000Z"})
    again = fingerprint("concatenate_all_fields => true", {"b": 2, "a": 1, "@timestamp": "2026-01-01T00:00:00.000Z"})
    other = fingerprint("concatenate_all_fields => true", {"b": 2, "a": 2, "@timestamp": "2026-01-01T00:00:00.000Z"})
    assert first == again != other


def test_a_random_one():
    assert uuid.UUID(fingerprint('method => "UUID"', {}))


@pytest.mark.parametrize(
    ("ecs", "document"), [("v8", {"event": {"hash": sha1("x")}}), ("disabled", {"fingerprint": sha1("x")})]
)
def test_the_default_target(ecs, document):
    assert documents("filter { fingerprint { } }", {"message": "x"}, ecs=ecs) == [{"message": "x", **document}]


@pytest.mark.parametrize("key", ["", 'key => "x"', 'key => "129"'])
def test_a_network_needs_the_length_of_its_prefix(key):
    with pytest.raises(ConfigurationError, match="prefix"):
        planned(f'filter {{ fingerprint {{ method => "IPV4_NETWORK" {key} }} }}')
