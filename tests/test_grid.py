"""Grids of real and synthetic files: each value at its place, and each place at its cell."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyproj
import pytest
import rasterio

from poles.crs import LONLAT
from poles.errors import Unreadable
from poles.grids.grid import Grid, GridParameter, grids, is_sampling
from poles.sources import open_source
from poles.stored import Opened, Stored

DATA = Path(__file__).parents[2] / "shared" / "data"
there = pytest.mark.skipif(not DATA.is_dir(), reason="the real data of ../shared are not there")

PLACELESS = {
    "theia/ascat_ssm_swath.nc": "names lat and lon that it has not",
    "hard/missing_latlon_l1b.nc": "names lat and lon that it has not",
    "hard/arpege_mslp_rotated_stretched.nc": "every value, even of the coordinates, is missing",
    "hard/nuwg_eta211.nc": "keeps its navigation in variables of its own",
    "aeris/weather_radar_anjalankoski_odim.h5": "a polar radar",
    "odatis/seawifs_chl_l3b.nc": "bins of compound type",
}
"""What cannot be placed, and why."""


@cache
def manifest() -> list[dict[str, Any]]:
    return json.loads((DATA / "MANIFEST.json").read_text()) if DATA.is_dir() else []


def _items(reader: str) -> list[Any]:
    found = [e for e in manifest() if e["reader"] == reader and (DATA / e["path"]).is_file()]
    return [pytest.param(e, id=Path(e["path"]).stem) for e in found]


@cache
def opened(path: str) -> Opened:
    return open_source(str(DATA / path))


@cache
def grids_of(path: str) -> tuple[Grid, ...]:
    return grids(opened(path))


def is_grid(item: dict[str, Any]) -> bool:
    return item["path"] not in PLACELESS and not is_sampling(opened(item["path"]))


def _of(item: dict[str, Any], stored: Stored) -> tuple[Grid, GridParameter] | None:
    """The grid and parameter of a stored array."""
    keys = (stored.name, stored.key.replace("/", "."))
    return next(((g, g.parameters[k]) for g in grids_of(item["path"]) for k in keys if k in g.parameters), None)


# --- real files: NetCDF ------------------------------------------------------------------------------------------


def _raw_place(nc: netCDF4.Dataset, variable: Any, index: dict[str, int]) -> tuple[float, float] | None:
    """Longitude and latitude of one value by the coordinates of the raw file; by its mapping where there are none."""
    found: dict[str, float] = {}
    for other in _nearby(variable):
        unit, name = str(getattr(other, "units", "")).lower(), other.name.lower()
        namesake = other.ndim == 1 and other.name != other.dimensions[0]
        if not set(other.dimensions) <= set(variable.dimensions) or not other.dimensions:
            continue
        if namesake and other.dimensions[0] in variable.group().variables:
            continue
        role = next(
            (r for r, u in (("lon", "degrees_e"), ("lat", "degrees_n")) if unit.replace("ee_", "ees_").startswith(u)),
            "",
        )
        role = role or getattr(other, "standard_name", "")[:3] or (name[:3] if unit.startswith("degree") else "")
        if role in ("lon", "lat"):
            value = other[tuple(index[d] for d in other.dimensions)]
            if not np.ma.is_masked(value):
                found[role] = float(value)
    return (found["lon"], found["lat"]) if len(found) == 2 else _projected_place(nc, variable, index)


def _nearby(variable: Any) -> Iterator[Any]:
    """The variables of the groups above a variable, those of its own last."""
    group, groups = variable.group(), []
    while group is not None:
        groups.append(group)
        group = group.parent
    for above in reversed(groups):
        yield from (v for v in above.variables.values() if v is not variable)


def _projected_place(nc: netCDF4.Dataset, variable: Any, index: dict[str, int]) -> tuple[float, float] | None:
    name = getattr(variable, "grid_mapping", None)
    if name not in nc.variables:
        return None
    attrs = {k: nc[name].getncattr(k) for k in nc[name].ncattrs()}
    dy, dx = variable.dimensions[-2:]
    x, y = float(nc[dx][index[dx]]), float(nc[dy][index[dy]])
    if attrs["grid_mapping_name"] != "rotated_latitude_longitude":
        crs = pyproj.CRS.from_cf(attrs)
        return pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y)
    pole_lon, pole_lat = (np.radians(attrs[f"grid_north_pole_{n}"]) for n in ("longitude", "latitude"))
    rx, ry = np.radians(x), np.radians(y)
    lat = np.arcsin(np.sin(ry) * np.sin(pole_lat) + np.cos(ry) * np.cos(rx) * np.cos(pole_lat))
    across = np.cos(ry) * np.cos(rx) * np.sin(pole_lat) - np.sin(ry) * np.cos(pole_lat)
    return np.degrees(pole_lon + np.pi + np.arctan2(np.cos(ry) * np.sin(rx), across)), np.degrees(lat)


def _canonical(grid: Grid, parameter: GridParameter, variable: Any, index: dict[str, int]) -> dict[str, slice]:
    """The other axes of a value, by the coordinates of the raw file: where each axis has its value."""
    found = {}
    for axis in grid.axes:
        if axis.name not in parameter.axes or len(axis) == 1:
            continue
        group = variable.group()
        coordinate = group.variables.get(axis.key)
        dim = axis.key if coordinate is None else coordinate.dimensions[0]
        at = index[dim]
        if coordinate is not None and len(coordinate[:]) > 1 and coordinate[0] > coordinate[-1]:
            at = len(axis) - 1 - at
        found[axis.name] = slice(at, at + 1)
    return found


def _separation(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Degrees of a great circle between two places."""
    (a, b), (c, d) = np.radians(one), np.radians(other)
    return float(np.degrees(np.hypot((c - a + np.pi) % (2 * np.pi) - np.pi, 0) * np.cos(b) + abs(d - b)))


