import os

import pytest

from pipeline.disk.sincedb import Key, Record, SinceDb, read_line
from pipeline.errors import StoreError

NOW = 1_700_000_000.0
KEY = Key(2977152, 1, 4)


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("2977152 1 4 94", Record(94, 0.0)),
        ("2977152 1 4 94 1519319662.852678", Record(94, 1519319662.852678)),
        ("2977152 1 4 94 1519319662.852678 /path/to/file\n", Record(94, 1519319662.852678, "/path/to/file")),
        ("2977152 1 4 94 1519319662.5 /a b #10:ab:2", Record(94, 1519319662.5, "/a b", 10, "ab", 2)),
        ("2977152 1 4 94 1519319662.5 /a #10:ab:2:90:cd", Record(94, 1519319662.5, "/a", 10, "ab", 2, (90, "cd"))),
        ("2977152 1 4 0 1519319662.5  #0::2:0:", Record(0, 1519319662.5, "", 0, "", 2)),
        ("2977152 1 4 9 1.0 /a #1:b:2:3:d:ee", Record(9, 1.0, "/a", 1, "b", 2, (3, "d"), "ee")),
        ("2977152 1 4 9 1.0 /a #1:b:2:3:d::/b%20%23", Record(9, 1.0, "/a", 1, "b", 2, (3, "d"), first="/b #")),
        ("2977152 1 4 100 1700000000.0 /var/log/app #1.log", Record(100, 1_700_000_000.0, "/var/log/app #1.log")),
        ("2977152 1 4 9 1.0 /a #1:b:2:3:d:ee #x:y", Record(9, 1.0, "/a #1:b:2:3:d:ee #x:y")),
        ("2977152 1 4 9 1.0 /a #9 #1:b:2:3:d:", Record(9, 1.0, "/a #9", 1, "b", 2, (3, "d"))),
    ],
)
def test_reads_every_format_of_logstash(line, record):
    assert read_line(line) == (KEY, record)


@pytest.mark.parametrize("line", ["", "x 1 2 3", "1 2", "1 2 3 4 x /x"])
def test_skips_what_is_no_record(line):
    assert read_line(line) is None


def test_what_is_saved_is_read(tmp_path):
    record = Record(5, NOW, "/a \x0cb #1.log", 3, "ff", 1, (5, "ee"), "dd", "/b\udcff \n:%25.log")
    first = SinceDb(tmp_path / "db", 100, lambda: NOW)
    first.save({KEY: record})
    assert SinceDb(tmp_path / "db", 100, lambda: NOW).get(KEY) == record
    assert [path.name for path in tmp_path.iterdir()] == ["db"]
    first.forget(KEY)
    first.save({})
    assert SinceDb(tmp_path / "db", 100, lambda: NOW).get(KEY) is None


def test_old_records_are_forgotten(tmp_path):
    (tmp_path / "db").write_text(f"1 0 0 5 {NOW - 200} /a\n2 0 0 5 {NOW - 50} /b\n3 0 0 5\n")
    db = SinceDb(tmp_path / "db", 100, lambda: NOW)
    assert [db.get(Key(inode, 0, 0)) is None for inode in (1, 2, 3)] == [True, False, False]
    db.save({})
    assert len((tmp_path / "db").read_text().splitlines()) == 2


def test_a_record_that_is_compared_with_its_file_does_not_age_while_the_file_is_there(tmp_path):
    old = {Key(1, 0, 0): Record(5, NOW, "/a", 3, "ff"), Key(2, 0, 0): Record(5, NOW, "/b", completed="dd")}
    SinceDb(tmp_path / "db", 100, lambda: NOW).save(old)
    db = SinceDb(tmp_path / "db", 100, lambda: NOW + 200)
    assert {key: db.get(key) for key in old} == old
    db.save({})
    assert db.records == {}


def test_a_disk_that_refuses_is_told(tmp_path):
    db = SinceDb(tmp_path / "db", 100, lambda: NOW)
    (tmp_path / "db.new").mkdir()
    with pytest.raises(StoreError, match="positions"):
        db.save({KEY: Record(1, NOW)})


def test_the_key_of_a_file(tmp_path):
    status = tmp_path.stat()
    assert Key.of(status) == (status.st_ino, status.st_dev >> 24 & 0xFF, status.st_dev & 0xFFFFFF)
    assert Key.of(os.stat_result((0o100000, 7, 0xFD02, 1, 0, 0, 0, 0, 0, 0))) == (7, 0, 64770)
