"""What the environment says; nothing else configures the API.

A wrong value is told in one line that names the variable and what would be right; values are not repeated where they
can hold a password.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NoReturn
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

SERVICE = "apex-api"
"""The name of the service: in traces, and in `[fields][service]` of log events."""

Network = IPv4Network | IPv6Network


class LogTarget(NamedTuple):
    """Where log lines go: `stdout`, `file` with a path, or `beats` with a host and a port, encrypted or not."""

    kind: Literal["stdout", "file", "beats"]
    path: Path = Path()
    host: str = ""
    port: int = 0
    tls: bool = False


def _parts(url: str) -> SplitResult:
    """The parts of a URL; none where it is no URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it raises where the port is none
    except ValueError:
        return urlsplit("")
    return parts


def _log_target(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value == "stdout":
        return LogTarget("stdout")
    if value.startswith("file:") and len(value) > len("file:"):
        return LogTarget("file", path=Path(value.removeprefix("file:")))
    parts = _parts(value)
    if parts.scheme in ("beats", "beats+tls") and parts.hostname and parts.port and parts.path in ("", "/"):
        return LogTarget("beats", host=parts.hostname, port=parts.port, tls=parts.scheme == "beats+tls")
    raise ValueError("should be stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT")


def _networks(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"should be addresses or networks with commas between them: {error}") from None


def _database_url(value: Any) -> Any:
    try:
        url = make_url(value)
        in_memory = url.drivername == "sqlite" and url.database in (None, "", ":memory:")
        if url.drivername in ("sqlite", "postgresql") and not in_memory:
            return value
    except (ArgumentError, ValueError):
        pass
    raise ValueError("should be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME")


def _url(*schemes: str) -> BeforeValidator:
    wanted = " or ".join(f"{scheme}://HOST[:PORT]" for scheme in schemes)

    def check(value: Any) -> Any:
        if not value:
            return None
        parts = _parts(value)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"should be {wanted}")
        return value

    return BeforeValidator(check)


def _dsn(value: Any) -> Any:
    if not value:
        return None
    parts = _parts(value)
    project = parts.path.rpartition("/")[2]
    if parts.scheme not in ("http", "https") or not (parts.hostname and parts.username and project.isdecimal()):
        raise ValueError("should be https://KEY@HOST/PROJECT, as Sentry shows it")
    return value


class Settings(BaseSettings):
    """The variables, under their names in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    env: Annotated[str, Field(min_length=1, description="The environment, as Sentry shows it.")] = "development"
    git_sha: Annotated[str, Field(description="The release, as Sentry and /healthz show it.")] = "unknown"
    host: Annotated[str, Field(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="The port to listen on; 0 takes a free one.")] = 8000
    otel_exporter: Annotated[
        Literal["otlp", "console", "none"],
        Field(description="Where spans go: to OTEL_ENDPOINT, to stderr as JSON lines, or nowhere (none are made)."),
    ] = "none"
    otel_endpoint: Annotated[
        str, _url("http", "https"), Field(description="The OTLP/gRPC receiver; https is encrypted.")
    ] = "http://localhost:4317"
    sentry_dsn: Annotated[
        SecretStr | None, BeforeValidator(_dsn), Field(description="Sentry's DSN; without it nothing is reported.")
    ] = None
    database_url: Annotated[
        str, BeforeValidator(_database_url), Field(description="SQLite or PostgreSQL, as SQLAlchemy writes it.")
    ] = "sqlite:///data/api/apex-api.db"
    redis_url: Annotated[
        str | None,
        _url("redis", "rediss"),
        Field(description="Redis: the queue (Celery) and the cache. Without it both are in this process."),
    ] = None
    log_target: Annotated[
        LogTarget,
        NoDecode,
        BeforeValidator(_log_target),
        Field(description="stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT."),
    ] = LogTarget("stdout")
    trusted_proxies: Annotated[
        tuple[Network, ...],
        NoDecode,
        BeforeValidator(_networks),
        Field(description="Peers whose X-Forwarded-For is believed: addresses and networks, with commas."),
    ] = ()
    submission_url: Annotated[
        str | None,
        _url("http", "https"),
        Field(description="Where a submitted project is posted; without it, submitting is a note in the database."),
    ] = None
    worker_metrics_host: Annotated[str, Field(description="Where the Celery worker's metrics listen.")] = "127.0.0.1"
    worker_metrics_port: Annotated[int, Field(ge=0, le=65535, description="The port of the worker's metrics.")] = 9540
    calculations_kept_days: Annotated[
        float, Field(gt=0, description="Days that derived calculations are kept for; older ones are deleted.")
    ] = 30


def read_settings() -> Settings:
    """The settings; ends the process with exit code 2, and a line for each variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        _refuse([_line(dict(each)) for each in error.errors(include_url=False)])


def _line(fault: dict[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{str(fault['loc'][0]).upper()}: {message[0].lower()}{message[1:]}"


def _refuse(lines: Sequence[str]) -> NoReturn:
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(2)
