"""The jdbc input on SQLite, PostgreSQL and MariaDB: the last value is saved when every row has its end, not before."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from tests.harness import context, planned
from tests.servers import mariadb, postgres
from tests.servers.packages import NotHere

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server():
    try:
        with postgres.started() as running:
            yield running
    except NotHere as reason:
        pytest.skip(f"postgres: {reason}")


@pytest.fixture(scope="module")
def maria(tmp_path_factory):
    try:
        with mariadb.started(tmp_path_factory.mktemp("mariadb")) as running:
            yield running
    except NotHere as reason:
        pytest.skip(f"mariadb: {reason}")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request, tmp_path):
    """The connection string, and a function that runs SQL."""
    if request.param == "sqlite":
        url, string = f"sqlite:///{tmp_path}/rows.db", f"jdbc:sqlite:{tmp_path}/rows.db"
    elif request.param == "mariadb":
        running = request.getfixturevalue("maria")
        url, string = running.url, f"jdbc:mariadb://127.0.0.1:{running.port}/shop?user=root"
    else:
        port = request.getfixturevalue("server").port
        url = f"postgresql+psycopg://tester@127.0.0.1:{port}/postgres"
        string = f"jdbc:postgresql://127.0.0.1:{port}/postgres?user=tester"
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)

    def run(*statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    run("DROP TABLE IF EXISTS songs", "CREATE TABLE songs (id INTEGER, Name TEXT, at TIMESTAMP(6))")
    run(*(f"INSERT INTO songs VALUES ({n}, 'song {n}', '2026-01-0{n} 10:00:00')" for n in range(1, 6)))
    return string, run


def made(string, text, folder, warnings=None):
    plan = planned(f'input {{ jdbc {{ jdbc_connection_string => "{string}" {text} }} }}')
    [one] = build(plan, context(folder, warnings=warnings)).inputs
    return one.input


def rows(one, batch):
    return [event.fields for event in one.decode(batch.data, batch.origin, None)]


def read(string, text, folder):
    async def run():
        one = made(string, text, folder)
        found = []
        async with asyncio.timeout(PATIENCE):
            async for batch in one.batches():
                found += rows(one, batch)
                batch.end(1)
            await one.close()
        return found

    return asyncio.run(run())


def kept(folder) -> Path:
    return folder / "plugins/inputs/jdbc/logstash_jdbc_last_run"


TRACKED = 'statement => "SELECT * FROM songs WHERE id > :sql_last_value ORDER BY id" use_column_value => true '
TRACKED += 'tracking_column => "id" jdbc_driver_class => "org.Driver" jdbc_driver_library => "/no/such.jar"'


def test_rows_are_events_and_the_next_run_goes_on(database, tmp_path):
    string, run = database
    found = read(string, TRACKED, tmp_path)
    assert [row["id"] for row in found] == [1, 2, 3, 4, 5]
    assert found[0]["name"] == "song 1"
    assert kept(tmp_path).read_text() == "--- 5\n"
    assert read(string, TRACKED, tmp_path) == []
    run("INSERT INTO songs VALUES (9, 'new', NULL)")
    assert [row["id"] for row in read(string, TRACKED, tmp_path)] == [9]
    assert len(read(string, f"{TRACKED} clean_run => true record_last_run => false", tmp_path)) == 6
    assert kept(tmp_path).read_text() == "--- 9\n"


def test_the_last_value_is_saved_after_the_last_row_has_its_end(database, tmp_path):
    async def run():
        one = made(database[0], f"{TRACKED} jdbc_fetch_size => 2", tmp_path)
        batches = one.batches()
        taken = [await anext(batches) for _ in range(3)]
        after = asyncio.create_task(anext(batches, None))
        for batch in taken[::-1]:
            await asyncio.sleep(0.1)
            assert not kept(tmp_path).exists()
            batch.end(1)
        assert await after is None
        assert kept(tmp_path).read_text() == "--- 5\n"
        await one.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


@pytest.mark.parametrize("late", [True, False])
def test_a_stop_in_between(database, tmp_path, late):
    """What ends after the stop counts; what was not read to its end does not."""

    async def run():
        one = made(database[0], f"{TRACKED} jdbc_fetch_size => {5 if late else 2}", tmp_path)
        batches = one.batches()
        first = await anext(batches)
        if late:
            rest = asyncio.create_task(anext(batches, None))
            await asyncio.sleep(0.3)
            one.stop()
            assert await rest is None
        else:
            one.stop()
            assert await anext(batches, None) is None
        assert not kept(tmp_path).exists()
        first.end(1)
        await one.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert kept(tmp_path).exists() is late


def test_a_schedule_and_times(database, tmp_path):
    """Every second; a column with a time is tracked, and no row comes twice."""
    string, run = database
    text = 'statement => "SELECT * FROM songs WHERE at > :sql_last_value ORDER BY at" use_column_value => true '
    text += 'tracking_column => "at" tracking_column_type => "timestamp" schedule => "* * * * * *"'

    async def scenario():
        one = made(string, text, tmp_path)
        found = []
        async for batch in one.batches():
            found += rows(one, batch)
            batch.end(1)
            if len(found) == 5:
                await asyncio.to_thread(run, "INSERT INTO songs VALUES (6, 'late', '2026-02-01 00:00:00.250')")
            if len(found) >= 6:
                one.stop()
        await one.close()
        return found

    found = asyncio.run(asyncio.wait_for(scenario(), PATIENCE))
    assert [row["id"] for row in found] == [1, 2, 3, 4, 5, 6]
    if "sqlite" not in string:
        assert found[5]["at"] == "2026-02-01T00:00:00.250Z"
    assert kept(tmp_path).read_text() == "--- 2026-02-01 00:00:00.250000000 Z\n"


def test_without_a_column_it_is_the_time_of_the_run(database, tmp_path):
    text = """statement => "SELECT id FROM songs WHERE at > :sql_last_value" """
    assert len(read(database[0], text, tmp_path)) == 5
    assert read(database[0], text, tmp_path) == []


EXPLICIT = 'statement => "SELECT * FROM songs ORDER BY id LIMIT :size OFFSET :offset" jdbc_page_size => 5 '
EXPLICIT += 'jdbc_paging_mode => "explicit" jdbc_paging_enabled => true'


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (
            'statement => "SELECT * FROM songs ORDER BY id" jdbc_paging_enabled => true jdbc_page_size => 2',
            [1, 2, 3, 4, 5],
        ),
        (
            EXPLICIT,
            [1, 2, 3, 4, 5],
        ),
        ('statement => "SELECT * FROM songs WHERE name = :who" parameters => { "who" => "song 3" "other" => 1 }', [3]),
        ("""statement => "SELECT * FROM songs WHERE name <> 'a :b' AND name LIKE '%3'" """, [3]),
    ],
)
def test_statements(database, tmp_path, options, ids):
    assert [row["id"] for row in read(database[0], options, tmp_path)] == ids


PREPARED = 'use_prepared_statements => true prepared_statement_name => "n" prepared_statement_bind_values'


def test_a_prepared_statement(database, tmp_path):
    """Values by their place, twice the last one among them, as in the documentation of logstash-input-jdbc."""
    string, _ = database
    text = """statement => "SELECT * FROM songs WHERE id > ? AND id < ? + ? AND name <> ':a ?' AND name LIKE ?" """
    text += 'use_column_value => true tracking_column => "id" '
    text += f'{PREPARED} => [":sql_last_value", ":sql_last_value", 4, "song%"]'
    assert [row["id"] for row in read(string, text, tmp_path)] == [1, 2, 3]
    assert [row["id"] for row in read(string, text, tmp_path)] == [4, 5]


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
def test_times_are_compared_in_the_zone_that_they_are_read_in(server, tmp_path, kind):
    """To the microsecond, whatever the session's zone is: the spec of logstash-integration-jdbc has sub-seconds too."""
    string = f"jdbc:postgresql://127.0.0.1:{server.port}/postgres?user=tester"
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://tester@127.0.0.1:{server.port}/postgres")
    text = 'jdbc_default_timezone => "America/Chicago" statement => "SELECT at FROM zoned WHERE at > :sql_last_value" '
    text += 'use_column_value => true tracking_column => "at" tracking_column_type => "timestamp"'

    def add(time):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(f"INSERT INTO zoned VALUES ('2026-01-01 {time}')"))

    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(f"DROP TABLE IF EXISTS zoned; CREATE TABLE zoned (at {kind})"))
    offset = "-06" if kind == "timestamptz" else ""
    add(f"10:00:00.123456{offset}")
    assert [row["at"] for row in read(string, text, tmp_path)] == ["2026-01-01T16:00:00.123456Z"]
    assert read(string, text, tmp_path) == []
    add(f"10:00:00.123457{offset}")
    assert len(read(string, text, tmp_path)) == 1
    engine.dispose()


