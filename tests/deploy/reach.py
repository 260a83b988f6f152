"""May one pod reach a port of another? NetworkPolicies judged as Kubernetes documents them, for ingress.

A pod that no policy selects takes everything; one that is selected takes what any of its policies lets in: a peer in a
pod selector of the policy's own namespace, in a namespace selector, or in both where one entry has both.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.deploy.manifests import NAMESPACE, Document, Objects, selected


class Peer(NamedTuple):
    """Who wants to connect."""

    labels: dict[str, str]
    namespace: str = NAMESPACE


def may_reach(objects: Objects, peer: Peer, labels: dict[str, str], port: int) -> bool:
    """Whether the peer may reach the port of a pod with these labels in our namespace."""
    policies = [
        policy["spec"]
        for policy in objects.of("NetworkPolicy").values()
        if policy["metadata"]["namespace"] == NAMESPACE
        and "Ingress" in policy["spec"].get("policyTypes", ["Ingress"])
        and selected(policy["spec"]["podSelector"], labels)
    ]
    if not policies:
        return True
    return any(_lets(rule, peer, port) for policy in policies for rule in policy.get("ingress") or [])


def _lets(rule: Document, peer: Peer, port: int) -> bool:
    ports, peers = rule.get("ports"), rule.get("from")
    if ports is not None and not any(each.get("protocol", "TCP") == "TCP" and each["port"] == port for each in ports):
        return False
    return peers is None or any(_is(each, peer) for each in peers)


def _is(entry: Document, peer: Peer) -> bool:
    assert set(entry) <= {"podSelector", "namespaceSelector"}, "this test judges no other kind of peer"
    if "namespaceSelector" in entry:
        if not selected(entry["namespaceSelector"], {"kubernetes.io/metadata.name": peer.namespace}):
            return False
    elif peer.namespace != NAMESPACE:
        return False
    return selected(entry.get("podSelector"), peer.labels)
