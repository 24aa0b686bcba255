"""Features: whatever the format, rows keep their ids, types and places, and a question gives what touches it."""

import ast
import json
import sqlite3
import struct
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from poles import times
from poles.answer import answer
from poles.coverage import Table
from poles.crs import crs as crs_of
from poles.crs import transform
from poles.dataset import Dataset, Text
from poles.describe import describe
from poles.encodings import Context, named
from poles.errors import Invalid, NotFound, Unreadable
from poles.parts import parts
from poles.query import Box, Interval, Page, Query, Within
from poles.rows.features import Features, read

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real data are not beside the repository")


def dataset(*paths: Path, **said: Any) -> Dataset:
    return Dataset(
        id="rows", title=Text("r", "r"), description=Text("r", "r"), keywords=(), source=tuple(map(str, paths)), **said
    )  # fmt: skip


def feature(geometry: Any, identifier: Any = None, **properties: Any) -> dict[str, Any]:
    told = {"type": "Feature", "geometry": geometry, "properties": properties}
    return told if identifier is None else {**told, "id": identifier}


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


def geojson(path: Path, *members: dict[str, Any], **more: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": members, **more}))
    return path


def rows(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches() for row in batch.to_pylist()]


def features(entry: Dataset) -> Features:
    """The features as they are read from their source, before they are stored."""
    return read(entry, parts(entry))


def asked(found: Features, **query: Any) -> Table:
    return answer(found.dataset, Query(verb="items", **query))


def ids(table: Table) -> list[str]:
    return [row["id"] for row in rows(table)]


THREE = {
    "name": ["a", "b", "c"],
    "n": [0, 1, 2],
    "seen": [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 6, 1, tzinfo=UTC), None],
}
SHAPES = [shapely.box(0, 40, 2, 42), shapely.Point(3, 45), shapely.LineString([(5, 45), (6, 46)])]


def write(path: Path, crs: str = "OGC:CRS84", count: int = 3, **options: Any) -> Path:
    """The first of three features: a box, a point and a line."""

    def moved(xy: Any) -> Any:
        return np.column_stack(transform(xy[:, 0], xy[:, 1], crs_of("CRS84"), crs_of(crs)))

    geometry = [shapely.to_wkb(shapely.transform(s, moved)) for s in SHAPES[:count]]
    table = pa.table({**{k: v[:count] for k, v in THREE.items()}, "geom": pa.array(geometry, pa.binary())})
    pyogrio.write_arrow(table, path, geometry_name="geom", geometry_type="Unknown", crs=crs, **options)
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.fgb"])
@pytest.mark.parametrize("crs", ["OGC:CRS84", "EPSG:2154"])
def test_a_format_never_changes_the_features(tmp_path: Path, name: str, crs: str) -> None:
    if name.endswith("geojson") and crs != "OGC:CRS84":
        pytest.skip("GeoJSON is CRS84")
    found = features(dataset(write(tmp_path / name, crs)))
    assert len({r["id"] for r in rows(asked(found))}) == 3
    for row in rows(asked(found)):
        expected = THREE["name"].index(row["name"])
        assert row["n"] == expected
        assert (row["seen"] is None) == (row["name"] == "c")
        assert shapely.from_wkb(row["geometry"]).equals_exact(SHAPES[expected], 1e-6)
    facts = describe(dataset(tmp_path / name))
    assert facts.bbox == pytest.approx((0, 40, 6, 46), abs=1e-7)
    assert facts.interval == ("2020-01-01T00:00:00Z", "2020-06-01T00:00:00Z")
    assert facts.crs.endswith("2154" if crs == "EPSG:2154" else "CRS84")
    assert {p.key: p.dtype for p in facts.parameters} == {"name": "string", "n": "integer", "seen": "datetime"}
    assert sorted(r["name"] for r in rows(asked(found, where=Box(2.5, 44, 10, 50)))) == ["b", "c"]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([feature(point(0, 0), "x"), feature(point(1, 1), "y")], ["x", "y"]),
        ([feature(point(0, 0), 7), feature(point(1, 1), 9)], ["7", "9"]),
        ([feature(point(0, 0), id="p"), feature(point(1, 1), id="q")], ["p", "q"]),
        ([feature(point(0, 0), id="p"), feature(point(1, 1), id="p")], ["0", "1"]),
        ([feature(point(0, 0)), feature(point(1, 1))], ["0", "1"]),
    ],
)
def test_ids_are_those_of_the_source_where_each_row_has_its_own(tmp_path: Path, members: Any, expected: Any) -> None:
    found = features(dataset(geojson(tmp_path / "a.geojson", *members)))
    assert ids(asked(found)) == expected
    for identifier in expected:
        assert ids(answer(found.dataset, Query(verb="item", ids=(identifier,)))) == [identifier]
    with pytest.raises(NotFound):
        answer(found.dataset, Query(verb="item", ids=("nothing",)))


