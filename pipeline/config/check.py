"""Checks every plugin of a configuration against its options model: all faults at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from pipeline import registry
from pipeline.config.option_values import Setting, plugin_settings
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault, did_you_mean
from pipeline.grammar.sources import Span
from pipeline.options import (
    CodecName,
    FormerName,
    Ignored,
    ListensAt,
    NamedCodecs,
    OfTexts,
    PluginOptions,
    Refused,
    as_hash,
    shown,
)
from pipeline.reference import former_options
from pipeline.reference.distribution import remedy
from pipeline.registry import Kind, PluginModule
from pipeline.texts.conversions import text


@dataclass(frozen=True, slots=True)
class CheckedPlugin:
    """A plugin of the configuration whose options are good."""

    module: PluginModule
    options: PluginOptions
    node: ast.Plugin

    @property
    def label(self) -> str:
        """How logs and dead letters name it: its id, or kind, name and place."""
        return self.options.id or f"{self.module.name} at {self.node.name_span.place}"


@dataclass(slots=True)
class Checker:
    """Checks plugins one after the other, and gathers what it finds."""

    ecs_compatibility: str
    environment: Mapping[str, str]
    instead: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Outputs to build as another plugin, with options to give it: `elasticsearch` as `sqlite`."""
    inputs_host: str | None = None
    """Where inputs listen whose configuration does not say; None: their own default."""
    unread: Sequence[Fault] = ()
    """What the parser could not read: an option that is missing may stand there."""
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    plugins: dict[int, CheckedPlugin] = field(default_factory=dict)
    """The good ones, by the identity of their node."""
    _ids: dict[str, Span] = field(default_factory=dict)

    def configuration(self, configuration: ast.Configuration) -> None:
        """Checks every plugin in every section."""
        for section in configuration.sections:
            for node in plugins_in(section.body):
                self.plugin(section.kind, node)

    def plugin(self, kind: Kind, node: ast.Plugin) -> CheckedPlugin | None:
        """Checks one plugin; None if it has faults."""
        name, extra = self.instead.get(node.name, (node.name, {})) if kind == "output" else (node.name, {})
        module = registry.find(kind, name)
        if module is None:
            hint = _instead(kind, name)
            self.faults.append(Fault(f'there is no {kind} plugin "{name}"{hint}', node.name_span))
            return None
        settings, faults = plugin_settings(node, self.environment)
        values = self._values(module, settings, faults, quiet=name != node.name)
        if "ecs_compatibility" in module.options.model_fields:
            values.setdefault("ecs_compatibility", self.ecs_compatibility)
        if kind == "input" and self.inputs_host is not None:
            self._listen_at(self.inputs_host, module, values)
        for option, info in module.options.model_fields.items():
            if option == "codec":
                self._codec(module, node, values, settings)
            elif _marked(info, NamedCodecs):
                self._codecs(module, node, values, option)
        options = self._validated(module, node, settings, values | dict(extra), faults)
        self.faults.extend(faults)
        if options is None or faults:
            return None
        self._unique(options.id, settings)
        checked = self.plugins[id(node)] = CheckedPlugin(module, options, node)
        return checked

    @staticmethod
    def _listen_at(host: str, module: PluginModule, values: dict[str, Any]) -> None:
        for option, info in module.options.model_fields.items():
            for marker in info.metadata:
                if isinstance(marker, ListensAt) and (marker.unless is None or not _said(values, *marker.unless)):
                    values.setdefault(option, host)

    def _values(
        self, module: PluginModule, settings: Mapping[str, Setting], faults: list[Fault], *, quiet: bool
    ) -> dict[str, Any]:
        """The values for the model: former names translated, refused and ignored options spoken of.

        `quiet` where the user asked for another plugin in this one's place, and knows that its options lead nowhere.
        """
        values: dict[str, Any] = {}
        for name, setting in settings.items():
            info = module.options.model_fields.get(name)
            for marker in info.metadata if info else ():
                if isinstance(marker, Refused):
                    faults.append(Fault(f'{module.name} cannot honour "{name}": {marker.reason}', setting.name_span))
                elif isinstance(marker, Ignored) and not quiet:
                    self.warnings.append(
                        Fault(f'{module.name}: "{name}" changes nothing: {marker.reason}', setting.name_span)
                    )
                elif isinstance(marker, OfTexts):
                    self._texts(module, name, setting)
                elif isinstance(marker, FormerName) and (marker.of in settings or marker.of in values):
                    said = f'{module.name}: give "{marker.of}" alone; "{name}" is its former name'
                    faults.append(Fault(said, setting.name_span))
                elif isinstance(marker, FormerName):
                    said = f'{module.name}: "{name}" is now called "{marker.of}"'
                    self.warnings.append(Fault(said, setting.name_span))
                    values[marker.of] = marker.convert(setting.value) if marker.convert else setting.value
            if not any(isinstance(marker, FormerName) for marker in (info.metadata if info else ())):
                values[name] = setting.value
        return values

    def _texts(self, module: PluginModule, option: str, setting: Setting) -> None:
        for name, value in setting.value.items() if isinstance(setting.value, dict) else ():
            if isinstance(value, list | dict):
                message = (
                    f'{module.name}: "{option}" makes a text of the {"array" if isinstance(value, list) else "object"}'
                    f' for "{name}": {text(value)}'
                )
                self.warnings.append(Fault(message, setting.value_span))

    def _codec(
        self, module: PluginModule, owner: ast.Plugin, values: dict[str, Any], settings: Mapping[str, Setting]
    ) -> None:
        """Puts the built codec in the place of its name or block; leaves a wrong one to its fault."""
        value = values.pop("codec", None)
        span = settings["codec"].value_span if "codec" in settings else owner.name_span
        if value is None:
            value = module.options.model_fields["codec"].default.name
        if not isinstance(value, str | ast.Plugin):
            self.faults.append(Fault(f"{module.name}: expected one codec, got {shown(value)}", span))
            value = module.options.model_fields["codec"].default.name
        node = ast.Plugin(value, span, (), span) if isinstance(value, str) else value
        values["codec"] = self._built(node)

    def _codecs(self, module: PluginModule, owner: ast.Plugin, values: dict[str, Any], option: str) -> None:
        """Puts built codecs in the place of their names; a hash that is none is left to the model."""
        given = values.get(option, module.options.model_fields[option].default)
        if isinstance(given, list) and len(given) % 2 == 0:
            given = as_hash(given)
        if not isinstance(given, dict):
            self.faults.append(
                Fault(f'{module.name}: "{option}" expected a hash of codecs, got {shown(given)}', owner.name_span)
            )
            given = {}
        built = {}
        for key, value in given.items():
            name = getattr(value, "name", value)
            if isinstance(value, ast.Plugin):
                built[key] = self._built(value)
            else:
                built[key] = self._built(ast.Plugin(str(name), owner.name_span, (), owner.name_span))
        values[option] = built

    def _built(self, node: ast.Plugin) -> Any:
        """The codec of a name or block; the mere name where it has faults, which are noted."""
        checked = self.plugin("codec", node)
        if checked is None:
            return CodecName(node.name)
        try:
            codec = checked.module.built(checked.options, None)
        except ValueError as error:
            self.faults.append(Fault(f"{node.name}: {error}", node.name_span))
            return CodecName(node.name)
        codec.name = checked.module.name
        return codec

    def _validated(
        self,
        module: PluginModule,
        node: ast.Plugin,
        settings: Mapping[str, Setting],
        values: Mapping[str, Any],
        faults: list[Fault],
    ) -> PluginOptions | None:
        try:
            return module.options(**values)
        except ValidationError as error:
            broken = any(_within(fault.span, node.span) for fault in self.unread)
            for detail in error.errors():
                fault = _fault(module, node, settings, dict(detail))
                if fault not in faults and not (broken and detail["type"] == "missing"):
                    faults.append(fault)
            return None

    def _unique(self, plugin_id: str | None, settings: Mapping[str, Setting]) -> None:
        if plugin_id is None:
            return
        span = settings["id"].value_span
        if plugin_id in self._ids:
            first = self._ids[plugin_id].place
            self.faults.append(Fault(f'the id "{plugin_id}" is taken by the plugin at {first}; ids are unique', span))
        self._ids[plugin_id] = span


