from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from apex.api.settings import LogTarget, Settings, read_settings

from tests.api.serving import NAMES, PATIENCE, environment


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_need_nothing() -> None:
    settings = read_settings()
    assert settings.otel_exporter == "none"
    assert settings.log_target == LogTarget("stdout")
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.redis_url is settings.sentry_dsn is settings.submission_url is None
    assert settings.trusted_proxies == ()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOG_TARGET", "file:/tmp/api.log", LogTarget("file", path=Path("/tmp/api.log"))),
        ("LOG_TARGET", "beats://logs.example.org:5044", LogTarget("beats", host="logs.example.org", port=5044)),
        ("LOG_TARGET", "beats+tls://h:1", LogTarget("beats", host="h", port=1, tls=True)),
        ("LOG_TARGET", "beats://[::1]:5044", LogTarget("beats", host="::1", port=5044)),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8", (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"))),
        ("TRUSTED_PROXIES", "", ()),
        ("SENTRY_DSN", "", None),
        ("REDIS_URL", "", None),
        ("DATABASE_URL", "postgresql://a:b@h/n", "postgresql://a:b@h/n"),
        ("OTEL_EXPORTER", "otlp", "otlp"),
    ],
)
def test_what_is_right(name: str, value: str, expected: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(read_settings(), name.lower()) == expected


WRONG = [
    ("LOG_TARGET", "syslog", "LOG_TARGET: should be stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT"),
    (
        "LOG_TARGET",
        "beats://host",
        "LOG_TARGET: should be stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT",
    ),
    (
        "LOG_TARGET",
        "beats://host:99999",
        "LOG_TARGET: should be stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT",
    ),
    ("LOG_TARGET", "file:", "LOG_TARGET: should be stdout, file:PATH, beats://HOST:PORT or beats+tls://HOST:PORT"),
    ("OTEL_EXPORTER", "jaeger", "OTEL_EXPORTER: input should be 'otlp', 'console' or 'none'"),
    ("OTEL_ENDPOINT", "localhost:4317", "OTEL_ENDPOINT: should be http://HOST[:PORT] or https://HOST[:PORT]"),
    ("SENTRY_DSN", "secret", "SENTRY_DSN: should be https://KEY@HOST/PROJECT, as Sentry shows it"),
    ("SENTRY_DSN", "https://host/1", "SENTRY_DSN: should be https://KEY@HOST/PROJECT, as Sentry shows it"),
    (
        "DATABASE_URL",
        "mysql://u:secret@h/n",
        "DATABASE_URL: should be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME",
    ),
    (
        "DATABASE_URL",
        "sqlite://",
        "DATABASE_URL: should be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME",
    ),
    ("REDIS_URL", "http://h", "REDIS_URL: should be redis://HOST[:PORT] or rediss://HOST[:PORT]"),
    ("PORT", "many", "PORT: input should be a valid integer, unable to parse string as an integer"),
    ("PORT", "70000", "PORT: input should be less than or equal to 65535"),
    (
        "TRUSTED_PROXIES",
        "proxy",
        (
            "TRUSTED_PROXIES: should be addresses or networks with commas between them: "
            "'proxy' does not appear to be an IPv4 or IPv6 network"
        ),
    ),
    ("CALCULATIONS_KEPT_DAYS", "0", "CALCULATIONS_KEPT_DAYS: input should be greater than 0"),
]


@pytest.mark.parametrize(("name", "value", "line"), WRONG)
def test_what_is_wrong_is_one_line_that_keeps_secrets(
    name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert ended.value.code == 2
    assert capsys.readouterr().err == line + "\n"


@pytest.mark.parametrize("module", ["apex.api", "apex.api.worker"])
def test_processes_end_with_2(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=environment(OTEL_EXPORTER="jaeger", PORT="x"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["PORT", "OTEL_EXPORTER"]


@pytest.mark.parametrize(
    ("module", "variables", "line"),
    [
        ("apex.api", {"LOG_TARGET": "file:/proc/none/api.log"}, "LOG_TARGET: /proc/none: No such file or directory"),
        ("apex.api", {"DATABASE_URL": "sqlite:////proc/none/api.db"}, "DATABASE_URL: /proc/none: No such file"),
        ("apex.api", {"HOST": "192.0.2.1"}, "HOST, PORT: cannot listen on 192.0.2.1:8000: "),
        ("apex.api.worker", {}, "REDIS_URL: the worker has no queue without it"),
    ],
)
def test_what_shows_when_it_is_used(tmp_path: Path, module: str, variables: dict[str, str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=environment(**{"DATABASE_URL": f"sqlite:///{tmp_path / 'api.db'}", **variables}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(line)
    assert len(done.stderr.splitlines()) == 1


def test_every_setting_is_described() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []


def test_every_setting_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in page] == []