def test_geometries_of_several_types_and_none_are_kept(tmp_path: Path) -> None:
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    path = geojson(tmp_path / "a.geojson", feature(point(5, 5), n=0), feature(line, n=1), feature(None, n=2))
    found = features(dataset(path))
    assert [r["geometry"] is None for r in rows(asked(found))] == [False, False, True]
    assert asked(found, where=Box(-180, -90, 180, 90)).matched == 2
    assert found.geometry_type is None
    assert describe(dataset(path)).bbox == (0, 0, 5, 5)


def test_nested_properties_stay_what_they_are(tmp_path: Path) -> None:
    member = feature(point(0, 0), tags=["a", "b"], about={"depth": 3}, zero=0, none=None, yes=True)
    (row,) = rows(asked(features(dataset(geojson(tmp_path / "a.geojson", member)))))
    assert row["tags"] == ["a", "b"]
    assert json.loads(row["about"]) == {"depth": 3}
    assert (row["zero"], row["none"], row["yes"]) == (0, None, True)


def test_a_crs_member_is_obeyed(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    found = features(dataset(geojson(tmp_path / "a.geojson", feature(point(700000, 6600000)), crs=crs)))
    (row,) = rows(asked(found))
    place = shapely.from_wkb(row["geometry"])
    assert (place.x, place.y) == pytest.approx((3.0, 46.5), abs=1e-6)
    native = rows(asked(found, crs_out="http://www.opengis.net/def/crs/EPSG/0/2154"))[0]["geometry"]
    assert shapely.from_wkb(native).equals(shapely.Point(700000, 6600000))


def test_a_box_in_another_crs_is_understood(tmp_path: Path) -> None:
    found = features(dataset(write(tmp_path / "a.gpkg")))
    lambert = "http://www.opengis.net/def/crs/EPSG/0/2154"
    assert [r["name"] for r in rows(asked(found, where=Box(690000, 6400000, 710000, 6500000), crs=lambert))] == ["b"]


def test_features_on_both_sides_of_180_degrees(tmp_path: Path) -> None:
    parts = [
        [[[175, 0], [180, 0], [180, 5], [175, 5], [175, 0]]],
        [[[-180, 0], [-176, 0], [-176, 5], [-180, 5], [-180, 0]]],
    ]
    path = geojson(
        tmp_path / "a.geojson",
        feature({"type": "MultiPolygon", "coordinates": parts}, name="fiji"),
        feature({"type": "LineString", "coordinates": [[178, 10], [182, 12]]}, name="ship"),
    )
    facts = describe(dataset(path))
    assert facts.bbox == (175.0, 0.0, -176.0, 12.0)
    found = features(dataset(path))
    for box in (Box(177, -1, -177, 20), Box(177, -1, 183, 20), Box(-183, -1, -177, 20), Box(-179, -1, -178, 20)):
        assert asked(found, where=box).matched == 2
    assert asked(found, where=Box(-10, -1, 10, 20)).matched == 0
    assert asked(found, where=Within(shapely.box(177, -1, 179, 20))).matched == 2


def test_times_of_begin_and_end_overlap_an_interval_and_rows_without_time_always_do(tmp_path: Path) -> None:
    path = geojson(
        tmp_path / "a.geojson",
        feature(point(0, 0), "jan", start="2020-01-01T00:00:00Z", end="2020-01-31T00:00:00Z"),
        feature(point(0, 0), "open", start="2020-03-01T00:00:00Z", end=None),
        feature(point(0, 0), "never", start=None, end=None),
    )
    found = features(dataset(path))
    assert found.times == ("start", "end")

    def during(start: str | None, end: str | None) -> list[str]:
        return ids(asked(found, when=(Interval(*(None if t is None else times.moment(t) for t in (start, end))),)))

    assert during("2020-01-15", "2020-01-15") == ["jan", "never"]
    assert during("2020-02-01", "2020-02-02") == ["never"]
    assert during("2021-01-01", None) == ["open", "never"]
    assert during(None, None) == ["jan", "open", "never"]


def test_filters_order_and_pages(tmp_path: Path) -> None:
    found = features(dataset(write(tmp_path / "a.gpkg")))

    def equal(name: str, value: Any) -> dict[str, Any]:
        return {"op": "=", "args": [{"property": name}, value]}

    assert [r["name"] for r in rows(asked(found, filter=equal("n", 0)))] == ["a"]
    assert [r["name"] for r in rows(asked(found, filter=equal("seen", {"date": "2020-06-01"})))] == ["b"]
    assert asked(found, filter={"op": "and", "args": [equal("n", 1), equal("name", "a")]}).matched == 0
    assert [r["n"] for r in rows(asked(found, sort=(("n", False),)))] == [2, 1, 0]
    page = asked(found, page=Page(1, 1))
    assert ([r["n"] for r in rows(page)], page.matched) == ([1], 3)
    assert asked(found, parameters=("n",), geometry=False).schema.names == ["id", "n"]
    for bad in ({"filter": equal("nothing", 1)}, {"sort": (("nothing", True),)}, {"parameters": ("nothing",)}):
        with pytest.raises(Invalid):
            asked(found, **bad)


def test_one_layer_is_the_data_set_and_several_are_to_be_chosen(tmp_path: Path) -> None:
    write(tmp_path / "a.gpkg", layer="roads")
    write(tmp_path / "a.gpkg", count=1, layer="towns", append=True)
    with pytest.raises(Unreadable, match=r"2 layers; name one of roads, towns"):
        features(dataset(tmp_path / "a.gpkg"))
    assert len(features(dataset(tmp_path / "a.gpkg", names=(("layer", "towns"),)))) == 1
    with pytest.raises(Unreadable, match=r"no layer rivers"):
        features(dataset(tmp_path / "a.gpkg", names=(("layer", "rivers"),)))


def test_several_files_are_one_data_set_whose_ids_stay_apart(tmp_path: Path) -> None:
    geojson(tmp_path / "north.geojson", feature(point(0, 1), n=1))
    geojson(tmp_path / "south.geojson", feature(point(0, -1), n=2, more="x"))
    found = features(dataset(tmp_path / "*.geojson"))
    assert ids(asked(found)) == ["north-0", "south-0"]
    assert [r["more"] for r in rows(asked(found))] == [None, "x"]


def test_a_table_of_places_without_times_is_features(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("station_id,lat,lon,height (m)\nA,48.5,-4.5,10\nB,,,20\n")
    found = features(dataset(tmp_path / "a.csv"))
    assert [(r["station_id"], r["height"]) for r in rows(asked(found))] == [("A", 10), ("B", 20)]
    assert shapely.from_wkb(rows(asked(found))[0]["geometry"]).equals(shapely.Point(-4.5, 48.5))
    assert rows(asked(found))[1]["geometry"] is None
    assert found.parameters["height"].unit == "m"


def test_a_file_that_is_no_vector_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"type": "FeatureCollection", "features": [')
    with pytest.raises(Unreadable) as error:
        features(dataset(tmp_path / "a.json"))
    assert "\n" not in str(error.value)


PLACES = st.lists(st.tuples(st.integers(-18, 17), st.integers(-8, 8)), min_size=1, max_size=10)


@settings(max_examples=30, deadline=None)
@given(places=PLACES, corner=st.tuples(st.integers(-18, 17), st.integers(-8, 8)), size=st.integers(0, 35))
def test_all_that_touches_a_box_is_answered_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, places: Any, corner: Any, size: int
) -> None:
    path = tmp_path_factory.mktemp("f") / "a.geojson"
    found = features(
        dataset(geojson(path, *(feature(point(10 * x, 10 * y), str(i)) for i, (x, y) in enumerate(places))))
    )
    west, south, east = 10 * corner[0], 10 * corner[1], 10 * (corner[0] + size)
    inside = [str(i) for i, (x, y) in enumerate(places) if (10 * x - west) % 360 <= 10 * size and y >= corner[1]]
    for right in (east, east - 360 if east >= 180 else east):
        assert ids(asked(found, where=Box(west, south, right, 90))) == inside


# --- real data -------------------------------------------------------------------------------------------------------

MANIFEST = json.loads((DATA / "MANIFEST.json").read_text()) if DATA.exists() else []
VECTORS = [e for e in MANIFEST if e.get("reader") == "pyogrio/geopandas"]
LAYERS = {"context/world_atlas_countries-110m.json": (("layer", "countries"),)}


@needs_data
@pytest.mark.parametrize("entry", VECTORS, ids=lambda e: e["path"])
def test_real_vectors_give_every_row_and_the_known_feature(entry: dict[str, Any]) -> None:
    path = DATA / entry["path"]
    names = LAYERS.get(entry["path"], ())
    found = features(dataset(path, names=names))
    meta, table = pyogrio.read_arrow(path, layer=dict(names).get("layer"))
    assert asked(found).matched == table.num_rows
    assert len(set(ids(asked(found)))) == table.num_rows
    known = entry["known"]
    first = rows(asked(found, page=Page(1), crs_out="native"))[0]
    for key, value in known.items():
        if key in first and key not in ("id", "geometry") and isinstance(value, str | int | float):
            assert _alike(first[key], value), key
    bounds = shapely.from_wkb(first["geometry"]).bounds
    if "bbox" in known:
        assert bounds == pytest.approx(known["bbox"], abs=1e-5 * max(1, *map(abs, known["bbox"])) / 10)
    facts = describe(dataset(path, names=names))
    assert facts.bbox is not None
    assert asked(found, where=Box(*facts.bbox)).matched == table.num_rows - _empty(table, meta)


def _alike(found: Any, known: Any) -> bool:
    """Whether a property is what the manifest says: numbers nearly, JSON by what it means, the rest as it is shown."""
    if isinstance(known, str) and known.startswith(("{", "[")):
        return shapely.from_geojson(found).equals_exact(shapely.from_geojson(json.dumps(ast.literal_eval(known))), 1e-9)
    if isinstance(known, float) and found is not None:
        return bool(found == pytest.approx(known))
    return str(found).removesuffix("+00:00") == str(known).removesuffix("+00:00").replace("NaT", "None")


def _empty(table: pa.Table, meta: dict[str, Any]) -> int:
    column = table[meta.get("geometry_name") or "wkb_geometry"].combine_chunks()
    shapes = shapely.from_wkb(np.asarray(column.to_numpy(zero_copy_only=False), object))
    return int((shapely.is_missing(shapes) | shapely.is_empty(shapes)).sum())


# --- GeoParquet ------------------------------------------------------------------------------------------------------


def geoparquet(path: Path, geometry: pa.Array, about: dict[str, Any], **columns: pa.Array) -> Path:
    told = {"version": "1.1.0", "primary_column": "geom", "columns": {"geom": about}}
    table = pa.table({**columns, "geom": geometry})
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(told)}), path)
    return path


