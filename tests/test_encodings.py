"""What is written is what was answered: every format read back with a library that is not ours."""

import csv as csv_reader
import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import cftime
import jsonschema
import netCDF4
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet
import pyogrio
import pytest
import rasterio
import shapely
from covjson_pydantic.coverage import Coverage as CoverageOracle
from covjson_pydantic.coverage import CoverageCollection as CollectionOracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poles import times
from poles.coverage import Axis, Block, Composite, Coverage, Coverages, Table
from poles.dataset import AxisFacts, Category, Contact, Dataset, Described, Facts, Text
from poles.encodings import FORMATS, Context, choose, named
from poles.encodings.udunits import udunits
from poles.errors import Invalid, NotAcceptable
from poles.query import CRS84

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
SEA = Text("Sea surface temperature", "Température de surface de la mer")
DATASET = Dataset(
    "sst",
    SEA,
    Text("Weekly means", "Moyennes hebdomadaires"),
    licence="CC-BY-4.0",
    doi="10.1234/abc",
    pole="odatis",
    citation="Someone (2020)",
    contacts=(Contact("A. Person", "author", "a@b.org", "CNRS"),),
)
SST = Described("sst", SEA, "Cel", standard_name="sea_surface_temperature", property="http://vocab.example/sst")
CONTEXT = Context(
    url="http://here/position?x=1",
    moment=datetime(2024, 5, 1, tzinfo=UTC),
    links=({"rel": "next", "href": "http://here?offset=10"},),
)
LANDS = Described(
    "mask",
    Text("Mask", "Masque"),
    "1",
    categories=(Category(0, Text("sea", "mer")), Category(1, Text("dry land", "terre"))),
    dtype="integer",
)


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path_factory.mktemp("state")))


def block(values: Any, dims: tuple[str, ...], step: int = 1000) -> Block:
    """A block cut along its first long axis, as sources cut it."""
    array = np.asarray(values)
    at = next((i for i, n in enumerate(array.shape) if n > 1), 0)

    def blocks() -> Iterator[np.ndarray]:
        if array.ndim == 0:
            yield array
            return
        for start in range(0, array.shape[at], step):
            yield array[(slice(None),) * at + (slice(start, start + step),)]

    return Block(dims, array.shape, array.dtype, blocks)


def series(values: Any = (20.5, np.nan, 0.0), start: int = 0, **more: Any) -> Coverage:
    found = np.asarray(values, np.float32)
    axes = (
        Axis("t", np.int64(start) + np.arange(len(found)) * 3_600_000, calendar="standard"),
        Axis("y", np.array([48.5])),
        Axis("x", np.array([-4.5])),
    )
    return replace(
        Coverage("PointSeries", axes, {"sst": block(found.reshape(-1, 1, 1), ("t", "y", "x"))}, {"sst": SST}, CRS84),
        **more,
    )


def grid(values: Any, crs: str = CRS84, key: str = "sst", **axes: Any) -> Coverages:
    """A grid over y and x, with the axes given before them."""
    array = np.asarray(values)
    ny, nx = array.shape[-2:]
    before = tuple(a for a in axes.pop("before", ()))
    y, x = axes.pop("y", np.arange(ny) + 40.0), axes.pop("x", np.arange(nx) - 5.0)
    dims = (*(a.name for a in before), "y", "x")
    whole = (*before, Axis("y", np.asarray(y, float)), Axis("x", np.asarray(x, float)))
    described = replace(SST, key=key)
    return Coverages(DATASET, (Coverage("Grid", whole, {key: block(array, dims, 2)}, {key: described}, crs, **axes),))


def written(name: str, answer: Any, context: Context = CONTEXT) -> bytes:
    found = named(name)
    assert found is not None
    return b"".join(found.write(answer, context))


def lines(answer: Any) -> list[dict[str, str]]:
    return list(csv_reader.DictReader(io.StringIO(written("CSV", answer).decode(), newline="")))


def netcdf(answer: Any) -> netCDF4.Dataset:
    return netCDF4.Dataset("memory", memory=written("NetCDF", answer))


# --- law 6, over any coverage --------------------------------------------------------------------------------------

NUMBERS = st.sampled_from([np.nan, 0.0, -0.0, 0.1, 1e-7, 1e20, -273.15, 16777216.0, 3.0])
CALENDARS = st.sampled_from(["standard", "360_day", "noleap"])


@st.composite
def any_grid(draw: st.DrawFn) -> Coverages:
    """A grid with any of the axes t, member, z before y and x, and two parameters, one of which may lack some."""
    calendar = draw(CALENDARS)
    steps = draw(st.integers(1, 3))
    t = Axis("t", np.arange(steps) * draw(st.sampled_from([86_400_000, 500])) + 5_097_600_000, calendar=calendar)
    member = Axis("member", np.array(["a,b", 'c"', "é"][: draw(st.integers(1, 3))], object), key="realization")
    z = Axis("z", np.array([0.0, 10.0, 50.5][: draw(st.integers(1, 3))]), unit="m", key="depth", positive="down")
    before = [a for a in (t, member, z) if draw(st.booleans())]
    y, x = Axis("y", np.arange(draw(st.integers(1, 3))) * 0.5), Axis("x", np.arange(draw(st.integers(1, 4))) + 0.1)
    axes = (*before, y, x)
    ranges = {}
    for key, dtype in (("full", draw(st.sampled_from(["f4", "f8", ">f4", "i2", "u1", "i8", "O"]))), ("part", "f4")):
        taken = [a for a in axes if key == "full" or a.name in "yx" or draw(st.booleans())]
        shape = tuple(len(a) for a in taken)
        size = int(np.prod(shape))
        if dtype == "O":
            flat = np.array(
                draw(st.lists(st.sampled_from(["<b>", None, "né", 'q"q', "a,b"]), min_size=size, max_size=size)), object
            )
        elif "f" in dtype:
            flat = np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size))).astype(dtype)
        else:
            flat = np.array(draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))).astype(dtype)
        ranges[key] = block(flat.reshape(shape), tuple(a.name for a in taken), draw(st.integers(1, 3)))
    described = {key: Described(key, SEA, "Cel") for key in ranges}
    return Coverages(DATASET, (Coverage("Grid", axes, ranges, described, CRS84),))


LAW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def told(axis: Axis) -> list[Any]:
    """The values of an axis as a client reads them."""
    return times.texts(axis.values, axis.calendar or "standard") if axis.name == "t" else axis.values.tolist()


def expected(coverage: Coverage) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every value by its place on all axes."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    arrays = {k: b.array() for k, b in coverage.ranges.items()}
    for index in product(*(range(len(a)) for a in coverage.axes)):
        at = dict(zip((a.name for a in coverage.axes), index, strict=True))
        place = tuple(told(a)[i] for a, i in zip(coverage.axes, index, strict=True))
        found[place] = {k: plain(arrays[k][tuple(at[d] for d in b.dims)]) for k, b in coverage.ranges.items()}
    return found


def plain(value: Any) -> Any:
    found = value.item() if isinstance(value, np.generic) else value
    return None if found is None or found != found else found


def same(a: Any, b: Any, dtype: np.dtype[Any]) -> bool:
    """Equal as values of the type that was answered: float32 0.1 is written 0.1."""
    if a is None or b is None or dtype.kind == "O":
        return a == b
    return bool(dtype.type(a) == dtype.type(b))


