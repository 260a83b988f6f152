"""The elasticsearch output without a server: addresses, credentials, options, and its page."""

import asyncio
import base64
import gzip
import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from pydantic import ValidationError

from pipeline.elasticsearch import client
from pipeline.elasticsearch.hosts import Host, parse_cloud_id, parse_host
from pipeline.elasticsearch.options import ElasticsearchOptions, addresses, tls_context
from pipeline.errors import BodyTooLarge, ConfigurationError, Unavailable
from pipeline.event import Event
from pipeline.outputs.elasticsearch import Options, build
from pipeline.plugin import Body, Sent
from tests.harness import context, planned


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("es1", Host(None, "es1", 9200)),
        ("127.0.0.1:9201", Host(None, "127.0.0.1", 9201)),
        ("//es1", Host(None, "es1", 9200)),
        ("[::1]:9201", Host(None, "::1", 9201)),
        ("http://es1", Host("http", "es1", 9200)),
        ("https://es1:443/a/", Host("https", "es1", 443, "/a")),
        ("https://u%40x:p%3A1@es1/?q=1", Host("https", "es1", 9200, "", "q=1", "u@x", "p:1")),
    ],
)
def test_hosts(text, host):
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text", ["", "http://", "ftp://es1", "es1:99999", "es1:port", "es1:9200:9300", "[es1]:1", "es1:1,es2:2"]
)
def test_what_is_no_host(text):
    with pytest.raises(ValueError, match="is no address"):
        parse_host(text)


@pytest.mark.parametrize("hosts", ["http://es1  http://es2:9201", ["http://es1 http://es2:9201"]])
def test_one_text_may_name_several_hosts(hosts):
    assert addresses(ElasticsearchOptions(hosts=hosts)) == [Host("http", "es1", 9200), Host("http", "es2", 9201)]


def cloud_id(text):
    return "label:" + base64.b64encode(text.encode()).decode()


def test_cloud_ids():
    assert parse_cloud_id(cloud_id("eu.example.com$es1$kib1")) == Host("https", "es1.eu.example.com", 443)
    assert parse_cloud_id(cloud_id("eu.example.com:9243$es1")) == Host("https", "es1.eu.example.com", 9243)
    assert parse_cloud_id(cloud_id("eu.example.com:9243$es1:9244$k")) == Host("https", "es1.eu.example.com", 9244)
    for wrong in ("label:???", "label:" + base64.b64encode(b"\xff").decode(), cloud_id("eu"), cloud_id("eu$undefined")):
        with pytest.raises(ValueError, match="is no Cloud ID"):
            parse_cloud_id(wrong)
    assert addresses(ElasticsearchOptions(cloud_id=cloud_id("eu$es1"))) == [Host("https", "es1.eu", 443)]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"hosts": []}, "name a host at least"),
        ({"hosts": "ftp://es"}, "is no address"),
        ({"hosts": ""}, '"" is no address'),
        ({"hosts": "es1:9200,es2:9200"}, "write several as an array"),
        ({"hosts": "es", "cloud_id": cloud_id("a$b")}, "give hosts or cloud_id, not both"),
        ({"cloud_id": "x"}, "is no Cloud ID"),
        ({"hosts": "es/a", "path": "/b"}, "has a path of its own"),
        ({"hosts": "https://es", "ssl_enabled": False}, "says https, but ssl_enabled is false"),
        ({"hosts": "http://es", "ssl_enabled": True}, "says http, but ssl_enabled is true"),
        ({"user": "u", "password": "p", "cloud_auth": "a:b"}, "give one of user with password"),
        ({"api_key": "a:b"}, "only sent over TLS"),
        ({"cloud_auth": "a"}, "cloud_auth is user:password"),
        ({"ssl_certificate": __file__}, "ssl_certificate and ssl_key go together"),
        (
            {"ssl_certificate": __file__, "ssl_key": __file__, "ssl_keystore_path": __file__},
            "give ssl_certificate or ssl_keystore_path",
        ),
        (
            {"ssl_certificate_authorities": __file__, "ssl_truststore_path": __file__},
            "give ssl_certificate_authorities or ssl_truststore_path",
        ),
        ({"dlq_custom_codes": [409, 403]}, "dlq_custom_codes cannot hold [409]"),
        ({"proxy": "proxy:3128"}, "write http://host:port"),
    ],
)
def test_options_that_do_not_go_together(given, complaint):
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        Options(**given)


