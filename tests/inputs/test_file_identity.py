"""The file input in tail mode: many files, files that take another's place, files that cannot be opened."""

import errno
import os
from pathlib import Path

import pytest

from pipeline.codecs import multiline
from pipeline.disk import globs
from pipeline.disk.sincedb import Key
from tests.inputs.following import Clock, write


def numbered(count, start=0):
    return "".join(f"line {number:04}\n" for number in range(start, start + count))


@pytest.mark.parametrize("renamed", [None, "b.old"])
def test_more_files_than_may_be_open_are_all_read_to_their_ends(tmp_path, follow, renamed):
    for name in "abc":
        write(tmp_path / f"{name}.log", numbered(100))
    files = follow(start_position="beginning", max_open_files=1, file_chunk_size=60, file_chunk_count=5)
    lines = files.lines()
    if renamed:
        [reading] = [one for one in files.input.files._files.values() if one.descriptor >= 0]
        Path(reading.path).rename(tmp_path / renamed)
    lines += [line for _ in range(40) for line in files.lines()]
    assert sorted(lines) == sorted(numbered(100).split("\n")[:-1] * 3)


def test_files_that_always_grow_have_their_turns(tmp_path, follow):
    clock = Clock()
    files = follow(start_position="beginning", max_open_files=1, clock=clock).input.files
    turns = []
    for number in range(12):
        clock.time += 1
        for name in "abcd":
            write(tmp_path / f"{name}.log", f"{name}{number}\n")
        files.scan()
        turns.append("".join({Path(chunk.path).stem for chunk in files.chunks()}))
    assert all(set(turns[start : start + 4]) == set("abcd") for start in range(8))


def test_a_pending_event_is_given_out_though_its_file_was_closed(tmp_path, follow):
    codec = multiline.build(
        multiline.Options(pattern="^ ", what="previous", auto_flush_interval=5, ecs_compatibility="disabled")
    )
    for name in "ab":
        write(tmp_path / f"{name}.log", f"{name}\n more\n")
    files = follow(codec=codec, start_position="beginning", max_open_files=1)
    assert sorted(line for _ in range(8) for line in files.lines(seconds=2)) == ["a\n more", "b\n more"]


def test_the_position_of_a_file_that_comes_back(tmp_path, follow):
    log, away = tmp_path / "a.log", tmp_path / "a.old"
    write(log, "1\n")
    files = follow(start_position="beginning", close_older=30)
    files.input.save = lambda: None
    files.lines()
    del files.input.save
    files.lines(seconds=100)
    log.rename(away)
    files.lines()
    assert not files.input.files._files
    write(away, "2\n")
    away.rename(log)
    assert files.lines() == ["2"]


@pytest.mark.parametrize("restart", [True, False])
def test_a_closed_file_that_was_deleted_and_the_next_with_its_inode(tmp_path, follow, monkeypatch, restart):
    of, inodes = Key.of, {}

    def reused(status):
        key = of(status)
        return key._replace(inode=inodes.setdefault(key.inode, 7)) if status.st_mode & 0o100000 else key

    monkeypatch.setattr(Key, "of", reused)
    write(tmp_path / "a.log", "started\n")
    files = follow(start_position="beginning", close_older=30)
    first = files.passes()
    files.lines(seconds=100)
    (tmp_path / "a.log").unlink()
    files.lines()
    if restart:
        files.close()
        files = follow(start_position="beginning")
    write(tmp_path / "a.log", "started\nworking\n")
    events = files.passes()
    assert [event.fields["message"] for event in events] == ["started", "working"]
    assert first[0].metadata["event_id"] != events[0].metadata["event_id"]


def test_the_position_of_a_closed_file_whose_disk_is_away_for_a_while(tmp_path, follow):
    folder = tmp_path / "disk"
    folder.mkdir()
    write(folder / "a.log", "1\n")
    files = follow(path=f"{folder}/*.log", start_position="beginning", close_older=30)
    files.lines()
    files.lines(seconds=100)
    folder.rename(tmp_path / "away")
    files.lines()
    assert not files.input.files._files
    (tmp_path / "away").rename(folder)
    write(folder / "a.log", "2\n")
    assert files.lines() == ["2"]


def test_a_save_while_a_file_is_left(tmp_path, follow):
    write(tmp_path / "a.log", "one\n")
    inputs = follow(start_position="beginning")
    inputs.lines()
    files = inputs.input.files
    [file] = files._files.values()
    (tmp_path / "a.log").unlink()

    class Saving(dict):
        def __delitem__(self, key):
            inputs.input._changed = True
            inputs.input.save()
            super().__delitem__(key)

    files._files = Saving(files._files)
    inputs.lines()
    inputs.lines()
    assert not files._files
    assert inputs.input.sincedb.get(file.key).deleted


