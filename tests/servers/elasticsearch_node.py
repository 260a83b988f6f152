"""A real Elasticsearch node on a free loopback port, for tests.

    with started(folder) as node:        # TEST_SERVERS=docker|local|auto chooses how
        node.url, node.stop(); node.start(), node.kill(), node.start()

Raises `NotHere` where none can be had. Data are kept over a restart, and thrown away at the end.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.servers.elasticsearch_files import Files, files
from tests.servers.packages import NotHere, version

PASSWORD = "test-password"
_USERS = "tester:$2a$10$oAam.xKaiCAG9rq.5iQOlezX5D385M5CTQaIlWhmRR9L66P.NsIFS\n"  # bcrypt of PASSWORD
_START_TIMEOUT = 120.0

_LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=[%d{ISO8601}][%-5p][%c{1.}] %m%n
"""


class Server(Protocol):
    """What a test may do with a server."""

    url: str

    def start(self) -> None:
        """Starts it (again), on the same port, with its data; returns when it serves."""

    def stop(self) -> None:
        """Stops it cleanly."""

    def kill(self) -> None:
        """Ends it at once, as a crash does."""

    def pause(self) -> None:
        """Lets it do nothing (SIGSTOP), until `resume`."""

    def resume(self) -> None:
        """Lets it go on."""


class LocalNode:
    """A node in a Java process of its own."""

    def __init__(self, folder: Path, made: Files, settings: Sequence[str], secure: bool) -> None:
        self.home = folder / "home"
        self.port = free_port()
        self.ca = folder / "ca.pem"
        self.url = f"{'https' if secure else 'http'}://127.0.0.1:{self.port}"
        self._files = made
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._configure(settings, secure)

    def _configure(self, settings: Sequence[str], secure: bool) -> None:
        config = self.home / "config"
        config.mkdir(parents=True)
        (self.home / "logs").mkdir()
        for name in ("modules", "plugins"):
            (self.home / name).symlink_to(self._files.folder / name)
        self._link_zstd()
        (config / "log4j2.properties").write_text(_LOGGING)
        lines = [
            "cluster.name: test",
            "node.name: node",
            "discovery.type: single-node",
            "network.host: 127.0.0.1",
            f"http.port: {self.port}",
            f"transport.port: {free_port()}",
            "cluster.routing.allocation.disk.threshold_enabled: false",
            *settings,
        ]
        if secure:
            lines += self._secure(config)
        elif self._files.major == 8:
            lines.append("xpack.security.enabled: false")
        (config / "elasticsearch.yml").write_text("\n".join(lines) + "\n")

    def _link_zstd(self) -> None:
        """The best_compression codec needs a native libzstd, which the system's package is good enough for."""
        machine = {"x86_64": "x64", "aarch64": "aarch64"}.get(platform.machine(), platform.machine())
        library = Path(f"/usr/lib/{platform.machine()}-linux-gnu/libzstd.so.1")
        folder = self.home / "lib" / "platform" / f"linux-{machine}"
        folder.mkdir(parents=True)
        if library.exists():
            (folder / "libzstd.so").symlink_to(library)

    def _secure(self, config: Path) -> list[str]:
        import trustme

        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(config / "cert.pem")
        issued.private_key_pem.write_to_path(config / "key.pem")
        for name in ("roles.yml", "role_mapping.yml"):
            shutil.copy(self._files.distribution / "config" / name, config)
        (config / "users").write_text(_USERS)
        (config / "users_roles").write_text("superuser:tester\n")
        return [
            "xpack.security.enabled: true",
            "xpack.security.http.ssl.enabled: true",
            "xpack.security.http.ssl.key: key.pem",
            "xpack.security.http.ssl.certificate: cert.pem",
            "xpack.security.authc.realms.file.file1.order: 0",
        ]

    def _command(self) -> list[str]:
        made = self._files
        flags = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
        if made.java.version >= 19:
            flags.append("--enable-native-access=ALL-UNNAMED")
        flags += ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        if made.archive.exists():
            flags.append(f"-XX:SharedArchiveFile={made.archive}")
        else:
            flags.append(f"-XX:ArchiveClassesAtExit={self._fresh_archive}")
        properties = {
            "java.awt.headless": "true",
            "log4j2.disable.jmx": "true",
            "io.netty.noUnsafe": "true",
            "org.elasticsearch.nativeaccess.enableVectorLibrary": "false",
            "es.path.home": self.home,
            "es.logs.base_path": self.home / "logs",
            "es.logs.cluster_name": "test",
        }
        flags += [f"-D{name}={value}" for name, value in properties.items()]
        java = str(made.java.home / "bin" / "java")
        return [java, *flags, "-cp", made.classpath, "Launcher", str(self.home), str(os.getpid())]

    @property
    def _fresh_archive(self) -> Path:
        return self._files.archive.with_suffix(f".{os.getpid()}.jsa")

    def start(self) -> None:
        ready = self.home / "ready"
        ready.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"Elasticsearch did not start; the end of its log:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._end(signal.SIGTERM) and self._fresh_archive.exists():
            self._fresh_archive.replace(self._files.archive)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> bool:
        process, self._process = self._process, None
        if process is None:
            return False
        process.send_signal(number)
        process.wait(timeout=_START_TIMEOUT)
        return True

    def close(self) -> None:
        """The end: cleanly if that leaves class data for the next run, else at once."""
        if self._files.archive.exists():
            self.kill()
        else:
            self.stop()


class DockerNode:
    """A node in a container."""

    def __init__(self, settings: Sequence[str]) -> None:
        from testcontainers.community.elasticsearch import ElasticSearchContainer

        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        image = f"docker.elastic.co/elasticsearch/elasticsearch:{version('elasticsearch-9')}"
        self._container = ElasticSearchContainer(image, mem_limit="1g").with_bind_ports(9200, self.port)
        for setting in settings:
            name, _, value = setting.partition(": ")
            self._container.with_env(name, value)
        self._made = False

    def start(self) -> None:
        if self._made:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._made = True
        deadline = time.monotonic() + _START_TIMEOUT
        while not _answers(self.url):
            assert time.monotonic() < deadline, f"{self.url} does not answer"
            time.sleep(0.2)

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def close(self) -> None:
        self._container.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _docker_answers() -> bool:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return True  # whoever names an engine means it
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address.removeprefix("unix://")) == 0


@contextmanager
def started(
    folder: Path, *settings: str, major: int | None = None, secure: bool = False
) -> Iterator[LocalNode | DockerNode]:
    """A node that runs: with lines of elasticsearch.yml, of a certain major version, with security and TLS (only 8)."""
    how = os.environ.get("TEST_SERVERS", "auto")
    special = major is not None or secure
    node: LocalNode | DockerNode
    if not special and (how == "docker" or (how == "auto" and _docker_answers())):
        node = DockerNode(settings)
    elif how == "docker":
        raise NotHere("TEST_SERVERS=docker, and this node is only made from local files")
    else:
        node = LocalNode(folder, files(8 if secure else major), settings, secure)
    try:
        node.start()
        yield node
    finally:
        node.close()