@LAW
@given(any_grid())
def test_what_coveragejson_says_is_what_was_answered(answer: Coverages) -> None:
    coverage, document = answer.members[0], json.loads(written("CoverageJSON", answer))
    axes = document["domain"]["axes"]
    assert {n: a["values"] for n, a in axes.items()} == {a.name: told(a) for a in coverage.axes}
    values = {k: np.array(r["values"], object).reshape(r["shape"]) for k, r in document["ranges"].items()}
    for place, wanted in expected(coverage).items():
        index = {a.name: told(a).index(v) for a, v in zip(coverage.axes, place, strict=True)}
        for key, value in wanted.items():
            found = values[key][tuple(index[d] for d in document["ranges"][key]["axisNames"])]
            assert same(found, value, coverage.ranges[key].dtype)


@LAW
@given(any_grid())
def test_what_csv_says_is_what_was_answered(answer: Coverages) -> None:
    coverage, found = answer.members[0], lines(answer)
    wanted = expected(coverage)
    assert len(found) == len(wanted)
    for row, (place, values) in zip(found, wanted.items(), strict=True):
        for axis, value in zip(coverage.axes, place, strict=True):
            assert (row[axis.name] if isinstance(value, str) else float(row[axis.name])) == value
        for key, value in values.items():
            text = None if row[key] == "" else row[key] if isinstance(value, str) else float(row[key])
            assert same(text, value, coverage.ranges[key].dtype)


@LAW
@given(any_grid())
def test_what_geojson_says_is_what_was_answered(answer: Coverages) -> None:
    coverage, document = answer.members[0], json.loads(written("GeoJSON", answer))
    wanted = expected(coverage)
    assert document["numberReturned"] == len(document["features"]) == len(wanted)
    for feature, (place, values) in zip(document["features"], wanted.items(), strict=True):
        at = dict(zip((a.name for a in coverage.axes), place, strict=True))
        levels = [at["z"]] if "z" in at else []
        assert feature["geometry"] == {"type": "Point", "coordinates": [at["x"], at["y"], *levels]}
        assert feature["properties"]["datetime"] == at.get("t", "../..")
        for key, value in values.items():
            assert same(feature["properties"][key], value, coverage.ranges[key].dtype)


@LAW
@given(any_grid())
def test_what_netcdf_says_is_what_was_answered(answer: Coverages) -> None:
    coverage = answer.members[0]
    names = {"t": "time", "y": "lat", "x": "lon", "z": "depth", "member": "realization"}
    with netcdf(answer) as file:
        for axis in coverage.axes:
            variable = file[names[axis.name]]
            if axis.name == "t":
                dates = cftime.num2date(variable[:], variable.units, variable.calendar)
                found = [d.strftime("%Y-%m-%dT%H:%M:%S") + (".500" if d.microsecond else "") + "Z" for d in dates]
            else:
                found = variable[:].tolist()
            assert found == told(axis)
        for key, told_block in coverage.ranges.items():
            variable = file[key]
            variable.set_auto_mask(False)
            assert variable.dimensions == tuple(names[d] for d in told_block.dims)
            wanted = told_block.array()
            if wanted.dtype == object:
                assert variable[:].tolist() == np.where(wanted == None, "", wanted).tolist()  # noqa: E711
            else:
                assert np.dtype(variable.dtype) == wanted.dtype.newbyteorder("=")
                np.testing.assert_array_equal(variable[:], wanted)


