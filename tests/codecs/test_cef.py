from __future__ import annotations

import pytest

from pipeline.codecs import cef
from pipeline.config.building import build
from pipeline.dates import zones
from pipeline.errors import ConfigurationError
from pipeline.event import Event
from pipeline.texts import cef_times
from tests.harness import context, planned

LINE = r"CEF:0|security|threat\|manager|1.0|100|trojan \\ stopped|10|src=10.0.0.192 dst=12.121.122.82 spt=1232"


def codec(options="", ecs="disabled"):
    [made] = build(planned(f"input {{ stdin {{ codec => cef {{ {options} }} }} }}", ecs=ecs), context()).inputs
    return made.input.codec


def output(options="", ecs="disabled"):
    plan = planned(f"output {{ stdout {{ codec => cef {{ {options} }} }} }}", ecs=ecs)
    [(made, _)] = build(plan, context()).outputs.values()
    return made


def read(text, options="", ecs="disabled"):
    return list(codec(options, ecs).decode(text.encode()))


def test_names_of_cef():
    assert read(LINE) == [
        {
            "cefVersion": "0",
            "deviceVendor": "security",
            "deviceProduct": "threat|manager",
            "deviceVersion": "1.0",
            "deviceEventClassId": "100",
            "name": "trojan \\ stopped",
            "severity": "10",
            "sourceAddress": "10.0.0.192",
            "destinationAddress": "12.121.122.82",
            "sourcePort": "1232",
        }
    ]


def test_names_of_ecs():
    [fields] = read(f"<13>Nov 30 10:00:00 h {LINE} rt=1767225600000 dvchost=d cs1=x cs1Label=y", ecs="v8")
    assert fields == {
        "cef": {
            "version": "0",
            "name": "trojan \\ stopped",
            "device_custom_string_1": {"value": "x", "label": "y"},
        },
        "observer": {"vendor": "security", "product": "threat|manager", "version": "1.0", "hostname": "d"},
        "event": {"code": "100", "severity": "10"},
        "log": {"syslog": {"header": "<13>Nov 30 10:00:00 h"}},
        "source": {"ip": "10.0.0.192", "port": "1232"},
        "destination": {"ip": "12.121.122.82"},
        "@timestamp": "2026-01-01T00:00:00.000Z",
    }
    [fields] = read(f"{LINE} dvchost=d deviceExternalId=i dvc=1.2.3.4", 'device => "host"', ecs="v1")
    assert fields["host"] == {"name": "d", "id": "i", "ip": "1.2.3.4"}


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ("msg=a b  c   act=x", {"message": "a b  c", "deviceAction": "x"}),
        (r"msg=a\=b c=d", {"message": "a=b", "c": "d"}),
        (r"msg=a\\b\nc\rd", {"message": "a\\b\nc\rd"}),
        ("msg=a|b|c", {"message": "a|b|c"}),
        ("my.key=1 my_key=2", {"my.key": "1", "my_key": "2"}),
        ("foo[0]=a foo[1]=b", {"foo": {"0": "a", "1": "b"}}),
        ("msg= act=x", {"message": "", "deviceAction": "x"}),
        ("", {}),
        ("request=https://h/?a=b act=x", {"requestUrl": "https://h/?a=b", "deviceAction": "x"}),
    ],
)
def test_extensions(extensions, expected):
    [fields] = read(f"CEF:0|v|p|1|s|n|5|{extensions}")
    assert {name: value for name, value in fields.items() if name not in _HEADER} == expected


_HEADER = ("cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")


@pytest.mark.parametrize("data", [b"no cef", b"", b"\xff|CEF", b"CEF:0"])
def test_what_is_no_cef(data):
    [fields] = codec().decode(data) or [None] if data else [{"tags": ["_cefparsefailure"]}]
    assert fields["tags"] == ["_cefparsefailure"]


@pytest.mark.parametrize(
    "text",
    [
        "CEF:0|v|p|1|s|n",
        "CEF:0|v|p|1|s|n|5",
        "CEF:0|v|p|1|s|n|5|no key",
        "CEF:0|v|p|1|s|n|5|\na=b",
        "CEF:0|v|p|1|s|n|5|a=b\nc",
    ],
)
def test_what_is_not_whole(text):
    """After `handle` in Logstash's codecs/cef.rb (6.2)."""
    whole = cef.build(cef.Options(ecs_compatibility="disabled"))
    assert list(whole.decode(text.encode())) == [{"message": text, "tags": ["_cefparsefailure"]}]


def test_names_of_old():
    pairs = "destinationLongitude=1 destinationLatitude=2 sourceLongitude=3 sourceLatitude=4 destinationTimeZone=UTC"
    names = dict(pair.split("=") for pair in pairs.split())
    [fields] = read(f"CEF:0|v|p|1|s|n|5|{pairs}")
    assert {name: fields[name] for name in names} == names
    [fields] = read(f"CEF:0|v|p|1|s|n|5|{pairs} deviceVersion=9", ecs="v8")
    assert fields["destination"]["geo"]["location"] == {"lon": "1", "lat": "2"}
    assert fields["source"]["geo"]["location"] == {"lon": "3", "lat": "4"}
    assert (fields["event"]["timezone"], fields["observer"]["version"]) == ("UTC", "9")
    body = bytearray()
    output(f"fields => {[*names]} reverse_mapping => true".replace("'", '"')).render(Event(names), body)
    assert body.decode().endswith("|dlong=1 dlat=2 slong=3 slat=4 dtz=UTC")


