"""The http input: its options, TLS, and what is said of them."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import ValidationError

from pipeline.codecs import multiline
from pipeline.config.building import build as built
from pipeline.errors import ConfigurationError
from pipeline.inputs.http import Options
from tests.beats.workbench import Certificates, running
from tests.harness import context, planned
from tests.inputs.http_site import made, site


def test_mutual_tls(tmp_path: Path) -> None:
    async def test() -> None:
        certificates = Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)
        options = certificates.options() | {
            "ssl_certificate_authorities": str(tmp_path / "ca.pem"),
            "ssl_client_authentication": "required",
        }
        async with site(made(**options), certificates.client(certificate=True)) as found:
            assert (await found.post())[0] == 200
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=certificates.client())) as other:
                with pytest.raises(aiohttp.ClientError):
                    await other.post(str(found.session._base_url), data=b"never")
            assert len(found.worker.batches) == 1

    asyncio.run(test())


def test_keystores(tmp_path: Path) -> None:
    async def test() -> None:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        served = authority.issue_cert("localhost")
        key = serialization.load_pem_private_key(served.private_key_pem.bytes(), None)
        certificate = x509.load_pem_x509_certificate(served.cert_chain_pems[0].bytes())
        trusted = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
        encrypted = serialization.BestAvailableEncryption(b"secret")
        own = pkcs12.serialize_key_and_certificates(b"own", key, certificate, None, encrypted)
        (tmp_path / "own.p12").write_bytes(own)
        others = pkcs12.serialize_key_and_certificates(b"ca", None, None, [trusted], encrypted)
        (tmp_path / "ca.p12").write_bytes(others)
        options = {
            "ssl_enabled": True,
            "ssl_keystore_path": str(tmp_path / "own.p12"),
            "ssl_keystore_password": "secret",
            "ssl_keystore_type": "pkcs12",
            "ssl_truststore_path": str(tmp_path / "ca.p12"),
            "ssl_truststore_password": "secret",
            "ssl_client_authentication": "optional",
            "tls_max_version": 1.2,
        }
        client = Certificates(authority, tmp_path).client(certificate=True)
        async with site(made(**options), client) as found:
            assert (await found.post())[0] == 200
            context = found.worker.input.server.listener.place.tls
            assert (context.verify_mode, context.maximum_version) == (ssl.CERT_OPTIONAL, ssl.TLSVersion.TLSv1_2)

    asyncio.run(test())


def test_a_port_in_use_is_said_clearly() -> None:
    async def test() -> None:
        async with site(made()) as found:
            port = found.worker.input.server.listener.addresses[0][1]
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
                async with running(made(port=port)):
                    pass

    asyncio.run(test())


WRONG = {
    "a user without a password": ({"user": "u"}, "user and password go together"),
    "a header of two lines": ({"response_headers": {"A": "b\r\nC: d"}}, "a header is one line"),
    "no certificate": ({"ssl_enabled": True}, "needs ssl_certificate and ssl_key, or ssl_keystore_path"),
    "versions twice": (
        {"ssl_enabled": True, "ssl_supported_protocols": ["TLSv1.2"], "tls_min_version": 1.2},
        "give ssl_supported_protocols alone; tls_min_version said it formerly",
    ),
    "two certificates": (
        {"ssl_enabled": True, "ssl_certificate": __file__, "ssl_key": __file__, "ssl_keystore_path": __file__},
        "not both",
    ),
    "a Java keystore": (
        {"ssl_enabled": True, "ssl_keystore_path": __file__, "ssl_keystore_type": "jks"},
        "read by Java alone; convert it",
    ),
    "authorities twice": (
        {
            "ssl_enabled": True,
            "ssl_keystore_path": __file__,
            "ssl_truststore_path": __file__,
            "ssl_certificate_authorities": __file__,
        },
        "not both",
    ),
    "a truststore for nothing": (
        {"ssl_enabled": True, "ssl_keystore_path": __file__, "ssl_truststore_path": __file__},
        "ssl_truststore_path needs ssl_client_authentication",
    ),
    "another status": ({"response_code": 203}, "200, 201, 202 or 204"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Options(**options)


def test_the_engine_builds_additional_codecs() -> None:
    text = 'input { http { port => 0 additional_codecs => { "a/b" => "json_lines" "c/d" => "line" } } }'
    [item] = built(planned(text), context()).inputs
    assert {name: codec.name for name, codec in item.input._codecs.items()} == {"a/b": "json_lines", "c/d": "line"}
    text = 'input { http { port => 0 additional_codecs => ["a/b", "json_lines"] } }'  # pairs are a hash
    [item] = built(planned(text), context()).inputs
    assert {name: codec.name for name, codec in item.input._codecs.items()} == {"a/b": "json_lines"}
    [item] = built(planned("input { http { port => 0 } }"), context()).inputs
    assert {name: codec.name for name, codec in item.input._codecs.items()} == {"application/json": "json"}


FAULTY = {
    "a codec that is none": ('{ "a/b" => "jsn" }', 'there is no codec plugin "jsn"; did you mean "json"'),
    "no hash": ('"json"', 'http: "additional_codecs" expected a hash of codecs, got "json"'),
    "a codec that is faulty": ('{ "a/b" => "multiline" }', 'multiline needs the option "pattern"'),
}


@pytest.mark.parametrize(("value", "why"), FAULTY.values(), ids=FAULTY)
def test_faults_of_additional_codecs(value: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        planned(f"input {{ http {{ additional_codecs => {value} }} }}")


def test_what_changes_nothing_is_said() -> None:
    warnings: list[str] = []
    made(warnings, ssl_key=__file__)
    assert warnings == ["http: ssl_key change nothing without ssl_enabled => true"]
    joined = multiline.build(multiline.Options(pattern="^ ", what="previous", auto_flush_interval=1))
    made(warnings, codec=joined)
    assert warnings[1:] == ["http: auto_flush_interval changes nothing, as a body ends with its request"]
    (event,) = made(codec=joined).decode(b"error\n  at a", {"id": "x"}, lambda *_: None)
    assert event.fields["message"] == "error\n  at a"
