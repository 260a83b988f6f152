"""The file input in tail mode: positions, rotation, truncation, fields, options."""

import hashlib
import os

import pytest
from pydantic import ValidationError

from pipeline.codecs import json, multiline
from pipeline.event import SIBLING
from pipeline.inputs import file
from tests.inputs.following import Clock, write

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


def test_new_files_are_looked_for_after_so_many_times_the_stat_interval(tmp_path, follow):
    """As the documentation of logstash-input-file says of `discover_interval`: it is no time of its own."""
    files = follow(stat_interval=2)
    assert files.lines() == []
    write(tmp_path / "a.log", "late\n")
    assert files.lines(seconds=29) == []
    assert files.lines(seconds=2) == ["late"]


def test_the_first_position_is_saved_before_anything_is_added(tmp_path, follow):
    log = tmp_path / "a.log"
    write(log, "old\n")
    follow().lines()
    write(log, "while away\n")
    assert follow().lines() == ["while away"]


def test_what_was_written_in_a_pause_of_a_month_is_read(tmp_path, follow):
    """The record is older than `sincedb_clean_after`, and its file is still there: it is not read from its end."""
    log = tmp_path / "a.log"
    write(log, "old\n")
    follow().lines()
    write(log, "while away\n")
    later = Clock()
    later.time += 30 * 86_400
    assert follow(clock=later).lines() == ["while away"]


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


def test_a_half_written_line_is_not_flushed(tmp_path, follow):
    codec = multiline.build(
        multiline.Options(pattern="^ ", what="previous", auto_flush_interval=5, ecs_compatibility="disabled")
    )
    log = tmp_path / "a.log"
    write(log, "one\n detail of o")
    files = follow(codec=codec, start_position="beginning")
    assert files.lines() + files.lines() == ["one"]
    write(log, "ne\ntwo\n")
    assert files.lines() + files.lines() == [" detail of one", "two"]
    write(log, "th")
    assert files.lines() + files.lines() == []
    write(log, "ree\n four\n")
    assert files.lines() + files.lines() == ["three\n four"]
    write(log, "half")
    log.unlink()
    assert [line for _ in range(4) for line in files.lines()] == ["half"]


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
    assert [event.ordinal for event in events] == [0, 1, 1 + SIBLING, 2]
    assert events[1].metadata["path"] == str(log)
    assert events[2].metadata["event_id"] == f"{events[1].metadata['event_id']}-1"
    [event, *_] = follow(codec=codec, start_position="beginning", sincedb_path="/dev/null").passes()
    assert event.fields["path"] == str(log)
    assert event.fields["host"] == "h"


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