HEADER = "time;value\n" * 3


def test_the_same_header_after_a_truncation_while_away(tmp_path, follow):
    log = tmp_path / "b.log"
    write(log, HEADER + numbered(50))
    first = follow(start_position="beginning")
    ids = {event.metadata["event_id"] for event in first.passes()}
    first.close()
    write(log, HEADER + numbered(80, 1000), mode="w")
    events = follow(start_position="beginning").passes()
    assert len(events) == 83
    assert not ids & {event.metadata["event_id"] for event in events}


@pytest.mark.parametrize("delivered", [True, False])
def test_the_same_header_after_a_truncation(tmp_path, follow, delivered):
    log = tmp_path / "b.log"
    write(log, HEADER + numbered(50))
    files = follow(start_position="beginning")
    files.lines(end=delivered)
    write(log, HEADER + numbered(80, 1000), mode="w")
    assert len(files.lines()) == 83


@pytest.mark.parametrize("close_older", [30, 3600])
def test_the_same_header_and_size_after_a_truncation(tmp_path, follow, close_older):
    log = tmp_path / "b.log"
    write(log, HEADER + numbered(50))
    files = follow(start_position="beginning", close_older=close_older)
    files.lines()
    files.lines(seconds=100)
    write(log, HEADER + numbered(50, 1000), mode="w")
    os.utime(log, (files.clock.time, files.clock.time))
    assert len(files.lines()) == 53


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("again", [0, 1000])
def test_the_inode_of_a_deleted_file(tmp_path, follow, monkeypatch, restart, again):
    """Even where it begins as the deleted one did: it was read to its end, so nothing of it can come again."""
    monkeypatch.setattr(Key, "of", classmethod(lambda cls, status: cls(7, 0, 1)))
    write(tmp_path / "u1.log", HEADER + numbered(50))
    files = follow(start_position="beginning")
    events = files.passes()
    (tmp_path / "u1.log").unlink()
    files.lines()
    files.lines()
    if restart:
        files.close()
        files = follow(start_position="beginning")
    write(tmp_path / "u2.log", HEADER + numbered(80, again))
    events += files.passes()
    assert len(events) == 53 + 83
    assert len({event.metadata["event_id"] for event in events}) == len(events)


def test_the_ids_stay_the_same_while_a_file_grows(tmp_path, follow):
    log = tmp_path / "a.log"
    ids = []
    for _ in range(3):
        write(log, numbered(1500))
        files = follow(start_position="beginning")
        ids += [event.metadata["event_id"] for event in files.passes(end=False)]
        files.close()
    assert len(ids) == 1500 * 6
    assert len(set(ids)) == 1500 * 3


def test_a_record_without_the_second_hash_is_gone_on_with(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, numbered(3))
    first = follow(start_position="beginning")
    first.lines()
    first.close()
    sincedb = tmp_path / "sincedb"
    line, _, ours = sincedb.read_text().rpartition(" #")
    sincedb.write_text(f"{line} #{':'.join(ours.split(':')[:3])}\n")
    write(log, numbered(2))
    assert len(follow().lines()) == 2


REFUSED = {
    errno.EACCES: "Permission denied; give the user that runs apex-logs the right to read it",
    errno.EMFILE: "Too many open files; raise `ulimit -n` or lower max_open_files",
}


@pytest.mark.parametrize("mode", ["tail", "read"])
@pytest.mark.parametrize("number", REFUSED)
def test_a_file_that_cannot_be_opened_is_told_of_once(tmp_path, follow, monkeypatch, mode, number):
    log, opened = tmp_path / "a.log", os.open
    write(log, "1\n")
    files = follow(start_position="beginning", mode=mode, close_older=30)

    def refuse(path, *rest, **options):
        if str(path) == str(log):
            raise OSError(number, os.strerror(number), path)
        return opened(path, *rest, **options)

    def refused():
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            return files.lines() + files.lines() + files.lines()

    assert refused() == []
    told = f"{log} cannot be read: {REFUSED[number]}"
    assert files.warnings == [told]
    assert files.lines() == ["1"]
    files.lines(seconds=100)
    write(log, "2\n")
    assert refused() == []
    assert files.warnings == [told, told]
    assert files.lines() == ["2"]
    write(tmp_path / "b.log", "3\n")
    found = files.input.files.watch.found()
    monkeypatch.setattr(globs, "found", lambda *_: found)
    (tmp_path / "b.log").unlink()
    assert files.lines() == []
    assert len(files.warnings) == 2
