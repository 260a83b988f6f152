"""Where events are sent, from the options: lumberjack, or Kafka. Certificates are read at once, to check them."""

from __future__ import annotations

import importlib.util
import ssl
from dataclasses import dataclass

from shippers.addresses import addresses
from shippers.node.tables import Table
from shippers.node.windows import Settings

PORT = 5044


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How records are written; times in seconds."""

    servers: tuple[str, ...]
    topic: str
    compression: str | None
    timeout: float
    backoff: float
    backoff_max: float
    security: str
    mechanism: str
    username: str
    password: str
    tls: ssl.SSLContext | None = None


def lumberjack(table: Table) -> tuple[Settings, int]:
    """The settings, and how many events make a batch."""
    hosts = table.texts("hosts", needed='where apex-logs or Logstash listens, such as ["logs-1:5044", "logs-2:5044"]')
    batch = table.number("bulk_max_size", 2048, least=1, most=10_000)
    settings = Settings(
        hosts=_places(table, hosts),
        window=batch,
        pipelining=table.number("pipelining", 2, least=1, most=64),
        compression=table.number("compression_level", 1, least=0, most=9),
        slow_start=table.flag("slow_start"),
        timeout=table.seconds("timeout", 30.0, least=0.1),
        connect_timeout=table.seconds("connect_timeout", 10.0, least=0.1),
        backoff=table.seconds("backoff", 1.0, least=0.01),
        backoff_max=table.seconds("backoff_max", 60.0, least=0.01),
        tls=context(table.table("tls")) if table.has("tls") else None,
    )
    table.table("tls")
    table.done()
    return settings, batch


def _places(table: Table, hosts: tuple[str, ...]) -> list[tuple[str, int]]:
    places = []
    for host in hosts:
        try:
            places += addresses(host, PORT)
        except ValueError as error:
            table.fault("hosts", str(error))
    return places


def kafka(table: Table) -> tuple[KafkaSettings, int]:
    """The settings, and how many events make a batch."""
    batch = table.number("bulk_max_size", 2048, least=1, most=10_000)
    compression = table.text("compression", "lz4", choices=("none", "gzip", "snappy", "lz4", "zstd"))
    mechanisms = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
    protocols = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    security = table.text("security_protocol", "PLAINTEXT", choices=protocols)
    secure, login = security.endswith("SSL"), security.startswith("SASL")
    settings = KafkaSettings(
        servers=table.texts("bootstrap_servers", needed='the brokers, such as ["kafka-1:9092"]'),
        topic=table.text("topic", needed="the topic that is written to"),
        compression=None if compression == "none" else compression,
        timeout=table.seconds("timeout", 30.0, least=1.0),
        backoff=table.seconds("backoff", 1.0, least=0.01),
        backoff_max=table.seconds("backoff_max", 60.0, least=0.01),
        security=security,
        mechanism=table.text("sasl_mechanism", "SCRAM-SHA-512", choices=mechanisms),
        username=table.text("username", needed="who logs in" if login else ""),
        password=table.text("password", needed="the password of the login" if login else ""),
        tls=context(table.table("tls")) if secure else None,
    )
    if table.has("tls") and not secure:
        table.fault("tls", f'changes nothing with security_protocol = "{security}"')
    table.table("tls")
    table.done()
    if importlib.util.find_spec("aiokafka") is None:
        table.fault("", "the package aiokafka is not installed: pip install 'apex-logs[kafka]'")
    return settings, batch


def context(table: Table) -> ssl.SSLContext | None:
    """A context that verifies the server and shows a certificate of its own, if it has one."""
    authorities = table.texts("certificate_authorities")
    certificate, key = table.text("certificate"), table.text("key")
    passphrase = table.text("key_passphrase")
    verification = table.text("verification", "full", choices=("full", "certificate", "none"))
    table.done()
    if key and not certificate:
        table.fault("certificate", "is missing: the key needs its certificate")
    made = ssl.create_default_context()
    if authorities:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in authorities:
        try:
            made.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            table.fault("certificate_authorities", f"{path} cannot be used as PEM: {_reason(error)}")
    if verification != "full":
        made.check_hostname = False
    if verification == "none":
        made.verify_mode = ssl.CERT_NONE
    if certificate:
        try:
            made.load_cert_chain(certificate, key or None, password=lambda: passphrase)
        except (OSError, ssl.SSLError) as error:
            names = " and ".join(name for name in (certificate, key) if name)
            table.fault("certificate", f"{names} cannot be used as PEM: {_reason(error)}")
    return made


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return error.strerror or str(error)
