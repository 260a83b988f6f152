"""Records as bytes: nothing is lost on the way, and any other bytes are refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.kafka.records import pack, raw, unpack


class Made(NamedTuple):
    offset: int
    timestamp: Any
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


small = st.binary(max_size=12)
records = st.lists(
    st.builds(
        Made,
        st.integers(0, 2**63 - 1),
        st.one_of(st.none(), st.integers(-1, 2**43)),
        st.one_of(st.none(), small),
        st.one_of(st.none(), small),
        st.lists(st.tuples(st.text(max_size=5), st.one_of(st.none(), small)), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=8,
)


@given(records)
def test_what_is_packed_is_unpacked(made: list[Made]) -> None:
    packed = unpack(pack(made))
    start = packed.start
    for index, record in enumerate(made):
        assert packed.offsets[index] == record.offset
        assert packed.timestamps[index] == (-1 if record.timestamp is None else record.timestamp)
        length = packed.lengths[index]
        value = None if length < 0 else packed.data[start : start + length]
        start += max(length, 0)
        assert value == record.value
        assert (None if packed.keys is None else raw(packed.keys[index])) == record.key
        headers = [] if packed.headers is None else packed.headers[index]
        assert [(name, raw(shown)) for name, shown in headers] == list(record.headers)
        assert unpack(packed.one(index)).one(0) == packed.one(index)


def test_one_record_can_be_read_by_people() -> None:
    data = pack([Made(7, 1700000000000, None, b"first"), Made(8, 1700000000001, b"k", b"second")])
    assert unpack(data).one(1) == b'{"offsets":[8],"timestamps":[1700000000001],"lengths":[6],"keys":["k"]}\nsecond'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"no json\n",
        b"[]\n",
        orjson.dumps({"offsets": [1], "timestamps": [1]}) + b"\n",
        orjson.dumps({"offsets": [1], "timestamps": [1], "lengths": [3]}) + b"\nab",
        orjson.dumps({"offsets": [1], "timestamps": [1], "lengths": [1]}) + b"\nab",
        orjson.dumps({"offsets": [1, 2], "timestamps": [1], "lengths": [0]}) + b"\n",
        orjson.dumps({"offsets": ["1"], "timestamps": [1], "lengths": [0]}) + b"\n",
        orjson.dumps({"offsets": [1], "timestamps": [1], "lengths": [0], "keys": []}) + b"\n",
    ],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BrokenFraming):
        unpack(data)
