from __future__ import annotations

import pytest
from apex.api.cabinets import MATERIALS, Cabinet, UnknownMaterial, calculate_cabinets
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

BY_NAME = {material.name: material for material in MATERIALS}


def test_a_cabinet_by_hand() -> None:
    """48 x 24 x 8 in of 1/8 in aluminium: 2 x 1152 + 2 x 72 x 8 = 3456 in2, 432 in3 = 0.25 ft3, of 169 lb/ft3."""
    derived = calculate_cabinets([Cabinet(width=48, height=24, depth=8)], BY_NAME)
    assert (derived.A_ft2, derived.weight_estimate_lb) == (8.0, 42.25)


def test_sums_are_of_all_rows_and_counts() -> None:
    cabinets = [
        Cabinet(width=48, height=24, depth=8, count=3),
        Cabinet(width=12, height=12, depth=12, material="steel"),
    ]
    derived = calculate_cabinets(cabinets, BY_NAME)
    assert [row.area_ft2 for row in derived.cabinets] == [24.0, 1.0]
    steel = 6 * 144 * 0.0598 / 1728 * 490
    assert [row.weight_lb for row in derived.cabinets] == [126.75, round(steel, 3)]
    assert derived.A_ft2 == 25.0
    assert derived.weight_estimate_lb == round(126.75 + steel, 3)


@pytest.mark.parametrize("material", MATERIALS, ids=lambda material: material.name)
def test_densities_are_those_of_their_source(material: object) -> None:
    """1 g/cm3 is 62.428 lb/ft3."""
    name, density, thickness, source = material
    assert density == pytest.approx(float(source.split()[0]) * 62.428, rel=0.005), name
    assert 0.03 < thickness < 0.25


@given(st.floats(1, 1200), st.floats(1, 1200), st.floats(1, 240), st.integers(1, 50), st.sampled_from(sorted(BY_NAME)))
def test_count_is_that_many_single_ones(width: float, height: float, depth: float, count: int, material: str) -> None:
    single = Cabinet(width=width, height=height, depth=depth, material=material)
    together = calculate_cabinets([single.model_copy(update={"count": count})], BY_NAME)
    apart = calculate_cabinets([single] * count, BY_NAME)
    assert together.A_ft2 == pytest.approx(apart.A_ft2, abs=0.002)
    assert together.weight_estimate_lb == pytest.approx(apart.weight_estimate_lb, abs=0.002)


def test_an_unknown_material_has_its_place() -> None:
    good, bad = Cabinet(width=1, height=1, depth=1), Cabinet(width=1, height=1, depth=1, material="gold")
    with pytest.raises(UnknownMaterial) as raised:
        calculate_cabinets([good, bad], BY_NAME)
    assert raised.value.place == 1
    assert "aluminium" in raised.value.known


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("height", -1),
        ("depth", 1e-9),
        ("depth", 241),
        ("width", 1201),
        ("width", float("nan")),
        ("height", float("inf")),
        ("width", "48"),
        ("width", True),
        ("count", 0),
        ("count", 1.5),
        ("count", 10_001),
        ("material", ""),
        ("colour", "red"),
    ],
)
def test_what_no_cabinet_is(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as raised:
        Cabinet.model_validate({"width": 48, "height": 24, "depth": 8, field: value})
    assert raised.value.errors()[0]["loc"] == (field,)
