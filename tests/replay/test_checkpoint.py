"""The checkpoint: what is saved is there, whole, and one process has it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.replay.checkpoint import Checkpoint, Key, Place, Row, forget


def test_it_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    checkpoint = Checkpoint(folder)
    first, second = Key("f" * 32, "", 1.5), Key("f" * 32, "a.log", 1.5)
    read, indexed = ("read", "", ""), ("indexed", "logs", "")
    checkpoint.save(
        [Row(first, "a", Place(10)), Row(second, "a", Place(20, 20))], {"f" * 32: Counter({read: 3, indexed: 2})}
    )
    checkpoint.save(
        [Row(first, "a", Place(30, 40))], {"f" * 32: Counter({read: 4}), "e": Counter({read: 1, indexed: 0})}
    )
    assert checkpoint.counted == {}, "of the runs before this one"
    with pytest.raises(StoreError, match="the same replay runs already"):
        Checkpoint(folder)
    checkpoint.close()
    again = Checkpoint(folder)
    assert again.places() == {first: Place(30, 40), second: Place(20, 20)}
    assert again.counted == {"f" * 32: {read: 7, indexed: 2}, "e": {read: 1}}
    assert (again.places()[first].done, again.places()[second].done) == (False, True)
    again.close()


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "replay").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot be used for the checkpoint: .*; name another folder"):
        Checkpoint(tmp_path / "replay" / "x")


def test_what_it_was_begun_with(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.begun_with({"since": "a"}) == {"since": "a"}
    assert checkpoint.begun_with({"since": "b"}) == {"since": "a"}
    checkpoint.close()


def test_one_whose_middle_is_damaged_says_so(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save([Row(Key(f"{number:032}"), "a", Place(10)) for number in range(2000)], {})
    checkpoint.close()
    data = (tmp_path / "checkpoint.sqlite").read_bytes()
    (tmp_path / "checkpoint.sqlite").write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(StoreError, match="--restart forgets it"):
        Checkpoint(tmp_path).begun_with({"since": ""})


def test_one_that_is_damaged_says_so_and_can_be_forgotten(tmp_path: Path) -> None:
    Checkpoint(tmp_path).close()
    (tmp_path / "checkpoint.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="--restart forgets it"):
        Checkpoint(tmp_path)
    forget(tmp_path)
    forget(tmp_path / "never there")
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.places() == {}
    checkpoint.close()