VARIED = (
    shapely.Point(2, 45), shapely.LineString([(0, 1), (2, 3)]), None, shapely.box(0, 0, 1, 1),
    shapely.MultiPoint([(1, 2), (3, 4)]), shapely.Point(1, 2, 3),
)  # fmt: skip
NESTED = {
    "point": (shapely.Point(2, 45), None, shapely.Point(-3, 0)),
    "linestring": (shapely.LineString([(0, 1), (2, 3)]), None, shapely.LineString([(5, 5), (6, 6), (7, 5)])),
    "polygon": (None, shapely.box(0, 0, 9, 9) - shapely.box(1, 1, 2, 2), shapely.box(3, 3, 4, 4)),
    "multipolygon": (shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]), None),
    "multipoint": (shapely.MultiPoint([(1, 2), (3, 4)]), None),
    "multilinestring": (shapely.MultiLineString([[(0, 1), (2, 3)], [(4, 4), (5, 5)]]),),
}


def nested(shapes: Any) -> pa.Array:
    """Geometries as GeoArrow nests their coordinates, null where there is none."""
    _, xy, offsets = shapely.to_ragged_array([s for s in shapes if s is not None])
    found: pa.Array = pa.StructArray.from_arrays([pa.array(xy[:, 0]), pa.array(xy[:, 1])], ["x", "y"])
    for ends in offsets:
        found = pa.ListArray.from_arrays(pa.array(ends.astype("int32")), found)
    there = iter(range(len(found)))
    return found.take(pa.array([None if s is None else next(there) for s in shapes], pa.int64()))


