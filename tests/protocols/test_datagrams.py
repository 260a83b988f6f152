from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.protocols.datagrams import Picker, packed, unpacked

SENT = st.tuples(st.sampled_from(["127.0.0.1", "::1", "fe80::1%eth0"]), st.integers(0, 65535), st.binary(max_size=20))


@settings(deadline=None)
@given(st.lists(SENT, max_size=5))
def test_what_is_packed_is_unpacked(sent: list[tuple[str, int, bytes]]) -> None:
    data = b"".join(packed(*one) for one in sent)
    found = list(unpacked(data))
    assert [(one.address, one.port, one.payload) for one in found] == sent
    pick = Picker()
    assert [pick(data, ordinal) for ordinal in range(len(sent))] == [packed(*one) for one in sent]


BROKEN = {
    "no line": b"127.0.0.1 1 5",
    "too few words": b"127.0.0.1 5\nhello",
    "no number": b"127.0.0.1 1 x\nhello",
    "cut": b"127.0.0.1 1 6\nhello",
    "cut after a whole one": packed("::1", 1, b"a") + b"127.0.0.1 1 6\nhello",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_gives_nothing(data: bytes) -> None:
    with pytest.raises(BrokenFraming):
        unpacked(data)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_unpacked_or_refused(data: bytes) -> None:
    try:
        found = list(unpacked(data))
    except BrokenFraming:
        return
    assert b"".join(data[one.start : one.end] for one in found) == data
