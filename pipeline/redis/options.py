"""The options that the redis input and the redis output share, and the client that is made of them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline import tls
from pipeline.errors import ConfigurationError
from pipeline.options import Boolean, ExistingPath, Integer, Number, PluginOptions, Secret, Text, Texts, as_list

if TYPE_CHECKING:
    import ssl

    from redis.asyncio import Redis

Paths = Annotated[list[ExistingPath], BeforeValidator(as_list)]


class RedisOptions(PluginOptions):
    """Where the server is, and how to talk to it."""

    port: Annotated[Integer, Field(ge=1, le=65535, description="The port, where a host does not name one.")] = 6379
    db: Annotated[Integer, Field(ge=0, description="The number of the database.")] = 0
    timeout: Annotated[Number, Field(gt=0, description="Seconds that a connection, or an answer, may take.")] = 5
    username: Annotated[Text | None, Field(description="The user, where the server has several. Ours.")] = None
    password: Annotated[Secret | None, Field(description="The password, where the server wants one.")] = None
    ssl_enabled: Annotated[Boolean, Field(description="Speak TLS.")] = False
    ssl_verification_mode: Annotated[
        Literal["full", "none"], Field(description="`none` trusts any server: never over a network.")
    ] = "full"
    ssl_certificate_authorities: Annotated[Paths, Field(description="PEM files with the authorities to trust.")] = []
    ssl_certificate: Annotated[ExistingPath | None, Field(description="A PEM file: our own certificate.")] = None
    ssl_key: Annotated[ExistingPath | None, Field(description="A PEM file: the key of our certificate.")] = None
    ssl_key_passphrase: Annotated[Secret | None, Field(description="Opens an encrypted key.")] = None
    ssl_supported_protocols: Annotated[
        list[tls.Protocol], BeforeValidator(as_list), Field(description="TLS versions; 1.2 and 1.3 by default.")
    ] = []
    ssl_cipher_suites: Annotated[Texts, Field(description="Cipher suites to use, best first.")] = []


def check_installed() -> None:
    """Raises `ConfigurationError` where the client is missing."""
    if find_spec("redis") is None:
        raise ConfigurationError(['the redis client is not installed: pip install "apex-logs[redis]"'])


def context_of(options: RedisOptions) -> ssl.SSLContext | None:
    """The TLS of connections, None where it is off; raises `ConfigurationError`."""
    if not options.ssl_enabled:
        return None
    passphrase = options.ssl_key_passphrase.get_secret_value() if options.ssl_key_passphrase else None
    return tls.client_context(
        tls.Identity(options.ssl_certificate, options.ssl_key, passphrase),
        tls.Trust(options.ssl_certificate_authorities),
        tls.Rules(options.ssl_supported_protocols, options.ssl_cipher_suites),
        options.ssl_verification_mode,
    )


def client(
    options: RedisOptions, context: ssl.SSLContext | None, host: str, port: int, path: str | None = None
) -> Redis:
    """A client of one server; it connects when it is asked something, and repeats nothing by itself."""
    from redis.asyncio import Connection, ConnectionPool, Redis, UnixDomainSocketConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    settings: dict[str, Any] = {
        "db": options.db,
        "username": options.username,
        "password": options.password.get_secret_value() if options.password else None,
        "socket_timeout": options.timeout,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "apex-logs",
    }
    if path is not None:
        return Redis.from_pool(ConnectionPool(UnixDomainSocketConnection, path=path, **settings))
    settings |= {"host": host, "port": port, "socket_connect_timeout": options.timeout}

    class Secured(Connection):
        """TLS as the options say it; the client's own has options of its own."""

        def _connection_arguments(self) -> Any:
            return {**super()._connection_arguments(), "ssl": context}

    return Redis.from_pool(ConnectionPool(Connection if context is None else Secured, **settings))
