"""Rows in every format: what is read back, with a library that is not ours, is what was answered."""

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import netCDF4
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poles.coverage import Table
from poles.dataset import Dataset, Facts, Text
from poles.encodings import FORMATS, Context, named
from poles.encodings.kernels import joined
from poles.encodings.positions import GEOJSON, texts
from poles.errors import Invalid
from poles.query import CRS84
from poles.sources.rows import open_rows

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
DATASET = Dataset("places", Text("Places", "Lieux"), Text("Some", "Quelques"))
CONTEXT = Context(moment=datetime(2024, 5, 1, tzinfo=UTC), links=({"rel": "self", "href": "http://here"},))
NEXT = {"rel": "next", "href": "http://here?offset=10"}
STREAMED, SPOOLED = ("GeoJSON", "GeoJSONSeq", "CSV"), ("FlatGeobuf", "GeoParquet")
LAW = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path_factory.mktemp("state")))


def table(shapes: Any, crs: str = CRS84, size: int = 2, **columns: Any) -> Table:
    """Rows in batches of a few."""
    wkb = pa.array([None if g is None else shapely.to_wkb(g) for g in shapes], pa.binary())
    ids = pa.array([f"r{i}" for i in range(len(shapes))], pa.string())
    whole = pa.record_batch({"id": ids, **columns, "geometry": wkb})
    return Table(
        DATASET,
        whole.schema,
        lambda: iter([whole.slice(i, size) for i in range(0, len(shapes), size)]),
        crs=crs,
        matched=len(shapes),
    )


def written(name: str, answer: Table, context: Context = CONTEXT) -> bytes:
    found = named(name)
    assert found is not None
    assert found.carries(answer) is None
    return b"".join(found.write(answer, context))


# --- readers: rows as dictionaries, geometries as shapes -----------------------------------------------------------

Rows = list[dict[str, Any]]


def from_feature(feature: Any) -> dict[str, Any]:
    geometry = feature["geometry"]
    shape = None if geometry is None else shapely.from_geojson(json.dumps(geometry))
    return {"id": feature["id"], **feature["properties"], "geometry": shape}


def from_geojson(text: bytes) -> Rows:
    return [from_feature(f) for f in json.loads(text)["features"]]


def from_sequence(text: bytes) -> Rows:
    records = text.split(b"\x1e")
    assert records.pop(0) == b""
    assert all(r.endswith(b"\n") and r.count(b"\n") == 1 for r in records)
    return [from_feature(json.loads(r)) for r in records]


def from_csv(text: bytes) -> Rows:
    rows: Rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
    for row in rows:
        if "geometry" in row:
            row["geometry"] = shapely.from_wkt(row["geometry"]) if row["geometry"] else None
        else:
            place = [row.pop(n, "") for n in ("longitude", "latitude", "z")]
            row["geometry"] = shapely.Point([float(p) for p in place if p]) if place[0] else None
    return rows


def from_flatgeobuf(content: bytes) -> Rows:
    """The geometries apart: GDAL's own Arrow reader stumbles over one that is null."""
    _, _, shapes, _ = pyogrio.raw.read(content, columns=[])
    rows = pyogrio.read_arrow(content, read_geometry=False, datetime_as_string=True)[1].to_pylist()
    return [{**r, "geometry": None if g is None else shapely.from_wkb(g)} for r, g in zip(rows, shapes, strict=True)]


def from_geoparquet(content: bytes) -> Rows:
    rows: Rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    return [{**r, "geometry": None if r["geometry"] is None else shapely.from_wkb(r["geometry"])} for r in rows]


READERS: dict[str, Callable[[bytes], Rows]] = {
    "GeoJSON": from_geojson,
    "GeoJSONSeq": from_sequence,
    "CSV": from_csv,
    "FlatGeobuf": from_flatgeobuf,
    "GeoParquet": from_geoparquet,
}


def read(name: str, answer: Table) -> Rows:
    return READERS[name](written(name, answer))


# --- law 6: what is decoded is what was encoded --------------------------------------------------------------------

FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e-7, 1e20, 1e21, 123456789.125, 5e-324, 1.7976931348623157e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5))


KINDS = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")


