"""The syslog_pri filter."""

import pytest

from tests.harness import documents

LEGACY = "filter { syslog_pri { } }"


@pytest.mark.parametrize(
    ("priority", "facility", "severity"),
    [
        (0, (0, "kernel"), (0, "emergency")),
        ("165", (20, "local4"), (5, "notice")),
        (191, (23, "local7"), (7, "debug")),
        (["34", "165"], (4, "security/authorization"), (2, "critical")),
        ("x", (0, "kernel"), (0, "emergency")),
        (None, (1, "user-level"), (5, "notice")),
    ],
)
def test_facility_and_severity(priority, facility, severity):
    assert documents(LEGACY, {"syslog_pri": priority}, ecs="disabled") == [
        {
            "syslog_pri": priority,
            "syslog_facility_code": facility[0],
            "syslog_facility": facility[1],
            "syslog_severity_code": severity[0],
            "syslog_severity": severity[1],
        }
    ]
    (document,) = documents(LEGACY, {"log": {"syslog": {"priority": priority}}})
    assert document["log"]["syslog"]["facility"] == {"code": facility[0], "name": facility[1]}
    assert document["log"]["syslog"]["severity"] == {"code": severity[0], "name": severity[1]}


def test_without_labels():
    config = "filter { syslog_pri { use_labels => false } }"
    assert documents(config, {"syslog_pri": 13}, ecs="disabled") == [
        {"syslog_pri": 13, "syslog_facility_code": 1, "syslog_severity_code": 5}
    ]


def test_a_facility_beyond_the_labels_is_tagged_and_matches():
    config = 'filter { syslog_pri { add_tag => "t" } }'
    assert documents(config, {"syslog_pri": 193}, ecs="disabled") == [
        {
            "syslog_pri": 193,
            "syslog_facility_code": 24,
            "syslog_severity_code": 1,
            "tags": ["_syslogpriparsefailure", "t"],
        }
    ]


def test_a_severity_without_a_label_has_no_name():
    config = 'filter { syslog_pri { severity_labels => ["bad"] } }'
    assert documents(config, {"syslog_pri": 9}, ecs="disabled") == [
        {"syslog_pri": 9, "syslog_facility_code": 1, "syslog_severity_code": 1, "syslog_facility": "user-level"}
    ]


def test_a_priority_that_is_an_object_fails():
    (document,) = documents(LEGACY, {"syslog_pri": {"a": 1}}, ecs="disabled")
    assert document == {"syslog_pri": {"a": 1}, "tags": ["_syslogpriparsefailure"]}
