import asyncio
import gzip
import os
import stat

import pytest
from pydantic import ValidationError

from pipeline.codecs import json_lines
from pipeline.disk import written_files
from pipeline.errors import Unavailable
from pipeline.event import Event
from pipeline.outputs import file
from pipeline.plugin import Body, PluginContext

CODEC = json_lines.build(json_lines.Options())


@pytest.fixture
def output(tmp_path):
    made = []

    def build(path, **options):
        context = PluginContext("main", tmp_path, None, lambda seconds, call: None, lambda text: None)
        made.append(file.build(file.Options(path=f"{tmp_path}/{path}", codec=CODEC, **options), context))
        return made[-1]

    yield build
    for one in made:
        asyncio.run(one.close())


def send(output, *documents):
    body = Body()
    for document in documents:
        output.render(Event(document), body.data)
        body.ends.append(len(body.data))
    return asyncio.run(output.send(body))


def written(folder):
    return {
        str(path.relative_to(folder)): path.read_text().splitlines() for path in folder.rglob("*") if path.is_file()
    }


def test_one_path(tmp_path, output):
    one = output("x/a.jsonl")
    assert not send(one, {"n": 1}, {"n": 2}).again
    send(one, {"n": 3})
    assert written(tmp_path) == {"x/a.jsonl": ['{"n":1}', '{"n":2}', '{"n":3}']}


def test_many_paths(tmp_path, output):
    day = {"@timestamp": "2026-02-03T04:05:06.000Z"}
    send(output("d/%{k}/%{+YYYY-MM-dd}.log"), {"k": "a", **day}, {"k": "b", **day}, {"k": "a", **day})
    assert {name: len(lines) for name, lines in written(tmp_path).items()} == {
        "d/a/2026-02-03.log": 2,
        "d/b/2026-02-03.log": 1,
    }


@pytest.mark.parametrize("name", ["../x", "../../../../tmp/x", "..", "a\0b", "y" * 300, "../data2/x"])
def test_a_field_never_leaves_the_root(tmp_path, output, name):
    send(output("data/%{name}"), {"name": name}, {"name": "good"})
    assert set(written(tmp_path)) == {"data/_filepath_failures", "data/good"}


def test_a_deleted_file_is_made_again_or_not(tmp_path, output):
    again, not_again = output("a.log"), output("b.log", create_if_deleted=False)
    (tmp_path / "b.log").touch()
    for one in (again, not_again):
        send(one, {"n": 1})
    (tmp_path / "a.log").unlink()
    (tmp_path / "b.log").unlink()
    for one in (again, not_again):
        send(one, {"n": 2})
    assert written(tmp_path) == {"a.log": ['{"n":2}'], "_filepath_failures": ['{"n":2}']}


def test_modes(tmp_path, output):
    send(output("new/a.log", file_mode="0640", dir_mode=0o750), {"n": 1})
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "new/a.log").stat().st_mode) == 0o640


def test_gzip_can_be_read_at_any_time(tmp_path, output):
    one = output("a.gz", gzip=True)
    for number in (1, 2):
        send(one, {"n": number})
        assert len(gzip.decompress((tmp_path / "a.gz").read_bytes()).splitlines()) == number


def test_overwrite_keeps_the_latest_event(tmp_path, output):
    one = output("a.log", write_behavior="overwrite")
    send(one, {"n": 1}, {"n": 22})
    assert written(tmp_path) == {"a.log": ['{"n":22}']}
    send(one, {"n": 3})
    assert written(tmp_path) == {"a.log": ['{"n":3}']}


def test_a_torn_last_line_is_ended(tmp_path, output):
    (tmp_path / "a.log").write_text('{"n":')
    send(output("a.log"), {"n": 1})
    assert written(tmp_path) == {"a.log": ['{"n":', '{"n":1}']}


def test_a_full_disk_takes_back_what_was_written_in_part(tmp_path, output, monkeypatch):
    one = output("a.log", fsync=True)
    send(one, {"n": 0})
    room = 12

    def cramped(descriptor, data):
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        taken = os.pwrite(descriptor, data[:room], os.fstat(descriptor).st_size)
        room -= taken
        return taken

    monkeypatch.setattr(written_files.os, "write", cramped)
    sent = send(one, {"n": 1}, {"n": 2}, {"n": 3})
    assert [index for index, _ in sent.again] == [1, 2]
    assert str(tmp_path / "a.log") in sent.again[0][1]
    with pytest.raises(Unavailable, match="No space left"):
        send(one, {"n": 2}, {"n": 3})
    monkeypatch.undo()
    send(one, {"n": 2}, {"n": 3})
    assert written(tmp_path) == {"a.log": [f'{{"n":{number}}}' for number in range(4)]}


def test_what_cannot_be_synced_is_not_written(tmp_path, output, monkeypatch):
    """It is taken back and written again; a sync that fails is not believed when it does not fail the second time."""
    one, fails = output("a.log", fsync=True), [False]
    send(one, {"n": 0})

    def failing(descriptor):
        if fails and fails.pop():
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(written_files.os, "fsync", failing)
    assert not send(one, {"n": 1}).again
    fails.append(True)
    with pytest.raises(Unavailable, match="Input/output error"):
        send(one, {"n": 2}, {"n": 3})
    assert written(tmp_path) == {"a.log": ['{"n":0}', '{"n":1}']}
    send(one, {"n": 2}, {"n": 3})
    assert written(tmp_path) == {"a.log": [f'{{"n":{number}}}' for number in range(4)]}


def test_a_pipe_cannot_be_synced(tmp_path, output):
    os.mkfifo(tmp_path / "a.log")
    reader = os.open(tmp_path / "a.log", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert not send(output("a.log", fsync=True), {"n": 1}).again
        assert os.read(reader, 100) == b'{"n":1}\n'
    finally:
        os.close(reader)


def test_a_folder_that_cannot_be_made_is_waited_for(tmp_path, output):
    (tmp_path / "x").touch()
    with pytest.raises(Unavailable, match=r"x/a\.log"):
        send(output("x/a.log"), {"n": 1})


def test_stale_files_are_closed(tmp_path, output, monkeypatch):
    one = output("%{k}.log")
    send(one, {"k": "a"})
    now = written_files.time.monotonic()
    monkeypatch.setattr(written_files.time, "monotonic", lambda: now + 11)
    one.close_stale()
    assert not one.files._open
    send(one, {"k": "a"})
    assert len(written(tmp_path)["a.log"]) == 2


@pytest.mark.parametrize("path", ["/%{a}/b", "/x-%{a}/b", "/%{+YYYY}"])
def test_the_first_folder_holds_no_field(path):
    with pytest.raises(ValidationError, match="must begin with a folder"):
        file.Options(path=path, codec=CODEC)
