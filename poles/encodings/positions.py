"""Geometries as GeoJSON texts (RFC 7946), column by column: no vertex is an object on its way."""

from collections.abc import Sequence

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
"""By the number in GEOS: the name, and how deep positions lie in `coordinates`."""
_POINT, _COLLECTION = 0, 7


def geometries(column: pa.Array, swapped: bool) -> list[pa.Array | str]:
    """Texts that, joined row by row, are the geometries; null where there is none or its place is not known.

    `swapped`: y before x, as the authority of the CRS demands. What holds no position is no place. M is left out.

    >>> joined(geometries(pa.array([shapely.to_wkb(shapely.Point(1, 2.5))]), False), None).to_pylist()
    ['{"type":"Point","coordinates":[1.0,2.5]}']
    """
    places = wkb.points(column)
    if places is not None and np.isfinite(places).all():
        return _written(_POINT, _vertices(_ordered(places, swapped)))
    shapes = wkb.located(wkb.shapes(column))
    kinds = _kinds(shapes)
    if len(kinds) and kinds[0] >= 0 and (kinds == kinds[0]).all():
        return _alike(int(kinds[0]), shapes, swapped)
    parts = [(np.flatnonzero(kinds == k), k) for k in np.unique(kinds).tolist() if k >= 0]
    texts = [joined(_alike(k, shapes[at], swapped), None) for at, k in parts]
    return [_placed(texts, [at for at, _ in parts], len(column))]


def points(x: pa.Array, y: pa.Array, z: pa.Array | None = None) -> pa.Array:
    """Point geometries of coordinates that are texts; a place that is not known is null."""
    level = [] if z is None else [pc.if_else(pc.is_valid(z), joined([",", z], ""), "")]
    return joined(['{"type":"Point","coordinates":[', x, ",", y, *level, "]}"], None)


def _kinds(shapes: Array) -> Array:
    """What is written alike: twice the type, one more with z; below 0 what is missing."""
    z = shapely.has_z(shapes)
    if z.any():
        positions, of = shapely.get_coordinates(shapes, include_z=True, return_index=True)
        z[of[~np.isfinite(positions[:, 2])]] = False
    return np.asarray(2 * shapely.get_type_id(shapes).astype(np.int64) + z)


def _alike(kind: int, shapes: Array, swapped: bool) -> list[pa.Array | str]:
    """Geometries of one type, all with z or all without."""
    number, z = divmod(kind, 2)
    if number == _COLLECTION:
        return [pa.array(shapely.to_geojson(_collections(shapes, bool(z), swapped)), pa.string())]
    texts = _vertices(_ordered(shapely.get_coordinates(shapes, include_z=bool(z)), swapped))
    for level, counts in enumerate(_counts(number, shapes)):
        texts = _runs(texts, counts, "]" * level + ",[" + "[" * level)
    return _written(number, texts)


def _written(number: int, texts: pa.Array) -> list[pa.Array | str]:
    name, depth = _KINDS[number]
    return [f'{{"type":"{name}","coordinates":[' + "[" * depth, texts, "]" * depth + "}"]


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


def _runs(texts: pa.Array, counts: Array, between: str) -> pa.Array:
    """Consecutive texts joined, so many a run."""
    if (counts == 1).all():
        return texts
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), texts), between)


def _ordered(positions: Array, swapped: bool) -> Array:
    return positions[:, [1, 0, *range(2, positions.shape[1])]] if swapped else positions


def _vertices(positions: Array) -> pa.Array:
    """Each position as the text that follows its opening bracket: `1.0,2.5]`.

    All numbers are written as one array; the commas between positions become the brackets that close them.
    """
    text = json_numbers(positions.ravel()).copy()
    closings = separators(text)[:: positions.shape[1]]
    text[closings[1:]] = ord("]")
    return pa.StringArray.from_buffers(
        len(positions), pa.py_buffer((closings + 1).astype(np.int32)), pa.py_buffer(text)
    )


def _collections(shapes: Array, z: bool, swapped: bool) -> Array:
    found = np.asarray(shapes if z else shapely.force_2d(shapes), object)
    if not swapped:
        return found
    return np.asarray(shapely.transform(found, lambda c: _ordered(c, True), include_z=z), object)


def _placed(texts: Sequence[pa.Array], at: Sequence[Array], count: int) -> pa.Array:
    """Texts of several types, each at its row; null elsewhere."""
    if not texts:
        return pa.nulls(count, pa.string())
    index = np.full(count, -1)
    index[np.concatenate(at)] = np.arange(sum(len(a) for a in at))
    return pa.concat_arrays(texts).take(pa.array(index, mask=index < 0))
