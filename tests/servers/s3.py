"""A server that speaks S3: moto's server mode, in a process of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.servers.elasticsearch_node import free_port

_PATIENCE = 60.0
KEY = "AKIAIOSFODNN7EXAMPLE"


@contextlib.contextmanager
def started(folder: Path) -> Iterator[dict[str, str]]:
    """The environment by which a client finds it, and may use it. Any key does."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "moto.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(url, process, folder / "moto.log")
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"moto does not serve:\n{log.read_text()}")


def put(url: str, path: str, data: bytes) -> None:
    """Makes an object of a bucket, or with no data the bucket itself. moto looks at no signature."""
    authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request"
    headers = {"Authorization": authorization, "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{url}/{path}", data, headers, method="PUT")
    urllib.request.urlopen(request, timeout=30).close()
