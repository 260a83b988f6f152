"""What patterns of both sets keep, and under which names.

The names, the types and what is optional are those of logstash-patterns-core 4.3.4, the version that Logstash 8.19
ships (its folders patterns/ecs-v1 and patterns/legacy, and its specs); the lines are our own.
"""

from __future__ import annotations

import pytest

from pipeline.event import Event
from pipeline.languages import grok
from pipeline.languages.grok_captures import Terms, applier
from pipeline.languages.grok_library import built_in

ASA = "192.0.2.1/4432 to 198.51.100.7/22"
NETSCREEN = (
    "Jun  2 14:53:31 fw1 core-a: NetScreen device_id=77  [Root]system-notification-00257(traffic): "
    'start_time="2024-01-02 14:53:30" duration=3 policy_id=12 service=ssh proto=6 src zone=Trust dst zone=DMZ '
    "action=Deny sent=5 rcvd=6 src=192.0.2.1 dst=192.0.2.2"
)
CLOUDFRONT = [
    "2024-01-02\t03:04:05",
    "FRA56-P2",
    "12",
    "192.0.2.1",
    "GET",
    "d1.cloudfront.net",
    "/a",
    "200",
    "-",
    "curl",
    "-",
    "-",
    "Hit",
    "id==",
    "h.example",
    "https",
    "9",
    "0.1",
    "-",
    "-",
    "-",
    "Hit",
]


def fields_of(ecs, pattern, text):
    compiled = grok.compile(rf"\A%{{{pattern}}}", built_in(ecs=ecs))
    found = compiled.find(text)
    if found is None:
        return None
    event = Event({})
    applier(compiled.captures, compiled.regex.groups, Terms())(found, event)
    return {**event.fields, **({"@metadata": event.metadata} if event.metadata else {})}


