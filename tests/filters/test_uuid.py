"""The uuid filter."""

import uuid

from tests.harness import documents


def test_each_event_gets_one():
    first, second = documents('filter { uuid { target => "[a][id]" } }', {}, {})
    assert first != second
    assert all(uuid.UUID(each["a"]["id"]).version == 4 for each in (first, second))


def test_what_is_there_stays():
    config = 'filter { uuid { target => "id" add_tag => "t" } }'
    assert documents(config, {"id": 5}) == [{"id": 5, "tags": ["t"]}]


def test_unless_it_is_to_be_replaced():
    (document,) = documents('filter { uuid { target => "id" overwrite => true } }', {"id": 5})
    assert uuid.UUID(document["id"])
