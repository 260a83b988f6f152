"""The loki output, against a server that holds it to Loki's documentation."""

import asyncio
import json
import re
import ssl

import pytest
import trustme
from pydantic import ValidationError

from pipeline.config.building import build as build_plan
from pipeline.config.logstash_yml import Settings
from pipeline.disk.survey import survey
from pipeline.errors import BodyTooLarge, ConfigurationError, NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.outputs.loki import Options
from pipeline.plugin import Body, Sent
from pipeline.runtime import Pipeline
from tests.harness import context, planned
from tests.loki_server import Entry, Limits, LokiServer

URL = "http://127.0.0.1:1/loki/api/v1/push"
STAMP = "2026-11-25T10:00:00.123Z"
NANOS = 1_795_600_800_123_000_000

# ---------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "loki:3100"}, '"loki:3100" is no URL: write http://host:3100/loki/api/v1/push'),
        ({"url": "ftp://loki"}, "is no URL"),
        ({"url": "http://loki:99999"}, "is no URL"),
        ({"url": "http://u:p@loki"}, "give username and password as options"),
        ({"cert": __file__}, "cert and key go together"),
        ({"password": "p"}, "password needs a username"),
        ({"min_delay": 9, "max_delay": 3}, "min_delay, 9, is longer than max_delay, 3"),
        ({"labels": {"app-name": "x"}}, '"app-name" cannot be the name of a label; write "app_name"'),
        ({"include_fields": ["a.b", "[a][b]"]}, 'include_fields: [a][b] and a.b both give "a_b"'),
        ({"include_fields": ["job"], "labels": {"job": "x"}}, 'job and labels both give "job"'),
        ({"metadata_fields": ["a", "[a]"]}, "metadata_fields: [a] and a both give"),
        ({"batch_size": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_cannot_be(given, complaint):
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        Options(**{"url": URL, **given})


def test_options_that_change_nothing_are_said():
    plan = planned(f'output {{ loki {{ url => "{URL}" batch_wait => 5 retries => 3 }} }}')
    said = "\n".join(str(warning) for warning in plan.warnings)
    assert '"batch_wait" changes nothing' in said
    assert '"retries" changes nothing' in said


def made(options, warnings=None):
    text = options if "url" in options else f'url => "{URL}" {options}'
    [(output, _)] = build_plan(planned(f"output {{ loki {{ {text} }} }}"), context(warnings=warnings)).outputs.values()
    return output


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ("", "name the few to search by in include_fields"),
        ('include_fields => ["a"]', None),
        ('labels => { "job" => "x" }', None),
        ('url => "http://loki:3100" include_fields => ["a"]', "http://loki:3100 has no path"),
    ],
)
def test_what_is_likely_wrong_is_said(options, warning):
    warnings = []
    made(options, warnings)
    assert (warning in warnings[0]) if warning else not warnings


def test_pauses_are_the_settings_unless_they_are_given():
    assert (made("").retry_initial_interval, made("").retry_max_interval) == (None, None)
    given = made("min_delay => 1 max_delay => 300")
    assert (given.retry_initial_interval, given.retry_max_interval) == (1, 300)


def test_certificates_are_read_when_it_is_built(tmp_path):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    with pytest.raises(ConfigurationError, match="is no PEM certificate"):
        made(f'url => "https://loki/loki/api/v1/push" ca_cert => "{wrong}"')


# ---------------------------------------------------------------------------------------------- rendering

DOCUMENT = {
    "@timestamp": STAMP,
    "@version": "1",
    "message": "hello\nthere",
    "host": {"name": "h1"},
    "level": "info",
    "status": 200,
    "ratio": 0.5,
    "ok": True,
    "tags": ["a", "b"],
    "none": None,
    "empty": "",
}
EVERY = {"level": "info", "status": "200", "ratio": "0.5", "ok": "true", "tags": '["a", "b"]'}