def test_a_zone_that_is_not_known():
    line = "CEF:0|v|p|1|s|n|5|dtz=Mars start="
    [fields] = read(f"{line}Jan 02 2026 03:04:05", ecs="v8")
    assert fields["tags"] == ["_cefparsefailure"]
    [fields] = read(f"{line}1767225600000", ecs="v8")
    assert fields["event"]["start"] == "2026-01-01T00:00:00.000Z"


def test_a_time_that_is_none_is_a_failure():
    [fields] = read("CEF:0|v|p|1|s|n|5|rt=soon", ecs="v8")
    assert fields == {"message": "CEF:0|v|p|1|s|n|5|rt=soon", "tags": ["_cefparsefailure"]}
    [fields] = read("CEF:0|v|p|1|s|n|5|rt= act=x", ecs="v8")
    assert "@timestamp" not in fields
    [fields] = read("CEF:0|v|p|1|s|n|5|start= fileCreateTime=soon act=x", ecs="v8")
    assert (fields["event"]["start"], fields["file"]["created"]) == (None, "soon")


def test_raw_data_quotes_and_delimiter():
    [fields] = read(f'"{LINE}"', 'raw_data_field => "[event][original]"')
    assert fields["event"] == {"original": f'"{LINE}"'}
    assert fields["sourcePort"] == "1232"
    found = read(f"{LINE}\r\n{LINE}\r\n", 'delimiter => "\\r\\n"')
    assert [each["sourcePort"] for each in found] == ["1232", "1232"]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("1767225600123", "UTC", "2026-01-01T00:00:00.123Z"),
        ("1616623591694.176", "UTC", "2021-03-24T22:06:31.694176Z"),
        ("1616623591694.176789", "UTC", "2021-03-24T22:06:31.694176789Z"),
        ("-1", "UTC", "1969-12-31T23:59:59.999Z"),
        ("Mar 17 2021 12:34:56.987654", "UTC", "2021-03-17T12:34:56.987654Z"),
        ("Mar 17 2021 12:34:56.987654321", "UTC", "2021-03-17T12:34:56.987654321Z"),
        ("Jun 17 2027 17:57:06.456 -07:00", "UTC", "2027-06-18T00:57:06.456Z"),
        ("Jan 02 2026 03:04:05", "UTC", "2026-01-02T03:04:05.000Z"),
        ("Jan 02 2026 03:04:05.6", "Europe/Paris", "2026-01-02T02:04:05.600Z"),
        ("Jul 2 2026 03:04:05 America/Chicago", "UTC", "2026-07-02T08:04:05.000Z"),
        ("2026-01-02T03:04:05Z", "UTC", "2026-01-02T03:04:05.000Z"),
    ],
)
def test_times(text, zone, expected):
    assert cef_times.read(text, zones.required(zone)) == expected


def test_a_time_without_a_year_is_of_the_recent_past(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1767312000.0)  # 2026-01-02T00:00:00Z
    assert cef_times.read("Dec 31 23:59:59", zones.UTC) == "2025-12-31T23:59:59.000Z"
    assert cef_times.read("Jan 03 10:00:00", zones.UTC) == "2026-01-03T10:00:00.000Z"
    assert cef_times.read("Feb 29 10:00:00", zones.UTC) == "2024-02-29T10:00:00.000Z"


def test_the_zone_of_the_event_counts():
    [fields] = read("CEF:0|v|p|1|s|n|5|start=Jan 02 2026 03:04:05 dtz=Europe/Paris", ecs="v8")
    assert fields["event"]["start"] == "2026-01-02T02:04:05.000Z"
    [fields] = read("CEF:0|v|p|1|s|n|5|start=Jan 02 2026 03:04:05", 'default_timezone => "+02:00"', ecs="v8")
    assert fields["event"]["start"] == "2026-01-02T01:04:05.000Z"


@pytest.mark.parametrize(
    ("options", "ecs", "expected"),
    [
        ("", "disabled", "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|"),
        (
            'vendor => "%{v}" name => "%{n}" severity => "%{s}" fields => ["sourceAddress", "foo_bar", "missing", "o"]',
            "disabled",
            'CEF:0|a\\|b\\\\c|Logstash|1.0|Logstash|x y|3|sourceAddress=1.2.3.4 foobar=a\\=b\\nc o={"k":1}',
        ),
        (
            'reverse_mapping => true fields => ["sourceAddress"] severity => "11"',
            "disabled",
            "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|src=1.2.3.4",
        ),
        (
            'fields => ["[source][ip]"]',
            "v8",
            "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|sourceAddress=5.6.7.8",
        ),
        (
            'fields => ["[source][ip]", "[source][registered_domain]"] reverse_mapping => true delimiter => "\\n"',
            "v8",
            "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|src=5.6.7.8 sourceDnsDomain=d\n",
        ),
    ],
)
def test_written(options, ecs, expected):
    fields = {"v": "a|b\\c", "n": "x\ny", "s": "3", "sourceAddress": "1.2.3.4", "foo_bar": "a=b\nc", "o": {"k": 1}}
    fields["source"] = {"ip": "5.6.7.8", "registered_domain": "d"}
    body = bytearray()
    output(options, ecs).render(Event(fields), body)
    assert body.decode() == expected


def test_what_is_written_is_read_again():
    value = "a=b \\ | c=d\n end"
    body = bytearray()
    output('fields => ["message"]').render(Event({"message": value}), body)
    [fields] = codec().decode(bytes(body))
    assert fields["message"] == value


def test_faults():
    for options, said in (("deprecated_v1_fields => true", "version 6"), ('default_timezone => "Mars"', "time zone")):
        with pytest.raises(ConfigurationError, match=said):
            codec(options)
