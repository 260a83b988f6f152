"""Names, labels, ports, mounts and rights of the manifests agree with each other and with what the programs do."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificate

from tests.deploy.manifests import NAMESPACE, ROOT, Objects, Pod, references, selected

NAMED = ["elasticsearch", "pipeline", "filebeat", "api", "kibana", "kafka", "loki", "jaeger"]
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def test_everything_that_was_asked_for_is_there(objects: Objects) -> None:
    assert set(NAMED) <= objects.pods().keys()
    files = {path.name for path in (ROOT / "k8s" / "base").glob("*.yaml")}
    assert {"elasticsearch.yaml", "pipeline.yaml", "filebeat-sidecar.yaml", "api.yaml", "kibana.yaml", "kafka.yaml",
            "loki.yaml", "jaeger.yaml"} <= files  # fmt: skip
    images = {pod.container()["image"] for pod in objects.pods().values()}
    assert {"docker.elastic.co/elasticsearch/elasticsearch:8.11.0", "docker.elastic.co/beats/filebeat:8.11.0",
            "docker.elastic.co/kibana/kibana:8.11.0", "grafana/loki:2.9.0"} <= images  # fmt: skip
    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_one_namespace(objects: Objects) -> None:
    for each in objects.documents:
        wanted = None if each["kind"] in CLUSTER_WIDE else NAMESPACE
        assert each["metadata"].get("namespace") == wanted, each["metadata"]["name"]
    assert NAMESPACE in objects.of("Namespace")


def test_every_name_that_is_mentioned_exists(objects: Objects) -> None:
    for pod in objects.pods().values():
        for kind, name, optional in references(pod.spec):
            assert optional or name in objects.of(kind), f"{pod.name}: there is no {kind} {name}"
        account = pod.spec.get("serviceAccountName")
        assert account is None or account in objects.of("ServiceAccount")
        for volume in pod.spec.get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in objects.of("PersistentVolumeClaim")
    for each in objects.of("StatefulSet").values():
        assert objects.of("Service")[each["spec"]["serviceName"]]["spec"]["clusterIP"] == "None"
    [scaler] = objects.of("HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"]["name"] in objects.of("Deployment")
    [binding] = objects.of("ClusterRoleBinding").values()
    assert binding["roleRef"]["name"] in objects.of("ClusterRole")
    assert [(who["name"], who["namespace"]) for who in binding["subjects"]] == [("filebeat", NAMESPACE)]


def test_keys_of_secrets_and_files_of_config_maps_exist(objects: Objects) -> None:
    for pod in objects.pods().values():
        for variable in pod.container().get("env", []):
            if key := variable.get("valueFrom", {}).get("secretKeyRef"):
                assert key["key"] in objects.of("Secret")[key["name"]]["data"]
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        for mount in pod.container().get("volumeMounts", []):
            if path := mount.get("subPath"):
                assert path in objects.of("ConfigMap")[volumes[mount["name"]]["configMap"]["name"]]["data"]


def test_every_mount_has_its_volume_and_every_volume_its_mount(objects: Objects) -> None:
    for pod in objects.pods().values():
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        claims = pod.workload["spec"].get("volumeClaimTemplates", [])
        volumes |= {claim["metadata"]["name"] for claim in claims}
        mounted = {mount["name"] for mount in pod.container().get("volumeMounts", [])}
        assert mounted == volumes, pod.name


def files_of(objects: Objects, pod: Pod) -> dict[str, str]:
    """The files that ConfigMaps and Secrets put into the pod's container, by their paths; secrets are encoded."""
    volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
    found: dict[str, str] = {}
    for mount in pod.container().get("volumeMounts", []):
        volume = volumes.get(mount["name"], {})
        data: dict[str, str] = {}
        if "configMap" in volume:
            data = objects.of("ConfigMap")[volume["configMap"]["name"]]["data"]
        elif "secret" in volume:
            data = objects.of("Secret")[volume["secret"]["secretName"]]["data"]
        if path := mount.get("subPath"):
            found[mount["mountPath"]] = data[path]
        else:
            found |= {f"{mount['mountPath']}/{name}": text for name, text in data.items()}
    return found


def test_every_file_that_an_argument_names_is_mounted(objects: Objects) -> None:
    named = 0
    for pod in objects.pods().values():
        container, files = pod.container(), files_of(objects, pod)
        for argument in [*container.get("command", []), *container.get("args", [])]:
            path = argument.partition("=")[2] or argument
            if path.startswith(("/etc/", "/setup/")) and "." in Path(path).name:
                named += 1
                assert path in files, f"{pod.name}: {argument}"
    assert named >= 6


