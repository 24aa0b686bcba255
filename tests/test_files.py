"""Files of many writers whose truth is known: every value at its place and time, or one line that says why not.

Each file is written here, small, with netCDF4, h5py, xarray, zarr, rasterio or as text, and its truth beside it;
what the engine answers is taken apart and compared cell by cell, without the engine's own help.
"""

import json
import math
import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import rasterio
import shapely
import xarray as xr
import zarr
from pyproj import CRS, Transformer
from rasterio.transform import Affine, from_origin

from poles import parse, times
from poles.answer import answer
from poles.coverage import Coverages, Table
from poles.dataset import Dataset, Text
from poles.describe import describe
from poles.errors import Unreadable
from poles.sources import Replaced, netcdf, open_source

NAN = float("nan")
LON, LAT = {"units": "degrees_east"}, {"units": "degrees_north"}
LONLAT = CRS("OGC:CRS84")
Cell = tuple[str | None, float | None, tuple[Any, ...], float, float]
"""Time, level, other axes, longitude and latitude."""


@dataclass
class Truth:
    """What a file holds: places over the horizontal, and each parameter's leading axes and values."""

    lon: Any
    lat: Any
    values: Mapping[str, tuple[str, Any]]
    """By key: the leading axes (`t`, `z` or a name, parted by blanks) and the values over these and the horizontal."""
    t: Sequence[str] = ()
    z: Sequence[float] = ()
    others: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    near: float = 1e-3
    """Degrees by which a place may be off."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What the block of the data set says."""
    outside: Sequence[tuple[float, float]] = ()


Writer = Callable[[Path], tuple[Any, Any]]
GRIDS: dict[str, Writer] = {}
REFUSED: dict[str, tuple[Writer, str]] = {}


def grid(sentence: str) -> Callable[[Writer], Writer]:
    """Registers what writes a grid: it gives its path and its truth."""
    return lambda writer: GRIDS.setdefault(sentence, writer)


def refused(sentence: str, says: str) -> Callable[[Writer], Writer]:
    """Registers what writes a file that must be refused."""
    return lambda writer: REFUSED.setdefault(sentence, (writer, says))[0]


# --- writing ---------------------------------------------------------------------------------------------------------


def nc(path: Path, sizes: Mapping[str, int | None], arrays: Mapping[str, Any], **attrs: Any) -> str:
    """A NetCDF file; arrays by name: (dimensions, values, attributes)."""
    with netCDF4.Dataset(path, "w") as root:
        root.setncatts(attrs)
        for name, size in sizes.items():
            root.createDimension(name, size)
        for key, (dims, values, about) in arrays.items():
            array, about = np.asarray(values), dict(about)
            kind = str if array.dtype.kind in "OU" else array.dtype
            variable = root.createVariable(key, kind, tuple(dims.split()), fill_value=about.pop("_FillValue", None))
            variable.set_auto_maskandscale(False)
            variable.set_auto_chartostring(False)
            variable.setncatts(about)
            if array.size:
                variable[...] = array.astype(object) if kind is str else array
    return str(path)


def ramp(*shape: int, dtype: Any = np.float32, start: int = 1) -> Any:
    return (np.arange(math.prod(shape)) + start).reshape(shape).astype(dtype)


def chars(*texts: str) -> Any:
    return np.array([list(t) for t in texts], "S1")


X, Y = np.array([0.0, 1, 2]), np.array([5.0, 6])
XY = {"lon": ("lon", X, LON), "lat": ("lat", Y, LAT)}
SIZES: dict[str, int | None] = {"lat": 2, "lon": 3}
DAYS = {"units": "days since 2001-02-27"}
DAY = ("2001-02-27T00:00:00Z", "2001-02-28T00:00:00Z", "2001-03-01T00:00:00Z")
UTM = CRS("EPSG:32631")


def timed(
    path: Path, time: Any, about: Mapping[str, Any], t: Sequence[str], order: Any = slice(None)
) -> tuple[str, Truth]:
    """A file of one time axis over three by two cells; `order`: the stored steps of the times, sorted."""
    values = ramp(len(time), 2, 3)
    made = nc(path / "a.nc", {**SIZES, "time": len(time)}, {
        **XY, "time": ("time", time, about), "v": ("time lat lon", values, {}),
    })  # fmt: skip
    return made, Truth(X, Y[:, None], {"v": ("t", values[order])}, t)


