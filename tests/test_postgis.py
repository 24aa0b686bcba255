"""Rows in PostgreSQL: stored whole or not at all, read while they are replaced, and tables that are there already."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
import shapely

from poles.cli import main
from poles.dataset import Dataset, Facts, Text
from poles.errors import Busy, PolesError, Unreadable
from poles.parse.filter import parsed
from poles.query import Box, Interval, Moment, Page, Query
from poles.rows.arranged import answered, columns_of
from poles.rows.arranged import stored as as_stored
from poles.rows.items import items
from poles.rows.shelf import store_of
from poles.stores import Statement, connections, postgis, registry, there
from poles.stores.connections import pool
from poles.stores.filters import kinds_of
from poles.stores.layout import Contents, Layout

FACTS = Facts("", "features", (), None, None)


def contents(geometry: list[Any], crs: str = "EPSG:2154", **columns: pa.Array) -> Contents:
    """Rows as they are given to a store: ids `a0`, `a1`, …"""
    table = pa.table(columns)
    listed = columns_of(table.schema)
    shapes = np.array([None if g is None else shapely.from_wkt(g) for g in geometry], object)
    rows = {
        "_row": pa.array(range(len(geometry))),
        "id": pa.array([f"a{i}" for i in range(len(geometry))]),
        **{c.stored: as_stored(table[c.name]) for c in listed},
        "geometry": pa.array([None if s is None else s.wkb for s in shapes], pa.binary()),
    }
    layout = Layout(listed, answered(table.schema), len(geometry), crs, (0.0, 0.0, 9.0, 9.0), box=None)
    return Contents(FACTS, layout, pa.table(rows))


def numbers(count: int = 3, first: int = 0) -> Contents:
    """Rows whose `n` counts on from a first number."""
    return contents([f"POINT({i} {i})" for i in range(count)], n=pa.array(range(first, first + count)))


def dataset(source: str, store: str | None = None, **known: Any) -> Dataset:
    text = Text("rows", "lignes")
    return Dataset("rows", text, text, source=(source,), store=store, **known)


def every(store: Any, query: Query | None = None) -> pa.Table:
    """The items of a store."""
    table = items(store, dataset(""), query or Query(verb="items"))
    return pa.Table.from_batches(table.batches(), table.schema)


def looked(url: str, key: str) -> Any:
    """The version that is there at this moment, whatever was believed before."""
    registry._known.clear()
    return postgis.current(url, key)


@pytest.fixture
def url(postgres: Any) -> str:
    """The database of the tests, empty."""
    registry._known.clear()
    there._known.clear()
    connections._pools.clear()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = error; DROP SCHEMA IF EXISTS poles, sea CASCADE")
    return str(postgres.url)


@pytest.fixture
def run(url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Runs SQL beside the server."""
    with psycopg.connect(url, autocommit=True) as connection:

        def asked(text: str) -> list[tuple[Any, ...]]:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

        yield asked


# --- stored and read -------------------------------------------------------------------------------------------------


def test_every_value_comes_back_as_it_was(url: str) -> None:
    stamps = pa.array([datetime(2020, 2, 29, 12, 30, 15, 250000, UTC), None, datetime(1, 1, 1, tzinfo=UTC), None])
    columns: dict[str, pa.Array] = {
        "text": pa.array(["", None, 'say "é", \\N\r\n', "x" * 100_000]),
        "float64": pa.array([0.0, None, 5e-324, -1.7976931348623157e308]),
        "float32": pa.array([0.1, None, 0.0, 16777216.0], pa.float32()),
        "int8": pa.array([0, None, -128, 127], pa.int8()),
        "int64": pa.array([0, None, -(2**63), 2**63 - 1]),
        "uint64": pa.array([0, None, 1, 2**64 - 1], pa.uint64()),
        "truth": pa.array([False, None, True, False]),
        "stamp": stamps.cast(pa.timestamp("ms", "UTC")),
        "day": pa.array([date(1, 1, 1), None, date(2020, 2, 29), date(9999, 12, 31)]),
        "list": pa.array([[1, None], None, [], [3]]),
        "raw": pa.array([b"\0\xff", None, b"", b"x"]),
        "Text": pa.array(["differs by case alone", None, "b", "c"]),
        "_row": pa.array([0, 1, None, 3]),
        "nothing": pa.nulls(4),
    }
    given = contents(["POINT(1 2)", None, "POINT EMPTY", "POINT(0 0)"], **columns)
    postgis.write(url, "k", "1", given)
    found = every(looked(url, "k"), Query(verb="items", crs_out="native"))
    for name, column in columns.items():
        assert found[name].to_pylist() == column.to_pylist(), name
    assert found["id"].to_pylist() == ["a0", "a1", "a2", "a3"]
    assert found["geometry"].to_pylist()[:2] == [shapely.Point(1, 2).wkb, None]


