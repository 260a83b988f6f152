"""The example configurations on samples of real logs: what cannot be read, and whether times are right.

The time of each line is worked out here a second time, from the places of its columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.commands.case_files import Case, CaseFile, Runner, plan_of

SAMPLES = Path(os.environ["APEX_RECORDINGS"]) / "data" / "loghub"
EXAMPLES = Path(__file__).parents[2] / "infra" / "logging" / "examples"
Time = Callable[[str], datetime]


def _at(end: int, form: str, start: int = 0) -> Time:
    return lambda line: datetime.strptime(line[start:end], form)


def _of_openstack(line: str) -> datetime:
    return datetime.strptime(line.split(" ", 1)[1][:23], "%Y-%m-%d %H:%M:%S.%f")


def _of_thunderbird(line: str) -> datetime:
    return datetime.fromtimestamp(int(line.split()[1]), UTC).replace(tzinfo=None)


def _of_syslog(line: str) -> datetime:
    return datetime.strptime(f"2000 {line[:15]}", "%Y %b %d %H:%M:%S")


KINDS: dict[str, tuple[str, Time]] = {
    "Apache": ("apache", _at(25, "%a %b %d %H:%M:%S %Y", 1)),
    "HDFS": ("hdfs", _at(13, "%y%m%d %H%M%S")),
    "Hadoop": ("hadoop", _at(23, "%Y-%m-%d %H:%M:%S,%f")),
    "Linux": ("syslog", _of_syslog),
    "OpenSSH": ("syslog", _of_syslog),
    "OpenStack": ("openstack", _of_openstack),
    "Spark": ("spark", _at(17, "%y/%m/%d %H:%M:%S")),
    "Thunderbird": ("thunderbird", _of_thunderbird),
    "Windows": ("windows", _at(19, "%Y-%m-%d %H:%M:%S")),
    "Zookeeper": ("zookeeper", _at(23, "%Y-%m-%d %H:%M:%S,%f")),
}


@pytest.mark.parametrize("sample", KINDS)
def test_lines_are_parsed_and_times_are_right(sample: str) -> None:
    name, time_of = KINDS[sample]
    lines = (SAMPLES / f"{sample}.log").read_text(encoding="utf-8").splitlines()
    plan = plan_of(EXAMPLES / f"{name}.yml", CaseFile(configuration=f"{name}.conf", cases=[]))
    found = Runner(plan).run(Case(name=sample, lines=lines, events=[]))
    assert len(found) >= 0.99 * len(lines)
    failed = [event.fields for event in found if set(event.fields.get("tags", [])) - {"multiline"}]
    assert len(failed) <= 0.01 * len(lines), failed[:3]
    wrong = []
    for event in found:
        original = event.fields["event"]["original"]
        expected = time_of(original)
        year = event.fields["@timestamp"][:4] if name == "syslog" else f"{expected.year}"
        said = f"{year}{expected.isoformat(timespec='milliseconds')[4:]}Z"
        if event.fields["@timestamp"] != said:
            wrong.append((original, event.fields["@timestamp"]))
    assert wrong == []