def test_former_names_and_ignored_options():
    config = """output { elasticsearch {
        hosts => "es1" ssl => true ssl_certificate_verification => false http_compression => false
        failure_type_logging_whitelist => ["x"] sniffing => true document_type => "_doc" index => "i"
    } }"""
    plan = planned(config)
    (options,) = [checked.options for checked in plan.plugins.values() if checked.module.name == "elasticsearch"]
    assert (options.ssl_enabled, options.ssl_verification_mode, options.compression_level) == (True, "none", 0)
    said = "\n".join(str(warning) for warning in plan.warnings)
    for name in ("ssl_enabled", "ssl_verification_mode", "compression_level", "silence_errors_in_log"):
        assert f'is now called "{name}"' in said
    for name in ("sniffing", "document_type"):
        assert f'"{name}" changes nothing' in said


def test_files_are_read_when_it_is_built(tmp_path):
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    with pytest.raises(ConfigurationError, match="is no PEM certificate"):
        build(Options(hosts="https://es1", ssl_certificate_authorities=str(wrong)), context())
    assert tls_context(ElasticsearchOptions(hosts="es1", ssl_certificate_authorities=str(wrong))) is None


# ---------------------------------------------------------------------------------------------- requests


def event(number=1):
    return Event({"n": number}, {"event_id": f"e{number}"})


def bodied(output, *events):
    body = Body()
    for one in events:
        output.render(one, body.data)
        body.ends.append(len(body.data))
    return body


def asked(options, *, tls=None, answers=None, events=None, host=None):
    """The requests that a start and one body make, and what `send` gave, or raised."""
    seen = []

    async def answer(request):
        seen.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        if request.path.endswith("/_bulk"):
            return web.Response(body=b'{"errors":false,"items":[{"create":{"status":201}}]}', content_type="text/html")
        return web.json_response({"version": {"number": "8.19.0"}})

    async def run():
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answers or answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        given = {"hosts": host or "127.0.0.1:{port}", **options}
        given = {name: value.format(port=port) if isinstance(value, str) else value for name, value in given.items()}
        output = build(Options(**given), context())
        try:
            await output.start()
            return await output.send(bodied(output, *(events or [event()])))
        finally:
            await output.close()
            await runner.cleanup()

    return seen, asyncio.run(run())


PLAIN = {"index": "i", "manage_template": False}


def test_a_request():
    seen, sent = asked({**PLAIN, "user": "u", "password": "p", "custom_headers": {"X-A": "b"}})
    assert sent == Sent()
    assert [(method, path) for method, path, _, _ in seen] == [
        ("GET", "/"),
        ("POST", "/_bulk?filter_path=errors,items.*.status,items.*.error"),
    ]
    _, _, headers, body = seen[1]
    assert headers["Content-Type"] == "application/x-ndjson"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert (headers["X-A"], headers["User-Agent"]) == ("b", "apex-logs")
    assert body == b'{"create":{"_index":"i","_id":"e1"}}\n{"n":1}\n'  # the server has unpacked it


