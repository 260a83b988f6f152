"""What is told of a server that cannot be delivered to says what to do."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from pathlib import Path
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme

from shippers.node.destinations import context
from shippers.node.tables import Table
from shippers.node.windows import Windows
from tests.servers.elasticsearch_node import free_port
from tests.shippers.node.receiving import LumberjackServer, until
from tests.shippers.node.test_windows import batch, delivering, settings


class Certificates:
    """Of a server that a known authority has certified, and of clients; in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known, self.other = trustme.CA(), trustme.CA()
        self.known.cert_pem.write_to_path(folder / "known.pem")
        self.other.cert_pem.write_to_path(folder / "other.pem")
        stranger = self.other.issue_cert("client")
        stranger.cert_chain_pems[0].write_to_path(folder / "stranger.pem")
        stranger.private_key_pem.write_to_path(folder / "stranger-key.pem")

    def server(self, name: str = "127.0.0.1", *, mutual: bool = False, expired: bool = False) -> SSLContext:
        until_when = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) if expired else None
        serving = SSLContext(PROTOCOL_TLS_SERVER)
        self.known.issue_cert(name, not_after=until_when).configure_cert(serving)
        if mutual:
            serving.verify_mode = CERT_REQUIRED
            self.known.configure_trust(serving)
        return serving

    def client(self, authority: str = "known", own: str = "") -> SSLContext:
        options = {"certificate_authorities": [str(self.folder / f"{authority}.pem")]}
        if own:
            options |= {"certificate": str(self.folder / f"{own}.pem"), "key": str(self.folder / f"{own}-key.pem")}
        faults: list[str] = []
        made = context(Table(options, "node.toml", "tls", faults))
        assert made is not None
        assert faults == []
        return made


Case = Callable[[Certificates], tuple[SSLContext | None, SSLContext | None]]
"""The contexts of the server and of the shipper."""

CASES: dict[str, tuple[Case, str]] = {
    "another authority": (
        lambda made: (made.server(), made.client("other")),
        "name the file of the authority that signed it in tls.certificate_authorities",
    ),
    "another name": (
        lambda made: (made.server("elsewhere"), made.client()),
        "name the host in hosts as its certificate",
    ),
    "expired": (lambda made: (made.server(expired=True), made.client()), "(certificate has expired): renew it there"),
    "no certificate of the client": (
        lambda made: (made.server(mutual=True), made.client()),
        "it may want a certificate of this client, or another one: see tls.certificate and tls.key",
    ),
    "a certificate of a stranger": (
        lambda made: (made.server(mutual=True), made.client(own="stranger")),
        "it may want a certificate of this client, or another one: see tls.certificate and tls.key",
    ),
    "a server without TLS": (
        lambda made: (None, made.client()),
        "perhaps it does not speak TLS: turn it on there, or take the table tls out here",
    ),
    "a shipper without TLS": (
        lambda made: (made.server(), None),
        "if it speaks TLS, add the table [output.lumberjack.tls]",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_tls_that_does_not_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    case, told = CASES[name]
    serving, tls = case(Certificates(tmp_path))

    async def test() -> None:
        async with (
            LumberjackServer(tls=serving, answer=lambda _: b"") as server,
            delivering(Windows(settings(server.port, tls=tls))) as output,
        ):
            output.put(batch(0, 10))
            await until(lambda: told in caplog.text)
            assert output.pending == 10

    asyncio.run(test())
    assert "_ssl.c" not in caplog.text


def test_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with delivering(Windows(settings(free_port()))) as output:
            output.put(batch(0, 10))
            await until(lambda: "the connection is refused: nothing listens there" in caplog.text)

    asyncio.run(test())


def test_no_such_host(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        nowhere = settings(hosts=[("no-such-host.invalid", 5044)])
        async with delivering(Windows(nowhere)) as output:
            output.put(batch(0, 10))
            await until(lambda: "the name of the host leads nowhere" in caplog.text)

    asyncio.run(test())


def test_a_server_of_something_else(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with (
            LumberjackServer(answer=lambda _: b"HTTP/1.1 400 Bad Request\r\n") as server,
            delivering(Windows(settings(server.port))) as output,
        ):
            output.put(batch(0, 10))
            await until(lambda: "is it the port of a beats input?" in caplog.text)

    asyncio.run(test())
