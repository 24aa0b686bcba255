"""The numbers that clients must find: counted and summed from the files of the demonstration, by other readers."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import netCDF4
import numpy as np
import pyogrio
import rasterio
import shapely
from pyproj import Transformer

DEMO = Path(__file__).resolve().parents[2] / "demo"

QUAKES = "formater-earthquakes-indonesia"
DEPARTEMENTS = "theia-departements"
ELEVATION = "theia-copdem-grenoble"
LANDSAT = "theia-landsat7-olinda"
AIR = "aeris-ncep-air-temperature"

BOX = (120.0, -5.0, 130.0, 5.0)
JUNE = ("2024-06-01T00:00:00Z", "2024-06-30T23:59:59Z")
STRONG = 5.0
PLACE = (-90.0, 40.0)
CUBE = (-100.0, 30.0, -80.0, 45.0)


@dataclass(frozen=True, slots=True)
class Task:
    """What a user wants, and the number that the files say it is."""

    text: str
    expected: float


def tasks() -> dict[str, Task]:
    """All tasks by key."""
    return {key: Task(text, count()) for key, (text, count) in _TASKS.items()}


# --- earthquakes: a table of points with times ---------------------------------------------------------------------


def _quakes() -> list[dict[str, str]]:
    with (DEMO / "formater" / "usgs_earthquakes_202404.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _in_box(row: dict[str, str]) -> bool:
    west, south, east, north = BOX
    return west <= float(row["lon"]) <= east and south <= float(row["lat"]) <= north


def _in_june(row: dict[str, str]) -> bool:
    start, end = (datetime.fromisoformat(text) for text in JUNE)
    return start <= datetime.fromisoformat(row["time"]).replace(tzinfo=UTC) <= end


def _magnitudes() -> float:
    return sum(float(row["mag"]) for row in _quakes() if row["mag"])


# --- départements: polygons ----------------------------------------------------------------------------------------


def _area_km2() -> float:
    """The area of Isère in Lambert-93."""
    _, _, geometries, columns = pyogrio.raw.read(DEMO / "theia" / "france_departements_ne.gpkg", columns=["name"])
    (index,) = [i for i, name in enumerate(columns[0]) if name == "Isère"]
    to_lambert = Transformer.from_crs("OGC:CRS84", "EPSG:2154", always_xy=True)
    found = shapely.transform(shapely.from_wkb(geometries[index]), to_lambert.transform, interleaved=False)
    return float(shapely.area(found)) / 1e6


# --- grids ---------------------------------------------------------------------------------------------------------


def _raster(name: str) -> float:
    with rasterio.open(DEMO / "theia" / name) as file:
        return float(file.read(masked=True).astype("float64").sum())


def _air() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with netCDF4.Dataset(DEMO / "aeris" / "ncep_air_temperature_small.nc") as nc:
        return nc["air"][:].astype("float64"), nc["lat"][:], (nc["lon"][:] + 180.0) % 360.0 - 180.0


def _at_place() -> np.ndarray:
    air, lat, lon = _air()
    return air[:, np.argmin(np.abs(lat - PLACE[1])), np.argmin(np.abs(lon - PLACE[0]))]


def _in_cube() -> float:
    air, lat, lon = _air()
    west, south, east, north = CUBE
    rows, columns = (lat >= south) & (lat <= north), (lon >= west) & (lon <= east)
    return float(air[-1][np.ix_(rows, columns)].mean())


_TASKS: dict[str, tuple[str, Callable[[], float]]] = {
    "collections": ("list the collections with items", lambda: 6),
    "features": ("load all earthquakes", lambda: len(_quakes())),
    "magnitudes": ("sum their magnitudes", _magnitudes),
    "box": ("those in 120..130° E, 5° S..5° N", lambda: sum(map(_in_box, _quakes()))),
    "june": ("those of June 2024", lambda: sum(map(_in_june, _quakes()))),
    "strong": ("those of magnitude 5 or more", lambda: sum(float(r["mag"] or 0) >= STRONG for r in _quakes())),
    "boxed_strong": (
        "those of magnitude 5 or more in the box",
        lambda: sum(_in_box(r) and float(r["mag"] or 0) >= STRONG for r in _quakes()),
    ),
    "polygons": (
        "load all départements",
        lambda: pyogrio.read_info(DEMO / "theia/france_departements_ne.gpkg")["features"],
    ),
    "named": ("the département called Isère", lambda: 1),
    "area": ("area of Isère in Lambert-93, km²", _area_km2),
    "cells": ("sum of all heights around Grenoble, m", lambda: _raster("copdem_grenoble.tif")),
    "bands": ("sum of all cells of 6 Landsat bands", lambda: _raster("landsat7_etm_olinda.tif")),
    "slice": ("mean air temperature of the last time, K", lambda: float(_air()[0][-1].mean())),
    "value": ("air temperature at 90° W, 40° N, first time, K", lambda: float(_at_place()[0])),
    "times": ("times of that series", lambda: len(_at_place())),
    "series": ("mean of that series, K", lambda: float(_at_place().mean())),
    "cube": ("mean over 100..80° W, 30..45° N, last time, K", _in_cube),
    "valid": ("faults that the models find in all EDR collections and answers", lambda: 0),
}
