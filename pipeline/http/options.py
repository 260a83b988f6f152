"""The options of whoever asks servers over HTTP: time limits, connections, proxy, login, TLS. Imports no event loop."""

from __future__ import annotations

import ssl
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline import tls
from pipeline.options import (
    Boolean,
    ExistingPath,
    FormerName,
    Ignored,
    Integer,
    Number,
    PluginOptions,
    Secret,
    Text,
    Texts,
    as_list,
)

_OLD = Field(description="The former name.")
_STORE_TYPE = Ignored("the file itself tells; Java's own format must be converted")
_AGAIN = Ignored("the engine sends again what had no answer")
Paths = Annotated[list[ExistingPath], BeforeValidator(as_list)]


def _proxy(value: Any) -> Any:
    """A hash with scheme, host, port, user and password, as Logstash takes it, as a URL."""
    if isinstance(value, dict):
        login = f"{value['user']}:{value.get('password', '')}@" if "user" in value else ""
        if "host" not in value:
            raise ValueError('proxy needs host, as in { host => "proxy" port => 3128 }')
        value = f"{value.get('scheme', 'http')}://{login}{value['host']}:{value.get('port', 3128)}"
    if isinstance(value, str) and value and "://" not in value:
        raise ValueError(f'"{value}" is no address of a proxy: write http://host:port')
    return value


class ClientOptions(PluginOptions):
    """Time limits, connections, proxy, login, TLS."""

    request_timeout: Annotated[Number, Field(gt=0, description="Seconds that a request may take.")] = 60
    socket_timeout: Annotated[Number, Field(gt=0, description="Seconds to wait for more of an answer.")] = 10
    connect_timeout: Annotated[Number, Field(gt=0, description="Seconds that a connection may take.")] = 10
    follow_redirects: Annotated[
        Boolean, Field(description="Goes where the server says. A POST that would go there as a GET is a refusal.")
    ] = True
    pool_max: Annotated[Integer, Field(ge=1, description="Requests at a time.")] = 50
    pool_max_per_route: Annotated[Integer, Field(ge=1, description="Connections to one server.")] = 25
    keepalive: Annotated[Boolean, Field(description="Keeps connections open for the next request.")] = True
    automatic_retries: Annotated[Integer, _AGAIN, Field(description="As in Logstash.")] = 1
    retry_non_idempotent: Annotated[Boolean, _AGAIN, Field(description="As in Logstash.")] = False
    validate_after_inactivity: Annotated[
        Integer, Ignored("a closed connection is noticed when it closes"), Field(description="As in Logstash.")
    ] = 200
    cookies: Annotated[Boolean, Field(description="Sends back the cookies that a server gave.")] = True
    proxy: Annotated[
        Text | None, BeforeValidator(_proxy), Field(description="A proxy: a URL, or a hash of host, port, ...")
    ] = None
    user: Annotated[Text | None, Field(description="The user, for basic authentication.")] = None
    password: Annotated[Secret | None, Field(description="The password of `user`.")] = None

    ssl_enabled: Annotated[Boolean, Ignored("the URL says it: https"), Field(description="As in Logstash.")] = True
    ssl_verification_mode: Annotated[
        Literal["full", "none"], Field(description="`none` trusts any server: never over a network.")
    ] = "full"
    ssl_certificate_authorities: Annotated[Paths, Field(description="PEM files with the authorities to trust.")] = []
    ssl_truststore_path: Annotated[ExistingPath | None, Field(description="The same, as a PKCS#12 file.")] = None
    ssl_truststore_password: Annotated[Secret | None, Field(description="Opens the truststore.")] = None
    ssl_truststore_type: Annotated[Text | None, _STORE_TYPE, Field(description="As in Logstash.")] = None
    ssl_certificate: Annotated[ExistingPath | None, Field(description="A PEM file: our own certificate.")] = None
    ssl_key: Annotated[ExistingPath | None, Field(description="A PEM file: the key of our certificate.")] = None
    ssl_key_passphrase: Annotated[Secret | None, Field(description="Opens an encrypted key.")] = None
    ssl_keystore_path: Annotated[
        ExistingPath | None, Field(description="A PKCS#12 file with our certificate and its key.")
    ] = None
    ssl_keystore_password: Annotated[Secret | None, Field(description="Opens the keystore.")] = None
    ssl_keystore_type: Annotated[Text | None, _STORE_TYPE, Field(description="As in Logstash.")] = None
    ssl_supported_protocols: Annotated[
        list[tls.Protocol], BeforeValidator(as_list), Field(description="TLS versions; 1.2 and 1.3 by default.")
    ] = []
    ssl_cipher_suites: Annotated[Texts, Field(description="Cipher suites to use, best first.")] = []
    cacert: Annotated[ExistingPath | None, FormerName("ssl_certificate_authorities"), _OLD] = None
    client_cert: Annotated[ExistingPath | None, FormerName("ssl_certificate"), _OLD] = None
    client_key: Annotated[ExistingPath | None, FormerName("ssl_key"), _OLD] = None
    keystore: Annotated[ExistingPath | None, FormerName("ssl_keystore_path"), _OLD] = None
    keystore_password: Annotated[Secret | None, FormerName("ssl_keystore_password"), _OLD] = None
    keystore_type: Annotated[Text | None, FormerName("ssl_keystore_type"), _OLD] = None
    truststore: Annotated[ExistingPath | None, FormerName("ssl_truststore_path"), _OLD] = None
    truststore_password: Annotated[Secret | None, FormerName("ssl_truststore_password"), _OLD] = None
    truststore_type: Annotated[Text | None, FormerName("ssl_truststore_type"), _OLD] = None

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together")
        if (self.ssl_certificate is None) != (self.ssl_key is None):
            raise ValueError("ssl_certificate and ssl_key go together")
        if self.ssl_certificate and self.ssl_keystore_path:
            raise ValueError("give ssl_certificate or ssl_keystore_path, not both")
        if self.ssl_certificate_authorities and self.ssl_truststore_path:
            raise ValueError("give ssl_certificate_authorities or ssl_truststore_path, not both")
        return self


def client_context(options: ClientOptions) -> ssl.SSLContext:
    """The TLS of requests to https; raises `ConfigurationError`."""
    secrets = (options.ssl_keystore_password or options.ssl_key_passphrase, options.ssl_truststore_password)
    key_secret, trust_secret = (secret.get_secret_value() if secret else None for secret in secrets)
    return tls.client_context(
        tls.Identity(options.ssl_certificate, options.ssl_key, key_secret, options.ssl_keystore_path),
        tls.Trust(options.ssl_certificate_authorities, options.ssl_truststore_path, trust_secret),
        tls.Rules(options.ssl_supported_protocols, options.ssl_cipher_suites),
        options.ssl_verification_mode,
    )
