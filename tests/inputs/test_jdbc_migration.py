"""What a configuration of Logstash brings along for the jdbc input: connection strings, files with the last value."""

import pytest

from pipeline.databases import last_value
from pipeline.databases.urls import url_of
from pipeline.errors import StoreError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("jdbc:postgresql://h:1/n?ssl=true", "postgresql+psycopg://u:p@h:1/n?sslmode=require"),
        ("jdbc:mysql://h/n?useSSL=false", "mysql+pymysql://u:p@h/n?charset=utf8mb4"),
        ("jdbc:mariadb://h:3306/n", "mysql+pymysql://u:p@h:3306/n?charset=utf8mb4"),
        ("jdbc:sqlite:/a/b.db", "sqlite:////a/b.db"),
        ("jdbc:sqlserver://h;databaseName=n;encrypt=true", "mssql+pymssql://u:p@h:1433/n"),
        ("jdbc:oracle:thin:@//h:1521/s", "oracle+oracledb://u:p@h:1521?service_name=s"),
        ("jdbc:oracle:thin:@h:1521:s", "oracle+oracledb://u:p@h:1521?service_name=s"),
        ("mysql+mysqldb://h/n", "mysql+mysqldb://u:p@h/n"),
    ],
)
def test_connection_strings(text, url):
    assert url_of(text, "u", "p").render_as_string(hide_password=False) == url


@pytest.mark.parametrize(
    ("text", "numeric", "value"),
    [("--- 42\n", True, 42), ("--- 4.5\n...\n", True, 4.5), ("", True, 0), ("--- 2026-01-01 00:00:00 Z", True, 0)],
)
def test_files_of_logstash(tmp_path, text, numeric, value):
    (tmp_path / "last").write_text(text)
    assert last_value.load(tmp_path / "last", numeric=numeric) == value


def test_times_in_files_of_logstash(tmp_path):
    path = tmp_path / "last"
    path.write_text("--- 2026-11-30 11:00:00.123456789 +01:00\n")
    found = last_value.load(path, numeric=False)
    assert found.isoformat() == "2026-11-30T10:00:00.123456+00:00"
    last_value.save(path, found)
    assert last_value.load(path, numeric=False) == found
    path.write_text("nonsense")
    with pytest.raises(StoreError, match="clean_run"):
        last_value.load(path, numeric=False)
