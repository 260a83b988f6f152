"""Deriving cabinets."""

from __future__ import annotations

from fastapi import APIRouter
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict

from apex.api import calculations
from apex.api.cabinets import Cabinets, Derived
from apex.api.services import Given

router = APIRouter(tags=["cabinets"])
DERIVE = "/signage/common/cabinets/derive"


class Derive(BaseModel):
    """The cabinets to be derived."""

    model_config = ConfigDict(extra="forbid")

    cabinets: Cabinets


@router.post(DERIVE)
def derive_cabinets(body: Derive, given: Given) -> Derived:
    """Derives face area and weight of cabinets: shells of sheet material, without frame and lamps."""
    with trace.get_tracer(__name__).start_as_current_span("cabinet_derive") as span:
        span.set_attribute("cabinets.count", len(body.cabinets))
        derived = calculations.derive(body.cabinets, given.cache, given.engine, given.metrics)
        span.set_attribute("result.area_ft2", derived.A_ft2)
        span.set_attribute("result.weight_lb", derived.weight_estimate_lb)
        calculations.record(given.engine, derived)
        return derived
