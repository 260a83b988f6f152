"""The configuration of an engine that reads a topic of Kafka."""

from __future__ import annotations


def configuration(bootstrap: str, topic: str, output: str, options: str = "") -> str:
    """Records of JSON; their place is noted in the event."""
    return f"""
        input {{ kafka {{
            bootstrap_servers => "{bootstrap}" topics => ["{topic}"] group_id => "{topic}" codec => json
            auto_offset_reset => "earliest" decorate_events => "basic" auto_commit_interval_ms => 300
            session_timeout_ms => 1500 heartbeat_interval_ms => 300 {options}
        }} }}
        filter {{ mutate {{ copy => {{ "[@metadata][kafka]" => "kafka" }} }} }}
        output {{ {output} }}
    """