def test_objects_are_stored_as_json(url: str) -> None:
    objects = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', None], pa.string()))
    postgis.write(url, "k", "1", contents([None, None], o=objects))
    assert every(looked(url, "k"))["o"].to_pylist() == ['{"a": 1}', None]


@pytest.mark.parametrize("box", [Box(2, 2, 2, 2), Box(2, 1, 2, 3), Box(1, 2, 9, 2)])
def test_a_box_without_extent_finds_what_it_touches(url: str, box: Box) -> None:
    around, away = "POLYGON((1 1,5 1,5 5,1 5,1 1))", "POLYGON((6 6,7 6,7 7,6 7,6 6))"
    postgis.write(url, "k", "1", contents([around, away], "OGC:CRS84"))
    assert every(looked(url, "k"), Query(verb="items", where=box))["id"].to_pylist() == ["a0"]


def test_years_before_the_first_are_missing(url: str, run: Any) -> None:
    ms = pa.array([-80_000_000_000_000, 0]).cast(pa.timestamp("ms", "UTC"))
    postgis.write(url, "k", "1", contents([None, None], t=ms, d=pa.array([-800_000, 0], pa.int32()).cast(pa.date32())))
    store = looked(url, "k")
    found = next(store.batches(Statement('SELECT "t", "d" FROM ' + store.dialect.table(store.layout), ())))
    assert found["t"].cast(pa.int64()).to_pylist() == [None, 0]
    assert found["d"].cast(pa.int32()).to_pylist() == [None, 0]


def test_nan_is_absent(url: str, run: Any) -> None:
    given = contents(["POINT(0 0)"] * 2, v=pa.array([1.0, 2.0]))
    rows = given.rows.set_column(given.rows.column_names.index("v"), "v", pa.array([float("nan"), 0.0]))
    postgis.write(url, "k", "1", replace(given, rows=rows))
    assert every(looked(url, "k"))["v"].to_pylist() == [None, 0.0]


def test_characters_that_postgresql_cannot_hold_are_left_out_and_told(url: str) -> None:
    postgis.write(url, "k", "1", contents(["POINT(0 0)"], name=pa.array(["a\0b"])))
    store = looked(url, "k")
    assert every(store)["name"].to_pylist() == ["ab"]
    assert store.facts.mended == ("name: NUL characters are left out of its texts",)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (["POLYGON((0 0,1 0,1 1,0 0))"], "geometry(Polygon,2154)"),
        (["POINT Z(1 2 3)", None], "geometry(PointZ,2154)"),
        (["POINT(1 2)", "LINESTRING(0 0,1 1)"], "geometry(Geometry,2154)"),
        (["POINT(1 2)", "POINT Z(1 2 3)"], "geometry"),
        ([None, None], "geometry(Geometry,2154)"),
    ],
)
def test_geometries_have_the_narrowest_type_and_their_srid(
    url: str, run: Any, shapes: list[str | None], kind: str
) -> None:
    postgis.write(url, "k", "1", contents(shapes))
    table = looked(url, "k").layout.table
    found = run(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'geometry' "
        f"AND attrelid = '{table[0]}.\"{table[1]}\"'::regclass"
    )
    assert found == [(kind,)]
    assert {r[0] for r in run(f'SELECT ST_SRID(geometry) FROM {table[0]}."{table[1]}"')} <= {2154, None}
    there_ = every(looked(url, "k"), Query(verb="items", crs_out="native"))["geometry"].to_pylist()
    assert [None if g is None else shapely.from_wkb(g).wkt for g in there_] == [
        None if s is None else shapely.from_wkt(s).wkt for s in shapes
    ]


def test_published_tables_have_their_indexes(url: str, run: Any, tmp_path: Path) -> None:
    store = store_of(dataset(str(_places(tmp_path)), url), "features")
    found = [row[0] for row in run(f"SELECT indexdef FROM pg_indexes WHERE tablename = '{store.layout.table[1]}'")]
    assert [sum(word in i for i in found) for word in ("(_row)", "(id)", "gist (geometry)", "(t)")] == [1, 1, 1, 1]


