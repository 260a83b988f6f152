"""Look up the addresses of names, and the names of addresses.

    filter {
      dns {
        resolve => ["[source][domain]"]
        reverse => ["[client][ip]"]
        action => "replace"
        nameserver => { address => ["10.0.0.53", "10.1.0.53"] search => ["example.org"] }
        hit_cache_size => 8000
        failed_cache_size => 8000
      }
    }

First every field of `resolve` is looked up, in the order given, then every field of `reverse`. A field that is not
there is passed over. The filter stops at the first field that cannot be looked up (several values, no text, in
`reverse` no address) or has no answer; what it did to the fields before stays, but `add_field`, `add_tag` and the
rest are not applied. Where no name server answers in time, the event also gets the tags of `tag_on_timeout`.

Unlike Logstash, which asks for one event after the other, all the different names of a batch are asked for at once
(up to 100 at a time), each only once; the next batch is begun when they are answered, so `timeout` also bounds what
others wait for. The caches keep answers between batches; as in Logstash they are off until they are given a size.

With `hostsfile` and no `nameserver` only the hosts files are searched, as in Logstash. /etc/hosts is always searched
before the name servers; without `nameserver` they are those of /etc/resolv.conf. Both files are read at the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from pipeline.errors import ConfigurationError
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.name_lookups import TIMED_OUT, ExpiringCache, Hosts, Kind, NameLookups, Outcome, is_address
from pipeline.options import ExistingPath, FilterOptions, Integer, Number, Texts, as_list, shown
from pipeline.plugin import Asking, Filter, PluginContext

SYSTEM_HOSTS = Path("/etc/hosts")
DNS_PORT = 53


_SERVER = re.compile(r"(?:\[(?P<inner>[^\]]+)\]|(?P<outer>[^:]+))(?::(?P<port>[0-9]{1,5}))?")


def _server(text: str) -> tuple[str, int]:
    """The address and the port of a name server: `10.0.0.53`, `10.0.0.53:5353`, `[fd00::53]:5353`."""
    found = None if is_address(text) else _SERVER.fullmatch(text)
    address = found["inner"] or found["outer"] if found else text
    port = int(found["port"] or DNS_PORT) if found else DNS_PORT
    if not is_address(address) or not 0 < port < 65536:
        raise ValueError(f'"{text}" is no IP address of a name server; a port may follow, as in "10.0.0.53:5353"')
    return str(ip_address(address)), port


class NameServer(BaseModel):
    """The hash of the option `nameserver`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Texts = Field(min_length=1)
    search: Texts = Field([], max_length=6)
    ndots: Annotated[Integer, Field(gt=0)] = 1

    @field_validator("address")
    @classmethod
    def _addresses(cls, address: list[str]) -> list[str]:
        for text in address:
            _server(text)
        return address

    @field_validator("search")
    @classmethod
    def _domains(cls, search: list[str]) -> list[str]:
        for text in search:
            try:
                dns.name.from_text(text)
            except dns.exception.DNSException as error:
                raise ValueError(f'"{text}" is no domain: {error}') from None
        return search


def _as_hash(value: Any) -> Any:
    if isinstance(value, dict) and "address" not in value:
        raise ValueError(f"the hash must have an `address`, got {shown(value)}")
    return {"address": value} if isinstance(value, str | list) else value


