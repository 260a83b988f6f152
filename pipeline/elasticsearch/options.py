"""The options of the elasticsearch output: where the servers are and how to talk to them, templates, retries.

The embedded store takes the same options, so that a configuration can be run without a server unchanged.
"""

import ssl
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline import tls
from pipeline.documents.options import DocumentOptions
from pipeline.elasticsearch.hosts import Host, parse_cloud_id, parse_host
from pipeline.options import (
    Array,
    Boolean,
    CodecOption,
    ExistingPath,
    FormerName,
    Hash,
    Ignored,
    Integer,
    Number,
    Secret,
    Text,
    TextHash,
    Texts,
    as_list,
    default_codec,
    shown,
)


def _hosts(value: Any) -> Any:
    """One text may name several hosts, with spaces between them (`:uri_list` of `logstash/config/mixin.rb`)."""
    entries = as_list(value)
    if not entries:
        raise ValueError("name a host at least")
    texts = [text for entry in entries for text in ([entry] if isinstance(entry, Host) else str(entry).split() or [""])]
    return [text if isinstance(text, Host) else parse_host(text) for text in texts]


def _proxy(value: str) -> str:
    if value and parse_host(value).scheme is None:
        raise ValueError(f"{shown(value)} is no address of a proxy: write http://host:port")
    return value


def _level(compressed: Any) -> int:
    return 1 if str(compressed).lower() == "true" else 0


def _verification(verified: Any) -> str:
    return "full" if str(verified).lower() == "true" else "none"


Hosts = Annotated[list[Host], BeforeValidator(_hosts)]
Paths = Annotated[list[ExistingPath], BeforeValidator(as_list)]
Statuses = Annotated[list[Integer], BeforeValidator(as_list)]
Protocols = Annotated[
    list[Literal["TLSv1.1", "TLSv1.2", "TLSv1.3"]],
    BeforeValidator(as_list),
]
StoreType = Literal["pkcs12", "jks"]
_OLD = Field(description="The former name.")
_STORE_TYPE = Ignored("the file itself tells; Java's own format must be converted")
_SNIFFING = Ignored("requests go to the hosts that are named, in turn: name several")


