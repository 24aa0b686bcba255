"""The laws that every answer keeps, over synthetic grids of every layout whose truth is known cell by cell."""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poles import parse
from poles.answer import answer
from poles.coverage import Coverage, Coverages
from poles.dataset import Dataset, Text

LONS = np.arange(-6.0, 6.0, 1.5)
LATS = np.arange(40.0, 46.0, 1.0)
DEPTHS = np.array([0.0, 10.0, 50.0])
DAYS = np.arange(5)
"""Days since 2020-02-26: across a leap day, and a 30 February in a calendar of 360 days."""
STEP = {"x": 1.5, "y": 1.0}
LAYOUTS = (
    "regular", "flipped", "transposed", "0..360", "renamed", "rechunked", "packed", "across 180", "rotated",
    "projected", "curvilinear", "360_day",
)  # fmt: skip
SAME_PLACES = ("flipped", "transposed", "0..360", "renamed", "rechunked", "packed")
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def truth() -> np.ndarray:
    """v(t, z, y, x): all different, zero among them, some missing; exact in packed and in float32."""
    v = np.arange(len(DAYS) * len(DEPTHS) * len(LATS) * len(LONS), dtype=float) / 4
    v = v.reshape(len(DAYS), len(DEPTHS), len(LATS), len(LONS))
    v[:, :, 2, 3] = np.nan
    v[1, 0, 0, 0] = np.nan
    return v


@dataclass(frozen=True)
class Case:
    """A file of one layout, and where its cells lie."""

    dataset: Dataset
    lon: np.ndarray
    lat: np.ndarray
    """Of every cell, (y, x) in the order of `truth`."""


@functools.cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="poles-laws-"))


@functools.cache
def case(layout: str) -> Case:
    path = folder() / f"{LAYOUTS.index(layout)}.nc"
    lons = LONS + 180 if layout == "across 180" else LONS
    lon, lat = np.meshgrid(lons, LATS)
    with netCDF4.Dataset(path, "w") as nc:
        if layout == "rotated":
            lon, lat = _rotated(nc)
        elif layout == "projected":
            lon, lat = _projected(nc)
        elif layout == "curvilinear":
            lon, lat = _curvilinear(nc)
        else:
            _regular(nc, layout, lons)
        _others(nc, layout)
    dataset = Dataset(f"law-{LAYOUTS.index(layout)}", Text("a", "a"), Text("b", "b"), source=(str(path),))
    return Case(dataset, lon, lat)


def _regular(nc: netCDF4.Dataset, layout: str, lons: np.ndarray) -> None:
    lats, values = LATS, truth()
    if layout == "flipped":
        lats, values = lats[::-1], values[:, :, ::-1]
    if layout == "0..360":
        order = np.argsort(lons % 360)
        lons, values = (lons % 360)[order], values[..., order]
    x, y = ("nav_e", "nav_n") if layout == "renamed" else ("lon", "lat")
    for name, axis, units in ((x, lons, "degrees_east"), (y, lats, "degrees_north")):
        nc.createDimension(name, len(axis))
        nc.createVariable(name, "f8", (name,)).setncattr("units", units)
        nc[name][:] = axis
    _data(nc, values, y, x, layout)


def _rotated(nc: netCDF4.Dataset) -> tuple[np.ndarray, np.ndarray]:
    mapping = {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": 39.25,
               "grid_north_pole_longitude": -162.0}  # fmt: skip
    _mapped(nc, mapping, LONS, LATS - 43, "degrees", "grid_longitude", "grid_latitude")
    pole_lat, pole_lon = np.radians(39.25), np.radians(-162.0)
    x, y = np.meshgrid(np.radians(LONS), np.radians(LATS - 43))
    lat = np.arcsin(np.sin(y) * np.sin(pole_lat) + np.cos(y) * np.cos(x) * np.cos(pole_lat))
    lon = (pole_lon + np.pi) + np.arctan2(
        np.cos(y) * np.sin(x), np.cos(y) * np.cos(x) * np.sin(pole_lat) - np.sin(y) * np.cos(pole_lat)
    )
    return (np.degrees(lon) + 180) % 360 - 180, np.degrees(lat)


