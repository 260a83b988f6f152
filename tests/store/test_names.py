import pytest

from pipeline.errors import StoreError
from pipeline.store.files import path_of
from pipeline.store.names import file_name, problem


@pytest.mark.parametrize(
    "name", ["apex-logs-2026.11.23", "a", ".hidden", "größe", "日誌", "a_b+c", "%{[x]}-logs", "x" * 255]
)
def test_good_names(name):
    assert problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is empty"),
        ("Logs", "it holds upper case"),
        ("Ä", "it holds upper case"),
        *[(f"a{character}b", f"it holds {character!r}") for character in '\\/*?"<>| ,#:\n\0'],
        ("../etc/passwd", "it holds '/'"),
        ("-a", "it starts with '-'"),
        ("_a", "it starts with '_'"),
        ("+a", "it starts with '+'"),
        (".", "it is a path"),
        ("..", "it is a path"),
        ("x" * 256, "it is longer than 255 bytes"),
        ("é" * 128, "it is longer than 255 bytes"),
        ("a\ud800", "it is not valid Unicode"),
    ],
)
def test_names_that_elasticsearch_refuses(name, why, tmp_path):
    assert problem(name) == f"invalid index name {name!r}: {why}"
    with pytest.raises(StoreError):
        path_of(tmp_path, name)


def test_a_file_is_named_after_its_index():
    assert file_name("apex-logs-2026.11.23") == "apex-logs-2026.11.23.sqlite"


def test_long_names_have_files_of_their_own_that_a_file_system_takes():
    files = {file_name(name) for name in ("x" * 255, "x" * 254, "é" * 127, "é" * 126)}
    assert len(files) == 4
    assert all(len(name.encode()) <= 220 for name in files)
    assert all("#" in name for name in files)
