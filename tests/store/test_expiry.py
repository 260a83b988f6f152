import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.store import files
from pipeline.store.expiry import expire
from pipeline.store.reader import sizes
from pipeline.store.writer import Operation, Writer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DOCUMENT = [Operation("create", "1", b"{}")]


def stored(path, *indices):
    writer = Writer(path)
    for index in indices:
        writer.write(index, DOCUMENT)
    writer.close()


def left(path):
    return [each.index for each in sizes(path)]


def test_by_name_whole_days_go_when_they_have_ended(tmp_path):
    stored(
        tmp_path,
        "a-2026.11.22",
        "a-2026.11.23",
        "a-2026.11.24",
        "a-2026-11-01-x",
        "plain",
        "a-2026.99.99",
        "a-12026.11.222",
    )
    assert expire(tmp_path, NOON, by="name") == ["a-2026-11-01-x", "a-2026.11.22", "a-2026.11.23"]
    assert left(tmp_path) == ["a-12026.11.222", "a-2026.11.24", "a-2026.99.99", "plain"]


def test_a_day_ends_at_midnight(tmp_path):
    stored(tmp_path, "a-2026.11.23")
    assert expire(tmp_path, datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC), by="name") == []
    assert expire(tmp_path, datetime(2026, 11, 24, tzinfo=UTC), by="name") == ["a-2026.11.23"]


def test_by_age(tmp_path):
    stored(tmp_path, "old", "new")
    with closing(sqlite3.connect(files.path_of(tmp_path, "old"), isolation_level=None)) as connection:
        connection.execute("UPDATE facts SET value = ? WHERE name = 'created'", (NOON.timestamp(),))
    assert expire(tmp_path, NOON + timedelta(seconds=1), by="created") == ["old"]
    assert left(tmp_path) == ["new"]


def test_nothing_of_a_dropped_index_is_left(tmp_path):
    stored(tmp_path, "a-2026.11.22")
    expire(tmp_path, NOON, by="name")
    assert [path.name for path in files.folder(tmp_path).iterdir()] == [".lock"]


def test_a_writer_that_has_the_file_open_makes_a_new_one(tmp_path):
    writer = Writer(tmp_path)
    writer.write("a-2026.11.22", DOCUMENT)
    assert expire(tmp_path, NOON, by="name") == ["a-2026.11.22"]
    assert writer.write("a-2026.11.22", DOCUMENT).duplicates == 0
    assert writer.write("a-2026.11.22", DOCUMENT).duplicates == 1
    writer.close()
    assert left(tmp_path) == ["a-2026.11.22"]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_file_that_was_marked_and_not_unlinked_is_replaced(tmp_path, is_open):
    writer = Writer(tmp_path)
    writer.write("a", DOCUMENT)
    if not is_open:
        writer.close()
    with closing(sqlite3.connect(files.path_of(tmp_path, "a"), isolation_level=None)) as connection:
        connection.execute("INSERT INTO facts VALUES ('dropped', 1)")
    assert left(tmp_path) == []
    assert writer.write("a", DOCUMENT).duplicates == 0
    writer.close()
    assert left(tmp_path) == ["a"]


def test_a_log_that_a_crash_left_without_its_file_says_nothing(tmp_path):
    writer = Writer(tmp_path)
    writer.write("a", DOCUMENT)
    path = files.path_of(tmp_path, "a")
    log = path.with_name("a.sqlite-wal").read_bytes()
    writer.close()
    path.unlink()
    path.with_name("a.sqlite-wal").write_bytes(log)
    stored(tmp_path, "b")
    writer = Writer(tmp_path)
    assert writer.write("a", DOCUMENT).duplicates == 0
    writer.close()
