"""Read what a user agent says of itself: browser, system and device.

    filter { useragent { source => "[user_agent][original]" } }

With ECS the result is `[user_agent][name]`, `[version]`, `[device][name]`, `[os][name]`, `[os][version]` and
`[os][full]`; the single numbers of both versions are in `[@metadata][filter][user_agent]`. Without, it is `name`,
`version`, `major`, `minor`, `patch`, `device`, `os`, `os_name`, `os_full`, `os_version`, `os_major`, `os_minor` and
`os_patch`, in the event or in `target`, each after `prefix`. What is not known is called Other, and has no version.
Of an array the first element is read; what is empty is left alone.

The rules are those of the uap-core project, as the package ua-parser-builtins has them, or a file in their form.
Answers are kept, as the same agents come again and again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipeline.event import Event, Fields, copied
from pipeline.field_reference import FieldReference
from pipeline.field_setting import setter
from pipeline.options import Ecs, ExistingPath, FilterOptions, Integer, Text
from pipeline.plugin import Filter

if TYPE_CHECKING:
    from pathlib import Path

    from ua_parser import OS, Parser, Result, UserAgent


class Options(FilterOptions):
    """What the useragent filter takes."""

    source: Annotated[FieldReference, Field(description="The field that holds the user agent.")]
    target: Annotated[
        FieldReference | None,
        Field(description="The field for the result: `user_agent` with ECS by default, else the event itself."),
    ] = None
    prefix: Annotated[Text, Field(description="A text before each name; not used with ECS.")] = ""
    regexes: Annotated[ExistingPath | None, Field(description="A file of rules, as uap-core's regexes.yaml.")] = None
    lru_cache_size: Annotated[Integer, Field(gt=0, description="How many answers are kept.")] = 100_000
    ecs_compatibility: Annotated[Ecs, Field(description="Which names the result has.")] = "v8"


Layout = Callable[["Result", str], Fields]
NUMBERS = "numbers"
"""Where an ECS layout has what goes to the metadata."""


def build(options: Options) -> Filter:
    """The filter for these options."""
    legacy = options.ecs_compatibility == "disabled"
    layout = _legacy(options.prefix) if legacy else _ecs
    look_up = _cached(_parser(options.regexes), layout, options.lru_cache_size)
    source, target = options.source, options.target
    get = source.get
    if target is None and legacy:

        def into_event(event: Event) -> bool:
            agent = _agent(get(event))
            if agent is None:
                return False
            event.fields.update(look_up(agent))
            return True

        return into_event
    set_numbers = setter(FieldReference("[@metadata][filter][user_agent]"))
    set_target = setter(target or FieldReference("user_agent"))
    merge = FieldReference("user_agent").get if target is None else target.get

    def into_target(event: Event) -> bool:
        agent = _agent(get(event))
        if agent is None:
            return False
        before = merge(event)
        found = copied(look_up(agent))
        numbers = found.pop(NUMBERS, None)
        if numbers:
            set_numbers(event, numbers)
        set_target(event, _merged(before, found))
        return True

    return into_target


def _merged(before: Any, found: Fields) -> Fields:
    """What the target has already stays beside what was found, at every depth: Logstash sets each field by itself."""
    if type(before) is not dict:
        return found
    nested = {name: _merged(before.get(name), value) for name, value in found.items() if type(value) is dict}
    return {**before, **found, **nested}


def _agent(value: Any) -> str | None:
    if type(value) is list:
        value = value[0] if value else None
    return value if type(value) is str and value else None


def _parser(path: Path | None) -> Parser:
    """A parser with the rules of a file, or with the packaged ones; loaded only where this filter is used."""
    import ua_parser
    from ua_parser.lazy import OSMatcher
    from ua_parser.loaders import load_yaml

    if path is None:
        agents, systems, devices = ua_parser.load_lazy_builtins()
        # Of "MacOutlook/16.24.0.190414 (... Version 10.14.4 (Build 18E226))" the packaged rules take the build for the
        # system's version; Logstash's do not.
        systems = [OSMatcher(r"(Mac OS X) Version (\d+)\.(\d+)(?:\.(\d+))?"), *systems]
        matchers = agents, systems, devices
    else:
        assert load_yaml is not None  # PyYAML is one of our dependencies
        matchers = load_yaml(path)
    return ua_parser.Parser(ua_parser.BestAvailableResolver(matchers))


def _cached(parser: Parser, layout: Layout, size: int) -> Callable[[str], Fields]:
    """Answers, kept in the order in which they were first asked for: the oldest goes first."""
    answers: dict[str, Fields] = {}
    parse = parser.parse

    def look_up(agent: str) -> Fields:
        found = answers.get(agent)
        if found is None:
            if len(answers) >= size:
                del answers[next(iter(answers))]
            readable = agent.encode("utf-8", "replace").decode()  # the rules' engine takes no half of a pair
            found = answers[agent] = layout(parse(readable), agent)
        return found

    return look_up


# ------------------------------------------------------------------------------------------------- layouts


_FOURTH = re.compile(r"\.(?:0|[1-9]\d*)(?= )")


def _version(parts: tuple[str | None, ...]) -> str | None:
    """The parts up to the first that is missing, with dots between."""
    known = parts[: parts.index(None)] if None in parts else parts
    return ".".join(part for part in known if part) or None


def _agent_version(agent: UserAgent | None, text: str) -> str | None:
    """The version; a fourth number that the rules leave away is taken from the text, if a blank comes after it."""
    if agent is None:
        return None
    version = _version((agent.major, agent.minor, agent.patch, agent.patch_minor))
    if version and agent.patch and not agent.patch_minor:
        _, _, after = text.partition(version)
        found = _FOURTH.match(after)
        if found:
            return version + found[0]
    return version


def _system_version(os: OS | None) -> str | None:
    version = _version((os.major, os.minor, os.patch, os.patch_minor)) if os else None
    if os and version and os.major and not os.major.isdecimal():
        return version.replace(f"{os.major}.", f"{os.major} ", 1)  # a name, and what comes after it
    return version


def _numbers(of: UserAgent | OS | None) -> Fields:
    parts = {"major": of.major, "minor": of.minor, "patch": of.patch} if of else {}
    return {name: part for name, part in parts.items() if part is not None}


def _ecs(result: Result, text: str) -> Fields:
    agent, os, device = result.user_agent, result.os, result.device
    name = os.family if os else "Other"
    version = _system_version(os)
    system = {"name": name, "version": version, "full": f"{name} {version}" if version else name}
    found: Fields = {
        "name": agent.family if agent else "Other",
        "device": {"name": device.family if device else "Other"},
        "os": {key: value for key, value in system.items() if value is not None},
    }
    if own := _agent_version(agent, text):
        found["version"] = own
    numbers: Fields = {}
    if of_agent := _numbers(agent):
        numbers["version"] = of_agent
    if of_system := _numbers(os):
        numbers["os"] = {"version": of_system}
    if numbers:
        found[NUMBERS] = numbers
    return found


def _legacy(prefix: str) -> Layout:
    def layout(result: Result, text: str) -> Fields:
        agent, os, device = result.user_agent, result.os, result.device
        name = os.family if os else "Other"
        version = _system_version(os)
        found = {
            "name": agent.family if agent else "Other",
            "version": _agent_version(agent, text),
            "major": agent and agent.major,
            "minor": agent and agent.minor,
            "patch": agent and agent.patch,
            "device": device.family if device else "Other",
            "os": name,
            "os_name": name,
            "os_version": version,
            "os_full": f"{name} {version}" if version else name,
            "os_major": os and os.major,
            "os_minor": os and os.minor,
            "os_patch": os and os.patch,
        }
        return {prefix + key: value for key, value in found.items() if value is not None}

    return layout
