"""Who may reach what in Kubernetes, computed from the network policies for every pod and every port."""

from __future__ import annotations

import pytest

from tests.deploy.manifests import Objects
from tests.deploy.reach import Peer, may_reach

SETUP = Peer({"app": "elasticsearch-setup"})
STRANGER = Peer({"app": "elasticsearch"}, "default")
NAMESPACES = ["monitoring", "ingress-nginx", "default"]

ALLOWED = {
    ("elasticsearch", 9200): {"pipeline", "kibana", "elasticsearch-setup"},
    ("elasticsearch", 9300): {"elasticsearch"},
    ("pipeline", 5044): {"filebeat", "apex-api"},
    ("pipeline", 9600): {"ns:monitoring"},
    ("pipeline", 8080): set(),
    ("kafka", 9092): {"pipeline", "filebeat", "kafka-setup", "kafka"},
    ("kafka", 9093): {"kafka"},
    ("apex-api", 8000): {"ns:ingress-nginx", "ns:monitoring"},
    ("apex-api", 9540): {"ns:monitoring"},
    ("kibana", 5601): {"ns:ingress-nginx", "elasticsearch-setup"},
    ("loki", 3100): {"pipeline", "ns:monitoring"},
    ("jaeger", 4317): {"apex-api", "pipeline"},
    ("jaeger", 4318): {"apex-api", "pipeline"},
    ("jaeger", 16686): {"ns:ingress-nginx"},
    ("jaeger", 14269): set(),
    ("filebeat", 5066): set(),
}
"""Who reaches a port of a pod with that label `app`: pods of our namespace by theirs, and whole other namespaces."""


@pytest.mark.parametrize(("target", "allowed"), ALLOWED.items(), ids=[f"{app}:{port}" for app, port in ALLOWED])
def test_who_reaches(objects: Objects, target: tuple[str, int], allowed: set[str]) -> None:
    app, port = target
    peers = {pod.labels["app"]: Peer(pod.labels) for pod in objects.pods().values()}
    peers["elasticsearch-setup"] = SETUP
    peers["nobody in particular"] = Peer({"app": "shell"})
    peers |= {f"ns:{name}": Peer({"app": "anything"}, name) for name in NAMESPACES}
    labels = labels_of(objects, app, port)
    assert {name for name, peer in peers.items() if may_reach(objects, peer, labels, port)} == allowed


def labels_of(objects: Objects, app: str, port: int) -> dict[str, str]:
    """Those of the pod that has the port; of the first with that label `app` where none declares it."""
    pods = [pod for pod in objects.pods().values() if pod.labels["app"] == app]
    having = [pod for pod in pods if port in [each["containerPort"] for each in pod.container().get("ports", [])]]
    return (having or pods)[0].labels


def test_every_port_that_is_declared_is_in_the_table(objects: Objects) -> None:
    declared = {
        (pod.labels["app"], port["containerPort"])
        for pod in objects.pods().values()
        for port in pod.container().get("ports", [])
    }
    assert declared <= ALLOWED.keys()


def test_the_same_label_elsewhere_is_a_stranger(objects: Objects) -> None:
    for port in (9200, 9300):
        assert not may_reach(objects, STRANGER, {"app": "elasticsearch"}, port)


def test_what_no_policy_names_takes_nothing(objects: Objects) -> None:
    assert not may_reach(objects, Peer({"app": "pipeline"}), {"app": "new"}, 80)


def test_pods_have_addresses_of_their_own(objects: Objects) -> None:
    """A pod on its node's network would have the node's address, and no policy would know it."""
    assert [name for name, pod in objects.pods().items() if pod.spec.get("hostNetwork")] == []
