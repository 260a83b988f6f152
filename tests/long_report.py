"""`make test-long`: runs the proofs that take minutes, and writes what they showed to docs/long-proofs.md.

    python -m tests.long_report                               all of them; the report is written anew
    python -m tests.long_report tests/proofs/test_kill.py     these; of the others, the report says what it said

A proof says what it shows in its docstring and gives its figures with `record_property`. The report names no machine.
"""

from __future__ import annotations

import ast
import datetime
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "long-proofs.md"


def main(selection: Sequence[str]) -> int:
    """Returns pytest's exit code; the report is written whether the proofs hold or not."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        what = selection or [str(ROOT / "tests")]
        code = int(pytest.main([*what, "-m", "long", f"--junitxml={results}", "-o", "junit_family=xunit1"]))
        if code not in (0, 1):  # interrupted, or a fault of the suite itself: there is nothing to report
            return code
        found = told(results, ROOT, datetime.datetime.now(datetime.UTC).date())
        if selection and REPORT.is_file():
            found = {**sections(REPORT.read_text(encoding="utf-8"), ROOT), **found}
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(found), encoding="utf-8")
    print(f"written: {REPORT.relative_to(ROOT)}")
    return code


def report(found: Mapping[str, str]) -> str:
    """The report of sections by the places of their proofs."""
    held = sum("\n- held, " in section for section in found.values())
    begin = f"# Long proofs\n\n`make test-long` and runs of single proofs: {held} of {len(found)} held.\n\n"
    return begin + "\n".join(section for _, section in sorted(found.items()))


def sections(text: str, root: Path) -> dict[str, str]:
    """The sections of a report by their places, without those of proofs that are not there any more."""
    found = {}
    for section in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        place = section.rstrip().rpartition("\n- ")[2]
        path, _, name = place.strip("`").partition("::")
        name = name.partition("`")[0]
        if (root / path).is_file() and f"def {name}(" in (root / path).read_text(encoding="utf-8"):
            found[place] = section.rstrip() + "\n"
    return found


def told(results: Path, root: Path, day: datetime.date) -> dict[str, str]:
    """What a run says of each proof, by its place: what it shows, whether it held, when, its figures."""
    found = {}
    for case in ElementTree.parse(results).iter("testcase"):
        path = case.get("file", "")
        name, _, parameters = case.get("name", "").partition("[")
        lines = [f"## {name.removeprefix('test_').replace('_', ' ').capitalize()}", ""]
        if shown := shows(root / path, name):
            lines += [shown, ""]
        lines.append(f"- {outcome(case)}, in {float(case.get('time', '0')):.0f} s, on {day.isoformat()}")
        lines += [f"- {item.get('name')}: {item.get('value')}" for item in case.iter("property")]
        place = f"`{path}::{name}`" + (f" with {parameters.rstrip(']')}" if parameters else "")
        found[place] = "\n".join([*lines, f"- {place}", ""])
    return found


def outcome(case: ElementTree.Element) -> str:
    """Whether a proof held."""
    for word, tag in (("FAILED", "failure"), ("FAILED", "error"), ("was skipped", "skipped")):
        if case.find(tag) is not None:
            return word
    return "held"


def shows(path: Path, name: str) -> str:
    """What a proof shows: the docstring of its function, else of its module."""
    if not path.is_file():
        return ""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == name]
    said = next(filter(None, map(ast.get_docstring, functions)), None) or ast.get_docstring(module) or ""
    return " ".join(said.split("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