def _projected(nc: netCDF4.Dataset) -> tuple[np.ndarray, np.ndarray]:
    crs = pyproj.CRS("EPSG:3035")
    x, y = 3.2e6 + 1e5 * np.arange(len(LONS)), 2.1e6 + 1e5 * np.arange(len(LATS))
    _mapped(nc, crs.to_cf(), x, y, "m", "projection_x_coordinate", "projection_y_coordinate")
    return pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(*np.meshgrid(x, y))


def _mapped(nc, mapping, x, y, units, x_name, y_name) -> None:
    for name, axis, standard in (("x", x, x_name), ("y", y, y_name)):
        nc.createDimension(name, len(axis))
        nc.createVariable(name, "f8", (name,)).setncatts({"units": units, "standard_name": standard})
        nc[name][:] = axis
    nc.createVariable("mapping", "i4").setncatts(mapping)
    _data(nc, truth(), "y", "x", "mapped")
    nc["v"].grid_mapping = nc["w"].grid_mapping = "mapping"


def _curvilinear(nc: netCDF4.Dataset) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(LONS, LATS)
    lon, lat = x + 0.3 * (y - 43), y + 0.1 * x
    nc.createDimension("j", len(LATS))
    nc.createDimension("i", len(LONS))
    for name, values, units in (("lon", lon, "degrees_east"), ("lat", lat, "degrees_north")):
        nc.createVariable(name, "f8", ("j", "i")).setncattr("units", units)
        nc[name][:] = values
    _data(nc, truth(), "j", "i", "curvilinear")
    nc["v"].coordinates = nc["w"].coordinates = "lon lat"
    return lon, lat


def _data(nc: netCDF4.Dataset, values: np.ndarray, y: str, x: str, layout: str) -> None:
    nc.createDimension("time", len(DAYS))
    nc.createDimension("depth", len(DEPTHS))
    dims = (x, "depth", y, "time") if layout == "transposed" else ("time", "depth", y, x)
    order = [("time", "depth", y, x).index(d) for d in dims]
    chunks = {"chunksizes": (2, 1, 3, 5)} if layout == "rechunked" else {}
    for key, array in (("v", values), ("w", -values)):
        if layout == "packed":
            variable = nc.createVariable(key, "i2", dims, fill_value=-32768)
            variable.setncatts({"scale_factor": 0.25, "add_offset": 2.0})
        else:
            variable = nc.createVariable(key, "f4", dims, fill_value=np.float32(1e20), **chunks)
        variable.units = "m"
        variable[:] = np.ma.masked_invalid(array.transpose(order))


def _others(nc: netCDF4.Dataset, layout: str) -> None:
    time = nc.createVariable("time", "f8", ("time",))
    time.setncatts({"units": "days since 2020-02-26", "calendar": "360_day" if layout == "360_day" else "standard"})
    time[:] = DAYS
    depth = nc.createVariable("depth", "f8", ("depth",))
    depth.setncatts({"units": "m", "positive": "down"})
    depth[:] = DEPTHS


def ask(dataset: Dataset, verb: str, **parameters: object) -> Coverages:
    named = {k.replace("_", "-"): str(v) for k, v in parameters.items()}
    found = answer(dataset, parse.query(verb, named, dataset))
    assert isinstance(found, Coverages)
    return found


def cells(found: Coverages, key: str = "v") -> dict[tuple[float, ...], float]:
    """Every value by its rounded (t, z, lon, lat); those outside a polygon or missing are NaN."""
    values: dict[tuple[float, ...], float] = {}
    for member in found.members:
        if key in member.ranges:
            values.update(_cells(member, key))
    return values


def _cells(member: Coverage, key: str) -> dict[tuple[float, ...], float]:
    block = member.ranges[key]
    named = {a.name: a.values for a in member.axes}
    grids = np.meshgrid(*(np.arange(n) for n in block.shape), indexing="ij")
    at = dict(zip(block.dims, (g.ravel() for g in grids), strict=True))
    if member.composite is not None:
        named |= {
            n: v[at["composite"]] for n, v in zip(member.composite.coordinates, member.composite.values, strict=True)
        }
        at |= {n: np.arange(block.size) for n in member.composite.coordinates}
    x, y = named["x"][at["x"]], named["y"][at["y"]]
    if not member.crs.endswith("CRS84"):
        x, y = pyproj.Transformer.from_crs(member.crs, "OGC:CRS84", always_xy=True).transform(x, y)
    t, z = named["t"][at["t"]] if "t" in at else 0 * x, named["z"][at["z"]] if "z" in at else 0 * x
    places = zip(t, z, np.round((np.asarray(x) + 180) % 360 - 180, 6), np.round(y, 6), strict=True)
    return {tuple(map(float, p)): float(v) for p, v in zip(places, block.array().ravel(), strict=True)}