def test_labels_and_selectors_match(objects: Objects) -> None:
    pods = objects.pods()
    for pod in pods.values():
        if pod.workload["kind"] != "Job":
            assert selected(pod.workload["spec"]["selector"], pod.labels)
    for name, service in objects.of("Service").items():
        chosen = [pod for pod in pods.values() if selected({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        assert len(chosen) == 1, name
        ports = {port["name"]: port["containerPort"] for port in chosen[0].container()["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"], f"{name}: {port}"
    for budget in objects.of("PodDisruptionBudget").values():
        assert len([pod for pod in pods.values() if selected(budget["spec"]["selector"], pod.labels)]) == 1
    for name, policy in objects.of("NetworkPolicy").items():
        chosen = [pod for pod in pods.values() if selected(policy["spec"]["podSelector"], pod.labels)]
        assert len(chosen) == (len(pods) if name == "default-deny" else 1), name


def test_probes_ask_ports_that_the_container_has(objects: Objects) -> None:
    for pod in objects.pods().values():
        container = pod.container()
        names = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for how in ("httpGet", "tcpSocket"):
                if asked := container.get(probe, {}).get(how):
                    assert asked["port"] in names, f"{pod.name}: {probe}"
        if pod.workload["kind"] != "Job":
            assert {"readinessProbe", "livenessProbe"} <= container.keys(), pod.name


def test_ports_are_those_of_the_configurations(base: Objects) -> None:
    ports = {
        name: {port["containerPort"] for port in pod.container().get("ports", [])} for name, pod in base.pods().items()
    }
    elasticsearch = yaml.safe_load(base.config("elasticsearch-config")["elasticsearch.yml"])
    assert ports["elasticsearch"] == {elasticsearch["http.port"], elasticsearch["transport.port"]}
    assert ports["kibana"] == {yaml.safe_load(base.config("kibana-config")["kibana.yml"])["server.port"]}
    assert ports["loki"] == {
        yaml.safe_load(base.config("loki-config")["local-config.yaml"])["server"]["http_listen_port"]
    }
    filebeat = yaml.safe_load(base.config("filebeat-config")["kubernetes.yml"])
    assert ports["filebeat"] == {filebeat["http.port"]}
    assert "port => 5044" in base.config("pipeline-config")["logstash.conf"]
    assert str(9600) == base.pods()["pipeline"].environment()["API_HTTP_PORT"]
    assert ports["pipeline"] == {5044, 9600}
    for listener in ("9092", "9093"):
        assert f"://:{listener}" in base.config("kafka-config")["server.properties"]


def _contexts(pod: Pod) -> dict[str, Any]:
    return {**pod.spec.get("securityContext", {}), **pod.container()["securityContext"]}


def test_rights_are_few(objects: Objects) -> None:
    for name, pod in objects.pods().items():
        context = _contexts(pod)
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["capabilities"]["drop"] == ["ALL"], name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod.container()["resources"]["limits"]["memory"], name
        assert pod.spec["enableServiceLinks"] is False, f"{name}: KAFKA_PORT and its like would be settings"
        if name == "filebeat":
            assert context["capabilities"]["add"] == ["DAC_READ_SEARCH"]
            continue
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] >= 1000, name
        assert pod.spec["automountServiceAccountToken"] is False, name
    assert _contexts(objects.pods()["pipeline"])["readOnlyRootFilesystem"] is True


def test_the_pipeline_has_time_to_drain(objects: Objects) -> None:
    pod = objects.pods()["pipeline"]
    seconds = int(pod.environment()["SHUTDOWN_TIMEOUT"].removesuffix(" s"))
    assert seconds < pod.spec["terminationGracePeriodSeconds"]


def test_elasticsearch_forms_one_cluster(objects: Objects) -> None:
    pod = objects.pods()["elasticsearch"]
    environment = pod.environment()
    replicas = pod.workload["spec"]["replicas"]
    assert replicas == 3
    assert environment["cluster.initial_master_nodes"] == ",".join(f"elasticsearch-{n}" for n in range(replicas))
    service = objects.of("Service")[environment["discovery.seed_hosts"]]
    assert service["spec"]["publishNotReadyAddresses"] is True, "nodes find each other before they are ready"
    assert pod.workload["spec"]["podManagementPolicy"] == "Parallel"
    assert "discovery.type" not in environment
    [claim] = pod.workload["spec"]["volumeClaimTemplates"]
    assert {"name": claim["metadata"]["name"], "mountPath": "/usr/share/elasticsearch/data"} in pod.container()[
        "volumeMounts"
    ]


def test_the_overlay_turns_everything_on(secure: Objects) -> None:
    environment = secure.pods()["elasticsearch"].environment()
    for name in ("enabled", "http.ssl.enabled", "transport.ssl.enabled"):
        assert environment[f"xpack.security.{name}"] == "true"
    args = secure.pods()["pipeline"].container()["args"]
    assert "--path.config=/etc/apex-logs/secure.conf" in args
    assert not any("logstash.conf" in each for each in args)
    assert "/etc/filebeat/to-pipeline-tls.yml" in secure.pods()["filebeat"].container()["args"]
    [ingress] = secure.of("Ingress").values()
    assert ingress["spec"]["rules"][0]["host"] == "jaeger.example.com"
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["port"]["name"] in {port["name"] for port in secure.of("Service")[backend["name"]]["spec"]["ports"]}


def test_secrets_are_made_once_and_certificates_name_who_is_asked(overlay: Path, secure: Objects) -> None:
    again = subprocess.run([overlay / "make-secrets"], capture_output=True, text=True, timeout=60)
    assert (again.returncode, again.stdout) == (1, "")
    assert "is there already" in again.stderr
    secrets = overlay / "secrets"
    assert {path.stat().st_mode & 0o077 for path in secrets.rglob("*")} == {0}
    for name in ("elasticsearch", "pipeline", "kibana"):
        certificate = load_pem_x509_certificate((secrets / name / "tls.crt").read_bytes())
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        assert name in names.get_values_for_type(DNSName)
        assert name in secure.of("Service")
    assert "/secrets/" in (ROOT / "k8s" / "overlays" / "secure" / ".gitignore").read_text()
