"""Attributes of CF for parameters, axes and reference systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from pyproj import CRS

from poles import times
from poles.coverage import Axis
from poles.crs import crs as crs_of
from poles.crs import is_lonlat
from poles.dataset import Described
from poles.encodings.described import observed_property
from poles.encodings.udunits import udunits
from poles.stored import Array

Attributes = Mapping[str, Any]

LONGITUDE: Attributes = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}
LATITUDE: Attributes = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}


def said(attributes: Attributes) -> dict[str, Any]:
    """The attributes that say something."""
    return {k: v for k, v in attributes.items() if v is not None and not (isinstance(v, str) and v == "")}


def of_parameter(described: Described, dtype: np.dtype[Any], language: str) -> dict[str, Any]:
    """A parameter: names, unit in the spelling of UDUNITS, flags of a classified one."""
    found: dict[str, Any] = {
        "standard_name": described.standard_name,
        "long_name": described.label.in_(language) or described.key,
        "description": described.description.in_(language) if described.description is not None else None,
        "units": udunits(described.unit) if described.unit is not None else None,
        "cell_methods": described.cell_methods,
        "observed_property": observed_property(described),
        "coverage_content_type": "physicalMeasurement",
    }
    if dtype.kind == "O":
        found |= {"units": None, "coverage_content_type": "referenceInformation"}
    if dtype.kind == "M":
        found |= {"units": "seconds since 1970-01-01 00:00:00", "calendar": "proleptic_gregorian"}
    if described.categories and dtype.kind != "O":
        found |= {
            "units": None,
            "flag_values": np.array([c.value for c in described.categories], dtype),
            "flag_meanings": " ".join("_".join(c.label.en.split()) or str(c.value) for c in described.categories),
            "coverage_content_type": "thematicClassification",
        }
    return said(found)


def of_time(ms: Array, calendar: str) -> tuple[Array, dict[str, Any]]:
    """Times as numbers and their attributes: whole seconds since 1970, or milliseconds where some are not whole."""
    missing = ms == times.MISSING
    unit, each = ("seconds", 1000) if not (ms[~missing] % 1000).any() else ("milliseconds", 1)
    values = np.where(missing, np.nan, ms / each)
    units = f"{unit} since 1970-01-01 00:00:00"
    return values, {"standard_name": "time", "long_name": "time", "units": units, "calendar": calendar}


def of_axis(axis: Axis) -> dict[str, Any]:
    """A vertical or another axis, with the unit as its file writes it; a count of days since no date is of days."""
    unit = axis.unit.partition(" since ")[0]
    found: dict[str, Any] = {
        "standard_name": axis.standard_name,
        "long_name": axis.label or axis.key or axis.name,
        "units": unit or ("1" if axis.name != "z" and axis.values.dtype.kind != "O" else None),
    }
    if axis.name == "z":
        found |= {"axis": "Z", "positive": axis.positive or "up"}
    return said(found)


@dataclass(frozen=True, slots=True)
class Horizontal:
    """How the coordinates of a CRS are named, and its grid mapping."""

    x: str
    y: str
    of_x: Attributes
    of_y: Attributes
    mapping: Attributes
    lonlat: bool
    """Whether x and y are longitude and latitude themselves."""


@lru_cache(maxsize=256)
def horizontal(crs: str) -> Horizontal:
    """The horizontal coordinates of a CRS (URI or WKT) in the terms of CF."""
    found = crs_of(crs)
    mapping = _mapping(found)
    if found.is_geographic and not found.is_derived:
        return Horizontal("lon", "lat", LONGITUDE, LATITUDE, mapping, True)
    if found.is_geographic:
        x, y = (
            {"standard_name": f"grid_{n}", "long_name": f"{n} in rotated pole grid", "units": "degrees"}
            for n in ("longitude", "latitude")
        )
        return Horizontal("rlon", "rlat", x, y, mapping, False)
    x, y = (
        {
            "standard_name": f"projection_{n}_coordinate",
            "long_name": f"{n} coordinate of projection",
            "units": _unit(found),
        }
        for n in ("x", "y")
    )
    return Horizontal("x", "y", x, y, mapping, False)


def _unit(crs: CRS) -> str:
    name = crs.axis_info[0].unit_name if crs.axis_info else "metre"
    return {"metre": "m", "kilometre": "km"}.get(name, name)


def _mapping(crs: CRS) -> dict[str, Any]:
    """The attributes of the grid mapping variable."""
    named = crs_of("EPSG:4326") if is_lonlat(crs) else crs
    return {k: v for k, v in said(named.to_cf()).items() if v != "unknown"}