def test_geoparquet_is_read_as_it_says_of_itself(tmp_path: Path) -> None:
    wkb = pa.array([None if s is None else shapely.to_wkb(s) for s in VARIED])
    numbers = pa.array(range(len(VARIED)))
    path = geoparquet(
        tmp_path / "a.bin", wkb, {"encoding": "WKB", "covering": {"bbox": {"xmin": ["box", "w"]}}},
        id=pa.array([f"r{i}" for i in range(len(VARIED))]), n=numbers, box=pa.array([{"w": 0.0}] * len(VARIED)),
        when=pa.array([datetime(2020, 1, 1 + i) for i in range(len(VARIED))], pa.timestamp("us", "Europe/Paris")),
        price=numbers.cast(pa.decimal128(24, 2)), kind=pa.array(["a", "b", None] * 2).dictionary_encode(),
        tags=pa.array([[i, i + 1] for i in range(len(VARIED))]),
    )  # fmt: skip
    found = features(dataset(path))
    assert found.table.column_names == ["id", "n", "when", "price", "kind", "tags", "geometry"]
    assert list(found.shapes) == list(VARIED)
    assert found.table["id"].to_pylist() == [f"r{i}" for i in range(len(VARIED))]
    assert found.times == ("when",)
    assert [found.parameters[n].dtype for n in ("n", "price", "kind", "tags")] == [
        "integer",
        "float",
        "string",
        "array",
    ]
    assert describe(dataset(path)).kind == "features"