@there
@pytest.mark.parametrize("item", _items("netCDF4"))
def test_a_known_value_lies_at_its_place(item: dict[str, Any]) -> None:
    known = item.get("known")
    if not known or not is_grid(item):
        pytest.skip(PLACELESS.get(item["path"], "no grid, or nothing known"))
    stored = opened(item["path"]).arrays[known["var"]]
    found = _of(item, stored)
    assert found is not None, f"{known['var']} is no parameter"
    grid, parameter = found
    with netCDF4.Dataset(DATA / item["path"]) as nc:
        variable = nc[known["var"]]
        index = dict(zip(known["dims"], known["index"], strict=True))
        place = _raw_place(nc, variable, index)
        others = _canonical(grid, parameter, variable, index)
    assert place is not None
    cell = grid.horizontal.nearest([place], LONLAT)[0]
    assert cell is not None, f"no cell at {place}"
    here = {n: slice(i, i + 1) for n, i in zip(grid.horizontal.dims, cell, strict=True)}
    value = parameter.read({**others, **here})
    assert value.size == 1
    assert value.ravel()[0] == pytest.approx(known["value"], rel=2e-6)
    assert _separation(grid.horizontal.lonlat(cell), place) < 1e-3 or item["path"].startswith("aeris/lcc")
    assert grid.horizontal.nearest([grid.horizontal.place(cell)], grid.horizontal.crs) == [cell]


@there
@pytest.mark.parametrize("item", _items("netCDF4"))
def test_values_all_over_a_file_lie_at_their_places(item: dict[str, Any]) -> None:
    known = item.get("known")
    if not known or not is_grid(item):
        pytest.skip("no grid, or nothing known")
    found = _of(item, opened(item["path"]).arrays[known["var"]])
    assert found is not None
    grid, parameter = found
    chance = np.random.default_rng(7)
    with netCDF4.Dataset(DATA / item["path"]) as nc:
        variable = nc[known["var"]]
        for _ in range(40):
            index = {d: int(chance.integers(n)) for d, n in zip(variable.dimensions, variable.shape, strict=True)}
            place = _raw_place(nc, variable, index)
            if place is None:
                continue  # a cell without a place
            cell = grid.horizontal.nearest([place], LONLAT)[0]
            assert cell is not None, f"no cell at {place}"
            here = {n: slice(i, i + 1) for n, i in zip(grid.horizontal.dims, cell, strict=True)}
            value = parameter.read({**_canonical(grid, parameter, variable, index), **here}).ravel()
            raw = variable[tuple(index.values())]
            assert value.size == 1
            if np.ma.is_masked(raw) or (raw.dtype.kind == "f" and np.isnan(raw)):
                assert np.isnan(value[0])
            else:
                assert value[0] == pytest.approx(float(raw), rel=2e-6, abs=1e-30)


