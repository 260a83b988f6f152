"""The type and the default of an option, in plain words, for its reference page."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline import options
from pipeline.field_reference import FieldReference
from pipeline.options import CodecName, shown
from pipeline.plugin import Codec
from pipeline.sprintf import Template


def _reader(alias: Any) -> Any:
    """The function that reads the values of a type in `pipeline/options.py`, by which it is known."""
    return get_args(alias)[1].func


_BY_READER = {
    _reader(options.Size): 'size such as "10mb"',
    _reader(options.Days): 'days, or a duration such as "12 hours"',
    _reader(options.Seconds): 'seconds, or a duration such as "5 s"',
    _reader(options.ExistingPath): "path of a file that exists",
}
_BY_CLASS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    SecretStr: "secret text",
    dict: "hash",
    list: "array",
    FieldReference: "field reference",
    Template: "text, may hold %{...}",
    Codec: "codec",
    Any: "any",
}


def type_of(info: FieldInfo) -> str:
    """What an option takes, with its bounds."""
    words = _type(info.annotation, info.metadata)
    bounds = _bounds(info.metadata)
    return f"{words}, {bounds}" if bounds else words


def default_of(info: FieldInfo) -> str:
    """What an option is when it is not given; `required` if it must be, nothing if that is no value."""
    if info.is_required():
        return "required"
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, CodecName):
        return value.name
    if type(value) is int and _reads(info.metadata, _reader(options.Size)) and value and value % (1 << 20) == 0:
        return f"{value >> 20}mb"
    if value in ({}, []):
        return "{ }" if value == {} else "[]"
    if isinstance(value, list) and hasattr(value[0], "port"):
        value = [f"{host.name}:{host.port}" for host in value]
    return shown(value).replace("\n", "\\n")


def _type(annotation: Any, metadata: Any = ()) -> str:
    if get_origin(annotation) is Annotated:
        annotation, *markers = get_args(annotation)
        return _type(annotation, [*markers, *metadata])
    for reader, words in _BY_READER.items():
        if _reads(metadata, reader):
            return words
    inner = get_args(annotation)
    match get_origin(annotation):
        case origin if origin in (Union, UnionType):
            return " or ".join(dict.fromkeys(_type(part) for part in inner if part is not NoneType))
        case origin if origin is Literal:
            return _choice([f"`{value}`" for value in inner])
        case origin if origin is list and inner[0] is not Any:
            return f"array of {_plural(_type(inner[0]))}"
        case origin:
            kind = origin or annotation
            return _BY_CLASS.get(kind) or ("path" if getattr(kind, "__name__", "") == "Path" else "text")


def _reads(metadata: Any, reader: Any) -> bool:
    return any(isinstance(marker, BeforeValidator) and marker.func is reader for marker in metadata)


def _choice(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _plural(words: str) -> str:
    known = {"path of a file that exists": "paths of files that exist", "text, may hold %{...}": "texts"}
    if words in known:
        return known[words]
    return words if words.startswith("`") else f"{words}s"


def _bounds(metadata: Any) -> str:
    found: dict[type, Any] = {type(marker): marker for marker in metadata}
    low, high = found.get(Ge), found.get(Le)
    if low and high:
        return f"{low.ge} to {high.le}"
    words = []
    if low:
        words.append(f"{low.ge} or more")
    if Gt in found:
        words.append(f"more than {found[Gt].gt}")
    if high:
        words.append(f"at most {high.le}")
    if Lt in found:
        words.append(f"less than {found[Lt].lt}")
    if MinLen in found:
        words.append("not empty")
    return " and ".join(words)
