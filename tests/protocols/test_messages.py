from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs import json, plain
from pipeline.event import SIBLING
from pipeline.protocols import messages

HEADS = st.dictionaries(st.text(max_size=5), st.integers(-5, 5) | st.text(max_size=5), max_size=3)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=20)), max_size=5))
def test_what_is_packed_is_unpacked_and_picked(given_messages):
    data = messages.packed(given_messages)
    assert [(found.head, found.payload) for found in messages.unpacked(data)] == given_messages
    for number, message in enumerate(given_messages):
        [alone] = messages.unpacked(messages.pick(data, number))
        assert (alone.head, alone.payload) == message
    assert messages.pick(data, len(given_messages)) == data


def test_ids_siblings_and_what_is_rejected():
    class Fussy:
        def decode(self, payload):
            if payload == b"no":
                raise ValueError("no")
            return [{"message": part.decode()} for part in payload.split(b",")]

    decode = messages.decoder(Fussy(), lambda event, head, payload: event.fields.update(head=dict(head)))
    rejected = []
    data = messages.packed([({}, b"a,b"), ({}, b"no"), ({"id": "own"}, b"c")])
    events = list(decode(data, {"id": "x"}, lambda raw, error: rejected.append((raw, str(error)))))
    assert [(event.metadata["event_id"], event.ordinal) for event in events] == [("x", 0), ("x_1", SIBLING), ("own", 2)]
    assert events[2].fields["head"] == {"id": "own"}
    assert rejected == [(messages.packed([({}, b"no")]), "no")]


def test_any_codec():
    for module, payload in ((plain, b"x"), (json, b'{"message":"x"}')):
        decode = messages.decoder(module.build(module.Options()), lambda *_: None)
        [event] = decode(messages.packed([({}, payload)]), {"id": "x"}, None)
        assert event.fields["message"] == "x"