def shape_of(draw: st.DrawFn, kind: str, z: bool) -> Any:
    """A shape of any positions: it need not be valid."""

    def places(fewest: int) -> list[tuple[float, ...]]:
        count = draw(st.integers(fewest, fewest + 2))
        return [tuple(draw(FLOATS) for _ in range(2 + z)) for _ in range(count)]

    if kind == "GeometryCollection":
        return shapely.GeometryCollection(
            [shape_of(draw, k, z) for k in draw(st.sampled_from([KINDS[:2], KINDS[2:4]]))]
        )
    if kind.startswith("Multi"):
        parts = [shape_of(draw, kind.removeprefix("Multi"), z) for _ in range(draw(st.integers(1, 3)))]
        return getattr(shapely, kind)(parts)
    if kind == "Polygon":
        return shapely.Polygon(places(3), [places(3) for _ in range(draw(st.integers(0, 2)))])
    return shapely.Point(places(1)[0]) if kind == "Point" else shapely.LineString(places(2))


@st.composite
def layers(draw: st.DrawFn) -> list[Any]:
    """Shapes of one type, as most data are, or of any; flat, with z, or both."""
    kinds = draw(st.sampled_from([*((k,) for k in KINDS), ("Polygon", "MultiPolygon"), KINDS]))
    high = draw(st.sampled_from([(False,), (True,), (False, True)]))
    count = draw(st.integers(0, 5))
    return [
        None
        if draw(st.integers(0, 4)) == 4
        else shape_of(draw, draw(st.sampled_from(kinds)), draw(st.sampled_from(high)))
        for _ in range(count)
    ]


def alike(found: Any, given: Any) -> bool:
    """Equal to the last bit of every position, z and type included; 0 and -0 are one."""
    if found is None or given is None:
        return found is None and given is None
    if found.has_z != given.has_z or found.geom_type != given.geom_type:
        return False
    return bool(shapely.equals_exact(found, given)) and np.array_equal(
        *(shapely.get_coordinates(g, include_z=g.has_z) for g in (found, given))
    )


def is_no_layer(given: list[Any]) -> bool:
    """Whether FlatGeobuf would lose a z: that of shapes of several types."""
    kinds = {(g.geom_type.removeprefix("Multi"), g.has_z) for g in given if g is not None}
    return len(kinds) > 1 and any(z for _, z in kinds)


@LAW
@given(layers(), st.data())
@pytest.mark.parametrize("name", READERS)
def test_any_rows_come_back(name: str, given: list[Any], data: st.DataObject) -> None:
    count = len(given)
    names = data.draw(st.lists(TEXTS, min_size=count, max_size=count))
    depths = data.draw(st.lists(st.one_of(st.none(), FLOATS), min_size=count, max_size=count))
    answer = table(given, name=pa.array(names, pa.string()), depth=pa.array(depths, pa.float64()))
    if name == "FlatGeobuf" and is_no_layer(given):
        with pytest.raises(Invalid, match="GeoParquet"):
            read(name, answer)
        return
    found = read(name, answer)
    assert [r["id"] for r in found] == [f"r{i}" for i in range(count)]
    for row, shape, text, depth in zip(found, given, names, depths, strict=True):
        promoted = name == "FlatGeobuf" and shape is not None and row["geometry"].geom_type != shape.geom_type
        assert alike(row["geometry"].geoms[0] if promoted else row["geometry"], shape)
        if name == "CSV":
            assert row["name"] == (text or "")
            assert (float(row["depth"]) if row["depth"] else None) == depth
        else:
            assert row["name"] == text
            assert (None if row["depth"] is None or math.isnan(row["depth"]) else row["depth"]) == depth


@LAW
@given(layers(), st.booleans())
def test_geometries_in_geojson_are_those_of_geos(given: list[Any], swapped: bool) -> None:
    wkb = pa.array([None if g is None else shapely.to_wkb(g) for g in given], pa.binary())
    found = joined(texts(wkb, GEOJSON, swapped), None).to_pylist() if given else []
    for text, shape in zip(found, given, strict=True):
        turned = shape
        if swapped and shape is not None:
            turned = shapely.transform(shape, lambda c: c[:, [1, 0, 2][: c.shape[1]]], include_z=shape.has_z)
        assert (text and json.loads(text)) == (None if turned is None else json.loads(shapely.to_geojson(turned)))


