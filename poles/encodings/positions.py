"""Geometries as texts, GeoJSON (RFC 7946) or WKT (OGC 06-103r4), by columns: no vertex is an object on its way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from poles.encodings import wkb
from poles.encodings.columns import json_numbers, separators
from poles.encodings.kernels import joined
from poles.stored import Array

_KINDS = {
    0: ("Point", 0), 1: ("LineString", 1), 2: ("LineString", 1), 3: ("Polygon", 2),
    4: ("MultiPoint", 1), 5: ("MultiLineString", 2), 6: ("MultiPolygon", 3),
}  # fmt: skip
"""By the number in GEOS: the name, and how deep positions lie in one another's lists."""
_POINT, _POLYGON, _COLLECTION = 0, 3, 7


@dataclass(frozen=True, slots=True)
class Notation:
    """How a text format writes positions. All numbers are one text, of which each separator becomes another sign."""

    within: str
    """Between the coordinates of a position."""
    after: str
    """After a position; one sign, as are the other two."""
    last: str
    """After the last position of a line or ring."""
    between: Callable[[int], str]
    """What further stands between positions (0), lines and rings (1), polygons (2)."""
    around: Callable[[str, bool, int], tuple[str, str]]
    """What stands before and after, by type, z and depth."""
    collecting: Callable[[bool], tuple[str, str, str]]
    """What stands before, between and after the geometries of a collection, by z."""


GEOJSON = Notation(
    ",", "]", "]",
    lambda level: "]" * level + ",[" + "[" * level,
    lambda name, z, depth: (f'{{"type":"{name}","coordinates":[' + "[" * depth, "]" * depth + "}"),
    lambda z: ('{"type":"GeometryCollection","geometries":[', ",", "]}"),
)  # fmt: skip
WKT = Notation(
    " ", ",", ")",
    lambda level: " " if not level else ")" * (level - 1) + ", (" + "(" * (level - 1),
    lambda name, z, depth: (name.upper() + (" Z " if z else " ") + "(" * (depth or 1), ")" * (depth - 1)),
    lambda z: ("GEOMETRYCOLLECTION Z (" if z else "GEOMETRYCOLLECTION (", ", ", ")"),
)  # fmt: skip


def texts(column: pa.Array, notation: Notation, swapped: bool = False) -> list[pa.Array | str]:
    """Texts that, joined row by row, are the geometries; null where there is none or its place is not known.

    `swapped`: y before x, as the authority of the CRS demands. What holds no position is no place. M is left out.

    >>> points = pa.array([shapely.to_wkb(shapely.Point(1, 2.5))])
    >>> joined(texts(points, GEOJSON), None).to_pylist(), joined(texts(points, WKT), None).to_pylist()
    (['{"type":"Point","coordinates":[1.0,2.5]}'], ['POINT (1.0 2.5)'])
    """
    places = wkb.points(column)
    if places is not None and np.isfinite(places).all():
        return _written(_POINT, _ordered(places, swapped), [], notation)
    rings = wkb.rings(column)
    if rings is not None and np.isfinite(rings[0]).all():
        return _written(_POLYGON, _ordered(rings[0], swapped), list(rings[1:]), notation)
    return _mixed(wkb.located(wkb.shapes(column)), notation, swapped)


def _mixed(shapes: Array, notation: Notation, swapped: bool) -> list[pa.Array | str]:
    """Geometries of any types, each type at once."""
    kinds = _kinds(shapes)
    if len(kinds) and kinds[0] >= 0 and (kinds == kinds[0]).all():
        return _alike(int(kinds[0]), shapes, notation, swapped)
    parts = [(np.flatnonzero(kinds == k), k) for k in np.unique(kinds).tolist() if k >= 0]
    found = [joined(_alike(k, shapes[at], notation, swapped), None) for at, k in parts]
    return [_placed(found, [at for at, _ in parts], len(shapes))]


