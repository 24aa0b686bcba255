"""One-dimensional coordinates in canonical form: increasing, in the unit of their CRS, longitudes running on."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from pyproj import CRS

from poles.cf import units_of
from poles.crs import in_degrees
from poles.errors import Unreadable
from poles.grids.coordinates import File
from poles.grids.line import CIRCLE
from poles.physical import number, numbers
from poles.roles import in_degrees_of
from poles.stored import Array, Stored

LENGTHS = {
    "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0, "km": 1000.0, "kilometre": 1000.0,
    "kilometres": 1000.0, "kilometer": 1000.0, "kilometers": 1000.0, "1000 m": 1000.0, "1000m": 1000.0, "1 km": 1000.0,
    "100 km": 100_000.0, "100000.0 m": 100_000.0, "100  km": 100_000.0,
}  # fmt: skip
ANGLES = {
    "rad": 1.0, "radian": 1.0, "radians": 1.0, "microradian": 1e-6, "microradians": 1e-6, "urad": 1e-6,
    "degree": pi / 180, "degrees": pi / 180, "deg": pi / 180,
}  # fmt: skip

PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")
"""Attributes that bounds take over from what they bound."""


@dataclass(frozen=True, slots=True)
class AxisValues:
    """An axis in canonical form."""

    values: Array
    bounds: Array | None
    flip: bool
    slack: float
    notes: tuple[str, ...] = ()
    """What was wrong, and how it is read all the same."""

    @classmethod
    def of(cls, file: File, stored: Stored, scale: float, turning: bool) -> "AxisValues":
        raw = in_degrees_of(stored, decimal(stored)) * scale
        if not len(raw):
            raise Unreadable(stored.key, "the axis has no values", "leave the file out")
        if not np.isfinite(raw).all():
            found = "every value is missing" if not np.isfinite(raw).any() else "some values are missing"
            raise Unreadable(stored.key, found, "fill the axis")
        bounds = _bounds(file, stored, scale)
        notes = []
        if turning:
            run = _unwrapped(raw)
            if run is not raw:
                notes.append(f"{stored.key}: longitudes jump; they are read as running on")
            raw = run
        flip = len(raw) > 1 and bool(raw[0] > raw[-1])
        if flip:
            raw, bounds = raw[::-1], None if bounds is None else bounds[::-1]
        steps = np.diff(raw)
        if (steps <= 0).any():
            raise Unreadable(stored.key, "neither increasing nor decreasing", "sort the axis")
        if turning and len(raw) > 2:
            # The first column again after a whole circle is one place twice.
            there = raw < raw[0] + CIRCLE - 0.1 * float(steps.min())
            if not there.all():
                notes.append(f"{stored.key}: goes around more than once; what comes again is read once")
            raw, bounds = raw[there], None if bounds is None else bounds[there]
        slack = float(np.spacing(np.float32(np.abs(raw).max()))) if stored.dtype == np.float32 else 0.0
        return cls(np.ascontiguousarray(raw), bounds, flip, slack, tuple(notes))


def decimal(stored: Stored) -> Array:
    """The values of an axis as float64; of float32 the shortest decimals that are those: 3.1, not 3.0999999046."""
    whole = stored.whole()
    if stored.dtype != np.float32 or not {"scale_factor", "add_offset"}.isdisjoint(stored.attrs):
        return numbers(stored, whole)
    return np.where(np.isnan(numbers(stored, whole)), np.nan, np.array([float(str(v)) for v in whole.ravel()]))


def _bounds(file: File, stored: Stored, scale: float) -> Array | None:
    """The bounds of an axis, (n, 2): by `bounds`, or by `edges` that are one more than the cells."""
    found = file.bounds_of(stored)
    n = stored.shape[0]
    if found is None or found.dtype.kind not in "fiu":
        return None
    attrs = {**{k: v for k, v in stored.attrs.items() if k in PACKING}, **found.attrs}
    if found.shape == (n, 2):
        return in_degrees_of(stored, numbers(found, attrs=attrs)) * scale
    if found.shape == (2, n) and n != 2:
        return in_degrees_of(stored, numbers(found, attrs=attrs)).T * scale
    if found.shape == (n + 1,):
        edges = in_degrees_of(stored, numbers(found, attrs=attrs)) * scale
        return np.column_stack([edges[:-1], edges[1:]])
    return None


def _unwrapped(longitudes: Array) -> Array:
    """Longitudes that run on: those that go up or down stay as they are, but for two that are half a circle apart."""
    steps = np.diff(longitudes)
    monotonic = (steps > 0).all() or (steps < 0).all()
    if monotonic and not (len(longitudes) == 2 and abs(steps[0]) > CIRCLE / 2):
        return longitudes
    return np.round(np.unwrap(longitudes, period=CIRCLE), 9)


def half_cell(other: AxisValues) -> float:
    """Half a cell of an axis of one: as large as the cells of the other axis, else ten metres, in degrees."""
    if len(other.values) > 1:
        return float(np.median(np.diff(other.values))) / 2
    return 1e-4


def scale_of(stored: Stored, crs: CRS, mapping: Mapping[str, Any]) -> float:
    """What turns the unit of a projected axis into that of its CRS."""
    unit = units_of(stored.attrs).lower()
    if in_degrees(crs):
        return 180 / pi * ANGLES[unit] if unit in ANGLES else 1.0
    if "geostationary" in str(mapping.get("grid_mapping_name", "")).lower():
        height = number(mapping.get("perspective_point_height"), 1.0)
        if unit in ANGLES:
            return height * ANGLES[unit]
        if unit in ("", "1") and float(np.nanmax(np.abs(numbers(stored)))) < 1:
            return height
    factor = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    return LENGTHS[unit] / factor if unit in LENGTHS else 1.0
