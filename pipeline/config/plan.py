"""From sources to a plan: parsed, checked whole, conditions compiled. Nothing is opened, nothing has started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.config.check import CheckedPlugin, Checker, plugins_in
from pipeline.config.claims import claims
from pipeline.config.conditions import compile_condition
from pipeline.config.quirks import quirks
from pipeline.config.repeats import repeats
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source


class Recipe(NamedTuple):
    """What a plan is made from, so that another process can make the same."""

    sources: Sequence[Source]
    ecs_compatibility: str
    support_escapes: bool
    instead: Mapping[str, tuple[str, Mapping[str, Any]]]
    inputs_host: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration without faults."""

    configuration: ast.Configuration
    plugins: Mapping[int, CheckedPlugin]
    """By the identity of their node."""
    conditions: Mapping[int, Callable[[Event], bool]]
    """By the identity of their arm."""
    warnings: Sequence[Fault]
    recipe: Recipe

    def section(self, kind: ast.Kind) -> list[CheckedPlugin]:
        """The plugins of a section, in the order of the text."""
        return [self.plugins[id(node)] for node in plugins_in(self.configuration.body(kind))]


def make_plan(
    sources: Sequence[Source],
    *,
    ecs_compatibility: str = "v8",
    support_escapes: bool = False,
    environment: Mapping[str, str] | None = None,
    instead: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    inputs_host: str | None = None,
) -> Plan:
    """The plan of a configuration; raises `ConfigurationError` with every fault in it.

    `inputs_host` is where inputs listen that name no address themselves.
    """
    environment = environment or {}
    configuration, faults = parse(sources, support_escapes=support_escapes)
    checker = Checker(ecs_compatibility, environment, instead or {}, inputs_host, unread=list(faults))
    checker.configuration(configuration)
    faults += checker.faults
    conditions = {
        id(arm): compile_condition(arm.condition, faults, environment)
        for section in configuration.sections
        for arm in arms_in(section.body)
    }
    inputs = [checker.plugins.get(id(node)) for node in plugins_in(configuration.body("input"))]
    faults += claims([checked for checked in inputs if checked is not None])
    if faults:
        faults.sort(key=_order(sources))
        raise ConfigurationError(list(faults))
    outputs = [checker.plugins[id(node)] for node in plugins_in(configuration.body("output"))]
    warnings = [*checker.warnings, *quirks(configuration), *repeats(outputs)]
    recipe = Recipe(sources, ecs_compatibility, support_escapes, instead or {}, inputs_host)
    return Plan(configuration, checker.plugins, conditions, warnings, recipe)


def arms_in(statements: Iterable[ast.Statement]) -> Iterable[ast.Arm]:
    """Every `if` and `else if` in the statements, in the order of the text."""
    for statement in statements:
        if isinstance(statement, ast.Branch):
            for arm in statement.arms:
                yield arm
                yield from arms_in(arm.body)
            yield from arms_in(statement.otherwise)


def _order(sources: Sequence[Source]) -> Callable[[Fault], tuple[int, int]]:
    ranks = {id(source): rank for rank, source in enumerate(sources)}

    def order(fault: Fault) -> tuple[int, int]:
        return (-1, 0) if fault.span is None else (ranks.get(id(fault.span.source), 0), fault.span.start)

    return order
