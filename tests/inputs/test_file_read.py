"""The file input in read mode: what is completed, deleted, logged, and read again."""

import gzip
import os

import pytest

from pipeline.disk.sincedb import Key
from tests.inputs.following import write

# ---------------------------------------------------------------------------------------------- read


READ = {"mode": "read", "exit_after_read": True}


def test_read_deletes_what_was_delivered(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "a\nlast without end")
    files = follow(**READ)
    assert files.lines(end=False) == ["a", "last without end"]
    assert log.exists()
    for batch in files.held:
        batch.end(1)
    assert not log.exists()


def test_read_logs(tmp_path, follow):
    done = tmp_path / "done"
    for name in ("a.log", "b.log", "empty.log"):
        write(tmp_path / name, "" if "empty" in name else f"{name}\n")
    options = {**READ, "file_completed_action": "log", "file_completed_log_path": str(done), "file_sort_by": "path"}
    assert follow(**options).lines() == ["a.log", "b.log"]
    assert done.read_text().splitlines() == [str(tmp_path / name) for name in ("a.log", "b.log", "empty.log")]
    write(tmp_path / "a.log", "more\n")
    assert follow(**options).lines() == ["more"]


@pytest.mark.parametrize("check", [True, False])
def test_read_packed(tmp_path, follow, check):
    log = tmp_path / "a.log.gz"
    log.write_bytes(gzip.compress(b"1\r\n2\n") + gzip.compress(b"3\n"))
    options = {
        **READ,
        "id": "archives",
        "path": f"{tmp_path}/*.gz",
        "file_completed_action": "log",
        "file_completed_log_path": "/dev/null",
    }
    files = follow(**options, check_archive_validity=check)
    first = files.passes()
    assert [event.fields["message"] for event in first] == ["1", "2", "3"]
    assert files.position(log) == log.stat().st_size
    assert follow(**options).lines() == []
    again = follow(**options, sincedb_path="/dev/null").passes()
    assert [e.metadata["event_id"] for e in again] == [e.metadata["event_id"] for e in first]


@pytest.mark.parametrize("check", [True, False])
def test_a_damaged_archive_is_left(tmp_path, follow, check):
    log = tmp_path / "a.log.gz"
    log.write_bytes(gzip.compress(b"".join(b"%d\n" % number for number in range(100_000)), 1)[:-9])
    files = follow(**READ, path=f"{tmp_path}/*.gz", check_archive_validity=check)
    lines = files.lines()
    assert lines == [] if check else lines[100] == "100"
    assert log.exists()
    assert len(files.warnings) == 1
    assert str(log) in files.warnings[0]


