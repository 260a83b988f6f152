"""Which pipelines hand events to which: by what `pipeline` outputs send to and the addresses of `pipeline` inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.check import CheckedPlugin
from pipeline.config.plan import Plan
from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault, did_you_mean

NAME = "pipeline"


@dataclass(slots=True)
class Found:
    """What is wrong with the ways between pipelines, by the id of the one that hands over."""

    faults: dict[str, list[Fault]] = field(default_factory=dict)
    unknown: dict[str, list[Fault]] = field(default_factory=dict)
    """Addresses that no pipeline has."""


def addresses(plan: Plan) -> list[str]:
    """The addresses at which a pipeline takes events."""
    return [_options(checked).address for checked in _named(plan, "input")]


def targets(plan: Plan) -> list[str]:
    """The addresses that a pipeline sends to, each once."""
    return list(dict.fromkeys(address for checked in _named(plan, "output") for address in _options(checked).send_to))


def only_fed(plan: Plan) -> bool:
    """Whether all that a pipeline takes comes from other pipelines."""
    return all(checked.module.name == NAME for checked in plan.section("input"))


def link_faults(plans: Mapping[str, Plan], *, unknown: bool) -> Found:
    """What is wrong with the ways between these pipelines. `unknown`: all addresses that there are, are known."""
    owners = {address: name for name, plan in plans.items() for address in addresses(plan)}
    ways = {name: [owners[item] for item in targets(plan) if item in owners] for name, plan in plans.items()}
    found = Found()
    for name, plan in plans.items():
        sent = [(to, out) for out in _named(plan, "output") for to in dict.fromkeys(_options(out).send_to)]
        for address, output in sent:
            if address not in owners:
                if unknown:
                    fault = Fault(_no_such_address(address, owners), output.node.name_span)
                    found.unknown.setdefault(name, []).append(fault)
            elif back := _way(ways, owners[address], name):
                round_trip = " -> ".join([name, *back])
                text = f'pipeline: what is sent to "{address}" comes back: {round_trip}; break the circle'
                found.faults.setdefault(name, []).append(Fault(text, output.node.name_span))
    return found


def _no_such_address(address: str, owners: Iterable[str]) -> str:
    known = sorted(owners)
    hint = did_you_mean(address, known) or (f"; there are: {', '.join(known)}" if known else "")
    return f'pipeline: no pipeline input has the address "{address}"{hint}'


def refuse_handing_over(plan: Plan) -> None:
    """Raises `ConfigurationError` for each output that hands to another pipeline, where there is only this one."""
    text = "pipeline: there is no other pipeline here to hand events to: use the output of that one"
    if faults := [Fault(text, checked.node.name_span) for checked in _named(plan, "output")]:
        raise ConfigurationError(list(faults))


def _way(ways: Mapping[str, list[str]], start: str, end: str) -> list[str]:
    """The shortest way from one pipeline to another, both included; nothing if there is none."""
    paths, seen = [[start]], {start}
    for path in paths:
        if path[-1] == end:
            return path
        for following in ways[path[-1]]:
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return []


def _named(plan: Plan, kind: Any) -> Iterator[CheckedPlugin]:
    return (checked for checked in plan.section(kind) if checked.module.name == NAME)


def _options(checked: CheckedPlugin) -> Any:
    return checked.options
