"""What front and workers say to each other, as bytes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.front.wire import Kind, Message, packed, receive

heads = st.dictionaries(st.text(), st.integers(0, 2**53) | st.text() | st.none())


def received(data: bytes) -> list[Message | None]:
    """All messages in the bytes, and what comes after them."""

    async def run() -> list[Message | None]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found: list[Message | None] = []
        while not found or found[-1] is not None:
            found.append(await receive(reader))
        return found

    return asyncio.run(run())


@given(st.lists(st.tuples(st.sampled_from(Kind), heads, st.binary()), max_size=4))
def test_what_is_sent_arrives(messages: list[tuple[Kind, dict[str, Any], bytes]]) -> None:
    data = b"".join(packed(*message) for message in messages)
    assert received(data) == [*(Message(*message) for message in messages), None]


def test_a_file_whose_name_is_no_utf_8() -> None:
    head = {"origin": {"path": "/logs/caf\udce9.log"}}
    assert received(packed(Kind.BATCH, head, b"x")) == [Message(Kind.BATCH, head, b"x"), None]


@pytest.mark.parametrize("cut", [1, 5, 12, 20])
def test_a_message_that_is_cut_is_none(cut: int) -> None:
    whole = packed(Kind.BATCH, {"seq": 1}, b"data")
    assert received(whole + whole[:-cut]) == [Message(Kind.BATCH, {"seq": 1}, b"data"), None]
