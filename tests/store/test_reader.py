import json
import random
import threading

import orjson
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from pipeline.errors import StoreError
from pipeline.kql.query import compile_query
from pipeline.kql.tree import Is, Literal
from pipeline.kql.writer import write
from pipeline.store import files, reader
from pipeline.store.reader import IndexSize, Scope, Search, document, load, search, sizes
from pipeline.store.writer import Operation, Writer


def stamp(second: int) -> str:
    return f"2026-11-23T09:00:{second:02}.000Z"


def stored(path, **indices):
    """A store with documents, each given by the second of its time, or None for no time."""
    writer = Writer(path)
    for index, seconds in indices.items():
        documents = [{} if second is None else {"@timestamp": stamp(second)} for second in seconds]
        operations = [
            Operation("create", f"{index}{number}", orjson.dumps({**document, "m": "word"}))
            for number, document in enumerate(documents)
        ]
        writer.write(index, operations)
    writer.close()
    return path


def ids(path, query="*", limit=100, **wanted):
    return [hit.id for hit in search(path, Search(Scope(compile_query(query), **wanted), limit))]


@pytest.mark.parametrize("query", ["*", "word"])
def test_newest_first_over_all_indices(tmp_path, query):
    stored(tmp_path, a=[1, 5, 3], b=[4, None, 2], c=[6])
    assert ids(tmp_path, query) == ["c0", "a1", "b0", "a2", "b2", "a0", "b1"]
    assert ids(tmp_path, query, limit=3) == ["c0", "a1", "b0"]
    assert ids(tmp_path, query, limit=1) == ["c0"]
    assert ids(tmp_path, query, indices="[ab]") == ["a1", "b0", "a2", "b2", "a0", "b1"]
    assert ids(tmp_path, query, indices="nothing*") == []


def test_since(tmp_path):
    stored(tmp_path, a=[1, 5, 3, None])
    hits = search(tmp_path, Search(Scope(compile_query("*")), 100))
    (edge,) = [hit.timestamp for hit in hits if hit.id == "a2"]
    assert ids(tmp_path, since=edge) == ["a1", "a2"]
    assert ids(tmp_path, since=edge + 1) == ["a1"]


def test_at_one_time_the_last_written_comes_first(tmp_path):
    stored(tmp_path, a=[1, 1, 1])
    assert ids(tmp_path, limit=2) == ["a2", "a1"]


def test_files_that_cannot_have_newer_hits_are_not_searched(tmp_path, monkeypatch):
    stored(tmp_path, a=[1, 2], b=[3, 4], c=[5, 6])
    opened = []
    original = files.open_for_reading
    monkeypatch.setattr(files, "open_for_reading", lambda path: opened.append(path.name[0]) or original(path))
    assert ids(tmp_path, limit=2) == ["c1", "c0"]
    assert opened == ["a", "b", "c", "c"]


def test_sizes(tmp_path):
    stored(tmp_path, b=[1, 2], a=[1])
    found = sizes(tmp_path)
    assert [(each.index, each.documents) for each in found] == [("a", 1), ("b", 2)]
    assert found[0].bytes == files.path_of(tmp_path, "a").stat().st_size


def test_an_index_with_a_long_name_keeps_its_name(tmp_path):
    name = "x" * 255
    stored(tmp_path, **{name: [1]})
    assert [each.index for each in sizes(tmp_path)] == [name]
    assert [hit.index for hit in search(tmp_path, Search(Scope(compile_query("*")), 1))] == [name]


def test_no_store(tmp_path):
    with pytest.raises(StoreError, match="there is no embedded store in"):
        sizes(tmp_path)


def test_an_empty_store(tmp_path):
    with files.locked(tmp_path):
        pass
    assert sizes(tmp_path) == []
    assert ids(tmp_path) == []


def test_a_file_that_is_no_store(tmp_path):
    stored(tmp_path, a=[1])
    (tmp_path / "indices" / "b.sqlite").write_bytes(b"not a database, and longer than the header of one" * 20)
    with pytest.raises(StoreError, match=r"cannot read .*b\.sqlite: file is not a database"):
        sizes(tmp_path)


def test_a_file_that_is_only_just_being_made(tmp_path):
    stored(tmp_path, a=[1])
    (tmp_path / "indices" / "b.sqlite").touch()
    assert [each.index for each in sizes(tmp_path)] == ["a"]


def test_a_store_where_nobody_can_write(tmp_path, monkeypatch):
    stored(tmp_path, a=[1])
    folder = tmp_path / "indices"
    folder.chmod(0o500)
    try:
        assert ids(tmp_path) == ["a0"]
    finally:
        folder.chmod(0o700)


def test_documents_that_orjson_refuses_are_read():
    assert load(b'{"a":"\\ud800x"}') == {"a": "\ud800x"}


def test_reading_while_a_writer_writes(tmp_path):
    writer = Writer(tmp_path)
    done = threading.Event()

    def write() -> None:
        for body in range(40):
            documents = [orjson.dumps({"@timestamp": stamp(body), "m": f"body{body}"}) for _ in range(25)]
            writer.write("a", [Operation("create", f"{body}-{item}", each) for item, each in enumerate(documents)])
        done.set()

    writer.write("a", [])
    thread = threading.Thread(target=write)
    thread.start()
    counts = []
    while not done.is_set():
        counts.append(sum(each.documents for each in sizes(tmp_path)))
        bodies = [load(hit.source)["m"] for hit in search(tmp_path, Search(Scope(compile_query("body*")), 10_000))]
        assert all(bodies.count(body) == 25 for body in set(bodies))  # a body is there whole, or not at all
    thread.join()
    assert counts == sorted(counts)
    assert all(count % 25 == 0 for count in counts)
    assert [each.documents for each in sizes(tmp_path)] == [1000]
    writer.close()