ECS = [
    (
        "CISCOFW402119",
        (
            "IPSEC: Received an ESP packet (SPI=0x1, sequence number= 0x2) from 192.0.2.1 (user=ann) to 192.0.2.2 that failed "
            "anti-replay checking"
        ),
        {
            "cisco": {
                "asa": {"network": {"type": "IPSEC"}, "ipsec": {"protocol": "ESP", "spi": "0x1", "seq_num": "0x2"}}
            },
            "source": {"ip": "192.0.2.1", "user": {"name": "ann"}},
            "destination": {"ip": "192.0.2.2"},
        },
    ),
    (
        "CISCOFW602303_602304",
        "IPSEC: An outbound LAN-to-LAN SA (SPI= 0x1) between 192.0.2.1 and 192.0.2.2 (user= ann) has been created",
        {
            "cisco": {
                "asa": {
                    "network": {"type": "IPSEC", "direction": "outbound"},
                    "outcome": "created",
                    "ipsec": {"tunnel_type": "LAN-to-LAN", "spi": "0x1"},
                }
            },
            "source": {"ip": "192.0.2.1", "user": {"name": "ann"}},
            "destination": {"ip": "192.0.2.2"},
        },
    ),
    (
        "CISCOFW402117",
        "IPSEC: Received a non-IPSec packet (protocol= ICMP) from 192.0.2.1 to 192.0.2.2",
        {
            "cisco": {"asa": {"network": {"type": "IPSEC", "transport": "ICMP"}}},
            "source": {"ip": "192.0.2.1"},
            "destination": {"ip": "192.0.2.2"},
        },
    ),
    (
        "CISCOFW302020_302021",
        "Teardown ICMP connection for faddr 192.0.2.1/7(eve) gaddr 198.51.100.2/8 laddr 198.51.100.3/9 (ann)",
        {
            "cisco": {"asa": {"outcome": "Teardown", "network": {"transport": "ICMP"}, "icmp_seq": 7, "icmp_type": 8}},
            "destination": {"ip": "192.0.2.1", "user": {"name": "eve"}},
            "source": {"ip": "198.51.100.3", "nat": {"ip": "198.51.100.2"}, "user": {"name": "ann"}},
        },
    ),
    (
        "CISCOFW305011",
        "Built dynamic TCP translation from inside:192.0.2.1/2 to outside:198.51.100.2/3",
        {
            "cisco": {"asa": {"outcome": "Built", "network": {"transport": "TCP"}}},
            "observer": {"ingress": {"interface": {"name": "inside"}}, "egress": {"interface": {"name": "outside"}}},
            "source": {"ip": "192.0.2.1", "port": 2},
            "destination": {"ip": "198.51.100.2", "port": 3},
        },
    ),
    (
        "CISCOFW106100_2_3",
        (
            "access-list in permitted tcp for user 'ann' in/192.0.2.1(5) -> out/192.0.2.2(8) hit-cnt 4 300-second interval "
            "[0x1, 0x2]"
        ),
        {
            "cisco": {
                "asa": {
                    "rule_name": "in",
                    "outcome": "permitted",
                    "network": {"transport": "tcp"},
                    "hit_count": 4,
                    "interval": 300,
                }
            },
            "user": {"name": "ann"},
            "source": {"ip": "192.0.2.1", "port": 5},
            "destination": {"ip": "192.0.2.2", "port": 8},
            "observer": {"ingress": {"interface": {"name": "in"}}, "egress": {"interface": {"name": "out"}}},
            "@metadata": {"cisco": {"asa": {"hashcode1": "0x1", "hashcode2": "0x2"}}},
        },
    ),
    (
        "CISCOFW106100",
        "access-list in permitted tcp in/192.0.2.1(5) -> out/192.0.2.2(8) hit-cnt 4 first hit [0x1, 0x2]",
        {
            "cisco": {
                "asa": {"rule_name": "in", "outcome": "permitted", "network": {"transport": "tcp"}, "hit_count": 4}
            },
            "source": {"ip": "192.0.2.1", "port": 5},
            "destination": {"ip": "192.0.2.2", "port": 8},
            "observer": {"ingress": {"interface": {"name": "in"}}, "egress": {"interface": {"name": "out"}}},
            "@metadata": {"cisco": {"asa": {"hashcode1": "0x1", "hashcode2": "0x2"}}},
        },
    ),
    (
        "CISCOFW313005",
        (
            "No matching connection for ICMP error message: icmp src outside:192.0.2.1 dst inside:192.0.2.2 (type 3, code 4) "
            "on outside interface.  Original IP payload: udp src 192.0.2.3/53 dst 192.0.2.4/1024"
        ),
        {
            "event": {"reason": "No matching connection"},
            "observer": {"ingress": {"interface": {"name": "outside"}}, "egress": {"interface": {"name": "inside"}}},
            "source": {"ip": "192.0.2.1"},
            "destination": {"ip": "192.0.2.2"},
            "cisco": {
                "asa": {
                    "network": {"transport": "ICMP"},
                    "icmp_type": 3,
                    "icmp_code": 4,
                    "original_ip_payload": {
                        "network": {"transport": "udp"},
                        "source": {"ip": "192.0.2.3", "port": 53},
                        "destination": {"ip": "192.0.2.4", "port": 1024},
                    },
                }
            },
        },
    ),
    (
        "CISCOFW713172",
        (
            "Group = g, IP = 192.0.2.1, Automatic NAT Detection Status:     Remote end is NOT behind a NAT device     "
            "This   end is behind a NAT device"
        ),
        {
            "cisco": {"asa": {"source": {"group": "g"}}},
            "source": {"ip": "192.0.2.1"},
            "@metadata": {"cisco": {"asa": {"remote_nat": "is NOT", "local_nat": "is"}}},
        },
    ),
    (
        "CISCOFW106001",
        f"Inbound TCP connection denied from {ASA} flags SYN ACK on interface outside now",
        {
            "cisco": {
                "asa": {
                    "network": {"direction": "Inbound", "transport": "TCP"},
                    "outcome": "denied",
                    "tcp_flags": "SYN ACK",
                }
            },
            "source": {"ip": "192.0.2.1", "port": 4432},
            "destination": {"ip": "198.51.100.7", "port": 22},
            "observer": {"egress": {"interface": {"name": "outside"}}},
        },
    ),
    (
        "NETSCREENSESSIONLOG",
        NETSCREEN,
        {
            "timestamp": "Jun  2 14:53:31",
            "event": {"code": "00257", "action": "Deny"},
            "observer": {
                "hostname": "fw1",
                "name": "core-a",
                "product": "NetScreen",
                "ingress": {"zone": "Trust"},
                "egress": {"zone": "DMZ"},
            },
            "netscreen": {
                "device_id": "77",
                "policy_id": "12",
                "service": "ssh",
                "protocol_number": 6,
                "session": {"type": "traffic", "start_time": "2024-01-02 14:53:30", "duration": 3},
            },
            "source": {"address": "192.0.2.1", "bytes": 5},
            "destination": {"address": "192.0.2.2", "bytes": 6},
        },
    ),
    (
        "EXIM",
        (
            "2024-04-06 21:08:44 1WX4aK-0000n8-LP <= ann@example.com H=mx (helo) [192.0.2.7]:25 P=esmtps M8S=0 S=42 "
            'T="a \\"b\\"" from <ann@example.org> for bob@example.net'
        ),
        {
            "timestamp": "2024-04-06 21:08:44",
            "network": {"protocol": "esmtps"},
            "source": {"address": "mx", "ip": "192.0.2.7", "port": 25},
            "exim": {
                "log": {
                    "flags": "<=",
                    "remote_address": "helo",
                    "sender": {"email": "ann@example.com", "original": "ann@example.org"},
                    "recipient": {"email": "bob@example.net"},
                    "message": {"id": "1WX4aK-0000n8-LP", "size": 42, "subject": 'a \\"b\\"'},
                }
            },
        },
    ),
    (
        "BIND9",
        (
            "17-Feb-2024 23:06:56.326 queries: info: client: @0x7f 192.0.2.1#5353 (a.example): query: a.example IN MX: +E "
            "(192.0.2.3)"
        ),
        {
            "timestamp": "17-Feb-2024 23:06:56.326",
            "log": {"level": "info"},
            "bind": {"log": {"category": "queries", "question": {"name": "a.example", "flags": "+E"}}},
            "client": {"ip": "192.0.2.1", "port": 5353},
            "server": {"ip": "192.0.2.3"},
            "dns": {"question": {"name": "a.example", "class": "IN", "type": "MX"}},
        },
    ),
    ("BACULA_LOG_CANCELLING", "Cancelling duplicate JobId=31.", {"bacula": {"job": {"other_id": "31"}}}),
    (
        "BACULA_LOG_MAX_CAPACITY",
        'User defined maximum volume capacity 9,876 exceeded on device "D1" (/dev/nst0).',
        {"bacula": {"volume": {"max_capacity": "9,876", "device": "D1", "path": "/dev/nst0"}}},
    ),
    (
        "BACULA_LOGLINE",
        "09-Nov 09:56 dir JobId 7, Job Nightly marked to be canceled.",
        {"timestamp": "09-Nov 09:56", "host": {"hostname": "dir"}, "bacula": {"job": {"id": "7", "name": "Nightly"}}},
    ),
    # Of several groups of one name and type the first alone is made a number: here it is the third.
    (
        "BACULA_LOGLINE",
        (
            '16-May 11:59 dir JobId 0: Fatal error: Unable to authenticate with File daemon at "a.example:9102". Possible '
            "causes:"
        ),
        {
            "timestamp": "16-May 11:59",
            "host": {"hostname": "dir"},
            "bacula": {"job": {"id": "0"}},
            "client": {"address": "a.example", "port": "9102"},
        },
    ),
    (
        "RAILS3PROFILE",
        "(Views: 1.5ms | ActiveRecord: 2.5ms",
        {"rails": {"request": {"duration": {"view": 1.5, "active_record": 2.5}}}},
    ),
    ("RAILS3PROFILE", "(ActiveRecord: 2.5ms", {"rails": {"request": {"duration": {"active_record": "2.5"}}}}),
    (
        "S3_ACCESS_LOG",
        (
            '79a5 logs [06/Feb/2024:00:00:38 +0000] 192.0.2.3 arn:x 3E57 REST.GET.OBJECT a/b "GET /a/b HTTP/1.1" 200 - 113 - '
            '38 12 "-" "curl" - host= SigV2 ECDHE AuthHeader s3.example TLSV1.1'
        ),
        {
            "timestamp": "06/Feb/2024:00:00:38 +0000",
            "client": {"ip": "192.0.2.3", "user": {"id": "arn:x"}},
            "http": {"request": {"method": "GET"}, "version": "1.1", "response": {"status_code": 200}},
            "url": {"original": "/a/b"},
            "user_agent": {"original": "curl"},
            "tls": {"cipher": "ECDHE"},
            "aws": {
                "s3access": {
                    "bucket_owner": "79a5",
                    "bucket": "logs",
                    "request_id": "3E57",
                    "key": "a/b",
                    "operation": "REST.GET.OBJECT",
                    "request_uri": "GET /a/b HTTP/1.1",
                    "bytes_sent": 113,
                    "total_time": 38,
                    "turn_around_time": 12,
                    "host_id": "host=",
                    "signature_version": "SigV2",
                    "authentication_type": "AuthHeader",
                    "host_header": "s3.example",
                    "tls_version": "TLSV1.1",
                }
            },
        },
    ),
    (
        "CLOUDFRONT_ACCESS_LOG",
        "\t".join([*CLOUDFRONT, "HTTP/2.0", "-", "-", "1234", "0.05", "Hit", "text/css", "77", "-", "-"]),
        {
            "timestamp": "2024-01-02\t03:04:05",
            "destination": {"bytes": 12},
            "source": {"ip": "192.0.2.1", "bytes": 9, "port": 1234},
            "http": {
                "request": {"method": "GET", "mime_type": "text/css"},
                "response": {"status_code": 200},
                "version": "2.0",
            },
            "url": {"domain": "d1.cloudfront.net", "path": "/a"},
            "user_agent": {"original": "curl"},
            "network": {"protocol": "https"},
            "aws": {
                "cloudfront": {
                    "x_edge_location": "FRA56-P2",
                    "x_edge_result_type": "Hit",
                    "x_edge_request_id": "id==",
                    "http": {"request": {"host": "h.example", "size": 77}},
                    "time_taken": 0.1,
                    "x_edge_response_result_type": "Hit",
                    "time_to_first_byte": 0.05,
                    "x_edge_detailed_result_type": "Hit",
                }
            },
        },
    ),
    ("SYSLOG5424BASE", "<174>1 - - su x1 - -", None),
    (
        "HAPROXYTCP",
        (
            "Dec  9 13:01:26 lb haproxy[1]: 192.0.2.1:3 [09/Dec/2024:12:59:46.633] fe be/<NOSRV> -1/-1/7 +9 -- "
            "1/2/3/4/+5 0/0"
        ),
        {
            "timestamp": "Dec  9 13:01:26",
            "host": {"hostname": "lb"},
            "process": {"name": "haproxy", "pid": 1},
            "source": {"address": "192.0.2.1", "port": 3, "bytes": 9},
            "haproxy": {
                "request_date": "09/Dec/2024:12:59:46.633",
                "frontend_name": "fe",
                "backend_name": "be",
                "total_time_ms": "7",
                "termination_state": "--",
                "server_queue": 0,
                "backend_queue": 0,
                "connections": {"active": 1, "frontend": 2, "backend": 3, "server": 4, "retries": 5},
            },
        },
    ),
]
LEGACY = [
    (
        "CATALINALOG",
        "Dec 30, 2024 11:30:40 AM org.apache.A <init>\nINFO: ready",
        {"timestamp": "Dec 30, 2024 11:30:40 AM", "class": "org.apache.A", "logmessage": "<init>\nINFO: ready"},
    ),
    ("CATALINALOG", "31-Jul-2024 16:40:38.578 INFO [main] org.apache.A.b ready", None),
    ("TOMCATLOG", "31-Jul-2024 16:40:38.578 INFO [main] org.apache.A.b ready", None),
    ("SYSLOG5424PRI", "<34>", {"syslog5424_pri": "34"}),
    (
        "SYSLOG5424LINE",
        "<34>1 - a.example su - - - hello",
        {
            "syslog5424_pri": "34",
            "syslog5424_ver": "1",
            "syslog5424_host": "a.example",
            "syslog5424_app": "su",
            "syslog5424_msg": "hello",
        },
    ),
    (
        "RT_FLOW2",
        (
            "RT_FLOW_SESSION_CREATE: session created 192.0.2.1/5->192.0.2.2/6 ssh 192.0.2.1/5->192.0.2.2/6 None None 6 allow "
            "a b 9 x"
        ),
        {
            "event": "RT_FLOW_SESSION_CREATE",
            "src-ip": "192.0.2.1",
            "src-port": "5",
            "dst-ip": "192.0.2.2",
            "dst-port": "6",
            "service": "ssh",
            "nat-src-ip": "192.0.2.1",
            "nat-src-port": "5",
            "nat-dst-ip": "192.0.2.2",
            "nat-dst-port": "6",
            "src-nat-rule-name": "None",
            "dst-nat-rule-name": "None",
            "protocol-id": "6",
            "policy-name": "allow",
            "from-zone": "a",
            "to-zone": "b",
            "session-id": "9",
        },
    ),
    ("BACULA_LOG_WROTE_LABEL", 'Wrote label to prelabeled Volume "V1" on device "D1" (/dev/nst0)', {"volume": "V1"}),
    (
        "BACULA_LOGLINE",
        "09-Nov 09:56 dir JobId 7, Job Nightly marked to be canceled.",
        {"bts": "09-Nov 09:56", "hostname": "dir", "job": "Nightly"},
    ),
    (
        "SQUID3",
        "1525344856.899  16867 192.0.2.1 TCP_TUNNEL/200 6256 CONNECT a.example:443 - HIER_NONE/- -",
        {
            "timestamp": "1525344856.899",
            "duration": "16867",
            "client_address": "192.0.2.1",
            "cache_result": "TCP_TUNNEL",
            "status_code": "200",
            "bytes": "6256",
            "request_method": "CONNECT",
            "url": "a.example:443",
            "user": "-",
            "hierarchy_code": "HIER_NONE",
            "content_type": "-",
        },
    ),
    (
        "NAGIOS_TIMEPERIOD_TRANSITION",
        "TIMEPERIOD TRANSITION: always;-1;1",
        {
            "nagios_type": "TIMEPERIOD TRANSITION",
            "nagios_service": "always",
            "nagios_unknown1": "-1",
            "nagios_unknown2": "1",
        },
    ),
    (
        "RAILS3FOOT",
        "Completed 200 OK in 15.9ms (Views: 12.4ms | ActiveRecord: 3.1ms)",
        {"response": "200", "totalms": "15.9", "viewms": "12.4", "activerecordms": "3.1"},
    ),
    (
        "JAVASTACKTRACEPART",
        "at org.A.b(A.java:-4.5)",
        {"class": "org.A", "method": "b", "file": "A.java", "line": "-4.5"},
    ),
    (
        "MCOLLECTIVE",
        "I, [2024-12-29T11:15:32.321 #11]  INFO",
        {"timestamp": "2024-12-29T11:15:32.321", "pid": "11", "event_level": "INFO"},
    ),
    ("NETSCREENSESSIONLOG", NETSCREEN, None),
]


@pytest.mark.parametrize(("pattern", "text", "fields"), ECS)
def test_fields_of_ecs(pattern, text, fields):
    assert fields_of(True, pattern, text) == fields


@pytest.mark.parametrize(("pattern", "text", "fields"), LEGACY)
def test_fields_of_before(pattern, text, fields):
    assert fields_of(False, pattern, text) == fields
