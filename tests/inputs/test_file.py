import asyncio
import errno
import gzip
import hashlib
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.codecs import json, multiline, plain
from pipeline.disk import globs
from pipeline.disk.sincedb import Key, read_line
from pipeline.inputs import file
from pipeline.plugin import PluginContext

PLAIN = plain.build(plain.Options(ecs_compatibility="disabled"))


class Clock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time

    monotonic = now


class Following:
    """A file input that is run pass by pass; what it gives out ends when the test says so."""

    def __init__(self, folder, clock=None, **options):
        self.folder, self.clock = folder, clock or Clock()
        self.warnings = []
        defaults = {
            "path": [f"{folder}/*.log"],
            "codec": PLAIN,
            "ecs_compatibility": "disabled",
            "sincedb_path": f"{folder}/sincedb",
        }
        context = PluginContext("main", folder, self.clock, lambda seconds, call: None, self.warnings.append)
        self.input = file.build(file.Options(**{**defaults, **options}), context)
        self.held = []

    def passes(self, *, end=True, seconds=20.0):
        """The events of the next pass."""

        async def run():
            batches = self.input.batches()
            events = []
            self.input._rest = idle
            try:
                async for batch in batches:
                    events += self.input.decode(batch.data, batch.origin, None)
                    self.held.append(batch)
                    if end:
                        self.held.pop().end(1)
            except _IdleError:
                pass
            await batches.aclose()
            self.input.save()
            return events

        async def idle():
            raise _IdleError

        self.clock.time += seconds
        return asyncio.run(run())

    def lines(self, **options):
        return [event.fields["message"] for event in self.passes(**options)]

    def position(self, path):
        key = Key.of(Path(path).stat())
        return dict(map(read_line, (self.folder / "sincedb").read_text().splitlines()))[key].position

    def close(self):
        asyncio.run(self.input.close())


class _IdleError(Exception):
    pass


@pytest.fixture
def follow(tmp_path):
    made = []

    def start(**options):
        made.append(Following(tmp_path, **options))
        return made[-1]

    yield start
    for one in made:
        one.input.files.close()


def write(path, text, mode="a"):
    with Path(path).open(mode) as out:
        out.write(text)


# ---------------------------------------------------------------------------------------------- tail


