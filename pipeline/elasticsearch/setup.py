"""What the elasticsearch output sets up once, before its first document: template, lifecycle policy, rollover alias.

As in Logstash, only what is missing is made, unless `template_overwrite` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson

from pipeline.documents.options import default_name, rollover_alias, to_data_stream
from pipeline.elasticsearch.client import Answer
from pipeline.elasticsearch.options import ElasticsearchOptions
from pipeline.errors import ConfigurationError, NotAuthorised, Unavailable
from pipeline.protocols import bulk

Template = dict[str, Any]

ROLLOVER_POLICY: dict[str, Any] = {
    "policy": {"phases": {"hot": {"actions": {"rollover": {"max_size": "50gb", "max_age": "30d"}}}}}
}
"""What `logstash-policy` is made of where it is missing."""


Request = Callable[[str, str, bytes | None], Awaitable[Answer]]
"""`request(method, path, body)`; raises `Unavailable` where no server answers."""


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself, as far as it matters."""

    major: int = 8
    minor: int = 0
    opensearch: bool = False

    @property
    def composable(self) -> bool:
        """Whether `auto` means the newer kind of index template."""
        return self.opensearch or self.major >= 8

    @property
    def data_streams(self) -> bool:
        """Whether it has data streams."""
        return self.opensearch or (self.major, self.minor) >= (7, 9)


async def set_up(options: ElasticsearchOptions, request: Request, warn: Callable[[str], None]) -> None:
    """Makes what is missing. Raises `SendFailure` if it may work later, `ConfigurationError` if it never will."""
    server = await _server(request)
    if to_data_stream(options) and not server.data_streams:
        found = f"Elasticsearch {server.major}.{server.minor}"
        raise ConfigurationError([f"{found} has no data streams, which came with 7.9: set data_stream => false"])
    alias = rollover_alias(options)
    lifecycle = alias is not None and await _policy(options, alias, request, warn)
    if options.manage_template if options.manage_template is not None else not to_data_stream(options):
        await _template(options, server, alias, lifecycle, request, warn)
    if alias is not None:
        await _alias(options, alias, request)


async def _server(request: Request) -> Server:
    answer = await request("GET", "/", None)
    if answer.status in (403, 404, 405):  # the credentials or a proxy give no more than the bulk API
        return Server()
    _expect(answer, "the server's version")
    try:
        version = orjson.loads(answer.body)["version"]
        major, minor = (int(part) for part in version["number"].split(".")[:2])
        return Server(major, minor, version.get("distribution") == "opensearch")
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = answer.body[:200].decode("utf-8", "replace")
        raise Unavailable(f"this is no Elasticsearch: {shown}") from None


def _expect(answer: Answer, what: str) -> None:
    """Raises what an answer other than 2xx means for a part of the set-up."""
    if 200 <= answer.status < 300:
        return
    reason = f"{what}: HTTP {answer.status}: {_reason(answer.body)}"
    if answer.status in (401, 403):
        raise NotAuthorised(reason)
    if answer.status in (408, 429) or answer.status >= 500:
        raise Unavailable(reason)
    raise ConfigurationError([reason])


def _reason(body: bytes) -> str:
    try:
        return bulk.explain(orjson.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace").strip() or "no reason given"


# ---------------------------------------------------------------------------------------------- templates


async def _template(
    options: ElasticsearchOptions,
    server: Server,
    alias: str | None,
    lifecycle: bool,
    request: Request,
    warn: Callable[[str], None],
) -> None:
    composable = options.template_api == "composable" or (options.template_api == "auto" and server.composable)
    name = options.template_name or alias or default_name(options)
    path = f"/{'_index_template' if composable else '_template'}/{quote(name, safe='')}"
    forbidden = (
        f"the template {name} cannot be managed with these credentials; going on without it: set manage_template =>"
        " false, or grant the privilege manage_index_templates"
    )
    if not options.template_overwrite:
        found = await request("HEAD", path, None)
        if found.status == HTTPStatus.FORBIDDEN and options.template is None:
            warn(forbidden)
            return
        if found.status != 404:
            _expect(found, f"the template {name}")
            return
    template = _from_file(options) or default_template(options, composable)
    if alias is not None:
        template["index_patterns"] = [f"{alias}-*"]
    if lifecycle:
        part = template.setdefault("template", {}) if composable and "settings" not in template else template
        names = {"index.lifecycle.name": options.ilm_policy, "index.lifecycle.rollover_alias": alias}
        part["settings"] = part.get("settings", {}) | names
    put = await request("PUT", path, orjson.dumps(template))
    if put.status == HTTPStatus.FORBIDDEN and options.template is None:
        warn(forbidden)
        return
    _expect(put, f"the template {name}")


def _from_file(options: ElasticsearchOptions) -> Template | None:
    if options.template is None:
        return None
    try:
        parsed = json.loads(options.template.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"the template {options.template} cannot be read: {error}"]) from None
    if type(parsed) is not dict:
        raise ConfigurationError([f"the template {options.template} is no JSON object"])
    return parsed