def _instead(kind: Kind, name: str) -> str:
    """What to write in place of a plugin that is not here."""
    if told := remedy(kind, name):
        return told
    known = registry.names(kind)
    if near := did_you_mean(name, known):
        return near
    others = [other for other in registry.KINDS if other != kind and name in registry.names(other)]
    if others:
        return f"; {name} is {'an' if others[0][0] in 'io' else 'a'} {others[0]}"
    return f"; there are: {', '.join(known)}"


def plugins_in(statements: Iterable[ast.Statement]) -> Iterable[ast.Plugin]:
    """Every plugin in the statements and in the branches inside them, in the order of the text."""
    for statement in statements:
        if isinstance(statement, ast.Plugin):
            yield statement
        else:
            for arm in statement.arms:
                yield from plugins_in(arm.body)
            yield from plugins_in(statement.otherwise)


def _fault(module: PluginModule, node: ast.Plugin, settings: Mapping[str, Setting], detail: dict[str, Any]) -> Fault:
    name = str(detail["loc"][0]) if detail["loc"] else ""
    fields = module.options.model_fields
    if detail["type"] == "extra_forbidden":
        known = [info.alias or known for known, info in fields.items() if not _marked(info, FormerName)]
        span = settings[name].name_span if name in settings else node.name_span
        hint = former_options.remedy(module.kind, module.name, name) or did_you_mean(name, known)
        return Fault(f'{module.name} has no option "{name}"{hint}', span)
    if detail["type"] == "missing":
        what = fields[name].description or ""
        return Fault(f'{module.name} needs the option "{name}": {what}'.rstrip(": "), node.name_span)
    name = next((given for given in settings if _is_former(fields.get(given), name)), name)
    span = settings[name].value_span if name in settings else node.name_span
    subject = f'{module.name}: "{name}" ' if name else f"{module.name}: "
    return Fault(subject.rstrip() + ": " * bool(name) + " " * (not name) + _reason(detail), span)


def _within(inner: Span | None, outer: Span) -> bool:
    return inner is not None and inner.source is outer.source and outer.start <= inner.start < outer.end


def _reason(detail: dict[str, Any]) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "literal_error":
        return f"expected {detail['ctx']['expected']}, got {shown(detail['input'])}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, got {shown(detail['input'])}"


def _said(values: Mapping[str, Any], option: str, value: str) -> bool:
    return bool(values.get(option) == value)


def _marked(info: FieldInfo, marker: type) -> bool:
    return any(isinstance(item, marker) for item in info.metadata)


def _is_former(info: FieldInfo | None, name: str) -> bool:
    return info is not None and any(isinstance(item, FormerName) and item.of == name for item in info.metadata)