def same(a: dict[tuple[float, ...], float], b: dict[tuple[float, ...], float]) -> bool:
    return a.keys() == b.keys() and all(a[k] == b[k] or (np.isnan(a[k]) and np.isnan(b[k])) for k in a)


layouts = st.sampled_from(LAYOUTS)
rows, columns = st.integers(0, len(LATS) - 1), st.integers(0, len(LONS) - 1)
edges_x = st.sampled_from([-8.0, -6.0, -5.2, -3.0, -0.7, 0.0, 1.1, 3.0, 4.6, 9.0])
edges_y = st.sampled_from([38.0, 40.0, 41.4, 42.0, 43.3, 45.0, 47.0])
times = st.sampled_from([
    "2020-02-27", "2020-02-27T00:00:00Z", "2020-02-26/2020-02-28", "../2020-02-27", "2020-02-28/..",
    "2020-02-26,2020-02-29",
])  # fmt: skip
levels = st.sampled_from(["0", "10", "0/10", "0,50", "R2/0/10", "50/10"])


def box(data: st.DataObject) -> tuple[float, float, float, float]:
    west, east = sorted(data.draw(st.tuples(edges_x, edges_x).filter(lambda e: e[0] != e[1])))
    south, north = sorted(data.draw(st.tuples(edges_y, edges_y).filter(lambda e: e[0] != e[1])))
    return west, south, east, north


def bbox(layout: str, edges: tuple[float, float, float, float]) -> str:
    west, south, east, north = edges
    shift = 180 if layout == "across 180" else 0
    turn = [(e + shift + 180) % 360 - 180 if shift else e for e in (west, east)]
    return f"{turn[0]},{south},{turn[1]},{north}"


@given(layout=st.sampled_from(SAME_PLACES), data=st.data(), when=times, z=levels)
@quick
def test_layout_never_changes_an_answer(layout, data, when, z):
    edges = bbox(layout, box(data))
    asked = {"bbox": edges, "datetime": when, "z": z}
    assert same(cells(ask(case("regular").dataset, "cube", **asked)), cells(ask(case(layout).dataset, "cube", **asked)))