def test_tail_begins_at_the_end_and_reads_what_is_added(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    files = follow()
    assert files.lines() == []
    write(log, "new\nhalf")
    assert files.lines() == ["new"]
    write(log, " a line\n")
    assert files.lines() == ["half a line"]
    write(tmp_path / "b.log", "from its beginning\n")
    assert files.lines() == ["from its beginning"]


def test_the_first_position_is_saved_before_anything_is_added(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    follow().lines()
    write(log, "while away\n")
    assert follow().lines() == ["while away"]


def test_the_position_is_never_ahead_of_delivery(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "a\nb\n")
    files = follow(start_position="beginning")
    assert files.lines(end=False) == ["a", "b"]
    write(log, "c\n")
    assert files.lines(end=False) == ["c"]
    first, second = files.held
    second.end(1)
    files.input.save()
    assert files.position(log) == 0
    first.end(2)
    files.close()
    assert files.position(log) == 6


def test_what_is_read_again_has_the_same_ids(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "same\nsame\n")
    first = [event.metadata["event_id"] for event in follow(start_position="beginning").passes(end=False)]
    assert len(set(first)) == 2
    write(log, "more\n")
    again = [event.metadata["event_id"] for event in follow(start_position="beginning").passes(end=False)]
    assert again[:2] == first


def test_an_input_that_was_made_before_another_ended_goes_on_where_that_one_stopped(tmp_path, follow):
    write(tmp_path / "a.log", "one\ntwo\n")
    first, second = follow(start_position="beginning"), follow(start_position="beginning")
    assert first.lines() == ["one", "two"]
    first.close()
    write(tmp_path / "a.log", "three\n")
    assert second.lines() == ["three"]


@pytest.mark.parametrize("matches", [True, False])
def test_rotation_by_renaming(tmp_path, follow, matches):
    log = tmp_path / "a.log"
    write(log, "1\n")
    files = follow(start_position="beginning")
    assert files.lines() == ["1"]
    write(log, "2\n")
    log.rename(tmp_path / ("a.1.log" if matches else "a.log.1"))
    write(log, "3\n")
    assert sorted(files.lines()) == ["2", "3"]
    write(tmp_path / ("a.1.log" if matches else "a.log.1"), "late\n")
    assert files.lines() == ["late"]


@pytest.mark.parametrize("after", ["new\n", "a longer text than before\n"])
def test_truncation(tmp_path, follow, after):
    log = tmp_path / "a.log"
    write(log, "first line\n")
    files = follow(start_position="beginning")
    ids = {event.metadata["event_id"] for event in files.passes(end=False)}
    write(log, after, mode="w")
    events = files.passes()
    assert [event.fields["message"] for event in events] == [after.rstrip()]
    assert not ids & {event.metadata["event_id"] for event in events}
    files.held[0].end(1)
    files.input.save()
    assert files.position(log) == len(after)


def test_the_same_lines_after_a_truncation_have_new_ids(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "start\nx\n")
    files = follow(start_position="beginning")
    first = files.passes()
    write(log, "", mode="w")
    files.passes()
    write(log, "start\nx\n")
    assert not {e.metadata["event_id"] for e in first} & {e.metadata["event_id"] for e in files.passes()}


def test_a_file_with_the_inode_of_another_is_read_from_its_beginning(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "one\n")
    follow(start_position="beginning").lines()
    write(log, "two and more\n", mode="w")
    assert follow().lines() == ["two and more"]


def test_a_deleted_file_is_read_to_its_end(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "1\n")
    files = follow(start_position="beginning")
    files.lines()
    write(log, "2\nunfinished")
    log.unlink()
    assert files.lines() == ["2"]
    assert files.lines() == ["unfinished"]
    assert files.lines() == []
    files.lines()
    assert not files.input.files._files


def test_a_line_longer_than_a_block(tmp_path, follow):
    write(tmp_path / "a.log", "x" * 100 + "\ny\n")
    files = follow(start_position="beginning", file_chunk_size=16, file_chunk_count=1)
    assert [len(line) for line in files.lines()] == [100, 1]


def test_close_older_and_most_open_files(tmp_path, follow):
    for name in "abc":
        write(tmp_path / f"{name}.log", f"{name}\n")
    files = follow(start_position="beginning", max_open_files=1, close_older=30)
    seen = [line for _ in range(4) for line in files.lines()]
    write(tmp_path / "a.log", "more\n")
    seen += [line for _ in range(3) for line in files.lines(seconds=100)]
    assert sorted(seen) == ["a", "b", "c", "more"]
    assert all(one.descriptor < 0 for one in files.input.files._files.values())


def test_ignore_older(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    clock = Clock()
    os.utime(log, (clock.time - 1000, clock.time - 1000))
    files = follow(start_position="beginning", ignore_older=60, clock=clock)
    assert files.lines() == []
    write(log, "new\n")
    assert files.lines() == ["new"]


def test_exclude_and_braces_and_recursion(tmp_path, follow):
    (tmp_path / "x" / "y").mkdir(parents=True)
    for name in ("a.log", "x/b.log", "x/y/c.log", "x/y/d.txt", "x/skip.log"):
        write(tmp_path / name, f"{name}\n")
    files = follow(
        path=[f"{tmp_path}/**/*.{{log,txt}}"], exclude="skip*", start_position="beginning", file_sort_by="path"
    )
    assert files.lines() == ["a.log", "x/b.log", "x/y/c.log", "x/y/d.txt"]


def test_multiline_waits_in_the_file(tmp_path, follow):
    codec = multiline.build(
        multiline.Options(pattern="^ ", what="previous", auto_flush_interval=5, ecs_compatibility="disabled")
    )
    log = tmp_path / "a.log"
    write(log, "a\n b\nc\n")
    files = follow(codec=codec, start_position="beginning")
    assert files.lines(seconds=1) == ["a\n b"]
    assert files.position(log) == 5
    write(log, " d\n")
    assert files.lines(seconds=1) == []
    assert files.lines(seconds=6) == ["c\n d"]


def test_no_sincedb(tmp_path, follow):
    write(tmp_path / "a.log", "a\n")
    for _ in range(2):
        assert follow(start_position="beginning", sincedb_path="/dev/null").lines() == ["a"]
    assert not (tmp_path / "sincedb").exists()


def test_the_default_sincedb_has_logstashs_name(tmp_path, follow):
    name = ".sincedb_" + hashlib.md5(f"{tmp_path}/a.log,/x/b.log".encode()).hexdigest()
    write(tmp_path / "a.log", "a\n")
    follow(path=[f"{tmp_path}/a.log", "/x/b.log"], sincedb_path=None).lines()
    assert [path.name for path in (tmp_path / "plugins/inputs/file").iterdir()] == [name]


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


# ---------------------------------------------------------------------------------------------- fields


def test_fields(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, '{"a":1,"host":"h"}\n[{"b":1},{"b":2}]\n{"log":"text","host":{"ip":"x"}}\n')
    codec = json.build(json.Options(ecs_compatibility="disabled"))
    events = follow(codec=codec, start_position="beginning", ecs_compatibility="v8").passes(end=False)
    assert events[0].fields["log"] == {"file": {"path": str(log)}}
    assert events[0].fields["host"] == "h"
    assert events[1].fields["host"]["name"]
    assert events[3].fields["log"] == "text"
    assert set(events[3].fields["host"]) == {"ip", "name"}
    assert [event.ordinal for event in events] == [0, 1, 2, 3]
    assert events[1].metadata["path"] == str(log)
    assert events[2].metadata["event_id"] == f"{events[1].metadata['event_id']}-1"
    [event, *_] = follow(codec=codec, start_position="beginning", sincedb_path="/dev/null").passes()
    assert event.fields["path"] == str(log)
    assert event.fields["host"] == "h"


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


# ---------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "relative.log"}, "absolute"),
        ({"exit_after_read": True}, "exit_after_read"),
        ({"mode": "read", "file_completed_action": "log"}, "file_completed_log_path"),
        ({"sincedb_path": "/"}, "folder"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValidationError, match=message):
        file.Options(**{"path": "/x/a.log", **options})


def test_pick(tmp_path, follow):
    made = follow().input
    assert made.pick(b"a\nb\nc\n", {}, 1) == b"b"
