import sqlite3
import threading
from contextlib import closing

import orjson

from pipeline.kql.query import compile_query
from pipeline.store import files
from pipeline.store.reader import Scope, Search, search
from pipeline.store.upkeep import Checked, check, vacuum
from pipeline.store.writer import Operation, Writer


def filled(path, count=3000):
    writer = Writer(path)
    documents = [orjson.dumps({"message": f"word{number} " * 30}) for number in range(count)]
    writer.write("a", [Operation("create", str(number), each) for number, each in enumerate(documents)])
    return writer


def test_a_vacuum_gives_back_room_and_finds_the_same(tmp_path):
    writer = filled(tmp_path)
    writer.write("a", [Operation("delete", str(number), b"") for number in range(2900)])
    writer.close()
    (found,) = vacuum(tmp_path)
    assert found.index == "a"
    assert found.after < found.before / 5
    assert [hit.id for hit in search(tmp_path, Search(Scope(compile_query("word2950")), 10))] == ["2950"]
    assert check(tmp_path) == [Checked("a", [])]


def test_damage_is_found(tmp_path):
    filled(tmp_path).close()
    path = files.path_of(tmp_path, "a")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'documents_by_time'")
    assert check(tmp_path)[0].problems != []


def test_words_that_are_damaged_are_found(tmp_path):
    filled(tmp_path).close()
    with closing(sqlite3.connect(files.path_of(tmp_path, "a"), isolation_level=None)) as connection:
        connection.execute("UPDATE words_data SET block = x'00' WHERE id > 100")
    assert check(tmp_path)[0].problems != []


def test_beside_a_writer(tmp_path):
    writer = filled(tmp_path, 10)
    stop = threading.Event()
    written = []

    def write() -> None:
        while not stop.is_set():
            writer.write("a", [Operation("create", f"w{len(written)}", b'{"m":"late"}')])
            written.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(3):
        assert check(tmp_path) == [Checked("a", [])]
    stop.set()
    thread.join()
    writer.close()
    assert len(search(tmp_path, Search(Scope(compile_query("late")), 100_000))) == len(written)
