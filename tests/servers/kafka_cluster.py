"""A real Apache Kafka (KRaft) on free loopback ports, of one broker or of several, for tests.

    with started(folder, brokers=3) as cluster:        # TEST_SERVERS=docker|local|auto chooses how
        cluster.bootstrap, cluster.stop(1), cluster.kill(2), cluster.start(2)

Raises `NotHere` where none can be had. Data are kept over a restart, and thrown away at the end. With `secure`, there
is a second listener, `cluster.secure`, that wants TLS and SASL: PLAIN, SCRAM-SHA-256 and -512 for user `tester`, and
OAUTHBEARER with unsigned tokens; a third, `cluster.mutual`, wants a client's certificate.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.servers import packages
from tests.servers.elasticsearch_node import _docker_answers, free_port
from tests.servers.packages import NotHere

USER, PASSWORD = "tester", "test-password"
_START_TIMEOUT = 120.0
_CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
_LOGGING = """\
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=console
appender.console.name=console
appender.console.type=Console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
"""
_JVM = [
    "-Xms256m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
]
_SCRAM = [f"SCRAM-SHA-{bits}=[name={USER},password={PASSWORD}]" for bits in (256, 512)]
_LOGIN = "org.apache.kafka.common.security"


class Cluster(Protocol):
    """What a test may do with a cluster. Brokers are numbered from 1."""

    bootstrap: str

    def start(self, broker: int) -> None:
        """Starts a broker (again), on its port, with its data; returns when it serves."""

    def stop(self, broker: int) -> None:
        """Stops it cleanly."""

    def kill(self, broker: int) -> None:
        """Ends it at once, as a crash does."""


@dataclass(frozen=True)
class Files:
    """What brokers are started from."""

    java: packages.Jdk
    folder: Path

    @property
    def classpath(self) -> str:
        """The broker's jars."""
        return ":".join(str(path) for path in sorted((self.folder / "lib").glob("*.jar")))

    @property
    def archive(self) -> Path:
        """Class data that the first clean stop writes; later starts need half the time."""
        return self.folder / f"classes-java{self.java.version}.jsa"


def files() -> Files:
    """The files of Kafka, fetched if they are not in the cache."""
    java = packages.jdk()
    if java.version < 17:
        raise NotHere(f"Kafka needs Java 17 or newer, not {java.version}")
    with packages.locked():
        return Files(java, packages.fetched("kafka"))


@dataclass(frozen=True)
class _Ports:
    plain: int
    controller: int
    secure: int
    mutual: int