RENDERED = {
    "every field that is not nested": ("", DOCUMENT, EVERY, "hello\nthere", {}),
    "fields by name": (
        'include_fields => ["level", "[host][name]", "absent", "[@metadata][kind]"]',
        DOCUMENT,
        {"level": "info", "host_name": "h1", "kind": "k"},
        "hello\nthere",
        {},
    ),
    "an object": ('include_fields => ["host"]', DOCUMENT, {"host": '{"name": "h1"}'}, "hello\nthere", {}),
    "labels alone": ('labels => { "job" => "x" }', DOCUMENT, {"job": "x"}, "hello\nthere", {}),
    "labels with placeholders": (
        'labels => { "job" => "a%{status}" "gone" => "%{absent}" "odd" => "" }',
        DOCUMENT,
        {"job": "a200"},
        "hello\nthere",
        {},
    ),
    "both": (
        'labels => { "job" => "x" } include_fields => "level"',
        DOCUMENT,
        {"job": "x", "level": "info"},
        "hello\nthere",
        {},
    ),
    "no label": ('include_fields => ["absent"]', DOCUMENT, {"job": "apex-logs"}, "hello\nthere", {}),
    "metadata": (
        'include_fields => ["level"] metadata_fields => ["status", "[host][name]", "absent"]',
        DOCUMENT,
        {"level": "info"},
        "hello\nthere",
        {"status": "200", "host_name": "h1"},
    ),
    "another line": ('include_fields => ["level"] message_field => "[host][name]"', DOCUMENT, {"level": "info"}, "h1", {}),
    "a line that is no text": ('include_fields => ["level"] message_field => "tags"', DOCUMENT, {"level": "info"}, "a,b", {}),
    "another field is the line": ('message_field => "level"', {"@timestamp": STAMP, "level": "info", "message": "m"}, {"message": "m"}, "info", {}),
    "names that are none": ("", {"@timestamp": STAMP, "a.b": 1, "message": ""}, {"a_b": "1"}, "", {}),
    "no message": (
        'labels => { "job" => "x" }',
        {"@timestamp": STAMP, "a": 1},
        {"job": "x"},
        '{"@timestamp":"%s","a":1}' % STAMP,
        {},
    ),
    "a codec": (
        'labels => { "job" => "x" } codec => json_lines',
        {"@timestamp": STAMP, "message": "m"},
        {"job": "x"},
        '{"@timestamp":"%s","message":"m"}' % STAMP,
        {},
    ),
    "a format": (
        'labels => { "job" => "x" } codec => line { format => "%{message}!" }',
        {"@timestamp": STAMP, "message": "m"},
        {"job": "x"},
        "m!",
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "document", "labels", "line", "metadata"), RENDERED.values(), ids=RENDERED)
def test_an_item(options, document, labels, line, metadata):
    body = bytearray()
    made(options).render(Event(dict(document), {"kind": "k"}), body)
    head, entry, end = bytes(body).split(b"\n")
    assert json.loads(head) == labels
    assert json.loads(entry) == [str(NANOS), line, metadata] if metadata else [str(NANOS), line]
    assert end == b""


def test_an_event_without_a_time_has_the_present():
    body = bytearray()
    made('labels => { "job" => "x" }').render(Event({"message": "m", "@timestamp": 5}), body)
    assert json.loads(body.split(b"\n")[1]) == ["1700000000000000000", "m"]


# ---------------------------------------------------------------------------------------------- requests


def event(line="x", **fields):
    return Event({"@timestamp": STAMP, "message": line, "app": "a", **fields})


def sent(options, *events):
    """What a body of these events gave, or raised."""

    async def run():
        output = made(options)
        body = Body()
        for one in events:
            output.render(one, body.data)
            body.ends.append(len(body.data))
        try:
            await output.start()
            return await output.send(body)
        finally:
            await output.close()

    return asyncio.run(run())


def options(server, more=""):
    return f'url => "{server.url}" include_fields => ["app"] {more}'


