"""Make a fingerprint of fields: a hash, a keyed hash, a network, or the punctuation of a text.

    filter {
      fingerprint {
        source => ["message"]
        method => "SHA256"
        target => "[@metadata][fingerprint]"
      }
    }

With several sources and neither `concatenate_sources` nor `concatenate_all_fields`, the fingerprint of the last one
that the event has is kept. An array gives an array of fingerprints, unless it is concatenated. With a `key`, SHA and
MD5 are HMACs. The target is `[event][hash]` with ECS, else `fingerprint`.

`UUID` is random, and the same event gets another one if it is sent again; to have events written once, nothing is
needed: each has an id of its own in `[@metadata][event_id]`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.errors import FilterFailure
from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.field_setting import Setter, setter
from pipeline.options import Boolean, Ecs, FieldNames, FilterOptions, Secret
from pipeline.plugin import Filter, PlainFilter
from pipeline.texts.conversions import text

Method = Literal[
    "SHA1", "SHA256", "SHA384", "SHA512", "MD5", "MURMUR3", "MURMUR3_128", "IPV4_NETWORK", "UUID", "PUNCTUATION"
]
Hash = Callable[[Any], Any]
SEED = 2
"""Logstash's, of MURMUR3_128; that of MURMUR3 is 0."""


class Options(FilterOptions):
    """What the fingerprint filter takes."""

    source: FieldNames = Field(["message"], description="Fields to make the fingerprint of.")
    target: Annotated[FieldReference | None, Field(description="The field for the fingerprint.")] = None
    method: Annotated[Method, Field(description="How the fingerprint is made.")] = "SHA1"
    key: Annotated[
        Secret | None, Field(description="Key of the HMAC; for IPV4_NETWORK, the length of the network's prefix.")
    ] = None
    base64encode: Annotated[Boolean, Field(description="Write hashes in base64, not in hexadecimal digits.")] = False
    concatenate_sources: Annotated[
        Boolean, Field(description="One fingerprint of the names and values of all sources.")
    ] = False
    concatenate_all_fields: Annotated[
        Boolean, Field(description="One fingerprint of the names and values of all fields.")
    ] = False
    ecs_compatibility: Annotated[Ecs, Field(description="Decides the default of `target`.")] = "v8"

    @model_validator(mode="after")
    def _prefix_length(self) -> Self:
        if self.method == "IPV4_NETWORK":
            key = self.key.get_secret_value() if self.key else ""
            if not key.isdecimal() or int(key) > 128:
                raise ValueError('IPV4_NETWORK needs the option "key": the length of the prefix, such as 24')
        return self


def build(options: Options) -> Filter:
    """The filter for these options."""
    disabled = options.ecs_compatibility == "disabled"
    set_target = setter(options.target or FieldReference("fingerprint" if disabled else "[event][hash]"))
    if options.method == "UUID":
        return _random(set_target)
    if options.method == "PUNCTUATION":
        return _punctuation(options, set_target)
    digest = _hash(options)
    if options.concatenate_all_fields:
        return _concatenating(None, digest, set_target)
    if options.concatenate_sources:
        return _concatenating(sorted(options.source), digest, set_target)
    return _each(options, digest, set_target)


# ------------------------------------------------------------------------------------------ what is hashed


def _random(set_target: Setter) -> PlainFilter:
    def identify(event: Event) -> bool:
        set_target(event, str(uuid.uuid4()))
        return True

    return identify


def _punctuation(options: Options, set_target: Setter) -> PlainFilter:
    # Loaded for this method alone; \p{} is not in `re`.
    import regex

    others = regex.compile(r"[^\p{P}\p{S}]")
    sources = [FieldReference(name).get for name in sorted(options.source)]

    def keep_punctuation(event: Event) -> bool:
        for get in sources:
            value = get(event)
            if value is not None:
                if type(value) is not str:
                    raise FilterFailure(f"{value!r:.100} is no text")
                set_target(event, others.sub("", value))
        return True

    return keep_punctuation


def _concatenating(names: list[str] | None, digest: Hash, set_target: Setter) -> PlainFilter:
    """One text of all names and values, as in `|name|value|name|value|`."""
    sources = [(name, FieldReference(name).get) for name in names] if names is not None else None

    def fingerprint(event: Event) -> bool:
        pairs = sorted(event.fields.items()) if sources is None else [(name, get(event)) for name, get in sources]
        set_target(event, digest("".join(f"|{name}|{text(_sorted(value))}" for name, value in pairs) + "|"))
        return True

    return fingerprint


def _each(options: Options, digest: Hash, set_target: Setter) -> PlainFilter:
    sources = [(FieldReference(name)) for name in options.source]

    def fingerprint(event: Event) -> bool:
        for source in sources:
            if source.has(event):
                value = _sorted(source.get(event))
                set_target(event, [digest(item) for item in value] if type(value) is list else digest(value))
        return True

    return fingerprint


def _sorted(value: Any) -> Any:
    """A value whose objects have their members in the order of their names."""
    if type(value) is dict:
        return {name: _sorted(value[name]) for name in sorted(value)}
    if type(value) is list:
        return [_sorted(item) for item in value]
    return value


# --------------------------------------------------------------------------------------------- how it is hashed


def _hash(options: Options) -> Hash:
    key = options.key.get_secret_value() if options.key else None
    if options.method == "IPV4_NETWORK":
        return _network(int(key or 0))
    if options.method.startswith("MURMUR3"):
        return _murmur(options)
    return _encoded(_digest(options.method.lower(), key), options.base64encode)


def _murmur(options: Options) -> Hash:
    import mmh3  # loaded for these methods alone

    if options.method == "MURMUR3":
        return lambda value: mmh3.hash(_murmur_bytes(value, 8), signed=False)
    hash_bytes = mmh3.hash_bytes
    return _encoded(lambda value: hash_bytes(_murmur_bytes(value, _width(value)), SEED), options.base64encode)


def _encoded(digest: Callable[[Any], bytes], base64encode: bool) -> Hash:
    if base64encode:
        return lambda value: base64.b64encode(digest(value)).decode()
    return lambda value: digest(value).hex()


def _digest(name: str, key: str | None) -> Callable[[Any], bytes]:
    if key is not None:
        secret = key.encode()
        return lambda value: hmac.digest(secret, _bytes(value), name)
    new = getattr(hashlib, name)
    return lambda value: bytes(new(_bytes(value), usedforsecurity=False).digest())


def _bytes(value: Any) -> bytes:
    return text(value).encode("utf-8", "surrogatepass")


def _murmur_bytes(value: Any, width: int) -> bytes:
    """Whole numbers are hashed as such, in so many bytes, all else as its text."""
    if type(value) is int:
        return (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    return _bytes(value)


def _width(value: Any) -> int:
    return 4 if type(value) is int and -(1 << 31) <= value < 1 << 31 else 8


_ADDRESS = re.compile(r"[0-9a-fA-F:.]+")


def _network(length: int) -> Hash:
    def mask(value: Any) -> str:
        try:
            address = ip_address(value if type(value) is str and _ADDRESS.fullmatch(value) else "")
            return str(ip_network(f"{address}/{length}", strict=False).network_address)
        except ValueError as error:
            raise FilterFailure(f"{value!r:.100} is no address, or has no prefix of {length} bits") from error

    return mask
