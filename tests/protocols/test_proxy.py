from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.protocols.proxy import LONGEST, Proxied, take_header

READ = {
    "IPv4": (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nrest", Proxied("192.0.2.1", 56324, "198.51.100.1", 443)),
    "IPv6": (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Proxied("2001:db8::1", 1, "::1", 2)),
    "unknown": (b"PROXY UNKNOWN\r\n", None),
    "unknown with addresses": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nrest", None),
}


@pytest.mark.parametrize(("data", "expected"), READ.values(), ids=READ)
def test_a_line_is_read_however_it_arrives(data: bytes, expected: Proxied | None) -> None:
    whole = data.index(b"\r\n") + 2
    assert take_header(data) == (expected, whole)
    for end in range(whole):
        assert take_header(data[:end]) is None


REFUSED = {
    "no such line": b"<13>hello\n",
    "another version": b"\r\n\r\n\0\r\nQUIT\n",
    "no end": b"PROXY TCP4 " + b"1" * LONGEST,
    "ports that are none": b"PROXY TCP4 192.0.2.1 198.51.100.1 x 443\r\n",
    "too few words": b"PROXY TCP4 192.0.2.1\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenFraming, match="proxy_protocol"):
        take_header(data)


@settings(deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_read_refused_or_waited_for(data: bytes) -> None:
    try:
        found = take_header(data)
    except BrokenFraming:
        return
    assert len(data) < LONGEST or found is not None