@LAW
@given(any_grid())
def test_what_geotiff_says_is_what_was_answered(answer: Coverages) -> None:
    coverage = answer.members[0]
    form = named("GeoTIFF")
    assert form is not None
    if form.carries(answer) is not None:
        with pytest.raises(Invalid):
            written("GeoTIFF", answer)
        return
    y, x = coverage.axes[-2:]
    with rasterio.MemoryFile(written("GeoTIFF", answer)) as memory, memory.open() as file:
        bands = iter(file.read())
        for told_block in coverage.ranges.values():
            for plane in told_block.array().reshape(-1, len(y), len(x)):
                np.testing.assert_array_equal(next(bands)[::-1], plane.astype(file.dtypes[0]))
        assert next(bands, None) is None
        assert file.xy(0, 0) == pytest.approx((x.values[0], y.values[-1]))
        assert [d.split()[0] for d in file.descriptions] == [
            k for k, b in coverage.ranges.items() for _ in range(b.size // (len(y) * len(x)))
        ]


@LAW
@given(any_grid(), st.integers(1, 4))
def test_how_a_block_is_cut_changes_nothing(answer: Coverages, step: int) -> None:
    coverage = answer.members[0]
    cut = replace(coverage, ranges={k: block(b.array(), b.dims, step) for k, b in coverage.ranges.items()})
    for name in ("CoverageJSON", "CSV", "GeoJSON"):
        assert written(name, answer) == written(name, replace(answer, members=(cut,)))


# --- CoverageJSON --------------------------------------------------------------------------------------------------


def test_a_point_series_is_this_document() -> None:
    label = {"en": "Sea surface temperature", "fr": "Température de surface de la mer"}
    assert json.loads(written("CoverageJSON", Coverages(DATASET, (series(),)))) == {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "PointSeries",
            "axes": {
                "t": {"values": ["1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", "1970-01-01T02:00:00Z"]},
                "y": {"values": [48.5]},
                "x": {"values": [-4.5]},
            },
            "referencing": [
                {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
                {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
            ],
        },
        "parameters": {
            "sst": {
                "type": "Parameter",
                "label": label,
                "description": label,
                "observedProperty": {"id": "http://vocab.example/sst", "label": label},
                "unit": {
                    "label": {"en": "Cel", "fr": "Cel"},
                    "symbol": {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"},
                },
            }
        },
        "ranges": {
            "sst": {
                "type": "NdArray",
                "dataType": "float",
                "axisNames": ["t", "y", "x"],
                "shape": [3, 1, 1],
                "values": [20.5, None, 0.0],
            }
        },
    }


@LAW
@given(any_grid())
def test_the_oracle_takes_every_grid_of_the_civil_calendar(answer: Coverages) -> None:
    coverage = answer.members[0]
    if "member" in (a.name for a in coverage.axes) or any(a.calendar not in (None, "standard") for a in coverage.axes):
        return  # the oracle knows no further axes and no other calendars
    CoverageOracle.model_validate_json(written("CoverageJSON", answer))


def test_the_oracle_takes_every_domain_type() -> None:
    t, z = np.arange(3) * 86_400_000, np.array([0.0, 5.0, 10.0])
    one = {n: Axis(n, np.array([1.5])) for n in "xy"}
    when, deep = Axis("t", t, calendar="standard"), Axis("z", z, unit="m", positive="down")
    places = Composite(("y", "x", "z"), (z, z, z))
    track = Composite(("x", "y", "z", "t"), (z, z, z, t), "standard")
    values = np.arange(3, dtype=np.float32)
    for domain, axes, composite in (
        ("Point", (one["y"], one["x"]), None),
        ("PointSeries", (when, one["y"], one["x"]), None),
        ("VerticalProfile", (deep, one["y"], one["x"]), None),
        ("MultiPoint", (), places),
        ("Trajectory", (), track),
    ):
        dims = (*(a.name for a in axes), *(("composite",) if composite else ()))
        size = 1 if domain == "Point" else 3
        shape = tuple(len(a) for a in axes) + ((3,) if composite else ())
        coverage = Coverage(
            domain, axes, {"sst": block(values[:size].reshape(shape), dims)}, {"sst": SST}, CRS84, composite
        )
        text = written("CoverageJSON", Coverages(DATASET, (coverage,)))
        CoverageOracle.model_validate_json(text)
        if domain == "Trajectory":
            axis = json.loads(text)["domain"]["axes"]["composite"]
            assert axis["coordinates"] == ["t", "x", "y", "z"]
            assert axis["values"][1] == ["1970-01-02T00:00:00Z", 5.0, 5.0, 5.0]


def test_a_collection_says_its_parameters_once() -> None:
    answer = Coverages(DATASET, (series(id="a"), series(start=86_400_000, id="b")), collection=True)
    text = written("CoverageJSON", answer)
    CollectionOracle.model_validate_json(text)
    document = json.loads(text)
    assert document["type"] == "CoverageCollection"
    assert document["domainType"] == "PointSeries"
    assert [c["id"] for c in document["coverages"]] == ["a", "b"]
    assert list(document["parameters"]) == ["sst"]
    assert all("parameters" not in c for c in document["coverages"])


def test_one_place_of_many_is_a_collection_too_and_none_is_an_empty_one() -> None:
    assert (
        json.loads(written("CoverageJSON", Coverages(DATASET, (series(),), collection=True)))["type"]
        == "CoverageCollection"
    )
    assert json.loads(written("CoverageJSON", Coverages(DATASET, ())))["coverages"] == []


def test_a_key_that_means_two_things_is_described_where_it_differs() -> None:
    other = replace(SST, unit="K")
    answer = Coverages(DATASET, (series(), series(parameters={"sst": other})), collection=True)
    first, second = json.loads(written("CoverageJSON", answer))["coverages"]
    assert "parameters" not in first
    assert second["parameters"]["sst"]["unit"]["symbol"]["value"] == "K"


def test_a_classified_parameter_has_categories_and_no_unit() -> None:
    values = np.array([[[0.0, 1.0, np.nan]]], np.float32)
    coverage = grid(values[0]).members[0]
    answer = Coverages(DATASET, (replace(coverage, parameters={"sst": replace(LANDS, key="sst")}),))
    text = written("CoverageJSON", answer)
    CoverageOracle.model_validate_json(text)
    document = json.loads(text)
    parameter = document["parameters"]["sst"]
    assert "unit" not in parameter
    assert [c["label"]["fr"] for c in parameter["observedProperty"]["categories"]] == ["mer", "terre"]
    assert parameter["categoryEncoding"] == {"sst/0": 0, "sst/1": 1}
    assert document["ranges"]["sst"] == {
        "type": "NdArray",
        "dataType": "integer",
        "axisNames": ["y", "x"],
        "shape": [1, 3],
        "values": [0, 1, None],
    }
    assert b"1.0" not in text.split(b'"ranges"')[1]


@pytest.mark.parametrize(
    ("crs", "order", "kind"),
    [
        (CRS84, ["x", "y"], "GeographicCRS"),
        (EPSG + "4326", ["y", "x"], "GeographicCRS"),
        (EPSG + "2154", ["x", "y"], "ProjectedCRS"),
        (EPSG + "3035", ["y", "x"], "ProjectedCRS"),
    ],
)
def test_coordinates_are_named_in_the_order_of_their_crs(crs: str, order: list[str], kind: str) -> None:
    system = json.loads(written("CoverageJSON", grid(np.zeros((2, 2)), crs)))["domain"]["referencing"][0]
    assert system == {"coordinates": order, "system": {"type": kind, "id": crs}}


ROTATED = (
    'GEOGCRS["rotated",BASEGEOGCRS["sphere",DATUM["sphere",ELLIPSOID["sphere",6371229,0]]],'
    'DERIVINGCONVERSION["Pole rotation",METHOD["Pole rotation (netCDF CF convention)"],'
    'PARAMETER["Grid north pole latitude (netCDF CF convention)",39.25,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["Grid north pole longitude (netCDF CF convention)",-162,ANGLEUNIT["degree",0.0174532925199433]],'
    'PARAMETER["North pole grid longitude (netCDF CF convention)",0,ANGLEUNIT["degree",0.0174532925199433]]],'
    'CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]]'
)


def test_a_rotated_pole_is_told_as_wkt_and_never_taken_for_degrees_of_longitude() -> None:
    answer = grid(np.ones((2, 3)), ROTATED)
    text = written("CoverageJSON", answer)
    CoverageOracle.model_validate_json(text)
    system = json.loads(text)["domain"]["referencing"][0]["system"]
    assert system["type"] == "ProjectedCRS"
    assert "Pole rotation" in system["wkt"]
    with netcdf(answer) as file:
        assert file["rlon"].standard_name == "grid_longitude"
        assert file["crs"].grid_mapping_name == "rotated_latitude_longitude"
        assert file["sst"].coordinates == "lon lat"
        assert file["lat"].shape == (2, 3)
    assert "rotated" in str(named("GeoTIFF").carries(answer))  # type: ignore[union-attr]


def test_a_calendar_of_360_days_is_named_and_keeps_its_30_february() -> None:
    t = Axis("t", np.array([59 * 86_400_000]), calendar="360_day")
    document = json.loads(written("CoverageJSON", grid(np.zeros((1, 2, 2)), before=(t,))))
    assert document["domain"]["axes"]["t"]["values"] == ["1970-02-30T00:00:00Z"]
    assert "360_day" in document["domain"]["referencing"][1]["system"]["calendar"]


def test_levels_have_a_unit_and_a_direction_and_members_are_identifiers() -> None:
    member = Axis("member", np.array([1.0, 2.0]), label="ensemble member")
    z = Axis("z", np.array([500.0, 850.0]), unit="hPa", label="pressure", positive="down")
    found = json.loads(written("CoverageJSON", grid(np.zeros((2, 2, 2, 2)), before=(member, z))))["domain"]
    systems = {s["coordinates"][0]: s["system"] for s in found["referencing"]}
    assert systems["z"]["cs"]["csAxes"] == [
        {"name": {"en": "pressure", "fr": "pressure"}, "direction": "down", "unit": {"symbol": "hPa"}}
    ]
    assert systems["member"] == {
        "type": "IdentifierRS",
        "targetConcept": {"label": {"en": "ensemble member", "fr": "ensemble member"}},
    }


def test_a_very_long_regular_axis_is_told_by_its_ends_and_an_irregular_one_by_its_values() -> None:
    even, uneven = np.arange(6000) * 0.25, np.arange(6000.0) ** 1.1
    axes = json.loads(written("CoverageJSON", grid(np.zeros((1, 6000), "i1"), x=even)))["domain"]["axes"]
    assert axes["x"] == {"start": 0.0, "stop": 1499.75, "num": 6000}
    axes = json.loads(written("CoverageJSON", grid(np.zeros((1, 6000), "i1"), x=uneven)))["domain"]["axes"]
    assert axes["x"]["values"] == uneven.tolist()


def test_bounds_of_a_time_axis_are_told() -> None:
    day = 86_400_000
    t = Axis("t", np.array([0, day]), np.array([[0, day], [day, 2 * day]]), calendar="standard")
    text = written("CoverageJSON", grid(np.zeros((2, 1, 1)), before=(t,)))
    CoverageOracle.model_validate_json(text)
    assert json.loads(text)["domain"]["axes"]["t"]["bounds"][1:3] == ["1970-01-02T00:00:00Z"] * 2


def test_labels_are_those_of_each_slice_of_a_kept_series_and_of_no_other() -> None:
    whole = np.arange(400) * 3_600_000
    for start, stop in ((0, 400), (3, 50), (100, 390), (7, 9)):
        for values in (whole[start:stop], whole[start:stop].copy(), whole[start:stop:2]):
            axis = Axis("t", values, calendar="standard")
            found = json.loads(written("CoverageJSON", grid(np.zeros((len(values), 1, 1)), before=(axis,))))
            assert found["domain"]["axes"]["t"]["values"] == times.texts(values, "standard")
    for _ in range(50):  # arrays come and go at the same address
        values = np.arange(20) * 86_400_000 + np.random.default_rng().integers(0, 10**12)
        axis = Axis("t", values, calendar="standard")
        found = json.loads(written("CoverageJSON", grid(np.zeros((20, 1, 1)), before=(axis,))))
        assert found["domain"]["axes"]["t"]["values"] == times.texts(values, "standard")
        del values, axis


@pytest.mark.parametrize("name", ["CoverageJSON", "CSV", "GeoJSON"])
def test_memory_is_bounded_by_a_block(name: str) -> None:
    piece = np.ones((1, 200, 200), np.float32)
    values = Block(("t", "y", "x"), (20, 200, 200), piece.dtype, lambda: (piece for _ in range(20)))
    axes = (
        Axis("t", np.arange(20) * 86_400_000, calendar="standard"),
        Axis("y", np.arange(200.0)),
        Axis("x", np.arange(200.0)),
    )
    answer = Coverages(DATASET, (Coverage("Grid", axes, {"sst": values}, {"sst": SST}, CRS84),))
    found = named(name)
    assert found is not None
    size = sum(len(p) for p in found.write(answer, CONTEXT))  # what is loaded once is no memory of an answer
    tracemalloc.start()
    assert sum(len(p) for p in found.write(answer, CONTEXT)) == size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 20 * 40_000 * 4
    assert peak < {"CoverageJSON": 2_000_000, "CSV": 12_000_000, "GeoJSON": 60_000_000}[name]


@pytest.mark.parametrize("name", ["CoverageJSON", "CSV", "GeoJSON", "NetCDF", "GeoTIFF"])
def test_an_error_in_the_middle_breaks_the_document(name: str) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield np.zeros((1, 2, 2), np.float32)
        raise OSError("the disk is gone")

    axes = (Axis("t", np.array([0, 1000]), calendar="standard"), Axis("y", np.arange(2.0)), Axis("x", np.arange(2.0)))
    broken = Block(("t", "y", "x"), (2, 2, 2), np.dtype(np.float32), blocks)
    answer = Coverages(DATASET, (Coverage("Grid", axes, {"sst": broken}, {"sst": SST}, CRS84),))
    with pytest.raises(OSError, match="gone"):
        written(name, answer)


@pytest.mark.parametrize("name", ["CoverageJSON", "CSV", "GeoJSON", "NetCDF", "GeoTIFF"])
def test_a_block_that_ends_early_breaks_the_document(name: str) -> None:
    axes = (Axis("t", np.array([0, 1000]), calendar="standard"), Axis("y", np.arange(2.0)), Axis("x", np.arange(2.0)))
    short = Block(("t", "y", "x"), (2, 2, 2), np.dtype(np.float32), lambda: iter([np.zeros((1, 2, 2), np.float32)]))
    with pytest.raises(ValueError, match=r"block|promised"):
        written(name, Coverages(DATASET, (Coverage("Grid", axes, {"sst": short}, {"sst": SST}, CRS84),)))


def test_a_sheared_raster_is_cells_at_their_own_places_in_every_format_but_geotiff() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    answer = grid(
        values, EPSG + "32631", x=[0.5, 1.5, 2.5], y=[0.5, 1.5], affine=(10.0, 2.0, 500_000.0, 1.0, -10.0, 4e6)
    )
    axes = json.loads(written("CoverageJSON", answer))["domain"]["axes"]
    assert axes["composite"]["values"][3] == [500_008.0, 3_999_985.5]
    assert [(float(r["x"]), float(r["sst"])) for r in lines(answer)][3] == (500_008.0, 3.0)
    with netcdf(answer) as file:
        assert file["sst"].dimensions == ("cell",)
        assert file["x"][3] == 500_008.0
    with rasterio.MemoryFile(written("GeoTIFF", answer)) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1), values)
        assert file.xy(1, 0) == pytest.approx((500_008.0, 3_999_985.5))


# --- CSV and GeoJSON of coverages ----------------------------------------------------------------------------------


def table_of(text: bytes) -> np.ndarray:
    """The numbers of a CSV; the column of times is left out as NaN."""
    found = csv.read_csv(io.BytesIO(text)).drop_columns(["t"])
    return np.column_stack([found["x"], found["y"], np.full(found.num_rows, np.nan), found["sst"], found["flat"]])


@pytest.mark.parametrize(
    ("shape", "step"), [((7, 100, 200), 2), ((7, 100, 200), 5), ((2, 300, 250), 1), ((1, 400, 200), 33)]
)
def test_many_rows_keep_their_values_across_batches_and_blocks(shape: tuple[int, int, int], step: int) -> None:
    values = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    time_axis = Axis("t", np.arange(shape[0]) * 86_400_000, calendar="standard")
    y, x = Axis("y", np.arange(shape[1]) * 1.0), Axis("x", np.arange(shape[2]) * 1.0)
    ranges = {"sst": block(values, ("t", "y", "x"), step), "flat": block(values[0], ("y", "x"))}
    coverage = Coverage("Grid", (time_axis, y, x), ranges, {k: replace(SST, key=k) for k in ranges}, CRS84)
    found = table_of(written("CSV", Coverages(DATASET, (coverage,))))
    np.testing.assert_array_equal(found[:, 3], values.ravel())
    np.testing.assert_array_equal(found[:, 4], np.tile(values[0].ravel(), shape[0]))
    np.testing.assert_array_equal(found[:, 0], np.tile(x.values, shape[0] * shape[1]))


def test_several_places_are_told_apart_in_csv() -> None:
    answer = Coverages(DATASET, (series(id="Brest, port"), series((1.0,), id="b")), collection=True)
    assert written("CSV", answer).decode() == (
        "coverage,x,y,t,sst\r\n"
        '"Brest, port",-4.5,48.5,1970-01-01T00:00:00Z,20.5\r\n"Brest, port",-4.5,48.5,1970-01-01T01:00:00Z,\r\n'
        '"Brest, port",-4.5,48.5,1970-01-01T02:00:00Z,0\r\nb,-4.5,48.5,1970-01-01T00:00:00Z,1\r\n'
    )


def test_a_parameter_called_x_keeps_its_name() -> None:
    answer = grid(np.array([[1.0, 2.0]]), key="x")
    assert list(lines(answer)[0]) == ["x_", "y", "x"]
    assert json.loads(written("CoverageJSON", answer))["ranges"]["x"]["values"] == [1.0, 2.0]
    with netcdf(replace(answer, members=(replace(answer.members[0], crs=EPSG + "2154"),))) as file:
        assert file["x"].dimensions == ("y", "x_2")


def test_a_feature_of_an_edr_answer_is_this() -> None:
    document = json.loads(written("GeoJSON", Coverages(DATASET, (series(),))))
    assert document["features"][1] == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [-4.5, 48.5]},
        "properties": {
            "datetime": "1970-01-01T01:00:00Z",
            "sst": None,
            "label": "Sea surface temperature",
            "parameter-name": ["sst"],
            "edrqueryendpoint": "http://here/position?x=1",
        },
    }
    assert document["parameters"][0]["unit"]["symbol"]["value"] == "Cel"