@pytest.mark.parametrize(
    "shapes",
    [
        shapely.points(np.arange(20.0).reshape(10, 2)),
        np.array([shapely.Point(i, 0).buffer(1 + i).difference(shapely.Point(i, 0).buffer(i / 9)) for i in range(10)]),
    ],
)
def test_a_slice_of_rows_is_that_slice(shapes: Any) -> None:
    column = pa.array(shapely.to_wkb(shapes), pa.binary()).slice(3, 4)
    found = [shapely.from_geojson(t) for t in joined(texts(column, GEOJSON), None).to_pylist()]
    assert found == shapes[3:7].tolist()


@pytest.mark.parametrize("cut", [3, 9, 12, 13, 40, -16, -1])
def test_a_damaged_geometry_breaks_the_document(cut: int) -> None:
    good = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    for wkb in ([good, good[:cut]], [good[:cut], good], [good[:5] + b"\xff\xff\xff\xff" + good[9:]]):
        whole = pa.record_batch({"id": [str(i) for i in range(len(wkb))], "geometry": pa.array(wkb, pa.binary())})
        answer = Table(DATASET, whole.schema, lambda whole=whole: iter([whole]))
        for name in READERS:
            with pytest.raises(shapely.GEOSException):
                written(name, answer)


@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_z_survives_however_wkb_spells_it(flavor: str) -> None:
    for shape in (shapely.Point(1, 2, 0), shapely.LineString([(0, 0, 1), (1, 1, 2)])):
        for order in (0, 1):
            wkb = pa.array([shapely.to_wkb(shape, flavor=flavor, byte_order=order)] * 2, pa.binary())
            answer = table([shape, shape])
            whole = pa.record_batch({"id": ["a", "b"], "geometry": wkb})
            answer = replace(answer, schema=whole.schema, batches=lambda whole=whole: iter([whole]))
            for name in READERS:
                assert all(alike(r["geometry"], shape) for r in read(name, answer)), name
            (stored, _) = parquet.read_table(io.BytesIO(written("GeoParquet", answer)))["geometry"].to_pylist()
            assert stored == shapely.to_wkb(shape, flavor="iso")


def test_m_is_left_out_where_a_format_has_none() -> None:
    given = [shapely.from_wkt("POINT M (1 2 9)"), shapely.from_wkt("POINT ZM (1 2 3 9)")]
    assert [f["geometry"]["coordinates"] for f in json.loads(written("GeoJSON", table(given)))["features"]] == [
        [1.0, 2.0],
        [1.0, 2.0, 3.0],
    ]
    wkb = [shapely.to_wkb(r["geometry"], flavor="iso") for r in read("GeoParquet", table(given))]
    assert wkb == [shapely.to_wkb(shapely.Point(1, 2)), shapely.to_wkb(shapely.Point(1, 2, 3), flavor="iso")]


@pytest.mark.parametrize("name", READERS)
def test_what_holds_no_place_has_no_geometry(name: str) -> None:
    with np.errstate(invalid="ignore"):
        far = [shapely.LineString([(0, 0), (x, 1)]) for x in (np.nan, np.inf)]
    given = [shapely.Point(), shapely.Polygon(), *far, shapely.Point(0, 0)]
    found = [r["geometry"] for r in read(name, table(given))]
    assert found == [*[None] * (len(given) - 1), shapely.Point(0, 0)]


def test_parts_without_a_position_are_left_out_of_geojson() -> None:
    given = [shapely.from_wkt("MULTIPOLYGON (EMPTY, ((0 0, 1 0, 1 1, 0 0)))"), shapely.from_wkt("MULTIPOINT (EMPTY)")]
    first, second = json.loads(written("GeoJSON", table(given)))["features"]
    assert first["geometry"]["coordinates"] == [[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]]
    assert second["geometry"] is None


# --- columns -------------------------------------------------------------------------------------------------------

