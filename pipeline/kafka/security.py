"""From the options to what aiokafka wants: addresses, timeouts, a TLS context, a login. Reads the files it names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import tls
from pipeline.errors import ConfigurationError
from pipeline.kafka.options import ConnectionOptions

Settings = dict[str, Any]


def settings(options: ConnectionOptions, warn: Callable[[str], None]) -> Settings:
    """The arguments that a consumer and a producer share; raises `ConfigurationError`."""
    if importlib.util.find_spec("aiokafka") is None:
        raise ConfigurationError(["the package aiokafka is not installed: pip install 'apex-logs[kafka]'"])
    if unused := options.unused():
        warn(f'kafka: {", ".join(unused)} change nothing with security_protocol => "{options.security_protocol}"')
    found: Settings = {
        "bootstrap_servers": [server.strip() for server in options.bootstrap_servers.split(",")],
        "connections_max_idle_ms": options.connections_max_idle_ms,
        "metadata_max_age_ms": options.metadata_max_age_ms,
        "request_timeout_ms": options.request_timeout_ms,
        "retry_backoff_ms": options.retry_backoff_ms,
        "security_protocol": options.security_protocol,
    }
    if options.security_protocol.endswith("SSL"):
        found["ssl_context"] = _context(options)
    return found


def login_settings(options: ConnectionOptions) -> Settings:
    """The arguments that say who we are. Imports aiokafka where there are tokens."""
    if not options.security_protocol.startswith("SASL_"):
        return {}
    login = options.login()
    found: Settings = {"sasl_mechanism": options.sasl_mechanism}
    if options.sasl_mechanism == "OAUTHBEARER":
        from pipeline.kafka.tokens import provider

        return found | {"sasl_oauth_token_provider": provider(options, login.options)}
    return found | {
        "sasl_plain_username": login.options["username"],
        "sasl_plain_password": login.options["password"],
    }


def _context(options: ConnectionOptions) -> Any:
    trust = tls.Trust()
    if (path := options.ssl_truststore_location) is not None:
        secret = options.ssl_truststore_password
        passphrase = None if secret is None else secret.get_secret_value()
        trust = tls.Trust([path]) if _is_pem(path) else tls.Trust(truststore=path, truststore_passphrase=passphrase)
    identity = tls.Identity()
    if (path := options.ssl_keystore_location) is not None:
        pem = _is_pem(path)
        secret = options.ssl_key_password if pem else options.ssl_keystore_password or options.ssl_key_password
        passphrase = None if secret is None else secret.get_secret_value()
        identity = (
            tls.Identity(certificate=path, passphrase=passphrase)
            if pem
            else tls.Identity(keystore=path, passphrase=passphrase)
        )
    named = options.ssl_endpoint_identification_algorithm == "https"
    return tls.client_context(identity, trust, verification="full" if named else "certificate")


def _is_pem(path: Path) -> bool:
    return b"-----BEGIN" in path.read_bytes()[:65536]
