"""The file input in read mode: what is completed, deleted, logged, and read again."""

import gzip
import os

import pytest

from pipeline.codecs import line
from pipeline.disk.sincedb import Key
from tests.inputs.following import PLAIN, write

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
    assert files.lines() + files.lines(end=False) == ["1"]
    log.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    files.held.pop().end(1)
    assert log.exists()
    assert files.lines() + files.lines() == ["1", "2"]
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


# ---------------------------------------------------------------------------------------------- packed files


@pytest.mark.parametrize("codec", [PLAIN, line.build(line.Options(delimiter="\r\n", ecs_compatibility="disabled"))])
def test_the_delimiter_is_that_of_plain_files(tmp_path, follow, codec):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"1\r\n2\r\n3\r\n"))
    write(tmp_path / "b.log", "4\r\n5\r\n")
    options = {**READ, "path": [f"{tmp_path}/a.gz", f"{tmp_path}/b.log"], "file_sort_by": "path", "id": "x"}
    files = follow(**options, delimiter="\r\n", codec=codec)
    events = files.passes(end=False)
    assert [event.fields["message"] for event in events] == ["1", "2", "3", "4", "5"]
    packed, plain = files.held
    assert files.input.pick(packed.data, packed.origin, 1) == b"2"
    assert files.input.pick(plain.data, plain.origin, 1) == b"5"
    again = follow(**options, delimiter="\r\n", codec=codec, sincedb_path="/dev/null").passes(end=False)
    assert [event.metadata["event_id"] for event in again] == [event.metadata["event_id"] for event in events]


def test_an_archive_that_is_still_copied_is_waited_for(tmp_path, follow):
    text = "".join(f"line {number}\n" for number in range(10_000))
    packed, log = gzip.compress(text.encode()), tmp_path / "a.gz"
    files = follow(mode="read", path=f"{tmp_path}/*.gz")
    for part in (3, 2, 1):
        log.write_bytes(packed[: len(packed) // part])
        os.utime(log, (part, part))
        assert files.lines() == []
    assert files.lines(seconds=1) == []
    assert files.lines() == text.splitlines()
    assert not files.warnings
    assert not log.exists()


@pytest.mark.parametrize("padding", [1, 70_000, 200_000])
def test_a_padded_archive(tmp_path, follow, padding):
    log = tmp_path / "a.gz"
    log.write_bytes(gzip.compress(b"1\n") + b"\0" * padding + gzip.compress(b"2\n") + b"\0" * padding)
    files = follow(**READ, path=f"{tmp_path}/*.gz")
    assert files.lines() == ["1", "2"]
    assert not files.warnings
    assert not log.exists()


def test_zeros_alone_are_no_archive(tmp_path, follow):
    (tmp_path / "a.gz").write_bytes(b"\0" * 100)
    files = follow(**READ, path=f"{tmp_path}/*.gz")
    assert files.lines() == []
    assert len(files.warnings) == 1
    assert (tmp_path / "a.gz").exists()


# ---------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_every_path_of_a_file_is_deleted(tmp_path, follow, link):
    write(tmp_path / "z.log", "1\n")
    link(tmp_path / "z.log", tmp_path / "a.log")
    files = follow(mode="read", file_sort_by="path")
    assert files.lines() + files.lines() == ["1"]
    assert not list(tmp_path.glob("*.log"))
    assert not files.warnings


@pytest.mark.parametrize("link", [os.symlink, os.link])
@pytest.mark.parametrize("restart", [True, False])
def test_a_file_that_stays_under_a_path_that_is_not_looked_for_is_known(tmp_path, follow, link, restart):
    write(tmp_path / "kept", "1\n")
    link(tmp_path / "kept", tmp_path / "a.log")
    files = follow(mode="read")
    assert files.lines() == ["1"]
    assert not (tmp_path / "a.log").exists()
    files.lines()
    if restart:
        files.close()
        files = follow(mode="read")
    (tmp_path / "kept").rename(tmp_path / "b.log")
    assert files.lines() == []


def test_a_linked_folder(tmp_path, follow):
    (tmp_path / "real").mkdir()
    (tmp_path / "a").symlink_to(tmp_path / "real")
    write(tmp_path / "real" / "x.log", "1\n")
    files = follow(mode="read", path=f"{tmp_path}/*/x.log", file_sort_by="path")
    assert files.lines() + files.lines() == ["1"]
    assert not files.warnings


def test_what_is_gone_is_forgotten_in_time(tmp_path, follow):
    files = follow(**logging_to(tmp_path), sincedb_clean_after=0.5)
    write(tmp_path / "stays.log", "stays\n")
    seen = []
    for number in range(10):
        write(tmp_path / f"{number}.log", f"{number}\n")
        seen += files.lines(seconds=3600)
        (tmp_path / f"{number}.log").rename(tmp_path / f"{number}.gone")
    files.lines(seconds=3600)
    assert len((tmp_path / "sincedb").read_text().splitlines()) == 11
    assert len(files.input.files._known) == len(files.input.files._done) == 1
    write(tmp_path / "last.log", "last\n")
    seen += files.lines(seconds=86_400)
    assert len((tmp_path / "sincedb").read_text().splitlines()) == 2
    files.close()
    seen += follow(**logging_to(tmp_path), sincedb_clean_after=0.5).lines()
    assert sorted(seen) == sorted(["stays", *map(str, range(10)), "last"])


def test_a_completed_file_that_comes_back_before_it_is_forgotten(tmp_path, follow):
    files = follow(**logging_to(tmp_path))
    write(tmp_path / "a.log", "1\n")
    assert files.lines() == ["1"]
    (tmp_path / "a.log").rename(tmp_path / "away")
    files.lines()
    (tmp_path / "away").rename(tmp_path / "b.log")
    assert files.lines() == []
