import pytest

from pipeline.languages.search_query import QueryError, compile_query

DOCUMENT = {
    "@timestamp": "2026-11-23T09:00:00.123Z",
    "message": "Connection RESET by peer: user-agent café -> retry",
    "level": "ERROR",
    "path": "/api/v1/search",
    "status": 503,
    "duration": 12.5,
    "bytes": "2048",
    "cached": False,
    "nothing": None,
    "none": [],
    "empty": "",
    "tags": ["web", "eu-west"],
    "source": {"ip": "81.2.69.23", "geo": {"city": "London"}},
    "dotted.name": "yes",
    "items": [{"sku": "A1", "n": 3}, {"sku": "B2", "n": 9}],
    "trace": 12345678901234567890,
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("*", True),
        ("*:*", True),
        # words, whatever their case, and only whole ones
        ("connection", True),
        ("connect", False),
        ("reset connection", True),
        ("reset missing", False),
        ("CAFÉ", True),
        ("london", True),
        # one after the other
        ("user-agent", True),
        ("agent-user", False),
        ('"reset by peer"', True),
        ('"reset peer"', False),
        ("81.2.69.23", True),
        ("81.2.69.2", False),
        # text without words is looked for as it is
        ("->", True),
        ("=>", False),
        # wildcards
        ("conn*", True),
        ("*nection", True),
        ("c*n", True),
        ("conn*x", False),
        ("path:/api/*", True),
        ("path:/v1/*", False),
        ("path:*/search", True),
        ("path:*v1*", True),
        ("status:5*", True),
        ("duration:12*", True),
        (r"message:conn\*", False),
        # fields
        ("level:error", True),
        ("Level:error", False),
        ("message:peer", True),
        ('message:"by peer"', True),
        ("source.ip:81.2.69.23", True),
        ("source.geo.city:london", True),
        ("[source][geo][city]:london", True),
        ("dotted.name:yes", True),
        ("tags:web", True),
        ("tags:eu-west", True),
        ("items.sku:b2", True),
        ("source:london", False),
        ('empty:""', True),
        ('level:""', False),
        ("level:=error", True),
        ("message:=peer", False),
        ('path:="/API/v1/search"', True),
        # numbers and booleans
        ("503", True),
        ("50", False),
        ("status:503", True),
        ("status:503.0", True),
        ("status:5.03e2", True),
        ("status:-503", False),
        ("status:=503", True),
        ("bytes:2048", True),
        ("cached:false", True),
        ("cached:true", False),
        ("cached:0", False),
        ("trace:12345678901234567890", True),
        ("trace:12345678901234567891", False),
        # ranges
        ("status:>=500", True),
        ("status:>503", False),
        ("status:<=503", True),
        ("status:<503", False),
        ("bytes:>1000", True),
        ("level:>1", False),
        ("cached:<1", False),
        ("@timestamp:>=2026-11-23", True),
        ("@timestamp:>=2026", True),
        ("@timestamp:<2026-11-23T09:00:00.123Z", False),
        ('@timestamp:>"2026-11-23T08:59:59"', True),
        ("items.n:>8 items.n:<4", True),
        # there or not
        ("level:*", True),
        ("nothing:*", False),
        ("none:*", False),
        ("empty:*", True),
        ("source:*", True),
        ("missing:*", False),
        # operators
        ("level:error AND status:503", True),
        ("level:error AND status:404", False),
        ("level:info OR status:503", True),
        ("level:info OR status:404", False),
        ("NOT level:info", True),
        ("NOT level:error", False),
        ("-level:error", False),
        ("peer -missing", True),
        ("NOT NOT peer", True),
        ("missing OR peer reset", True),
        ("(missing OR peer) level:error", True),
        ("-(missing OR peer)", False),
        ("status:(404 OR 503)", True),
        ("status:(404 OR 500)", False),
        ("message:(reset -connection)", False),
        ("and or not", False),
        (r"connection\ reset", True),
        ('"AND"', False),
    ],
)
def test_the_predicate(query, expected):
    assert compile_query(query).matches(DOCUMENT) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", None),
        ("Peer", '"peer"'),
        ("a b", '("a" AND "b")'),
        ("a OR b", '("a" OR "b")'),
        ("a OR *b", None),
        ("a NOT b", '"a"'),
        ("user-agent", '("user" AND "agent")'),
        ("time*", '"time"*'),
        ("path:/api/v1/*", '("api" AND "v1")'),
        ("*search", None),
        ("status:500", '"500"'),
        ("status:500.0", '"500"'),
        ("status:5e2", None),
        ("status:>=500", None),
        ("geo.city:*", '("geo" AND "city")'),
        ("->", None),
        ("level:(a OR b) c", '(("a" OR "b") AND "c")'),
    ],
)
def test_the_narrowing_expression(query, expected):
    assert compile_query(query).narrowing == expected


@pytest.mark.parametrize(
    ("query", "problem", "position"),
    [
        ('say "hello', 'this quote is not closed; write \\" for a quote that is meant', 4),
        ("(a OR b", 'this "(" is not closed', 0),
        ("a ) b", '")" without "("', 2),
        ("a OR", "a word, a phrase or field:value is missing here", 4),
        ("AND a", "a word, a phrase or field:value is missing here", 0),
        ("()", "a word, a phrase or field:value is missing here", 1),
        ("NOT", "a word, a phrase or field:value is missing here", 3),
        ("level:", "a value is missing after level:", 6),
        ("level:)", "a value is missing after level:", 6),
        ("status:>=", "a value is missing after >=", 9),
        ("a:(b c:d)", "this is already about the field a", 5),
        ("geo*:x", "the name of a field holds no *", 3),
        ("*:x", "to look into every field, leave the field away", 0),
        ("a\\", "nothing follows this \\; write \\\\ for a \\ that is meant", 1),
        ("(" * 60, "parentheses may nest 50 deep", 50),
    ],
)
def test_errors_point(query, problem, position):
    with pytest.raises(QueryError) as caught:
        compile_query(query)
    assert str(caught.value) == f"{problem}\n    {query}\n    {' ' * position}^"


def test_a_caret_stays_under_its_place_in_a_query_with_tabs():
    with pytest.raises(QueryError) as caught:
        compile_query("a\t)")
    assert str(caught.value).splitlines()[1:] == ["    a )", "      ^"]