def test_another_file_under_the_path_is_not_deleted(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    files = follow(mode="read")
    assert files.lines(end=False) == ["old"]
    write(tmp_path / "fresh", "new\n")
    (tmp_path / "fresh").rename(log)
    for batch in files.held:
        batch.end(1)
    assert log.read_text() == "new\n"
    assert files.lines() == ["new"]
    assert not log.exists()
    assert not files.warnings


def test_what_was_added_meanwhile_is_read_before_the_file_is_deleted(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    files = follow(mode="read")
    assert files.lines(end=False) == ["old"]
    write(log, "new\n")
    files.held.pop().end(1)
    files.input.save()
    assert files.position(log) == 4
    assert files.lines() == ["new"]
    assert not log.exists()


def test_what_was_added_after_the_last_scan_is_read_by_the_next_run(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    files = follow(**READ)
    files.lines(end=False)
    write(log, "new\n")
    files.held.pop().end(1)
    files.close()
    assert follow(**READ).lines() == ["new"]
    assert not log.exists()


def test_an_archive_that_was_changed_meanwhile_is_not_deleted(tmp_path, follow):
    log = tmp_path / "a.gz"
    log.write_bytes(gzip.compress(b"1\n"))
    files = follow(mode="read", path=f"{tmp_path}/*.gz")
    assert files.lines(end=False) == ["1"]
    log.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    files.held.pop().end(1)
    assert log.exists()
    assert files.lines() == ["1", "2"]
    assert not log.exists()


def test_a_file_that_is_renamed_before_it_is_opened(tmp_path, follow):
    write(tmp_path / "a.log", "1\n")
    files = follow(mode="read")
    files.input.files.scan()
    (tmp_path / "a.log").rename(tmp_path / "b.log")
    assert files.lines() + files.lines() == ["1"]
    assert not files.warnings


def test_read_in_turns(tmp_path, follow):
    for name in "ab":
        write(tmp_path / f"{name}.log", f"{name}\n" * 3)
    files = follow(**READ, file_chunk_size=2, file_chunk_count=1, file_sort_by="path")
    assert files.lines() == ["a", "b", "a", "b", "a", "b"]


# ---------------------------------------------------------------------------------------------- completed files


def logging_to(folder):
    return {"mode": "read", "file_completed_action": "log", "file_completed_log_path": f"{folder}/done"}


@pytest.mark.parametrize("name", ["a.log", "a.gz"])
@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("reused", [True, False])
def test_another_file_of_the_size_and_inode_of_a_completed_one_is_read(
    tmp_path, follow, monkeypatch, name, restart, reused
):
    log = tmp_path / name
    options = {**logging_to(tmp_path), "path": [f"{tmp_path}/*.log", f"{tmp_path}/*.gz"]}
    if reused:
        monkeypatch.setattr(Key, "of", classmethod(lambda cls, status: cls(7, 0, 1)))

    def put(line, time):
        log.write_bytes(gzip.compress(line, mtime=0) if name.endswith("gz") else line)
        os.utime(log, (time, time))

    def read():
        return [line for _ in range(3) for line in files.lines()]

    put(b"1\n", 1)
    files = follow(**options)
    assert read() == ["1"]
    if restart:
        files.close()
        files = follow(**options)
    if reused:
        log.unlink()
    put(b"2\n", 2)
    assert read() == ["2"]
    assert (tmp_path / "done").read_text().splitlines() == [str(log)] * 2


@pytest.mark.parametrize("name", ["a.log", "a.gz"])
def test_a_completed_file_is_logged_once(tmp_path, follow, name):
    (tmp_path / name).write_bytes(gzip.compress(b"1\n") if name.endswith("gz") else b"1\n")
    seen = []
    for _ in range(3):
        files = follow(**logging_to(tmp_path), path=f"{tmp_path}/{name}", exit_after_read=True)
        seen += files.lines()
        files.close()
        (tmp_path / name).rename(tmp_path / "away")
        (tmp_path / "away").rename(tmp_path / name)
    assert seen == ["1"]
    assert (tmp_path / "done").read_text() == f"{tmp_path}/{name}\n"


@pytest.mark.parametrize("name", ["a.log", "a.gz"])
def test_a_file_that_could_not_be_logged_is_logged_by_the_next_run(tmp_path, follow, name):
    (tmp_path / name).write_bytes(gzip.compress(b"1\n") if name.endswith("gz") else b"1\n")
    options = {**logging_to(tmp_path), "path": f"{tmp_path}/{name}", "exit_after_read": True}
    (tmp_path / "done").mkdir()
    files = follow(**options)
    files.lines()
    files.close()
    assert "cannot be logged" in files.warnings[0]
    (tmp_path / "done").rmdir()
    follow(**options).lines()
    assert (tmp_path / "done").read_text() == f"{tmp_path}/{name}\n"


def test_a_file_that_was_rewritten_meanwhile_is_not_deleted(tmp_path, follow):
    log = tmp_path / "a.gz"
    log.write_bytes(gzip.compress(b"1\n", mtime=0))
    os.utime(log, (1, 1))
    files = follow(mode="read", path=f"{tmp_path}/*.gz")
    assert [line for _ in range(3) for line in files.lines(end=False)] == ["1"]
    log.write_bytes(gzip.compress(b"2\n", mtime=0))
    files.held.pop().end(1)
    assert log.exists()
    assert [line for _ in range(3) for line in files.lines()] == ["2"]
    assert not log.exists()


def test_an_archive_that_logstash_has_read_is_not_read_again(tmp_path, follow):
    log = tmp_path / "a.gz"
    log.write_bytes(gzip.compress(b"1\n"))
    key, size = Key.of(log.stat()), log.stat().st_size
    for recorded, lines in ((size, []), (size - 1, ["1"])):
        (tmp_path / "sincedb").write_text(f"{key.inode} {key.major} {key.minor} {recorded} 1700000000.0 {log}\n")
        assert follow(**logging_to(tmp_path), path=str(log), exit_after_read=True).lines() == lines
