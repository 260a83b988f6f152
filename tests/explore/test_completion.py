"""What the query bar offers."""

import pytest

from pipeline.explore import completion
from pipeline.kql.parser import parse

PLACES = [
    ("lev", ("field", 0, "lev", "")),
    ("level:error and rou", ("field", 16, "rou", "")),
    ("level:er", ("value", 6, "er", "level")),
    ("level: ", ("value", 7, "", "level")),
    ('route:"/pro', ("value", 6, "/pro", "route")),
    ("(level:error or level:w", ("value", 22, "w", "level")),
    ("level:error ", ("keyword", 12, "", "")),
    ('a:"b" ', ("keyword", 6, "", "")),
    ('"a free te', None),
]


@pytest.mark.parametrize(("query", "expected"), PLACES, ids=[query for query, _ in PLACES])
def test_what_is_being_typed(query, expected):
    assert completion.place(query) == expected


def test_what_is_offered_can_be_read():
    at = completion.place("x:1 and lo")
    offers = completion.fields("x:1 and lo", at, [("colo", "keyword"), ("log.level", "keyword"), ("a", "text")])
    assert [offer.query for offer in offers] == ["x:1 and log.level: ", "x:1 and colo: "]
    for typed in ('f:"a', "f:a", "f: "):
        at = completion.place(typed)
        [offer] = completion.values(typed, at, [('a "b" <c>', 3)])
        assert parse(offer.query) == parse('f:"a \\"b\\" <c>"')
    [name] = completion.fields("we", completion.place("we"), [("we:ird and", "keyword")])
    parse(name.query + "1")
