from __future__ import annotations

from ipaddress import ip_network

import pytest
from apex.api.client_address import client_address

TRUSTED = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("81.2.69.160", ["1.1.1.1"], "81.2.69.160"),  # nobody whom we trust says so
        ("127.0.0.1", ["81.2.69.160"], "81.2.69.160"),
        ("127.0.0.1", ["1.1.1.1, 81.2.69.160"], "81.2.69.160"),  # what an untrusted one says of others is nothing
        ("127.0.0.1", ["1.1.1.1, 81.2.69.160, 10.1.2.3"], "81.2.69.160"),
        ("127.0.0.1", ["1.1.1.1", "81.2.69.160", "10.1.2.3"], "81.2.69.160"),  # several headers are one
        ("127.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),  # all of them are ours: the one farthest away
        ("127.0.0.1", ["1.1.1.1, unknown, 10.2.2.2"], "10.2.2.2"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["81.2.69.160:4711"], "81.2.69.160"),
        ("fd00::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.1.2.3", ["81.2.69.160"], "81.2.69.160"),
        ("81.2.69.160", ["127.0.0.1"], "81.2.69.160"),
        (None, ["81.2.69.160"], None),
        ("", ["81.2.69.160"], None),
    ],
)
def test_who_asked(peer: str | None, forwarded: list[str], expected: str | None) -> None:
    assert client_address(peer, forwarded, TRUSTED) == expected


def test_without_trusted_proxies_the_peer_asked() -> None:
    assert client_address("127.0.0.1", ["81.2.69.160"], []) == "127.0.0.1"