class ElasticsearchOptions(DocumentOptions):
    """The options of the elasticsearch output."""

    codec: Annotated[
        CodecOption, Ignored("documents are always sent as JSON"), Field(description="Accepted as in Logstash.")
    ] = default_codec("plain")

    hosts: Annotated[
        Hosts,
        Field(description="The servers, used in turn: `host`, `host:port` or a URL; the port is 9200 by default."),
    ] = [Host(None, "127.0.0.1", 9200)]
    cloud_id: Annotated[Text | None, Field(description="The Cloud ID of a deployment, instead of `hosts`.")] = None
    path: Annotated[Text | None, Field(description="What comes before every path, behind a proxy.")] = None
    bulk_path: Annotated[Text | None, Field(description="The path of bulk requests; `_bulk` under `path`.")] = None
    parameters: Annotated[Hash, Field(description="Query parameters to add to every request.")] = {}
    custom_headers: Annotated[TextHash, Field(description="Headers to add to every request.")] = {}
    proxy: Annotated[Text, AfterValidator(_proxy), Field(description="An HTTP proxy to go through.")] = ""
    user: Annotated[Text | None, Field(description="A user name; its password is `password`.")] = None
    password: Annotated[Secret | None, Field(description="The password of `user`.")] = None
    cloud_auth: Annotated[Secret | None, Field(description="`user:password`, in place of both.")] = None
    api_key: Annotated[Secret | None, Field(description="An API key, as `id:key` or encoded; only over TLS.")] = None

    ssl_enabled: Annotated[Boolean | None, Field(description="Use TLS; by default if `hosts` say https.")] = None
    ssl_verification_mode: Annotated[
        Literal["full", "none"], Field(description="`none` trusts any server: never over a network.")
    ] = "full"
    ssl_certificate_authorities: Annotated[Paths, Field(description="PEM files with the authorities to trust.")] = []
    ca_trusted_fingerprint: Annotated[
        Texts, Field(description="SHA-256 fingerprints (hex) of authorities to trust, if the server presents one.")
    ] = []
    ssl_truststore_path: Annotated[
        ExistingPath | None, Field(description="A PKCS#12 file with authorities to trust.")
    ] = None
    ssl_truststore_password: Annotated[Secret | None, Field(description="Opens the truststore.")] = None
    ssl_truststore_type: Annotated[StoreType | None, _STORE_TYPE, Field(description="As in Logstash.")] = None
    ssl_certificate: Annotated[ExistingPath | None, Field(description="A PEM file: our own certificate.")] = None
    ssl_key: Annotated[ExistingPath | None, Field(description="A PEM file: the key of our certificate.")] = None
    ssl_keystore_path: Annotated[
        ExistingPath | None, Field(description="A PKCS#12 file with our certificate and its key.")
    ] = None
    ssl_keystore_password: Annotated[Secret | None, Field(description="Opens the keystore.")] = None
    ssl_keystore_type: Annotated[StoreType | None, _STORE_TYPE, Field(description="As in Logstash.")] = None
    ssl_supported_protocols: Annotated[
        Protocols, Field(description="TLS versions to use; 1.2 and 1.3 by default.")
    ] = []
    ssl_cipher_suites: Annotated[Texts, Field(description="Cipher suites to use, best first.")] = []
    ssl: Annotated[Boolean | None, FormerName("ssl_enabled"), _OLD] = None
    cacert: Annotated[ExistingPath | None, FormerName("ssl_certificate_authorities"), _OLD] = None
    ssl_certificate_verification: Annotated[
        Boolean | None, FormerName("ssl_verification_mode", _verification), _OLD
    ] = None
    truststore: Annotated[ExistingPath | None, FormerName("ssl_truststore_path"), _OLD] = None
    truststore_password: Annotated[Secret | None, FormerName("ssl_truststore_password"), _OLD] = None
    keystore: Annotated[ExistingPath | None, FormerName("ssl_keystore_path"), _OLD] = None
    keystore_password: Annotated[Secret | None, FormerName("ssl_keystore_password"), _OLD] = None

    compression_level: Annotated[
        Integer | None,
        Field(
            ge=0,
            le=9,
            description="gzip level of requests; 0 sends them as they are. By default 1, as in Logstash; but 0 where"
            " every host is this machine, as there is no network to spare.",
        ),
    ] = None
    http_compression: Annotated[Boolean | None, FormerName("compression_level", _level), _OLD] = None
    timeout: Annotated[Number, Field(gt=0, description="Seconds that a request may take.")] = 60
    pool_max_per_route: Annotated[Integer, Field(ge=1, description="Connections that one server may get.")] = 100
    pool_max: Annotated[
        Integer, Ignored("`pool_max_per_route` bounds connections"), Field(description="As in Logstash.")
    ] = 1000
    resurrect_delay: Annotated[
        Number, Field(gt=0, description="Seconds, at most, that a server is left alone after a failure.")
    ] = 5
    healthcheck_path: Annotated[
        Text | None, Ignored("a server that failed is tried again with a request"), Field(description="As in Logstash.")
    ] = None
    validate_after_inactivity: Annotated[
        Integer, Ignored("a closed connection is noticed when it closes"), Field(description="As in Logstash.")
    ] = 10000
    sniffing: Annotated[Boolean, _SNIFFING, Field(description="As in Logstash.")] = False
    sniffing_delay: Annotated[Number, _SNIFFING, Field(description="As in Logstash.")] = 5
    sniffing_path: Annotated[Text | None, _SNIFFING, Field(description="As in Logstash.")] = None

    retry_initial_interval: Annotated[Number, Field(gt=0, description="Seconds before a request is repeated.")] = 2
    retry_max_interval: Annotated[Number, Field(gt=0, description="Longest pause; it doubles with every failure.")] = 64
    dlq_custom_codes: Annotated[
        Statuses, Field(description="More statuses of items, beside 400 and 404, that are dead-lettered.")
    ] = []
    silence_errors_in_log: Annotated[
        Array, Ignored("items are counted, not logged one by one"), Field(description="As in Logstash.")
    ] = []
    failure_type_logging_whitelist: Annotated[Array, FormerName("silence_errors_in_log"), _OLD] = []

    manage_template: Annotated[
        Boolean | None, Field(description="Install an index template at the start; by default unless to a data stream.")
    ] = None
    template: Annotated[ExistingPath | None, Field(description="A JSON file: the template to install.")] = None
    template_name: Annotated[
        Text | None, Field(description="Its name: by default the rollover alias, `logstash` or `ecs-logstash`.")
    ] = None
    template_overwrite: Annotated[Boolean, Field(description="Replace a template of that name.")] = False
    template_api: Annotated[
        Literal["auto", "legacy", "composable"],
        Field(description="`_template` or `_index_template`; `auto` chooses by the server's version."),
    ] = "auto"

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        problems = [*_address_problems(self), *_credential_problems(self)]
        taken = sorted({200, 201, 400, 404, 409}.intersection(self.dlq_custom_codes))
        if taken:
            problems.append(f"dlq_custom_codes cannot hold {shown(taken)}, which have their meaning")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _address_problems(options: ElasticsearchOptions) -> list[str]:
    problems = []
    if options.cloud_id is not None:
        if "hosts" in options.model_fields_set:
            problems.append("give hosts or cloud_id, not both")
        try:
            parse_cloud_id(options.cloud_id)
        except ValueError as error:
            problems.append(str(error))
    for host in options.hosts:
        if options.path and host.path:
            problems.append(f"the host {host.name} has a path of its own: drop it there, or drop path")
        if options.ssl_enabled is not None and host.scheme == ("http" if options.ssl_enabled else "https"):
            setting = str(options.ssl_enabled).lower()
            problems.append(f"the host {host.name} says {host.scheme}, but ssl_enabled is {setting}")
    return problems


