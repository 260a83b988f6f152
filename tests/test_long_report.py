import datetime

from tests.long_report import report, sections, told

PROOF = '''"""What the module shows."""

def test_one_thing():
    """What this one shows,
    over two lines.

    And more."""

def test_another():
    pass
'''
RESULTS = """<testsuites><testsuite>
<testcase file="tests/test_x.py" name="test_one_thing[3-kill]" time="61.4"><properties>
<property name="events" value="200000" /><property name="lost" value="0" /></properties></testcase>
<testcase file="tests/test_x.py" name="test_another" time="0.2"><failure /></testcase>
<testcase file="tests/test_y.py" name="test_gone" time="0.2"><skipped /></testcase>
</testsuite></testsuites>"""
REPORT = """# Long proofs

`make test-long` and runs of single proofs: 1 of 3 held.

## Another

What the module shows.

- FAILED, in 0 s, on 2026-11-25
- `tests/test_x.py::test_another`

## One thing

What this one shows, over two lines.

- held, in 61 s, on 2026-11-25
- events: 200000
- lost: 0
- `tests/test_x.py::test_one_thing` with 3-kill

## Gone

- was skipped, in 0 s, on 2026-11-25
- `tests/test_y.py::test_gone`
"""
LATER = """<testsuites><testsuite>
<testcase file="tests/test_x.py" name="test_another" time="3.2"></testcase>
</testsuite></testsuites>"""


def test_what_it_says(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(PROOF)
    (tmp_path / "results.xml").write_text(RESULTS)
    assert report(told(tmp_path / "results.xml", tmp_path, datetime.date(2026, 11, 25))) == REPORT


def test_a_run_of_some_leaves_the_others_as_they_were(tmp_path):
    """The proof that is not there any more is left out."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(PROOF)
    (tmp_path / "results.xml").write_text(LATER)
    before = sections(REPORT, tmp_path)
    later = report({**before, **told(tmp_path / "results.xml", tmp_path, datetime.date(2026, 11, 26))})
    want = REPORT.replace("FAILED, in 0 s, on 2026-11-25", "held, in 3 s, on 2026-11-26").replace("1 of 3", "2 of 2")
    assert later == want[: want.index("\n## Gone")]
