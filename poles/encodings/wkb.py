"""Geometries of rows as they come, Well-Known Binary: places of points without an object each, else shapes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import shapely

from poles.stored import Array

_POINTS = {
    21: {b"\1\1\0\0\0": 2},
    29: {b"\1\1\0\0\x80": 3, b"\1\xe9\3\0\0": 3},
}
"""Dimensions of points by the length and the head of their WKB: flat, and with z as GEOS and as ISO write it."""
_TYPES = (
    "Point", "LineString", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip
"""Names by the number in GEOS."""


def points(wkb: pa.Array) -> Array | None:
    """The places of points, shape (n, 2) or (n, 3), where all are alike; None for any other geometries or a null.

    >>> points(pa.array([shapely.to_wkb(shapely.Point(1, 2))])).tolist()
    [[1.0, 2.0]]
    """
    if not len(wkb) or wkb.null_count or not pa.types.is_binary(wkb.type):
        return None
    _, offsets, data = wkb.buffers()
    ends = np.frombuffer(offsets, np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]
    length = int(ends[1] - ends[0])
    if length not in _POINTS or (np.diff(ends) != length).any():
        return None
    record = np.dtype([("head", "V5"), ("place", "<f8", ((length - 5) // 8,))])
    found = np.frombuffer(data, record, len(wkb), int(ends[0]))
    head = found["head"][0]
    if head.tobytes() not in _POINTS[length] or (found["head"] != head).any():
        return None
    return np.ascontiguousarray(found["place"])


def shapes(wkb: pa.Array) -> Array:
    """The geometries as shapely objects without M, None where there is none."""
    with np.errstate(invalid="ignore"):  # what is no number is no fault here
        found = np.asarray(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)), object)
    measured = shapely.has_m(found)
    if measured.any():
        plain = shapely.from_wkb(shapely.to_wkb(found[measured], output_dimension=3))  # of XYZM; XYM has three too
        found[measured] = np.where(shapely.has_z(plain), plain, shapely.force_2d(plain))
    return found


def located(found: Array) -> Array:
    """The same shapes without those that hold no position, or one that is no number: they have no place."""
    lost = shapely.is_empty(found)
    if not np.isfinite(shapely.get_coordinates(found)).all():
        positions, of = shapely.get_coordinates(found, return_index=True)
        lost[of[~np.isfinite(positions).all(axis=1)]] = True
    kept = found.copy()
    kept[lost] = None
    return kept


def iso(found: Array) -> pa.Array:
    """Shapes as ISO WKB."""
    return pa.array(shapely.to_wkb(found, output_dimension=3, flavor="iso"), pa.binary())


@dataclass(slots=True)
class Footprint:
    """What is known of the geometries that passed: their types and their box."""

    types: set[str] = field(default_factory=set)
    """As GeoParquet and GDAL name them: `Polygon`, `Point Z`."""
    lowest: Array = field(default_factory=lambda: np.full(3, np.inf))
    highest: Array = field(default_factory=lambda: np.full(3, -np.inf))

    def passed(self, wkb: pa.Array) -> pa.Array:
        """The same geometries as ISO WKB, null where they have no place; they are remembered."""
        places = points(wkb)
        if places is not None and places.shape[1] == 2 and np.isfinite(places).all():
            self._remember(["Point"], places)
            return wkb
        found = located(shapes(wkb))
        kinds = 2 * shapely.get_type_id(found) + shapely.has_z(found)
        names = [_TYPES[k // 2] + " Z" * (k % 2) for k in np.unique(kinds).tolist() if k >= 0]
        self._remember(names, shapely.get_coordinates(found, include_z=any(n.endswith("Z") for n in names)))
        return iso(found)

    @property
    def box(self) -> list[float] | None:
        """Lowest x and y (and z, where there is one), then the highest; None where nothing passed."""
        dimensions = 3 if np.isfinite(self.lowest[2]) else 2
        if not np.isfinite(self.lowest[:2]).all():
            return None
        return [*self.lowest[:dimensions].tolist(), *self.highest[:dimensions].tolist()]

    def _remember(self, names: Sequence[str], positions: Array) -> None:
        self.types.update(names)
        if len(positions):
            at = slice(0, positions.shape[1])
            self.lowest[at] = np.fmin(self.lowest[at], np.fmin.reduce(positions))
            self.highest[at] = np.fmax(self.highest[at], np.fmax.reduce(positions))
