"""Loki's configuration against what Loki 2.9 documents: options that it has, and the rules between them.

Loki itself is not run: it comes from no registry that the tests ask.
"""

from __future__ import annotations

from typing import Any

import yaml

from tests.deploy.manifests import ROOT, Objects

FILE = ROOT / "infra" / "loki" / "local-config.yaml"

KNOWN: dict[str, set[str]] = {
    "server": {"http_listen_port", "grpc_listen_port"},
    "common": {"instance_addr", "path_prefix", "replication_factor", "storage", "ring"},
    "schema_config": {"configs"},
    "compactor": {"working_directory", "shared_store", "retention_enabled", "retention_delete_delay"},
    "limits_config": {"retention_period", "reject_old_samples", "reject_old_samples_max_age", "ingestion_rate_mb",
                      "ingestion_burst_size_mb", "max_label_names_per_series"},
    "query_range": {"results_cache"},
    "analytics": {"reporting_enabled"},
}  # fmt: skip
"""The blocks that the file has, with the options of 2.9 that it may use; 3.0 took some away (`shared_store`)."""


def read() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def hours(text: str) -> int:
    assert text.endswith("h")
    return int(text[:-1])


def test_blocks_and_options_are_those_of_2_9() -> None:
    found = read()
    assert found.pop("auth_enabled") is False
    assert found.keys() == KNOWN.keys()
    for block, options in found.items():
        assert options.keys() <= KNOWN[block], block


def test_rules_between_options() -> None:
    found = read()
    [period] = found["schema_config"]["configs"]
    assert (period["store"], period["object_store"]) == ("tsdb", "filesystem")
    assert period["index"]["period"] == "24h", "tsdb and retention need tables of a day"
    assert period["schema"] == "v12", "v13 is of 2.9 too, but only later ones write it by default"
    assert found["compactor"]["retention_enabled"]
    assert found["compactor"]["shared_store"] == period["object_store"]
    limits = found["limits_config"]
    assert hours(limits["retention_period"]) >= 24, "the least that the compactor takes"
    assert hours(limits["retention_period"]) > hours(limits["reject_old_samples_max_age"])
    assert limits["ingestion_burst_size_mb"] >= limits["ingestion_rate_mb"]
    assert found["common"]["replication_factor"] == 1
    assert found["common"]["ring"]["kvstore"]["store"] == "inmemory"


def test_it_writes_where_the_volume_is(base: Objects) -> None:
    found = read()
    pod = base.pods()["loki"]
    mounted = {mount["mountPath"] for mount in pod.container()["volumeMounts"] if not mount.get("readOnly")}
    paths = [found["common"]["path_prefix"], found["compactor"]["working_directory"],
             *found["common"]["storage"]["filesystem"].values()]  # fmt: skip
    assert all(path == "/loki" or path.startswith("/loki/") for path in paths)
    assert "/loki" in mounted
    assert pod.container()["args"] == ["-config.file=/etc/loki/local-config.yaml"], "as in the document"
