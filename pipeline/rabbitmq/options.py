"""The options that the rabbitmq input and the rabbitmq output share, and where they lead."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline import tls
from pipeline.errors import ConfigurationError
from pipeline.options import (
    Boolean,
    ExistingPath,
    Hash,
    Ignored,
    Integer,
    Number,
    PluginOptions,
    Secret,
    Text,
    Texts,
    as_list,
)

if TYPE_CHECKING:
    import ssl

Paths = Annotated[list[ExistingPath], BeforeValidator(as_list)]
_VERSIONS = {"tlsv1.2": "TLSv1.2", "tlsv1.3": "TLSv1.3"}


def _version(value: str) -> str:
    if value.lower() not in _VERSIONS:
        raise ValueError(f'ssl_version is "TLSv1.2" or "TLSv1.3", not "{value}"')
    return _VERSIONS[value.lower()]


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    """Numbers in texts are numbers for the broker, which wants `x-message-ttl` as one."""
    return {name: int(each) if isinstance(each, str) and each.isdigit() else each for name, each in value.items()}


class BrokerOptions(PluginOptions):
    """Where the broker is, and how to talk to it."""

    host: Annotated[Texts, Field(min_length=1, description="Brokers, tried in turn; `host` or `host:port`.")]
    port: Annotated[Integer | None, Field(ge=1, le=65535, description="The port; 5672 or, with TLS, 5671.")] = None
    vhost: Annotated[Text, Field(description="The virtual host.")] = "/"
    user: Annotated[Text, Field(description="The user.")] = "guest"
    password: Annotated[Secret | None, Field(description="The password; `guest` if there is none.")] = None
    ssl: Annotated[Boolean, Field(description="Speak TLS.")] = False
    ssl_version: Annotated[
        Text | None,
        AfterValidator(lambda value: None if value is None else _version(value)),
        Field(description="The only version of TLS to speak; by default 1.2 and 1.3."),
    ] = None
    ssl_certificate_path: Annotated[
        ExistingPath | None, Field(description="A PKCS#12 file with our certificate and its key.")
    ] = None
    ssl_certificate_password: Annotated[Secret | None, Field(description="Opens it.")] = None
    ssl_certificate_authorities: Annotated[
        Paths, Field(description="PEM files with the authorities to trust; else the machine's. Ours.")
    ] = []
    ssl_verification_mode: Annotated[
        Literal["full", "certificate", "none"],
        Field(description="Whether the broker's certificate is checked: yes, unlike in Logstash. Ours."),
    ] = "full"
    heartbeat: Annotated[Integer, Field(ge=0, description="Seconds between two heartbeats; 0: none.")] = 60
    connection_timeout: Annotated[
        Integer | None, Field(gt=0, description="Milliseconds that a connection may take; 10,000 by default.")
    ] = None
    connect_retry_interval: Annotated[
        Number, Ignored("pauses double, up to 30 s"), Field(description="As in Logstash.")
    ] = 1
    automatic_recovery: Annotated[
        Boolean, Ignored("a connection that broke is always made anew"), Field(description="As in Logstash.")
    ] = True
    passive: Annotated[Boolean, Field(description="Make nothing: what is named must be there.")] = False
    arguments: Annotated[
        Hash, AfterValidator(_arguments), Field(description="Arguments of what is made, such as `x-queue-type`.")
    ] = {}


def check_installed() -> None:
    """Raises `ConfigurationError` where the client is missing."""
    if find_spec("aiormq") is None:
        raise ConfigurationError(['the rabbitmq client is not installed: pip install "apex-logs[rabbitmq]"'])


def context_of(options: BrokerOptions) -> ssl.SSLContext | None:
    """The TLS of connections, None where it is off; raises `ConfigurationError`."""
    if not options.ssl:
        return None
    passphrase = options.ssl_certificate_password
    protocols: Any = [options.ssl_version] if options.ssl_version else []
    return tls.client_context(
        tls.Identity(
            keystore=options.ssl_certificate_path, passphrase=passphrase.get_secret_value() if passphrase else None
        ),
        tls.Trust(options.ssl_certificate_authorities),
        tls.Rules(protocols),
        options.ssl_verification_mode,
    )


def addresses(options: BrokerOptions) -> list[str]:
    """The URL of each broker; holds the password."""
    scheme, default = ("amqps", 5671) if options.ssl else ("amqp", 5672)
    password = options.password.get_secret_value() if options.password else "guest"
    login = f"{quote(options.user, safe='')}:{quote(password, safe='')}"
    found = []
    for host in options.host:
        name, colon, port = host.rpartition(":")
        place = host if colon and port.isdigit() and name else f"{host}:{options.port or default}"
        vhost = quote(options.vhost, safe="")
        found.append(f"{scheme}://{login}@{place}/{vhost}?heartbeat={options.heartbeat}")
    return found
