"""The beats input with TLS."""

from __future__ import annotations

import contextlib
import re

import orjson
import pytest

from pipeline.protocols import lumberjack as wire
from tests.beats.workbench import WINDOW, Certificates, Run, connected, made, running


def test_mutual_tls_and_what_is_told_of_the_client(run: Run, certificates: Certificates) -> None:
    async def test() -> None:
        options = certificates.options() | {
            "ssl_certificate_authorities": str(certificates.folder / "ca.pem"),
            "ssl_client_authentication": "required",
            "enrich": "all",
        }
        sent = orjson.dumps({"message": "one", "@metadata": {"beat": "x"}})
        for ecs in ("disabled", "v8"):
            async with (
                running(made(**options, ecs_compatibility=ecs)) as worker,
                connected(worker, certificates.client(certificate=True)) as client,
            ):
                client.send(wire.window(1) + wire.json_frames([sent]))
                (event,) = await worker.end(0)
                assert await client.answer() == 1
                version = client.writer.get_extra_info("ssl_object").version()
                if ecs == "disabled":
                    peer = event.metadata["tls_peer"]
                    assert (peer["status"], peer["protocol"]) == ("verified", version)
                    assert re.fullmatch(r"CN=shipper,OU=.*,O=Apex\\, Inc", peer["subject"])
                    assert peer["cipher_suite"].startswith("TLS_")
                    assert event.metadata["ip_address"] == "127.0.0.1"
                else:
                    told = event.metadata["input"]["beats"]
                    assert told["tls"]["client"]["subject"].startswith("CN=shipper,")
                    assert told["tls"]["version_protocol"] == version
                    assert told["host"] == {"ip": "127.0.0.1"}
                    assert event.metadata["tls_peer"] == {"status": "verified"}

    run(test())


def test_an_optional_certificate_that_is_not_there(run: Run, certificates: Certificates) -> None:
    async def test() -> None:
        options = certificates.options() | {
            "ssl_certificate_authorities": str(certificates.folder / "ca.pem"),
            "ssl_client_authentication": "optional",
            "ssl_peer_metadata": True,
        }
        async with running(made(**options)) as worker, connected(worker, certificates.client()) as client:
            client.send(WINDOW)
            event, _ = await worker.end(0)
            assert await client.answer() == 2
            assert event.metadata["tls_peer"] == {"status": "unverified"}

    run(test())


def test_clients_that_do_not_shake_hands_are_told_of_and_do_no_harm(
    run: Run, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        options = certificates.options() | {
            "ssl_certificate_authorities": str(certificates.folder / "ca.pem"),
            "ssl_handshake_timeout": 200,
        }
        async with running(made(**options)) as worker:
            async with connected(worker) as plain, connected(worker) as slow:
                plain.send(WINDOW + b"some more, as OpenSSL wants to see a record")
                await plain.end()
                await slow.end()
            with contextlib.suppress(OSError):
                async with connected(worker, certificates.client()) as without:
                    await without.end()
            async with connected(worker, certificates.client(certificate=True)) as good:
                good.send(WINDOW)
                await worker.end(0)
                assert await good.answer() == 2

    run(test())
    assert "plain bytes on a port with TLS" in caplog.text
    assert "no client certificate, and one is required" in caplog.text
    assert "the TLS handshake failed: SSL handshake is taking longer" in caplog.text
