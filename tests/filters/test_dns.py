"""The dns filter, against a name server on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.event import Event
from pipeline.filters import dns
from pipeline.name_lookups import ExpiringCache, Hosts
from pipeline.plugin import Asking, PluginContext
from tests.dns_server import DnsServer, Zone

ZONE: Zone = {
    ("a.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.example", "AAAA"): ["2001:db8::a"],
    ("six.example", "AAAA"): ["2001:db8::6"],
    ("silent.example", "A"): ["192.0.2.9"],
    ("text.example", "TXT"): ['"no address"'],
    ("broken.example", "TXT"): ['"SERVFAIL"'],
    ("xn--mller-kva.example", "A"): ["192.0.2.3"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["A.example."],
    ("3.2.0.192.in-addr.arpa", "PTR"): ["xn--mller-kva.example."],
    ("a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): ["six.example."],
    ("host.inner.example", "A"): ["192.0.2.20"],
    **{(f"n{number}.example", "A"): [f"192.0.2.{100 + number}"] for number in range(10)},
}


@dataclass
class Clock:
    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    monotonic = now


@pytest.fixture
def server():
    with DnsServer(ZONE) as running:
        yield running


def built(server: DnsServer | None, clock: Clock | None = None, **options: Any) -> Asking:
    given = {"nameserver": server.address} if server else {}
    context = PluginContext("main", Path(), clock or Clock(), lambda seconds, call: None, lambda text: None)
    asking = dns.build(dns.Options(**given | options), context)
    assert isinstance(asking, Asking)
    return asking


def run(asking: Asking, *events: dict[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    """Does what the engine does for one batch; gives the fields and whether the filter matched."""
    made = [Event(fields) for fields in events]
    keys = [asking.key(event) for event in made]
    distinct = list(dict.fromkeys(key for key in keys if key is not None))
    answers = asyncio.run(asking.look_up(distinct))
    return [
        (event.fields, key is not None and asking.apply(event, answers.get(key)))
        for event, key in zip(made, keys, strict=True)
    ]


@pytest.mark.parametrize(
    ("options", "before", "after", "matched"),
    [
        ({"resolve": "h", "action": "replace"}, {"h": "a.example"}, {"h": "192.0.2.1"}, True),
        ({"resolve": "h"}, {"h": "a.example"}, {"h": ["a.example", "192.0.2.1"]}, True),
        ({"resolve": "h"}, {"h": ["a.example"]}, {"h": ["a.example", "192.0.2.1"]}, True),
        ({"resolve": "h", "action": "replace"}, {"h": ["a.example"]}, {"h": ["192.0.2.1"]}, True),
        ({"resolve": "h", "action": "replace"}, {"h": "six.example"}, {"h": "2001:db8::6"}, True),
        ({"resolve": "h", "action": "replace"}, {"h": "192.0.2.77"}, {"h": "192.0.2.77"}, True),
        ({"resolve": "h", "action": "replace"}, {"h": "a.example."}, {"h": "192.0.2.1"}, True),
        ({"resolve": "h", "action": "replace"}, {"h": "müller.example"}, {"h": "192.0.2.3"}, True),
        ({"reverse": "a", "action": "replace"}, {"a": "192.0.2.1"}, {"a": "A.example"}, True),
        ({"reverse": "a"}, {"a": "192.0.2.1"}, {"a": ["192.0.2.1", "A.example"]}, True),
        ({"reverse": "a", "action": "replace"}, {"a": ["2001:db8::a"]}, {"a": ["six.example"]}, True),
        ({"reverse": "a", "action": "replace"}, {"a": "192.0.2.3"}, {"a": "müller.example"}, True),
        ({"reverse": ["[x][a]"], "action": "replace"}, {"x": {"a": "192.0.2.1"}}, {"x": {"a": "A.example"}}, True),
        ({"resolve": "h", "reverse": "h", "action": "replace"}, {"h": "a.example"}, {"h": "A.example"}, True),
        ({"resolve": "h", "reverse": "[h]"}, {"h": "a.example"}, {"h": ["a.example", "192.0.2.1"]}, False),
        ({"resolve": ["h", "i"], "action": "replace"}, {"i": "a.example"}, {"i": "192.0.2.1"}, True),
        (
            {"resolve": ["h", "i"], "action": "replace"},
            {"h": "a.example", "i": "nowhere###.example"},
            {"h": "192.0.2.1", "i": "nowhere###.example"},
            False,
        ),
        (
            {"resolve": ["h"], "reverse": ["a", "b"], "action": "replace"},
            {"h": "a.example", "a": "192.0.2.1", "b": "192.0.2.200"},
            {"h": "192.0.2.1", "a": "A.example", "b": "192.0.2.200"},
            False,
        ),
        (
            {"resolve": ["h", "i", "j"], "action": "replace"},
            {"h": "a.example", "i": 5, "j": "a.example"},
            {"h": "192.0.2.1", "i": 5, "j": "a.example"},
            False,
        ),
    ],
)
def test_look_ups(server, options, before, after, matched):
    assert run(built(server, **options), before) == [(after, matched)]


@pytest.mark.parametrize(
    "value",
    [
        *("nowhere.example", "text.example", "broken.example", "", "0" * 64 + ".com", "a..b", "ü" * 100, "x" * 5000),
        *("\\", "a b", ["a.example", "b.example"], [], {"name": "a.example"}, 5, True, [5]),
    ],
)
def test_what_cannot_be_resolved_is_left_alone(server, value):
    assert run(built(server, resolve="h", action="replace"), {"h": value}) == [({"h": value}, False)]


@pytest.mark.parametrize(
    "value", ["not.an.ip", "", "192.0.2.200", "1.2.3", "192.0.2.01", ["192.0.2.1", "192.0.2.2"], 5]
)
def test_what_has_no_name_is_left_alone(server, value):
    assert run(built(server, reverse="a"), {"a": value}) == [({"a": value}, False)]


def test_events_without_the_fields_match_and_ask_nothing(server):
    assert run(built(server, resolve="h", reverse="a"), {}, {"h": None}) == [({}, True), ({"h": None}, True)]
    assert not server.questions


def test_a_thousand_events_with_ten_names_make_ten_questions(server):
    events = [{"h": f"n{number % 10}.example", "i": f"n{number % 7}.example"} for number in range(1000)]
    results = run(built(server, resolve=["h", "i"], action="replace"), *events)
    assert results == [
        ({"h": f"192.0.2.{100 + number % 10}", "i": f"192.0.2.{100 + number % 7}"}, True) for number in range(1000)
    ]
    assert server.questions == {(f"n{number}.example", "A"): 1 for number in range(10)}


def test_more_names_than_are_asked_at_once(server):
    names = [f"unknown{number}.example" for number in range(250)]
    results = run(built(server, resolve="h", timeout=30), *({"h": name} for name in names))
    assert [fields["h"] for fields, matched in results if not matched] == names
    assert set(server.questions.values()) == {1}


# ---------------------------------------------------------------------------------------------- time-outs


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_a_question_is_repeated_after_a_time_out(server, silent):
    server.silence["silent.example"] = silent
    asking = built(server, resolve="h", action="replace", timeout=0.15, max_retries=2, tag_on_timeout=["slow", "dns"])
    ((fields, matched),) = run(asking, {"h": "silent.example"})
    assert server.questions["silent.example", "A"] == min(silent + 1, 3)
    if silent < 3:
        assert (fields, matched) == ({"h": "192.0.2.9"}, True)
    else:
        assert (fields, matched) == ({"h": "silent.example", "tags": ["slow", "dns"]}, False)


def test_a_time_out_is_tagged_and_other_names_are_not_held_up(server):
    server.silence = {"silent.example": 99, "1.2.0.192.in-addr.arpa": 99}
    asking = built(server, resolve="h", reverse="a", action="replace", timeout=0.25, max_retries=0)
    results = run(asking, {"h": "silent.example"}, {"h": "a.example"}, {"a": "192.0.2.1"})
    assert results == [
        ({"h": "silent.example", "tags": ["_dnstimeout"]}, False),
        ({"h": "192.0.2.1"}, True),
        ({"a": "192.0.2.1", "tags": ["_dnstimeout"]}, False),
    ]


def test_the_next_server_answers_where_one_is_silent(server):
    with DnsServer(ZONE, {"a.example": 99}) as silent:
        asking = built(None, nameserver=[silent.address, server.address], resolve="h", timeout=0.25, max_retries=0)
        assert run(asking, {"h": "a.example"}) == [({"h": ["a.example", "192.0.2.1"]}, True)]
        assert silent.questions["a.example", "A"] == server.questions["a.example", "A"] == 1


# ---------------------------------------------------------------------------------------------- caches


def test_caches_between_batches(server):
    clock = Clock()
    caches = {"hit_cache_size": 10, "failed_cache_size": 10, "hit_cache_ttl": 60, "failed_cache_ttl": 5}
    asking = built(server, clock, resolve="h", **caches)
    for seconds, hits, failures in ((0, 1, 1), (4, 1, 1), (6, 1, 2), (61, 2, 3)):
        clock.seconds = seconds
        results = run(asking, {"h": "a.example"}, {"h": "nowhere.example"})
        assert [matched for _, matched in results] == [True, False]
        assert server.questions["a.example", "A"] == hits
        assert server.questions["nowhere.example", "A"] == failures


def test_without_a_size_every_batch_asks(server):
    asking = built(server, resolve="h")
    for count in (1, 2):
        run(asking, {"h": "a.example"})
        assert server.questions["a.example", "A"] == count


def test_a_remembered_time_out_is_a_failure_without_a_tag(server):
    server.silence["silent.example"] = 1
    asking = built(server, resolve="h", timeout=0.02, max_retries=0, failed_cache_size=5)
    assert run(asking, {"h": "silent.example"}) == [({"h": "silent.example", "tags": ["_dnstimeout"]}, False)]
    assert run(asking, {"h": "silent.example"}) == [({"h": "silent.example"}, False)]


def test_the_cache_drops_what_was_not_used_for_longest():
    cache = ExpiringCache(2, 60, Clock())
    cache.put(("resolve", "a"), "1")
    cache.put(("resolve", "b"), "2")
    assert cache.get(("resolve", "a")) == "1"
    cache.put(("resolve", "c"), "3")
    assert [cache.get(("resolve", name)) for name in "abc"] == ["1", None, "3"]
    assert cache.get(("reverse", "a")) is None


# ---------------------------------------------------------------------------------------------- hosts, servers, options


def test_hosts_files_go_first(server, tmp_path):
    (tmp_path / "hosts").write_text(
        "192.0.2.50 a.example a # ours\n#192.0.2.51 a.example\n\n192.0.2.52 a b\n192.0.2.53\n"
    )
    mine = built(server, hostsfile=str(tmp_path / "hosts"), resolve="h", reverse="a", action="replace")
    assert run(mine, {"h": "a.example"}, {"h": "a", "a": "192.0.2.50"}, {"h": "n1.example"}) == [
        ({"h": "192.0.2.50"}, True),
        ({"h": "192.0.2.52", "a": "a.example"}, True),
        ({"h": "192.0.2.101"}, True),
    ]
    assert set(server.questions) == {("n1.example", "A")}
    alone = built(None, hostsfile=[tmp_path / "hosts"], resolve="h")
    assert run(alone, {"h": "nowhere.example"}) == [({"h": "nowhere.example"}, False)]


def test_an_earlier_hosts_file_wins(tmp_path):
    (tmp_path / "one").write_text("192.0.2.1 a\n")
    (tmp_path / "two").write_text("192.0.2.2 a b\n192.0.2.1 other\n")
    hosts = Hosts.read([tmp_path / "one", tmp_path / "two", tmp_path / "missing"])
    assert hosts.addresses == {"a": "192.0.2.1", "b": "192.0.2.2", "other": "192.0.2.1"}
    assert hosts.names == {"192.0.2.1": "a", "192.0.2.2": "a"}


@pytest.mark.parametrize(
    ("name", "search", "ndots", "asked"),
    [
        ("host", ["inner.example"], 1, ["host.inner.example"]),
        ("host.inner.example", ["inner.example"], 1, ["host.inner.example"]),
        ("host.x", ["inner.example"], 2, ["host.x.inner.example", "host.x"]),
        ("host.x", ["inner.example"], 1, ["host.x", "host.x.inner.example"]),
        ("host.", ["inner.example"], 1, ["host"]),
        ("host", [], 1, ["host"]),
    ],
)
def test_search_domains(server, name, search, ndots, asked):
    run(built(None, nameserver={"address": server.address, "search": search, "ndots": ndots}, resolve="h"), {"h": name})
    assert [question for question, record_type in server.questions if record_type == "A"] == asked


@pytest.mark.parametrize(
    ("nameserver", "expected"),
    [
        ("8.8.8.8", [("8.8.8.8", 53)]),
        (["8.8.8.8", "8.8.4.4:5353"], [("8.8.8.8", 53), ("8.8.4.4", 5353)]),
        (
            {"address": ["fd00::53", "[fd00::54]:54", "[fd00::55]"]},
            [("fd00::53", 53), ("fd00::54", 54), ("fd00::55", 53)],
        ),
    ],
)
def test_name_servers(nameserver, expected):
    resolver = dns._resolver(dns.Options(nameserver=nameserver))
    assert resolver is not None
    assert [(server.address, server.port) for server in resolver.nameservers] == expected
    assert (list(resolver.search), resolver.ndots) == ([], 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nameserver": {"search": "x"}}, "must have an `address`"),
        ({"nameserver": []}, "at least 1 item"),
        ({"nameserver": {"address": "8.8.8.8", "serach": "x"}}, "serach"),
        ({"nameserver": {"address": "8.8.8.8", "ndots": 0}}, "greater than 0"),
        ({"nameserver": {"address": "8.8.8.8", "search": [*"abcdefg"]}}, "at most 6"),
        ({"nameserver": {"address": "8.8.8.8", "search": "a..b"}}, '"a..b" is no domain'),
        *(
            ({"nameserver": text}, "is no IP address")
            for text in ("ns.example", "8.8.8.8:x", "8.8.8.8:0", "8.8.8", "[::1")
        ),
        ({"action": "add"}, "'append' or 'replace'"),
        ({"timeout": 0}, "greater than 0"),
        ({"hostsfile": "/nowhere/hosts"}, 'there is no file "/nowhere/hosts"'),
        ({"resolve": "[a"}, "no field reference"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValidationError, match=message):
        dns.Options(**options)