def test_index_sizes_are_plain_values():
    assert orjson.dumps(IndexSize("a", 1, 2)) == b'{"index":"a","documents":1,"bytes":2}'


# ---------------------------------------------------------------------------------------------- FTS5 narrows

PIECES = [
    *(
        "a",
        "b",
        "ab",
        "Ab",
        "-",
        "_",
        " ",
        "É",
        "é",
        "ß",
        "ss",
        "İ",
        "“",
        "日本",
        "語",
        "\n",
        "\t",
        "\\",
        "n",
        '"',
        "->",
    ),
    *("true", "null", "1", "10", "1.5", "-1", "0", "e3", "e16", ".", "5e-05", "*", "\x1b", "\x00", "k", "K", "x" * 300),
]
NUMBERS = [
    0,
    -0.0,
    1,
    1.0,
    -1,
    1.5,
    10,
    100.0,
    1000,
    1e3,
    1e16,
    10**16,
    5e-05,
    0.0015,
    12345678901234567890,
    1e22,
    -10.25,
]


def corpus() -> list[bytes]:
    """Documents of every piece and number, and of many drawn together, as orjson and other writers spell them."""
    draw = random.Random(3)
    values = [*PIECES, *NUMBERS, True, False, None, [], {}]
    values += ["".join(draw.choices(PIECES, k=draw.randint(2, 4))) for _ in range(160)]
    documents = [{"a": value} for value in values]
    for _ in range(80):
        one, two, three = draw.choices(values, k=3)
        documents.append({"a": [one, {"b": two}], "a.b": three, "É": {"n_m": one}, "message": two, "x": {"ip": three}})
    return [
        json.dumps(document).encode() if number % 5 == 0 else orjson.dumps(document)
        for number, document in enumerate(documents)
    ]


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """A store with the corpus, half of which replaces something else, and the documents by their ids."""
    path = tmp_path_factory.mktemp("corpus")
    sources = {str(number): source for number, source in enumerate(corpus())}
    writer = Writer(path)
    writer.write("i", [Operation("create", name, b'{"a":"b A 1 true"}') for name in list(sources)[::2]])
    writer.write("i", [Operation("index", name, source) for name, source in sources.items()])
    writer.close()
    return path, {name: load(source) for name, source in sources.items()}


def quoted(text: str) -> str:
    return write(Is(None, Literal((text,), quoted=True)))


def escaped(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else f"\\u{ord(c):04x}" for c in text)


words = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join) | st.sampled_from(
    list(map(str, NUMBERS))
)
patterns = st.lists(st.sampled_from([*PIECES, ""]), min_size=2, max_size=3).map(
    lambda parts: "*".join(map(escaped, parts))
)
values = words.map(escaped) | words.map(quoted) | patterns
names = st.sampled_from(["a", "b", "a.b", "É.n_m", "É", "a*", "message", "*.ip"])
comparisons = st.tuples(names, st.sampled_from([">", ">=", "<", "<="]), words.map(quoted))
terms = values | st.builds("{}:{}".format, names, values | st.just("*")) | comparisons.map(" ".join)
queries = terms | st.builds("{}{}{}".format, terms, st.sampled_from([" and ", " or ", " and not "]), terms)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(queries)
@example("a5e-05")
def test_narrowing_never_loses_a_hit(documents, text):
    """What the store finds is what the predicate says of every document, one by one."""
    path, given_documents = documents
    query = compile_query(text)
    expected = {name for name, document in given_documents.items() if query.matches(document)}
    event("narrowed, with hits" if expected and query.narrowing else "other")
    assert {hit.id for hit in search(path, Search(Scope(query), 10_000))} == expected


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("text", ["a", "b or 1", "true", "a.b:*", '"日本"', "a:a*"])
def test_many_documents_are_read_along_the_time_and_few_by_their_rows(documents, monkeypatch, text, oldest_first):
    path, _ = documents
    wanted = Search(Scope(compile_query(text)), 10_000, oldest_first)
    few = search(path, wanted)
    monkeypatch.setattr(reader, "_FEW", 0)
    assert search(path, wanted) == few != []


def test_oldest_first_over_all_indices(tmp_path):
    stored(tmp_path, a=[1, 5, 3], b=[4, None, 2], c=[6])
    everything = Scope(compile_query("*"))
    order = ["a0", "b2", "a2", "b0", "a1", "c0", "b1"]
    for limit in range(1, 8):
        found = search(tmp_path, Search(everything, limit, oldest_first=True))
        assert [hit.id for hit in found] == order[:limit]


def test_one_document(tmp_path):
    stored(tmp_path, a=[1])
    assert document(tmp_path, "a", "a0").source.startswith(b"{")
    assert document(tmp_path, "a", "x") is None
    assert document(tmp_path, "b", "a0") is None
    with pytest.raises(StoreError, match="invalid index name"):
        document(tmp_path, "../a", "a0")
