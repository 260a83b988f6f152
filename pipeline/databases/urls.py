"""JDBC's connection strings as SQLAlchemy's URLs.

    jdbc:postgresql://host:5432/name?user=u&ssl=true      postgresql+psycopg
    jdbc:mysql://host:3306/name, jdbc:mariadb:...         mysql+pymysql
    jdbc:sqlite:/path/file.db                             sqlite
    jdbc:sqlserver://host:1433;databaseName=name          mssql+pymssql
    jdbc:oracle:thin:@//host:1521/service                 oracle+oracledb

What has no `jdbc:` before it is taken for SQLAlchemy's own, which names any database and driver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from sqlalchemy import URL

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlserver": "mssql+pymssql",
}
PACKAGES = {"mysql+pymysql": "pymysql", "mssql+pymssql": "pymssql", "oracle+oracledb": "oracledb"}
_SERVER = re.compile(r"jdbc:(postgresql|mysql|mariadb)://([^/:?]*)(?::(\d+))?/?([^?]*)(?:\?(.*))?")
_MICROSOFT = re.compile(r"jdbc:sqlserver://([^:;\\]*)(?::(\d+))?((?:;.*)?)")
_ORACLE = re.compile(r"jdbc:oracle:thin:@(?://)?([^:/]+):(\d+)[:/](\w.*)")
_POSTGRESQL = {"sslmode", "connect_timeout", "application_name", "options", "sslrootcert", "sslcert", "sslkey"}


def url_of(text: str, user: str | None, password: str | None) -> URL:
    """The URL; raises ValueError for what names no database that is known here."""
    from sqlalchemy import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if not text.startswith("jdbc:"):
        try:
            url = make_url(text)
        except ArgumentError:
            raise ValueError(f'"{text}" is neither a JDBC connection string nor a URL of SQLAlchemy') from None
        return url.set(username=user or url.username, password=password or url.password)
    if text.startswith("jdbc:sqlite:"):
        return URL.create("sqlite", database=text.removeprefix("jdbc:sqlite:").split("?")[0])
    if found := _SERVER.fullmatch(text):
        kind, host, port, name, query = found.groups()
        given = dict(parse_qsl(query or ""))
        user, password = user or given.pop("user", None), password or given.pop("password", None)
        return URL.create(_DRIVERS[kind], user, password, host or "localhost", int(port) if port else None, name,
                          _query(kind, given))  # fmt: skip
    if found := _MICROSOFT.fullmatch(text):
        given = dict(part.split("=", 1) for part in found[3].split(";") if "=" in part)
        names = {name.lower(): value for name, value in given.items()}
        name = names.get("databasename") or names.get("database")
        user, password = user or names.get("user"), password or names.get("password")
        return URL.create(_DRIVERS["sqlserver"], user, password, found[1], int(found[2] or 1433), name)
    if found := _ORACLE.fullmatch(text):
        return URL.create("oracle+oracledb", user, password, found[1], int(found[2]), query={"service_name": found[3]})
    kind = text.split(":")[1]
    raise ValueError(
        f'"jdbc:{kind}:..." is not known here: write a URL of SQLAlchemy, such as "postgresql+psycopg://host/name", '
        "and install its dialect"
    )


def _query(kind: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """What the driver here knows of the parameters; the rest is Java's driver's own."""
    if kind != "postgresql":
        return {"charset": "utf8mb4"}
    kept = {name: value for name, value in given.items() if name in _POSTGRESQL}
    if given.get("ssl") == "true":
        kept.setdefault("sslmode", "verify-full" if "sslrootcert" in kept else "require")
    return kept
