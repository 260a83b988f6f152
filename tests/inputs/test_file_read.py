"""The file input in read mode: what is completed, deleted, logged, and read again."""

import gzip

import pytest

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
