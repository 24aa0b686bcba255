"""Features of a small page, each by itself: a function over a column costs as much as thirty of its values."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from poles.encodings import positions, wkb
from poles.encodings.columns import as_json, instants
from poles.encodings.kernels import joined

Feature = dict[str, Any]
"""A feature as orjson takes it: its texts are those that the columns give."""
_IN_JSON = frozenset(t.id for t in (pa.string(), pa.int64(), pa.float64(), pa.bool_()))
"""Types whose values orjson writes as the columns do."""


def of_values(
    columns: Mapping[str, Sequence[Any]], kinds: Sequence[pa.DataType], shape: str | None, swapped: bool
) -> Iterator[Feature]:
    """Features of columns as Python has them, of some types; the column `shape` holds places of points.

    `swapped`: y before x, as the authority of the CRS demands.
    """
    named = zip(columns.items(), kinds, strict=True)
    return _joined({n: _places(v, swapped) if n == shape else _written(v, k) for (n, v), k in named}, shape)


def of_batch(batch: pa.RecordBatch, shape: str | None, swapped: bool) -> Iterator[Feature]:
    """Features of the rows of a batch."""
    named = zip(batch.schema.names, batch.columns, strict=True)
    return _joined({n: _shapes(c, swapped) if n == shape else _values(c) for n, c in named}, shape)


def _joined(columns: Mapping[str, Sequence[Any]], shape: str | None) -> Iterator[Feature]:
    names = [n for n in columns if n not in ("id", shape)]
    count = len(next(iter(columns.values())))
    shapes = repeat(None, count) if shape is None else columns[shape]
    rows = zip(*(columns[n] for n in names), strict=True) if names else repeat((), count)
    heads = [{"id": i} for i in columns["id"]] if "id" in columns else repeat({}, count)
    for head, geometry, row in zip(heads, shapes, rows, strict=True):
        yield {"type": "Feature", **head, "geometry": geometry, "properties": dict(zip(names, row, strict=True))}


def _written(values: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
    """Values of a type as orjson writes them."""
    if kind.id in _IN_JSON:
        return values
    return instants(values) if pa.types.is_timestamp(kind) else _ready(as_json(pa.array(values, kind)))


def _values(column: pa.Array) -> Sequence[Any]:
    """The same of a column of a batch."""
    if column.type.id in _IN_JSON:
        found: Sequence[Any] = column.to_pylist()
        return found
    return _ready(as_json(column))


def _shapes(column: pa.Array, swapped: bool) -> Sequence[Any]:
    places = wkb.points(column)
    if places is not None and np.isfinite(places).all():
        return _places(places.tolist(), swapped)
    return _ready(joined(positions.texts(column, positions.GEOJSON, swapped), None))


def _places(places: Sequence[Sequence[float] | None], swapped: bool) -> Sequence[Any]:
    """Points; None where there is no place."""
    at = [p and (p[1], p[0], *p[2:]) for p in places] if swapped else places
    return [p and {"type": "Point", "coordinates": p} for p in at]


def _ready(texts: pa.Array) -> Sequence[Any]:
    return [None if t is None else orjson.Fragment(t) for t in texts.to_pylist()]