def _credential_problems(options: ElasticsearchOptions) -> list[str]:
    problems = []
    ways = (options.user or options.password, options.cloud_auth, options.api_key)
    if sum(way is not None for way in ways) > 1:
        problems.append("give one of user with password, cloud_auth and api_key")
    if options.api_key is not None and not all(over_tls(options, host) for host in _known(options)):
        problems.append("an api_key is only sent over TLS: use https in hosts, or ssl_enabled => true")
    if options.cloud_auth is not None and ":" not in options.cloud_auth.get_secret_value():
        problems.append("cloud_auth is user:password")
    if options.ssl_certificate_authorities and options.ssl_truststore_path:
        problems.append("give ssl_certificate_authorities or ssl_truststore_path, not both")
    if options.ssl_certificate and options.ssl_keystore_path:
        problems.append("give ssl_certificate or ssl_keystore_path, not both")
    if (options.ssl_certificate is None) != (options.ssl_key is None):
        problems.append("ssl_certificate and ssl_key go together")
    return problems


def _known(options: ElasticsearchOptions) -> list[Host]:
    return options.hosts if options.cloud_id is None else []  # a Cloud ID may be a fault of its own; it means https


def addresses(options: ElasticsearchOptions) -> list[Host]:
    """The servers, wherever the options name them."""
    return options.hosts if options.cloud_id is None else [parse_cloud_id(options.cloud_id)]


def over_tls(options: ElasticsearchOptions, host: Host) -> bool:
    """Whether this server is talked to over TLS."""
    return host.scheme == "https" if options.ssl_enabled is None else options.ssl_enabled


def compression(options: ElasticsearchOptions) -> int:
    """The gzip level of requests."""
    if options.compression_level is not None:
        return options.compression_level
    return 0 if all(host.here for host in addresses(options)) else 1


def tls_context(options: ElasticsearchOptions, authority: str = "") -> ssl.SSLContext | None:
    """The TLS context, or None if no server needs it; raises `ConfigurationError` for files that cannot be used."""
    if not any(over_tls(options, host) for host in addresses(options)):
        return None
    stores = options.ssl_keystore_password, options.ssl_truststore_password
    key_secret, trust_secret = (secret.get_secret_value() if secret else None for secret in stores)
    return tls.client_context(
        tls.Identity(options.ssl_certificate, options.ssl_key, key_secret, options.ssl_keystore_path),
        tls.Trust(options.ssl_certificate_authorities, options.ssl_truststore_path, trust_secret, authority),
        tls.Rules(options.ssl_supported_protocols, options.ssl_cipher_suites),
        options.ssl_verification_mode,
    )
