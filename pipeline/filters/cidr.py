"""Match events whose addresses are in one of some networks.

    filter {
      cidr {
        address => ["%{[source][ip]}"]
        network => ["10.0.0.0/8", "fe80::/64"]
        add_tag => ["internal"]
      }
    }

It matches if any of the addresses is in any of the networks; then `add_tag` and the other common options apply. An
address may have a prefix (`10.1.2.3/24`): then its whole network must be in the other. It may be in brackets
(`[fe80::1]`). So Ruby's IPAddr reads them, which Logstash uses. What is no address, or no network, matches nothing;
blanks may be around a network, but not around an address. A file of networks is looked at every `refresh_interval`
seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from pipeline.event import Event
from pipeline.field_reference import FieldReference
from pipeline.java_text import as_text
from pipeline.options import ExistingPath, FilterOptions, Formats, Number, Text
from pipeline.plugin import Filter, PluginContext
from pipeline.sprintf import Template

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Options(FilterOptions):
    """What the cidr filter takes."""

    address: Formats = Field([], description="Addresses to look at; may hold %{...}.")
    address_field: Annotated[
        FieldReference | None, Field(description="A field with an address or an array of them; instead of `address`.")
    ] = None
    network: Formats = Field([], description="Networks, or several with commas between; may hold %{...}.")
    network_path: Annotated[ExistingPath | None, Field(description="A file of networks, instead of `network`.")] = None
    separator: Annotated[Text, Field(description="What is between the networks in the file.")] = "\n"
    refresh_interval: Annotated[Number, Field(gt=0, description="Seconds between looks at the file.")] = 600

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        if self.network and self.network_path:
            raise ValueError("network and network_path exclude each other")
        if self.address and self.address_field:
            raise ValueError("address and address_field exclude each other")
        return self


def build(options: Options, context: PluginContext) -> Filter:
    """The filter for these options."""
    addresses, networks = _addresses(options), _networks(options, context)

    def match(event: Event) -> bool:
        wanted = networks(event)
        return any(_within(address, network) for address in addresses(event) for network in wanted)

    return match


def _addresses(options: Options) -> Callable[[Event], list[Address | Network]]:
    if options.address_field:
        get = options.address_field.get

        def of_field(event: Event) -> list[Address | Network]:
            value = get(event)
            return _parsed(map(as_text, value if type(value) is list else [value]), _address)

        return of_field
    renders = [Template(text).render for text in options.address]
    return lambda event: _parsed((render(event) for render in renders), _address)


def _networks(options: Options, context: PluginContext) -> Callable[[Event], list[Network]]:
    if options.network_path:
        file = NetworkFile(options.network_path, options.separator, context.warn)
        context.every(options.refresh_interval, file.read)
        return lambda event: file.networks
    templates = [Template(text) for text in options.network]

    def of(event: Event | None) -> list[Network]:
        texts = (part for one in templates for part in (one.render(event) if event else one.text).split(","))
        return _parsed(texts, _network)

    if all(template.constant for template in templates):
        for text in options.network:
            for part in text.split(","):
                if _network(part) is None:
                    context.warn(f'cidr: "{part}" is no network, and matches nothing')
        fixed = of(None)
        return lambda event: fixed
    return of


class NetworkFile:
    """The networks in a file. One that cannot be read, or is empty, leaves those that were read before."""

    def __init__(self, path: Path, separator: str, warn: Callable[[str], None]) -> None:
        self._path, self._separator, self._warn = path, separator, warn
        self.networks: list[Network] = []
        self._text = ""
        self.read()

    def read(self) -> None:
        """Reads the file, if it has changed."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._warn(f"cidr: {self._path} cannot be read, its networks stay as they were: {error}")
            return
        if text and text != self._text:
            self._text = text
            self.networks = _parsed(text.split(self._separator), _network)


def _parsed(texts: Iterable[str], parse: Callable[[str], Any]) -> list[Any]:
    return [found for text in texts if (found := parse(text)) is not None]


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | Network | None:
    text = _BRACKETS.sub(r"\1", text)
    try:
        return ip_network(text, strict=False) if "/" in text else ip_address(text)
    except ValueError:
        return None


_BRACKETS = re.compile(r"\A\[([^]/]*:[^]/]*)\](?=/|\Z)")


@lru_cache(maxsize=4096)
def _network(text: str) -> Network | None:
    try:
        return ip_network(_BRACKETS.sub(r"\1", text.strip()), strict=False)
    except ValueError:
        return None


def _within(address: Address | Network, network: Network) -> bool:
    if isinstance(address, IPv4Network):
        return isinstance(network, IPv4Network) and address.subnet_of(network)
    if isinstance(address, IPv6Network):
        return isinstance(network, IPv6Network) and address.subnet_of(network)
    return address in network
