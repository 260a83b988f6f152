"""The settings of what can be seen from outside: the API under Logstash's names, health, timing and traces under ours.

Facts of Logstash's side are from `logstash-core/lib/logstash/environment.rb` and `webserver.rb` of 8.19: the defaults,
that an old name (`http.*`) beside its new one is an error, that credentials without `api.auth.type: basic` are warned
of, and the rules for passwords.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.options import Boolean, Integer, Number, Seconds, Secret, Text

FORMER = {"http.enabled": "api.enabled", "http.host": "api.http.host", "http.port": "api.http.port"}
"""Former names, and what they are called now."""

Need = Literal["REQUIRED", "OPTIONAL"]


def _ports(value: object) -> object:
    """`9600`, `"9600"` or `"9600-9700"`, as first and last."""
    if isinstance(value, list | tuple):  # as another process tells them
        value = "-".join(map(str, value))
    found = re.fullmatch(r"(\d{1,5})(?:(?:-|\.\.)(\d{1,5}))?", str(value).strip())
    if not found:
        raise ValueError(f'expected a port or a range such as "9600-9700", got "{value}"')
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= 65535:
        raise ValueError(f'"{value}" is no range of ports')
    return first, last


def _protocols(value: object) -> object:
    """One protocol stands for a list of one; nothing for OpenSSL's choice."""
    return value if isinstance(value, list) else [value] if value else []


Ports = Annotated[tuple[int, int], BeforeValidator(_ports)]
Protocols = Annotated[list[Literal["TLSv1.1", "TLSv1.2", "TLSv1.3"]], BeforeValidator(_protocols)]


class MonitoringSettings(BaseModel):
    """The part of the settings that concerns what can be seen from outside."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    api_enabled: Boolean = Field(True, alias="api.enabled")
    api_http_host: Text = Field("127.0.0.1", alias="api.http.host")
    api_http_port: Ports = Field((9600, 9700), alias="api.http.port")
    api_auth_type: Literal["none", "basic"] = Field("none", alias="api.auth.type")
    api_auth_username: Text | None = Field(None, alias="api.auth.basic.username")
    api_auth_password: Secret | None = Field(None, alias="api.auth.basic.password")
    policy_mode: Literal["WARN", "ERROR"] = Field("WARN", alias="api.auth.basic.password_policy.mode")
    policy_length: Integer = Field(8, alias="api.auth.basic.password_policy.length.minimum", ge=8, le=1024)
    policy_upper: Need = Field("REQUIRED", alias="api.auth.basic.password_policy.include.upper")
    policy_lower: Need = Field("REQUIRED", alias="api.auth.basic.password_policy.include.lower")
    policy_digit: Need = Field("REQUIRED", alias="api.auth.basic.password_policy.include.digit")
    policy_symbol: Need = Field("OPTIONAL", alias="api.auth.basic.password_policy.include.symbol")
    api_ssl_enabled: Boolean = Field(False, alias="api.ssl.enabled")
    api_ssl_keystore: Path | None = Field(None, alias="api.ssl.keystore.path")
    api_ssl_keystore_password: Secret | None = Field(None, alias="api.ssl.keystore.password")
    api_ssl_protocols: Protocols = Field([], alias="api.ssl.supported_protocols")
    health_stalled_after: Seconds = Field(60.0, alias="health.stalled_after", gt=0)
    plugin_timing_every: Integer = Field(100, alias="plugin_timing.every", ge=0)
    otel_sampler_ratio: Number | None = Field(None, alias="otel.traces.sampler_ratio", ge=0, le=1)
    otel_endpoint: Text | None = Field(None, alias="otel.exporter.otlp.endpoint")


class Remark(NamedTuple):
    """Something to say of one setting."""

    name: str
    text: str
    fault: bool


def remarks(settings: MonitoringSettings) -> Iterator[Remark]:
    """What is wrong with the settings of the API taken together, or should be known."""
    if settings.api_auth_type == "none" and (settings.api_auth_username or settings.api_auth_password):
        yield Remark("api.auth.type", 'credentials change nothing while it is "none"; say "basic"', False)
    if settings.api_auth_type == "basic":
        yield from _credentials(settings)
    if settings.api_ssl_enabled:
        for name, value in (
            ("api.ssl.keystore.path", settings.api_ssl_keystore),
            ("api.ssl.keystore.password", settings.api_ssl_keystore_password),
        ):
            if value is None:
                yield Remark(name, "it is needed where api.ssl.enabled is true: a PKCS#12 keystore", True)
        if settings.api_ssl_keystore is not None and not settings.api_ssl_keystore.is_file():
            yield Remark("api.ssl.keystore.path", f"there is no file {settings.api_ssl_keystore}", True)
    elif settings.api_ssl_keystore or settings.api_ssl_keystore_password:
        yield Remark("api.ssl.enabled", "the keystore changes nothing while it is false", False)


def _credentials(settings: MonitoringSettings) -> Iterator[Remark]:
    for name, value in (
        ("api.auth.basic.username", settings.api_auth_username),
        ("api.auth.basic.password", settings.api_auth_password),
    ):
        if not value:
            yield Remark(name, 'it is needed where api.auth.type is "basic"', True)
    if settings.api_auth_password:
        missing = list(_lacking(settings, settings.api_auth_password.get_secret_value()))
        if missing:
            said = f"the password must contain {', '.join(missing)} (api.auth.basic.password_policy)"
            yield Remark("api.auth.basic.password", said, settings.policy_mode == "ERROR")


def _lacking(settings: MonitoringSettings, password: str) -> Iterator[str]:
    if len(password) < settings.policy_length:
        yield f"at least {settings.policy_length} characters"
    for need, pattern, what in (
        (settings.policy_upper, r"[A-Z]", "an upper case letter"),
        (settings.policy_lower, r"[a-z]", "a lower case letter"),
        (settings.policy_digit, r"\d", "a digit"),
        (settings.policy_symbol, r"\W", "a special character"),
    ):
        if need == "REQUIRED" and not re.search(pattern, password):
            yield what
