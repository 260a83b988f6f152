"""The ways between pipelines: addresses that nobody has, and circles."""

from __future__ import annotations

import pytest

from pipeline.pipelines.chosen import Chosen, together
from pipeline.settings.logstash_yml import ReadSettings, Settings
from tests.harness import planned


def said(pipelines: dict[str, str], *, whole: bool = True) -> dict[str, list[str]]:
    every = []
    for name, text in pipelines.items():
        read = ReadSettings(Settings(pipeline_id=name), [])
        every.append(Chosen(read, planned(text)) if text else Chosen(read, None, ["faulty"]))
    checked = together(every, whole=whole)
    return {one.name: [str(fault).splitlines()[0] for fault in one.faults] for one in checked if one.faults}


def way(address: str, *targets: str) -> str:
    sends = "".join(f'pipeline {{ send_to => ["{target}"] }} ' for target in targets)
    return f'input {{ pipeline {{ address => "{address}" }} }} output {{ {sends} }}'


FROM_STDIN = 'input { stdin { } } output { pipeline { send_to => ["b1", "c1"] } }'
CIRCLE = 'pipeline: what is sent to "{}" comes back: {}; break the circle'

CASES = {
    "well": ({"a": FROM_STDIN, "b": way("b1", "c1"), "c": way("c1")}, {}),
    "nobody has it": (
        {"a": FROM_STDIN, "b": way("b1"), "c": way("cc1")},
        {"a": ['no pipeline input has the address "c1"; did you mean "cc1"?']},
    ),
    "a circle": (
        {"a": FROM_STDIN, "b": way("b1", "c1"), "c": way("c1", "b1")},
        {"b": [CIRCLE.format("c1", "b -> c -> b")], "c": [CIRCLE.format("b1", "c -> b -> c")]},
    ),
    "itself": ({"a": way("x", "x")}, {"a": [CIRCLE.format("x", "a -> a")]}),
    "one address twice": (
        {"a": way("x"), "b": way("x")},
        {"b": ['the address "x" is that of the input at test.conf:1:9; give each input an address of its own']},
    ),
    "of what is faulty nobody knows the addresses": ({"a": FROM_STDIN, "b": way("b1"), "c": ""}, {"c": ["faulty"]}),
}


@pytest.mark.parametrize(("pipelines", "wanted"), CASES.values(), ids=CASES)
def test_faults_are_those_of_the_pipeline_that_has_them(
    pipelines: dict[str, str], wanted: dict[str, list[str]]
) -> None:
    found = said(pipelines)
    assert found.keys() == wanted.keys()
    for name, faults in wanted.items():
        assert len(found[name]) == len(faults)
        for one, text in zip(found[name], faults, strict=True):
            assert text in one


def test_one_pipeline_alone_is_told_that_nobody_has_the_address() -> None:
    read = ReadSettings(Settings(), [])
    [checked] = together([Chosen(read, planned(FROM_STDIN))], whole=False)
    assert not checked.faults
    assert [str(warning).splitlines()[0].partition(": ")[2] for warning in checked.warnings] == [
        'pipeline: no pipeline input has the address "b1"',
        'pipeline: no pipeline input has the address "c1"',
    ]
