"""The beats input as a plugin: its options, and clients that others wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError
from pylogbeat import PyLogBeatClient
from timbersnake.client import Client as Timbersnake

from pipeline.batch import UNCOUNTED
from pipeline.codecs import multiline as multiline_codec
from pipeline.inputs.beats import Options, build
from pipeline.protocols.lumberjack import compressed, json_frames
from shippers.lumberjack import Sender
from tests.beats.workbench import PATIENCE, TWO, Certificates, made, running
from tests.harness import context


def test_pylogbeat_delivers() -> None:
    async def test() -> None:
        async with running(made()) as worker:
            host, port = worker.input.server.listener.addresses[0]

            def send() -> None:
                with PyLogBeatClient(host, port, timeout=PATIENCE) as client:
                    client.send([{"message": "one"}, {"message": "two"}])
                    client.send([{"message": "three"}])

            sending = asyncio.create_task(asyncio.to_thread(send))
            messages = [event.fields["message"] for number in range(2) for event in await worker.end(number)]
            await sending
            assert messages == ["one", "two", "three"]

    asyncio.run(test())


@pytest.mark.parametrize("level", [-1, 0])
def test_timbersnake_delivers_though_it_puts_the_window_into_the_compressed_frame(level: int) -> None:
    async def test() -> None:
        async with running(made()) as worker:
            host, port = worker.input.server.listener.addresses[0]
            client = Timbersnake(host, port, compression_level=level)
            sending = asyncio.create_task(client.send([{"message": str(number)} for number in range(3)]))
            assert [event.fields["message"] for event in await worker.end(0)] == ["0", "1", "2"]
            await sending

    asyncio.run(test())


def test_our_sender_delivers() -> None:
    async def test() -> None:
        async with running(made()) as worker:
            host, port = worker.input.server.listener.addresses[0]
            async with Sender(host, port, window_size=2) as sender:
                sending = asyncio.create_task(sender.send([{"message": "one"}, TWO, {"message": "three"}]))
                messages = [event.fields["message"] for number in range(2) for event in await worker.end(number)]
                assert await sending == 3
            assert messages == ["one", "two", "three"]

    asyncio.run(test())


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no certificate": ({"ssl_enabled": True}, "ssl_enabled needs ssl_certificate and ssl_key"),
    "no authorities": (
        {
            "ssl_enabled": True,
            "ssl_certificate": __file__,
            "ssl_key": __file__,
            "ssl_client_authentication": "required",
        },
        "needs ssl_certificate_authorities",
    ),
    "authorities for nothing": (
        {
            "ssl_enabled": True,
            "ssl_certificate": __file__,
            "ssl_key": __file__,
            "ssl_certificate_authorities": __file__,
            "ssl_client_authentication": "none",
        },
        'needs ssl_client_authentication => "optional" or "required"',
    ),
    "all and more": ({"enrich": ["all", "source_metadata"]}, "stand alone"),
    "two ways to say it": ({"enrich": "all", "include_codec_tag": True}, "give enrich alone"),
}


@pytest.mark.parametrize(("options", "why"), WRONG.values(), ids=WRONG)
def test_options_that_do_not_fit(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Options(port=0, **options)


def test_tls_options_without_tls_are_warned_of() -> None:
    heard: list[str] = []
    build(Options(port=0, ssl_key=__file__, tls_min_version=1.2), context(warnings=heard))
    assert heard == ["beats: ssl_key, tls_min_version change nothing without ssl_enabled => true"]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(trustme.CA(key_type=trustme.KeyType.ECDSA), tmp_path)


@pytest.mark.parametrize(
    ("options", "lowest", "highest"),
    [
        ({}, "TLSv1_2", "TLSv1_3"),
        ({"tls_max_version": 1.2}, "TLSv1_2", "TLSv1_2"),
        ({"tls_min_version": 1.3}, "TLSv1_3", "TLSv1_3"),
        ({"ssl_supported_protocols": "TLSv1.2"}, "TLSv1_2", "TLSv1_2"),
    ],
)
def test_versions_of_tls(certificates: Certificates, options: dict[str, Any], lowest: str, highest: str) -> None:
    context = made(**certificates.options(), **options).server.listener.place.tls
    assert context is not None
    assert (context.minimum_version.name, context.maximum_version.name) == (lowest, highest)


def test_no_version_of_tls(certificates: Certificates) -> None:
    with pytest.raises(ValueError, match="no TLS version from tls_min_version 1"):
        made(**certificates.options(), tls_min_version=1.3, tls_max_version=1.2)
    with pytest.raises(ValueError, match="give ssl_supported_protocols alone"):
        made(**certificates.options(), tls_max_version=1.2, ssl_supported_protocols=["TLSv1.2"])


def test_the_multiline_codec_is_refused() -> None:
    codec = multiline_codec.build(multiline_codec.Options(pattern="^ ", what="previous"))
    with pytest.raises(ValueError, match="join lines in Filebeat"):
        made(codec=codec)


def test_a_batch_that_ends_undecoded_is_counted(tmp_path: Path) -> None:
    """As with a persistent queue; whatever is missing in the window."""
    beats = build(Options(port=0), context(tmp_path))
    piece = compressed(json_frames([b"{}", b"{}"]))
    assert [beats.server.holds(piece, UNCOUNTED, missing) for missing in (2, 3, -1)] == [2, 2, 2]