def list_of_locations() -> Table:
    rows = table([shapely.Point(1, 2), None], name=["Brest", None], datetime=["2020-01-01T00:00:00Z/..", None])
    lists = pa.array([["sst"], []], pa.list_(pa.string()))
    batches = [b.append_column("parameter-name", lists.slice(i, 1)) for i, b in enumerate(rows.batches())]
    return Table(DATASET, batches[0].schema, lambda: iter(batches), matched=2, locations=True, parameters={"sst": SST})


def test_a_location_says_where_its_data_are() -> None:
    context = replace(CONTEXT, links=({"rel": "self", "href": "http://here/locations?limit=2"},))
    document = json.loads(written("GeoJSON", list_of_locations(), context))
    assert [f["properties"] for f in document["features"]] == [
        {
            "label": "Brest",
            "edrqueryendpoint": "http://here/locations/0",
            "name": "Brest",
            "datetime": "2020-01-01T00:00:00Z/..",
            "parameter-name": ["sst"],
        },
        {
            "label": "1",
            "edrqueryendpoint": "http://here/locations/1",
            "name": None,
            "datetime": "../..",
            "parameter-name": [],
        },
    ]
    assert [p["id"] for p in document["parameters"]] == ["sst"]


def test_edr_geojson_is_valid_to_the_schemas_of_the_standard_and_of_its_test_suite() -> None:
    folder = Path(__file__).parents[2] / "shared" / "schemas"
    if not folder.exists():
        pytest.skip("../shared/schemas is not there")
    suite = json.loads((folder / "edrgeojson.json").read_text())
    paths = json.loads((folder / "edr-1.1.bundled.json").read_text())["paths"]
    told = paths["/collections/{collectionId}/position"]["get"]["responses"]["200"]["content"]["application/geo+json"]
    features = told["schema"]["properties"]["features"]
    classified = replace(series(), parameters={"sst": replace(LANDS, key="sst")})
    for answer in (Coverages(DATASET, (series(), classified)), list_of_locations()):
        document = json.loads(written("GeoJSON", answer))
        jsonschema.Draft4Validator(suite).validate(document)
        jsonschema.Draft4Validator(features).validate([f for f in document["features"] if f["geometry"]])


