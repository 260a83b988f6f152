"""Files that are rotated, truncated, packed, deleted: each line once, each under an id of its own."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from shippers.node.lines import Lines
from shippers.node.multiline import Multiline
from tests.shippers.node.followed import Followed, ids


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_an_event_names_its_file_as_filebeat_does(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, "one\ntwo\n")
    first, second = Followed(tmp_path).events()
    status = log.stat()
    assert first["log"]["file"] == {
        "path": str(log),
        "device_id": str(status.st_dev),
        "inode": str(status.st_ino),
        "fingerprint": first["log"]["file"]["fingerprint"],
    }
    assert (first["log"]["offset"], second["log"]["offset"]) == (0, 4)
    assert first["@timestamp"] == "1970-01-01T00:00:01.500Z"
    assert first["@metadata"] == {"beat": "filebeat", "type": "_doc", "version": "8.11.0"}
    assert list(first)[:2] == ["@timestamp", "@metadata"]


@pytest.mark.parametrize("restart", [False, True])
def test_rotation_by_renaming(tmp_path: Path, restart: bool) -> None:
    files = Followed(tmp_path, "a.log*")
    log = tmp_path / "a.log"
    write(log, "1\n2\n")
    before = files.events()
    write(log, "3\n")
    log.rename(tmp_path / "a.log.1")
    write(log, "4\n")
    write(tmp_path / "a.log.1", "5\n")
    if restart:
        files.close()
        files = Followed(tmp_path, "a.log*")
    after = files.events()
    assert sorted(event["message"] for event in after) == ["3", "4", "5"]
    assert {event["log"]["file"]["path"] for event in after} == {str(log)}  # the path under which it was found
    assert len(set(ids(before + after))) == 5


def test_a_file_that_is_renamed_away_is_read_to_its_end(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log")
    write(tmp_path / "a.log", "1\n")
    assert files.messages() == ["1"]
    (tmp_path / "a.log").rename(tmp_path / "elsewhere")
    write(tmp_path / "elsewhere", "2\n")
    write(tmp_path / "a.log", "3\n")
    assert sorted(files.messages()) == ["2", "3"]


def test_a_deleted_file_is_read_to_its_end(tmp_path: Path) -> None:
    files = Followed(tmp_path)
    write(tmp_path / "a.log", "1\n")
    assert files.messages() == ["1"]
    write(tmp_path / "a.log", "2\n")
    (tmp_path / "a.log").unlink()
    assert files.messages() == ["2"]


def test_packed_files_are_left_alone(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log*")
    log = tmp_path / "a.log"
    write(log, "1\n")
    assert files.messages() == ["1"]
    log.rename(tmp_path / "a.log.1")
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress((tmp_path / "a.log.1").read_bytes()))
    (tmp_path / "a.log.1").unlink()
    write(log, "2\n")
    assert files.messages() == ["2"]


def test_a_truncated_file_begins_anew_and_an_equal_line_is_another_event(tmp_path: Path) -> None:
    files = Followed(tmp_path)
    log = tmp_path / "a.log"
    write(log, "begin\n1\n")
    before = files.events()
    log.write_text("")
    write(log, "begin\n")
    after = files.events()
    assert [event["message"] for event in after] == ["begin"]
    assert len(set(ids(before + after))) == 3


@pytest.mark.parametrize("restart", [False, True])
def test_an_inode_that_another_file_takes(tmp_path: Path, restart: bool) -> None:
    """The inode is the same: only the beginning tells them apart."""
    files = Followed(tmp_path)
    log = tmp_path / "a.log"
    write(log, "first 1\nfirst 2\n")
    before = files.events()
    if restart:
        files.close()
    other = "second 1\nsecond 2\nsecond 3\n"
    with log.open("r+") as file:
        file.write(other)
    inode = log.stat().st_ino
    if restart:
        files = Followed(tmp_path)
    after = files.events()
    assert [event["message"] for event in after] == other.splitlines()
    assert {event["log"]["file"]["inode"] for event in before + after} == {str(inode)}
    assert len(set(ids(before + after))) == 5


# ---------------------------------------------------------------------------------------------- copytruncate


def rotated_by_copy(log: Path) -> None:
    (log.parent / f"{log.name}.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("seen_before", [False, True])
def test_rotation_by_copying_and_truncating(tmp_path: Path, held: bool, restart: bool, seen_before: bool) -> None:
    """What was read is not read again from the copy, what was not is read from there; whatever is seen first."""
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    log = tmp_path / "a.log"
    write(log, "banner\n1\n2\n")
    events = files.events(end=not held)
    write(log, "3\n")
    if seen_before:
        (tmp_path / "a.log.1").write_bytes(log.read_bytes())
        events += files.events(end=not held)
        os.truncate(log, 0)
    else:
        rotated_by_copy(log)
    write(log, "banner\n4\n")
    if restart:
        files.close()
        files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events += files.events()
    events += files.events()
    seen = dict(zip(ids(events), (event["message"] for event in events), strict=True))
    assert Counter(seen.values()) == Counter({"banner": 2, "1": 1, "2": 1, "3": 1, "4": 1})
    assert held or seen_before or len(events) == len(seen)


def test_a_copy_keeps_its_place_and_name_over_a_restart_after_its_original_is_gone(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    log = tmp_path / "a.log"
    write(log, "1\n2\n")
    events = files.events()
    write(log, "3\n")
    rotated_by_copy(log)
    third = files.events(end=False)
    assert [event["message"] for event in third] == ["3"]
    files.close()
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    again = files.events()
    assert ids(again) == ids(third)
    assert len(set(ids(events + again))) == 3


def test_of_several_copies_that_begin_alike_one_is_that_of_the_file_that_was_known(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    log = tmp_path / "a.log"
    write(log, "banner\n1\n")
    events = files.events(end=False)
    files.close()
    for number in (2, 3):
        if (tmp_path / "a.log.1").exists():
            (tmp_path / "a.log.1").rename(tmp_path / "a.log.2")
        rotated_by_copy(log)
        write(log, f"banner\n{number}\n")
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events += files.events() + files.events()
    seen = dict(zip(ids(events), (event["message"] for event in events), strict=True))
    assert Counter(seen.values()) == Counter({"banner": 3, "1": 1, "2": 1, "3": 1})


def test_a_truncation_that_is_seen_is_saved_with_what_its_copy_is(tmp_path: Path) -> None:
    """The file is looked at between two looks for new ones; then the shipper is killed."""
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$", interval=1e6)
    log = tmp_path / "a.log"
    write(log, "1\n2\n")
    events = files.events()
    write(log, "3\n")
    rotated_by_copy(log)
    write(log, "4\n")
    events += files.events()
    files.close()
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events += files.events() + files.events()
    assert sorted(event["message"] for event in events) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("seen_before", [False, True], ids=["seen after", "seen before"])
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_copy_that_ends_before_what_was_read_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, seen_before: bool
) -> None:
    """A line was written, and read, between copying and truncating. Such a copy was taken for a file of its own when
    its original was forgotten."""
    monkeypatch.setattr("pipeline.disk.tailed_files.GRACE", 0.0)
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    log = tmp_path / "a.log"
    lines = [f"line {number}" for number in range(size // 10)]
    write(log, "\n".join(lines) + "\n")
    events = files.events()
    copied = log.read_bytes()
    write(log, "between\n")
    if seen_before:
        (tmp_path / "a.log.1").write_bytes(copied)
    events += files.events()
    (tmp_path / "a.log.1").write_bytes(copied)
    os.truncate(log, 0)
    write(log, "after\n")
    events += files.events() + files.events()
    files.close()
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$")
    events += files.events() + files.events()
    assert Counter(event["message"] for event in events) == Counter([*lines, "between", "after"])


def test_a_line_that_truncating_has_cut_is_there_in_two(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log*", copies=r"\.\d+$", close_inactive=0.0)
    log = tmp_path / "a.log"
    write(log, "1\nfirst half, ")
    events = files.events()
    rotated_by_copy(log)
    write(log, "second half\n2\n")
    for _ in range(4):
        events += files.events()
    assert [event["message"] for event in events] == ["1", "second half", "2", "first half, "]
    assert len(set(ids(events))) == 4


def test_without_being_asked_for_a_copy_is_a_file_like_others(tmp_path: Path) -> None:
    files = Followed(tmp_path, "a.log*")
    write(tmp_path / "a.log", "1\n")
    events = files.events()
    rotated_by_copy(tmp_path / "a.log")
    events += files.events()
    assert [event["message"] for event in events] == ["1", "1"]
    assert len(set(ids(events))) == 2


# ---------------------------------------------------------------------------------------------- positions


def test_a_position_is_saved_only_when_all_before_it_has_ended(tmp_path: Path) -> None:
    files = Followed(tmp_path)
    write(tmp_path / "a.log", "1\n")
    files.events(end=False)
    write(tmp_path / "a.log", "2\n")
    files.events(end=False)
    files.following.ended(files.held.pop())  # the second alone
    files.events()
    files.close()
    assert Followed(tmp_path).messages() == ["1", "2"]


def test_from_the_end(tmp_path: Path) -> None:
    write(tmp_path / "a.log", "old\n")
    files = Followed(tmp_path, from_beginning=False)
    assert files.messages() == []
    write(tmp_path / "a.log", "new\n")
    write(tmp_path / "b.log", "of a new file\n")
    assert sorted(files.messages()) == ["new", "of a new file"]


@pytest.mark.parametrize("before", [True, False])
def test_from_the_end_is_for_the_very_first_start(tmp_path: Path, before: bool) -> None:
    """A log that is rotated, or begun, while the shipper is not running is new."""
    if before:
        write(tmp_path / "a.log", "old\n")
    files = Followed(tmp_path, from_beginning=False)
    assert files.messages() == []
    files.close()
    if before:
        (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    write(tmp_path / "a.log", "new\n")
    assert Followed(tmp_path, from_beginning=False).messages() == ["new"]


def test_an_event_of_many_lines_that_could_go_on_waits(tmp_path: Path) -> None:
    import re

    formatted = Multiline(Lines(1000), re.compile(rb"^ "), negate=False, after=True, most=(100, 1000))
    files = Followed(tmp_path, formatted=formatted, flush_after=0.01)
    write(tmp_path / "a.log", "a\n b\nc\n")
    found = files.messages()
    while len(found) < 2:  # `c` is taken to be over when nothing came for a while
        found += files.messages()
    assert found == ["a\n b", "c"]
