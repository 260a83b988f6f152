"""Every plugin against its options: what is a fault, what is a warning, and where each points."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.config.plan import Plan, make_plan
from pipeline.errors import ConfigurationError
from pipeline.grammar.sources import Source
from tests.harness import planned

FAULTS = {
    "plugin": ("filter { mutat {} }", 'there is no filter plugin "mutat"; did you mean "mutate"?', "mutat"),
    "plugin like no other": ("output { x {} }", "there are: csv, elasticsearch, file, http, kafka, ", "x"),
    "option": (
        "filter { drop { percent => 4 } }",
        'drop has no option "percent"; did you mean "percentage"?',
        "percent",
    ),
    "missing": ("filter { json {} }", 'json needs the option "source": ', "json"),
    "type": ('filter { drop { percentage => "much" } }', '"percentage": expected a number, got "much"', '"much"'),
    "bound": ("input { beats { port => 70000 } }", "less than or equal to 65535, got 70000", "70000"),
    "choice": (
        'input { file { path => "/x" mode => "watch" } }',
        "expected 'tail' or 'read', got \"watch\"",
        '"watch"',
    ),
    "reference": ('filter { json { source => "[a" } }', 'json: "source": "[a" is no field reference', '"[a"'),
    "codec": ("input { stdin { codec => jsn } }", 'there is no codec plugin "jsn"; did you mean "json"?', "jsn"),
    "an option of old": (
        'output { elasticsearch { port => 9200 index => "x" } }',
        'elasticsearch has no option "port"; once one of Logstash\'s: write it into hosts: hosts => ["es1:9200"]',
        "port",
    ),
    "an option of old of every filter": (
        'filter { mutate { type => "x" } }',
        'mutate has no option "type"; once one of Logstash\'s: put the plugin between braces: if [type] == "..." {',
        "type",
    ),
    "an option of old, in another plugin": (
        "filter { drop { port => 9200 } }",
        'drop has no option "port"',
        "port",
    ),
    "a field to add that cannot be read": (
        'filter { drop { add_field => { "a[0]" => "x" } } }',
        'drop: "add_field": "a[0]" is no field reference',
        '{ "a[0]" => "x" }',
    ),
    "a text to add that cannot be read": (
        'filter { drop { add_tag => ["%{a[0]}"] } }',
        'drop: "add_tag": in "%{a[0]}": "a[0]" is no field reference',
        '["%{a[0]}"]',
    ),
    "a field to remove that cannot be read": (
        'filter { drop { remove_field => "[a][[b]" } }',
        'drop: "remove_field": "[a][[b]" is no field reference',
        '"[a][[b]"',
    ),
    "a text to replace by that cannot be read": (
        'filter { mutate { replace => { "a" => "%{b[0]}" } } }',
        'mutate: "replace": in "%{b[0]}": "b[0]" is no field reference',
        '{ "a" => "%{b[0]}" }',
    ),
    "a source that cannot be read": (
        'filter { fingerprint { source => "a[0]" } }',
        'fingerprint: "source": "a[0]" is no field reference',
        '"a[0]"',
    ),
    "an address that cannot be read": (
        'filter { cidr { address => "%{a[0]}" network => "::1/128" } }',
        'cidr: "address": in "%{a[0]}"',
        '"%{a[0]}"',
    ),
    "codec option": ("input { stdin { codec => json { x => 1 } } }", 'json has no option "x"', "x"),
    "codec that cannot be built": (
        'input { stdin { codec => multiline { pattern => "(" what => "next" } } }',
        "multiline: ",
        "multiline",
    ),
    "codec of numbers": ("input { stdin { codec => 5 } }", "stdin: expected one codec, got 5", "5"),
    "whole": (
        'output { elasticsearch { index => "x" data_stream => true } }',
        "elasticsearch: ",
        "elasticsearch",
    ),
    "two names": (
        "input { beats { port => 1 ssl => false ssl_enabled => false } }",
        'beats: give "ssl_enabled" alone; "ssl" is its former name',
        "ssl",
    ),
    "two former names": (
        'input { http { port => 1 ssl_verify_mode => "none" verify_mode => "peer" } }',
        'http: give "ssl_client_authentication" alone; "verify_mode" is its former name',
        "verify_mode",
    ),
    "value by a former name": (
        'output { elasticsearch { cacert => "/nowhere/ca.crt" } }',
        'elasticsearch: "cacert": there is no file "/nowhere/ca.crt"',
        '"/nowhere/ca.crt"',
    ),
    "id": (
        'filter { drop { id => "a" } drop { id => "a" } }',
        'the id "a" is taken by the plugin at test.conf:1:23; ids are unique',
        '"a"',
    ),
    "one sincedb": (
        'input { file { path => "/x" } file { path => "/x" mode => "read" } }',
        "file: the sincedb of /x is that of the input at test.conf:1:9; give each a sincedb_path of its own",
        "file",
    ),
    "one sincedb by two names": (
        'input { file { path => "/x" sincedb_path => "/a/b" } file { path => "/y" sincedb_path => "/a/c/../b" } }',
        "file: the sincedb /a/b is that of the input at test.conf:1:9; give each a sincedb_path of its own",
        "file",
    ),
    "condition": ('filter { if [a] =~ "(" { drop {} } }', "", '"("'),
}


@pytest.mark.parametrize(("text", "message", "where"), FAULTS.values(), ids=FAULTS)
def test_a_fault_says_what_is_wrong_and_where(text: str, message: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        planned(text)
    [fault] = caught.value.faults
    assert message in fault.message
    assert fault.span.text == where


def test_an_option_that_could_not_be_read_is_not_missed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        planned("input { beats { port = 5044 } beats { } }")
    assert [fault.span.place for fault in caught.value.faults] == ["test.conf:1:22", "test.conf:1:31"]
    assert ["write =>" in fault.message for fault in caught.value.faults] == [True, False]


def test_faults_are_in_the_order_of_the_text_over_files() -> None:
    one, two = Source("one", "filter { b {} }"), Source("two", "filter { drop { x => 1 y => 2 } } input { a {} }")
    with pytest.raises(ConfigurationError) as caught:
        make_plan([one, two])
    assert [fault.span.place for fault in caught.value.faults] == ["one:1:10", "two:1:17", "two:1:24", "two:1:43"]


def test_inputs_without_a_sincedb_and_with_one_each_do_not_meet() -> None:
    same = 'path => "/x"'
    planned(
        f'input {{ file {{ {same} }} file {{ {same} sincedb_path => "/a/b" }} file {{ path => "/y" }} stdin {{}} }}'
    )
    planned(f'input {{ file {{ {same} sincedb_path => "/dev/null" }} file {{ {same} sincedb_path => "/dev/null" }} }}')


WARNINGS = {
    "ignored": (
        "filter { drop { periodic_flush => true } }",
        'drop: "periodic_flush" changes nothing: filters that hold events are always flushed',
    ),
    "an array where a text is wanted": (
        'filter { mutate { update => { "a" => "b" "c" => ["d", 1] } } }',
        'mutate: "update" makes a text of the array for "c": ["d", 1]',
    ),
    "an object where a text is wanted": (
        'filter { mutate { rename => { "a" => { "c" => "d" } } } }',
        'mutate: "rename" makes a text of the object for "a": {"c"=>"d"}',
    ),
    "former": ("input { beats { port => 1 ssl => false } }", 'beats: "ssl" is now called "ssl_enabled"'),
}


@pytest.mark.parametrize(("text", "message"), WARNINGS.values(), ids=WARNINGS)
def test_a_warning(text: str, message: str) -> None:
    assert [warning.message for warning in planned(text).warnings] == [message]


def test_a_former_value_is_converted(tmp_path: Any) -> None:
    (tmp_path / "f").write_text("x")
    text = (
        "input { beats { port => 1 ssl => true ssl_certificate => 'F' ssl_key => 'F' ssl_verify_mode => 'force_peer'"
        " ssl_certificate_authorities => ['F'] } }"
    )
    [beats] = planned(text.replace("F'", f"{tmp_path}/f'")).section("input")
    assert beats.options.ssl_client_authentication == "required"


def test_labels_and_the_pipelines_mode() -> None:
    plan = planned('filter { drop { id => "mine" } drop {} } input { stdin {} }', ecs="disabled")
    assert [checked.label for checked in plan.section("filter")] == ["mine", "drop at test.conf:1:32"]
    assert plan.section("input")[0].options.ecs_compatibility == "disabled"
    own = planned("input { stdin { ecs_compatibility => v1 } }", ecs="disabled")
    assert own.section("input")[0].options.ecs_compatibility == "v1"


HOSTS = {
    "not said": ("beats { port => 1 }", "0.0.0.0"),
    "said": ("beats { port => 1 host => '10.0.0.1' }", "10.0.0.1"),
    "http": ("http {}", "0.0.0.0"),
    "udp": ("udp { port => 1 }", "0.0.0.0"),
    "syslog": ("syslog {}", "0.0.0.0"),
    "a server": ("tcp { port => 1 ssl_client_authentication => none }", "0.0.0.0"),
    "a client": ("tcp { port => 1 mode => client }", "127.0.0.1"),
}


@pytest.mark.parametrize(("text", "host"), HOSTS.values(), ids=HOSTS)
def test_where_inputs_listen(text: str, host: str) -> None:
    plan = make_plan([Source("t", f"input {{ {text} }}")], inputs_host="0.0.0.0")
    assert plan.section("input")[0].options.host == host
    assert plan.recipe.inputs_host == "0.0.0.0"


def test_an_input_that_does_not_listen_is_left_alone() -> None:
    plan = make_plan([Source("t", "input { stdin {} } output { stdout {} }")], inputs_host="0.0.0.0")
    assert not hasattr(plan.section("input")[0].options, "host")


def stored(text: str) -> Plan:
    return make_plan([Source("t", text)], instead={"elasticsearch": ("sqlite", {"path": "store"})})


def test_an_output_is_built_as_another() -> None:
    [checked] = stored('output { elasticsearch { index => "i" hosts => ["h"] } }').section("output")
    assert (checked.module.name, str(checked.options.path)) == ("sqlite", "store")
    with pytest.raises(ConfigurationError, match="sqlite cannot honour"):
        stored('output { elasticsearch { script => "x" } }')


TWICE = "taken for a repeat"
REPEATS = {
    "a data stream": ('elasticsearch { hosts => "a" }', ["there twice"]),
    "two into one index": ('elasticsearch { index => "i" } elasticsearch { index => "i" }', [TWICE]),
    "two indices": ('elasticsearch { index => "i" } elasticsearch { index => "j" }', []),
    "two clusters": ('elasticsearch { index => "i" hosts => "a" } elasticsearch { index => "i" hosts => "b" }', []),
    "two stores": ('sqlite { index => "i" path => "a" } sqlite { index => "i" path => "b" }', []),
    "ids of its own": ('elasticsearch { index => "i" } elasticsearch { index => "i" document_id => "%{x}" }', []),
    "no ids": ('elasticsearch { index => "i" } elasticsearch { index => "i" ids => "none" }', []),
    "no documents": ("stdout {} stdout {}", []),
}


@pytest.mark.parametrize(("outputs", "said"), REPEATS.values(), ids=REPEATS)
def test_where_once_does_not_hold_is_said(outputs: str, said: list[str]) -> None:
    warnings = [warning.message for warning in planned(f"output {{ {outputs} }}").warnings]
    assert len(warnings) == len(said)
    assert all(words in warning for words, warning in zip(said, warnings, strict=True))
