"""The options that inputs with sockets share, and what is made of them. Imports no event loop.

A plugin names those that its Logstash counterpart has: `ssl_enabled: SslEnabled = False`.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from pipeline import tls
from pipeline.options import Boolean, ExistingPath, Integer, ListensAt, PluginOptions, Secret, Text, Texts, as_list
from pipeline.plugin import PluginContext

if TYPE_CHECKING:
    import ssl


Port = Annotated[Integer, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")]
Host = Annotated[
    Text, ListensAt(), Field(description="Address to listen on; 0.0.0.0 is every IPv4 address, :: every one.")
]
MaxConnections = Annotated[Integer, Field(gt=0, description="Most connections at a time.")]
SslEnabled = Annotated[Boolean, Field(description="Speak TLS; needs a certificate and its key.")]
SslCertificate = Annotated[ExistingPath | None, Field(description="PEM file: certificate, and its chain.")]
SslKey = Annotated[ExistingPath | None, Field(description="PEM file: the key of the certificate.")]
SslKeyPassphrase = Annotated[Secret | None, Field(description="Opens an encrypted key.")]
SslAuthorities = Annotated[
    Texts, Field(default_factory=list, description="PEM files: who signs the certificates of the other side.")
]
SslClientAuthentication = Annotated[
    Literal["none", "optional", "required"] | None,
    Field(description="Whether clients need a certificate. By default only if there are authorities."),
]
SslCipherSuites = Annotated[Texts, Field(default_factory=list, description="Cipher suites for TLS 1.2, best first.")]
SslSupportedProtocols = Annotated[
    list[tls.Protocol],
    BeforeValidator(as_list),
    Field(default_factory=list, description="Versions of TLS; by default 1.2 and 1.3."),
]
SslHandshakeTimeout = Annotated[
    Integer, Field(gt=0, description="Milliseconds that a client has for the TLS handshake.")
]

VERIFY_MODES = {"none": "none", "peer": "optional", "force_peer": "required"}
"""What the former `ssl_verify_mode` and `verify_mode` said, in the words of `ssl_client_authentication`."""


def clients_of(options: Any) -> tls.Clients:
    """Whether clients are asked for a certificate."""
    given: tls.Clients | None = options.ssl_client_authentication
    return given or ("required" if options.ssl_certificate_authorities else "none")


def check_server(options: Any) -> None:
    """Raises ValueError where TLS is on and its options do not fit each other."""
    if not options.ssl_enabled:
        return
    if options.ssl_certificate is None or options.ssl_key is None:
        raise ValueError("ssl_enabled needs ssl_certificate and ssl_key")
    check_authorities(options)


def check_authorities(options: Any) -> None:
    """Raises ValueError where client certificates and those who sign them do not go together."""
    wanted, authorities = options.ssl_client_authentication, options.ssl_certificate_authorities
    if wanted in ("optional", "required") and not authorities:
        raise ValueError(f'ssl_client_authentication => "{wanted}" needs ssl_certificate_authorities')
    if wanted == "none" and authorities:
        raise ValueError('ssl_certificate_authorities needs ssl_client_authentication => "optional" or "required"')


def check_versions(options: Any) -> None:
    """Raises ValueError where two options say which versions of TLS are spoken."""
    former = [name for name in ("tls_min_version", "tls_max_version") if getattr(options, name) is not None]
    if options.ssl_enabled and options.ssl_supported_protocols and former:
        raise ValueError(f"give ssl_supported_protocols alone; {' and '.join(former)} said it formerly")


def server_context(
    options: Any, *, chain: Sequence[str] = (), protocols: Sequence[tls.Protocol] | None = None
) -> ssl.SSLContext | None:
    """The TLS of a listening socket, None where it is off; raises `ConfigurationError`.

    `protocols` stand in for `ssl_supported_protocols`, where other options have a say too.
    """
    if not options.ssl_enabled:
        return None
    identity = tls.Identity(
        options.ssl_certificate,
        options.ssl_key,
        secret(options.ssl_key_passphrase),
        chain=[Path(path) for path in chain],
    )
    trust = tls.Trust([Path(path) for path in options.ssl_certificate_authorities])
    versions = options.ssl_supported_protocols if protocols is None else protocols
    rules = tls.Rules(versions, options.ssl_cipher_suites)
    return tls.server_context(identity, trust, rules, clients_of(options))


def secret(value: SecretStr | None) -> str | None:
    """The text of a secret option."""
    return None if value is None else value.get_secret_value()


def warn_unused(name: str, options: PluginOptions, context: PluginContext) -> None:
    """Says which options change nothing, as TLS is off."""
    unused = sorted(given for given in options.model_fields_set - {"ssl_enabled"} if given.startswith(("ssl_", "tls_")))
    if unused and not getattr(options, "ssl_enabled", False):
        context.warn(f"{name}: {', '.join(unused)} change nothing without ssl_enabled => true")


def warn_of_loss(name: str, senders: str, context: PluginContext) -> None:
    """Says at the start what a crash can lose, where no queue on disk keeps it."""
    if not context.persisted:
        context.warn(
            f"{name}: {senders} cannot send again; what was received and is not yet delivered is lost if the process "
            "is killed, as no persistent queue is configured"
        )


_KEPT_BACK = 128
"""Descriptors for everything but connections: files, outputs, the loop."""


def affordable(name: str, connections: int, context: PluginContext) -> int:
    """As many connections as this process may have descriptors for: an input's share, where several want them."""
    limit, wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[0], max(connections, context.connections)
    if limit == resource.RLIM_INFINITY or wanted <= limit - _KEPT_BACK:
        return connections
    most = max(1, connections * (limit - _KEPT_BACK) // wanted)
    if most == connections:
        return most
    together = f"; all inputs want {wanted}" if wanted > connections else ""
    bound = f"`ulimit -n` is {limit}{together}"
    context.warn(f"{name}: {most} connections are taken, not {connections} (max_connections), as {bound}")
    return most
