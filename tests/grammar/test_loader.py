"""Where the text of a configuration comes from."""

from pathlib import Path

import pytest

from pipeline.grammar.loader import DEFAULTS, completed, from_text, load


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.conf", "a.conf", "10-x", "c.conf~", ".hidden", "sub/d.conf", "empty/.keep"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(f"# {name} ü\r\n".encode())
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a.conf", ["a.conf"]),
        ("c.conf~", ["c.conf~"]),
        (".", ["10-x", "a.conf", "b.conf"]),
        ("sub", ["sub/d.conf"]),
        ("sub/", ["sub/d.conf"]),
        ("*.conf", ["a.conf", "b.conf"]),
        ("{b,a}.conf", ["a.conf", "b.conf"]),
        ("*{x,b.conf}", ["10-x", "b.conf"]),
        ("*", ["10-x", "a.conf", "b.conf"]),
        ("**/d.conf", ["sub/d.conf"]),
    ],
)
def test_files(folder: Path, path: str, names: list[str]) -> None:
    sources, faults = load(path)
    assert not faults
    assert [source.name for source in sources] == names
    assert [source.text for source in sources] == [f"# {name} ü\r\n" for name in names]


def test_absolute_paths_and_file_addresses(folder: Path) -> None:
    assert [source.name for source in load(f"file://{folder}/a.conf")[0]] == [f"{folder}/a.conf"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("none.conf", "there is no file or directory none.conf: check the path, which starts from "),
        ("*.cfg", "no file matches *.cfg: check the pattern, and quote it against the shell"),
        ("{x,y}.conf", "no file matches {x,y}.conf: check the pattern, and quote it against the shell"),
        ("empty", "there is no configuration in the directory empty: it has no files, or only hidden ones"),
    ],
)
def test_nothing_to_read(folder: Path, path: str, fault: str) -> None:
    sources, faults = load(path)
    assert not sources
    assert len(faults) == 1
    assert str(faults[0]).startswith(fault)


def test_files_that_cannot_be_read_do_not_hide_the_others(folder: Path) -> None:
    (folder / "b.conf").write_bytes("# ä\nfilter { # ä".encode("latin-1"))
    (folder / "10-x").write_bytes("filter { }".encode("utf-16"))
    (folder / "a-link").symlink_to("nowhere")
    sources, faults = load(".")
    assert [source.name for source in sources] == ["a.conf"]
    assert [str(fault) for fault in faults] == [
        "10-x is UTF-16: save it as UTF-8",
        "a-link cannot be read: No such file or directory; check its owner and permissions",
        "b.conf:1:3: byte 0xe4 is not UTF-8: save the file as UTF-8\n    1 | # \ufffd\n      |   ^",
    ]


def test_text_of_the_command_line() -> None:
    (source,) = from_text("filter { }")
    assert (source.name, source.text) == ("-e", "filter { }")


COMPLETED = {
    "nothing": ("", ["input", "output"]),
    "filters": ("filter { drop { } }", ["input", "output"]),
    "an input": ("input   { stdin { } }", ["output"]),
    "both": ("input { stdin { } } output { stdout { } }", []),
}


@pytest.mark.parametrize(("text", "added"), COMPLETED.values(), ids=COMPLETED)
def test_a_text_without_input_or_output_has_standard_input_and_output(text: str, added: list[str]) -> None:
    made = completed(from_text(text))
    assert [source.name for source in made] == ["-e", *(f"default {name}" for name in added)]
    assert [source.text for source in made[1:]] == [DEFAULTS[name] for name in added]


def test_a_configuration_is_not_fetched() -> None:
    _, [fault] = load("https://example.org/a.conf")
    assert str(fault).startswith("https://example.org/a.conf is not fetched: save it to a file first")
