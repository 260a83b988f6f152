"""Read the priority of a syslog message: its facility and its severity, with their names.

    filter { syslog_pri { } }

A priority is 8 times the facility plus the severity (RFC 3164, 4.1.1). Without one, 13 is taken: user-level, notice.
With ECS the result goes to `[log][syslog][facility]` and `[log][syslog][severity]`, each with `code` and `name`; else
to `syslog_facility_code`, `syslog_facility`, `syslog_severity_code` and `syslog_severity`. With a facility beyond the
labels the event gets the numbers alone, and is tagged; as in Logstash it counts as matched nevertheless.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pipeline.errors import FilterFailure
from pipeline.event import Event, add_tag
from pipeline.field_reference import FieldReference
from pipeline.field_setting import Setter, setter
from pipeline.options import Boolean, Ecs, FilterOptions, Texts
from pipeline.plugin import Filter
from pipeline.texts import conversions

FACILITIES = [
    "kernel", "user-level", "mail", "daemon", "security/authorization", "syslogd", "line printer", "network news",
    "uucp", "clock", "security/authorization", "ftp", "ntp", "log audit", "log alert", "clock",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip
"""As RFC 3164 names them."""
SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]
DEFAULT = 13
"""What a message without a priority is taken to have (RFC 3164, 4.3.3)."""


class Options(FilterOptions):
    """What the syslog_pri filter takes."""

    syslog_pri_field_name: Annotated[
        FieldReference | None,
        Field(description="The field of the priority: `[log][syslog][priority]` with ECS, else `syslog_pri`."),
    ] = None
    use_labels: Annotated[Boolean, Field(description="Write the names beside the numbers.")] = True
    facility_labels: Texts = Field(FACILITIES, description="Names of the facilities, from 0.")
    severity_labels: Texts = Field(SEVERITIES, description="Names of the severities, from 0.")
    tag_on_failure: Texts = Field(["_syslogpriparsefailure"], description="Tags for an event that failed.")
    ecs_compatibility: Annotated[Ecs, Field(description="Which fields are read and written.")] = "v8"


def build(options: Options) -> Filter:
    """The filter for these options."""
    names = ["syslog_pri", "syslog_facility_code", "syslog_severity_code", "syslog_facility", "syslog_severity"]
    if options.ecs_compatibility != "disabled":
        names = ["priority", "facility][code", "severity][code", "facility][name", "severity][name"]
        names = [f"[log][syslog][{name}]" for name in names]
    get = (options.syslog_pri_field_name or FieldReference(names[0])).get
    facility, severity, facility_name, severity_name = (setter(FieldReference(name)) for name in names[1:])
    labels = options.use_labels

    def read(event: Event) -> bool:
        priority = _number(get(event))
        severity(event, priority & 7)
        facility(event, priority >> 3)
        if not labels:
            return True
        if priority >> 3 >= len(options.facility_labels):
            for tag in options.tag_on_failure:
                add_tag(event, tag)
            return True
        _label(event, facility_name, options.facility_labels, priority >> 3)
        _label(event, severity_name, options.severity_labels, priority & 7)
        return True

    return read


def _number(priority: Any) -> int:
    """The priority as Ruby's `to_i` reads it: of an array the first, 0 for what is no number."""
    if priority is None or priority is False:
        return DEFAULT
    if type(priority) is list:
        priority = priority[0] if priority else None
    if priority is None:
        return 0
    try:
        return int(conversions.integer(priority))
    except ValueError as error:
        raise FilterFailure(str(error)) from error


def _label(event: Event, set_name: Setter, labels: list[str], code: int) -> None:
    if 0 <= code < len(labels):
        set_name(event, labels[code])
