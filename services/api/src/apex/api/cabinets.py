"""The arithmetic of sign cabinets: face area and an estimate of weight, by hand-book figures.

The model is a closed box of sheet material of one thickness: a face, a back, and returns (the four sides):

    face area, ft2      width x height x count / 144
    sheet area, in2     2 x width x height  +  2 x (width + height) x depth
    weight, lb          sheet area x thickness / 1728 x density x count

Lengths are in inches, areas in square feet, densities in lb/ft3, weights in pounds; 144 in2 are 1 ft2, 1,728 in3 are
1 ft3. It is the shell alone: frame, lamps, power supplies, paint and mounting are not in it, and are usually added as
a share of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

IN2_PER_FT2 = 144.0
IN3_PER_FT3 = 1728.0
LEAST = 0.125
"""Inches: a sheet of metal."""


class Material(NamedTuple):
    """What a cabinet is built of."""

    name: str
    density_lb_ft3: float
    thickness_in: float
    """Of the sheet that cabinets of this material are usually built of, in inches."""
    source: str


ALUMINIUM = "aluminium"
MATERIALS = (
    Material(ALUMINIUM, 169.0, 0.125, "2.70 g/cm3, engineering handbooks; 1/8 in sheet"),
    Material("steel", 490.0, 0.0598, "7.85 g/cm3, engineering handbooks; 16 gauge, US manufacturers' standard"),
    Material("stainless", 501.0, 0.0625, "8.03 g/cm3, type 304, engineering handbooks; 16 gauge, US standard"),
    Material("acrylic", 74.0, 0.177, "1.19 g/cm3, engineering handbooks; 3/16 in sheet, 4.5 mm as sold"),
    Material("polycarbonate", 75.0, 0.177, "1.20 g/cm3, engineering handbooks; 3/16 in sheet, 4.5 mm as sold"),
)
"""What the table of materials is filled with at first; rows may be added to it and changed there."""


class Cabinet(BaseModel):
    """A cabinet to be built; sizes in inches. The largest are beyond any road transport."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    width: Annotated[float, Field(ge=LEAST, le=1200, description="Inches.", examples=[48])]
    height: Annotated[float, Field(ge=LEAST, le=1200, description="Inches.", examples=[24])]
    depth: Annotated[float, Field(ge=LEAST, le=240, description="Inches.", examples=[8])]
    count: Annotated[int, Field(ge=1, le=10_000, description="How many of them.")] = 1
    material: Annotated[str, Field(min_length=1, max_length=40, description="A name of the table of materials.")] = (
        ALUMINIUM
    )


Cabinets = Annotated[list[Cabinet], Field(min_length=1, max_length=500)]


class Row(BaseModel):
    """What was derived for one cabinet of the request, its count included."""

    width: float
    height: float
    depth: float
    count: int
    material: str
    area_ft2: float
    weight_lb: float


class Derived(BaseModel):
    """The answer: sums, and a row for each cabinet in the request's order."""

    A_ft2: Annotated[float, Field(description="Face area of all cabinets, in square feet.")]
    weight_estimate_lb: Annotated[float, Field(description="Weight of all shells, in pounds.")]
    cabinets: list[Row]


class UnknownMaterial(Exception):
    """A cabinet names a material that the table does not have."""

    def __init__(self, place: int, known: Sequence[str]) -> None:
        super().__init__(place, known)
        self.place = place
        self.known = known


def calculate_cabinets(cabinets: Sequence[Cabinet], materials: Mapping[str, Material]) -> Derived:
    """Derives areas and weights; sums are of the unrounded values, and everything is rounded to 3 decimals.

    Raises `UnknownMaterial` for the first cabinet whose material is not there.
    """
    rows, area, weight = [], 0.0, 0.0
    for place, cabinet in enumerate(cabinets):
        if cabinet.material not in materials:
            raise UnknownMaterial(place, sorted(materials))
        face, shell = face_area(cabinet), shell_weight(cabinet, materials[cabinet.material])
        area, weight = area + face, weight + shell
        sizes: dict[str, Any] = cabinet.model_dump()
        rows.append(Row(**sizes, area_ft2=round(face, 3), weight_lb=round(shell, 3)))
    return Derived(A_ft2=round(area, 3), weight_estimate_lb=round(weight, 3), cabinets=rows)


def face_area(cabinet: Cabinet) -> float:
    """Square feet of the faces."""
    return cabinet.width * cabinet.height * cabinet.count / IN2_PER_FT2


def shell_weight(cabinet: Cabinet, material: Material) -> float:
    """Pounds of the shells."""
    sheet = 2 * cabinet.width * cabinet.height + 2 * (cabinet.width + cabinet.height) * cabinet.depth
    return sheet * material.thickness_in / IN3_PER_FT3 * material.density_lb_ft3 * cabinet.count
