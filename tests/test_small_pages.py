"""A small page is made of values as Python has them: it is, byte for byte, what its columns would be."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
import shapely
from test_filters import contents_of

from poles.dataset import Dataset, Limits, Text
from poles.encodings import Context, named
from poles.query import CRS84, Page, Query
from poles.rows.items import items
from poles.stores import Store, duck, postgis

LAMBERT, WGS84 = (f"http://www.opengis.net/def/crs/EPSG/0/{code}" for code in (2154, 4326))
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
    "of years that Python does not know": EXTREMES | {"late": pa.array([4 * 10**14, 0, 0, 0, 0], pa.timestamp("ms"))},
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
                few, columns = (b"".join(written.write(t, CONTEXT)) for t in (found, replace(found, few=None)))
                assert few == columns
                told.append(few)
        assert (told[0::4], told[1::4]) == (told[2::4], told[3::4])  # both stores


def test_what_python_has_is_read_as_values(stores: list[Store], request: pytest.FixtureRequest) -> None:
    """The test above would compare nothing where no small page were made."""
    columns = request.node.callspec.params["stores"][0]
    for store in stores:
        few = items(store, dataset("exact"), Query(verb="items", page=Page(5), crs_out="native")).few
        assert (few is None) == (columns == "of a list")
        assert few is None or (few() is None) == (columns == "of years that Python does not know")
    many = items(stores[0], dataset("exact"), Query(verb="items", page=Page(5000), crs_out="native"))
    assert many.few is None
