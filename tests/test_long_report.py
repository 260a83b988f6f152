import datetime

from tests.long_report import report

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

`make test-long` of 2026-11-25: 1 of 3 held.

## Another

What the module shows.

- FAILED, in 0 s
- `tests/test_x.py::test_another`

## One thing

What this one shows, over two lines.

- held, in 61 s
- events: 200000
- lost: 0
- `tests/test_x.py::test_one_thing` with 3-kill

## Gone

- was skipped, in 0 s
- `tests/test_y.py::test_gone`
"""


def test_what_it_says(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(PROOF)
    (tmp_path / "results.xml").write_text(RESULTS)
    assert report(tmp_path / "results.xml", tmp_path, datetime.date(2026, 11, 25)) == REPORT
