"""The value types of plugin options, with the leniency that Logstash has for each, and the base models.

A configuration gives texts, numbers, arrays and hashes. Logstash takes "5" for a number, "true" for a
boolean, a single value for an array, and an array of pairs for a hash (`logstash/config/mixin.rb`);
these types do the same, and say in plain words what they expected.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, SkipValidation

from pipeline.errors import FieldReferenceError
from pipeline.field_reference import FieldReference
from pipeline.plugin import Codec
from pipeline.sprintf import Template

# ---------------------------------------------------------------------------------------------- values


def _single(value: Any, wanted: str) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | dict):
        raise ValueError(f"expected {wanted}, got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A value as the configuration language writes it, for error messages."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + " ".join(f"{shown(key)} => {shown(item)}" for key, item in value.items()) + " }"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(getattr(value, "text", value))


def _text(value: Any) -> Any:
    value = _single(value, "a string")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _number(value: Any) -> Any:
    value = _single(value, "a number")
    if isinstance(value, str):
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise ValueError(f"expected a number, got {shown(value)}")
        return float(value) if "." in value else int(value)
    return value


def _integer(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _boolean(value: Any) -> Any:
    value = _single(value, "true or false")
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError(f"expected true or false, got {shown(value)}")


def as_list(value: Any) -> Any:
    """A single value where an array is wanted is an array of one, as in Logstash."""
    return value if isinstance(value, list) else [value]


def as_hash(value: Any) -> Any:
    """An array of pairs where a hash is wanted is that hash, as in Logstash; values of one key become an array."""
    if isinstance(value, dict):
        return value
    value = as_list(value)
    if len(value) % 2:
        raise ValueError(f"expected a hash, or an array of pairs, got {len(value)} values: {shown(value)}")
    gathered: dict[Any, Any] = {}
    for key, item in zip(value[::2], value[1::2], strict=True):
        if isinstance(key, list | dict):
            raise ValueError(f"expected a name first in each pair of the array, got {shown(key)}")
        gathered[key] = [*as_list(gathered[key]), item] if key in gathered else item
    return gathered


def _existing(value: Any) -> Any:
    path = Path(_text(value))
    if not path.exists():
        raise ValueError(f"there is no file {shown(str(path))}")
    return path


_UNITS = {"": 1, "b": 1, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30, "gib": 30}


def _bytes(value: Any) -> Any:
    value = _single(value, "a size")
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", str(value).strip().lower())
    if not found or found[2] not in _UNITS:
        raise ValueError(f'expected a size such as "10mb", got {shown(value)}')
    unit = _UNITS[found[2]]
    return int(float(found[1]) * (1 if unit == 1 else 1 << unit))


def _seconds(value: Any) -> Any:
    value = _single(value, "a duration")
    if isinstance(value, int | float):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w|[a-z]*)", str(value).strip().lower())
    factors = {
        "": 1,
        "us": 1e-6,
        "usec": 1e-6,
        "usecs": 1e-6,
        "ms": 1e-3,
        "msec": 1e-3,
        "msecs": 1e-3,
        "s": 1,
        "sec": 1,
    }
    factors |= {"secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600}
    factors |= {
        "hour": 3600,
        "hours": 3600,
        "d": 86400,
        "day": 86400,
        "days": 86400,
        "w": 604800,
        "week": 604800,
        "weeks": 604800,
    }
    if not found or found[2] not in factors:
        raise ValueError(f'expected a duration such as "5 s" or "1 day", got {shown(value)}')
    return float(found[1]) * factors[found[2]]


def _days(value: Any) -> Any:
    value = _single(value, "a duration")
    if isinstance(value, int | float):
        return value
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value.strip()) else _seconds(value) / 86400


Text = Annotated[str, BeforeValidator(_text)]
Number = Annotated[float, BeforeValidator(_number)]
Integer = Annotated[int, BeforeValidator(_integer)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Secret = Annotated[SecretStr, BeforeValidator(_text)]
"""Logstash's `password`: never shown in a log line or an error."""
Array = Annotated[list[Any], BeforeValidator(as_list)]
Texts = Annotated[list[Text], BeforeValidator(as_list)]
Hash = Annotated[dict[str, Any], BeforeValidator(as_hash)]
TextHash = Annotated[dict[Text, Text], BeforeValidator(as_hash)]
ExistingPath = Annotated[Path, BeforeValidator(_existing)]
"""Logstash's `path`: must exist when the configuration is checked."""
Size = Annotated[int, BeforeValidator(_bytes)]
"""Logstash's `bytes`: a number, or a text such as "10mb" or "5 MiB" (both units are powers of 1024)."""
Seconds = Annotated[float, BeforeValidator(_seconds)]
"""A number of seconds, or a text with a unit: "750 ms", "5 s", "1 day"."""
Days = Annotated[float, BeforeValidator(_days)]
"""A number of days, or a text with a unit: "12 hours", "2 weeks"."""
Ecs = Literal["disabled", "v1", "v8"]
"""`pipeline.ecs_compatibility`: which field layout a plugin writes."""

# ---------------------------------------------------------------------------------------------- markers


