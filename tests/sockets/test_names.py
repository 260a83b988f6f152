"""The names of senders."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.sockets import names
from tests.harness import FakeClock


@pytest.mark.parametrize(
    ("address", "name"), [("192.0.2.7", "web7"), ("fe80::1%eth0", "web8"), ("192.0.2.8", "192.0.2.8")]
)
def test_the_hosts_file_is_asked_and_an_address_without_a_name_stays(
    address: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_resolver", lambda: None)
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.7 web7 other\nfe80::1 web8\n")

    async def test() -> None:
        assert await names.namer(FakeClock(), hosts)(address) == name

    asyncio.run(test())


def test_a_machine_without_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: object, *arguments: object, **options: object) -> None:
        raise names.dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(names.dns.asyncresolver.Resolver, "__init__", none)
    assert names._resolver() is None
