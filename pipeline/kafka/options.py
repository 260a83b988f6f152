"""The options that the kafka input and the kafka output share: where the brokers are, and how to talk to them."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.kafka import jaas
from pipeline.options import ExistingPath, Ignored, Integer, PluginOptions, Refused, Secret, Text

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
StoreType = Annotated[Literal["jks", "pkcs12", "pem"], BeforeValidator(lambda value: str(value).lower())]
NotNegative = Annotated[Integer, Field(ge=0)]

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_HANDLERS = ("OAuthBearerLoginCallbackHandler", "OAuthBearerUnsecuredLoginCallbackHandler")
_KERBEROS = Refused("Kerberos is not offered here: use SASL with SCRAM, PLAIN or OAUTHBEARER, or certificates")
_BUFFER = Ignored("the operating system sizes the buffers of its sockets")
_TOKEN_RETRY = Ignored("a token that could not be had is asked for again with the next connection")


def _mechanism(value: str) -> str:
    if value.upper() == "GSSAPI":
        raise ValueError(_KERBEROS.reason)
    if value.upper() not in _MECHANISMS:
        raise ValueError(f"sasl_mechanism is {', '.join(_MECHANISMS[:-1])} or {_MECHANISMS[-1]}, not {value}")
    return value.upper()


def _handler(value: str) -> str:
    if value.rsplit(".", 1)[-1] not in _HANDLERS:
        raise ValueError(f"no Java class can be loaded here; known are {' and '.join(_HANDLERS)}")
    return value


def _servers(value: str) -> str:
    for server in value.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not host or not colon or not port.isdigit():
            raise ValueError(f'"{server.strip()}" is no address of a broker: write host:port, with commas between them')
    return value


class ConnectionOptions(PluginOptions):
    """Where the brokers are, and how to talk to them."""

    bootstrap_servers: Annotated[
        Text,
        AfterValidator(_servers),
        Field(description="Brokers to ask for the others: host:port, with commas between them."),
    ] = "localhost:9092"
    client_dns_lookup: Annotated[
        Literal["default", "use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"],
        Ignored("every address that a name has is tried"),
        Field(description="As in Logstash."),
    ] = "use_all_dns_ips"
    connections_max_idle_ms: Annotated[NotNegative, Field(description="An unused connection is closed after.")] = (
        540_000
    )
    metadata_max_age_ms: Annotated[
        Integer, Field(gt=0, description="Topics, partitions and leaders are looked up anew after.")
    ] = 300_000
    request_timeout_ms: Annotated[Integer, Field(gt=0, description="How long an answer may take.")] = 40_000
    retry_backoff_ms: Annotated[NotNegative, Field(description="Pause before a request is repeated.")] = 100
    reconnect_backoff_ms: Annotated[
        NotNegative, Ignored("`retry_backoff_ms` is the pause for connections too"), Field(description="As there.")
    ] = 50
    receive_buffer_bytes: Annotated[Integer, _BUFFER, Field(description="As in Logstash.")] = 32_768
    send_buffer_bytes: Annotated[Integer, _BUFFER, Field(description="As in Logstash.")] = 131_072

    security_protocol: Annotated[Security, Field(description="TLS or not, and whether a login is needed.")] = (
        "PLAINTEXT"
    )
    sasl_mechanism: Annotated[
        Text | None,
        AfterValidator(lambda value: None if value is None else _mechanism(value)),
        Field(description="How to log in: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`."),
    ] = None
    sasl_jaas_config: Annotated[
        Secret | None, Field(description="The login, as Java writes it: `...LoginModule required username=... ;`.")
    ] = None
    jaas_path: Annotated[ExistingPath | None, Field(description="A file with the login, in a section KafkaClient.")] = (
        None
    )
    sasl_oauthbearer_token_endpoint_url: Annotated[
        Text | None,
        Field(description="Where tokens come from; `clientId`, `clientSecret` and `scope` are in the JAAS entry."),
    ] = None
    sasl_oauthbearer_scope_claim_name: Annotated[
        Text, Ignored("the claims of a token are the broker's to read"), Field(description="As in Logstash.")
    ] = "scope"
    sasl_login_callback_handler_class: Annotated[
        Text | None,
        AfterValidator(lambda value: None if value is None else _handler(value)),
        Field(description="Java's own handlers for OAUTHBEARER; the JAAS entry says what is needed."),
    ] = None
    sasl_client_callback_handler_class: Annotated[
        Text | None, Refused("no Java class can be loaded here"), Field(description="As in Logstash.")
    ] = None
    sasl_login_connect_timeout_ms: Annotated[
        Integer | None, Field(gt=0, description="How long a connection for a token may take.")
    ] = None
    sasl_login_read_timeout_ms: Annotated[
        Integer | None, Field(gt=0, description="How long the answer with a token may take.")
    ] = None
    sasl_login_retry_backoff_ms: Annotated[NotNegative, _TOKEN_RETRY, Field(description="As in Logstash.")] = 100
    sasl_login_retry_backoff_max_ms: Annotated[NotNegative, _TOKEN_RETRY, Field(description="As in Logstash.")] = 10_000
    sasl_kerberos_service_name: Annotated[Text | None, _KERBEROS, Field(description="As in Logstash.")] = None
    kerberos_config: Annotated[ExistingPath | None, _KERBEROS, Field(description="As in Logstash.")] = None

    ssl_truststore_location: Annotated[
        ExistingPath | None, Field(description="Authorities to trust, as PKCS#12 or PEM; else the machine's.")
    ] = None
    ssl_truststore_password: Annotated[Secret | None, Field(description="Opens the truststore.")] = None
    ssl_truststore_type: Annotated[
        StoreType | None,
        Ignored("the file itself tells; Java's own format must be converted"),
        Field(description="As in Logstash."),
    ] = None
    ssl_keystore_location: Annotated[
        ExistingPath | None, Field(description="Our certificate and its key, as PKCS#12 or PEM.")
    ] = None
    ssl_keystore_password: Annotated[Secret | None, Field(description="Opens the keystore.")] = None
    ssl_keystore_type: Annotated[
        StoreType | None,
        Ignored("the file itself tells; Java's own format must be converted"),
        Field(description="As in Logstash."),
    ] = None
    ssl_key_password: Annotated[
        Secret | None, Field(description="Opens the key in a PEM file; in PKCS#12, the keystore's password does.")
    ] = None
    ssl_endpoint_identification_algorithm: Annotated[
        Literal["https", ""],
        Field(description="`https`: the certificate must name the broker; empty: it need not."),
    ] = "https"

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if not self.security_protocol.startswith("SASL_"):
            return self
        if self.sasl_mechanism is None:
            raise ValueError(f"{self.security_protocol} needs sasl_mechanism; Logstash's default is Kerberos, which is "
                             "not offered here")  # fmt: skip
        login = self.login()
        if self.sasl_mechanism != "OAUTHBEARER":
            missing = [name for name in ("username", "password") if not login.options.get(name)]
            if missing:
                raise ValueError(f"the JAAS entry for {self.sasl_mechanism} needs {' and '.join(missing)}")
        elif self.sasl_oauthbearer_token_endpoint_url is not None:
            missing = [name for name in ("clientId", "clientSecret") if not login.options.get(name)]
            if missing:
                raise ValueError(f"with a token endpoint the JAAS entry needs {' and '.join(missing)}")
        elif not login.options.get("unsecuredLoginStringClaim_sub"):
            raise ValueError(
                "OAUTHBEARER needs sasl_oauthbearer_token_endpoint_url, or unsecuredLoginStringClaim_sub in the JAAS "
                "entry for an unsigned token"
            )
        return self

    def login(self) -> jaas.Login:
        """The login; raises ValueError where there is none, or none that can be read."""
        if self.sasl_jaas_config is not None:
            return jaas.parse(self.sasl_jaas_config.get_secret_value())
        if self.jaas_path is not None:
            return jaas.parse_file(self.jaas_path.read_text())
        raise ValueError(f"{self.security_protocol} needs sasl_jaas_config, or a file at jaas_path")

    def unused(self) -> list[str]:
        """The options given that change nothing with this `security_protocol`."""
        useless = [prefix for prefix in ("SSL", "SASL") if prefix not in self.security_protocol.split("_")]
        given: Any = self.model_fields_set
        return sorted(name for name in given if name.split("_")[0].upper() in useless)