_GEO_POINT = {"type": "geo_point"}
_PLACED = ("client", "destination", "geoip", "host", "observer", "server", "source")
_KEYWORDS = {
    "strings": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}},
}


def default_template(options: ElasticsearchOptions, composable: bool) -> Template:
    """The template for indices of the default name.

    Without ECS, texts get a `.keyword` beside them, which is what the server does by itself and Logstash's users
    know; with ECS they are keywords.
    """
    properties: dict[str, Any] = {
        "@timestamp": {"type": "date"},
        "@version": {"type": "keyword"},
        "message": {"type": "text", "norms": False},
    }
    mappings: dict[str, Any] = {"properties": properties}
    settings: dict[str, Any] = {"index.refresh_interval": "5s"}
    if options.ecs_compatibility == "disabled":
        properties["geoip"] = {"properties": {"ip": {"type": "ip"}, "location": _GEO_POINT}}
    else:
        settings["index.mapping.total_fields.limit"] = 10000
        mappings["date_detection"] = False
        mappings["dynamic_templates"] = [_KEYWORDS]
        properties["geoip"] = {"properties": {"location": _GEO_POINT}}
        for owner in _PLACED:
            properties[owner] = {"properties": {"geo": {"properties": {"location": _GEO_POINT}}}}
    content = {"settings": settings, "mappings": mappings}
    patterns = {"index_patterns": [f"{default_name(options)}-*"]}
    return {**patterns, "priority": 200, "template": content} if composable else {**patterns, "order": 0, **content}


# ---------------------------------------------------------------------------------------------- lifecycle


async def _policy(options: ElasticsearchOptions, alias: str, request: Request, warn: Callable[[str], None]) -> bool:
    """Whether the server has lifecycle management, with the policy in place."""
    path = f"/_ilm/policy/{quote(options.ilm_policy, safe='')}"
    found = await request("GET", path, None)
    if found.status == 404 and b"no handler found" not in found.body:
        if "ilm_policy" in options.model_fields_set and options.ilm_policy != "logstash-policy":
            raise ConfigurationError(
                [f"there is no lifecycle policy {options.ilm_policy}: make it, or drop ilm_policy"]
            )
        found = await request("PUT", path, orjson.dumps(ROLLOVER_POLICY))
    elif found.status in (400, 404, 405):
        remedy = "set ilm_enabled => false to write one index a day"
        if options.ilm_enabled == "true":
            raise ConfigurationError([f"this server has no lifecycle management: {remedy}"])
        warn(f"this server has no lifecycle management, so the index behind {alias} never rolls over: {remedy}")
        return False
    _expect(found, f"the lifecycle policy {options.ilm_policy}")
    return True


async def _alias(options: ElasticsearchOptions, alias: str, request: Request) -> None:
    found = await request("HEAD", f"/{quote(alias, safe='')}", None)
    if found.status != 404:
        _expect(found, f"the alias {alias}")
        return
    first = quote(f"<{alias}-{options.ilm_pattern}>", safe="")
    made = await request("PUT", f"/{first}", orjson.dumps({"aliases": {alias: {"is_write_index": True}}}))
    if made.status == 400 and b"resource_already_exists_exception" in made.body:
        return  # another process was faster
    _expect(made, f"the index behind the alias {alias}")
