"""Case files are run, and what is not as expected is said; every case file of the repository comes out as expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import invoke

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "tests" / "cases").glob("*.yml"), *(ROOT / "infra" / "logging" / "examples").glob("*.yml")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cases_come_out_as_expected(path):
    code, out, err = invoke("test", str(path))
    assert (code, err) == (0, ""), out


def test_every_example_has_its_cases():
    examples = ROOT / "infra" / "logging" / "examples"
    assert {path.stem for path in examples.glob("*.conf")} == {path.stem for path in examples.glob("*.yml")}


CASE = """
text: 'filter { grok { match => { "message" => "%{INT:n:int}" } } }'
cases:
  - name: a number
    lines: [a 5]
    events: [EXPECTED]
"""


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("{n: 5}", "1 of 1 cases as expected"),
        ("{n: '5'}", "a number: event 1: n is 5, expected '5'"),
        ("{n: 5, m: 1}", "a number: event 1: m is None, expected 1"),
        ("{n: 5, tags: [x]}", "a number: event 1: tags is None, expected ['x']"),
        ("{'[n': 5}", 'a number: event 1: "[n" is no field reference'),
        ("", "a number: 1 events came out, 0 were expected"),
        ("{n: 5}, {}", "a number: 1 events came out, 2 were expected"),
    ],
)
def test_differences_are_said(tmp_path, expected, said):
    path = tmp_path / "case.yml"
    path.write_text(CASE.replace("EXPECTED", expected))
    code, out, _ = invoke("test", str(tmp_path))
    assert said in out
    assert code == int("1 of 1" not in said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is no YAML"),
        ("cases: []", "give either configuration, the name of a file, or text"),
        ("text: ''\ncases: [{name: a}]", "cases.0.events: Field required"),
        ("text: ''\ncases: []\nmore: 1", "more: Extra inputs are not permitted"),
        ("configuration: none.conf\ncases: []", "none.conf"),
        ("text: 'filter { grok { match => { message => \"%{NOPE}\" } } }'\ncases: []", 'no grok pattern "NOPE"'),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, text, said):
    path = tmp_path / "case.yml"
    path.write_text(text)
    code, _, err = invoke("test", str(path))
    assert code == 2
    assert said in err


def test_a_folder_without_cases_is_no_success(tmp_path):
    assert invoke("test", str(tmp_path)).code == 2
