"""`apex-logs run` in a process of its own, from a topic of Kafka to the embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.proofs.engine import APEX_LOGS, Engine
from tests.proofs.oracle import in_store


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


class KafkaEngine(Engine):
    """Its log is kept over all of its lives; so is its store."""

    def __init__(self, folder: Path, text: str, settings: str = "") -> None:
        self.port = 0
        self.log = folder / "engine.log"
        (folder / "settings").mkdir(parents=True)
        (folder / "settings" / "logstash.yml").write_text(settings)
        path = folder / "kafka.conf"
        path.write_text(text)
        self._command = [APEX_LOGS, "run", "-f", str(path), "--path.settings", str(folder / "settings")]
        self._command += ["--path.data", str(folder / "data")]
        self.starts = 0
        self.process = None
        self.store = folder / "store"

    def documents(self) -> Iterator[dict[str, Any]]:
        """What is in the store."""
        return (document for _, document in in_store(self.store))