def points(x: pa.Array, y: pa.Array, z: pa.Array | None = None) -> pa.Array:
    """Point geometries in GeoJSON of coordinates that are texts; a place that is not known is null."""
    level = [] if z is None else [pc.if_else(pc.is_valid(z), joined([",", z], ""), "")]
    return joined(['{"type":"Point","coordinates":[', x, ",", y, *level, "]}"], None)


def _kinds(shapes: Array) -> Array:
    """What is written alike: twice the type, one more with z; below 0 what is missing."""
    z = shapely.has_z(shapes)
    if z.any():
        positions, of = shapely.get_coordinates(shapes, include_z=True, return_index=True)
        z[of[~np.isfinite(positions[:, 2])]] = False
    return np.asarray(2 * shapely.get_type_id(shapes).astype(np.int64) + z)


def _alike(kind: int, shapes: Array, notation: Notation, swapped: bool) -> list[pa.Array | str]:
    """Geometries of one type, all with z or all without."""
    number, z = divmod(kind, 2)
    if number == _COLLECTION:
        return _collected(shapes, bool(z), notation, swapped)
    positions = shapely.get_coordinates(shapes, include_z=bool(z))
    return _written(number, _ordered(positions, swapped), _counts(number, shapes), notation)


def _written(number: int, positions: Array, counts: list[Array], notation: Notation) -> list[pa.Array | str]:
    name, depth = _KINDS[number]
    found = _vertices(positions, np.cumsum(counts[0]) if counts else np.arange(1, len(positions) + 1), notation)
    for level, count in enumerate(counts):
        found = _runs(found, count, notation.between(level))
    before, after = notation.around(name, positions.shape[1] > 2, depth)
    return [before, found, after]


def _counts(number: int, shapes: Array) -> list[Array]:
    """Positions in each line or ring, then rings in each polygon, then parts in each geometry: innermost first."""
    if number == _POINT:
        return []
    if number in (1, 2, 4):
        return [shapely.get_num_coordinates(shapes)]
    parts, of = (shapely.get_rings if number == 3 else shapely.get_parts)(shapes, return_index=True)
    full = ~shapely.is_empty(parts)
    outer = np.bincount(of[full], minlength=len(shapes))
    return [*_counts(3 if number == 6 else 1, parts[full]), outer]


def _runs(found: pa.Array, counts: Array, between: str) -> pa.Array:
    """Consecutive texts joined, so many a run."""
    if (counts == 1).all():
        return found
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), found), between)


def _ordered(positions: Array, swapped: bool) -> Array:
    return positions[:, [1, 0, *range(2, positions.shape[1])]] if swapped else positions


def _vertices(positions: Array, ends: Array, notation: Notation) -> pa.Array:
    """Each position as the text that follows its opening bracket, and what closes it: `1.0,2.5]` in GeoJSON.

    `ends`: how many positions there are up to the end of each line or ring.
    """
    text = json_numbers(positions.ravel()).copy()
    marks = separators(text)
    if notation.within != ",":
        text[marks] = ord(notation.within)
    closings = marks[:: positions.shape[1]]
    text[closings[1:]] = ord(notation.after)
    if notation.last != notation.after:
        text[closings[ends]] = ord(notation.last)
    starts = (closings + 1).astype(np.int32)
    return pa.StringArray.from_buffers(len(positions), pa.py_buffer(starts), pa.py_buffer(text))


def _collected(shapes: Array, z: bool, notation: Notation, swapped: bool) -> list[pa.Array | str]:
    members, of = shapely.get_parts(shapes, return_index=True)
    full = ~shapely.is_empty(members)
    before, between, after = notation.collecting(z)
    found = joined(_mixed(members[full], notation, swapped), None)
    return [before, _runs(found, np.bincount(of[full], minlength=len(shapes)), between), after]


def _placed(found: Sequence[pa.Array], at: Sequence[Array], count: int) -> pa.Array:
    """Texts of several types, each at its row; null elsewhere."""
    if not found:
        return pa.nulls(count, pa.string())
    index = np.full(count, -1)
    index[np.concatenate(at)] = np.arange(sum(len(a) for a in at))
    return pa.concat_arrays(found).take(pa.array(index, mask=index < 0))
