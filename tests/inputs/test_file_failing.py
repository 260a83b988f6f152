"""The file input where a path leads to no file any more, or the disk refuses: the others go on."""

import errno
import os
import threading

import pytest

from pipeline.disk import globs
from tests.inputs.following import write


@pytest.fixture
def two(tmp_path, follow):
    """Two files that are tailed and were read."""
    for name in "ab":
        write(tmp_path / f"{name}.log", f"{name}\n")
    files = follow(start_position="beginning", file_sort_by="path", close_older=50)
    assert files.lines() == ["a", "b"]
    return files


def joined(work):
    """Whether the work ended by itself, in a thread that may be left behind."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


def test_a_pipe_in_the_place_of_a_file_is_left_alone(tmp_path, two):
    (tmp_path / "a.log").rename(tmp_path / "a.old")
    os.mkfifo(tmp_path / "a.log")
    write(tmp_path / "b.log", "b2\n")
    got = []
    for seconds in (1, 20, 100):
        assert joined(lambda seconds=seconds: got.extend(two.lines(seconds=seconds)))
    assert got == ["b2"]
    assert not two.warnings


@pytest.mark.parametrize("mode", ["tail", "read"])
def test_a_pipe_that_comes_between_finding_and_opening(tmp_path, follow, monkeypatch, mode):
    log, found = tmp_path / "a.log", globs.found
    write(log, "a\n")
    files = follow(mode=mode, start_position="beginning")

    def found_and_replaced(*patterns):
        there = found(*patterns)
        log.unlink()
        os.mkfifo(log)
        return there

    monkeypatch.setattr(globs, "found", found_and_replaced)
    assert joined(files.input.files.scan)
    assert joined(lambda: list(files.input.files.chunks()))


def test_a_folder_in_the_place_of_a_file_is_left_alone(tmp_path, two):
    (tmp_path / "a.log").unlink()
    (tmp_path / "a.log").mkdir()
    write(tmp_path / "b.log", "b2\n")
    assert two.lines(seconds=1) == ["b2"]
    assert two.lines() == []
    assert not two.warnings


@pytest.mark.parametrize("call", ["pread", "fstat"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_file_that_cannot_be_read_is_told_of_and_tried_again(tmp_path, two, monkeypatch, call, number):
    write(tmp_path / "a.log", "a2\n")
    inode, real = (tmp_path / "a.log").stat().st_ino, getattr(os, call)
    status = os.fstat

    def fails(descriptor, *rest):
        if status(descriptor).st_ino == inode:
            raise OSError(number, os.strerror(number))
        return real(descriptor, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        got = []
        for turn in range(4):
            write(tmp_path / "b.log", f"b{turn}\n")
            got += two.lines(seconds=20)
        assert got == ["b0", "b1", "b2", "b3"]
        [told] = two.warnings
        assert told.startswith(f"{tmp_path}/a.log cannot be read: {os.strerror(number)}; it is tried again")
    assert two.lines(seconds=20) == ["a2"]
    assert two.position(tmp_path / "a.log") == 5


def test_between_two_discoveries_it_is_left_alone(tmp_path, two, monkeypatch):
    write(tmp_path / "a.log", "a2\n")
    tried = []

    def fails(descriptor, *rest):
        tried.append(descriptor)
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", fails)
        for _ in range(3):
            assert two.lines(seconds=1) == []
    assert len(tried) == 1
    assert two.lines(seconds=1) == []
    assert two.lines(seconds=20) == ["a2"]


def test_a_deleted_file_that_fails_makes_room_for_another(tmp_path, follow, monkeypatch):
    log = tmp_path / "a.log"
    write(log, "a\n")
    files = follow(start_position="beginning", max_open_files=1)
    assert files.lines() == ["a"]
    inode, real = log.stat().st_ino, os.fstat
    log.rename(tmp_path / "a.old")
    write(tmp_path / "b.log", "b\n")

    def fails(descriptor):
        if real(descriptor).st_ino == inode:
            raise OSError(errno.ESTALE, "stale")
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", fails)
    assert files.lines() == ["b"]
    assert len(files.warnings) == 1