@pytest.mark.parametrize("encoding", NESTED)
def test_nested_coordinates_are_geometries(tmp_path: Path, encoding: str) -> None:
    path = geoparquet(tmp_path / "a.parquet", nested(NESTED[encoding]), {"encoding": encoding})
    assert list(features(dataset(path)).shapes) == list(NESTED[encoding])


def test_the_crs_of_geoparquet_is_that_of_its_column(tmp_path: Path) -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(3, 46))])
    told = {"encoding": "WKB"}
    for crs, expected in ((None, "CRS84"), (4326, "CRS84"), (2154, "EPSG/0/2154")):
        about = {**told, "crs": None if crs is None else crs_of(f"EPSG:{crs}").to_json_dict()}
        assert features(dataset(geoparquet(tmp_path / f"{crs}.parquet", wkb, about))).crs.endswith(expected)
    bare = geoparquet(tmp_path / "bare.parquet", wkb, told)
    assert features(dataset(bare)).crs.endswith("CRS84")
    assert features(dataset(bare)).mended == ()
    assert features(dataset(bare, crs="EPSG:3035")).crs.endswith("3035")


def test_nested_values_of_parquet_are_answered_as_json_has_them(tmp_path: Path) -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(3, 46))] * 2)
    path = geoparquet(
        tmp_path / "a.parquet", wkb, {"encoding": "WKB"},
        plain=pa.array([{"a": [1.5]}, None]), days=pa.array([[date(2020, 1, 2)], None]),
        pairs=pa.array([[(7, 1)], None], pa.map_(pa.int32(), pa.int32())),
    )  # fmt: skip
    first, second = rows(asked(features(dataset(path))))
    assert first["plain"] == {"a": [1.5]}
    assert [json.loads(first[n]) for n in ("days", "pairs")] == [["2020-01-02"], {"7": 1}]
    assert [second[n] for n in ("plain", "days", "pairs")] == [None] * 3


def test_what_parquet_tells_beside_the_schema_of_arrow_is_read(tmp_path: Path) -> None:
    told = {"version": "1.1.0", "primary_column": "geom", "columns": {"geom": {"encoding": "WKB"}}}
    whole = pa.table({"a": [7], "geom": [shapely.to_wkb(shapely.Point(3, 46))]})
    with pq.ParquetWriter(tmp_path / "a.parquet", whole.schema) as file:
        file.write_table(whole)
        file.add_key_value_metadata({"geo": json.dumps(told)})
    found = features(dataset(tmp_path / "a.parquet"))
    assert (list(found.shapes), found.table["a"].to_pylist()) == ([shapely.Point(3, 46)], [7])


