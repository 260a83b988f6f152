import os

import pytest

from pipeline.disk.globs import braces, found


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        ("/a/*.log", ["/a/*.log"]),
        ("/a/{b,c}.log", ["/a/b.log", "/a/c.log"]),
        ("/{a,{b,c}d}/{e}", ["/a/e", "/bd/e", "/cd/e"]),
        ("/a/{b", ["/a/{b"]),
    ],
)
def test_braces(pattern, plain):
    assert list(braces(pattern)) == plain


@pytest.fixture
def folder(tmp_path):
    for name in ("a.log", "x/b.log", "x/y/c.log", "x/y/d.txt", ".hidden/e.log", "[1]/f.log"):
        path = tmp_path / "real" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "to-x").symlink_to("x")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("real/*.log", "real/a.log"),
        ("real/**/*.log", "real/a.log real/x/b.log real/x/y/c.log real/[1]/f.log"),
        ("real/**/**/*.log", "real/a.log real/x/b.log real/x/y/c.log real/[1]/f.log"),
        ("link/**/*.txt", "link/x/y/d.txt"),
        ("l*/**/*.txt", "link/x/y/d.txt"),
        ("**/d.txt", "real/x/y/d.txt"),
        ("real/**/y/*.txt", "real/x/y/d.txt"),
        ("real/**/to-x/*.log", "real/to-x/b.log"),
        ("real/**/x/**/*.log", "real/x/b.log real/x/y/c.log"),
        ("real/x/**", "real/x/b.log real/x/y/c.log real/x/y/d.txt"),
        ("real/**x/*.log", "real/x/b.log real/to-x/b.log"),
        ("nowhere/**/*.log", ""),
    ],
)
def test_found(folder, pattern, files):
    assert set(found([f"{folder}/{pattern}"])) == {f"{folder}/{name}" for name in files.split()}


def test_links_in_a_circle_are_not_followed(folder):
    for name in ("one", "two"):
        (folder / "real" / name).symlink_to(".")
    scanned, scandir = [], os.scandir
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: scanned.append(path) or scandir(path))
        assert len(found([f"{folder}/real/**/*.txt"])) == 1
    assert len(scanned) < 20
