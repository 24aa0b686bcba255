"""A small page is made of values as Python has them: it is, byte for byte, what its columns would be."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import shapely
from test_filters import contents_of

from poles.dataset import Dataset, Limits, Text
from poles.encodings import Context, named
from poles.query import CRS84, Interval, Moment, Page, Query
from poles.rows.items import items
from poles.stores import Store, duck, postgis
from poles.stores.dialect import DUCK
from poles.stores.statement import page

LAMBERT, WGS84, MERCATOR = (f"http://www.opengis.net/def/crs/EPSG/0/{code}" for code in (2154, 4326, 3857))
CONTEXT = Context(moment=datetime(2024, 5, 1, tzinfo=UTC))
EXTREMES = {
    "text": pa.array(["", None, 'say "é"', "\u2028", "null"]),
    "yes": pa.array([True, None, False, True, False]),
    "i8": pa.array([-128, None, 127, 0, 1], pa.int8()),
    "i64": pa.array([-(2**63), None, 2**63 - 1, 0, 2**53 + 1], pa.int64()),
    "u8": pa.array([255, None, 0, 1, 2], pa.uint8()),
    "u64": pa.array([2**64 - 1, None, 0, 1, 2**63], pa.uint64()),
    "f32": pa.array([0.1, None, 3.4e38, 1.0, -0.0], pa.float32()),
    "f64": pa.array([0.1, None, 1e308, 1.0, -0.0], pa.float64()),
    "day": pa.array([date(1, 1, 1), None, date(9999, 12, 31), date(1969, 12, 31), date(2000, 2, 29)], pa.date32()),
    "ms": pa.array([0, None, -1, 951_782_400_123, -62_135_596_800_000], pa.timestamp("ms")),
    "whole": pa.array([0, None, -1000, 951_782_400_000, 1000], pa.timestamp("ms", "UTC")),
}
COLUMNS = {
    "of every plain type": EXTREMES,
    "of a list": {"list": pa.array([[1], None, [], [2, 3], [4]])},
    "none": {},
}
SHAPES = {
    "points": [shapely.Point(1, 2), None, shapely.Point(-179, 80), shapely.Point(0.1, 0), shapely.Point(3, 4)],
    "all kinds": [
        shapely.Point(1, 2, 3), None, shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)]),
        shapely.MultiPoint([(1, 1)]),
    ],
}  # fmt: skip


def dataset(counts: Any) -> Dataset:
    said = Text("rows", "lignes")
    return Dataset("rows", said, said, limits=Limits(counts=counts))


@pytest.fixture(
    scope="module", params=[(c, s) for c in COLUMNS for s in SHAPES], ids=lambda p: f"{p[1]}, columns {p[0]}"
)
def stores(request: Any, postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    """The same five rows in both stores, without and with an order of axes that differs from theirs."""
    columns, shapes = request.param
    folder = tmp_path_factory.mktemp("pages")
    url = postgres.database(f"pages_{request.param_index}")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLES_STATE", str(folder / "state"))
        for number, crs in enumerate((CRS84, WGS84, LAMBERT)):
            held = contents_of(COLUMNS[columns], SHAPES[shapes], crs)
            postgis.write(url, str(number), "1", held)
            duck.write(folder / f"{number}.duckdb", held, "1")
            found += [postgis.current(url, str(number)), duck.opened(folder / f"{number}.duckdb")]
        yield found


@pytest.mark.parametrize("counts", ["exact", "none"])
@pytest.mark.parametrize("page", [Page(5), Page(2, 3), Page(3, 9), Page(2)])
def test_a_small_page_is_what_its_columns_are(stores: list[Store], page: Page, counts: str) -> None:
    for asked in (None, "native", WGS84):
        query = Query(verb="items", page=page, crs_out=asked)
        told = []
        for store in stores:
            found = items(store, dataset(counts), query)
            for name in ("GeoJSON", "GeoJSONSeq"):
                written = named(name)
                assert written is not None
                few, columns = (b"".join(written.write(t, CONTEXT)) for t in (found, replace(found, few=lambda: None)))
                assert few == columns
                told.append(few)
        assert (told[0::4], told[1::4]) == (told[2::4], told[3::4])  # both stores


def test_what_python_has_is_read_as_values(stores: list[Store], request: pytest.FixtureRequest) -> None:
    """The test above would compare nothing where no small page were made."""
    columns, shapes = request.node.callspec.params["stores"]
    values = shapes == "points" and columns in ("of every plain type", "none")
    for store in stores:
        assert (_few(store, crs_out="native") is not None) == values
        assert _few(store, crs_out=MERCATOR) is None
        assert _few(store, page=Page(5000)) is None
        bare = _few(store, geometry=False)
        assert (bare is not None) == (columns in ("of every plain type", "none"))


def _few(store: Store, **asked: Any) -> Any:
    return items(store, dataset("exact"), Query(**{"verb": "items", "page": Page(5), **asked})).few()


@pytest.fixture(scope="module")
def table(postgres: Any) -> tuple[Store, str]:
    """A table of 50,000 rows, one a minute, and where it is."""
    url = postgres.database("walked")
    minutes = pa.array([datetime(2020, 1, 1) + timedelta(minutes=i) for i in range(50_000)], pa.timestamp("ms"))
    held = contents_of({"t": minutes}, [None] * len(minutes))
    postgis.write(url, "x", "1", replace(held, layout=replace(held.layout, times=("t",))))
    found = postgis.current(url, "x")
    assert found is not None
    return found, url


LAST_DAYS = Query(verb="items", when=(Interval(Moment((2020, 2, 1)), None),), page=Page(10))


@pytest.mark.parametrize(("matched", "walked"), [(5360, False), (None, True), (10**7, True)])
def test_rows_that_lie_at_the_end_are_not_walked_to(table: Any, matched: int | None, walked: bool) -> None:
    """The planner, left alone, takes rows in order and lets go all that come before those that match."""
    store, url = table
    found = page(store.layout, store.dialect, LAST_DAYS, store.layout.columns, matched=matched)
    with psycopg.connect(url) as connection:
        text = f"EXPLAIN (ANALYZE, FORMAT JSON) {found.text}".encode()
        plan = psycopg.RawCursor(connection).execute(text, found.values).fetchone()
    assert plan is not None
    assert (_walked(plan[0][0]["Plan"]) > 40_000) == walked


def _walked(node: dict[str, Any]) -> int:
    """Rows that a plan read and let go."""
    return int(node.get("Rows Removed by Filter", 0)) + sum(_walked(n) for n in node.get("Plans", ()))


def test_an_engine_that_keeps_order_is_not_told_how_to_find_rows(table: Any) -> None:
    told, untold = (page(table[0].layout, DUCK, LAST_DAYS, (), matched=m) for m in (5360, None))
    assert told == untold