MOMENT = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
COLUMNS: dict[str, tuple[pa.DataType, Any, dict[str, Any]]] = {
    "tiny": (pa.int8(), -128, {}),
    "count": (pa.int32(), -(2**31), {}),
    "large": (pa.int64(), 2**53 + 1, {}),
    "larger": (pa.uint64(), 2**64 - 1, {"FlatGeobuf": str(2**64 - 1)}),
    "zero": (pa.int64(), 0, {}),
    "half": (pa.float16(), np.float16(0.1), {"GeoJSON": 0.1, "CSV": "0.1", "FlatGeobuf": float(np.float16(0.1))}),
    "single": (pa.float32(), 0.1, {"FlatGeobuf": float(np.float32(0.1)), "GeoParquet": float(np.float32(0.1))}),
    "double": (pa.float64(), 1e-7, {"CSV": "1e-7"}),
    "flag": (pa.bool_(), False, {"CSV": "false"}),
    "moment": (
        pa.timestamp("ms", "UTC"),
        MOMENT,
        dict.fromkeys(("GeoJSON", "CSV", "FlatGeobuf"), "2020-02-29T12:30:15.250Z"),
    ),
    "day": (
        pa.date32(),
        date(2020, 2, 29),
        {"GeoJSON": "2020-02-29", "CSV": "2020-02-29", "FlatGeobuf": "2020-02-29T00:00:00"},
    ),
    "word": (pa.dictionary(pa.int32(), pa.string()), 'a "b", c', {}),
    "tags": (pa.list_(pa.string()), ["a", "b,c"], {"CSV": '["a","b,c"]', "FlatGeobuf": '["a","b,c"]'}),
    "owner": (pa.struct({"n": pa.int32()}), {"n": 0}, {"CSV": '{"n":0}', "FlatGeobuf": '{"n":0}'}),
    "cost": (pa.decimal128(9, 2), Decimal("12.50"), {"GeoJSON": 12.5, "CSV": "12.50", "FlatGeobuf": 12.5}),
    "raw": (pa.binary(), b"\0x", {"GeoJSON": "AHg=", "CSV": "AHg="}),
    "span": (pa.duration("s"), timedelta(0), {"GeoJSON": 0, "CSV": "0", "FlatGeobuf": "0"}),
    "wide": (pa.large_string(), "é", {}),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("key", COLUMNS)
def test_a_value_of_any_type_survives_and_what_is_missing_is_missing(name: str, key: str) -> None:
    kind, value, told = COLUMNS[key]
    given = pa.array([value, None], pa.string() if pa.types.is_dictionary(kind) else kind)
    first, second = read(name, table([shapely.Point(0, 0)] * 2, **{key: given.cast(kind)}))
    plain = str(value) if name == "CSV" else value
    assert first[key] == told.get("GeoJSON" if name == "GeoJSONSeq" else name, plain)
    assert second[key] in ("", None) or math.isnan(second[key])


def test_a_column_of_real_numbers_has_no_integers_in_geojson() -> None:
    """A client takes a column for what its first values are."""
    text = written("GeoJSON", table([None] * 3, depth=pa.array([0.0, -20.0, None]), n=pa.array([0, 1, None])))
    assert b'"depth":0.0,"n":0' in text
    assert b'"depth":-20.0,"n":1' in text


@pytest.mark.parametrize(
    "names",
    [
        ("OGC_FID",),
        ("Geometry", "GEOMETRY"),
        ("wkb_geometry", "_geometry"),
        ("fid", "ID"),
        ("Id", "ID_", "ID"),
        ("é", "É"),
    ],
)
def test_flatgeobuf_keeps_properties_whose_names_gdal_mixes_up(names: tuple[str, ...]) -> None:
    columns = {name: pa.array([f"kept {name}"]) for name in names}
    (row,) = read("FlatGeobuf", table([shapely.Point(1, 2)], **columns))
    assert row.pop("geometry") == shapely.Point(1, 2)
    assert row.pop("id") == "r0"
    assert list(row.values()) == [f"kept {name}" for name in names]
    assert [told.rstrip("_") for told in row] == [name.rstrip("_") for name in names]


def test_flatgeobuf_keeps_the_types_of_its_columns() -> None:
    columns = {k: pa.nulls(1, COLUMNS[k][0]) for k in ("count", "large", "single", "double", "flag", "moment", "wide")}
    meta = pyogrio.read_info(written("FlatGeobuf", table([shapely.Point(0, 0)], **columns)))
    assert dict(zip(meta["fields"].tolist(), meta["ogr_types"], strict=True)) == {
        "id": "OFTString",
        "count": "OFTInteger",
        "large": "OFTInteger64",
        "single": "OFTReal",
        "double": "OFTReal",
        "flag": "OFTInteger",
        "moment": "OFTDateTime",
        "wide": "OFTString",
    }
    assert list(meta["ogr_subtypes"])[3:6] == ["OFSTFloat32", "OFSTNone", "OFSTBoolean"]


@pytest.mark.parametrize("name", READERS)
def test_no_rows_at_all_are_a_whole_document(name: str) -> None:
    for answer in (table([], n=pa.array([], pa.int32())), replace(table([]), geometry=None)):
        assert read(name, answer) == []


@pytest.mark.parametrize("name", READERS)
def test_rows_without_geometry_are_rows(name: str) -> None:
    whole = pa.record_batch({"id": ["a", "b"], "n": [0, None]})
    bare = Table(DATASET, whole.schema, lambda: iter([whole]), geometry=None)
    if name == "GeoParquet":
        assert parquet.read_table(io.BytesIO(written(name, bare))).to_pylist() == whole.to_pylist()
    elif name == "CSV":
        assert written(name, bare) == b"id,n\r\na,0\r\nb,\r\n"
    else:
        found = read(name, bare)
        assert [(r["id"], r["geometry"]) for r in found] == [("a", None), ("b", None)]


@pytest.mark.parametrize("missing", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("name", ["GeoJSON", "GeoJSONSeq", "FlatGeobuf", "GeoParquet"])
def test_rows_that_were_written_can_be_published(tmp_path: Path, name: str, missing: tuple[int, ...]) -> None:
    given = [None if i in missing else shapely.Point(i, i + 0.5) for i in range(3)]
    file = tmp_path / "rows"
    file.write_bytes(written(name, table(given, n=pa.array([0, None, 7]))))
    found = open_rows(str(file), DATASET)
    assert (found.kind, found.roles, found.crs) == ("features", {"id": "id"}, CRS84)
    assert found.geometry is not None
    shapes = [None if g is None else shapely.from_wkb(g) for g in found.table[found.geometry].to_pylist()]
    assert (shapes, found.table["id"].to_pylist()) == (given, ["r0", "r1", "r2"])
    assert found.table["n"].to_pylist() == [0, None, 7]


# --- what each format says -----------------------------------------------------------------------------------------


def test_a_sequence_is_this() -> None:
    answer = table([shapely.Point(1, 2), None], n=pa.array([0, None], pa.int32()))
    assert written("GeoJSONSeq", answer) == (
        b'\x1e{"type":"Feature","id":"r0","geometry":{"type":"Point","coordinates":[1.0,2.0]},"properties":{"n":0}}\n'
        b'\x1e{"type":"Feature","id":"r1","geometry":null,"properties":{"n":null}}\n'
    )
    found = named("application/geo+json-seq")
    assert found is not None
    assert found.media_type == "application/geo+json-seq"


@pytest.mark.parametrize(
    ("matched", "more", "link"),
    [(None, True, True), (None, False, False), (12, True, False), (None, None, False)],
)
def test_the_rows_themselves_tell_whether_others_follow(matched: Any, more: Any, link: bool) -> None:
    """`next` is written last, after the rows, where they are not counted."""
    given, asked = table([shapely.Point(0, 0)] * 3), []
    answer = replace(given, matched=matched, more=None if more is None else lambda: bool(asked) and more)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from given.batches()
        asked.append("all")

    document = json.loads(written("GeoJSON", replace(answer, batches=batches), replace(CONTEXT, next=NEXT)))
    assert document["links"] == [*CONTEXT.links, *([NEXT] if link else [])]
    assert ("numberMatched" in document) == (matched is not None)
    assert document["numberReturned"] == 3


def test_geoparquet_tells_types_box_and_crs() -> None:
    given = [shapely.Point(1, 2), None, shapely.box(0, 0, 5, 7), shapely.Polygon()]
    lambert = parquet.read_metadata(io.BytesIO(written("GeoParquet", table(given, EPSG + "2154"))))
    geo = json.loads(lambert.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    column = geo["columns"]["geometry"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 2154}
    assert {k: v for k, v in column.items() if k != "crs"} == {
        "encoding": "WKB",
        "geometry_types": ["Point", "Polygon"],
        "bbox": [0.0, 0.0, 5.0, 7.0],
    }


def test_geoparquet_of_crs84_names_no_crs_and_of_heights_has_a_high_box() -> None:
    content = written("GeoParquet", table([shapely.Point(1, 2, -3), shapely.Point(0, 0)]))
    assert json.loads(parquet.read_metadata(io.BytesIO(content)).metadata[b"geo"])["columns"]["geometry"] == {
        "encoding": "WKB",
        "geometry_types": ["Point", "Point Z"],
        "bbox": [0.0, 0.0, -3.0, 1.0, 2.0, -3.0],
    }
    empty = json.loads(parquet.read_metadata(io.BytesIO(written("GeoParquet", table([])))).metadata[b"geo"])
    assert empty["columns"]["geometry"] == {"encoding": "WKB", "geometry_types": []}


def test_duckdb_takes_geoparquet_for_geometries(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    file.write_bytes(written("GeoParquet", table([shapely.Point(1.5, 2), None], name=["a", "b"])))
    with duckdb.connect() as engine:
        found = engine.execute("SELECT typeof(geometry), geometry::VARCHAR FROM read_parquet(?)", [str(file)])
        assert [(k.startswith("GEOMETRY"), g) for k, g in found.fetchall()] == [(True, "POINT (1.5 2)"), (True, None)]


@pytest.mark.parametrize("crs", ["2154", "4326", "3857", "4258"])
def test_x_stands_before_y_in_files_whatever_the_authority_says(crs: str) -> None:
    """GeoJSON over the API follows the authority, FlatGeobuf and GeoParquet never do."""
    answer = table([shapely.Point(2, 48)], EPSG + crs)
    assert read("FlatGeobuf", answer)[0]["geometry"] == shapely.Point(2, 48)
    assert read("GeoParquet", answer)[0]["geometry"] == shapely.Point(2, 48)
    assert pyogrio.read_info(written("FlatGeobuf", answer))["crs"] == f"EPSG:{crs}"
    northing_first = crs in ("4326", "4258")
    assert read("GeoJSON", answer)[0]["geometry"] == (shapely.Point(48, 2) if northing_first else shapely.Point(2, 48))
    assert read("GeoJSONSeq", answer)[0]["geometry"] == read("GeoJSON", answer)[0]["geometry"]


def test_flatgeobuf_keeps_the_order_of_the_rows_and_has_a_title() -> None:
    given = [shapely.Point(x, 0) for x in (170, -170, 0, 90, -90)]
    content = written("FlatGeobuf", table(given))
    assert [r["geometry"] for r in from_flatgeobuf(content)] == given
    info = pyogrio.read_info(content)
    assert (info["layer_name"], info["features"], info["geometry_type"]) == ("places", 5, "Point")
    assert b"Places" in content


def test_single_and_multiple_shapes_with_z_are_all_multiple_in_flatgeobuf() -> None:
    one = shapely.Polygon([(0, 0, 5), (1, 0, 5), (1, 1, 5)])
    two = shapely.MultiPolygon([one, one])
    found = [r["geometry"] for r in read("FlatGeobuf", table([one, None, two]))]
    assert [g and (g.geom_type, len(g.geoms), g.has_z) for g in found] == [
        ("MultiPolygon", 1, True),
        None,
        ("MultiPolygon", 2, True),
    ]


def test_points_of_many_batches_are_numbers_in_csv_where_the_data_are_known_to_be_points() -> None:
    known = replace(DATASET, facts=Facts("1", "features", (), None, None, feature_type="Point"))
    answer = table([shapely.Point(i, i + 0.5) for i in range(9)])
    assert written("CSV", replace(answer, dataset=known)).splitlines()[:2] == [b"id,longitude,latitude", b"r0,0,0.5"]
    assert written("CSV", answer).splitlines()[:2] == [b"id,geometry", b'r0,"POINT (0.0 0.5)"']
    late = replace(table([*[shapely.Point(0, 0)] * 6, shapely.Point(0, 0, 1)]), dataset=known)
    with pytest.raises(ValueError, match="without z"):
        written("CSV", late)


# --- streams -------------------------------------------------------------------------------------------------------


class BrokenError(Exception):
    """Of the source."""


def breaking(rows: int) -> Table:
    """A table whose source fails after some rows."""
    whole = table([shapely.Point(0, 0)] * rows, size=10_000)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from whole.batches()
        raise BrokenError

    return replace(whole, batches=batches)


@pytest.mark.parametrize("name", STREAMED)
def test_an_error_of_the_source_breaks_a_stream_and_never_ends_it(name: str) -> None:
    found = named(name)
    assert found is not None
    pieces = []
    with pytest.raises(BrokenError):
        pieces.extend(found.write(breaking(30_000), CONTEXT))
    for piece in found.write(table([shapely.Point(0, 0)] * 30_000, size=10_000), CONTEXT):
        pieces.append(piece)
        break
    assert pieces, "nothing was streamed before the error"


@pytest.mark.parametrize("name", SPOOLED)
def test_an_error_of_the_source_comes_before_the_first_byte_of_a_file(name: str, tmp_path: Path) -> None:
    found = named(name)
    assert found is not None
    with pytest.raises(BrokenError):
        next(iter(found.write(breaking(30_000), CONTEXT)))


def test_nothing_is_left_in_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path))
    for name in SPOOLED:
        written(name, table([shapely.Point(0, 0)] * 3))
        with pytest.raises(BrokenError):
            written(name, breaking(3))
    assert list(tmp_path.rglob("*.*")) == []


GROWTH = """
import resource, sys
import numpy as np, pyarrow as pa, shapely
from poles.coverage import Table
from poles.dataset import Dataset, Facts, Text
from poles.encodings import Context, named

kind, rows, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
text = Text("a", "a")
facts = Facts("1", "features", (), None, None, feature_type=kind)
dataset = Dataset("d", text, text, facts=facts)
circle = np.linspace(0, 2 * np.pi, 65)
ring = np.stack([np.cos(circle), np.sin(circle)], axis=1)
ring[-1] = ring[0]

def batch(start, count):
    index = np.arange(start, start + count)
    places = np.stack([index * 1e-4 % 180, index * 1e-5 % 90], axis=1)
    shapes = shapely.points(places) if kind == "Point" else shapely.polygons(places[:, None] + ring)
    return pa.record_batch({
        "id": pa.array(index).cast(pa.string()), "name": pa.array([f"the place called {i}" for i in index]),
        "depth": index * 0.37, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
    })

def table(total):
    return Table(dataset, batch(0, 1).schema, lambda: (batch(i, 10_240) for i in range(0, total, 10_240)))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def passed(name, total):
    return sum(len(p) for p in named(name).write(table(total), Context()))

for name in names:
    passed(name, 20_480)
before = peak()
for name in names:
    size = passed(name, rows)
    print(name, peak() - before, size / 2**20)
"""


@pytest.mark.parametrize(("kind", "rows", "bound"), [("Point", 200_000, 26), ("Polygon", 20_000, 30)])
def test_memory_is_bounded_however_many_rows_there_are(kind: str, rows: int, bound: float) -> None:
    """By what a few batches need, far below the 32 and 52 MB that these are as text."""
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, kind, str(rows), *SPOOLED, *STREAMED], capture_output=True, text=True, check=True
    )
    grown = {name: float(by) for name, by, _ in map(str.split, run.stdout.splitlines())}
    assert set(grown) == set(READERS)
    assert all(by < bound for by in grown.values()), grown


def test_every_format_of_rows_is_read_here() -> None:
    assert {f.name for f in FORMATS if "table" in f.kinds} == {*READERS, "NetCDF"}


def test_no_points_at_all_are_a_point_file() -> None:
    with netCDF4.Dataset("memory", memory=written("NetCDF", table([], n=pa.array([], pa.int32())))) as file:
        assert (file.featureType, len(file.dimensions["obs"]), sorted(file.variables)) == (
            "point",
            0,
            ["id", "lat", "lon", "n"],
        )