class LocalCluster:
    """Brokers in Java processes of their own, each its own controller too."""

    def __init__(self, folder: Path, made: Files, brokers: int, settings: Sequence[str], secure: bool) -> None:
        self._folder, self._files, self._is_secure = folder, made, secure
        self._ports = {number: _Ports(*_free_ports(4)) for number in range(1, brokers + 1)}
        self.bootstrap = ",".join(f"127.0.0.1:{ports.plain}" for ports in self._ports.values())
        self.secure = f"localhost:{self._ports[1].secure}"
        self.mutual = f"localhost:{self._ports[1].mutual}"
        self.ca, self.client = folder / "ca.pem", folder / "client.pem"
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._fresh_archive = folder / "classes.jsa"
        (folder / "log4j2.properties").write_text(_LOGGING)
        if secure:
            self._certify()
        for number in self._ports:
            self._configure(number, settings)

    def _certify(self) -> None:
        import trustme

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert("localhost", "127.0.0.1")
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        (self._folder / "broker.pem").write_bytes(_pkcs8(issued.private_key_pem.bytes()) + chain)
        authority.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(self.client)

    def _configure(self, number: int, settings: Sequence[str]) -> None:
        folder = self._folder / f"broker-{number}"
        folder.mkdir()
        copies = min(3, len(self._ports))
        voters = ",".join(f"{other}@127.0.0.1:{ports.controller}" for other, ports in self._ports.items())
        ports = self._ports[number]
        listeners = [f"PLAINTEXT://127.0.0.1:{ports.plain}"]
        if self._is_secure:
            listeners += [f"SASL_SSL://localhost:{ports.secure}", f"SSL://localhost:{ports.mutual}"]
        lines = [
            "process.roles=broker,controller",
            f"node.id={number}",
            f"controller.quorum.voters={voters}",
            f"listeners={','.join([*listeners, f'CONTROLLER://127.0.0.1:{ports.controller}'])}",
            f"advertised.listeners={','.join(listeners)}",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            f"log.dirs={folder / 'data'}",
            "num.partitions=3",
            f"default.replication.factor={copies}",
            f"min.insync.replicas={max(1, copies - 1)}",
            f"offsets.topic.replication.factor={copies}",
            "offsets.topic.num.partitions=5",
            "group.initial.rebalance.delay.ms=0",
            "group.min.session.timeout.ms=1000",
            "broker.session.timeout.ms=6000",
            "broker.heartbeat.interval.ms=1000",
            "num.network.threads=2",
            "num.io.threads=4",
            "log.cleaner.dedupe.buffer.size=4194304",
            *(f"{topic}.replication.factor={copies}" for topic in _INTERNAL),
            *(f"{topic}.min.isr={max(1, copies - 1)}" for topic in _INTERNAL),
            *(f"{topic}.num.partitions=3" for topic in _INTERNAL),
            *(self._security() if self._is_secure else ()),
            *settings,
        ]
        (folder / "server.properties").write_text("\n".join(lines) + "\n")

    def _security(self) -> list[str]:
        plain = f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        scram = f"{_LOGIN}.scram.ScramLoginModule required;"
        bearer = f'{_LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{USER}";'
        validator = f"{_LOGIN}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
        prefix = "listener.name.sasl_ssl"
        return [
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            f"{prefix}.plain.sasl.jaas.config={plain}",
            f"{prefix}.scram-sha-256.sasl.jaas.config={scram}",
            f"{prefix}.scram-sha-512.sasl.jaas.config={scram}",
            f"{prefix}.oauthbearer.sasl.jaas.config={bearer}",
            f"{prefix}.oauthbearer.sasl.server.callback.handler.class={validator}",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={self._folder / 'broker.pem'}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={self.ca}",
            "listener.name.ssl.ssl.client.auth=required",
        ]

    def _java(self, number: int, *arguments: str, dump: bool = False) -> list[str]:
        command = [str(self._files.java.home / "bin" / "java"), *_JVM]
        archive = self._files.archive
        if archive.exists():
            command += [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        elif dump and self._files.java.version >= 19:
            command += [f"-XX:ArchiveClassesAtExit={self._fresh_archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        command.append(f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}")
        return [*command, "-cp", self._files.classpath, *arguments]

    def _format(self, number: int) -> subprocess.Popen[bytes]:
        properties = str(self._folder / f"broker-{number}" / "server.properties")
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", properties]
        if self._is_secure:
            tool += [word for secret in _SCRAM for word in ("-S", secret)]
        return subprocess.Popen(self._java(number, *tool), stdout=self._log(number), stderr=subprocess.STDOUT)

    def _log(self, number: int) -> int:
        path = self._folder / f"broker-{number}" / "log"
        return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def open(self) -> None:
        """Formats and starts every broker, side by side."""
        formats = [self._format(number) for number in self._ports]
        for number, process in zip(self._ports, formats, strict=True):
            assert process.wait(_START_TIMEOUT) == 0, (self._folder / f"broker-{number}" / "log").read_text()
        for number in self._ports:
            self._launch(number)
        for number in self._ports:
            self._await(number)

    def start(self, broker: int) -> None:
        self._launch(broker)
        self._await(broker)

    def _launch(self, number: int) -> None:
        properties = str(self._folder / f"broker-{number}" / "server.properties")
        log = self._log(number)
        command = self._java(number, "kafka.Kafka", properties, dump=len(self._ports) == 1)
        self._processes[number] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        os.close(log)

    def _await(self, number: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        process = self._processes[number]
        ports = self._ports[number]
        listening = [ports.plain, *((ports.secure, ports.mutual) if self._is_secure else ())]
        while not all(_answers(port) for port in listening):
            log = self._folder / f"broker-{number}" / "log"
            assert process.poll() is None, f"the broker ended:\n{log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"the broker does not answer:\n{log.read_text()[-3000:]}"
            time.sleep(0.05)

    def stop(self, broker: int) -> None:
        self._end(broker, signal.SIGTERM)
        if self._fresh_archive.exists():
            self._fresh_archive.replace(self._files.archive)

    def kill(self, broker: int) -> None:
        self._end(broker, signal.SIGKILL)

    def _end(self, broker: int, number: signal.Signals) -> None:
        process = self._processes.pop(broker, None)
        if process is None:
            return
        process.send_signal(number)
        process.wait(_START_TIMEOUT)

    def close(self) -> None:
        """The end: cleanly if that leaves class data for the next run, else at once."""
        keeps = len(self._ports) == 1 and not self._files.archive.exists() and self._files.java.version >= 19
        for broker in list(self._processes):
            (self.stop if keeps else self.kill)(broker)


_INTERNAL = ("transaction.state.log", "share.coordinator.state.topic")


def _pkcs8(key: bytes) -> bytes:
    """A key in the form that Java reads."""
    from cryptography.hazmat.primitives import serialization as form

    loaded = form.load_pem_private_key(key, None)
    return loaded.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class DockerCluster:
    """One broker in a container."""

    def __init__(self) -> None:
        from testcontainers.core.container import DockerContainer

        self._port = free_port()
        self.bootstrap = f"127.0.0.1:{self._port}"
        self._container = DockerContainer(f"apache/kafka:{packages.version('kafka')}", mem_limit="1g")
        self._container.with_bind_ports(9092, self._port)
        settings = {
            "node.id": "1",
            "process.roles": "broker,controller",
            "controller.quorum.voters": "1@localhost:9093",
            "controller.listener.names": "CONTROLLER",
            "listeners": "PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "num.partitions": "3",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "5",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            **{f"{topic}.replication.factor": "1" for topic in _INTERNAL},
            **{f"{topic}.min.isr": "1" for topic in _INTERNAL},
        }
        for name, value in settings.items():
            self._container.with_env(f"KAFKA_{name.replace('.', '_').upper()}", value)

    def open(self) -> None:
        """Starts it the first time."""
        self._container.start()
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while not _answers(self._port):
            assert time.monotonic() < deadline, f"{self.bootstrap} does not answer"
            time.sleep(0.2)

    def start(self, broker: int) -> None:
        assert broker == 1
        self._container.get_wrapped_container().start()
        self._await()

    def stop(self, broker: int) -> None:
        assert broker == 1
        self._container.get_wrapped_container().stop()

    def kill(self, broker: int) -> None:
        assert broker == 1
        self._container.get_wrapped_container().kill()

    def close(self) -> None:
        """The end."""
        self._container.stop()


@contextmanager
def started(
    folder: Path, *settings: str, brokers: int = 1, secure: bool = False
) -> Iterator[LocalCluster | DockerCluster]:
    """A cluster that runs: with lines of server.properties, of several brokers, with TLS and SASL (only local ones)."""
    how = os.environ.get("TEST_SERVERS", "auto")
    special = bool(settings) or brokers > 1 or secure
    cluster: LocalCluster | DockerCluster
    if not special and (how == "docker" or (how == "auto" and _docker_answers())):
        cluster = DockerCluster()
    elif how == "docker":
        raise NotHere("TEST_SERVERS=docker, and this cluster is only made from local files")
    else:
        cluster = LocalCluster(folder, files(), brokers, settings, secure)
    try:
        cluster.open()
        yield cluster
    finally:
        cluster.close()