def test_samples_of_a_platform_are_found_by_its_name(url: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("station,lon,lat,time,tide\nbrest,-4.5,48.4,2020-01-01T00:00:00Z,1\n")
    store = store_of(dataset(str(tmp_path / "s.csv"), url), "observations")
    found = [row[0] for row in run(f"SELECT indexdef FROM pg_indexes WHERE tablename = '{store.layout.table[1]}'")]
    assert any('brin (platform COLLATE "C")' in i for i in found)


# --- replaced --------------------------------------------------------------------------------------------------------


def test_a_version_takes_the_place_of_that_before(url: str) -> None:
    postgis.write(url, "k", "1", numbers())
    postgis.write(url, "other", "1", numbers(1))
    postgis.write(url, "k", "2", numbers(first=10))
    assert every(looked(url, "k"))["n"].to_pylist() == [10, 11, 12]
    assert (looked(url, "k").version, looked(url, "other").version) == ("2", "1")
    assert looked(url, "none") is None


def test_a_database_in_which_nothing_was_stored_has_none(url: str) -> None:
    assert looked(url, "k") is None
    postgis.forget(url, "k")


def test_a_stream_goes_on_while_its_table_is_replaced(url: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from poles.stores import loading

    monkeypatch.setattr(loading, "_GRACE", timedelta(0))
    postgis.write(url, "k", "1", numbers(5_000))
    stream = items(looked(url, "k"), dataset(""), Query(verb="items")).batches()
    read = [next(stream)]
    for version in ("2", "3", "4"):
        postgis.write(url, "k", version, numbers(2))
    assert len(run("SELECT * FROM poles.versions WHERE key = 'k'")) == 3  # that of the stream, the last, that before
    read += list(stream)
    assert pa.Table.from_batches(read)["n"].to_pylist() == list(range(5_000))
    postgis.write(url, "k", "5", numbers(1))
    kept = [r[0] for r in run("SELECT version FROM poles.versions WHERE key = 'k' ORDER BY number")]
    tables = run("SELECT count(*) FROM pg_tables WHERE schemaname = 'poles' AND tablename <> 'versions'")
    assert (kept, tables) == (["4", "5"], [(2,)])


def test_a_version_just_replaced_stays_for_those_who_found_it(url: str) -> None:
    postgis.write(url, "k", "1", numbers())
    found = looked(url, "k")
    for version in ("2", "3", "4"):
        postgis.write(url, "k", version, numbers(1))
    assert every(found)["n"].to_pylist() == [0, 1, 2]


def test_nothing_remains_of_what_fails(url: str, run: Any) -> None:
    given = numbers()
    rows = given.rows.set_column(given.rows.column_names.index("geometry"), "geometry", pa.array([b"\1\1\0\0\0x"] * 3))
    with pytest.raises(Unreadable, match="does not take a value") as refused:
        postgis.write(url, "k", "1", replace(given, rows=rows))
    assert "s3cret" not in str(refused.value)
    assert run("SELECT 1 FROM pg_namespace WHERE nspname = 'poles'") == []
    postgis.write(url, "k", "1", numbers())
    with pytest.raises(Unreadable):
        postgis.write(url, "k", "2", replace(given, rows=rows))
    assert looked(url, "k").version == "1"
    assert len(run("SELECT 1 FROM pg_tables WHERE schemaname = 'poles'")) == 2


def test_ids_that_are_there_twice_are_refused(url: str) -> None:
    given = numbers(2)
    rows = given.rows.set_column(given.rows.column_names.index("id"), "id", pa.array(["same", "same"]))
    with pytest.raises(Unreadable, match="does not take a value"):
        postgis.write(url, "k", "1", replace(given, rows=rows))


def test_forgotten_data_leave_no_table(url: str, run: Any) -> None:
    postgis.write(url, "k", "1", numbers())
    postgis.write(url, "k", "2", numbers())
    postgis.forget(url, "k")
    assert run("SELECT tablename::text FROM pg_tables WHERE schemaname = 'poles'") == [("versions",)]
    assert looked(url, "k") is None


def test_one_of_several_publishers_reads_the_source(url: str) -> None:
    made: list[int] = []

    def slowly() -> Contents:
        made.append(1)
        time.sleep(0.2)
        return numbers()

    with ThreadPoolExecutor(4) as publishers:
        found = list(publishers.map(lambda _: postgis.stored(url, "k", "1", slowly), range(4)))
    assert len(made) == 1
    assert {s.version for s in found} == {"1"}


def test_many_publishers_and_readers_never_meet_half_a_version(url: str) -> None:
    postgis.write(url, "k", "0", numbers(50))
    done, wrong = threading.Event(), []

    def reading() -> None:
        while not done.is_set():
            found = every(looked(url, "k"))["n"].to_pylist()
            if len(found) != 50 or found[-1] - found[0] != 49:
                wrong.append(found)

    with ThreadPoolExecutor(4) as both:
        readers = [both.submit(reading) for _ in range(2)]
        list(both.map(lambda v: postgis.write(url, "k", str(v), numbers(50, v)), range(1, 11)))
        done.set()
        for reader in readers:
            reader.result()
    assert wrong == []


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_lost_connection_heals(url: str, postgres: Any) -> None:
    postgis.write(url, "k", "1", numbers())
    store = looked(url, "k")
    assert every(store)["n"].to_pylist() == [0, 1, 2]
    with psycopg.connect(postgres.at("postgres"), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert every(store, Query(verb="items", page=Page(10)))["n"].to_pylist() == [0, 1, 2]


def test_a_server_that_was_away_is_asked_at_once_when_it_is_back(url: str, postgres: Any) -> None:
    postgis.write(url, "k", "1", numbers())
    store = looked(url, "k")
    streams = [items(store, dataset(""), Query(verb="items")).batches() for _ in range(3)]
    for stream in streams:
        next(stream)
    for stream in streams:
        stream.close()
    postgres.stop()
    try:
        with pytest.raises(Unreadable, match="does not answer") as refused:
            every(store)
        assert refused.value.public == "data: the database does not answer; ask again later, or check that it runs"
        assert "s3cret" not in str(refused.value)
    finally:
        postgres.start()
    for page in (Page(10), Page()):
        assert every(store, Query(verb="items", page=page))["n"].to_pylist() == [0, 1, 2]


def test_a_stream_that_is_left_gives_its_connection_back(url: str) -> None:
    postgis.write(url, "k", "1", numbers(5_000))
    store = looked(url, "k")
    for _ in range(3 * 12):
        stream = items(store, dataset(""), Query(verb="items")).batches()
        assert next(stream).num_rows < 5_000
        stream.close()
    assert len(pool(url)._idle) == 1


def test_a_stream_that_breaks_breaks_the_answer(url: str, postgres: Any) -> None:
    postgis.write(url, "k", "1", numbers(5_000))
    stream = items(looked(url, "k"), dataset(""), Query(verb="items")).batches()
    next(stream)
    with psycopg.connect(postgres.at("postgres"), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(Unreadable, match="does not answer"):
        list(stream)


def test_where_all_connections_are_in_use_it_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_WAIT_S", 0.05)
    monkeypatch.setenv("POLES_THREADS", "1")
    postgis.write(url, "k", "1", numbers(5_000))
    store = looked(url, "k")
    streams = [items(store, dataset(""), Query(verb="items")).batches() for _ in range(6)]
    for stream in streams[:5]:
        next(stream)
    with pytest.raises(Busy, match="in use"):
        next(streams[5])
    for stream in streams:
        stream.close()
    assert len(every(store)) == 5_000


def test_a_question_that_takes_too_long_is_cut(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_PG_TIMEOUT_S", "0.1")
    postgis.write(url, "k", "1", numbers())
    store = looked(url, "k")
    with pytest.raises(Unreadable, match=r"longer than 0\.1 s"):
        store.first(Statement("SELECT pg_sleep(5)", ()))
    assert len(every(store)) == 3


def test_a_session_that_reads_cannot_write(url: str) -> None:
    postgis.write(url, "k", "1", numbers())
    with pytest.raises(PolesError, match="does not allow"):
        looked(url, "k").first(Statement("DELETE FROM poles.versions RETURNING 1", ()))


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://poles:hidden@127.0.0.1:1/poles",
        "postgresql://poles:hidden@127.0.0.1:{port}/poles",
        "postgresql://poles:s3cret@127.0.0.1:{port}/nowhere",
        "postgresql://poles:hidden@[127/poles",
        "postgresql://poles@127.0.0.1:{port}/poles?password=hidden",
    ],
)
def test_no_error_tells_a_password(postgres: Any, wrong: str) -> None:
    with pytest.raises(PolesError) as refused:
        postgis.current(wrong.format(port=postgres.port), "k")
    told = str(refused.value) + repr(refused.value.__cause__) + refused.value.public
    assert "hidden" not in told
    assert "s3cret" not in told


def test_a_process_that_forks_does_not_share_its_connections(url: str) -> None:
    postgis.write(url, "k", "1", numbers())
    store = looked(url, "k")
    every(store)
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            failed = int(every(store)["n"].to_pylist() != [0, 1, 2])
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
    assert every(store)["n"].to_pylist() == [0, 1, 2]


def test_how_many_rows_there_are_is_told_without_reading_them(url: str, run: Any) -> None:
    postgis.write(url, "k", "1", numbers(5_000))
    store = looked(url, "k")
    table = store.dialect.table(store.layout)
    assert store.estimated(Statement(f"SELECT id FROM {table} WHERE n < $1", (2_500,))) == pytest.approx(2_500, rel=0.1)


def test_no_command_tells_a_password(
    ships: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path))
    monkeypatch.delenv("POLES_CONFIG", raising=False)
    for command in (
        ["inspect", ships],
        ["inspect", ships, "--json"],
        ["publish", ships, "--json"],
        ["check", "--open"],
    ):
        assert main(command) == 0
    assert main(["inspect", ships.replace("Ships", "none")]) == 2
    told = capsys.readouterr()
    assert "s3cret" not in told.out + told.err
    assert "sea.Ships" in told.out


# --- both stores -----------------------------------------------------------------------------------------------------


def _places(folder: Path) -> Path:
    """Forty places with a time each; some values are missing, one geometry is."""
    features = [
        {
            "type": "Feature",
            "id": f"p{i}",
            "properties": {
                "name": None if i == 3 else f"{'éaZ'[i % 3]}{i % 7}",
                "height": None if i == 5 else i * 1.5 - 10,
                "count": i % 4,
                "t": f"2020-01-{i % 28 + 1:02}T{i % 24:02}:00:00Z",
            },
            "geometry": None if i == 7 else {"type": "Point", "coordinates": [i * 9 - 180, i * 4 - 80]},
        }
        for i in range(40)
    ]
    path = folder / "places.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def _areas(folder: Path) -> Path:
    """Squares, one beside the other."""
    features = [
        {
            "type": "Feature",
            "properties": {"n": i},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[i, 0], [i + 1, 0], [i + 1, 1], [i, 1], [i, 0]]],
            },
        }
        for i in range(12)
    ]
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