# --- NetCDF --------------------------------------------------------------------------------------------------------


def test_a_file_says_whose_it_is_and_what_is_in_it() -> None:
    with netcdf(Coverages(DATASET, (series(),))) as file:
        attributes = {k: file.getncattr(k) for k in file.ncattrs()}
        assert attributes["Conventions"] == "CF-1.8, ACDD-1.3"
        assert attributes["license"] == "CC-BY-4.0"
        assert attributes["id"] == "10.1234/abc"
        assert attributes["references"] == "Someone (2020); https://doi.org/10.1234/abc"
        assert attributes["creator_name"] == "A. Person"
        assert attributes["institution"] == "CNRS"
        assert attributes["history"].endswith("http://here/position?x=1")
        assert attributes["featureType"] == "timeSeries"
        assert attributes["time_coverage_end"] == "1970-01-01T02:00:00Z"
        assert (attributes["geospatial_lon_min"], attributes["geospatial_lat_max"]) == (-4.5, 48.5)
        assert file["sst"].units == "degC"
        assert file["sst"].coordinates == "lat lon"


def test_nothing_is_left_of_a_file_that_was_sent_or_broke(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLES_STATE", str(tmp_path))
    stream = named("NetCDF").write(Coverages(DATASET, (series(),)), CONTEXT)  # type: ignore[union-attr]
    assert next(stream)[:4] == b"\x89HDF"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    short = Block(("t", "y", "x"), (3, 1, 1), np.dtype(np.float32), lambda: iter(()))
    with pytest.raises(ValueError, match="promised"):
        written("NetCDF", Coverages(DATASET, (series(ranges={"sst": short}),)))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_places_with_the_same_times_are_stations_of_one_variable() -> None:
    second = series((1.0, 2.0, 3.0))
    moved = replace(second, axes=(*second.axes[:2], Axis("x", np.array([7.0]))))
    with netcdf(Coverages(DATASET, (series(id="a"), replace(moved, id="b")), collection=True)) as file:
        assert file["sst"].dimensions == ("station", "time")
        np.testing.assert_array_equal(file["sst"][:].filled(np.nan), [[20.5, np.nan, 0.0], [1.0, 2.0, 3.0]])
        assert file["lon"][:].tolist() == [-4.5, 7.0]
        assert file["station_id"][:].tolist() == ["a", "b"]
        assert file["station_id"].cf_role == "timeseries_id"


def test_places_with_other_times_stand_one_after_the_other() -> None:
    answer = Coverages(
        DATASET, (series(id="a"), series((1.0, 2.0), start=3_600_000, id="b"), series((5.0,), id="c")), collection=True
    )
    with netcdf(answer) as file:
        assert file["row_size"][:].tolist() == [3, 2, 1]
        assert file["row_size"].sample_dimension == "obs"
        np.testing.assert_array_equal(file["sst"][:].filled(np.nan), [20.5, np.nan, 0.0, 1.0, 2.0, 5.0])
        assert file["time"][:].tolist() == [0, 3600, 7200, 3600, 7200, 0]


def profile(levels: list[float], day: int, t: int = 1) -> Coverage:
    axes = (
        Axis("t", np.arange(t) * 1000 + day * 86_400_000, calendar="standard"),
        Axis("z", np.array(levels), unit="m", key="depth", positive="down"),
        Axis("y", np.array([40.0 + day])),
        Axis("x", np.array([5.0])),
    )
    values = np.arange(t * len(levels), dtype=np.float32) + 100 * day
    shaped = values.reshape(t, len(levels), 1, 1)
    kind = "VerticalProfile" if t == 1 else "Grid"
    return Coverage(kind, axes, {"sst": block(shaped, ("t", "z", "y", "x"))}, {"sst": SST}, CRS84)  # type: ignore[arg-type]


def test_profiles_keep_each_its_time_and_place() -> None:
    with netcdf(
        Coverages(DATASET, (profile([0, 5, 10], 1), profile([0, 20], 2), profile([3.0], 4)), collection=True)
    ) as file:
        assert file.featureType == "profile"
        assert file["row_size"][:].tolist() == [3, 2, 1]
        assert file["sst"][:].tolist() == [100, 101, 102, 200, 201, 400]
        assert file["depth"][:].tolist() == [0, 5, 10, 0, 20, 3]
        assert file["time"][:].tolist() == [86_400, 172_800, 345_600]


def test_places_that_differ_in_times_and_levels_are_refused_with_what_would_do() -> None:
    answer = Coverages(DATASET, (profile([0, 5], 1, t=2), profile([0, 6], 2, t=3)), collection=True)
    assert "no common form" in str(named("NetCDF").carries(answer))  # type: ignore[union-attr]
    with pytest.raises(Invalid, match="CoverageJSON or CSV"):
        written("NetCDF", answer)
    assert len(lines(answer)) == 10


def test_tracks_follow_each_other() -> None:
    def track(n: int, start: float) -> Coverage:
        places = np.arange(n) + start
        along = Composite(("t", "x", "y"), (np.arange(n) * 60_000, places, places), "standard")
        return Coverage(
            "Trajectory", (), {"sst": block(places.astype("f4"), ("composite",))}, {"sst": SST}, CRS84, along
        )

    with netcdf(Coverages(DATASET, (track(2, 1.0), track(3, 10.0)), collection=True)) as file:
        assert file.featureType == "trajectory"
        assert file["lon"][:].tolist() == file["sst"][:].tolist() == [1, 2, 10, 11, 12]
        assert file["row_size"][:].tolist() == [2, 3]
        assert file["sst"].coordinates == "time lon lat"


def test_the_levels_of_cells_are_what_the_data_set_says_they_are() -> None:
    places = Composite(("x", "y", "z"), (np.arange(2.0), np.arange(2.0), np.array([500.0, 850.0])))
    cells = Coverage("MultiPoint", (), {"sst": block([1.0, 2.0], ("composite",))}, {"sst": SST}, CRS84, places)
    axes = (AxisFacts("z", "plev", 2, 500, 850, unit="hPa", label="pressure", positive="down"),)
    known = replace(DATASET, facts=Facts("1", "grid", (), None, None, axes))
    system = json.loads(written("CoverageJSON", Coverages(known, (cells,))))["domain"]["referencing"][1]["system"]
    assert system["cs"]["csAxes"][0] == {
        "name": {"en": "pressure", "fr": "pressure"},
        "direction": "down",
        "unit": {"symbol": "hPa"},
    }
    with netcdf(Coverages(known, (cells,))) as file:
        assert (file["plev"].units, file["plev"].positive) == ("hPa", "down")
        assert file["sst"].coordinates == "lon lat plev"
        assert file.geospatial_vertical_units == "hPa"
    told = json.loads(written("CoverageJSON", Coverages(DATASET, (replace(cells, vertical="dbar down"),))))
    assert told["domain"]["referencing"][1]["system"]["cs"]["csAxes"][0]["unit"] == {"symbol": "dbar"}


def test_names_that_netcdf_refuses_are_mended() -> None:
    with netcdf(grid(np.zeros((1, 2)), key="-group/value ")) as file:
        assert "_-group.value" in file.variables
    with netcdf(table([shapely.Point(1, 2)], **{"-a/b": [1], "lon": ["x"]})) as file:
        assert {"_-a.b", "lon_", "lon"} <= set(file.variables)


def test_names_of_rows_are_those_that_netcdf_reads_back() -> None:
    long = "x" * 300
    names = ["é", "e\u0301", long, long + "y", "x" * 254 + "é", "é" * 200, "y" * 256, "z" * 255, "lon", "lon_"]
    with netcdf(table([shapely.Point(1, 2)], **{name: [n] for n, name in enumerate(names)})) as file:
        ours = [v for k, v in file.variables.items() if k not in ("id", "lon", "lat")]
        assert [(v.long_name, v[:].tolist()) for v in ours] == [(name, [n]) for n, name in enumerate(names)]
        assert {"é", "é_", "z" * 255, "lon_", "lon__"} <= set(file.variables)


def test_grids_of_several_sets_of_axes_share_what_is_alike() -> None:
    flat, deep = (
        grid(np.ones((2, 3), "f4")).members[0],
        grid(np.ones((2, 2, 3), "f4"), key="t", before=(Axis("z", np.array([1.0, 2.0])),)).members[0],
    )
    elsewhere = grid(np.ones((2, 2), "f4"), key="u", x=[0.5, 1.5]).members[0]
    with netcdf(Coverages(DATASET, (flat, deep, elsewhere))) as file:
        assert file["t"].dimensions == ("z", "lat", "lon")
        assert file["sst"].dimensions == ("lat", "lon")
        assert file["u"].dimensions == ("lat", "lon_2")


def test_a_projected_grid_has_its_mapping_and_its_longitudes_beside() -> None:
    answer = grid(np.ones((2, 3), "f4"), EPSG + "3035", x=4e6 + np.arange(3) * 1e4, y=3e6 + np.arange(2) * 1e4)
    with netcdf(answer) as file:
        assert file["sst"].grid_mapping == "crs"
        assert file["crs"].grid_mapping_name == "lambert_azimuthal_equal_area"
        assert file["x"].standard_name == "projection_x_coordinate"
        assert (file["lon"][0, 0], file["lat"][0, 0]) == pytest.approx((5.5202, 50.0241), abs=0.01)
        assert file.geospatial_lat_max == pytest.approx(50.11, abs=0.02)


def test_flags_have_the_type_of_their_variable() -> None:
    for dtype in ("u1", "f4"):
        coverage = replace(grid(np.array([[0, 1]], dtype)).members[0], parameters={"sst": LANDS})
        with netcdf(Coverages(DATASET, (coverage,))) as file:
            assert file["sst"].flag_values.dtype == np.dtype(dtype)
            assert file["sst"].flag_meanings == "sea dry_land"
            assert "units" not in file["sst"].ncattrs()


def test_units_are_spelled_as_cf_spells_them() -> None:
    cases = {
        "m/s": "m/s",
        "kg.m-2.s-1": "kg m-2 s-1",
        "1": "1",
        "%": "%",
        "10*-6.K": "1e-6 K",
        "mm[Hg]": "mmHg",
        "/m3": "1/m3",
    }
    assert {u: udunits(u) for u in cases} == cases


# --- GeoTIFF -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Coverages(DATASET, (series(),)), "width"),
        (grid(np.zeros((2, 3)), x=[0.0, 1.0, 5.0]), "uneven"),
        (grid(np.array([["a", "b"]], object)), "text"),
        (Coverages(DATASET, (*grid(np.zeros((2, 3))).members, *grid(np.zeros((2, 2))).members)), "several"),
        (grid(np.zeros((5000, 1, 2)), before=(Axis("t", np.arange(5000), calendar="standard"),)), "4096 allowed"),
        (Coverages(DATASET, ()), "only a grid"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(answer: Coverages, reason: str) -> None:
    assert reason in str(named("GeoTIFF").carries(answer))  # type: ignore[union-attr]


def test_bands_say_what_they_are_of() -> None:
    t = Axis("t", np.array([0, 86_400_000]), calendar="standard")
    with (
        rasterio.MemoryFile(written("GeoTIFF", grid(np.zeros((2, 2, 2), "f4"), before=(t,)))) as memory,
        memory.open() as file,
    ):
        assert file.descriptions == ("sst 1970-01-01T00:00:00Z", "sst 1970-01-02T00:00:00Z")
        assert file.crs.to_epsg() == 4326
        assert np.isnan(file.nodata)
        assert file.tags(2)["t"] == "1970-01-02T00:00:00Z"


def test_whole_numbers_have_no_code_for_missing() -> None:
    with rasterio.MemoryFile(written("GeoTIFF", grid(np.array([[0, 255]], "u1")))) as memory, memory.open() as file:
        assert file.nodata is None
        assert file.read(1).tolist() == [[0, 255]]


def test_one_cell_is_as_wide_as_the_data_say() -> None:
    facts = Facts(
        "1",
        "grid",
        (),
        None,
        None,
        (AxisFacts("x", "lon", 9, 0, 8, step=0.25), AxisFacts("y", "lat", 9, 0, 8, step=0.5)),
    )
    answer = replace(grid(np.array([[7.0]])), dataset=replace(DATASET, facts=facts))
    with rasterio.MemoryFile(written("GeoTIFF", answer)) as memory, memory.open() as file:
        assert file.res == (0.25, 0.5)
        assert file.xy(0, 0) == pytest.approx((-5.0, 40.0))


def test_a_large_image_is_written_by_rows_and_compressed() -> None:
    values = np.arange(700 * 600, dtype=np.float32).reshape(700, 600)
    answer = grid(values, x=np.arange(600) / 100, y=np.arange(700) / 100)
    text = written("GeoTIFF", answer)
    with rasterio.MemoryFile(text) as memory, memory.open() as file:
        np.testing.assert_array_equal(file.read(1)[::-1], values)
        assert file.profile["tiled"]
        assert file.profile["compress"] == "deflate"
    assert len(text) < values.nbytes


# --- tables --------------------------------------------------------------------------------------------------------


def table(geometries: Any, crs: str = CRS84, **columns: Any) -> Table:
    wkb = pa.array([None if g is None else shapely.to_wkb(g) for g in geometries], pa.binary())
    batch = pa.record_batch({"id": [str(i) for i in range(len(geometries))], **columns, "geometry": wkb})
    half = max(1, len(geometries) // 2)
    return Table(
        DATASET, batch.schema, lambda: iter([batch.slice(0, half), batch.slice(half)]), crs=crs, matched=len(geometries)
    )


def some_rows(crs: str = CRS84) -> Table:
    return table(
        [shapely.Point(0.1, 45), None, shapely.Point(2, 3.25)],
        crs,
        name=pa.array(["<b>&é", 'q"\\\n', None]),
        depth=pa.array([0.0, None, np.nan]),
        count=pa.array([0, None, 2**53 + 1], pa.int64()),
        small=pa.array([0.1, 1e20, np.inf], pa.float32()),
        ok=pa.array([False, None, True]),
        when=pa.array([0, None, 1_000], pa.timestamp("ms", "UTC")),
        day=pa.array([0, None, 1], pa.date32()),
        tags=pa.array([["a"], None, []]),
    )


def test_rows_are_this_geojson() -> None:
    text = written("GeoJSON", some_rows())
    document = json.loads(text)
    assert document["numberMatched"] == document["numberReturned"] == 3
    assert document["timeStamp"] == "2024-05-01T00:00:00Z"
    assert document["links"] == [{"rel": "next", "href": "http://here?offset=10"}]
    assert document["features"][0] == {
        "type": "Feature",
        "id": "0",
        "geometry": {"type": "Point", "coordinates": [0.1, 45.0]},
        "properties": {
            "name": "<b>&é",
            "depth": 0.0,
            "count": 0,
            "small": 0.1,
            "ok": False,
            "when": "1970-01-01T00:00:00Z",
            "day": "1970-01-01",
            "tags": ["a"],
        },
    }
    assert document["features"][1]["geometry"] is None
    assert document["features"][1]["properties"] == {
        "name": 'q"\\\n',
        **dict.fromkeys(["depth", "count", "ok", "when", "day", "tags"]),
        "small": 1e20,
    }
    third = document["features"][2]["properties"]
    assert (third["count"], third["depth"], third["small"], third["when"]) == (
        2**53 + 1,
        None,
        None,
        "1970-01-01T00:00:01Z",
    )


def test_rows_are_this_csv() -> None:
    found = lines(some_rows())
    assert [r["name"] for r in found] == ["<b>&é", 'q"\\\n', ""]
    assert [r["depth"] for r in found] == ["0", "", ""]
    assert [r["count"] for r in found] == ["0", "", str(2**53 + 1)]
    assert [r["when"] for r in found] == ["1970-01-01T00:00:00Z", "", "1970-01-01T00:00:01Z"]
    assert [shapely.from_wkt(r["geometry"]) if r["geometry"] else None for r in found] == [
        shapely.Point(0.1, 45), None, shapely.Point(2, 3.25),
    ]  # fmt: skip


def test_points_stand_as_longitude_and_latitude_in_csv_where_all_are_known_to_be_points() -> None:
    facts = Facts("1", "features", (), None, None, feature_type="Point")
    found = lines(replace(some_rows(), dataset=replace(DATASET, facts=facts)))
    assert [(r["longitude"], r["latitude"]) for r in found] == [("0.1", "45"), ("", ""), ("2", "3.25")]


def test_an_empty_point_has_no_place_in_csv_and_netcdf() -> None:
    facts = Facts("1", "features", (), None, None, feature_type="Point")
    empty = shapely.Point()
    for shapes in ([empty, shapely.Point(1, 2), None], [empty, None, None], [shapely.Point(1, 2), empty, empty]):
        answer = replace(table(shapes), dataset=replace(DATASET, facts=facts))
        there = [g is not None and not g.is_empty for g in shapes]
        told = [(r["longitude"], r["latitude"]) for r in lines(answer)]
        assert told == [("1", "2") if t else ("", "") for t in there]
        with netcdf(answer) as file:
            assert file["lon"][:].tolist() == [1.0 if t else None for t in there]
            assert file["lat"][:].tolist() == [2.0 if t else None for t in there]
            assert ("geospatial_lon_min" in file.ncattrs()) is any(there)


def test_a_point_without_an_x_has_no_place_in_csv() -> None:
    with np.errstate(invalid="ignore"):
        lost = shapely.Point(np.nan, 5)
    facts = Facts("1", "features", (), None, None, feature_type="Point")
    for shapes in ([lost], [lost, None]):
        (found, *_) = lines(replace(table(shapes), dataset=replace(DATASET, facts=facts)))
        assert (found["longitude"], found["latitude"]) == ("", "")


def test_coordinates_of_rows_stand_in_the_order_of_their_authority() -> None:
    assert json.loads(written("GeoJSON", some_rows(EPSG + "4326")))["features"][0]["geometry"]["coordinates"] == [
        45.0,
        0.1,
    ]
    shapes = table([shapely.Polygon([(0, 40), (1, 40), (1, 41)])], EPSG + "4326")
    assert json.loads(written("GeoJSON", shapes))["features"][0]["geometry"]["coordinates"][0][0] == [40.0, 0.0]
    assert json.loads(written("GeoJSON", some_rows(EPSG + "2154")))["features"][0]["geometry"]["coordinates"] == [
        0.1,
        45.0,
    ]


GEOMETRIES = st.sampled_from(
    [
        None,
        shapely.Point(1, 2),
        shapely.Point(1, 2, 3),
        shapely.MultiPoint([(1, 2), (3, 4)]),
        shapely.LineString([(0, 0), (1, 1.5)]),
        shapely.Polygon([(0, 0), (4, 0), (4, 4)], [[(2, 1), (3, 1), (3, 2)]]),
        shapely.GeometryCollection([shapely.Point(1, 2)]),
    ]
)


@LAW
@given(
    st.lists(
        st.tuples(
            GEOMETRIES,
            st.one_of(st.none(), st.text(max_size=5).filter(lambda t: "\x00" not in t)),
            st.one_of(st.none(), st.floats()),
        ),
        max_size=6,
    )
)
def test_any_rows_come_back_from_geojson_and_csv(rows: list[tuple[Any, str | None, float | None]]) -> None:
    geometries, names, numbers = zip(*rows, strict=True) if rows else ((), (), ())
    answer = table(geometries, name=pa.array(names, pa.string()), n=pa.array(numbers, pa.float64()))
    document = json.loads(written("GeoJSON", answer))
    assert len(document["features"]) == len(rows)
    for feature, row, (geometry, name, n) in zip(document["features"], lines(answer), rows, strict=True):
        assert feature["geometry"] == (None if geometry is None else json.loads(shapely.to_geojson(geometry)))
        assert feature["properties"] == {"name": name, "n": n if n is not None and np.isfinite(n) else None}
        assert row["name"] == (name or "")
        assert n is None or np.isnan(n) or float(row["n"]) == n


def test_a_single_row_is_a_feature_with_its_links() -> None:
    one = replace(table([shapely.Point(1, 2)], name=["a"]), single=True)
    assert json.loads(written("GeoJSON", one)) == {
        "type": "Feature",
        "id": "0",
        "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
        "properties": {"name": "a"},
        "links": [{"rel": "next", "href": "http://here?offset=10"}],
    }


def test_rows_without_geometry_or_properties_are_still_features() -> None:
    batch = pa.record_batch({"id": ["a", "b"]})
    bare = Table(DATASET, batch.schema, lambda: iter([batch]), geometry=None)
    assert json.loads(written("GeoJSON", bare))["features"][1] == {
        "type": "Feature",
        "id": "b",
        "geometry": None,
        "properties": {},
    }
    assert written("CSV", bare) == b"id\r\na\r\nb\r\n"


def test_rows_of_points_are_a_point_file_and_others_are_refused() -> None:
    with netcdf(
        table([shapely.Point(1, 2), shapely.Point(3, 4)], n=pa.array([0, None], pa.int16()), name=["a", None])
    ) as file:
        assert file.featureType == "point"
        assert file["lon"][:].tolist() == [1.0, 3.0]
        assert file["n"][:].tolist() == [0, None]
        assert file["name"][:].tolist() == ["a", ""]
        assert file.geospatial_lat_max == 4.0
    with pytest.raises(Invalid, match="GeoJSON or CSV"):
        written("NetCDF", table([shapely.LineString([(0, 0), (1, 1)])]))


@LAW
@given(st.lists(st.integers(-62_135_596_800_000, 253_402_300_799_999), min_size=1, max_size=9), st.booleans())
def test_a_time_of_four_digits_is_the_same_to_the_millisecond_in_flatgeobuf(ms: list[int], finer: bool) -> None:
    wanted = [*ms, -1, -500, -60_001, -86_400_001, None, 0, 2**60]  # the last second of a minute before 1970; too late
    kept = [pa.scalar(m, pa.timestamp("ms")).as_py() for m in wanted[:-1]]
    finest = [None if m is None else m * 1000 + finer for m in wanted[:-1]]
    when = pa.array(wanted, pa.timestamp("ms", "UTC"))
    answer = table([shapely.Point(0, 0)] * len(wanted), when=when, us=pa.array([*finest, None], pa.timestamp("us")))
    content = written("FlatGeobuf", answer)
    found = pyogrio.read_arrow(content, read_geometry=False, datetime_as_string=True)[1]
    for name in ("when", "us"):
        texts = found[name].to_pylist()
        assert [t and datetime.fromisoformat(t).replace(tzinfo=None) for t in texts] == [*kept, None]
    assert pyogrio.read_info(content)["ogr_types"] == ["OFTString", "OFTDateTime", "OFTDateTime"]


def test_geoparquet_tells_arrow_what_it_tells_its_footer() -> None:
    content = io.BytesIO(written("GeoParquet", some_rows()))
    footer = parquet.read_metadata(content).metadata[b"geo"]
    assert json.loads(footer)["columns"]["geometry"]["bbox"] == [0.1, 3.25, 2.0, 45.0]
    assert parquet.read_table(content).schema.metadata == {b"geo": footer}
    assert parquet.read_table(content).schema.field("when").type == pa.timestamp("ms", "UTC")


# --- choosing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "accept", "kind", "name"),
    [
        ("covjson", None, "coverages", "CoverageJSON"),
        ("COVERAGEJSON", "text/csv", "coverages", "CoverageJSON"),
        ("json", None, "coverages", "CoverageJSON"),
        ("json", None, "table", "GeoJSON"),
        ("application/prs.coverage json", None, "coverages", "CoverageJSON"),
        ("application/vnd.cov+json", None, "coverages", "CoverageJSON"),
        ("nc", None, "coverages", "NetCDF"),
        (None, None, "coverages", "CoverageJSON"),
        (None, "*/*", "table", "GeoJSON"),
        (None, "application/json", "coverages", "CoverageJSON"),
        (None, "application/geo+json", "coverages", "GeoJSON"),
        (None, "image/tiff;application=geotiff", "coverages", "GeoTIFF"),
        (None, "text/html;q=0.1, text/*;q=0.9, application/x-netcdf;q=0.5", "coverages", "CSV"),
        (None, "text/csv;q=0, */*;q=0.1", "table", "GeoJSON"),
        (None, "text/csv;q=x, application/x-netcdf", "coverages", "NetCDF"),
        ("geojsonseq", None, "table", "GeoJSONSeq"),
        ("application/geo json-seq", None, "table", "GeoJSONSeq"),
        ("geojsonl", None, "table", "GeoJSONSeq"),
        ("fgb", None, "table", "FlatGeobuf"),
        ("FlatGeobuf", None, "table", "FlatGeobuf"),
        ("parquet", None, "table", "GeoParquet"),
        ("application/x-parquet", None, "table", "GeoParquet"),
        (None, "application/geo+json-seq", "table", "GeoJSONSeq"),
        (None, "application/flatgeobuf", "table", "FlatGeobuf"),
        (None, "application/vnd.apache.parquet, */*;q=0.5", "table", "GeoParquet"),
        (None, "application/*", "table", "GeoJSON"),
        (None, "application/json", "table", "GeoJSON"),
        (None, "application/geo+json;q=0, */*", "table", "GeoJSONSeq"),
        (None, "application/geo+json;q=0.2, application/*;q=0.9", "table", "GeoJSONSeq"),
        (None, "*/*;q=0.9, text/csv;q=0.1", "table", "GeoJSON"),
        (None, "text/*;q=0.3, text/csv;q=0, */*;q=0.2", "table", "GeoJSON"),
        (None, "*/*, text/csv", "table", "CSV"),
        (None, "text/csv, application/geo+json", "table", "CSV"),
        (None, 'application/geo+json; profile="http://a/b,c"; q=0.5, text/csv;q=0.4', "table", "GeoJSON"),
        (None, "Text/CSV; charset=UTF-8; header=present", "table", "CSV"),
        (None, "text/csv;q=0.9;q=0.1, application/geo+json;Q=0.5", "table", "GeoJSON"),
        (None, "image/tiff; application=geotiff; profile=cloud-optimized", "coverages", "GeoTIFF"),
        (None, "image/tiff;q=0, image/tiff;application=geotiff", "coverages", "GeoTIFF"),
        (None, "image/tiff;application=geotiff;q=0.1, image/tiff, text/csv;q=0.5", "coverages", "CSV"),
        (None, "image/tiff;application=other, text/csv;q=0.1", "coverages", "CSV"),
        (None, "text/csv;q=7, application/x-netcdf;q=-1", "coverages", "CSV"),
        (None, "text/html;q=0", "coverages", "CoverageJSON"),
        (None, " ", "table", "GeoJSON"),
    ],
)
def test_a_format_is_chosen_by_name_then_by_what_is_accepted(f: Any, accept: Any, kind: Any, name: str) -> None:
    assert choose(f, accept, kind).name == name


def test_the_default_is_what_any_client_gets() -> None:
    assert choose(None, "*/*", "coverages", "NetCDF").name == "NetCDF"
    assert choose("json", None, "coverages", "NetCDF").name == "CoverageJSON"


@pytest.mark.parametrize(
    ("f", "kind"), [("xml", "coverages"), ("covjson", "table"), ("GeoTIFF", "table"), ("html", "table")]
)
def test_an_unknown_format_is_refused_with_those_that_are_offered(f: str, kind: Any) -> None:
    with pytest.raises(Invalid, match="GeoJSON"):
        choose(f, None, kind)


@pytest.mark.parametrize(
    "accept",
    ["image/png", "text/csv;q=0", "application/xml, image/*;q=0", "*/*;q=0", "text/csv;q=nan", "covjson", "nc", ";q=1"],
)
def test_what_nobody_can_accept_is_406(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(None, accept, "coverages")


def test_no_two_formats_share_a_name() -> None:
    assert all(named(n) is f for f in FORMATS for n in f.names)