A_UUID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([[1], [2]]), ["0", "1"]),
        (pa.array([{"a": 1}, {"a": 2}]), ["0", "1"]),
        (pa.array([[("a", 1)], [("a", 2)]], pa.map_(pa.string(), pa.int32())), ["0", "1"]),
        (pa.array([b"\xff", b"\xfe"]), ["0", "1"]),
        (pa.array([A_UUID.bytes, uuid.UUID(int=8).bytes], pa.uuid()), [str(A_UUID), str(uuid.UUID(int=8))]),
        (pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        (pa.array([3, -1], pa.int8()), ["3", "-1"]),
    ],
    ids=lambda v: str(v.type) if isinstance(v, pa.Array) else "",
)
def test_an_id_is_what_a_text_tells(tmp_path: Path, column: pa.Array, expected: list[str]) -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(3, 46))] * 2)
    found = features(dataset(geoparquet(tmp_path / "a.parquet", wkb, {"encoding": "WKB"}, id=column)))
    assert ids(asked(found)) == expected
    assert ("id_" in found.parameters) == (expected == ["0", "1"])


A_SECOND = {"ms": 1_000, "us": 1_000_000}
FIRST, LAST = -62_135_596_800, 253_402_300_799
"""0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970."""


@pytest.mark.parametrize("kind", [pa.timestamp(u, zone) for u in A_SECOND for zone in (None, "UTC")])
def test_times_that_no_date_of_four_digits_tells_are_missing(tmp_path: Path, kind: pa.DataType) -> None:
    steps = A_SECOND[kind.unit]
    given = [FIRST * steps - 1, FIRST * steps, 0, LAST * steps, (LAST + 1) * steps, 2**62, -(2**62)]
    found = beyond(tmp_path, pa.array(given).cast(kind))
    assert [r["when"] and r["when"].year for r in rows(asked(found))] == [None, 1, 1970, 9999, None, None, None]
    assert found.interval is not None
    assert found.interval[1] == "9999-12-31T23:59:59Z"


def test_dates_that_four_digits_do_not_tell_are_missing(tmp_path: Path) -> None:
    given = [-719_163, -719_162, 0, 2_932_896, 2_932_897, 10**8, -(10**8)]
    found = beyond(tmp_path, pa.array(given, pa.int32()).cast(pa.date32()))
    expected = [None, date(1, 1, 1), date(1970, 1, 1), date(9999, 12, 31), None, None, None]
    assert [r["when"] for r in rows(asked(found))] == expected


def beyond(folder: Path, when: pa.Array) -> Features:
    """Features of which each can be asked, by its id and by its time."""
    wkb = pa.array([shapely.to_wkb(shapely.Point(3, 46))] * len(when))
    found = features(dataset(geoparquet(folder / "a.parquet", wkb, {"encoding": "WKB"}, when=when)))
    for number in range(len(when)):
        assert len(rows(answer(found.dataset, Query(verb="item", ids=(str(number),))))) == 1
    inside = Interval(times.moment("1969-01-01"), times.moment("1971-01-01"))
    assert ids(asked(found, when=(inside,))) == ["0", "2", "4", "5", "6"]
    return found


# --- JSON ------------------------------------------------------------------------------------------------------------


def in_geojson(path: Path, *values: Any) -> Path:
    return geojson(path, *(feature(point(0, 0), told=v) for v in values))


def in_geopackage(path: Path, *values: Any) -> Path:
    """A layer with a column whose texts the file calls JSON."""
    wkb = pa.array([shapely.to_wkb(shapely.Point(0, 0))] * len(values), pa.binary())
    table = pa.table({"told": pa.array(values, pa.string()), "geom": wkb})
    where = path.with_suffix(".gpkg")
    pyogrio.write_arrow(table, where, layer="a", geometry_name="geom", geometry_type="Point", crs="EPSG:4326")
    with sqlite3.connect(where) as file:
        names = ("table_name", "column_name", "name", "title", "description", "mime_type", "constraint_name")
        file.execute(f"CREATE TABLE gpkg_data_columns ({', '.join(f'{n} TEXT' for n in names)})")
        file.execute("INSERT INTO gpkg_data_columns VALUES ('a', 'told', NULL, NULL, NULL, 'application/json', NULL)")
        scope = "('gpkg_data_columns', NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/', 'read-write')"
        file.execute(f"INSERT INTO gpkg_extensions VALUES {scope}")
    return where


def in_geoparquet(path: Path, *values: Any) -> Path:
    wkb = pa.array([shapely.to_wkb(shapely.Point(0, 0))] * len(values))
    told = pa.ExtensionArray.from_storage(pa.json_(), pa.array(values, pa.string()))
    return geoparquet(path, wkb, {"encoding": "WKB"}, told=told)