DAY = Interval(Moment((2020, 1, 3)), Moment((2020, 1, 4)))
QUESTIONS = {
    "all": Query(verb="items"),
    "page": Query(verb="items", page=Page(7, 5)),
    "last page": Query(verb="items", page=Page(7, 38)),
    "beyond": Query(verb="items", page=Page(7, 400)),
    "box": Query(verb="items", where=Box(-100, -50, 0.0, 9)),
    "edge": Query(verb="items", where=Box(3, 0.5, 5, 0.5)),
    "box across": Query(verb="items", where=Box(150, -90, -150, 90)),
    "box of metres": Query(verb="items", where=Box(0, 0, 1_113_194.9, 6e6), crs="EPSG:3857"),
    "ids": Query(verb="items", ids=("p3", "p30", "1", "nope", "x'y")),
    "answer elsewhere": Query(verb="items", page=Page(3), crs_out="EPSG:3857"),
}
OF_PLACES = {
    "when": Query(verb="items", when=(DAY,)),
    "sorted": Query(verb="items", sort=(("name", True), ("height", False))),
    "sorted by time": Query(verb="items", sort=(("t", False),), page=Page(5, 3)),
    "sorted by id": Query(verb="items", sort=(("id", False),)),
    "when and where": Query(verb="items", when=(DAY,), where=Box(-180, -90, 0, 90), page=Page(2)),
    "some properties": Query(verb="items", parameters=("t",), geometry=False),
}