class Options(FilterOptions):
    """The options of dns."""

    resolve: list[FieldReference] = Field([], description="Fields with names, to become addresses.")
    reverse: list[FieldReference] = Field([], description="Fields with addresses, to become names.")
    action: Annotated[
        Literal["append", "replace"],
        Field(description="Whether the answer replaces the value, or is appended to it, which makes it an array."),
    ] = "append"
    nameserver: Annotated[
        NameServer | None,
        BeforeValidator(_as_hash),
        Field(
            description="The name servers to ask: an address, an array of them, or a hash of `address`, `search` (up to"
            " six domains) and `ndots` (1). An address may have a port, which Logstash does not take."
        ),
    ] = None
    timeout: Annotated[Number, Field(gt=0, description="Seconds that each name server has for an answer.")] = 0.5
    max_retries: Annotated[
        Integer, Field(ge=0, description="How often a question is asked again after a time-out.")
    ] = 2
    hit_cache_size: Annotated[Integer, Field(ge=0, description="How many answers are kept; 0 keeps none.")] = 0
    hit_cache_ttl: Annotated[Number, Field(gt=0, description="Seconds that an answer is kept.")] = 60
    failed_cache_size: Annotated[
        Integer, Field(ge=0, description="How many failures are kept, which are not asked again; 0 keeps none.")
    ] = 0
    failed_cache_ttl: Annotated[Number, Field(gt=0, description="Seconds that a failure is kept.")] = 5
    hostsfile: list[ExistingPath] = Field([], description="Hosts files to search before the system's.")
    tag_on_timeout: Texts = Field(["_dnstimeout"], description="Tags to add where no name server answered in time.")

    @field_validator("resolve", "reverse", "hostsfile", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return as_list(value)


Step = tuple[FieldReference, tuple[Kind, ...]]
"""A field, and what is done to it up to here: a field in both lists has its address looked up, then that one's name."""


def build(options: Options, context: PluginContext) -> Filter:
    """Reads the hosts files and the resolver's configuration; look-ups are made for all events of a batch."""
    steps = _steps(options)
    lookups = NameLookups(
        Hosts.read([*options.hostsfile, SYSTEM_HOSTS]),
        _resolver(options),
        options.timeout,
        options.max_retries,
        ExpiringCache(options.hit_cache_size, options.hit_cache_ttl, context.clock),
        ExpiringCache(options.failed_cache_size, options.failed_cache_ttl, context.clock),
    )
    append = options.action == "append"
    return Asking(_key(steps, append=append), _looker(lookups), _applier(steps, options.tag_on_timeout, append=append))


def _steps(options: Options) -> list[Step]:
    done: dict[FieldReference, tuple[Kind, ...]] = {}
    steps: list[Step] = []
    for kind, fields in (("resolve", options.resolve), ("reverse", options.reverse)):
        for field in fields:
            done[field] = (*done.get(field, ()), cast(Kind, kind))
            steps.append((field, done[field]))
    return steps


def _resolver(options: Options) -> dns.asyncresolver.Resolver | None:
    given = options.nameserver
    if given is None and options.hostsfile:
        return None
    try:
        resolver = dns.asyncresolver.Resolver(configure=given is None)
    except dns.resolver.NoResolverConfiguration as error:
        raise ConfigurationError(
            [f"there is no name server: set `nameserver`, or mend /etc/resolv.conf: {error}"]
        ) from error
    if given is not None:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*_server(text)) for text in given.address]
        resolver.domain = dns.name.root  # else the domain of this machine would be a search domain
        resolver.search = [dns.name.from_text(text) for text in given.search]
        resolver.ndots = given.ndots
    resolver.timeout = options.timeout
    # Each server is asked once; the look-up itself ends the waiting.
    resolver.lifetime = 2 * options.timeout * len(resolver.nameservers)
    return resolver


Question = tuple[tuple[Kind, ...], str] | None
"""What is done to a text; None for a field that is not there."""


def _key(steps: list[Step], *, append: bool) -> Callable[[Event], Hashable | None]:
    def key(event: Event) -> Hashable | None:
        questions: list[Question] = []
        for field, kinds in steps:
            value = field.get(event)
            if value is None:
                questions.append(None)
                continue
            text = (value[0] if len(value) == 1 else None) if type(value) is list else value
            if type(text) is not str or (kinds[0] == "reverse" and not is_address(text)):
                break
            if append and len(kinds) > 1:
                break  # the answer of the first time is beside the value by then, and several are not looked up
            questions.append((kinds, text))
        if len(questions) < len(steps) and not any(questions):
            return None
        return tuple(questions)

    return key


def _looker(lookups: NameLookups) -> Callable[[Sequence[Hashable]], Any]:
    async def look_up(keys: Sequence[Hashable]) -> Mapping[Hashable, tuple[Outcome, ...]]:
        wanted = cast(Sequence[tuple[Question, ...]], keys)
        outcomes: dict[Question, Outcome] = {(kinds, text): text for key in wanted for kinds, text in filter(None, key)}
        for depth in range(max((len(kinds) for kinds, _ in filter(None, outcomes)), default=0)):
            asked = {
                question: (question[0][depth], text)
                for question, text in outcomes.items()
                if question is not None and depth < len(question[0]) and isinstance(text, str)
            }
            answers = await lookups.answer_all(set(asked.values()))
            outcomes |= {question: answers[next_one] for question, next_one in asked.items()}
        return {key: tuple(outcomes.get(question) for question in key) for key in wanted}

    return look_up


def _applier(steps: list[Step], tags: list[str], *, append: bool) -> Callable[[Event, Any], bool]:
    def apply(event: Event, answer: tuple[Outcome, ...] | None) -> bool:
        for (field, _), outcome in zip(steps, answer or (), strict=False):
            value = field.get(event)
            if value is None:
                continue
            if not isinstance(outcome, str):
                if outcome is TIMED_OUT:
                    for tag in tags:
                        add_tag(event, tag)
                return False
            several = type(value) is list
            if append:
                field.set(event, [*value, outcome] if several else [value, outcome])
            else:
                field.set(event, [outcome] if several else outcome)
        return answer is not None and len(answer) == len(steps)

    return apply