@given(layout=layouts, j=rows, i=columns)
@quick
def test_a_position_on_a_node_is_that_node(layout, j, i):
    here = case(layout)
    found = ask(
        here.dataset, "position", coords=f"POINT({here.lon[j, i]:.9f} {here.lat[j, i]:.9f})", parameter_name="v"
    )
    (member,) = found.members
    np.testing.assert_array_equal(member.ranges["v"].array().reshape(len(DAYS), len(DEPTHS)), truth()[:, :, j, i])
    x, y = member.axis("x").values[0], member.axis("y").values[0]
    np.testing.assert_allclose([(x - here.lon[j, i] + 180) % 360 - 180, y - here.lat[j, i]], 0, atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_beyond_the_cells_there_is_nothing(layout):
    here = case(layout)
    for lon, lat in ((here.lon.max() + 40, 43), (here.lon.mean(), here.lat.max() + 20), (here.lon.mean(), -60)):
        lon = (lon + 180) % 360 - 180
        assert ask(here.dataset, "position", coords=f"POINT({lon} {lat})").empty


@pytest.mark.parametrize(("x", "inside"), [(-6.75, True), (-6.76, False), (5.25, True), (5.26, False)])
def test_half_a_cell_is_the_border(x, inside):
    assert ask(case("regular").dataset, "position", coords=f"POINT({x} 43)").empty is not inside


@given(layout=layouts, data=st.data())
@quick
def test_a_cube_holds_all_cells_in_its_box_and_no_other(layout, data):
    here, edges = case(layout), box(data)
    west, south, east, north = edges
    lon = here.lon - 180 if layout == "across 180" else here.lon
    lon = (lon + 180) % 360 - 180
    inside = (lon >= west) & (lon <= east) & (here.lat >= south) & (here.lat <= north)
    found = cells(ask(here.dataset, "cube", bbox=bbox(layout, edges), datetime="2020-02-27", z=10, parameter_name="v"))
    held = {k[2:]: v for k, v in found.items() if not np.isnan(v)}
    expected = truth()[1, 1]
    wanted = {
        (round(float((here.lon[j, i] + 180) % 360 - 180), 6), round(float(here.lat[j, i]), 6)): expected[j, i]
        for j, i in np.argwhere(inside & ~np.isnan(expected))
    }
    assert _near(held) == _near(wanted)


def _near(places: dict[tuple[float, ...], float]) -> dict[tuple[float, ...], float]:
    """Places to four decimals: two libraries agree on a projection to a metre, not to the last bit."""
    return {tuple(np.round(k, 4) + 0.0): v for k, v in places.items()}


@given(layout=layouts, j=rows, i=columns)
@quick
def test_a_position_is_a_cube_of_one_cell(layout, j, i):
    here = case(layout)
    lon, lat = (here.lon[j, i] + 180) % 360 - 180, here.lat[j, i]
    position = ask(here.dataset, "position", coords=f"POINT({lon:.9f} {lat:.9f})")
    cube = ask(here.dataset, "cube", bbox=f"{lon:.9f},{lat:.9f},{lon:.9f},{lat:.9f}")
    for key in ("v", "w"):
        np.testing.assert_array_equal(
            position.members[0].ranges[key].array().ravel(), cube.members[0].ranges[key].array().ravel()
        )


@given(layout=layouts, data=st.data(), when=times)
@quick
def test_an_area_of_a_rectangle_is_the_cube(layout, data, when):
    here, edges = case(layout), box(data)
    west, south, east, north = edges
    shift = 180 if layout == "across 180" else 0
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    coords = "POLYGON((" + ",".join(f"{x + shift} {y}" for x, y in ring) + "))"
    area = cells(ask(here.dataset, "area", coords=coords, datetime=when))
    cube = cells(ask(here.dataset, "cube", bbox=bbox(layout, edges), datetime=when))
    kept = [{k: v for k, v in c.items() if not np.isnan(v)} for c in (area, cube)]
    assert kept[0] == kept[1]


@given(layout=layouts, cut=st.integers(0, 3))
@quick
def test_splitting_an_interval_and_joining_the_answers_is_the_whole(layout, cut):
    here = case(layout).dataset
    day = ["2020-02-26", "2020-02-27", "2020-02-28", "2020-02-29", "2020-03-01"][cut]
    hour = f"{day}T12:00:00Z"
    first, second = (cells(ask(here, "cube", bbox="-180,-90,180,90", datetime=d)) for d in (f"../{hour}", f"{hour}/.."))
    assert not first.keys() & second.keys()
    assert same(first | second, cells(ask(here, "cube", bbox="-180,-90,180,90")))


@given(layout=layouts, data=st.data())
@quick
def test_two_parameters_are_the_two_single_answers(layout, data):
    here, edges = case(layout).dataset, bbox(layout, box(data))
    both = ask(here, "cube", bbox=edges, parameter_name="v,w")
    for key in ("v", "w"):
        assert same(cells(both, key), cells(ask(here, "cube", bbox=edges, parameter_name=key), key))


def test_a_date_that_only_this_calendar_has_is_found():
    found = ask(
        case("360_day").dataset, "position", coords="POINT(0 43)", datetime="2020-02-30", z="0", parameter_name="v"
    )
    assert found.members[0].ranges["v"].array().ravel() == truth()[4, 0, 3, 4]


def test_a_masked_cell_is_missing_and_zero_is_a_measurement():
    here = case("packed")
    missing = ask(here.dataset, "position", coords=f"POINT({LONS[3]} {LATS[2]})", datetime="2020-02-26", z="0")
    zero = ask(here.dataset, "position", coords=f"POINT({LONS[0]} {LATS[0]})", datetime="2020-02-26", z="0")
    assert np.isnan(missing.members[0].ranges["v"].array()).all()
    assert (zero.members[0].ranges["v"].array() == 0).all()
