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
_POLYGON, _RING = b"\1\3\0\0\0", 13
"""The head of a flat polygon, and the bytes before the first position of its first ring."""
_MOST_RINGS = 100
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
    inside, ends = _bytes(wkb)
    if not len(ends):
        return None
    length = int(ends[1] - ends[0])
    if length not in _POINTS or (np.diff(ends) != length).any():
        return None
    record = np.dtype([("head", "V5"), ("place", "<f8", ((length - 5) // 8,))])
    found = np.frombuffer(inside, record, len(wkb), int(ends[0]))
    head = found["head"][0]
    if head.tobytes() not in _POINTS[length] or (found["head"] != head).any():
        return None
    return np.ascontiguousarray(found["place"])


def rings(wkb: pa.Array) -> tuple[Array, Array, Array] | None:
    """The positions of flat polygons, how many a ring, and the rings of each; None for any other geometries or a null.

    >>> [a.tolist() for a in rings(pa.array([shapely.to_wkb(shapely.box(0, 0, 1, 2))]))]
    [[[1.0, 0.0], [1.0, 2.0], [0.0, 2.0], [0.0, 0.0], [1.0, 0.0]], [5], [1]]
    """
    inside, ends = _bytes(wkb)
    if not len(ends) or (np.diff(ends) < _RING).any():
        return None
    heads = inside[ends[:-1, None] + np.arange(9)]
    if (heads[:, :5] != np.frombuffer(_POLYGON, np.uint8)).any():
        return None
    counts = _numbers(heads[:, 5:])
    found = _sizes(inside, ends, counts)
    if found is None:
        return None
    at, sizes = found
    kept = np.ones(int(ends[-1] - ends[0]), bool)
    kept[ends[:-1, None] - ends[0] + np.arange(9)] = False
    kept[at[:, None] - ends[0] + np.arange(4)] = False
    return inside[ends[0] : ends[-1]][kept].view("<f8").reshape(-1, 2), sizes, counts


def _sizes(inside: Array, ends: Array, counts: Array) -> tuple[Array, Array] | None:
    """Where each ring of each polygon begins, and how many positions it has; None where that does not add up."""
    if counts.min() < 1 or counts.max() > _MOST_RINGS:
        return None
    at, rows = ends[:-1].astype(np.int64) + 9, np.arange(len(counts))
    seen: list[tuple[Array, Array, Array]] = []
    while len(rows):
        begins = at[rows]
        if (begins + 4 > ends[1:][rows]).any():
            return None
        sizes = _numbers(inside[begins[:, None] + np.arange(4)])
        seen.append((rows, begins, sizes))
        at[rows] += 4 + 16 * sizes
        rows = rows[counts[rows] > len(seen)]
    if (at != ends[1:]).any():
        return None
    of, begins, sizes = (np.concatenate(s) for s in zip(*seen, strict=True))
    order = np.argsort(of, kind="stable")
    return begins[order], sizes[order]


def _numbers(four: Array) -> Array:
    return np.ascontiguousarray(four).view("<u4").ravel().astype(np.int64)


def _bytes(wkb: pa.Array) -> tuple[Array, Array]:
    """The bytes of a column and where each value ends, after where the first begins; none where one is null."""
    if not len(wkb) or wkb.null_count or not pa.types.is_binary(wkb.type):
        return np.empty(0, np.uint8), np.empty(0, np.int32)
    _, offsets, data = wkb.buffers()
    return np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]


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
