"""`make test-long`: runs the proofs that take minutes, and writes what they showed to docs/long-proofs.md.

A proof says what it shows in its docstring and gives its figures with `record_property`. The report names no machine.
"""

from __future__ import annotations

import ast
import datetime
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "long-proofs.md"


def main() -> int:
    """Returns pytest's exit code; the report is written whether the proofs hold or not."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        code = int(
            pytest.main([str(ROOT / "tests"), "-m", "long", f"--junitxml={results}", "-o", "junit_family=xunit1"])
        )
        if code not in (0, 1):  # interrupted, or a fault of the suite itself: there is nothing to report
            return code
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(report(results, ROOT, datetime.datetime.now(datetime.UTC).date()), encoding="utf-8")
    print(f"written: {REPORT.relative_to(ROOT)}")
    return code


def report(results: Path, root: Path, day: datetime.date) -> str:
    """The report on a run: each proof, what it shows, whether it held, its figures."""
    cases = list(ElementTree.parse(results).iter("testcase"))
    held = sum(outcome(case) == "held" for case in cases)
    lines = ["# Long proofs", "", f"`make test-long` of {day.isoformat()}: {held} of {len(cases)} held.", ""]
    for case in sorted(cases, key=lambda case: (case.get("file", ""), case.get("name", ""))):
        path = case.get("file", "")
        name, _, parameters = case.get("name", "").partition("[")
        lines += [f"## {name.removeprefix('test_').replace('_', ' ').capitalize()}", ""]
        if told := shows(root / path, name):
            lines += [told, ""]
        lines.append(f"- {outcome(case)}, in {float(case.get('time', '0')):.0f} s")
        lines += [f"- {item.get('name')}: {item.get('value')}" for item in case.iter("property")]
        lines += [f"- `{path}::{name}`" + (f" with {parameters.rstrip(']')}" if parameters else ""), ""]
    return "\n".join(lines)


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
    told = next(filter(None, map(ast.get_docstring, functions)), None) or ast.get_docstring(module) or ""
    return " ".join(told.split("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main())