def test_a_push(loki):
    loki.tenant, loki.authorization = "team-a", "Basic dTpw"
    given = options(loki, 'tenant_id => "team-a" username => "u" password => "p" metadata_fields => ["id"]')
    assert sent(given, event("one", id=7), event("two", app="b"), event("drei ☃")) == Sent()
    assert loki.streams == {
        (("app", "a"),): [Entry(NANOS, "one", {"id": "7"}), Entry(NANOS, "drei ☃", {})],
        (("app", "b"),): [Entry(NANOS, "two", {})],
    }
    [(headers, _)] = loki.requests
    assert headers["user-agent"] == "apex-logs"
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("more", ["", 'username => "u"', 'username => "u" password => "q"'])
def test_credentials_that_are_refused(loki, more):
    loki.authorization = "Basic dTpw"
    with pytest.raises(NotAuthorised, match="HTTP 401"):
        sent(options(loki, more), event())


def test_a_large_body_is_several_pushes(loki):
    assert sent(options(loki, "batch_size => 500"), *(event(f"{n} " + "y" * 200) for n in range(7))) == Sent()
    assert [len(document["streams"][0]["values"]) for _, document in loki.requests] == [2, 2, 2, 1]
    assert len(loki.lines()) == 7


def test_pushes_after_the_first_that_fail_do_not_unsay_it(loki):
    """What was written is not sent again; the rest is, with the reason."""
    loki.refusals = [(204, ""), (429, "ingestion rate limit exceeded"), (503, "")]
    reason = "HTTP 429: rate_limited: ingestion rate limit exceeded"
    answer = sent(options(loki, "batch_size => 1"), *(event(str(n)) for n in range(4)))
    assert answer == Sent([(1, reason), (2, reason), (3, reason)], [])
    assert len(loki.requests) == 2


def test_one_push_that_is_refused(loki):
    for status, failure in ((429, Unavailable), (413, BodyTooLarge), (500, Unavailable)):
        loki.refusals = [(status, "why")]
        with pytest.raises(failure, match=f"HTTP {status}: why"):
            sent(options(loki), event())


def test_loki_is_not_there():
    with pytest.raises(Unavailable, match="ClientConnectorError"):
        sent(f'url => "{URL}"', event())


def test_a_wrong_path(loki):
    with pytest.raises(Unavailable, match="ends in /loki/api/v1/push"):
        sent(f'url => "{loki.address}/push" include_fields => ["app"]', event())


def test_a_line_of_megabytes_goes_alone(loki):
    loki.limits.line = 1 << 30
    assert sent(options(loki), event("a"), event("z" * 3_000_000), event("b")) == Sent()
    assert [len(document["streams"][0]["values"]) for _, document in loki.requests] == [1, 1, 1]


@pytest.fixture(scope="module")
def trust(tmp_path_factory):
    """A folder with an authority, a certificate of ours; and the context of a server that asks for it."""
    folder = tmp_path_factory.mktemp("trust")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own = authority.issue_cert("apex@example.org")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    return folder, server


def test_tls(trust):
    folder, context_of_server = trust
    own = f'cert => "{folder}/cert.pem" key => "{folder}/key.pem"'
    with LokiServer(tls=context_of_server) as server:
        assert sent(options(server, f'{own} ca_cert => "{folder}/ca.pem"'), event("known")) == Sent()
        assert sent(options(server, f"{own} insecure_skip_verify => true"), event("anyone")) == Sent()
        with pytest.raises(Unavailable, match="certificate verify failed"):
            sent(options(server, own), event())
        with pytest.raises(Unavailable):
            sent(options(server, f'ca_cert => "{folder}/ca.pem"'), event("nobody"))
        assert server.lines() == ["anyone", "known"]


# ---------------------------------------------------------------------------------------------- delivery


def delivered(tmp_path, text):
    """The counters of a pipeline that ran to its end, and its dead letters: line to reason."""

    async def run():
        pipeline = Pipeline(Settings(path_data=tmp_path), planned(text))
        async with asyncio.timeout(60):
            await pipeline.run()
        return pipeline.counters

    counters = asyncio.run(run())
    return counters, tmp_path


def lines_in(tmp_path, *documents):
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return (
        f'input {{ file {{ path => "{file}" mode => "read" exit_after_read => true codec => json'
        f' sincedb_path => "{tmp_path}/sincedb" file_completed_action => "log"'
        f' file_completed_log_path => "{tmp_path}/done" }} }}'
    )
