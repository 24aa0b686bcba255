"""Extents of an answer as ACDD states them: around the places, times and levels that are in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from poles import times
from poles.coverage import Coverage
from poles.crs import LONLAT, densified, transform
from poles.crs import crs as crs_of
from poles.encodings.conventions import horizontal
from poles.stored import Array


def extents(members: Sequence[Coverage]) -> dict[str, Any]:
    """The global attributes of the box, the period and the levels."""
    return _extent(members) | _period(members) | _vertical(members)


def values_of(coverage: Coverage, name: str) -> Array:
    """All values of one coordinate of a coverage, bounds included."""
    axis, composite = coverage.axis(name), coverage.composite
    if axis is not None:
        return axis.values if axis.bounds is None else np.concatenate([axis.values, axis.bounds.ravel()])
    if composite is not None and name in composite.coordinates:
        return composite.values[composite.coordinates.index(name)]
    return np.empty(0)


def _extent(members: Sequence[Coverage]) -> dict[str, Any]:
    """The box around all places, in degrees."""
    boxes = [_lonlat_box(c) for c in members]
    lons, lats = (np.concatenate([b[i] for b in boxes]) for i in (0, 1)) if boxes else (np.empty(0), np.empty(0))
    finite = np.isfinite(lons) & np.isfinite(lats)
    if not finite.any():
        return {}
    west, east, south, north = lons[finite].min(), lons[finite].max(), lats[finite].min(), lats[finite].max()
    ring = [(south, west), (south, east), (north, east), (north, west), (south, west)]
    return {
        "geospatial_lat_min": float(south), "geospatial_lat_max": float(north), "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": float(west), "geospatial_lon_max": float(east), "geospatial_lon_units": "degrees_east",
        "geospatial_bounds": "POLYGON ((" + ", ".join(f"{a:.6g} {b:.6g}" for a, b in ring) + "))",
        "geospatial_bounds_crs": "EPSG:4326",
    }  # fmt: skip


def _lonlat_box(coverage: Coverage) -> tuple[Array, Array]:
    """Longitudes and latitudes along the edge of a coverage."""
    x, y = (values_of(coverage, n) for n in ("x", "y"))
    if not len(x) or not len(y):
        return np.empty(0), np.empty(0)
    named = horizontal(coverage.crs)
    west, south, east, north = (float(v) for v in (x.min(), y.min(), x.max(), y.max()))
    if named.lonlat:
        return np.array([west, east]), np.array([south, north])
    lon, lat = transform(*densified(west, south, east, north), crs_of(coverage.crs), LONLAT)
    return np.asarray(lon), np.asarray(lat)


def _period(members: Sequence[Coverage]) -> dict[str, Any]:
    """First and last time."""
    found = [v[v != times.MISSING] for v in (values_of(c, "t") for c in members) if len(v)]
    values = np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int64)
    if not len(values):
        return {}
    calendar = next((t.calendar for c in members if (t := c.axis("t") or c.composite) is not None and t.calendar), None)
    first, last = times.texts([int(values.min()), int(values.max())], calendar or "standard")
    return {"time_coverage_start": first, "time_coverage_end": last}


def _vertical(members: Sequence[Coverage]) -> dict[str, Any]:
    """Lowest and highest level."""
    axis = next((a for c in members if (a := c.axis("z")) is not None), None)
    values = np.concatenate([*(values_of(c, "z") for c in members), np.empty(0)])
    if not len(values) or values.dtype == object:
        return {}
    return {
        "geospatial_vertical_min": float(np.nanmin(values)),
        "geospatial_vertical_max": float(np.nanmax(values)),
        "geospatial_vertical_units": (axis.unit if axis is not None else "") or "1",
        "geospatial_vertical_positive": (axis.positive if axis is not None else None) or "up",
    }
