"""Where a document goes: the options that decide it, shared by the outputs that write documents.

They are those of `logstash-output-elasticsearch`, and are compiled in `pipeline/documents/addressing.py`. As in
Logstash 8, an output goes to a data stream if its options allow that; else, without `index`, to a rollover
alias; else to its index, a new one each day by default.
"""

import re
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.field_reference import FieldReference
from pipeline.options import Boolean, Ecs, Ignored, Integer, OutputOptions, Text, shown
from pipeline.sprintf import Template

OPERATIONS = ("index", "create", "update", "delete")


def _word(value: Any) -> Any:
    """`true` and `"true"` are the same word; a list of one word is the word."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value).lower() if isinstance(value, bool) else value


_NOT_IN_A_STREAM = re.compile(r'[\\/*?"<>| ,#:]')


def _stream_part(value: str) -> str:
    if not value or len(value.encode()) > 100 or _NOT_IN_A_STREAM.search(value):
        limits = r"1 to 100 bytes, no spaces and none of \ / * ? \" < > | , # :"
        raise ValueError(f"{shown(value)} cannot be part of a data stream's name: {limits}")
    return value


def _json_object(value: Template | None) -> Template | None:
    if value is not None and value.constant and value.text:
        try:
            parsed = orjson.loads(value.text)
        except ValueError as error:
            raise ValueError(f"{shown(value.text)} is no JSON: {error}") from None
        if type(parsed) is not dict:
            raise ValueError(f"{shown(value.text)} is no JSON object")
    return value


Switch = Annotated[Literal["true", "false", "auto"], BeforeValidator(_word)]
VersionType = Annotated[Literal["internal", "external", "external_gt", "external_gte", "force"], BeforeValidator(_word)]
ScriptType = Annotated[Literal["inline", "indexed", "file"], BeforeValidator(_word)]
StreamType = Annotated[Literal["logs", "metrics", "synthetics", "traces"], BeforeValidator(_word)]
StreamPart = Annotated[Text, AfterValidator(_stream_part)]
Upsert = Annotated[Template | None, AfterValidator(_json_object)]

_PLACE_OPTIONS = {"index", "document_type", "parent", "join_field", "version", "version_type"}
_UPDATE_OPTIONS = {"upsert", "doc_as_upsert", "script", "script_type", "script_lang", "script_var_name"}
_UPDATE_OPTIONS |= {"scripted_upsert", "retry_on_conflict"}
_SET_UP_OPTIONS = {"manage_template", "template", "template_name", "template_overwrite", "template_api"}
_SET_UP_OPTIONS |= {"ilm_enabled", "ilm_rollover_alias", "ilm_pattern", "ilm_policy"}
NOT_WITH_DATA_STREAMS = frozenset(_PLACE_OPTIONS | _UPDATE_OPTIONS | _SET_UP_OPTIONS)


class DocumentOptions(OutputOptions):
    """The options that decide where a document goes."""

    model_config = ConfigDict(defer_build=True)  # many options: built when used, and not once for each subclass

    ecs_compatibility: Annotated[
        Ecs, Field(description="Unless `disabled`, a data stream is the default, and other default names get `ecs-`.")
    ] = "v8"
    ids: Annotated[
        Literal["event", "none"],
        BeforeValidator(_word),
        Field(
            description="Not in Logstash. `event`: without `document_id`, `action` and `version*`, a document is"
            " created under its event's own id, so that what is sent again is found out and not written twice."
            " `none`: the server draws an id, as with Logstash."
        ),
    ] = "event"
    action: Annotated[
        Template | None,
        Field(description="`index`, `create`, `update` or `delete`; may hold %{...}. `index` by default."),
    ] = None
    index: Annotated[Template | None, Field(description="The index to write to; may hold %{...}.")] = None
    document_id: Annotated[Template | None, Field(description="The id of the document; may hold %{...}.")] = None
    document_type: Annotated[
        Text | None, Ignored("documents have no type since Elasticsearch 8"), Field(description="Not sent.")
    ] = None
    routing: Annotated[Template | None, Field(description="The routing value; may hold %{...}.")] = None
    pipeline: Annotated[
        Template | None,
        Field(
            description="The ingest pipeline to run; may hold %{...}, and runs none if that comes to nothing."
            " Without it, `[@metadata][target_ingest_pipeline]` is read."
        ),
    ] = None
    version: Annotated[Template | None, Field(description="The version of the document; may hold %{...}.")] = None
    version_type: Annotated[VersionType | None, Field(description="How the server compares versions.")] = None
    parent: Annotated[
        Template | None, Field(description="The id of the parent document; may hold %{...}. Needs `join_field`.")
    ] = None
    join_field: Annotated[FieldReference | None, Field(description="The join field of documents with a parent.")] = None

    doc_as_upsert: Annotated[Boolean, Field(description="The update of a missing document creates it.")] = False
    upsert: Annotated[Upsert, Field(description="JSON: what the update of a missing document creates.")] = None
    script: Annotated[Template | None, Field(description="Updates run this script, with the event as parameter.")] = (
        None
    )
    script_type: Annotated[
        ScriptType, Field(description="`inline`: `script` is the source; `indexed`: it names a stored script.")
    ] = "inline"
    script_lang: Annotated[Text, Field(description="The language of an inline script.")] = "painless"
    script_var_name: Annotated[Text, Field(description="The parameter that holds the event.")] = "event"
    scripted_upsert: Annotated[Boolean, Field(description="The script itself creates a missing document.")] = False
    retry_on_conflict: Annotated[
        Integer, Field(ge=0, description="How often the server repeats an update that met another one.")
    ] = 1

    data_stream: Annotated[
        Switch,
        Field(description="Write to a data stream. `auto`: if ECS is not disabled and no option speaks against it."),
    ] = "auto"
    data_stream_type: Annotated[StreamType, Field(description="First part of the data stream's name.")] = "logs"
    data_stream_dataset: Annotated[StreamPart, Field(description="Its second part.")] = "generic"
    data_stream_namespace: Annotated[StreamPart, Field(description="Its third part.")] = "default"
    data_stream_auto_routing: Annotated[
        Boolean, Field(description="The fields of an event's `data_stream` go before these options.")
    ] = True
    data_stream_sync_fields: Annotated[
        Boolean, Field(description="Write the parts of the name into the document's `data_stream`.")
    ] = True

    ilm_enabled: Annotated[
        Switch, Field(description="Write to a rollover alias. `auto`: without `index`, or with `ilm_rollover_alias`.")
    ] = "auto"
    ilm_rollover_alias: Annotated[
        Text | None, Field(description="The alias; by default `logstash`, with ECS `ecs-logstash`.")
    ] = None
    ilm_pattern: Annotated[Text, Field(description="What follows the alias in the name of the first index.")] = (
        "{now/d}-000001"
    )
    ilm_policy: Annotated[Text, Field(description="The lifecycle policy; only the default one is created.")] = (
        "logstash-policy"
    )
    dlq_on_failed_indexname_interpolation: Annotated[
        Boolean, Field(description="Dead-letter an event whose index still holds %{...}, rather than send it.")
    ] = True

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*_action_problems(self), *_stream_problems(self)]
        if self.parent is not None and self.join_field is None:
            problems.append("parent needs join_field: documents have no other parents since Elasticsearch 6")
        if self.ilm_rollover_alias is not None and "%{" in self.ilm_rollover_alias:
            problems.append("ilm_rollover_alias cannot hold %{...}: it is made once, at the start")
        if self.script_type == "file":
            problems.append('script_type "file" is gone since Elasticsearch 6: store the script, and use "indexed"')
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _action_problems(options: DocumentOptions) -> list[str]:
    action = options.action
    if action is None or not action.constant:
        return []
    if action.text not in OPERATIONS:
        return [f"action is one of {', '.join(OPERATIONS)}, or holds %{{...}}, and not {shown(action.text)}"]
    if action.text in ("update", "delete") and options.document_id is None:
        return [f'action "{action.text}" needs document_id']
    return []


def _stream_problems(options: DocumentOptions) -> list[str]:
    given = options.model_fields_set
    if options.data_stream == "true":
        problems = [f"{name} cannot be used with a data stream" for name in _against_a_stream(options)]
        if options.ecs_compatibility == "disabled":
            problems.append("a data stream needs ecs_compatibility, which is disabled")
        return problems
    if not to_data_stream(options):
        stray = sorted(name for name in given if name.startswith("data_stream_"))
        return [f"{name} has no meaning without data_stream => true" for name in stray]
    return []


def _against_a_stream(options: DocumentOptions) -> list[str]:
    found = sorted(options.model_fields_set & NOT_WITH_DATA_STREAMS)
    if "manage_template" in found and str(getattr(options, "manage_template", "")).lower() == "false":
        found.remove("manage_template")
    if options.action is not None and options.action.text != "create":
        found.append(f'action => "{options.action.text}"')
    return found


def to_data_stream(options: DocumentOptions) -> bool:
    """Whether the documents go to a data stream."""
    if options.data_stream != "auto":
        return options.data_stream == "true"
    return options.ecs_compatibility != "disabled" and not _against_a_stream(options)


def default_name(options: DocumentOptions) -> str:
    """The name that the default index, alias and template are made of."""
    return "logstash" if options.ecs_compatibility == "disabled" else "ecs-logstash"


def daily_index(options: DocumentOptions) -> str:
    """The default index of an output that writes to no data stream and no alias."""
    return default_name(options) + "-%{+yyyy.MM.dd}"


def rollover_alias(options: DocumentOptions) -> str | None:
    """The alias that the documents go to, or None if they go elsewhere."""
    if options.ilm_enabled == "false" or to_data_stream(options):
        return None
    alias = options.ilm_rollover_alias or default_name(options)
    plain_index = options.index is None or options.index.text == daily_index(options)
    return alias if plain_index or alias != default_name(options) else None
