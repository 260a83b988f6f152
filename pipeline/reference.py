"""The reference page of a plugin: its docstring, and a table of its options, from the model itself."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.options import CodecName, FormerName, Ignored, Refused, shown
from pipeline.registry import PluginModule


def page(module: PluginModule) -> str:
    """The page as Markdown."""
    lines = [f"# {module.kind} {module.name}", "", module.page, "", "## Options", ""]
    lines += ["| option | default | what it does |", "| --- | --- | --- |"]
    for name, info in sorted(module.options.model_fields.items()):
        lines.append(f"| `{name}` | {_default(info)} | {_what(info)} |")
    return "\n".join(lines)


def _default(info: FieldInfo) -> str:
    if any(isinstance(marker, FormerName | Refused) for marker in info.metadata):
        return ""
    if info.is_required():
        return "required"
    value: Any = info.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, CodecName):
        return f"`{value.name}`"
    return f"`{shown(value)}`".replace("|", "\\|").replace("\n", "\\n")


def _what(info: FieldInfo) -> str:
    text = (info.description or "").rstrip(".")
    for marker in info.metadata:
        if isinstance(marker, Ignored):
            text = f"Accepted, changes nothing: {marker.reason}"
        elif isinstance(marker, Refused):
            text = f"Refused: {marker.reason}"
        elif isinstance(marker, FormerName):
            text = f"The former name of `{marker.of}`"
    return text.replace("|", "\\|").replace("\n", " ") + "." * bool(text)
