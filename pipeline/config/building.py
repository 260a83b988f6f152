"""From a plan to plugins that work: builds every plugin, and compiles the flow between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config import decorations
from pipeline.config.built import BuiltFilter
from pipeline.config.check import CheckedPlugin
from pipeline.config.compile import Parts, Trace, compile_flow
from pipeline.config.plan import Plan
from pipeline.config.readers import unread_after
from pipeline.errors import ConfigurationError, FieldReferenceError
from pipeline.flow import Continue, Flow, Guard
from pipeline.grammar.faults import Fault
from pipeline.metrics import FilterCounters
from pipeline.options import FilterOptions, InputOptions
from pipeline.plugin import Input, Output, PluginContext


@dataclass(frozen=True, slots=True)
class BuiltInput:
    """An input, and what its common options do to each event."""

    input: Input
    decorate: decorations.Decorate | None
    label: str
    kind: str
    """The name of the plugin."""


@dataclass(frozen=True, slots=True)
class Built:
    """All plugins of a plan, built; outputs by the identity of their node."""

    inputs: list[BuiltInput]
    filters: Mapping[int, BuiltFilter]
    outputs: Mapping[int, tuple[Output, str]]


def build(plan: Plan, context: PluginContext, *, filters_only: bool = False, sealing: bool = False) -> Built:
    """Builds every plugin; raises `ConfigurationError` with the faults that only building can find.

    `sealing`: filters may write what nothing reads any more as ready-made JSON; not where someone wants to look.
    """
    faults: list[Fault] = []
    filters: dict[int, BuiltFilter] = {}
    outputs_checked = plan.section("output")
    for checked in plan.section("filter"):
        unread = unread_after(plan.configuration, checked, outputs_checked) if sealing else context.unread
        made = _made(checked, replace(context, unread=unread), faults)
        if made is not None:
            filters[id(checked.node)] = _filter(made, checked)
    inputs: list[BuiltInput] = []
    outputs = {}
    if not filters_only:
        inputs = _inputs(plan, context, faults)
        for checked in outputs_checked:
            outputs[id(checked.node)] = (_made(checked, context, faults), checked.label)
    if faults:
        raise ConfigurationError(list(faults))
    return Built(inputs, filters, outputs)


def build_inputs(plan: Plan, context: PluginContext) -> list[BuiltInput]:
    """The inputs alone, for a process that works on nothing itself."""
    faults: list[Fault] = []
    built = _inputs(plan, context, faults)
    if faults:
        raise ConfigurationError(list(faults))
    return built


def _inputs(plan: Plan, context: PluginContext, faults: list[Fault]) -> list[BuiltInput]:
    inputs = []
    given = [checked.options for checked in plan.section("input") if isinstance(checked.options, InputOptions)]
    context = replace(context, connections=sum(options.connections() for options in given))
    for checked in plan.section("input"):
        made = _made(checked, context, faults)
        assert isinstance(checked.options, InputOptions)
        inputs.append(BuiltInput(made, decorations.of_input(checked.options), checked.label, checked.module.name))
    return inputs


def connect(
    plan: Plan,
    filters: Mapping[int, BuiltFilter],
    sinks: Mapping[int, Continue],
    guard: Guard,
    trace: Trace | None = None,
    unrouted: Continue | None = None,
) -> Flow:
    """Compiles the flow of a plan from its built filters to the sinks of its outputs."""
    sections = plan.configuration.body("filter"), plan.configuration.body("output")
    return compile_flow(Parts(*sections, filters, plan.conditions, sinks), guard, trace, unrouted)


def _made(checked: CheckedPlugin, context: PluginContext, faults: list[Fault]) -> Any:
    try:
        return checked.module.built(checked.options, context)
    except (ConfigurationError, FieldReferenceError, ValueError, OSError) as error:
        faults.append(Fault(f"{checked.module.name}: {error}", checked.node.name_span))
        return None


def _filter(made: Any, checked: CheckedPlugin) -> BuiltFilter:
    options = checked.options
    assert isinstance(options, FilterOptions)
    tags = getattr(options, "tag_on_failure", None)
    counters = FilterCounters(checked.label, checked.node.name_span.place)
    return BuiltFilter(made, decorations.of_filter(options), tags, checked.label, counters)
