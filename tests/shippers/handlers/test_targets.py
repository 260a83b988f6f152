from __future__ import annotations

import ssl

import pytest

from shippers.addresses import addresses, joined
from shippers.handlers.targets import handler_for
from tests.beats.workbench import Certificates


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        ("logs", [("logs", 5044)]),
        ("logs:1", [("logs", 1)]),
        ("a.example.org:65535, 10.0.0.1", [("a.example.org", 65535), ("10.0.0.1", 5044)]),
        (["a", "b:2"], [("a", 5044), ("b", 2)]),
        ("[::1]:5045", [("::1", 5045)]),
        ("[fe80::1%eth0]", [("fe80::1%eth0", 5044)]),
    ],
)
def test_addresses(hosts: str | list[str], found: list[tuple[str, int]]) -> None:
    assert addresses(hosts, 5044) == found
    assert addresses([joined(address) for address in found], 1) == found


@pytest.mark.parametrize("hosts", ["", "a,", "a:", "a:0", "a:65536", "a:b", "::1", "a b", "user@a:1", "a/b", "[::1"])
def test_what_is_no_address(hosts: str) -> None:
    with pytest.raises(ValueError, match=r"is no address: give host:port, such as logs\.example\.org:5044"):
        addresses(hosts, 5044)


@pytest.mark.parametrize(
    ("target", "places", "tls"),
    [
        ("beats://logs:5044", [("logs", 5044)], False),
        ("beats://logs", [("logs", 5044)], False),
        ("beats://a:1,[::1]:2/", [("a", 1), ("::1", 2)], False),
        ("beats+tls://logs:5044", [("logs", 5044)], True),
    ],
)
def test_a_target_is_a_handler(target: str, places: list[tuple[str, int]], tls: bool) -> None:
    handler = handler_for(target, fields={"service": "x"}, capacity=7)
    transport = handler._courier._transport
    assert transport._addresses == places
    context = transport._tls
    assert (context is not None) == tls
    assert context is None or context.verify_mode is ssl.CERT_REQUIRED
    handler.close()


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("", "there is no target without a scheme"),
        ("stdout", "there is no target without a scheme"),
        ("logs:5044", "there is no logs"),
        ("http://logs", "there is no http"),
        ("beats://", "'' is no address"),
        ("beats://logs:port", "'logs:port' is no address"),
        ("beats://logs:5044/path", "/path is too much"),
        ("beats://logs:5044?ca=x", r"beats:// is without TLS; beats\+tls:// has it"),
        ("beats+tls://logs?ca=/no/such/file", "/no/such/file: No such file"),
        ("beats+tls://logs?cert=x", "an unknown parameter 'cert'; there are ca, certificate, key"),
        ("beats+tls://logs?key=x", "a key needs its certificate"),
    ],
)
def test_what_is_no_target_is_said(target: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"is no log target: .*{complaint}.*; a target is one of beats://HOST:PORT"):
        handler_for(target)


def test_a_target_names_its_certificates(certificates: Certificates) -> None:
    pem = certificates.options()["ssl_key"]
    authority = certificates.folder / "ca.pem"
    handler = handler_for(f"beats+tls://logs?ca={authority}&certificate={pem}&key={pem}")
    context = handler._courier._transport._tls
    assert [one["subject"] for one in context.get_ca_certs()][-1]
    handler.close()
    own = ssl.create_default_context()
    assert handler_for("beats+tls://logs", tls=own)._courier._transport._tls is own
    with pytest.raises(ValueError, match="is without TLS"):
        handler_for("beats://logs", tls=own)