@pytest.mark.parametrize(
    ("options", "host", "paths"),
    [
        ({"path": "/es/"}, None, ["/es/", "/es/_bulk?Q"]),
        ({}, "http://127.0.0.1:{port}/es?k=1", ["/es/?k=1", "/es/_bulk?Q&k=1"]),
        ({"bulk_path": "/other/_bulk?a=b"}, None, ["/", "/other/_bulk?a=b&Q"]),
        ({"parameters": {"x": "1 2"}}, None, ["/?x=1+2", "/_bulk?Q&x=1+2"]),
        (
            {"parameters": {"filter_path": "errors,items"}},
            None,
            ["/?filter_path=errors,items", "/_bulk?filter_path=errors,items"],
        ),
    ],
)
def test_paths(options, host, paths):
    seen, _ = asked({**PLAIN, **options}, host=host)
    query = "filter_path=errors,items.*.status,items.*.error"
    assert [path.replace("%2A", "*").replace(query, "Q") for _, path, _, _ in seen] == paths


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"api_key": "id:key"}, "ApiKey " + base64.b64encode(b"id:key").decode()),
        ({"api_key": "abc"}, "ApiKey abc"),
        ({"cloud_auth": "a:b:c"}, "Basic " + base64.b64encode(b"a:b:c").decode()),
    ],
)
def test_credentials_go_over_tls(options, header, trust):
    seen, _ = asked(
        {**PLAIN, **options, "ssl_enabled": True, "ssl_certificate_authorities": str(trust.pem)}, tls=trust.server
    )
    assert seen[1][2]["Authorization"] == header


@dataclass
class Trusted:
    """An authority, as a file and as a fingerprint, and a server that it signed."""

    pem: Path
    fingerprint: str
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def trust(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    for blob in (issued.private_key_pem, *issued.cert_chain_pems, authority.cert_pem):
        blob.write_to_path(folder / "server.pem", append=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    return Trusted(folder / "ca.pem", hashlib.sha256(der).hexdigest(), server)


def test_ways_to_trust(trust):
    for options in (
        {"ssl_enabled": True, "ca_trusted_fingerprint": ["00" * 32, trust.fingerprint.upper()]},
        {"ssl_enabled": True, "ssl_verification_mode": "none"},
    ):
        seen, _ = asked({**PLAIN, **options}, tls=trust.server)
        assert len(seen) == 2
    with pytest.raises(Unavailable, match=r"TlsError: .*certificate verify failed"):
        asked({**PLAIN, "ssl_enabled": True}, tls=trust.server)
    with pytest.raises(ConfigurationError, match="presents no certificate with the fingerprint"):
        asked({**PLAIN, "ssl_enabled": True, "ca_trusted_fingerprint": ["00" * 32]}, tls=trust.server)
    with pytest.raises(Unavailable, match="cannot be reached"):
        asked({**PLAIN, "ssl_enabled": True, "ca_trusted_fingerprint": ["00" * 32]}, host="127.0.0.1:1")


def test_through_a_proxy():
    seen, _ = asked({**PLAIN, "proxy": "http://127.0.0.1:{port}"}, host="http://nowhere.invalid")
    assert [headers["Host"] for _, _, headers, _ in seen] == ["nowhere.invalid:9200"] * 2


@pytest.mark.parametrize("level", range(10))
def test_compression(level):
    data = bytearray(b"x" * 100_000)
    packed = asyncio.run(client.compressed(data, level))
    assert (packed if level == 0 else gzip.decompress(packed)) == data


def test_a_server_that_cuts_the_connection():
    """A large body is announced before it is sent again; if that is cut too, it goes out in halves."""
    calls = []

    async def cut(request):
        if request.method == "GET":
            return web.json_response({"version": {"number": "8.19.0"}})
        calls.append(request.headers.get("Expect"))
        request.transport.abort()
        return web.Response()

    large = [Event({"text": "x" * 300_000}, {"event_id": str(number)}) for number in range(2)]
    options = {**PLAIN, "compression_level": 0}
    with pytest.raises(BodyTooLarge, match="sent in halves"):
        asked(options, answers=cut, events=large)
    assert calls == [None, "100-continue"]
    with pytest.raises(Unavailable, match="the connection was cut"):
        asked(options, answers=cut, events=large[:1])
    with pytest.raises(Unavailable, match="the connection was cut"):
        asked(options, answers=cut, events=[event(1), event(2)])
    assert len(calls) == 5
