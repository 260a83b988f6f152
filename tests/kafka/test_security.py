"""Logins and certificates on a real broker: PLAIN, SCRAM, OAUTHBEARER, mutual TLS; what is wrong is said."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from pipeline.errors import ConfigurationError
from pipeline.plugin import Sent
from tests.harness import context, planned
from tests.kafka.workbench import Reader, eventually, made, make_topic, unique
from tests.outputs.test_kafka import body_of, built
from tests.servers.kafka_cluster import PASSWORD, USER, LocalCluster


def login(mechanism: str, password: str = PASSWORD) -> str:
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    return (
        f'sasl_mechanism => "{mechanism}" sasl_jaas_config => \'org.apache.kafka.common.security.{module} required '
        f'username="{USER}" password="{password}";\''
    )


def tls(cluster: LocalCluster) -> str:
    return f'security_protocol => "SASL_SSL" ssl_truststore_location => "{cluster.ca}"'


def round_trip(cluster: LocalCluster, bootstrap: str, options: str) -> None:
    """An event through the output to the broker, and back through the input."""
    topic = unique("secure")

    async def scenario() -> None:
        await make_topic(cluster.bootstrap, topic)
        output = built(f'topic_id => "{topic}" {options}', bootstrap)
        await output.start()
        assert await output.send(body_of(output, "hello")) == Sent([], [], 0)
        await output.close()
        async with Reader(
            made(bootstrap, topic, unique("group"), f'auto_offset_reset => "earliest" {options}')
        ) as reader:
            await reader.has(1)
        assert reader.messages == ["hello"]

    asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_passwords(secure_kafka: LocalCluster, mechanism: str) -> None:
    round_trip(secure_kafka, secure_kafka.secure, f"{tls(secure_kafka)} {login(mechanism)}")


def test_a_login_from_a_file_and_a_truststore_in_pkcs12(secure_kafka: LocalCluster, tmp_path: Path) -> None:
    jaas = tmp_path / "jaas.conf"
    jaas.write_text(f'KafkaClient {{ a.PlainLoginModule required username="{USER}" password="{PASSWORD}"; }};')
    store = tmp_path / "trust.p12"
    authority = x509.load_pem_x509_certificate(secure_kafka.ca.read_bytes())
    algorithm = serialization.BestAvailableEncryption(b"changeit")
    store.write_bytes(pkcs12.serialize_key_and_certificates(None, None, None, [authority], algorithm))
    options = f'security_protocol => "SASL_SSL" sasl_mechanism => "PLAIN" jaas_path => "{jaas}"'
    trust = (
        f'ssl_truststore_location => "{store}" ssl_truststore_password => "changeit" ssl_truststore_type => "PKCS12"'
    )
    round_trip(secure_kafka, secure_kafka.secure, f"{options} {trust}")


def test_an_unsigned_token(secure_kafka: LocalCluster) -> None:
    jaas = f'O.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{USER}";'
    round_trip(
        secure_kafka,
        secure_kafka.secure,
        f"{tls(secure_kafka)} sasl_mechanism => \"OAUTHBEARER\" sasl_jaas_config => '{jaas}'",
    )


def test_a_token_from_an_endpoint(secure_kafka: LocalCluster) -> None:
    """The endpoint speaks RFC 6749; its tokens are unsigned, as the broker of the tests takes them."""
    asked: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers["Authorization"], dict(await request.post())))
        claims = {"sub": USER, "scope": ["logs"], "iat": time.time(), "exp": time.time() + 300}
        parts = [
            base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)
        ]
        return web.json_response({"access_token": f"{'.'.join(parts)}.", "expires_in": 300})

    topic = unique("tokens")

    async def scenario() -> None:
        application = web.Application()
        application.router.add_post("/token", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        jaas = 'O.OAuthBearerLoginModule required clientId="id" clientSecret="se:cret" scope="logs";'
        options = (
            f"{tls(secure_kafka)} sasl_mechanism => \"OAUTHBEARER\" sasl_jaas_config => '{jaas}' "
            f'sasl_oauthbearer_token_endpoint_url => "{url}"'
        )
        try:
            await make_topic(secure_kafka.bootstrap, topic)
            output = built(f'topic_id => "{topic}" {options}', secure_kafka.secure)
            await output.start()
            assert await output.send(body_of(output, "hello")) == Sent([], [], 0)
            await output.close()
        finally:
            await runner.cleanup()

    asyncio.run(scenario())
    credentials = base64.b64encode(b"id:se:cret").decode()
    assert asked == [(f"Basic {credentials}", {"grant_type": "client_credentials", "scope": "logs"})]


@pytest.mark.parametrize("form", ["pem", "p12"])
def test_mutual_tls(secure_kafka: LocalCluster, tmp_path: Path, form: str) -> None:
    store = secure_kafka.client
    if form == "p12":
        text = secure_kafka.client.read_bytes()
        key = serialization.load_pem_private_key(text, None)
        store = tmp_path / "client.p12"
        certificate = x509.load_pem_x509_certificates(text)[0]
        algorithm = serialization.BestAvailableEncryption(b"changeit")
        store.write_bytes(pkcs12.serialize_key_and_certificates(b"client", key, certificate, None, algorithm))
    keystore = f'ssl_keystore_location => "{store}" ssl_keystore_password => "changeit"'
    trust = f'security_protocol => "SSL" ssl_truststore_location => "{secure_kafka.ca}"'
    round_trip(secure_kafka, secure_kafka.mutual, f"{trust} {keystore}")


def test_a_wrong_password_is_said_and_tried_again(secure_kafka: LocalCluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "apex.input.kafka")

    async def scenario() -> None:
        source = made(secure_kafka.secure, "any", unique("group"), f"{tls(secure_kafka)} {login('PLAIN', 'wrong')}")
        async with Reader(source):
            await eventually(lambda: "next try in" in caplog.text)

    asyncio.run(scenario())
    assert "wrong" not in caplog.text


SASL = 'security_protocol => "SASL_SSL"'


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (SASL, "needs sasl_mechanism; Logstash's default is Kerberos"),
        (f'{SASL} sasl_mechanism => "GSSAPI"', "Kerberos is not offered here"),
        (f'{SASL} sasl_mechanism => "AWS_MSK_IAM"', "sasl_mechanism is PLAIN"),
        (f'{SASL} sasl_mechanism => "PLAIN"', "needs sasl_jaas_config"),
        (f'{SASL} sasl_mechanism => "PLAIN" sasl_jaas_config => \'X required username="u";\'', "needs password"),
        (f'{SASL} sasl_mechanism => "PLAIN" sasl_jaas_config => \'X username="u";\'', "a JAAS entry is"),
        (f"{SASL} sasl_mechanism => \"OAUTHBEARER\" sasl_jaas_config => 'X required;'", "token_endpoint_url, or"),
        ('kerberos_config => "/dev/null"', "Kerberos is not offered here"),
        ('sasl_client_callback_handler_class => "a.B"', "no Java class can be loaded"),
        ('sasl_login_callback_handler_class => "a.B"', "no Java class can be loaded"),
        ('bootstrap_servers => "kafka"', "is no address of a broker"),
    ],
)
@pytest.mark.parametrize("plugin", ["input { kafka { %s } }", 'output { kafka { topic_id => "t" %s } }'])
def test_faults_of_the_configuration(plugin: str, options: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        planned(plugin % options)


def test_a_truststore_that_cannot_be_used_is_a_fault_at_the_build(tmp_path: Path) -> None:
    from pipeline.config.building import build

    store = tmp_path / "store"
    store.write_bytes(b"\xfe\xed\xfe\xed")
    plan = planned(f'input {{ kafka {{ security_protocol => "SSL" ssl_truststore_location => "{store}" }} }}')
    with pytest.raises(ConfigurationError, match="is a Java keystore, which only Java reads"):
        build(plan, context(tmp_path))


def test_options_that_change_nothing_are_said(tmp_path: Path) -> None:
    from pipeline.config.building import build

    warnings: list[str] = []
    text = f'input {{ kafka {{ {login("PLAIN")} ssl_truststore_password => "x" }} }}'
    build(planned(text), context(tmp_path, warnings=warnings))
    [warning] = warnings
    assert warning.startswith("kafka: sasl_jaas_config, sasl_mechanism, ssl_truststore_password change nothing")