@pytest.fixture(scope="module")
def pairs(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each source in both stores."""
    folder = tmp_path_factory.mktemp("pairs")
    url = postgres.database("pairs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLES_STATE", str(folder / "state"))
        yield {
            name: [store_of(dataset(str(path), store), "features") for store in (None, url)]
            for name, path in (("places", _places(folder)), ("areas", _areas(folder)))
        }


@pytest.mark.parametrize(
    ("of", "question"),
    [*(("places", n) for n in (*QUESTIONS, *OF_PLACES)), *(("areas", n) for n in QUESTIONS)],
)
def test_both_stores_give_the_same_answer(pairs: Any, of: str, question: str) -> None:
    query = {**QUESTIONS, **OF_PLACES}[question]
    one, other = (items(s, dataset(""), query) for s in pairs[of])
    expected = pa.Table.from_batches(one.batches(), one.schema)
    found = pa.Table.from_batches(other.batches(), other.schema)
    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()
    assert (one.matched, one.crs) == (other.matched, other.crs)


def test_a_box_is_exact_though_the_index_is_of_32_bits(url: str, tmp_path: Path) -> None:
    path = tmp_path / "near.csv"
    path.write_text("lon,lat,v\n0.1,45,1\n0.1000000001,45,2\n")
    store = store_of(dataset(str(path), url), "features")
    assert every(store, Query(verb="items", where=Box(0.10000000005, 0, 1, 90)))["v"].to_pylist() == [2]


def test_both_stores_tell_the_same_of_the_data(pairs: Any) -> None:
    for one, other in pairs.values():
        assert one.facts == other.facts
        assert replace(one.layout, table=()) == replace(other.layout, table=())


# --- tables that are there already -----------------------------------------------------------------------------------

SHIPS = """
CREATE SCHEMA sea;
CREATE TYPE sea.mood AS ENUM ('calm', 'wild');
CREATE TABLE sea."Ships" (
    gid serial PRIMARY KEY, "Name" varchar(20), i2 int2, f4 float4, f8 float8, nu numeric(10,3), ok bool, d date,
    tz timestamptz, tm time, u uuid, j jsonb, ia int[], fa float8[], m sea.mood, b bytea, ip inet, id text, _odd int,
    geom geometry(Point, 4326)
);
COMMENT ON COLUMN sea."Ships".f8 IS 'Draught';
INSERT INTO sea."Ships" ("Name", i2, f4, f8, nu, ok, d, tz, tm, u, j, ia, fa, m, b, ip, id, _odd, geom)
SELECT 'ship ' || i, i, 0.5, 'nan', 1.125, i > 1, date '2020-01-01' + i,
    timestamptz '2020-01-01 12:00+02' + i * interval '1 day', '12:30',
    ('00000000-0000-0000-0000-00000000000' || i)::uuid, '{"a": [1]}', ARRAY[i, NULL], ARRAY['nan', 0.5], 'wild',
    '\\x00ff', '10.0.0.1', 'own', i, ST_SetSRID(ST_MakePoint(i, 40 + i), 4326)
FROM generate_series(1, 5) i;
INSERT INTO sea."Ships" ("Name") VALUES (NULL);
"""


@pytest.fixture
def ships(url: str, run: Any) -> str:
    """The URL of a table of others."""
    run(SHIPS)
    return f"{url}?table=sea.Ships"


def test_a_table_of_others_is_served_as_it_is(ships: str) -> None:
    store = postgis.foreign(ships)
    row = every(store).to_pylist()[0]
    place = row.pop("geometry")
    assert shapely.from_wkb(place).wkt == "POINT (1 41)"
    assert row == {
        "id": "1", "Name": "ship 1", "i2": 1, "f4": 0.5, "f8": None, "nu": 1.125, "ok": False, "d": date(2020, 1, 2),
        "tz": datetime(2020, 1, 2, 10, tzinfo=UTC), "tm": "12:30:00", "u": "00000000-0000-0000-0000-000000000001",
        "j": '{"a": [1]}', "ia": [1, None], "fa": [None, 0.5], "m": "wild", "b": b"\x00\xff", "ip": "10.0.0.1/32",
        "id_": "own", "_odd": 1,
    }  # fmt: skip
    empty = every(store).to_pylist()[-1]
    assert {k: v for k, v in empty.items() if v is not None} == {"id": "6"}


def test_what_is_told_of_a_table_of_others(ships: str) -> None:
    facts = postgis.foreign(ships).facts
    assert (facts.bbox, facts.count, facts.feature_type) == ((1.0, 41.0, 5.0, 45.0), 6, "Point")
    assert {p.key: p.dtype for p in facts.parameters if p.key in ("Name", "i2", "f8", "ok", "d", "tz", "j")} == {
        "Name": "string", "i2": "integer", "f8": "float", "ok": "boolean", "d": "date",
        "tz": "datetime", "j": "object",
    }  # fmt: skip
    told = next(p.description for p in facts.parameters if p.key == "f8")
    assert told is not None
    assert told.en == "Draught"
    assert postgis.foreign(ships, {"time": "tz"}).facts.interval == ("2020-01-02T10:00:00Z", "2020-01-06T10:00:00Z")


def test_the_extent_of_a_table_of_others_is_told_as_its_rows_are(ships: str, run: Any) -> None:
    run("""UPDATE sea."Ships" SET tz = '1356-10-18 21:00Z', d = '0001-01-01' WHERE gid = 1""")
    assert postgis.foreign(ships, {"time": "tz"}).facts.interval == ("1356-10-18T21:00:00Z", "2020-01-06T10:00:00Z")
    assert postgis.foreign(ships, {"time": "d"}).facts.interval == ("0001-01-01T00:00:00Z", "2020-01-06T23:59:59.999Z")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(verb="items", ids=("3", "03", "x", "99999999999999999999")), ["3"]),
        (Query(verb="items", where=Box(1.5, 0, 3.0, 90)), ["2", "3"]),
        (Query(verb="items", when=(DAY,)), ["2", "3", "6"]),
        (Query(verb="items", page=Page(2, 1)), ["2", "3"]),
        (Query(verb="items", sort=(("i2", False),), page=Page(2)), ["5", "4"]),
        (Query(verb="items", sort=(("id", False),), page=Page(2)), ["6", "5"]),
        (Query(verb="items", sort=(("_odd", False),), page=Page(1)), ["5"]),
    ],
)
def test_a_table_of_others_is_asked_like_any_other(ships: str, query: Query, expected: list[str]) -> None:
    assert every(postgis.foreign(ships, {"time": "tz"}), query)["id"].to_pylist() == expected


def test_rows_that_others_write_are_there_at_once_and_change_the_version(
    ships: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = postgis.foreign(ships)
    run("""INSERT INTO sea."Ships" ("Name", geom) VALUES ('far', ST_SetSRID(ST_MakePoint(-100, -60), 4326))""")
    assert every(before, Query(verb="items", where=Box(-101, -61, -99, -59)))["Name"].to_pylist() == ["far"]
    monkeypatch.setattr(there, "CHECKED_S", 0.0)
    after = postgis.foreign(ships)
    assert after.version != before.version
    assert (after.facts.count, after.facts.bbox) == (7, (-100.0, -60.0, 5.0, 45.0))
    assert postgis.foreign(ships) is after


def test_a_column_that_others_add_is_there(ships: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    postgis.foreign(ships)
    run("ALTER TABLE sea.\"Ships\" ADD COLUMN flag text DEFAULT 'fr', DROP COLUMN u")
    monkeypatch.setattr(there, "CHECKED_S", 0.0)
    found = every(postgis.foreign(ships))
    assert found["flag"].to_pylist()[0] == "fr"
    assert "u" not in found.column_names


OTHERS = """
CREATE VIEW sea.calm AS SELECT gid AS fid, d, ST_Transform(geom, 2154) AS g FROM sea."Ships" WHERE gid < 3;
CREATE MATERIALIZED VIEW sea.kept AS SELECT gid AS number, geom FROM sea."Ships";
CREATE UNIQUE INDEX ON sea.kept (number);
CREATE TABLE sea.pair (a int, b text, g geometry, PRIMARY KEY (a, b));
INSERT INTO sea.pair VALUES (1, 'x', ST_SetSRID(ST_MakePoint(600000, 6500000, 5), 2154)), (1, 'y', NULL);
CREATE TABLE sea.uu (u uuid PRIMARY KEY, place geography(Polygon));
INSERT INTO sea.uu VALUES ('0000000a-0000-0000-0000-000000000001', ST_Buffer(ST_MakePoint(2, 45)::geography, 1000));
CREATE TABLE sea.plain (v int, g geometry(Point, 4326));
INSERT INTO sea.plain VALUES (1, NULL), (1, NULL);
CREATE TABLE sea.lists (id int, v int);
CREATE TABLE sea.divided (id int PRIMARY KEY, g geometry(LineString, 3035)) PARTITION BY RANGE (id);
CREATE TABLE sea.piece PARTITION OF sea.divided FOR VALUES FROM (0) TO (10);
INSERT INTO sea.divided VALUES (4, ST_GeomFromText('LINESTRING(4321000 3210000, 4322000 3211000)', 3035));
CREATE TABLE sea.nowhere (id int PRIMARY KEY, g geometry(Point));
INSERT INTO sea.nowhere VALUES (1, ST_MakePoint(600000, 6500000));
CREATE TABLE sea.curved (id int PRIMARY KEY, g geometry(CompoundCurve, 2154), h geometry(PointZM, 2154));
INSERT INTO sea.curved VALUES (1, 'SRID=2154;COMPOUNDCURVE((0 0, 1 1))', 'SRID=2154;POINT ZM(1 2 3 4)');
"""


@pytest.mark.parametrize(
    ("table", "names", "ids", "crs", "kind"),
    [
        ("sea.calm", {}, ["1", "2"], "EPSG/0/2154", "POINT"),
        ("sea.kept", {}, ["1", "2", "3", "4", "5", "6"], "OGC/1.3/CRS84", "POINT"),
        ("sea.pair", {}, ["1-x", "1-y"], "EPSG/0/2154", "POINT Z"),
        ("sea.pair", {"id": "b"}, ["x", "y"], "EPSG/0/2154", "POINT Z"),
        ("sea.uu", {}, ["0000000a-0000-0000-0000-000000000001"], "OGC/1.3/CRS84", "POLYGON"),
        ("sea.divided", {}, ["4"], "EPSG/0/3035", "LINESTRING"),
        ("sea.curved", {}, ["1"], "EPSG/0/2154", "LINESTRING"),
        ("sea.curved", {"geometry": "h"}, ["1"], "EPSG/0/2154", "POINT Z"),
    ],
)  # fmt: skip
def test_views_partitions_and_keys_of_every_kind_are_served(
    ships: str, run: Any, table: str, names: dict[str, str], ids: list[str], crs: str, kind: str
) -> None:
    run(OTHERS)
    store = postgis.foreign(ships.replace("sea.Ships", table), names)
    found = every(store, Query(verb="items", crs_out="native"))
    assert found["id"].to_pylist() == ids
    assert store.layout.crs == f"http://www.opengis.net/def/crs/{crs}"
    assert shapely.from_wkb(found["geometry"].to_pylist()[0]).wkt.startswith(kind)
    assert every(store, Query(verb="items", ids=(ids[-1], "no"))).num_rows == 1
    assert every(store, Query(verb="items", where=Box(-180, -90, 180, 90))).num_rows >= 1


@pytest.mark.parametrize(
    ("table", "names", "told"),
    [
        ("", {}, r"names no table; add \?table= with one of sea\.Ships, sea\.calm"),
        ("sea.none", {}, "there is no table sea.none"),
        ("sea.plain", {}, "it has no key"),
        ("sea.plain", {"id": "v"}, "v is not there in every row, or the same in some"),
        ("sea.Ships", {"id": "nope"}, "there is no column nope; name one of gid, Name"),
        ("sea.Ships", {"time": "Name"}, "Name is character varying"),
        ("sea.nowhere", {}, "SRID 0 names no CRS; give the CRS"),
    ],
)
def test_a_table_that_cannot_be_served_says_what_would_do(
    ships: str, run: Any, table: str, names: dict[str, str], told: str
) -> None:
    run(OTHERS)
    with pytest.raises(Unreadable, match=told) as refused:
        postgis.foreign(ships.replace("?table=sea.Ships", f"?table={table}" if table else ""), names)
    assert "s3cret" not in str(refused.value)


def test_a_table_without_crs_takes_the_one_that_is_given(ships: str, run: Any) -> None:
    run(OTHERS)
    store = postgis.foreign(ships.replace("sea.Ships", "sea.nowhere"), {}, "EPSG:2154")
    assert every(store, Query(verb="items", where=Box(0, 40, 5, 50)))["id"].to_pylist() == ["1"]


def test_a_table_without_geometries_is_a_table_of_rows(ships: str, run: Any) -> None:
    run(OTHERS + "INSERT INTO sea.lists VALUES (1, 2), (2, 3);")
    store = postgis.foreign(ships.replace("sea.Ships", "sea.lists"))
    assert every(store).to_pylist() == [{"id": "1", "v": 2}, {"id": "2", "v": 3}]


VALUES = """
CREATE TABLE sea.kinds (id int PRIMARY KEY, g geometry(Point, 4326), j jsonb, k json, many text[], spans daterange[],
    r int4range, x xml, bits bit(3), d date);
INSERT INTO sea.kinds VALUES (1, 'SRID=4326;POINT(1 2)', '{"a": [1, null]}', '[1]', '{a,b}',
    '{"[2020-01-01,2020-01-03)"}', '[1,5)', '<a/>', B'101', '2020-01-02');
"""


def test_what_is_told_of_columns_is_what_can_be_asked_of_them(ships: str, run: Any) -> None:
    run(VALUES)
    store = postgis.foreign(ships.replace("sea.Ships", "sea.kinds"))
    told = {p.key: p.dtype for p in store.facts.parameters}
    assert [told[n] for n in ("j", "k", "many", "spans")] == ["object", "object", "array", "array"]
    assert told["d"] == "date"
    (row,) = every(store).to_pylist()
    assert [json.loads(row[n]) for n in ("j", "k", "spans")] == [
        {"a": [1, None]}, [1], ["[2020-01-01,2020-01-03)"]
    ]  # fmt: skip
    for name, value in {"r": "[1,5)", "x": "<a/>", "bits": "101"}.items():
        same = {"op": "=", "args": [{"property": name}, value]}
        assert told[name] == "string"
        assert every(store, Query(verb="items", filter=same)).num_rows == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("CIRCULARSTRING(0 0, 1 1, 2 0)", "LineString"),
        ("CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0))", "Polygon"),
        ("MULTISURFACE(CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0)))", "MultiPolygon"),
        ("TIN(((0 0, 0 2, 2 0, 0 0)), ((2 0, 0 2, 2 2, 2 0)))", "MultiPolygon"),
        ("POLYHEDRALSURFACE(((0 0, 0 2, 2 2, 2 0, 0 0)))", "MultiPolygon"),
        ("GEOMETRYCOLLECTION(POINT(1 1), CIRCULARSTRING(0 0, 1 1, 2 0))", "GeometryCollection"),
        ("LINESTRING(0 0, 2 2)", "LineString"),
    ],
)
def test_arcs_and_facets_of_a_column_of_any_type_are_straight(url: str, run: Any, written: str, expected: str) -> None:
    run("DROP TABLE IF EXISTS bent; CREATE TABLE bent (gid int PRIMARY KEY, g geometry)")
    run(f"INSERT INTO bent VALUES (1, 'SRID=4326;{written}')")
    store = postgis.foreign(f"{url}?table=public.bent")
    (found,) = every(store)["geometry"].to_pylist()
    assert shapely.from_wkb(found).geom_type == expected
    assert every(store, Query(verb="items", where=Box(1.0, 0.9, 1.1, 1.1)))["id"].to_pylist() == ["1"]
    assert not every(store, Query(verb="items", where=Box(5, 5, 6, 6))).num_rows


def test_columns_called_as_what_every_item_has(url: str, run: Any) -> None:
    run("CREATE TABLE ids (gid int PRIMARY KEY, id int, id_ text, o oid, g geometry(Point, 4326))")
    run("INSERT INTO ids VALUES (1, 5, 'a', 77, 'SRID=4326;POINT(1 2)')")
    store = postgis.foreign(f"{url}?table=public.ids")
    table = items(
        store,
        dataset(""),
        Query(verb="items", filter=parsed("o IS NOT NULL AND o = 77", "cql2-text", kinds_of(store.layout))),
    )
    (row,) = pa.Table.from_batches(table.batches(), table.schema).to_pylist()
    assert (row["id"], row["id__"], row["id_"], row["o"]) == ("1", 5, "a", 77)
