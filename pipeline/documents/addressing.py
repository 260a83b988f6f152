"""Compiles the options of `pipeline/documents/options.py`: events in, action lines and documents out.

Nearly all configurations have a constant action, and an index that changes once a day. For those the start of
the action line is kept by the name of the index, and only the id is written anew for each event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from pipeline.dates.timestamps import canonical
from pipeline.documents.options import OPERATIONS, DocumentOptions, daily_index, rollover_alias, to_data_stream
from pipeline.errors import NoAddress
from pipeline.event import Event, Fields, copied
from pipeline.protocols import bulk
from pipeline.sprintf import Template


class Target(NamedTuple):
    """Where one document goes."""

    operation: str
    """`index`, `create`, `update` or `delete`."""
    index_name: str
    document_id: str | None
    parameters: dict[str, Any]
    """What else the action line says: routing, pipeline, version, version_type, retry_on_conflict."""


@dataclass(frozen=True, slots=True)
class Addressing:
    """What the options come to."""

    target: Callable[[Event], Target]
    """Where an event's document goes; raises `NoAddress`."""
    source: Callable[[Event, str], Any]
    """What follows the action line of an operation: the document, what an update says, None for a delete."""
    render: Callable[[Event, bytearray], None]
    """Appends the event as an item of a bulk request."""
    ordered: bool
    """Whether a later document may change what an earlier one wrote."""


def build(options: DocumentOptions, *, aliases: bool = True) -> Addressing:
    """Compiles the options. An output that has no rollover aliases says so, and gets daily indices instead."""
    own_ids = _own_ids(options)
    operation = _constant_operation(options, own_ids)
    index = _index(options, aliases)
    identify = _identify(options, own_ids)
    target = _target(options, operation, index.name, identify)
    source = _source(options)

    def render_any(event: Event, body: bytearray) -> None:
        where = target(event)
        parameters = {"_index": where.index_name, **where.parameters}
        if where.document_id is not None:
            parameters["_id"] = where.document_id
        body += bulk.action(where.operation, parameters)
        document = source(event, where.operation)
        if document is not None:
            body += _encoded(document)

    render: Callable[[Event, bytearray], None] = render_any
    if operation in ("index", "create") and _constant_parameters(options):
        render = _fast(options, operation, index, identify, source, render_any)
    ordered = operation != "create" and (operation != "index" or options.document_id is not None)
    return Addressing(target, source, render, ordered)


def _own_ids(options: DocumentOptions) -> bool:
    given = (options.document_id, options.action, options.version, options.version_type)
    return options.ids == "event" and all(option is None for option in given)


def _constant_operation(options: DocumentOptions, own_ids: bool) -> str | None:
    if own_ids or to_data_stream(options):
        return "create"
    if options.action is None:
        return "index"
    return options.action.text if options.action.constant else None


# ---------------------------------------------------------------------------------------------- parts

_PLACEHOLDER = re.compile(r"%\{.*?\}")


class Index(NamedTuple):
    """The index of an event."""

    name: Callable[[Event], str]
    dated: int | None = None
    """Where it depends on nothing but the event's time: on so many of its first characters."""


def _index(options: DocumentOptions, aliases: bool) -> Index:
    if to_data_stream(options):
        return Index(_stream(options))
    alias = rollover_alias(options) if aliases else None
    template = Template(alias or (options.index.text if options.index else daily_index(options)))
    return Index(template.render, template.dated)


def _checked(options: DocumentOptions) -> Callable[[str], str]:
    strict = options.dlq_on_failed_indexname_interpolation

    def checked(name: str) -> str:
        if strict and _PLACEHOLDER.search(name):
            raise NoAddress(f'the index still holds a placeholder: "{name}"')
        return name

    return checked


def _stream(options: DocumentOptions) -> Callable[[Event], str]:
    kind, dataset, namespace = options.data_stream_type, options.data_stream_dataset, options.data_stream_namespace
    name = f"{kind}-{dataset}-{namespace}"
    if not options.data_stream_auto_routing:
        return lambda _event: name

    def stream(event: Event) -> str:
        parts = event.fields.get("data_stream")
        if type(parts) is not dict:
            return name
        own = (parts.get("type") or kind, parts.get("dataset") or dataset, parts.get("namespace") or namespace)
        return f"{own[0]}-{own[1]}-{own[2]}"

    return stream