@there
@pytest.mark.parametrize("item", _items("netCDF4"))
def test_a_whole_array_has_its_count_and_extremes(item: dict[str, Any]) -> None:
    known = item.get("known")
    if not known or not is_grid(item):
        pytest.skip("no grid, or nothing known")
    found = _of(item, opened(item["path"]).arrays[known["var"]])
    assert found is not None
    _, parameter = found
    values = parameter.read({})
    assert values.shape == parameter.shape
    assert values.dtype == parameter.dtype
    there_ = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    assert there_.sum() == known["valid_count"]
    assert values[there_].min() == pytest.approx(known["min"], rel=2e-6)
    assert values[there_].max() == pytest.approx(known["max"], rel=2e-6)


def _cells(grid: Grid, count: int = 400) -> Iterator[tuple[int, ...]]:
    """Cells all over a grid, the corners among them."""
    shape = grid.horizontal.shape
    size = int(np.prod(shape))
    for flat in sorted({0, size - 1, *range(0, size, max(1, size // count))}):
        yield tuple(int(i) for i in np.unravel_index(flat, shape))


@there
@pytest.mark.parametrize("item", [*_items("netCDF4"), *_items("rasterio")])
def test_the_cell_at_the_place_of_a_cell_is_that_cell(item: dict[str, Any]) -> None:
    if not is_grid(item):
        pytest.skip("no grid")
    for grid in grids_of(item["path"]):
        horizontal = grid.horizontal
        cells = [c for c in _cells(grid) if np.isfinite(horizontal.place(c)).all()]
        places = [horizontal.place(c) for c in cells]
        for crs, at in ((horizontal.crs, places), (LONLAT, [horizontal.lonlat(c) for c in cells])):
            for cell, found in zip(cells, horizontal.nearest(at, crs), strict=True):
                # Two cells of a tripolar grid may share one place.
                assert found == cell or (found and horizontal.place(found) == pytest.approx(horizontal.place(cell)))
            assert horizontal.nearest(at[:1], crs) == horizontal.nearest(at, crs)[:1]


@there
@pytest.mark.parametrize("path", PLACELESS)
def test_what_cannot_be_placed_is_refused_in_one_line(path: str) -> None:
    with pytest.raises(Unreadable) as error:
        grids(open_source(str(DATA / path)))
    assert "\n" not in str(error.value)
    assert not is_sampling(open_source(str(DATA / path)))


# --- real files: rasters -----------------------------------------------------------------------------------------


@there
@pytest.mark.parametrize("item", _items("rasterio"))
def test_a_known_pixel_lies_at_its_place(item: dict[str, Any]) -> None:
    known = item["known"]
    path = str(DATA / item["path"])
    with rasterio.open(path) as raster:
        x, y = raster.xy(known["row"], known["col"])
        crs = pyproj.CRS(raster.crs)
    grid = grids_of(item["path"])[0]
    parameter = list(grid.parameters.values())[known["band"] - 1]
    lon, lat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)
    cell = grid.horizontal.nearest([(lon, lat)], LONLAT)[0]
    assert cell == grid.horizontal.nearest([(x, y)], grid.horizontal.crs)[0]
    assert cell is not None
    value = parameter.read({n: slice(i, i + 1) for n, i in zip(grid.horizontal.dims, cell, strict=True)})
    assert value.ravel()[0] == pytest.approx(known["value"], rel=2e-6)
    assert grid.horizontal.place(cell) == pytest.approx((x, y), rel=1e-9)
    assert grid.horizontal.lonlat(cell) == pytest.approx((lon, lat), abs=1e-7)
    values = parameter.read({})
    there_ = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    assert there_.sum() == known["valid_count"]
    assert (values[there_].min(), values[there_].max()) == pytest.approx((known["min"], known["max"]), rel=2e-6)
