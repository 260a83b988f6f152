"""Makes Elasticsearch startable from its jars: one folder in the cache for each version and Java.

The official start refuses root and runs two more JVMs, so `java/Launcher.java` starts the node itself. It loads
modules from the class path, hence their descriptors lose their module names, and it finds a few REST endpoints
that Maven Central does not carry in `java/endpoints`.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers import packages

JAVA = Path(__file__).with_name("java")
WITHOUT = {"apm"}


@dataclass(frozen=True)
class Files:
    """What a node of one version is started from."""

    major: int
    java: packages.Jdk
    distribution: Path
    folder: Path

    @property
    def classpath(self) -> str:
        """The launcher and the server's jars."""
        return ":".join(map(str, [self.folder / "launcher.jar", *sorted((self.distribution / "lib").glob("*.jar"))]))

    @property
    def archive(self) -> Path:
        """Class data that the first clean stop writes; later starts need half the time."""
        return self.folder / "classes.jsa"


def files(major: int | None = None) -> Files:
    """The files of Elasticsearch 9, or of 8 where Java is older than 21 or the caller says so."""
    java = packages.jdk()
    major = major or (9 if java.version >= 21 else 8)
    if java.version < (21 if major == 9 else 17):
        raise packages.NotHere(f"Elasticsearch {major} needs a newer Java than {java.version}")
    profile = f"elasticsearch-{major}"
    with packages.locked():
        distribution = packages.fetched(profile)
        if major == 8:
            distribution /= f"elasticsearch-{packages.version(profile)}"
        folder = distribution.with_name(f"{distribution.name}-{_fingerprint()}-java{java.version}")
        made = Files(major, java, distribution, folder)
        if not folder.exists():
            _make(made)
    return made


def _fingerprint() -> str:
    sources = b"".join(path.read_bytes() for path in sorted(JAVA.rglob("*.java")))
    return hashlib.sha256(sources + Path(__file__).read_bytes()).hexdigest()[:8]


def _make(made: Files) -> None:
    fresh = made.folder.with_name(made.folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    plugin = fresh / "plugins" / "test-endpoints"
    plugin.mkdir(parents=True)
    _compile(made, fresh / "classes")
    jar = str(made.java.home / "bin" / "jar")
    for name, content in ((fresh / "launcher.jar", "Launcher.class"), (plugin / "endpoints.jar", "endpoints")):
        subprocess.run([jar, "--create", "--file", name, "-C", fresh / "classes", content], check=True)
    (plugin / "plugin-descriptor.properties").write_text(
        "name=test-endpoints\ndescription=test endpoints\nversion=1\njava.version=17\n"
        f"classname=endpoints.Plugin{made.major}\n"
        f"elasticsearch.version={packages.version(f'elasticsearch-{made.major}')}\n"
        + ("extended.plugins=x-pack-core\n" if made.major == 8 else "")
    )
    for module in (made.distribution / "modules").iterdir():
        if module.name not in WITHOUT:
            _copy_module(module, fresh / "modules" / module.name)
    fresh.rename(made.folder)


def _compile(made: Files, classes: Path) -> None:
    jars = f"{made.distribution}/lib/*:{made.distribution}/modules/x-pack-core/*"
    other = f"Plugin{17 - made.major}.java"
    sources = [path for path in JAVA.rglob("*.java") if path.name != other]
    options = [
        "--release",
        "21" if made.major == 9 else "17",
        "-nowarn",
        "-Xlint:none",
        "-cp",
        jars,
        "-d",
        str(classes),
    ]
    done = subprocess.run([made.java.home / "bin" / "javac", *options, *sources], capture_output=True, text=True)
    assert done.returncode == 0, f"the launcher does not compile against Elasticsearch {made.major}:\n{done.stderr}"


def _copy_module(module: Path, to: Path) -> None:
    to.mkdir(parents=True)
    for jar in module.glob("*.jar"):
        (to / jar.name).symlink_to(jar)
    name = "plugin-descriptor.properties"
    if (module / name).exists():
        descriptor = (module / name).read_text()
    else:  # Elasticsearch 9 carries it inside the jar
        (jar,) = module.glob(f"{module.name}-*.jar")
        with zipfile.ZipFile(jar) as archive:
            descriptor = archive.read(f"META-INF/es-plugins/{module.name}/{name}").decode()
    (to / name).write_text(re.sub(r"(?m)^modulename.*\n?", "", descriptor))