def _identify(options: DocumentOptions, own_ids: bool) -> Callable[[Event], str | None]:
    if options.document_id is not None:
        return options.document_id.render
    if own_ids:
        return lambda event: event.metadata.get("event_id")
    return lambda _event: None


def _target(
    options: DocumentOptions,
    operation: str | None,
    index: Callable[[Event], str],
    identify: Callable[[Event], str | None],
) -> Callable[[Event], Target]:
    action, routing, version = options.action, options.routing, options.version
    checked = _checked(options)

    def target(event: Event) -> Target:
        chosen = operation if operation is not None or action is None else action.render(event)
        if chosen not in OPERATIONS:
            raise NoAddress(f'"{chosen}" is no action: use one of {", ".join(OPERATIONS)}')
        document_id = identify(event)
        if document_id is None and chosen in ("update", "delete"):
            raise NoAddress(f'the action "{chosen}" needs document_id')
        parameters: dict[str, Any] = {}
        if options.parent is not None:
            parameters["routing"] = options.parent.render(event)
        elif routing is not None:
            parameters["routing"] = routing.render(event)
        pipeline = _pipeline(options, event)
        if pipeline:
            parameters["pipeline"] = pipeline
        if version is not None:
            parameters["version"] = version.render(event)
        if options.version_type is not None:
            parameters["version_type"] = options.version_type
        if chosen == "update":
            parameters["retry_on_conflict"] = options.retry_on_conflict
        return Target(chosen, checked(index(event)), document_id, parameters)

    return target


def _pipeline(options: DocumentOptions, event: Event) -> str | None:
    if options.pipeline is not None:
        return options.pipeline.render(event)
    chosen = event.metadata.get("target_ingest_pipeline")
    return None if chosen is None else Template(str(chosen)).render(event)


# ---------------------------------------------------------------------------------------------- documents


def _source(options: DocumentOptions) -> Callable[[Event, str], Any]:
    document = _document(options)
    update = _scripted(options) if options.script is not None and options.script.text else _partial(options)

    def source(event: Event, operation: str) -> Any:
        if operation == "delete":
            return None
        return update(event, document(event)) if operation == "update" else document(event)

    return source


def _document(options: DocumentOptions) -> Callable[[Event], Fields]:
    if options.parent is not None and options.join_field is not None:
        parent, join = options.parent, options.join_field

        def joined(event: Event) -> Fields:
            changed = Event(copied(event.fields), event.metadata)
            join.set(changed, {"name": join.get(event), "parent": parent.render(event)})
            return changed.fields

        return joined
    if to_data_stream(options) and options.data_stream_sync_fields:
        return lambda event: _in_sync(options, event.fields)
    return lambda event: event.fields


def _in_sync(options: DocumentOptions, fields: Fields) -> Fields:
    wanted = {
        "type": options.data_stream_type,
        "dataset": options.data_stream_dataset,
        "namespace": options.data_stream_namespace,
    }
    own = fields.get("data_stream")
    if type(own) is not dict:
        return {**fields, "data_stream": wanted}
    if not options.data_stream_auto_routing:
        return {**fields, "data_stream": {**own, **wanted}}
    missing = {name: value for name, value in wanted.items() if not own.get(name)}
    return {**fields, "data_stream": {**own, **missing}} if missing else fields


Update = Callable[[Event, Fields], dict[str, Any]]


def _upsert(options: DocumentOptions, event: Event) -> dict[str, Any]:
    if options.upsert is None or not options.upsert.text:
        return {}
    text = options.upsert.render(event)
    try:
        return {"upsert": orjson.loads(text)}
    except ValueError as error:
        raise NoAddress(f'upsert is no JSON for this event ({error}): "{text}"') from None


def _partial(options: DocumentOptions) -> Update:
    if options.doc_as_upsert:
        return lambda _event, document: {"doc": document, "doc_as_upsert": True}
    return lambda event, document: {"doc": document, **_upsert(options, event)}


def _scripted(options: DocumentOptions) -> Update:
    text = options.script
    assert text is not None
    inline = options.script_type == "inline"

    def update(event: Event, document: Fields) -> dict[str, Any]:
        script: dict[str, Any] = {"source" if inline else "id": text.render(event)}
        if inline and options.script_lang:
            script["lang"] = options.script_lang
        script["params"] = {options.script_var_name: document}
        if options.scripted_upsert:
            return {"script": script, "scripted_upsert": True, "upsert": {}}
        if options.doc_as_upsert:
            return {"script": script, "upsert": document}
        return {"script": script, **_upsert(options, event)}

    return update


