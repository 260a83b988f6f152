"""All that a cluster should have, each as a request; and how what it has differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings import access, templates
from mappings.changes import changes
from mappings.lifecycle import policy
from mappings.templates import Server

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing to have: `PUT path` makes it, `GET path` shows it."""

    kind: str
    name: str
    path: str
    body: Body
    privilege: str
    """The cluster privilege that it takes."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def wanted(server: Server, retention: str, *, stream: bool = False, roles: bool = False) -> list[Resource]:
    """What a cluster should have, in the order in which it can be made; `retention` as in `lifecycle.policy`."""
    found = []
    if server.lifecycle:
        found.append(_policy(templates.DAILY, policy(retention)))
        if stream:
            found.append(_policy(templates.STREAM, policy(retention, rollover=True)))
    components = {
        templates.SETTINGS: templates.settings(server),
        templates.ECS_FIELDS: templates.ecs_fields(server),
        templates.FIELDS: templates.application_fields(server),
    }
    found += [_template("component template", name, "_component_template", body) for name, body in components.items()]
    found.append(_template("index template", templates.DAILY, "_index_template", templates.daily(server)))
    if stream:
        found.append(_template("index template", templates.STREAM, "_index_template", templates.stream(server)))
    if roles:
        found += [_role(access.WRITER, access.writer()), _role(access.READER, access.reader())]
    return found


def _policy(name: str, body: Body) -> Resource:
    return Resource("lifecycle policy", name, f"/_ilm/policy/{name}", body, access.NEEDED["lifecycle"])


def _template(kind: str, name: str, place: str, body: Body) -> Resource:
    return Resource(kind, name, f"/{place}/{name}", body, access.NEEDED["templates"])


def _role(name: str, body: Body) -> Resource:
    return Resource("role", name, f"/_security/role/{name}", body, access.NEEDED["roles"])


def differences(resource: Resource, answer: Body) -> list[str]:
    """What `PUT` would change, a line each, given the answer to `GET`; none if all is as it should be."""
    return changes(_content(resource, answer), resource.body)


def _content(resource: Resource, answer: Body) -> Body:
    """The part of an answer that has the form of the body."""
    if resource.kind == "component template":
        found = answer["component_templates"][0]["component_template"]
    elif resource.kind == "index template":
        found = answer["index_templates"][0]["index_template"]
    elif resource.kind == "lifecycle policy":
        return {"policy": {"phases": answer[resource.name]["policy"]["phases"]}}
    else:
        found = answer[resource.name]
        return {"cluster": found["cluster"], "indices": [_granted(each) for each in found["indices"]]}
    dates = ("created_date", "created_date_millis", "modified_date", "modified_date_millis")
    content = {name: value for name, value in found.items() if name not in dates}
    if "data_stream" in content:  # the server adds what is so by default
        content["data_stream"] = {name: value for name, value in content["data_stream"].items() if value}
    return content


def _granted(entry: Body) -> Body:
    return {"names": entry["names"], "privileges": entry["privileges"]}