def told(found: Features) -> tuple[Any, list[Any]]:
    """The type and the values of the one property, as GeoJSON has them."""
    encoding = named("GeoJSON")
    assert encoding is not None
    document = json.loads(b"".join(encoding.write(asked(found), Context())))
    return found.parameters["told"].dtype, [f["properties"]["told"] for f in document["features"]]


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        (in_geojson, (12, "12a"), ["12", "12a"]),
        (in_geojson, (12, "12"), ["12", "12"]),
        (in_geojson, (1, "true", None), ["1", "true", None]),
        (in_geojson, ({"a": 1}, 'x"y'), ['{ "a": 1 }', 'x"y']),
        (in_geopackage, ('{"a":1}', "not json"), ['{"a":1}', "not json"]),
        (in_geopackage, ('{"a":1}', ""), ['{"a":1}', ""]),
        (in_geoparquet, ('{"a":1}', "oops", None), ['{"a":1}', "oops", None]),
        (in_geoparquet, ("12", '{"a":NaN}'), ["12", '{"a":NaN}']),
        (in_geoparquet, ("[1", "2]"), ["[1", "2]"]),
    ],
)
def test_what_is_not_all_json_is_texts(tmp_path: Path, source: Any, values: Any, expected: Any) -> None:
    assert told(features(dataset(source(tmp_path / "a.bin", *values)))) == ("string", expected)


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (in_geojson, ({"a": [1, None]}, {}, None)),
        (in_geopackage, ('{"a": [1, null]}', "{}", "null")),
        (in_geoparquet, ('{"a":\n[1, null]}', " {}", "null")),
    ],
)
def test_objects_and_lists_stay_what_they_are(tmp_path: Path, source: Any, values: Any) -> None:
    found = features(dataset(source(tmp_path / "a.bin", *values)))
    assert told(found) == ("object", [{"a": [1, None]}, {}, None])
    assert found.table["told"].null_count == 1


def test_parquet_that_is_damaged_or_no_geoparquet_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"a": [1]}), plain)
    with pytest.raises(Unreadable, match="tells of no geometries"):
        describe(dataset(plain))
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(plain.read_bytes()[:-9])
    with pytest.raises(Unreadable):
        describe(dataset(cut))


# --- names and shapes as files have them -----------------------------------------------------------------------------


def test_properties_called_as_ours_keep_their_values(tmp_path: Path) -> None:
    names = ("geometry", "geometry_", "wkb_geometry", "id_", "ID")
    members = [
        {"type": "Feature", "geometry": point(i, 0), "properties": {"id": "twice", **{n: f"{n}{i}" for n in names}}}
        for i in range(3)
    ]
    found = features(dataset(geojson(tmp_path / "a.geojson", *members)))
    renamed = {"id": "id__", "geometry": "geometry__"}
    for name in names:
        assert found.table[renamed.get(name, name)].to_pylist() == [f"{name}{i}" for i in range(3)]
    assert found.table["id__"].to_pylist() == ["twice"] * 3
    assert set(found.parameters) == {"id__", "geometry__", "geometry_", "wkb_geometry", "id_", "ID"}
    assert [found.parameters[n].key for n in found.parameters] == list(found.parameters)
    assert [shape.x for shape in found.shapes] == [0, 1, 2]


def test_arcs_are_told_as_straight_pieces(tmp_path: Path) -> None:
    path = tmp_path / "arcs.gpkg"
    pyogrio.raw.write(
        path, np.array([shapely.to_wkb(shapely.Point(1, 0))] * 2, object), [np.array([1, 2])], ["n"],
        geometry_type="Unknown", crs="EPSG:4326",
    )  # fmt: skip
    half = struct.pack("<BIIdddddd", 1, 8, 3, 0, 0, 1, 1, 2, 0)  # CIRCULARSTRING (0 0, 1 1, 2 0)
    with sqlite3.connect(path) as file:
        for trigger in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{trigger[0]}"')
        head = struct.pack("<2sBBi", b"GP", 0, 1, 4326)
        file.execute("UPDATE arcs SET geom = ? WHERE n = 1", (head + half,))
    arc, other = features(dataset(path)).shapes
    assert arc.length == pytest.approx(np.pi, rel=1e-3)
    assert other == shapely.Point(1, 0)


def test_files_whose_properties_have_types_of_two_kinds_are_refused_by_name(tmp_path: Path) -> None:
    one, other = (geojson(tmp_path / f"{v}.geojson", feature(point(1, 2), v=v)) for v in (1, "x"))
    with pytest.raises(Unreadable, match=r"v \(int32 and string\)"):
        describe(dataset(one, other))
