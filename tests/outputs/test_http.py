"""The http output against a real server in the test's process."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from base64 import b64encode

import pytest
import trustme

from pipeline.config.building import build
from pipeline.errors import BodyTooLarge, ConfigurationError, NotAuthorised, Unavailable
from pipeline.event import Event
from pipeline.plugin import Body, Sent
from tests.harness import context, planned
from tests.http_receiver import receiving

DOCUMENTS = [{"message": "one", "n": 1, "tenant": "a"}, {"message": "zwei ☃ & more", "n": 2, "tenant": "b"}]

WRITTEN = Sent(again=[], dead=[])


@pytest.fixture
def server():
    with receiving() as running:
        yield running


def output(text):
    [(made, _)] = build(planned(f"output {{ http {{ {text} }} }}"), context()).outputs.values()
    return made


def sent(text, documents=DOCUMENTS):
    """What became of the documents; raises what `send` does."""

    async def run():
        made = output(text)
        body = Body()
        for document in documents:
            made.render(Event(dict(document), {"event_id": "e"}), body.data)
            body.ends.append(len(body.data))
        await made.start()
        try:
            return await made.send(body)
        finally:
            await made.close()

    return asyncio.run(run())


def by_path(server):
    return sorted(server.received, key=lambda request: (request.path, request.body))


def test_a_request_for_each_event(server):
    text = f"""url => "{server.url}/%{{tenant}}" http_method => "put" user => "u" password => "p"
        headers => {{ "X-Id" => "%{{[@metadata][event_id]}}" }}"""
    assert sent(text) == WRITTEN
    first, second = by_path(server)
    assert (first.method, first.path) == ("PUT", "/a")
    assert json.loads(first.body) == DOCUMENTS[0]
    assert json.loads(second.body) == DOCUMENTS[1]
    assert first.headers["content-type"] == "application/json"
    assert first.headers["x-id"] == "e"
    assert first.headers["authorization"] == "Basic " + b64encode(b"u:p").decode()


def test_a_form_of_arrays_and_objects():
    """As `to_s` in Ruby writes them, which logstash-output-http does."""
    made = output('url => "http://h" http_method => "post" format => "form"')
    body = bytearray()
    made.render(Event({"a": [1, "x"], "o": {"k": None}, "n": None}), body)
    assert body.partition(b"\n")[2] == b"a=%5B1%2C+%22x%22%5D&o=%7B%22k%22%3D%3Enil%7D&n="


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ('format => "json_batch"', [json.dumps(DOCUMENTS, ensure_ascii=False, separators=(",", ":")).encode()]),
        ('format => "message" message => "%{n}: %{tenant}"', [b"1: a", b"2: b"]),
        (
            'format => "form"',
            [b"message=one&n=1&tenant=a", b"message=zwei+%E2%98%83+%26+more&n=2&tenant=b"],
        ),
        (
            'mapping => { "who" => "%{tenant}" "in" => { "n" => "%{n}" } "list" => ["%{n}", "x"] }',
            [
                b'{"who":"a","in":{"n":"1"},"list":["1","x"]}',
                b'{"who":"b","in":{"n":"2"},"list":["2","x"]}',
            ],
        ),
    ],
)
def test_formats(server, text, bodies):
    sent(f'url => "{server.url}/" http_method => "post" {text}')
    assert sorted(server.bodies) == sorted(bodies)


def test_compression_and_content_type(server):
    sent(
        f'url => "{server.url}/" http_method => "post" http_compression => true content_type => "text/x"', DOCUMENTS[:1]
    )
    [request] = server.received
    assert json.loads(gzip.decompress(request.body)) == DOCUMENTS[0]
    assert (request.headers["content-encoding"], request.headers["content-type"]) == ("gzip", "text/x")


@pytest.mark.parametrize(
    ("options", "status", "fate"),
    [
        ("", 404, "dead"),
        ("", 503, "again"),
        ("", 429, "again"),
        ("retryable_codes => [404]", 404, "again"),
        ("ignorable_codes => [409]", 409, "written"),
        ("retry_failed => false", 503, "dead"),
        ("follow_redirects => false", 302, "dead"),
    ],
)
def test_statuses(server, options, status, fate):
    """The second of two events is refused."""
    server.answer = lambda request: status if b"zwei" in request.body else 200
    answer = sent(f'url => "{server.url}/" http_method => "post" {options}')
    told = [(1, f"{status} told")]
    assert (list(answer.again), list(answer.dead)) == {
        "dead": ([], told),
        "again": (told, []),
        "written": ([], []),
    }[fate]


@pytest.mark.parametrize(
    ("format_", "status", "failure"),
    [
        ("json", 401, NotAuthorised),
        ("json_batch", 403, NotAuthorised),
        ("json_batch", 413, BodyTooLarge),
    ],
)
def test_what_concerns_the_whole_body(server, format_, status, failure):
    server.answer = lambda request: status
    with pytest.raises(failure):
        sent(f'url => "{server.url}/" http_method => "post" format => "{format_}"')


def test_a_batch_has_one_fate(server):
    server.answer = lambda request: 503
    answer = sent(f'url => "{server.url}/" http_method => "post" format => "json_batch"')
    assert [index for index, _ in answer.again] == [0, 1]
    server.answer = lambda request: 400
    answer = sent(f'url => "{server.url}/" http_method => "post" format => "json_batch"')
    assert answer.dead == [(0, "400 told"), (1, "400 told")]


def test_nobody_there():
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        sent('url => "http://127.0.0.1:9/" http_method => "post"')
    answer = sent('url => "http://127.0.0.1:9/" http_method => "post" retry_failed => false')
    assert [index for index, _ in answer.dead] == [0, 1]


def test_an_address_that_is_none_is_the_end_of_its_event(server):
    answer = sent('url => "%{where}" http_method => "post"', [{"where": f"{server.url}/"}, {"where": "nowhere"}])
    assert [index for index, _ in answer.dead] == [1]
    assert len(server.received) == 1


def test_redirects_are_followed(server):
    server.answer = lambda request: 307 if request.path == "/" else 200
    sent(f'url => "{server.url}/" http_method => "post"', DOCUMENTS[:1])
    assert [request.path for request in server.received] == ["/", "/elsewhere"]


@pytest.mark.parametrize("form", ["json", "json_batch"])
def test_a_redirect_that_leaves_the_event_behind_is_no_delivery(server, form):
    """A POST is followed by a GET, as browsers do it: what is there is no answer to the event."""
    server.answer = lambda request: 302 if request.path == "/" else 200
    answer = sent(f'url => "{server.url}/" http_method => "post" format => {form}', DOCUMENTS[:1])
    [(index, reason)] = answer.dead
    assert (index, list(answer.again)) == (0, [])
    assert reason == f"302 redirects to {server.url}/elsewhere without the event; give the last address as url"


def test_tls(tmp_path):
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with receiving(served) as server:
        base = f'url => "{server.url}/" http_method => "post"'
        sent(f'{base} ssl_certificate_authorities => "{tmp_path}/ca.pem"', DOCUMENTS[:1])
        sent(f'{base} cacert => "{tmp_path}/ca.pem"', DOCUMENTS[:1])
        sent(f'{base} ssl_verification_mode => "none"', DOCUMENTS[:1])
        assert len(server.received) == 3
        with pytest.raises(Unavailable, match="ertificate"):
            sent(base, DOCUMENTS[:1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url => "http://h" http_method => "post" format => "message"', "needs message"),
        ('url => "http://h/%{a}" http_method => "post" format => "json_batch"', "cannot hold"),
        ('url => "h:80" http_method => "post"', "must begin with http"),
        ('url => "http://h"', "http_method"),
        ('url => "http://h" http_method => "post" user => "u"', "go together"),
        ('url => "http://h" http_method => "post" proxy => "h:1"', "http://host:port"),
    ],
)
def test_faults(text, said):
    with pytest.raises(ConfigurationError, match=said):
        output(text)
