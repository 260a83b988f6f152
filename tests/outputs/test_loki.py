"""The loki output, against a server that holds it to Loki's documentation."""

import asyncio
import json
import ssl

import pytest
import trustme

from pipeline.config.building import build as build_plan
from pipeline.disk.letters import letters
from pipeline.errors import BodyTooLarge, ConfigurationError, NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.plugin import Body, Sent
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import context, planned
from tests.loki_server import Entry, LokiServer

URL = "http://127.0.0.1:1/loki/api/v1/push"
STAMP = "2026-11-25T10:00:00.123Z"
WRITTEN = Sent([], [])
NANOS = 1_795_600_800_123_000_000


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
    assert sent(given, event("one", id=7), event("two", app="b"), event("drei ☃")) == WRITTEN
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
    assert sent(options(loki, "batch_size => 500"), *(event(f"{n} " + "y" * 200) for n in range(7))) == WRITTEN
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
    assert sent(options(loki), event("a"), event("z" * 3_000_000), event("b")) == WRITTEN
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
        assert sent(options(server, f'{own} ca_cert => "{folder}/ca.pem"'), event("known")) == WRITTEN
        assert sent(options(server, f"{own} insecure_skip_verify => true"), event("anyone")) == WRITTEN
        with pytest.raises(Unavailable, match="certificate verify failed"):
            sent(options(server, own), event())
        with pytest.raises(Unavailable):
            sent(options(server, f'ca_cert => "{folder}/ca.pem"'), event("nobody"))
        assert server.lines() == ["anyone", "known"]


# ---------------------------------------------------------------------------------------------- delivery


def delivered(tmp_path, output, *documents):
    """The counters of a pipeline that wrote these, and the reason of each line that was dead-lettered."""
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps(document) + "\n" for document in documents))
    text = f"""
        input {{ file {{ path => "{file}" mode => "read" exit_after_read => true codec => json
            sincedb_path => "{tmp_path}/sincedb" file_completed_action => "log"
            file_completed_log_path => "{tmp_path}/done" }} }}
        output {{ loki {{ {output} }} }}
    """
    settings = Settings(path_data=tmp_path / "data")

    async def run():
        pipeline = Pipeline(settings, planned(text, ecs="disabled"))
        async with asyncio.timeout(60):
            await pipeline.run()
        return pipeline.counters

    counters = asyncio.run(run())
    found = {
        json.loads(letter.item.split(b"\n")[1])[1]: letter.record["reason"] for letter in letters(settings.dead_letters)
    }
    return counters, found


def at(stamp, line, **fields):
    return {"@timestamp": stamp, "message": line, "app": "a", **fields}


def test_what_loki_refuses_for_good_is_dead_lettered_and_nothing_else(loki, tmp_path):
    loki.limits.oldest = NANOS - 1_000_000_000
    loki.limits.line = 1000
    documents = [at(STAMP, f"good {n}") for n in range(20)]
    documents[3] = at("2026-11-01T00:00:00.000Z", "old")
    documents[7] = at(STAMP, "l" * 1001)
    documents[11] = at(STAMP, "label", app="v" * 2049)
    counters, dead = delivered(tmp_path, options(loki, "min_delay => 0.01"), *documents)
    kinds = {line[:5]: reason.split(": ")[1] for line, reason in dead.items()}
    assert kinds == {"old": "greater_than_max_sample_age", "lllll": "line_too_long", "label": "label_value_too_long"}
    assert loki.lines() == sorted(f"good {n}" for n in range(20) if n not in (3, 7, 11))
    assert (counters.delivered, counters.dead, counters.duplicates) == (17, 3, 0)


def test_an_old_day_is_dead_lettered_in_one_push(loki, tmp_path):
    """Where all of it is too old, as in a replay, Loki is not asked about each line."""
    loki.limits.oldest = NANOS
    old = [at("2026-11-01T00:00:00.000Z", f"old {n}") for n in range(200)]
    counters, dead = delivered(tmp_path, options(loki), *old)
    assert (counters.dead, len(dead), len(loki.requests), loki.lines()) == (200, 200, 1, [])


def test_what_is_refused_for_now_is_sent_until_it_is_written(loki, tmp_path):
    loki.refusals = [
        (429, "ingestion rate limit exceeded for user fake"),
        (260, "ingestion blocked for user fake"),
        (500, "no space left on device"),
    ]
    counters, dead = delivered(
        tmp_path, options(loki, "min_delay => 0.01 max_delay => 0.02"), at(STAMP, "one"), at(STAMP, "two")
    )
    assert (loki.lines(), dead) == (["one", "two"], {})
    assert (counters.delivered, counters.dead, len(loki.requests)) == (2, 0, 4)


def test_structured_metadata_that_loki_does_not_allow_is_waited_for(loki, tmp_path, caplog):
    """It is not the events' fault: they are not given up, and the log says what to change."""
    loki.refusals = [(400, "stream '{}' includes structured metadata, but this feature is disallowed.")]
    more = 'min_delay => 0.01 metadata_fields => ["id"]'
    counters, dead = delivered(tmp_path, options(loki, more), at(STAMP, "one", id=1), at(STAMP, "two", id=2))
    assert (loki.lines(), dead, counters.delivered) == (["one", "two"], {}, 2)
    assert "allow it there, or leave metadata_fields out" in caplog.text


def test_too_many_labels(loki, tmp_path):
    """Every field is a label where none is named: what Loki refuses then is dead-lettered."""
    many = {f"f{n}": n for n in range(16)}
    counters, dead = delivered(tmp_path, f'url => "{loki.url}"', at(STAMP, "few"), at(STAMP, "many", **many))
    assert loki.lines() == ["few"]
    assert "max_label_names_per_series" in dead["many"]
    assert (counters.delivered, counters.dead) == (1, 1)


def test_without_any_label_loki_would_refuse(loki, tmp_path):
    counters, dead = delivered(tmp_path, f'url => "{loki.url}" include_fields => ["absent"]', at(STAMP, "x"))
    assert (list(loki.streams), dead) == ([(("job", "apex-logs"),)], {})
    assert counters.delivered == 1
