import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kql.parser import DEEPEST, parse
from pipeline.kql.tree import And, Compare, Everything, Is, Literal, Not, Or, QueryError
from pipeline.kql.writer import field_is, write


def lit(*pieces, quoted=False):
    return Literal(pieces, quoted)


def free(*pieces):
    return Is(None, lit(*pieces))


def term(field, *pieces):
    return Is(lit(field), lit(*pieces))


A, B, C = free("a"), free("b"), free("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Everything()),
        ("  ", Everything()),
        ("*", Everything()),
        ("*:*", Everything()),
        ("* : *", Everything()),
        ("error", free("error")),
        ("connection reset", free("connection reset")),
        ("  a  ", A),
        ('"connection reset"', Is(None, lit("connection reset", quoted=True))),
        ('""', Is(None, lit("", quoted=True))),
        (r'"a \"b\" \\ \n \u0041 \x *"', Is(None, lit('a "b" \\ \n A \\x *', quoted=True))),
        ("level:error", term("level", "error")),
        ("level : error", term("level", "error")),
        ("my field: two words", term("my field", "two words")),
        ('"my field": x', Is(lit("my field", quoted=True), lit("x"))),
        ('level:"error"', Is(lit("level"), lit("error", quoted=True))),
        ("level:*", term("level", "", "")),
        ("host.*:web*1", Is(lit("host.", ""), lit("web", "1"))),
        ("a:**", term("a", "", "")),
        ("a:x**y", term("a", "x", "y")),
        ("status >= 500", Compare(lit("status"), ">=", lit("500"))),
        ("status>500", Compare(lit("status"), ">", lit("500"))),
        ("@timestamp < now-1d/d", Compare(lit("@timestamp"), "<", lit("now-1d/d"))),
        ('@timestamp<="2026-11-23T10:00"', Compare(lit("@timestamp"), "<=", lit("2026-11-23T10:00", quoted=True))),
        ("a and b or c", Or((And((A, B)), C))),
        ("a or b and c", Or((A, And((B, C))))),
        ("a AND b Or c", Or((And((A, B)), C))),
        ("a and (b or c)", And((A, Or((B, C))))),
        ("not a", Not(A)),
        ("NOT not a", A),
        ("not a and b", And((Not(A), B))),
        ("not (a and b)", Not(And((A, B)))),
        ("((a))", A),
        ("(a)or(b)", Or((A, B))),
        ("a or(b)", Or((A, B))),
        ("x:(a or b)", Or((term("x", "a"), term("x", "b")))),
        ("x:(a and not b)", And((term("x", "a"), Not(term("x", "b"))))),
        ("x:(not a)", Not(term("x", "a"))),
        ("x:(a or (b and c))", Or((term("x", "a"), And((term("x", "b"), term("x", "c")))))),
        ('x:("a b" or c*)', Or((Is(lit("x"), lit("a b", quoted=True)), term("x", "c", "")))),
        ("x:(a b)", term("x", "a b")),
        ("band", free("band")),
        ("orange and notes", And((free("orange"), free("notes")))),
        ("cannot connect", free("cannot connect")),
        (r"a \and b", free("a and b")),
        (r"\or", free("or")),
        (r"\(a\)\:\<\>\"\*\{\}\\", free('(a):<>"*{}\\')),
        (r"a\tb\u00e9", free("a\tbé")),
        (r"a\t ", free("a\t")),
        ("a\nand\nb", And((A, B))),
        ("user-agent /api/v1?x=1&y", free("user-agent /api/v1?x=1&y")),
        ("a:null", term("a", "null")),
    ],
)
def test_what_is_read(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("a or", 4, "a value, a phrase or field:value is missing here"),
        ("a and and b", 6, "missing here; quote a word like this one"),
        ("or", 0, "missing here; quote a word like this one"),
        ("not", 3, "missing here"),
        ("()", 1, "missing here"),
        ("(a", 0, 'this "(" is not closed'),
        ("a)", 1, '")" without "("'),
        ('a: "b', 3, "this quote is not closed"),
        ("a:", 2, "a value is missing after a:"),
        ("a: and b", 3, "a value is missing after a:"),
        ("a:(b or )", 8, "a value is missing after a:"),
        ("a >=", 4, "a value is missing after >="),
        ("status:>=500", 7, "write status >= and the value, without the colon"),
        ("a > 5*", 4, "there is no order to a value with a *"),
        (":x", 0, "missing here"),
        ("> 5", 0, "missing here"),
        ("level:error status:500", 18, ": cannot stand here: write `and` or `or` between two terms"),
        ("(level:error status:500)", 19, ": cannot stand here"),
        ("time:10:30", 7, r"write \: for a : that is meant"),
        ('"a" "b"', 4, "write `and` or `or` between two terms"),
        ('"a" b', 4, "write `and` or `or` between two terms"),
        ("a not b", 2, "write `and` or `or` between two terms"),
        ("a:{b:c}", 2, "queries of nested fields are not supported"),
        ("a {b}", 2, "{ cannot stand here"),
        ("a\\x", 1, r"write \\ for a \ that is meant"),
        ("a\\", 1, r"write \\ for a \ that is meant"),
        ("(" * 51 + "a" + ")" * 51, DEEPEST, "parentheses may nest 50 deep"),
    ],
)
def test_errors_point_at_the_place(text, position, problem):
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert problem in str(caught.value)
    assert caught.value.position == position
    assert str(caught.value).splitlines()[-2:] == [f"    {text}", f"    {' ' * position}^"]


pieces = st.text(st.sampled_from('abZé日 \t\n\u2028\\():<>"*{}-.@_019'), max_size=8)
words = pieces | st.sampled_from(["and", "a or b", "not", "NOT x", "x and"])


@st.composite
def unquoted(draw):
    found = [draw(words) for _ in range(draw(st.integers(1, 3)))]
    found = [found[0].lstrip(), *found[1:]]
    found[-1] = found[-1].rstrip()
    inner = [piece for piece in found[1:-1] if piece]
    found = [found[0], *inner, found[-1]] if len(found) > 1 else found
    return Literal(tuple(found)) if found != [""] else Literal(("x",))


literals = unquoted() | words.map(lambda text: Literal((text,), True))
plain = literals.filter(lambda literal: not literal.wild)
fields = literals.filter(lambda literal: not literal.anything)
leaves = (
    st.builds(Is, st.none(), literals.filter(lambda literal: not literal.anything))
    | st.builds(Is, fields, literals)
    | st.builds(Compare, fields, st.sampled_from(["<", "<=", ">", ">="]), plain)
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)


@given(trees)
def test_round_trip(tree):
    assert parse(write(tree)) == tree


@given(st.text(st.sampled_from('ab *:()"\\<>={}\n') | st.characters(), max_size=30) | st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    tree, refused = None, None
    try:
        tree = parse(text)
    except QueryError as error:
        refused = error
    if refused is None:
        assert parse(write(tree)) == tree
    else:
        assert 0 <= refused.position <= len(text)


def test_a_filter_from_values():
    assert field_is("level", 'say "no"') == r'level: "say \"no\""'
    assert parse(field_is("a:b", "x*")) == Is(lit("a:b"), lit("x*", quoted=True))
