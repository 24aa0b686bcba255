"""Stores of rows: what was read comes back, each row once, and what lies in a box is what lies there."""

import json
import multiprocessing
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.answer import answer
from poles.coverage import Table
from poles.crs import crs as crs_of
from poles.crs import transform
from poles.dataset import Dataset, Limits, Text
from poles.encodings.spool import spooled
from poles.errors import Unreadable
from poles.query import CRS84, Box, Page, Query, Within
from poles.rows import arranged, shelf
from poles.settings import settings as environment
from poles.stores import duck

LAMBERT, LAEA, MERCATOR = (f"http://www.opengis.net/def/crs/EPSG/0/{n}" for n in (2154, 3035, 3857))


def dataset(path: Path, **said: Any) -> Dataset:
    return Dataset(
        id="rows", title=Text("r", "r"), description=Text("r", "r"), source=(str(path),), kind="features", **said
    )


def rows(table: Any) -> list[dict[str, Any]]:
    return [row for batch in table.batches() for row in batch.to_pylist()]


def ids(found: Dataset, **query: Any) -> list[str]:
    return [row["id"] for row in rows(answer(found, Query(verb="items", **query)))]


def geojson(path: Path, properties: list[dict[str, Any]], geometries: list[Any] | None = None) -> Path:
    shapes = geometries or [shapely.Point(i, i) for i in range(len(properties))]
    members = [
        {
            "type": "Feature",
            "id": str(i),
            "geometry": None if g is None else shapely.geometry.mapping(g),
            "properties": p,
        }
        for i, (p, g) in enumerate(zip(properties, shapes, strict=True))
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": members}))
    return path


def points(path: Path, x: Any, y: Any, crs: str) -> Path:
    table = pa.table({"n": np.arange(len(x)), "geom": pa.array(shapely.to_wkb(shapely.points(x, y)), pa.binary())})
    pyogrio.write_arrow(table, path, geometry_name="geom", geometry_type="Point", crs=crs)
    return path


# --- what was read comes back ----------------------------------------------------------------------------------------


def test_any_name_of_a_property_is_kept(tmp_path: Path) -> None:
    told = {
        "Name": 1, "name": 2, "NAME": 3, "_row": 4, "_x": 5, "geometry_": 6, 'say "x"': 7, "a;b--": 8, "é" * 40: 9,
        "$1": 10, "select": 11, "_2": 12,
    }  # fmt: skip
    (row,) = rows(answer(dataset(geojson(tmp_path / "a.geojson", [told])), Query(verb="items")))
    assert {k: v for k, v in row.items() if k not in ("id", "geometry")} == told


def test_zero_false_and_empty_survive_and_missing_is_null(tmp_path: Path) -> None:
    full = {"n": 0, "x": 0.0, "t": "", "b": False, "l": [1, {"a": None}], "d": "2020-01-01T00:00:00Z"}
    found = dataset(geojson(tmp_path / "a.geojson", [full, dict.fromkeys(full)], [shapely.Point(0, 0), None]))
    first, second = rows(answer(found, Query(verb="items")))
    assert (first["n"], first["x"], first["t"], first["b"]) == (0, 0.0, "", False)
    assert {second[k] for k in ("n", "x", "t", "b", "d", "geometry")} == {None}


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.timestamp("s"), pa.date32()])
def test_the_infinities_of_databases_are_missing(kind: Any) -> None:
    last = 2 ** (kind.bit_width - 1) - 1
    given = pa.array([0, None, last, -last, -last - 1], pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    assert [v is None for v in arranged.stored(given).to_pylist()] == [False, True, True, True, True]


@pytest.mark.parametrize("count", [10, 40_000])
def test_pages_hold_each_row_once(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(1)
    found = dataset(points(tmp_path / "a.gpkg", rng.uniform(-5, 9, count), rng.uniform(42, 51, count), "EPSG:4326"))
    limit = count // 7
    pages = [ids(found, page=Page(limit, offset)) for offset in range(0, count, limit)]
    whole = ids(found)
    assert list(chain(*pages)) == whole
    assert len(set(whole)) == count
    inside = {"where": Box(0, 43, 6, 50)}
    pages = [ids(found, page=Page(limit, offset), **inside) for offset in range(0, count, limit)]
    assert list(chain(*pages)) == ids(found, **inside)


def test_neighbours_lie_together_along_the_curve() -> None:
    x, y = (a.ravel() << 12 for a in np.meshgrid(np.arange(16), np.arange(16)))
    order = np.argsort(arranged._hilbert(x, y))
    steps = np.abs(np.diff(x[order] >> 12)) + np.abs(np.diff(y[order] >> 12))
    assert (steps == 1).all()


# --- boxes -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def france(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Dataset, Any, Any]]:
    """The same 3,000 places, stored in two CRS."""
    folder = tmp_path_factory.mktemp("france")
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-5, 9, 3000), rng.uniform(42, 51, 3000)
    xs, ys = transform(x, y, crs_of(CRS84), crs_of(LAMBERT))
    return {
        CRS84: (dataset(points(folder / "lonlat.gpkg", x, y, "OGC:CRS84")), x, y),
        LAMBERT: (dataset(points(folder / "lambert.gpkg", xs, ys, "EPSG:2154")), x, y),
    }


@pytest.mark.parametrize("asked", [CRS84, LAMBERT, LAEA, MERCATOR])
@pytest.mark.parametrize("stored", [CRS84, LAMBERT])
@settings(max_examples=15, deadline=None)
@given(corners=st.tuples(st.floats(-6, 10), st.floats(41, 52), st.floats(0.01, 20), st.floats(0.01, 20)))
def test_a_box_holds_what_lies_in_it_in_its_own_crs(
    france: dict[str, tuple[Dataset, Any, Any]], stored: str, asked: str, corners: tuple[float, ...]
) -> None:
    found, x, y = france[stored]
    corner, size = corners[:2], corners[2:]
    west, south = (float(v) for v in transform(*corner, crs_of(CRS84), crs_of(asked)))
    scale = 1.0 if asked == CRS84 else 1e5
    box = Box(west, south, west + size[0] * scale, south + size[1] * scale)
    xs, ys = transform(x, y, crs_of(CRS84), crs_of(asked))
    inside = (xs >= box.west) & (xs <= box.east) & (ys >= box.south) & (ys <= box.north)
    sure = (
        np.minimum.reduce([abs(xs - box.west), abs(xs - box.east), abs(ys - box.south), abs(ys - box.north)])
        > scale * 1e-6
    )
    answered = {int(row["n"]) for row in rows(answer(found, Query(verb="items", where=box, crs=asked)))}
    assert set(np.flatnonzero(sure & inside).tolist()) <= answered
    assert not answered & set(np.flatnonzero(sure & ~inside).tolist())


EUROPE = {
    LAEA: (2_600_000.0, 1_400_000.0, 6_000_000.0, 5_400_000.0),
    LAMBERT: (100_000.0, 6_050_000.0, 1_240_000.0, 7_110_000.0),
    MERCATOR: (-1_000_000.0, 5_000_000.0, 3_000_000.0, 9_000_000.0),
    CRS84: (-5.0, 41.0, 10.0, 52.0),
}


def along(box: tuple[float, ...], off: float) -> tuple[Any, Any]:
    """Places along the sides of a box, that far outside."""
    west, south, east, north = box[0] - off, box[1] - off, box[2] + off, box[3] + off
    x, y = np.linspace(west, east, 300), np.linspace(south, north, 300)
    return (
        np.concatenate([x, x, np.full(300, west), np.full(300, east)]),
        np.concatenate([np.full(300, south), np.full(300, north), y, y]),
    )


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize(("asked", "stored"), [(a, s) for a in EUROPE for s in (CRS84, LAMBERT) if a != s])
def test_a_side_is_straight_to_a_hand(tmp_path: Path, asked: str, stored: str, drawn: bool) -> None:
    """Rows 3 cm within a box or a polygon of another CRS are in it, 3 cm outside not; on an edge of a box too."""
    box = EUROPE[asked]
    hand = 3e-7 if asked == CRS84 else 0.03
    sides = [along(box, off) for off in ((-hand, hand) if drawn else (-hand, hand, 0.0))]
    x, y = transform(*np.concatenate(sides, axis=1), crs_of(asked), crs_of(stored))
    code = "OGC:CRS84" if stored == CRS84 else f"EPSG:{stored.rsplit('/')[-1]}"
    found = dataset(points(tmp_path / "a.gpkg", x, y, code))
    where = Within(shapely.box(*box)) if drawn else Box(*box)
    answered = np.array(
        sorted(int(row["n"]) for row in rows(answer(found, Query(verb="items", where=where, crs=asked))))
    )
    assert answered.tolist() == [*range(1200), *range(2400, len(x))]


GLOBE = (  # the CRS of a question, its box, and the CRS of the rows, which lie all over the globe or in a part of it
    (3995, (-1e6, -1e6, 1e6, 1e6), 4326), (3995, (-1e6, 0, 1e6, 1e6), 4326), (3031, (-3e6, -3e6, 3e6, 3e6), 4326),
    (3035, (3e6, 6e6, 6e6, 9e6), 4326), (3035, (1.3e6, -9e6, 7.3e6, 8e6), 4326), (3035, (-1e8, -1e8, 1e8, 1e8), 4326),
    (4326, (-1e300, -80, 1e300, 80), 4326),
    (3034, (-1e7, -1e7, 1e7, 1e7), 4326), (32631, (-1e7, -1e7, 1e7, 1e7), 4326), (4326, (0, 60, 90, 90), 3995),
    (4326, (-180, -90, 180, 90), 3995), (4326, (-180, -90, 180, 90), 3035), (4326, (170, 60, 190, 90), 3413),
    (4326, (-180, -90, 180, 90), 2154), (4326, (-180, -90, 180, 90), 32631),
)  # fmt: skip
PARTS = {3995: (50.1, -180, 180), 3035: (80, -180, 180), 3413: (50.1, -180, 180), 2154: (42, -4, 8), 32631: (42, -1, 6)}
"""Of rows that do not lie all over the globe: how far south, west and east they reach."""


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("west", [-180.0, 0.0])
@pytest.mark.parametrize(("asked", "box", "stored"), GLOBE)
def test_places_hold_poles_turns_and_the_whole_globe(
    tmp_path: Path, asked: int, box: tuple[float, ...], stored: int, west: float, drawn: bool
) -> None:
    south, left, right = PARTS.get(stored, (-89.5, west, west + 360))
    lon, lat = (a.ravel() for a in np.meshgrid(np.linspace(left, right, 41)[:-1] + 0.123, np.linspace(south, 89.6, 33)))
    asked_in, stored_in = (crs_of(f"EPSG:{n}") for n in (asked, stored))
    x, y = transform(*transform(lon, lat, crs_of(CRS84), stored_in), stored_in, asked_in)
    turned = [(x + t >= box[0]) & (x + t <= box[2]) for t in ((0, 360) if asked == 4326 else (0,))]
    inside = np.logical_or.reduce(turned) & (y >= box[1]) & (y <= box[3])
    held = (lon, lat) if stored == 4326 else transform(lon, lat, crs_of(CRS84), stored_in)
    found = dataset(points(tmp_path / "a.gpkg", *held, "OGC:CRS84" if stored == 4326 else f"EPSG:{stored}"))
    where = Within(shapely.box(*box)) if drawn else Box(*box)
    uri = CRS84 if asked == 4326 else f"http://www.opengis.net/def/crs/EPSG/0/{asked}"
    answered = {int(row["n"]) for row in rows(answer(found, Query(verb="items", where=where, crs=uri)))}
    assert answered == set(np.flatnonzero(inside).tolist())


def test_a_hole_lies_in_its_polygon_across_180_degrees(tmp_path: Path) -> None:
    edge = 20037508.342789244
    rings = [
        [(edge + 1e6 * x, 1e6 * y) for x, y in shapely.box(*b).exterior.coords]
        for b in ((-2, -1, 2, 1), (0.5, -0.5, 1.5, 0.5))
    ]
    found = dataset(points(tmp_path / "a.gpkg", np.array([-171.0, -179.0, 175.0, 0.0]), np.zeros(4), "OGC:CRS84"))
    where = Within(shapely.Polygon(rings[0], rings[1:]))
    assert ids(found, where=where, crs=MERCATOR) == ["2", "3"]


@pytest.mark.parametrize("box", [Box(170, -10, -170, 10), Box(170, -10, 190, 10), Box(-190, -10, -170, 10)])
@pytest.mark.parametrize("places", [(175.0, -175.0), (175.0, 185.0)])
def test_boxes_cross_the_antimeridian(tmp_path: Path, box: Box, places: tuple[float, float]) -> None:
    shapes = [shapely.Point(x, 0).buffer(1) for x in places] + [shapely.Point(0, 0).buffer(1)]
    found = dataset(geojson(tmp_path / "a.geojson", [{}] * 3, shapes))
    assert ids(found, where=box) == ["0", "1"]


@pytest.mark.parametrize("shift", [0.0, 180.0])
@settings(max_examples=25, deadline=None)
@given(
    west=st.integers(-21_000, 20_000), width=st.integers(100, 42_000),
    south=st.integers(-20_000, 10_000), height=st.integers(100, 40_000),
)  # fmt: skip
def test_a_box_of_another_crs_may_be_as_wide_as_the_globe(
    tmp_path_factory: pytest.TempPathFactory, shift: float, west: int, width: int, south: int, height: int
) -> None:
    lon, lat = (a.ravel() for a in np.meshgrid(np.arange(-179.0, 180.0, 7.0) + shift, np.arange(-80.0, 81.0, 16.0)))
    file = tmp_path_factory.getbasetemp() / f"globe{shift:.0f}.gpkg"
    found = dataset(file if file.exists() else points(file, lon, lat, "OGC:CRS84"))
    turns = np.array([-2, -1, 0, 1, 2])[:, None] * 20037508.342789244 * 2
    xs, ys = transform((lon + 180) % 360 - 180, lat, crs_of(CRS84), crs_of(MERCATOR))
    box = Box(*(1000.0 * n + 0.5 for n in (west, south, west + width, south + height)))
    high = (ys >= box.south) & (ys <= box.north)
    inside = ((xs + turns >= box.west) & (xs + turns <= box.east)).any(axis=0) & high
    answered = {int(row["n"]) for row in rows(answer(found, Query(verb="items", where=box, crs=MERCATOR)))}
    # Beyond the edge of the world, rows may lie that are told on its other side.
    assert answered <= set(np.flatnonzero(inside).tolist())
    within = high & (xs >= box.west) & (xs <= box.east)
    assert set(np.flatnonzero(within).tolist()) <= answered


@pytest.mark.parametrize("shift", [0.0, 180.0])
@settings(max_examples=15, deadline=None)
@given(
    x=st.integers(3000, 4300), y=st.integers(5000, 6500), width=st.integers(1500, 4000), height=st.integers(1500, 4000)
)
def test_a_box_may_hold_the_pole(
    tmp_path_factory: pytest.TempPathFactory, shift: float, x: int, y: int, width: int, height: int
) -> None:
    lon, lat = (a.ravel() for a in np.meshgrid(np.arange(-179.0, 180.0, 7.0) + shift, np.arange(-80.0, 90.0, 4.0)))
    file = tmp_path_factory.getbasetemp() / f"pole{shift:.0f}.gpkg"
    found = dataset(file if file.exists() else points(file, lon, lat, "OGC:CRS84"))
    box = Box(*(1000.0 * n + 0.5 for n in (x, y, x + width, y + height)))
    xs, ys = transform(lon, lat, crs_of(CRS84), crs_of(LAEA))
    inside = (xs >= box.west) & (xs <= box.east) & (ys >= box.south) & (ys <= box.north)
    answered = {int(row["n"]) for row in rows(answer(found, Query(verb="items", where=box, crs=LAEA)))}
    assert answered == set(np.flatnonzero(inside).tolist())


def test_a_geometry_that_only_its_bounds_bring_near_is_not_in_the_box(tmp_path: Path) -> None:
    corner = shapely.Polygon([(0, 0), (10, 0), (10, 10)])
    found = dataset(geojson(tmp_path / "a.geojson", [{}, {}], [corner, shapely.box(0, 0, 10, 10)]))
    assert ids(found, where=Box(1, 7, 2, 8)) == ["1"]
    assert ids(found, where=Box(4, 4, 4, 4)) == ["0", "1"]


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_stream_goes_on_over_the_version_that_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poles.parts.CHECKED_S", 0.0)
    found = dataset(points(tmp_path / "a.gpkg", np.arange(30_000) % 90, np.zeros(30_000), "EPSG:4326"))
    stream = iter(answer(found, Query(verb="items")).batches())  # type: ignore[union-attr]
    count = next(stream).num_rows
    (tmp_path / "a.gpkg").unlink()
    points(tmp_path / "a.gpkg", np.arange(7), np.zeros(7), "EPSG:4326")
    assert len(ids(found)) == 7
    assert count + sum(b.num_rows for b in stream) == 30_000
    assert len(list((environment().state / "rows" / shelf._key(found, "features")).glob("*.duckdb"))) == 1


def test_a_damaged_store_is_made_again(tmp_path: Path) -> None:
    found = dataset(geojson(tmp_path / "a.geojson", [{"n": 1}]))
    before = ids(found)
    (file,) = (environment().state / "rows" / shelf._key(found, "features")).glob("*.duckdb")
    shelf._held.clear()
    file.unlink()
    file.write_bytes(b"no database")
    assert ids(found) == before


def _first(path: str) -> int:
    return len(ids(dataset(Path(path))))


def test_several_processes_make_one_store(tmp_path: Path) -> None:
    path = points(tmp_path / "a.gpkg", np.arange(500) % 90, np.zeros(500), "EPSG:4326")
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(_first, [str(path)] * 4) == [500] * 4


# --- counts and memory -----------------------------------------------------------------------------------------------


def test_without_counts_the_page_tells_whether_rows_follow(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", [{"n": i} for i in range(5)])
    found = dataset(path, limits=Limits(counts="none"))
    box = Box(-1, -1, 3.5, 3.5)
    for limit, more in ((3, True), (4, False), (9, False)):
        table = answer(found, Query(verb="items", where=box, page=Page(limit)))
        assert isinstance(table, Table)
        assert table.matched is None
        assert len(rows(table)) == min(limit, 4)
        assert table.more is not None
        assert table.more() is more


_EXPORT = """
import sys
from itertools import chain
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_stores import dataset
from poles.answer import answer
from poles.encodings import Context, choose
from poles.query import Page, Query

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

found = dataset(Path({path!r}))
write = choose("GeoJSON", None, "table").write
for piece in write(answer(found, Query(verb="items", page=Page(30_000))), Context()):
    pass
before = most = megabytes()
for piece in write(answer(found, Query(verb="items")), Context()):
    most = max(most, megabytes())
print(most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_an_export_holds_a_batch_not_the_table(tmp_path: Path) -> None:
    count = 300_000
    path = points(tmp_path / "a.gpkg", np.linspace(-179, 179, count), np.linspace(-80, 80, count), "EPSG:4326")
    script = _EXPORT.format(tests=str(Path(__file__).parent), path=str(path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 100


def test_a_number_that_is_estimated_decides_no_page(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a.geojson", [{"n": i} for i in range(5)])
    found = dataset(path, limits=Limits(counts="estimated"))
    table = answer(found, Query(verb="items", where=Box(-1, -1, 3.5, 3.5), page=Page(4)))
    assert isinstance(table, Table)
    assert (table.matched, table.estimated) == (None, 4)
    assert len(rows(table)) == 4
    assert table.more is not None
    assert not table.more()


# --- no room, no right, no source ------------------------------------------------------------------------------------


def test_a_source_that_goes_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dataset(points(tmp_path / "a.gpkg", np.arange(3.0), np.zeros(3), "EPSG:4326"))
    monkeypatch.setattr("poles.rows.features.open_rows", lambda href, _: Path(href + "gone").read_bytes())
    with pytest.raises(Unreadable, match="cannot be read"):
        shelf.store_of(found, "features")


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dataset(points(tmp_path / "a.gpkg", np.arange(3.0), np.zeros(3), "EPSG:4326"))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr("poles.rows.shelf._folder", lambda _: tmp_path / "file" / "rows")
    with pytest.raises(Unreadable, match="state folder cannot be written"):
        shelf.store_of(found, "features")


@pytest.mark.parametrize("kind", [duckdb.IOException, duckdb.TransactionException, duckdb.FatalException])
def test_a_disk_that_is_full_is_told_and_left_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    def full(*_: Any) -> None:
        raise kind("No space left on device")

    monkeypatch.setattr(duck, "_filled", full)
    path = tmp_path / "rows" / "1.duckdb"
    with pytest.raises(Unreadable, match="make room"):
        duck.write(path, None, "1")
    assert list(path.parent.iterdir()) == []


def test_an_answer_that_has_no_room_is_told() -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Unreadable, match="No space left on device"):
        spooled(full, ".parquet")