# ---------------------------------------------------------------------------------------------- the fast path

_MOST_KEPT = 2000
"""How many starts of action lines are kept; an index name may hold a field with many values."""


def _constant_parameters(options: DocumentOptions) -> bool:
    templates = (options.routing, options.pipeline, options.version)
    return options.parent is None and all(template is None or template.constant for template in templates)


def _fast(
    options: DocumentOptions,
    operation: str,
    index: Index,
    identify: Callable[[Event], str | None],
    source: Callable[[Event, str], Any],
    render_any: Callable[[Event, bytearray], None],
) -> Callable[[Event, bytearray], None]:
    known: dict[str, bytes] = {}
    learn, name, dated = _learner(options, operation, index, known), index.name, index.dated
    end, tail = _end(options), _tail(options)
    own_ids, any_pipeline = _own_ids(options), options.pipeline is None
    as_it_is = not to_data_stream(options)
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE

    def render(event: Event, body: bytearray) -> None:
        fields, metadata = event.fields, event.metadata
        if any_pipeline and "target_ingest_pipeline" in metadata:
            render_any(event, body)
            return
        try:
            start = known[fields["@timestamp"][:dated] if dated else name(event)]
        except (KeyError, TypeError):
            start = learn(event)
        document_id = metadata.get("event_id") if own_ids else identify(event)
        if document_id is None:
            body += start[: -len(_ID)]
        else:
            body += start
            body += dumps(document_id)
        body += end
        try:
            if as_it_is:
                body += dumps(fields, None, newline)
            elif tail and fields and "data_stream" not in fields:
                body += dumps(fields)
                body[-1:] = tail
            else:
                body += dumps(source(event, operation), None, newline)
        except TypeError:  # what orjson refuses
            body += _encoded(source(event, operation))

    return render


DEEPEST = 254
"""Objects and arrays inside each other that a document may have; orjson takes no more.

Elasticsearch reads a document by recursion: one of 900 levels overflowed the stack of a node, whose write was never
answered, where no depth limit of a mapping stands before it.
"""


def _encoded(document: Any) -> bytes:
    """What orjson refused, in the standard library's way; raises ValueError for a document that is too deep."""
    level, depth = [document], 0
    while level:
        if depth > DEEPEST:
            raise ValueError(
                f"the document is nested deeper than {DEEPEST} levels, which Elasticsearch may not survive"
            )
        level = [inner for outer in level for inner in _inside(outer)]
        depth += 1
    return bulk.encode(document)


def _inside(value: Any) -> Iterable[Any]:
    if type(value) is dict:
        return value.values()
    return value if type(value) is list else ()


_ID = b',"_id":'


def _learner(
    options: DocumentOptions, operation: str, index: Index, known: dict[str, bytes]
) -> Callable[[Event], bytes]:
    """Makes the start of an event's action line, and adds it to those that are known: by the index, or by the day."""
    checked = _checked(options)

    def learn(event: Event) -> bytes:
        name = index.name(event)
        start = b'{"%b":{"_index":%b%b' % (operation.encode(), orjson.dumps(checked(name)), _ID)
        key = name
        if index.dated:
            time = event.fields.get("@timestamp")
            if type(time) is not str or canonical(time) != time:
                return start
            key = time[: index.dated]
        if len(known) >= _MOST_KEPT:
            known.clear()
        known[key] = start
        return start

    return learn


def _tail(options: DocumentOptions) -> bytes:
    """What closes a document that has no `data_stream` yet and gets one."""
    if not to_data_stream(options) or not options.data_stream_sync_fields:
        return b""
    return b"," + orjson.dumps(_in_sync(options, {}))[1:] + b"\n"


def _end(options: DocumentOptions) -> bytes:
    parameters: dict[str, Any] = {}
    if options.routing is not None:
        parameters["routing"] = options.routing.text
    if options.pipeline is not None and options.pipeline.text:
        parameters["pipeline"] = options.pipeline.text
    if options.version is not None:
        parameters["version"] = options.version.text
    if options.version_type is not None:
        parameters["version_type"] = options.version_type
    return b"".join(b",%b:%b" % (orjson.dumps(key), orjson.dumps(value)) for key, value in parameters.items()) + b"}}\n"
