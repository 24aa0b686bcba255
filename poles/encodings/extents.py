"""Extents of an answer as ACDD states them: around the places, times and levels that are in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from poles import times
from poles.coverage import Axis, Coverage
from poles.crs import LONLAT, densified, transform
from poles.crs import crs as crs_of
from poles.encodings.conventions import horizontal
from poles.stored import Array


def extents(members: Sequence[Coverage], level: Axis | None) -> dict[str, Any]:
    """The global attributes of the box, the period and the levels; `level` tells what z is."""
    return _extent(members) | _period(members) | _vertical(members, level)


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
    """First and last time, how long that is, and the step where it is even."""
    found = [v[v != times.MISSING] for v in (values_of(c, "t") for c in members) if len(v)]
    values = np.unique(np.concatenate([*found, np.empty(0, np.int64)]).astype(np.int64))
    if not len(values):
        return {}
    timed = [t for c in members for t in (c.axis("t"), c.composite) if t is not None and t.calendar is not None]
    calendar = timed[0].calendar if timed else "standard"
    first, last = times.texts([int(values[0]), int(values[-1])], calendar or "standard")
    steps = np.unique(np.diff(values))
    even = {"time_coverage_resolution": duration(int(steps[0]))} if len(steps) == 1 else {}
    length = duration(int(values[-1] - values[0]))
    return {"time_coverage_start": first, "time_coverage_end": last, "time_coverage_duration": length, **even}


def duration(ms: int) -> str:
    """Milliseconds as an ISO 8601 duration.

    >>> duration(90_000_500), duration(0)
    ('P1DT1H0.5S', 'PT0S')
    """
    rest, text = ms, "P"
    days, rest = divmod(rest, 86_400_000)
    text += f"{days}D" if days else ""
    clock = []
    for unit, each in (("H", 3_600_000), ("M", 60_000)):
        n, rest = divmod(rest, each)
        clock += [f"{n}{unit}"] if n else []
    clock += [f"{rest / 1000:g}S"] if rest or not (days or clock) else []
    return text + ("T" + "".join(clock) if clock else "")


def _vertical(members: Sequence[Coverage], level: Axis | None) -> dict[str, Any]:
    """Lowest and highest level."""
    values = np.concatenate([*(values_of(c, "z") for c in members), np.empty(0)])
    if values.dtype.kind == "O" or not np.isfinite(values).any():
        return {}
    return {
        "geospatial_vertical_min": float(np.nanmin(values)),
        "geospatial_vertical_max": float(np.nanmax(values)),
        **({"geospatial_vertical_units": level.unit} if level is not None and level.unit else {}),
        "geospatial_vertical_positive": (level.positive if level is not None else None) or "up",
    }
