"""A pipeline as the configuration names it: with a plan, or with the faults that keep it from running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.config.claims import claims
from pipeline.config.plan import Plan
from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault
from pipeline.pipelines.links import link_faults
from pipeline.settings.logstash_yml import ReadSettings, Settings


@dataclass(frozen=True, slots=True)
class Chosen:
    """One pipeline, read and checked."""

    read: ReadSettings
    plan: Plan | None
    """None where there are faults."""
    faults: Sequence[object] = ()

    @property
    def name(self) -> str:
        """Its `pipeline.id`."""
        return self.settings.pipeline_id

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.read.settings

    @property
    def warnings(self) -> list[Fault]:
        """What is to be said of settings and configuration."""
        return [*self.read.warnings, *(self.plan.warnings if self.plan is not None else ())]

    @property
    def error(self) -> ConfigurationError:
        """The faults, to be raised or shown."""
        return ConfigurationError(list(self.faults))

    def same_as(self, settings: Settings, plan: Plan) -> bool:
        """Whether what runs by these would be no other."""
        return self.plan is not None and self.plan.recipe == plan.recipe and self.settings == settings


def together(every: Sequence[Chosen], *, whole: bool) -> list[Chosen]:
    """The same, with the faults that only all of them show: two that want one thing, addresses that lead nowhere.

    `whole`: these are all pipelines of the process, so an address that none of them has is a fault; else a warning.
    """
    plans = {chosen.name: chosen.plan for chosen in every if chosen.plan is not None}
    # Of a pipeline with faults nobody knows which addresses it has.
    found = link_faults(plans, unknown=len(plans) == len(every))
    inputs = [checked for plan in plans.values() for checked in plan.section("input")]
    for fault in claims(inputs) if len(plans) > 1 else ():
        name = next(name for name, plan in plans.items() if fault.span and _holds(plan, fault))
        found.faults.setdefault(name, []).append(fault)
    if whole:
        for name, unknown in found.unknown.items():
            found.faults.setdefault(name, []).extend(unknown)
    checked_all = []
    for chosen in every:
        if faults := found.faults.get(chosen.name):
            checked_all.append(replace(chosen, plan=None, faults=[*chosen.faults, *faults]))
        elif not whole and chosen.name in found.unknown:
            read = ReadSettings(chosen.settings, [*chosen.read.warnings, *found.unknown[chosen.name]])
            checked_all.append(replace(chosen, read=read))
        else:
            checked_all.append(chosen)
    return checked_all


def _holds(plan: Plan, fault: Fault) -> bool:
    return any(fault.span is checked.node.name_span for checked in plan.section("input"))