@dataclass(frozen=True, slots=True)
class Ignored:
    """Marks an option that Logstash has and that changes nothing here; `check` warns with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Marks an option that Logstash has and that cannot be honoured; giving it is a fault with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class FormerName:
    """Marks the old name of an option: the value goes to the new one, with a warning."""

    of: str
    convert: Callable[[Any], Any] | None = None
    """Turns the old option's value into the new one's, where they differ."""


@dataclass(frozen=True, slots=True)
class OfTexts:
    """Marks a hash of which Logstash turns an array or object among the values into text; `check` warns of one."""


@dataclass(frozen=True, slots=True)
class ListensAt:
    """Marks the option with the address that an input listens at; `pipeline.inputs.host` is its default."""

    unless: tuple[str, str] | None = None
    """An option and its value with which the input does not listen."""


# ---------------------------------------------------------------------------------------------- models


class PluginOptions(BaseModel):
    """What every plugin takes. A subclass that has `ecs_compatibility` gets the pipeline's by default."""

    # A model is built when it first validates: those that others extend never are.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)

    id: Annotated[Text | None, Field(description="A name for this plugin in logs and metrics; must be unique.")] = None
    enable_metric: Annotated[
        Boolean, Field(description="Accepted as in Logstash; counters cost nothing per event here and stay on.")
    ] = True


def _readable_names(names: list[str]) -> list[str]:
    """Names of fields: Logstash finds one that cannot be read at the first event, and stops."""
    for name in names:
        if Template(name).constant:
            try:
                FieldReference(name)
            except FieldReferenceError as error:
                raise ValueError(str(error)) from None
    return names


def _readable_texts(texts: list[str]) -> list[str]:
    for text in texts:
        Template(text)
    return texts


def _readable_formats(formats: dict[str, Any]) -> dict[str, Any]:
    formats = {name: value if isinstance(value, list | dict) else _text(value) for name, value in formats.items()}
    _readable_texts([*formats, *(v if isinstance(v, str) else shown(v) for v in formats.values())])
    return formats


def _readable_fields(fields: dict[str, Any]) -> dict[str, Any]:
    _readable_names(list(fields))
    for value in fields.values():
        _readable_texts([str(item) for item in as_list(value)])
    return fields


AddedFields = Annotated[Hash, AfterValidator(_readable_fields)]
Formats = Annotated[Texts, AfterValidator(_readable_texts)]
"""Texts that may hold `%{...}`."""
FormatHash = Annotated[dict[Text, Any], BeforeValidator(as_hash), AfterValidator(_readable_formats), OfTexts()]
"""A name to such a text, or to an array or object, of which the plugin makes a text."""
FieldNames = Annotated[Texts, AfterValidator(_readable_names)]
"""Names of fields, which may hold `%{...}`."""


class FilterOptions(PluginOptions):
    """The common options of filters; the engine applies them when the filter matched."""

    add_field: Annotated[AddedFields, Field(description="Fields to add: name to value, both may hold %{...}.")] = {}
    add_tag: Annotated[Formats, Field(description="Tags to add; may hold %{...}.")] = []
    remove_field: Annotated[FieldNames, Field(description="Fields to remove; names may hold %{...}.")] = []
    remove_tag: Annotated[Formats, Field(description="Tags to remove; may hold %{...}.")] = []
    periodic_flush: Annotated[
        Boolean, Ignored("filters that hold events are always flushed"), Field(description="Accepted as in Logstash.")
    ] = False


def default_codec(name: str) -> Any:
    """The default of a `codec` option; the engine builds the codec of that name in its place."""
    return CodecName(name)


@dataclass(frozen=True, slots=True)
class CodecName:
    """A codec that is not built yet."""

    name: str

    @property
    def text(self) -> str:
        """Its name, as a reference page shows it."""
        return self.name


@dataclass(frozen=True, slots=True)
class NamedCodecs:
    """Marks a hash of codecs: the engine builds the codec of each name, and puts it in its place."""


def default_codecs(names: dict[str, str]) -> Any:
    """The default of such a hash."""
    return {key: CodecName(name) for key, name in names.items()}


CodecOption = Annotated[Codec, SkipValidation]
"""The type of a `codec` option: `codec: Annotated[CodecOption, Field(...)] = default_codec("plain")`."""

CodecsOption = Annotated[dict[str, Codec], SkipValidation, NamedCodecs()]
"""The type of an option that holds several: `Annotated[CodecsOption, Field(...)] = default_codecs({...})`."""


class InputOptions(PluginOptions):
    """The common options of inputs; the engine applies them to every event of the input."""

    add_field: Annotated[AddedFields, Field(description="Fields to add to each event.")] = {}
    tags: Annotated[Formats, Field(description="Tags to add to each event.")] = []
    type: Annotated[Text | None, Field(description="Sets the field type, where the event has none yet.")] = None
    codec: Annotated[CodecOption, Field(description="How bytes become events.")] = default_codec("plain")

    def connections(self) -> int:
        """How many connections of senders it may have at a time."""
        return 0

    def claim(self) -> tuple[str, str] | None:
        """What this input must have alone, in words that name it, and the remedy where another has it."""
        return None


class OutputOptions(PluginOptions):
    """The common options of outputs."""

    codec: Annotated[CodecOption, Field(description="How events become bytes, where the output writes text.")] = (
        default_codec("plain")
    )
    workers: Annotated[
        Integer,
        Ignored("several bodies are in flight at once without it"),
        Field(description="Accepted as in Logstash."),
    ] = 1