def test_without_a_zone_times_are_the_machines(database, tmp_path, monkeypatch):
    """`jdbc_default_timezone` stands "instead of" that of the local machine, as its documentation says."""
    monkeypatch.setenv("TZ", "America/Chicago")
    text = 'statement => "SELECT at FROM songs WHERE id = 1"'
    found = read(database[0], text, tmp_path)[0]["at"]
    assert found == ("2026-01-01 10:00:00" if "sqlite" in database[0] else "2026-01-01T16:00:00.000Z")


def test_names_targets_and_files(database, tmp_path):
    (tmp_path / "query.sql").write_text('SELECT id AS "Id" FROM songs WHERE id = 1\n')
    text = f'statement_filepath => "{tmp_path}/query.sql"'
    assert read(database[0], text, tmp_path)[0]["id"] == 1
    assert read(database[0], f"{text} lowercase_column_names => false", tmp_path)[0]["Id"] == 1
    assert read(database[0], f'{text} target => "[row]"', tmp_path)[0]["row"] == {"id": 1}


def today(clock):
    """What a time of day is for Sequel: one of today, by the machine's calendar, as if its clock were UTC's."""
    return f"{datetime.now().astimezone():%Y-%m-%d}T{clock}Z"


def test_types_of_postgresql(server, tmp_path, monkeypatch):
    """A date is midnight of the machine, whatever `jdbc_default_timezone` (logstash-integration-jdbc issue 39)."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    statement = """SELECT 1.5::numeric AS n, 7::numeric AS i, 10::numeric(5, 2) AS m, 'NaN'::numeric AS q,
        true AS b, NULL AS z, '[1]'::jsonb AS j,
        '2026-01-02 03:04:05'::timestamp AS t, '2026-01-02 03:04:05+02'::timestamptz AS tz, '2026-01-02'::date AS d,
        'x'::bytea AS y, ARRAY[1, 2] AS l, '10:11:12.123456'::time AS c, '0001-01-01'::date AS o"""
    string = f"jdbc:postgresql://127.0.0.1:{server.port}/postgres"
    text = f"jdbc_user => 'tester' jdbc_default_timezone => 'Europe/Paris' statement => \"{statement}\""
    [row] = read(string, text, tmp_path)
    del row["@timestamp"], row["@version"]
    assert type(row["m"]) is float
    assert row == {
        "n": 1.5,
        "i": 7,
        "m": 10.0,
        "q": None,
        "b": True,
        "z": None,
        "j": [1],
        "t": "2026-01-02T02:04:05.000Z",
        "tz": "2026-01-02T01:04:05.000Z",
        "d": "2026-01-01T15:00:00.000Z",
        "y": "x",
        "l": [1, 2],
        "c": today("10:11:12.123"),
        "o": "0001-01-01",
    }


KINDS = """CREATE OR REPLACE TABLE kinds (t TINYINT(1), f TINYINT(1), n TINYINT, b BIT(1), y YEAR, z YEAR, c TIME(3),
    d TIME, e TIME, u BIGINT UNSIGNED, m DECIMAL(5, 2), j JSON, s SET('x', 'y'), a DATETIME(6), x TINYINT(1))"""
ROW = """INSERT INTO kinds VALUES (2, 0, 1, 0, 2026, 0, '10:11:12.123', '30:00:01', '-00:00:01', 18446744073709551615,
    10, '[1]', 'x,y', '2026-01-02 03:04:05.123456', NULL)"""


@pytest.mark.parametrize("switched", [False, True])
def test_types_of_mariadb(maria, tmp_path, monkeypatch, switched):
    """Connector/J's table of types: TINYINT(1) and BIT(1) are booleans, a YEAR is its first day, by default.

    Logstash's users meet it: logstash-input-jdbc issue 195, where `tinyInt1isBit=false` is the answer.
    """
    monkeypatch.setenv("TZ", "UTC")
    engine = sqlalchemy.create_engine(maria.url, poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        for statement in (KINDS, ROW):
            connection.execute(sqlalchemy.text(statement))
    string = f"jdbc:mysql://127.0.0.1:{maria.port}/shop?useSSL=false"
    string += "&tinyInt1isBit=false&yearIsDateType=false" if switched else ""
    text = "jdbc_user => root jdbc_default_timezone => 'Europe/Paris' statement => 'SELECT * FROM kinds'"
    [row] = read(string, text, tmp_path)
    expected = {
        "n": 1,
        "b": False,
        "c": today("10:11:12.123"),
        "d": "30:00:01",
        "e": "-00:00:01",
        "j": "[1]",
        "s": "x,y",
    }
    expected |= {"u": 18446744073709551615, "m": 10.0, "a": "2026-01-02T02:04:05.123456Z", "x": None}
    java = {"t": True, "f": False, "y": "2026-01-01T00:00:00.000Z", "z": None}
    expected |= {"t": 2, "f": 0, "y": 2026, "z": 0} if switched else java
    assert {name: row[name] for name in expected} == expected
    assert {type(row["t"]), type(row["f"])} == ({int} if switched else {bool})
    assert type(row["m"]) is float


def test_a_run_that_fails_is_done_again(database, tmp_path, caplog):
    string, run = database
    run("ALTER TABLE songs RENAME TO hidden")

    async def scenario():
        one = made(string, TRACKED, tmp_path)
        batches = one.batches()
        first = asyncio.create_task(anext(batches))
        while "songs" not in caplog.text:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(run, "ALTER TABLE hidden RENAME TO songs")
        batch = await first
        batch.end(5)
        assert await anext(batches, None) is None
        await one.close()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))
    assert kept(tmp_path).read_text() == "--- 5\n"


@pytest.mark.parametrize(
    ("string", "text", "said"),
    [
        ("jdbc:sqlite:x", "", "one of them"),
        ("jdbc:sqlite:x", 'statement => "s" use_column_value => true', "tracking_column"),
        ("jdbc:db2://h/n", 'statement => "s"', "not known here"),
        ("jdbc:oracle:thin:@h:1:s", 'statement => "s"', "pip install oracledb"),
        ("jdbc:sqlite:x", 'statement => "s" use_prepared_statements => true', "prepared_statement_name"),
        ("jdbc:sqlite:x", f'statement => "a ? ?" {PREPARED} => [1]', "2 of .*, and .* 1 values"),
        ("jdbc:sqlite:x", f'statement => "?" jdbc_paging_enabled => true {PREPARED} => [1]', "LIMIT"),
        ("jdbc:sqlite:x", 'statement => "s" schedule => "soon"', "no schedule"),
        ("jdbc:sqlite:x", 'statement => "s" jdbc_default_timezone => "Mars"', "time zone"),
    ],
)
def test_faults(tmp_path, string, text, said):
    with pytest.raises(ConfigurationError, match=said):
        made(string, text, tmp_path)
