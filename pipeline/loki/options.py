"""The options of the loki output, in the words of Grafana's plugin for Logstash."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.field_reference import METADATA, FieldReference
from pipeline.options import (
    Boolean,
    CodecOption,
    ExistingPath,
    Ignored,
    Integer,
    Number,
    OutputOptions,
    Secret,
    Size,
    Text,
    TextHash,
    as_list,
    default_codec,
    shown,
)
from pipeline.protocols import loki


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{shown(value)} is no URL: write http://host:3100{loki.PATH}")
    if parts.username is not None:
        raise ValueError("give username and password as options, not in the url")
    return value


References = Annotated[list[FieldReference], BeforeValidator(as_list)]


class LokiOptions(OutputOptions):
    """Options of the loki output."""

    codec: Annotated[
        CodecOption, Field(description="How an event becomes a line; with `plain`, it is `message_field`.")
    ] = default_codec("plain")
    url: Annotated[Text, AfterValidator(_url), Field(description=f"Where Loki takes pushes, with `{loki.PATH}`.")]
    tenant_id: Annotated[Text | None, Field(description="The tenant, sent as `X-Scope-OrgID`.")] = None
    username: Annotated[Text | None, Field(description="A user name; its password is `password`.")] = None
    password: Annotated[Secret | None, Field(description="The password of `username`.")] = None
    message_field: Annotated[FieldReference, Field(description="The field that is the line.")] = FieldReference(
        "message"
    )
    include_fields: Annotated[
        References,
        Field(description="The fields that become labels; without it and `labels`, every field that is not nested."),
    ] = []
    labels: Annotated[
        TextHash,
        Field(description="More labels: name to value, which may hold %{...}; left out where the field is absent."),
    ] = {}
    metadata_fields: Annotated[References, Field(description="The fields that become structured metadata.")] = []
    batch_size: Annotated[
        Size,
        Field(ge=1, description="Bytes of a push before it is compressed, at most, unless one line has more."),
    ] = 1 << 20
    batch_wait: Annotated[
        Number, Ignored("`pipeline.batch.delay` says when events are sent"), Field(description="As in Logstash.")
    ] = 1
    min_delay: Annotated[
        Number | None,
        Field(gt=0, description="Seconds before a push is repeated; by default `retry.initial_interval`."),
    ] = None
    max_delay: Annotated[
        Number | None,
        Field(gt=0, description="Longest pause; it doubles with every failure. By default `retry.max_interval`."),
    ] = None
    retries: Annotated[
        Integer | None,
        Field(ge=0, description="As in Logstash."),
        Ignored("nothing is given up after a number of attempts: it is sent again until it is written"),
    ] = None
    cert: Annotated[ExistingPath | None, Field(description="A PEM file: our own certificate.")] = None
    key: Annotated[ExistingPath | None, Field(description="A PEM file: the key of our certificate.")] = None
    ca_cert: Annotated[ExistingPath | None, Field(description="A PEM file with the authorities to trust.")] = None
    insecure_skip_verify: Annotated[Boolean, Field(description="Trust any server: never over a network.")] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = [*_name_problems(self)]
        if (self.cert is None) != (self.key is None):
            problems.append("cert and key go together")
        if self.password is not None and self.username is None:
            problems.append("password needs a username")
        if self.min_delay is not None and self.max_delay is not None and self.min_delay > self.max_delay:
            problems.append(f"min_delay, {self.min_delay:g}, is longer than max_delay, {self.max_delay:g}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _name_problems(options: LokiOptions) -> list[str]:
    problems = [
        f"{shown(name)} cannot be the name of a label; write {shown(loki.label_name([name]))}"
        for name in options.labels
        if loki.label_name([name]) != name
    ]
    for option, references in (
        ("include_fields", options.include_fields),
        ("metadata_fields", options.metadata_fields),
    ):
        names = dict.fromkeys(options.labels, "labels") if option == "include_fields" else {}
        for reference in references:
            name = name_of(reference)
            if name in names:
                problems.append(f"{option}: {reference.text} and {names[name]} both give {shown(name)}")
            names[name] = reference.text
    return problems


def name_of(reference: FieldReference) -> str:
    """The name of the label, or of the metadata, for a field."""
    path = reference.path[1:] if reference.path[0] == METADATA else reference.path
    return loki.label_name(path or ["metadata"])
