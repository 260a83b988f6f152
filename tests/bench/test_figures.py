from __future__ import annotations

import pytest

from bench.figures import Figure, as_json, shown, table

FIGURES = [
    Figure("file to file", "ratio", (0.5, 0.7, 0.65), least=0.6),
    Figure("file to file", "memory", (151.0,), below=150),
    Figure("start", "check", (0.5, 0.25), below=0.3, best=True),
]


def test_the_table_marks_what_is_missed() -> None:
    assert list(table(FIGURES)) == [
        "              value   lowest - highest  goal",
        "file to file",
        "  ratio       0.650      0.500 - 0.700  >= 0.6",
        "  memory        151                     < 150  MISSED",
        "start",
        "  check       0.250      0.250 - 0.500  < 0.3",
    ]


@pytest.mark.parametrize(
    ("figure", "missed"),
    [
        (Figure("", "", (0.6,), least=0.6), False),
        (Figure("", "", (0.59,), least=0.6), True),
        (Figure("", "", (0.3,), below=0.3), True),
        (Figure("", "", (0.29,), below=0.3), False),
        (Figure("", "", (9.0,)), False),
    ],
)
def test_goals(figure: Figure, missed: bool) -> None:
    assert figure.missed is missed


def test_json_has_every_value() -> None:
    assert as_json(FIGURES) == {
        "file to file": {
            "ratio": {"value": 0.65, "values": [0.5, 0.7, 0.65], "goal": ">= 0.6", "missed": False},
            "memory": {"value": 151.0, "values": [151.0], "goal": "< 150", "missed": True},
        },
        "start": {"check": {"value": 0.25, "values": [0.5, 0.25], "goal": "< 0.3", "missed": False}},
    }


@pytest.mark.parametrize(
    ("value", "text"), [(0.5049, "0.505"), (12.34, "12.3"), (123.4, "123"), (12_345.6, "12,346"), (-2.0, "-2.000")]
)
def test_numbers(value: float, text: str) -> None:
    assert shown(value) == text
