"""Options that Logstash once had and has no more, and what to write instead: for `check`.

What a configuration of that age meant is told where no option of that name is left, in place of the nearest name.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.registry import Kind

_CONDITION = 'put the plugin between braces: if [type] == "..." { ... }'
_TAGS = 'put the plugin between braces: if "..." in [tags] { ... }'
_NO_TYPES = "documents have no type since Elasticsearch 8: leave it out"
_HTTP_ONLY = "requests go to hosts, always over HTTP: leave it out"
_BY_BODY = "a body of requests goes when it is full or pipeline.batch.delay has passed: leave it out"
_BOUNDED = "what is under way is bounded by in_flight.events: leave it out"
_IN_CODEC = "say it with codec, such as codec => json"

_EVERY: Mapping[Kind, Mapping[str, str]] = {
    "filter": {"type": _CONDITION, "tags": _TAGS, "exclude_tags": _TAGS},
    "output": {"type": _CONDITION, "tags": _TAGS, "exclude_tags": _TAGS, "debug": "set log.level, or leave it out"},
    "input": {
        "format": _IN_CODEC,
        "message_format": _IN_CODEC,
        "charset": 'say it in the codec: codec => plain { charset => "..." }',
        "debug": "set log.level, or leave it out",
    },
}
_OF: Mapping[tuple[Kind, str], Mapping[str, str]] = {
    ("input", "beats"): {"congestion_threshold": _BOUNDED, "target_field_for_codec": "leave it out"},
    ("input", "kafka"): {
        "zk_connect": "name the brokers: bootstrap_servers",
        "topic_id": "topics takes an array of them",
        "white_list": "use topics_pattern",
        "reset_beginning": 'use auto_offset_reset => "earliest"',
    },
    ("input", "redis"): {"queue": "write key, and data_type => list", "batch": "use batch_count"},
    ("filter", "grok"): {
        "pattern": 'write match => { "message" => "..." }',
        "singles": "one value is never an array: leave it out",
        "drop_if_match": "set a tag with add_tag, and drop what has it",
    },
    ("filter", "kv"): {"trim": "use trim_value", "trimkey": "use trim_key"},
    ("filter", "mutate"): {"remove": "use remove_field"},
    ("filter", "csv"): {"fields": "use columns"},
    ("output", "elasticsearch"): {
        "host": 'write hosts, with the port in it: hosts => ["es1:9200"]',
        "port": 'write it into hosts: hosts => ["es1:9200"]',
        "protocol": _HTTP_ONLY,
        "cluster": _HTTP_ONLY,
        "bind_host": _HTTP_ONLY,
        "bind_port": _HTTP_ONLY,
        "node_name": _HTTP_ONLY,
        "embedded": "run with --embedded DIR",
        "index_type": _NO_TYPES,
        "flush_size": _BY_BODY,
        "idle_flush_time": _BY_BODY,
        "max_inflight_requests": _BOUNDED,
        "max_retries": "what may succeed later is sent again until it does: leave it out",
    },
    ("output", "kafka"): {
        "broker_list": "use bootstrap_servers",
        "producer_type": "records are always sent asynchronously: leave it out",
        "request_required_acks": "use acks",
    },
    ("output", "stdout"): {"debug": "write codec => rubydebug", "debug_format": "write codec => rubydebug"},
}


def remedy(kind: Kind, plugin: str, option: str) -> str:
    """`; once an option of Logstash: ...`, or nothing where Logstash never had it."""
    told = _OF.get((kind, plugin), {}).get(option) or _EVERY.get(kind, {}).get(option)
    return f"; once one of Logstash's: {told}" if told else ""
