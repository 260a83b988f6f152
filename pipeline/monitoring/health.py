"""Health: Logstash's report, and the two short answers that an orchestrator asks for.

live     the process answers: its loop turns
ready    it may get work: a pipeline runs, its outputs take what they are given, dead letters can be written
"""

from __future__ import annotations

from typing import Any

from pipeline.monitoring.node import Node

_DOCUMENTATION = "docs/monitoring.md"


def report(node: Node) -> dict[str, Any]:
    """`/_health_report`, without what every document begins with."""
    pipelines = {name: _pipeline(node, name) for name in node.pipelines}
    pipelines |= {name: _failed(name, why) for name, why in node.failed.items() if name not in pipelines}
    status = (
        "unknown" if not pipelines else "red" if any(item["status"] == "red" for item in pipelines.values()) else ""
    )
    status = status or ("yellow" if any(item["status"] == "yellow" for item in pipelines.values()) else "green")
    symptom = _symptom(status, [name for name, item in pipelines.items() if item["status"] != "green"])
    return {
        "status": status,
        "symptom": symptom,
        "indicators": {"pipelines": {"status": status, "symptom": symptom, "indicators": pipelines}},
    }


def _symptom(status: str, names: list[str]) -> str:
    if status == "green":
        return "1 indicator is healthy (`pipelines`)"
    return f"1 indicator is {'concerning' if status == 'yellow' else 'unhealthy'} (`pipelines`): {', '.join(names)}"


def _pipeline(node: Node, name: str) -> dict[str, Any]:
    state = node.pipelines[name].state
    reasons = [reason for reason in node.why_not_ready() if reason.startswith((f"{name}:", f"{name} "))]
    status = "green" if not reasons else "yellow" if state != "running" else "red"
    found: dict[str, Any] = {
        "status": status,
        "symptom": "The pipeline is healthy" if not reasons else f"The pipeline is {_word(status)}: {reasons[0]}",
        "details": {"status": {"state": _STATES[state]}},
    }
    if reasons:
        found["diagnosis"] = [
            {
                "id": f"apex-logs:health:pipeline:{name}:{number}",
                "cause": reason,
                "action": "see the log for what the output or the disk answers; nothing is lost meanwhile",
                "help_url": _DOCUMENTATION,
            }
            for number, reason in enumerate(reasons)
        ]
        found["impacts"] = [
            {
                "id": f"apex-logs:health:pipeline:{name}:impact",
                "severity": 1 if status == "red" else 2,
                "description": "events are not delivered; senders wait",
                "impact_areas": ["pipeline_execution"],
            }
        ]
    return found


def _failed(name: str, why: str) -> dict[str, Any]:
    """A pipeline that is to run and does not; the others go on, so the process is ready all the same."""
    cause = why.partition("\n")[0]
    return {
        "status": "red",
        "symptom": f"The pipeline is unhealthy: {cause}",
        "details": {"status": {"state": "TERMINATED"}},
        "diagnosis": [
            {
                "id": f"apex-logs:health:pipeline:{name}:0",
                "cause": cause,
                "action": "put right what the log says, then reload (SIGHUP) or start again",
                "help_url": _DOCUMENTATION,
            }
        ],
        "impacts": [
            {
                "id": f"apex-logs:health:pipeline:{name}:impact",
                "severity": 1,
                "description": "the pipeline does not run",
                "impact_areas": ["pipeline_execution"],
            }
        ],
    }


_STATES = {"starting": "LOADING", "running": "RUNNING", "draining": "TERMINATING"}
"""Words of Logstash's for the states of a pipeline."""


def _word(status: str) -> str:
    return "concerning" if status == "yellow" else "unhealthy"
