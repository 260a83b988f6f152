"""Archives in S3, through fsspec: the extra `s3`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.errors import Damaged
from pipeline.replay.archive import EDGE, Archive, Counted, NotThere, fingerprint, up_to

_AT_ONCE = 4 << 20
"""Bytes of a request."""
_NO_CREDENTIALS = "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"


def objects(path: str, *, glob: bool) -> list[Archive]:
    """The objects that a path with a scheme leads to, by name; raises `NotThere`."""
    try:
        import fsspec
    except ImportError:
        raise NotThere(['reading it needs one package more: pip install "apex-logs[s3]"']) from None
    if not path.partition("://")[2].strip("/"):
        raise NotThere(["it names no bucket: s3://bucket/key"])
    try:
        files, root = fsspec.core.url_to_fs(path)
        scheme = path.partition("://")[0]
        if glob:
            names = sorted(files.glob(root))
        elif files.isdir(root):
            names = sorted(files.find(root))
        else:
            names = [root] if files.exists(root) else []
        if not names:
            raise NotThere(["there is nothing"])
        return [_object(files, f"{scheme}://{name}", name) for name in names if not name.endswith("/")]
    except NotThere:
        raise
    except Exception as error:  # whatever the file system's library raises: refused credentials, no connection
        remedy = _NO_CREDENTIALS if type(error).__name__ == "NoCredentialsError" else ""
        raise NotThere([f"it cannot be read: {error}{remedy}"]) from error


def _object(files: Any, path: str, name: str) -> Archive:
    about = files.info(name)
    size, counted = int(about["size"]), Counted()
    first = files.cat_file(name, start=0, end=min(EDGE, size)) if size else b""
    last = files.cat_file(name, start=max(0, size - EDGE), end=size) if size else b""
    modified = about.get("LastModified") or about.get("mtime") or 0
    seconds = modified.timestamp() if hasattr(modified, "timestamp") else float(modified)

    def blocks(position: int) -> Iterator[bytes]:
        counted.bytes = position
        try:
            with files.open(name, "rb", block_size=_AT_ONCE) as file:
                file.seek(position)
                yield from up_to(file, size, counted)
        except (Damaged, GeneratorExit):
            raise
        except Exception as error:
            raise Damaged(f"it cannot be read on: {error}") from error

    return Archive(path, size, seconds, fingerprint(size, first, last), blocks, None, counted)