def placed(crs: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Longitudes and latitudes of columns and rows."""
    return Transformer.from_crs(crs, LONLAT, always_xy=True).transform(*np.meshgrid(x, y))


def projected(
    path: Path, crs: Any, x: Any, y: Any, mapping: Mapping[str, Any], unit: str, scale: float = 1
) -> tuple[str, Truth]:
    """A file with a grid mapping."""
    said = {a: {"units": unit, "standard_name": f"projection_{a}_coordinate"} for a in "xy"}
    values = ramp(len(y), len(x))
    lon, lat = placed(crs, x, y)
    lon, lat = (np.where(np.isfinite(a), a, NAN) for a in (lon, lat))
    made = nc(path / "a.nc", {"x": len(x), "y": len(y)}, {
        "m": ("", 0, mapping), "x": ("x", x * scale, said["x"]), "y": ("y", y * scale, said["y"]),
        "v": ("y x", values, {"grid_mapping": "m"}),
    })  # fmt: skip
    return made, Truth(lon, lat, {"v": ("", values)}, near=2e-3)


def tif(path: Path, values: Any, transform: Any, crs: Any = "EPSG:4326", **more: Any) -> str:
    bands = values[None] if values.ndim == 2 else values
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2],
        dtype=bands.dtype, transform=transform, crs=crs, **more,
    ) as file:  # fmt: skip
        file.write(bands)
    return str(path)


def pixels(transform: Any, crs: Any, height: int, width: int) -> tuple[Any, Any]:
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return Transformer.from_crs(crs, LONLAT, always_xy=True).transform(*moved(transform[:6], column, row))


def moved(affine: Sequence[float], column: Any, row: Any) -> tuple[Any, Any]:
    a, b, c, d, e, f = affine
    return a * column + b * row + c, d * column + e * row + f


def raster(path: Path, transform: Any, crs: str, height: int = 4, width: int = 5, **more: Any) -> tuple[str, Truth]:
    values = ramp(height, width)
    lon, lat = pixels(transform, crs, height, width)
    return tif(path / "a.tif", values, transform, crs, **more), Truth(lon, lat, {"band_1": ("", values)})


# --- NetCDF and HDF5 -------------------------------------------------------------------------------------------------


@grid("axes of any name, longitude first and time last")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(3, 2, 2)
    return nc(path / "a.nc", {"i": 3, "j": 2, "k": 2}, {
        "laenge": ("i", X, {"units": "degreeE"}), "breite": ("j", Y[::-1], {"units": "degreeN"}),
        "wann": ("k", np.array([0, 1], "i2"), DAYS), "v": ("i j k", values, {}),
    }), Truth(X, Y[::-1, None], {"v": ("t", values.transpose(2, 1, 0))}, DAY[:2], outside=[(-0.6, 5)])  # fmt: skip


@grid("times in no order, one of them twice, one missing")
def _(path: Path) -> tuple[str, Truth]:
    about = {**DAYS, "_FillValue": -9.0}
    return timed(path, np.array([2.0, 0, -9, 1, 1]), about, DAY, [1, 4, 0])


@grid("levels in no order")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(3, 2, 3)
    return nc(path / "a.nc", {**SIZES, "plev": 3}, {
        **XY, "plev": ("plev", np.array([850.0, 1000, 500]), {"units": "hPa"}), "v": ("plev lat lon", values, {}),
    }), Truth(X, Y[:, None], {"v": ("z", values)}, z=[850, 1000, 500])  # fmt: skip


@grid("times as texts of ten digits")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(2, 2, 3)
    return nc(path / "a.nc", {**SIZES, "time": 2, "n": 10}, {
        **XY, "time": ("time n", chars("2001022700", "2001022800"), {}), "v": ("time lat lon", values, {}),
    }), Truth(X, Y[:, None], {"v": ("t", values)}, DAY[:2])  # fmt: skip


@grid("times as numbers of eight digits")
def _(path: Path) -> tuple[str, Truth]:
    return timed(path, np.array([20010227, 20010228], "i4"), {"units": "YYYYMMDD"}, DAY[:2])


@grid("hours with a zone, in 32 bits")
def _(path: Path) -> tuple[str, Truth]:
    about = {"units": "hours since 2001-02-27 02:00:00 +2:00"}
    return timed(path, np.array([0, 24], "f4"), about, DAY[:2])


@grid("a calendar of 360 days")
def _(path: Path) -> tuple[str, Truth]:
    about = {"units": "days since 2000-02-29", "calendar": "360_day"}
    return timed(path, np.array([0, 1]), about, ["2000-02-29T00:00:00Z", "2000-02-30T00:00:00Z"])


@grid("a forecast's steps, whose valid times have the run as a dimension of one")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(1, 2, 2, 3)
    hours = {"units": "hours since 2001-02-27"}
    return nc(path / "a.nc", {**SIZES, "run": 1, "step": 2}, {
        **XY, "run": ("run", [0.0], {**hours, "standard_name": "forecast_reference_time"}),
        "step": ("step", [0.0, 24], {"units": "hours", "standard_name": "forecast_period"}),
        "valid": ("run step", [[0.0, 24]], {**hours, "standard_name": "time"}),
        "v": ("run step lat lon", values, {"coordinates": "valid"}),
    }), Truth(X, Y[:, None], {"v": ("forecast_reference_time t", values)}, DAY[:2], others={
        "forecast_reference_time": [0.0],
    })  # fmt: skip


@grid("members that characters name")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(2, 2, 3)
    return nc(path / "a.nc", {**SIZES, "m": 2, "n": 4}, {
        **XY, "run": ("m n", chars("hist", "ssp5"), {}), "v": ("m lat lon", values, {"coordinates": "run"}),
    }), Truth(X, Y[:, None], {"v": ("run", values)}, others={"run": ["hist", "ssp5"]})  # fmt: skip


@grid("several missing codes, unsigned bytes, packed coordinates")
def _(path: Path) -> tuple[str, Truth]:
    return nc(path / "a.nc", SIZES, {
        "lon": ("lon", np.array([0, 10, 20], "i2"), {**LON, "scale_factor": 0.1, "add_offset": 100.0}),
        "lat": ("lat", np.array([500, 600], "i2"), {**LAT, "scale_factor": 0.01}),
        "a": ("lat lon", np.array([[1, -99, -98], [0, 5, -97]], "f4"), {"missing_value": np.array([-99, -98], "f4")}),
        "b": ("lat lon", np.array([[1, -1, -2], [0, 127, -128]], "i1"), {"_Unsigned": "true", "_FillValue": -1}),
        "c": ("lat lon", np.array([[1, 2, 3], [0, 5, 6]], "i2"), {"add_offset": 273.15, "missing_value": 3.0}),
    }), Truth([100, 101, 102], [[5], [6]], {
        "a": ("", [[1, NAN, NAN], [0, 5, -97]]),
        "b": ("", [[1, NAN, 254], [0, 127, 128]]),
        "c": ("", [[274.15, 275.15, NAN], [273.15, 278.15, 279.15]]),
    })  # fmt: skip


def longitudes(*values: float, lat: Any = (10.0, 20, 30), lon: Any = LON) -> Writer:
    def write(path: Path) -> tuple[str, Truth]:
        v = ramp(len(lat), len(values))
        arrays = {"lon": ("lon", np.array(values), lon), "lat": ("lat", np.array(lat), LAT), "v": ("lat lon", v, {})}
        return nc(path / "a.nc", {"lat": len(lat), "lon": len(values)}, arrays), Truth(values, np.array(lat)[:, None], {
            "v": ("", v),
        })  # fmt: skip

    return write


GRIDS |= {
    "a whole circle from 20": longitudes(*np.arange(20.5, 380, 10)),
    "a whole circle from 180, backwards": longitudes(*np.arange(530, 170, -10)),
    "longitudes that jump at 180": longitudes(170, 175, 180, -175, -170),
    "two columns beside 180": longitudes(179.5, -179.5),
    "Gaussian rows and both poles": longitudes(*np.arange(0, 360, 30), lat=(90, 85.76, 0, -85.76, -90)),
    "one column": longitudes(5),
}


@grid("degrees counted to the west and to the south")
def _(path: Path) -> tuple[str, Truth]:
    v = ramp(2, 3)
    return nc(path / "a.nc", SIZES, {
        "lon": ("lon", 70 - X, {"units": "degrees_west"}), "lat": ("lat", Y, {"units": "degrees_south"}),
        "v": ("lat lon", v, {}),
    }), Truth(X - 70, -Y[:, None], {"v": ("", v)})  # fmt: skip


@grid("plain HDF5: places and data in groups of their own, without dimensions; a place of fill is none")
def _(path: Path) -> tuple[str, Truth]:
    lon, lat = np.meshgrid(np.arange(4.0), 40 + np.arange(3.0))
    with h5py.File(path / "a.h5", "w") as root:
        root["Data/v"] = ramp(3, 4)
        for name, values in (("longitude", lon), ("latitude", lat)):
            root[f"Geo/{name}"] = np.where((lon == 0) & (lat == 40), -9999.0, values)
    lon[0, 0] = lat[0, 0] = NAN
    return str(path / "a.h5"), Truth(lon, lat, {"v": ("", ramp(3, 4))})


def bent(rows: int = 4, columns: int = 5) -> tuple[Any, Any]:
    j, i = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    return i + 0.2 * j, 40 + j - 0.1 * i


@grid("WRF: cells repeated at every time, times in texts")
def _(path: Path) -> tuple[str, Truth]:
    lon, lat = bent()
    values = ramp(2, 4, 5)
    return nc(path / "wrfout", {"Time": None, "n": 19, "south_north": 4, "west_east": 5}, {
        "Times": ("Time n", chars("2001-02-27_00:00:00", "2001-02-28_00:00:00"), {}),
        "XLAT": ("Time south_north west_east", np.stack([lat, lat]), {"units": "degree_north"}),
        "XLONG": ("Time south_north west_east", np.stack([lon, lon]), {"units": "degree_east"}),
        "T2": ("Time south_north west_east", values, {"coordinates": "XLONG XLAT"}),
    }), Truth(lon, lat, {"T2": ("t", values)}, DAY[:2])  # fmt: skip


@grid("nominal axes, and the true places in fields (MOM)")
def _(path: Path) -> tuple[str, Truth]:
    lon, lat = bent()
    values = ramp(4, 5)
    return nc(path / "a.nc", {"yt": 4, "xt": 5}, {
        "xt": ("xt", np.arange(5.0), {"units": "degrees_E"}), "yt": ("yt", 40 + np.arange(4.0), {"units": "degrees_N"}),
        "geolon": ("yt xt", lon, {"units": "degrees_E"}), "geolat": ("yt xt", lat, {"units": "degrees_N"}),
        "v": ("yt xt", values, {"coordinates": "geolon geolat"}),
    }), Truth(lon, lat, {"v": ("", values)})  # fmt: skip


@grid("faces of a mesh that gives only its nodes")
def _(path: Path) -> tuple[str, Truth]:
    x, y = (a.ravel() for a in np.meshgrid(np.arange(4.0), np.arange(3.0)))
    faces = np.array([[j * 4 + i, j * 4 + i + 1, j * 4 + i + 5, j * 4 + i + 4] for j in range(2) for i in range(3)])
    values = ramp(2, 6)
    return nc(path / "a.nc", {"node": 12, "face": 6, "four": 4, "time": 2}, {
        "mesh": ("", 0, {"cf_role": "mesh_topology", "topology_dimension": 2, "node_coordinates": "x y",
                         "face_node_connectivity": "f"}),
        "x": ("node", x, {**LON, "standard_name": "longitude"}), "y": ("node", y, {**LAT, "standard_name": "latitude"}),
        "f": ("face four", faces + 1, {"start_index": 1}), "time": ("time", [0.0, 1], DAYS),
        "v": ("time face", values, {"mesh": "mesh", "location": "face"}),
    }), Truth(x[faces].mean(axis=1), y[faces].mean(axis=1), {"v": ("t", values)}, DAY[:2])  # fmt: skip


GEOSTATIONARY = {
    "grid_mapping_name": "geostationary", "perspective_point_height": 35786023.0, "semi_major_axis": 6378137.0,
    "semi_minor_axis": 6356752.31414, "longitude_of_projection_origin": -75.0, "sweep_angle_axis": "x",
}  # fmt: skip
LAMBERT = {
    "grid_mapping_name": "lambert_conformal_conic", "standard_parallel": np.array([25.0, 60]),
    "longitude_of_central_meridian": -95.0, "latitude_of_projection_origin": 42.5, "semi_major_axis": 6378137.0,
    "inverse_flattening": 298.257223563,
}  # fmt: skip


@grid("a geostationary view in radians")
def _(path: Path) -> tuple[str, Truth]:
    angles = np.arange(-5, 6) * 0.03 * 35786023.0
    crs = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +a=6378137 +b=6356752.31414"
    return projected(path, crs, angles, angles[::-1], GEOSTATIONARY, "rad", 1 / 35786023.0)


@grid("a Lambert cone in kilometres, northwards")
def _(path: Path) -> tuple[str, Truth]:
    crs = "+proj=lcc +lat_1=25 +lat_2=60 +lon_0=-95 +lat_0=42.5 +datum=WGS84"
    return projected(path, crs, np.arange(-3, 4) * 2e5, np.arange(-2, 3) * 2.5e5, LAMBERT, "km", 1e-3)


@grid("a mapping without a figure of the Earth, and fields that tell it (NARR)")
def _(path: Path) -> tuple[str, Truth]:
    x, y, values = np.arange(5) * 324630.0, np.arange(4) * 324630.0, ramp(4, 5)
    lon, lat = placed("+proj=lcc +lat_1=50 +lat_0=50 +lon_0=-107 +x_0=5632642 +y_0=4612545 +R=6371200", x, y)
    mapping = {
        "grid_mapping_name": "lambert_conformal_conic", "standard_parallel": [50.0, 50], "false_easting": 5632642.0,
        "longitude_of_central_meridian": -107.0, "latitude_of_projection_origin": 50.0, "false_northing": 4612545.0,
    }  # fmt: skip
    metres = {a: {"units": "m", "standard_name": f"projection_{a}_coordinate"} for a in "xy"}
    return nc(path / "a.nc", {"x": 5, "y": 4}, {
        "m": ("", 0, mapping), "x": ("x", x, metres["x"]), "y": ("y", y, metres["y"]), "lon": ("y x", lon, LON),
        "lat": ("y x", lat, LAT), "v": ("y x", values, {"grid_mapping": "m", "coordinates": "lon lat"}),
    }), Truth(lon, lat, {"v": ("", values)})  # fmt: skip


@grid("a world map of Mollweide: boxes pass its cut")
def _(path: Path) -> tuple[str, Truth]:
    crs = CRS("+proj=moll +lon_0=0 +datum=WGS84")
    x, y = np.arange(-17, 18, 2) * 1e6, np.arange(-8, 9, 2) * 1e6
    return projected(path, crs, x, y, {"crs_wkt": crs.to_wkt()}, "m")


@grid("an equidistant world map: its box is the world")
def _(path: Path) -> tuple[str, Truth]:
    crs = CRS("EPSG:4087")
    return projected(path, crs, np.arange(-19, 20, 2) * 1e6, np.arange(-8, 9, 2) * 1e6, {"crs_wkt": crs.to_wkt()}, "m")


# --- Zarr ------------------------------------------------------------------------------------------------------------


def store(path: Path, form: int, arrays: Mapping[str, Any]) -> str:
    """A Zarr store as zarr-python writes it by itself; arrays by name: (dimensions, values, attributes)."""
    root = zarr.open_group(str(path / "a.zarr"), mode="w", zarr_format=form)
    for key, (dims, values, about) in arrays.items():
        array = np.asarray(values)
        names = {"dimension_names": dims.split()} if form == 3 else {}
        about = about if form == 3 else {**about, "_ARRAY_DIMENSIONS": dims.split()}
        root.create_array(key, shape=array.shape, dtype=array.dtype, attributes=about, **names)[...] = array
    return str(path / "a.zarr")


@grid("Zarr 2 whose fill is the 0 that the library takes: a longitude of 0 is one")
def _(path: Path) -> tuple[str, Truth]:
    return store(path, 2, {**XY, "v": ("lat lon", ramp(2, 3), {})}), Truth(X, Y[:, None], {"v": ("", ramp(2, 3))})


@grid("Zarr of GDAL, the CRS on the array")
def _(path: Path) -> tuple[str, Truth]:
    x, y, values = 400500 + np.arange(5) * 1e3, 4999500 - np.arange(4) * 1e3, ramp(4, 5)
    arrays = {"X": ("X", x, {}), "Y": ("Y", y, {}), "a": ("Y X", values, {"_CRS": {"wkt": UTM.to_wkt()}})}
    return store(path, 2, arrays), Truth(*placed(UTM, x, y), {"a": ("", values)})


@grid("Zarr 3 in shards, with a chunk that is not there, in a zip file")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(2, 4, 6)
    data = xr.Dataset({"v": (("time", "lat", "lon"), values)}, {
        "time": np.array(["2001-02-27", "2001-02-28"], "M8[ns]"), "lat": ("lat", 40 + np.arange(4.0), LAT),
        "lon": ("lon", np.arange(6.0), LON),
    })  # fmt: skip
    encoding = {"v": {"chunks": (1, 2, 2), "shards": (1, 4, 6), "_FillValue": -9.0}}
    data.to_zarr(path / "a.zarr", zarr_format=3, encoding=encoding, consolidated=False)
    shutil.rmtree(path / "a.zarr" / "v" / "c" / "1")
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        for file in sorted(p for p in (path / "a.zarr").rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(path))
    there = np.where(np.arange(2)[:, None, None] == 1, NAN, values)
    return str(path / "a.zip"), Truth(np.arange(6.0), 40 + np.arange(4.0)[:, None], {"v": ("t", there)}, DAY[:2])


# --- rasters ---------------------------------------------------------------------------------------------------------

DEGREE = from_origin(2, 49, 0.25, 0.25)


@grid("a raster whose southern row comes first")
def _(path: Path) -> tuple[str, Truth]:
    return raster(path, Affine(0.25, 0, 2, 0, 0.25, 48), "EPSG:4326")


@grid("a sheared raster, asked for from any turn")
def _(path: Path) -> tuple[str, Truth]:
    return raster(path, Affine(0.2, 0.1, 2, 0.05, -0.2, 49), "EPSG:4326")


@grid("Web Mercator across 180")
def _(path: Path) -> tuple[str, Truth]:
    return raster(path, from_origin(20037508.34 - 40000, 1000000, 10000, 10000), "EPSG:3857", 6, 8)


@grid("a UTM zone across 180")
def _(path: Path) -> tuple[str, Truth]:
    return raster(path, from_origin(700000, 8000000, 20000, 20000), "EPSG:32760", 6, 8)


@grid("a raster without a CRS, which the block gives")
def _(path: Path) -> tuple[str, Truth]:
    transform = from_origin(700000, 6600000, 1000, 1000)
    _, truth = raster(path, transform, "EPSG:2154")
    with rasterio.open(path / "b.tif", "w", driver="GTiff", count=1, height=4, width=5, dtype="float32",
                       transform=transform) as file:  # fmt: skip
        file.write(ramp(1, 4, 5))
    return str(path / "b.tif"), replace(truth, said={"crs": "EPSG:2154"})


@grid("a raster whose CRS and missing code stand in the file beside it")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(4, 5)
    wkt = CRS("EPSG:4326").to_wkt("WKT1_GDAL").replace('"', "&quot;")
    band = "<PAMRasterBand band='1'><NoDataValue>1</NoDataValue></PAMRasterBand>"
    (path / "a.tif.aux.xml").write_text(f"<PAMDataset><SRS>{wkt}</SRS>{band}</PAMDataset>")
    lon, lat = pixels(DEGREE, "EPSG:4326", 4, 5)
    return tif(path / "a.tif", values, DEGREE, None), Truth(
        lon, lat, {"band_1": ("", np.where(values == 1, NAN, values))}
    )


# --- several files ---------------------------------------------------------------------------------------------------


def daily(path: Path, day: int, values: Any, lon: Any = X, units: str = "days since 2001-02-27", **time: Any) -> str:
    return nc(path, {**SIZES, "time": None}, {
        "lon": ("lon", lon, LON), "lat": ("lat", Y, LAT), "time": ("time", [float(day)], {"units": units, **time}),
        "v": ("time lat lon", values[None], {}),
    })  # fmt: skip


@grid("days in files of any name and of two Gregorian calendars, a circle apart")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(3, 2, 3)
    daily(path / "b.nc", 0, values[0], X - 10, calendar="gregorian")
    daily(path / "c.nc", 48, values[2], X + 350, "hours since 2001-02-27", calendar="proleptic_gregorian")
    daily(path / "a.nc", 1, values[1], X - 10, calendar="standard")
    return str(path / "*.nc"), Truth(X - 10, Y[:, None], {"v": ("t", values)}, DAY)


@grid("members in files of their own, day by day")
def _(path: Path) -> tuple[str, Truth]:
    values = ramp(2, 2, 2, 3)
    for member in range(2):
        for day in range(2):
            nc(path / f"{member}{day}.nc", SIZES, {
                **XY, "time": ("", float(day), {**DAYS, "standard_name": "time"}),
                "m": ("", member + 1, {"standard_name": "realization"}),
                "v": ("lat lon", values[day, member], {"coordinates": "m time"}),
            })  # fmt: skip
    return str(path / "*.nc"), Truth(X, Y[:, None], {"v": ("t realization", values)}, DAY[:2], others={
        "realization": [1, 2],
    })  # fmt: skip


def dated(pattern: str | None, *names: str) -> Writer:
    """Rasters of two days, the second one first, whose names alone tell the day."""

    def write(path: Path) -> tuple[str, Truth]:
        values = ramp(2, 4, 5)
        for name, band in zip(names, values[::-1], strict=True):
            tif(path / f"{name}.tif", band, DEGREE)
        lon, lat = pixels(DEGREE, "EPSG:4326", 4, 5)
        return str(path / "*.tif"), Truth(lon, lat, {"band_1": ("t", values)}, DAY[:2], said={"time_pattern": pattern})

    return write


GRIDS |= {
    "names with a date of the tile": dated(None, "S2_20010228_T31", "S2_20010227_T31"),
    "names with the day of the year": dated(None, "MOD.A2001059.h18", "MOD.A2001058.h18"),
    "names with a month of letters": dated("%d%b%Y", "x_28Feb2001", "x_27FEB2001"),
    "names with a year of two digits": dated("%y%m%d", "x_010228", "x_010227"),
}


# --- what is refused -------------------------------------------------------------------------------------------------


@refused("a file without records", "no values")
def _(path: Path) -> tuple[Any, Any]:
    return timed(path, np.zeros(0), DAYS, [])


@refused("cells that move with time", "move with time")
def _(path: Path) -> tuple[Any, Any]:
    lon, lat = bent()
    return nc(path / "a.nc", {"Time": 3, "y": 4, "x": 5}, {
        "Time": ("Time", [0.0, 1, 2], DAYS), "lon": ("Time y x", np.stack([lon, lon + 1, lon]), LON),
        "lat": ("Time y x", np.stack([lat] * 3), LAT), "v": ("Time y x", ramp(3, 4, 5), {"coordinates": "lon lat"}),
    }), None  # fmt: skip


@refused("rows and columns of plain HDF5 that cannot be told apart", "")
def _(path: Path) -> tuple[Any, Any]:
    with h5py.File(path / "a.h5", "w") as root:
        root["lat"], root["lon"], root["v"] = np.arange(3.0), np.arange(3.0), ramp(3, 3)
    return str(path / "a.h5"), None


@refused("a day beside rows of the same number in plain HDF5", "")
def _(path: Path) -> tuple[Any, Any]:
    with h5py.File(path / "a.h5", "w") as root:
        root["lat"], root["lon"], root["v"] = np.arange(3.0), np.arange(4.0), ramp(3, 3, 4)
    return str(path / "a.h5"), None


REFUSED |= {
    "latitudes beyond a pole": (longitudes(0, 1, 2, lat=(80.0, 90, 100)), "beyond a pole"),
    "longitudes in no order": (longitudes(0, 5, 2, 3), "neither increasing nor decreasing"),
    "a longitude that is missing": (longitudes(0, 1, NAN, 3), "missing"),
}


@refused("metres without a CRS", "give --crs")
def _(path: Path) -> tuple[Any, Any]:
    return projected(path, UTM, 4e5 + np.arange(3) * 1e3, 5e6 + np.arange(3) * 1e3, {}, "m")


@refused("a raster in a CRS of no place on the Earth", "give --crs")
def _(path: Path) -> tuple[Any, Any]:
    return tif(path / "a.tif", ramp(4, 5), DEGREE, 'LOCAL_CS["arbitrary",UNIT["metre",1]]'), None


@refused("files of different cells", "cells are not the same")
def _(path: Path) -> tuple[Any, Any]:
    daily(path / "1.nc", 0, ramp(2, 3))
    daily(path / "2.nc", 1, ramp(2, 3), X + 0.5)
    return str(path / "*.nc"), None


@refused("files that nothing tells apart", "time-pattern")
def _(path: Path) -> tuple[Any, Any]:
    for name in "ab":
        tif(path / f"{name}.tif", ramp(4, 5), DEGREE)
    return str(path / "*.tif"), None


@refused("two bands in files of one date", "nothing tells band_1")
def _(path: Path) -> tuple[Any, Any]:
    for name in ("20200101_B04", "20200101_B08", "20200102_B04", "20200102_B08"):
        tif(path / f"{name}.tif", ramp(4, 5), DEGREE)
    return str(path / "*.tif"), None


@refused("a damaged zip store", "zip")
def _(path: Path) -> tuple[Any, Any]:
    xr.Dataset({"v": ("x", [1.0])}).to_zarr(path / "a.zarr")
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        for file in (p for p in (path / "a.zarr").rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(path / "a.zarr"))
    raw = bytearray((path / "a.zip").read_bytes())
    raw[60] ^= 255
    (path / "a.zip").write_bytes(raw)
    return str(path / "a.zip"), None


# --- taking answers apart --------------------------------------------------------------------------------------------


def opened(paths: Any, **said: Any) -> Dataset:
    data = Dataset(
        str(paths), Text("a", "a"), Text("b", "b"), source=(paths,) if isinstance(paths, str) else tuple(paths), **said
    )
    return replace(data, facts=describe(data))


def ask(data: Dataset, verb: str, **asked: str) -> Any:
    return answer(data, parse.query(verb, {k.replace("_", "-"): v for k, v in asked.items()}, data))


def turned(lon: float) -> float:
    return round((float(lon) + 540 + 1e-7) % 360 - 180, 3) + 0.0


def cells(found: Coverages, key: str) -> dict[Cell, Any]:
    """Each value by its time, level, other axes, longitude and latitude."""
    out: dict[Cell, Any] = {}
    for c in (c for c in found.members if key in c.ranges):
        crs = CRS.from_user_input(c.crs)
        to = Transformer.from_crs(crs, LONLAT, always_xy=True)
        axes = {a.name: a for a in c.axes}
        along = {} if c.composite is None else dict(zip(c.composite.coordinates, c.composite.values, strict=True))
        values = c.ranges[key].array()
        for index in np.ndindex(values.shape):
            at = dict(zip(c.ranges[key].dims, index, strict=True))
            here = {n: v[at["composite"]] for n, v in along.items()}
            here |= {n: axes[n].values[i] for n, i in at.items() if n in axes}
            x, y = here.pop("x"), here.pop("y")
            if c.affine is not None:
                x, y = moved(c.affine, x, y)
            lon, lat = to.transform(x, y)
            t, z = here.pop("t", None), here.pop("z", None)
            calendar = axes["t"].calendar if "t" in axes else c.composite.calendar if c.composite else None
            if np.isfinite(lon):
                out[
                    None if t is None else times.text(int(t), calendar or "standard"),
                    None if z is None else float(z),
                    tuple(sorted(here.items())),
                    turned(lon),
                    round(float(lat), 3) + 0.0,
                ] = values[index]
    return out


def true_cells(truth: Truth, key: str) -> dict[Cell, Any]:
    lead, values = truth.values[key][0].split(), np.asarray(truth.values[key][1])
    lon, lat = (np.asarray(a, float) for a in np.broadcast_arrays(truth.lon, truth.lat))
    out: dict[Cell, Any] = {}
    for index in np.ndindex(values.shape):
        cell = index[len(lead) :]
        at = dict(zip(lead, index, strict=False))
        if np.isfinite(lon[cell]):
            out[
                truth.t[at.pop("t")] if "t" in at else None,
                float(truth.z[at.pop("z")]) if "z" in at else None,
                tuple(sorted((n, truth.others[n][i]) for n, i in at.items())),
                turned(lon[cell]),
                round(float(lat[cell]), 3) + 0.0,
            ] = values[index]
    return out


def assert_same(found: Mapping[Cell, Any], true: Mapping[Cell, Any], near: float = 1e-3) -> None:
    """The same cells, places but for rounding, and the same values."""

    def beside(cell: Cell) -> Iterator[Cell]:
        yield cell
        yield from (t for t in true if t[:3] == cell[:3] and t not in found
                    and abs((t[3] - cell[3] + 180) % 360 - 180) <= near and abs(t[4] - cell[4]) <= near)  # fmt: skip

    told = {next((c for c in beside(cell) if c in true), cell): value for cell, value in found.items()}
    assert told.keys() == true.keys()
    for cell, value in true.items():
        assert told[cell] == pytest.approx(value, rel=2e-6, nan_ok=True), cell


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sentence", GRIDS)
def test_every_value_lies_at_its_place_and_time(tmp_path: Path, sentence: str) -> None:
    paths, truth = GRIDS[sentence](tmp_path)
    data = opened(paths, **truth.said)
    assert data.facts is not None
    assert data.facts.kind == "grid"
    assert {p.key for p in data.facts.parameters} >= set(truth.values)
    for key in truth.values:
        true = true_cells(truth, key)
        assert_same(cells(ask(data, "coverage", properties=key), key), true, truth.near)
        _assert_positions(data, key, true, truth)
        _assert_boxes(data, key, true, truth)


def _assert_positions(data: Dataset, key: str, true: Mapping[Cell, Any], truth: Truth) -> None:
    """A position on a cell is that cell, from any turn; beyond the cells there is nothing."""
    lon, lat = (np.asarray(a, float).ravel() for a in np.broadcast_arrays(truth.lon, truth.lat))
    there = [(x, y) for x, y in zip(lon.tolist(), lat.tolist(), strict=True) if math.isfinite(x) and abs(y) < 89.9]
    for x, y in random.Random(1).sample(there, min(5, len(there))):
        here = {c: v for c, v in true.items() if c[3:] == (turned(x), round(y, 3) + 0.0)}
        for turn in (t for t in (x - 360, x, x + 360) if -360 <= t <= 540):
            asked = ask(data, "position", coords=f"POINT({turn!r} {y!r})", parameter_name=key)
            assert_same(cells(asked, key), here, truth.near)
    for x, y in truth.outside:
        assert ask(data, "position", coords=f"POINT({x} {y})", parameter_name=key).empty


def _assert_boxes(data: Dataset, key: str, true: Mapping[Cell, Any], truth: Truth) -> None:
    """A box gives what lies in it, and all of that: some boxes cross 180, some are written from 0 to 360."""
    chance = random.Random(2)
    places = sorted({c[3:] for c in true})
    for n in range(8):
        (a, s), (b, m) = chance.choice(places), chance.choice(places)
        west, east = a - 0.3117, b + 0.2113
        south, north = max(min(s, m) - 0.4113, -90), min(max(s, m) + 0.3717, 90)
        width = (east - west) % 360
        west = west + 360 if n % 3 == 0 and west < 0 else west
        end = west + width if n % 2 and west + width <= 540 else turned(west + width)
        bbox = f"{west!r},{south!r},{end!r},{north!r}"
        found = cells(ask(data, "cube", bbox=bbox, parameter_name=key), key)
        box = west, south, width, north
        # A place that is rounded onto the edge may be on either side; an area of another CRS has nulls around it.
        clear = [c for c in {*true, *found} if _holds(box, c, 2e-3) == _holds(box, c, -2e-3)]
        inside = {c: true[c] for c in clear if c in true and _holds(box, c, 0) and true[c] == true[c]}
        assert_same({c: found[c] for c in clear if c in found and found[c] == found[c]}, inside, truth.near)


def _holds(box: tuple[float, float, float, float], cell: Cell, by: float) -> bool:
    """Whether a cell lies in a box of west, south, width and north that is wider by something on every side."""
    west, south, width, north = box
    return south - by <= cell[4] <= north + by and (cell[3] - west + by) % 360 <= width + 2 * by


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_read_rightly_is_refused_in_one_line(tmp_path: Path, sentence: str) -> None:
    writer, says = REFUSED[sentence]
    paths, _ = writer(tmp_path)
    with pytest.raises(Unreadable) as error:
        ask(opened(paths), "coverage")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_the_cells_of_a_swath_have_their_own_times(tmp_path: Path) -> None:
    lon, lat = bent()
    path = nc(tmp_path / "a.nc", {"line": 4, "pixel": 5}, {
        "time": ("line", np.arange(4.0) * 2, {"units": "seconds since 2001-02-27", "standard_name": "time"}),
        "lon": ("line pixel", lon, LON), "lat": ("line pixel", lat, LAT),
        "v": ("line pixel", ramp(4, 5), {"coordinates": "lon lat time"}),
    })  # fmt: skip
    data = opened(path)
    assert data.facts is not None
    assert data.facts.interval == ("2001-02-27T00:00:00Z", "2001-02-27T00:00:06Z")
    for line in range(4):
        asked = ask(data, "coverage", datetime=f"2001-02-27T00:00:0{line * 2}Z")
        assert [v for c, v in cells(asked, "v").items() if c[0] == f"2001-02-27T00:00:0{line * 2}Z"] == [
            *ramp(4, 5)[line]
        ]
    assert ask(data, "coverage", datetime="2001-02-27T00:00:01Z").empty


def test_times_that_several_files_have_are_told(tmp_path: Path) -> None:
    for n, name in enumerate("ab"):
        daily(tmp_path / f"{name}.nc", 0, ramp(2, 3, start=n))
    facts = opened(str(tmp_path / "*.nc")).facts
    assert facts is not None
    assert facts.mended == ("v: some times are in several files; those of the last are read",)


def test_a_file_of_several_names_is_open_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(nc(tmp_path / "a.nc", SIZES, {**XY, "v": ("lat lon", ramp(2, 3), {}), "s": ("", "text", {})}))
    (tmp_path / "link.nc").symlink_to(path)
    os.link(path, tmp_path / "hard.nc")
    monkeypatch.chdir(tmp_path)
    names = [str(path), str(tmp_path / "link.nc"), str(tmp_path / "hard.nc"), "a.nc", "./a.nc"]
    before = set(map(id, netcdf._FILES._open.values()))
    for turn in range(3):
        for name in names:
            (member,) = ask(replace(opened(name), id=f"{name}{turn}"), "coverage").members
            assert member.ranges["v"].array().tolist() == ramp(2, 3).tolist()
        os.utime(path, ns=(turn, turn))
    assert len(set(map(id, netcdf._FILES._open.values())) - before) <= 1


@pytest.mark.parametrize("ending", ["nc", "tif"])
def test_a_file_that_is_written_over_in_its_place_is_not_read_as_what_it_was(tmp_path: Path, ending: str) -> None:
    def written(name: str, start: int) -> Path:
        values = ramp(2, 3, start=start)
        arrays = {**XY, "band_1": ("lat lon", values, {})}
        path = tmp_path / f"{name}.{ending}"
        return Path(nc(path, SIZES, arrays) if ending == "nc" else tif(path, values, DEGREE))

    path, other = written("a", 1), written("b", 100)
    stored = open_source(str(path)).arrays["band_1"]
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(1, 1))
    with pytest.raises(Replaced):
        stored.whole()
    assert open_source(str(path)).arrays["band_1"].whole()[0].tolist() == [100, 101, 102]


# --- observations and features ---------------------------------------------------------------------------------------


def rows(table: Table) -> list[dict[str, Any]]:
    return [row for batch in table.batches() for row in batch.to_pylist()]


def seen(data: Dataset, key: str) -> list[tuple[Any, ...]]:
    """Platform, time, longitude, latitude and value of each sample."""
    found = []
    for row in rows(ask(data, "items", limit="1000")):
        point = shapely.from_wkb(row["geometry"])
        found.append((row["platform"], row["time"].strftime("%m-%dT%H"), point.x, point.y, row[key]))
    return found


TABLES = {
    "a comma that parts": "station,time,lon,lat,t\nA,2020-01-01,2.5,48.5,1.5\nA,2020-01-14T06:00Z,2.5,48.5,0\n",
    "decimal commas": "Station;Date;Heure;Latitude;Longitude;t\nA;01/01/2020;00:00;48,5;2,5;1,5\n"
    "A;14/01/2020;06:00;48,5;2,5;0\n",
    "names of French services": "code_station;nom_station;date_mesure;lat_wgs84;lon_wgs84;t\n"
    "A;Pont, x;2020-01-01;48.5;2.5;1.5\nA;Pont, x;2020-01-14 06:00;48.5;2.5;0\n",
    "tabs, a row of units and an empty column": "station\ttime\tlon\tlat\tt\t\n"
    "\tUTC\tdegrees_east\tdegrees_north\tdegC\t\n"
    "A\t2020-01-01T00:00:00Z\t2.5\t48.5\t1.5\t\nA\t2020-01-14T06:00:00Z\t2.5\t48.5\t0\t\n",
}


@pytest.mark.parametrize("form", TABLES)
def test_a_table_is_the_same_however_it_is_written(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.csv").write_text(TABLES[form])
    assert seen(opened(str(tmp_path / "a.csv")), "t") == [
        ("A", "01-01T00", 2.5, 48.5, 1.5), ("A", "01-14T06", 2.5, 48.5, 0),
    ]  # fmt: skip


def test_columns_of_metres_are_placed_by_the_block(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("station,time,east,north,t\nA,2020-01-01,700000,6600000,1.5\n")
    data = opened(str(tmp_path / "a.csv"), crs="EPSG:2154", names=(("x", "east"), ("y", "north")))
    ((_, _, lon, lat, _),) = seen(data, "t")
    assert (lon, lat) == pytest.approx((3.0, 46.5), abs=1e-9)


@pytest.mark.parametrize(
    ("unit", "written"),
    [("degrees_east", -70.0), ("degrees_west", 70.0), ("radians", math.radians(-70)), ("degrees_east", 290.0)],
)
def test_a_track_lies_at_its_places_whatever_their_unit(tmp_path: Path, unit: str, written: float) -> None:
    lat = np.array([40.0, 99999.0])
    path = nc(tmp_path / "a.nc", {"time": 2}, {
        "time": ("time", [0.0, 1], {**DAYS, "standard_name": "time"}),
        "lon": ("time", [written, 99999.0], {"units": unit, "standard_name": "longitude"}),
        "lat": ("time", lat, {**LAT, "standard_name": "latitude"}),
        "t": ("time", [1.0, 2.0], {"coordinates": "time lat lon"}),
    }, featureType="trajectory")  # fmt: skip
    found = rows(ask(opened(path), "items"))
    assert shapely.from_wkb(found[0]["geometry"]).coords[0] == pytest.approx((-70, 40))
    assert found[1]["geometry"] is None  # a fill value is no place


RAGGED = {
    "counts": ("row_size", "station", [2, 1], {"sample_dimension": "obs"}),
    "an index": ("which", "obs", [0, 0, 1, -1], {"instance_dimension": "station"}),
}


def ragged(path: Path, name: str, dim: str, values: Any, about: Mapping[str, Any]) -> str:
    return nc(path / "a.nc", {"station": 2, "obs": 4}, {
        "station": ("station", ["A", "B"], {"cf_role": "timeseries_id"}),
        "lon": ("station", [1.0, 2], LON), "lat": ("station", [40.0, 50], LAT),
        "time": ("obs", [0.0, 1, 2, 3], {**DAYS, "standard_name": "time"}),
        "t": ("obs", [1.0, 2, 3, 4], {"coordinates": "time lat lon"}),
        name: (dim, np.array(values, "i4"), about),
    }, featureType="timeSeries")  # fmt: skip


@pytest.mark.parametrize("form", RAGGED)
def test_a_sample_that_belongs_to_no_station_is_none(tmp_path: Path, form: str) -> None:
    data = opened(ragged(tmp_path, *RAGGED[form]))
    assert [(p, lon, v) for p, _, lon, _, v in seen(data, "t")] == [("A", 1, 1), ("A", 1, 2), ("B", 2, 3)]
    members = ask(data, "cube", bbox="-180,-90,180,90").members
    assert [m.ranges["t"].array().ravel().tolist() for m in members] == [[1, 2], [3]]


@pytest.mark.parametrize(
    "broken",
    [
        ("n", "station", [2, 3], {"sample_dimension": "obs"}),
        ("n", "obs", [1, 1, 2, 2], {"instance_dimension": "station"}),
    ],
)
def test_a_ragged_array_that_points_beyond_its_stations_is_refused(tmp_path: Path, broken: Any) -> None:
    with pytest.raises(Unreadable, match="of the ragged array"):
        opened(ragged(tmp_path, *broken))


SQUARE, POINT = shapely.box(0, 44, 1, 45), shapely.Point(2, 48, 123)


@pytest.mark.parametrize("crs", [4326, 2154, 3857])
@pytest.mark.parametrize(("driver", "ending"), [("GPKG", "gpkg"), ("FlatGeobuf", "fgb"), ("GeoJSON", "geojson")])
@pytest.mark.parametrize(
    ("bbox", "found"),
    [("-180,-90,180,90", [1, 2]), ("1.9,40,-170,50", [2]), ("0.5,44.5,0.6,44.6", [1]), ("170,-50,-170,50", [])],
)
def test_features_are_found_in_any_box_whatever_their_crs(
    tmp_path: Path, crs: int, driver: str, ending: str, bbox: str, found: list[int]
) -> None:
    to = Transformer.from_crs(LONLAT, crs, always_xy=True)
    shapes = [
        shapely.transform(g, lambda p: np.column_stack([*to.transform(p[:, 0], p[:, 1]), *p[:, 2:].T]),
                          include_z=bool(g.has_z)) for g in (shapely.segmentize(SQUARE, 0.1), POINT)
    ]  # fmt: skip
    table = pa.table({"n": [1, 2], "geometry": pa.array([shapely.to_wkb(g) for g in shapes], pa.binary())})
    path = str(tmp_path / f"a.{ending}")
    pyogrio.write_arrow(
        table, path, driver=driver, geometry_name="geometry", geometry_type="Unknown", crs=f"EPSG:{crs}"
    )
    items = rows(ask(opened(path), "items", bbox=bbox))
    assert sorted(row["n"] for row in items) == found
    deep = [g for row in items if (g := shapely.from_wkb(row["geometry"])).has_z]
    assert all(g.z == pytest.approx(123) for g in deep)
    assert driver == "FlatGeobuf" or len(deep) == (2 in found)


def test_the_box_of_features_goes_on_beyond_180(tmp_path: Path) -> None:
    shapes = [shapely.box(178, 0, 182, 5), shapely.Point(170, 2)]
    features = [{"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(g))} for g in shapes]
    (tmp_path / "a.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    facts = opened(str(tmp_path / "a.json")).facts
    assert facts is not None
    assert facts.bbox == (170, 0, -178, 5)
