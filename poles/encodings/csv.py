"""CSV (RFC 4180): a header, coordinates first, then parameters by key; missing is empty. Streamed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np
import pyarrow as pa
import shapely

from poles.coverage import Answer, Coverage, Coverages, Table
from poles.crs import crs as crs_of
from poles.encodings import positions, wkb
from poles.encodings.arrays import scattered
from poles.encodings.columns import as_csv
from poles.encodings.format import Context, Piece, gathered
from poles.encodings.kernels import document, joined
from poles.encodings.rows import apart, coordinates, rows
from poles.encodings.tables import geometry, halved
from poles.stored import Array

_END = "\r\n"


def carries(answer: Answer) -> str | None:
    """CSV carries every answer."""
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The lines in pieces; memory is bounded by a block."""
    return gathered(_coverages(answer) if isinstance(answer, Coverages) else _table(answer))


def _lines(columns: Sequence[pa.Array]) -> Piece:
    parts = [p for c in columns for p in (",", c)][1:]
    return document(joined([*parts, _END], ""))


def _header(names: Iterable[str]) -> Piece:
    return _lines([as_csv(pa.array([n])) for n in names])


# --- coverages -----------------------------------------------------------------------------------------------------


def _coverages(answer: Coverages) -> Iterator[Piece]:
    """One table for all coverages: several are told apart by a first column, `coverage`."""
    members = [scattered(c) for c in answer.members]
    keys = tuple(dict.fromkeys(k for c in members for k in c.ranges))
    places = _ordered({n for c in members for n in coordinates(c)})
    several = answer.collection or len(members) > 1
    named = apart([*(["coverage"] if several else []), *places], keys)
    yield _header([*named, *keys])
    for number, coverage in enumerate(members, 1):
        label = [as_csv(pa.array([coverage.id or str(number)]))] if several else []
        yield from _rows(coverage, label, places, keys)


def _ordered(names: set[str]) -> list[str]:
    first = [n for n in ("x", "y", "z", "t") if n in names]
    return [*first, *sorted(names.difference(first))]


def _rows(coverage: Coverage, label: list[pa.Array], places: list[str], keys: tuple[str, ...]) -> Iterator[Piece]:
    for at, values in rows(coverage, as_csv):
        count = len(next(iter((*at.values(), *values.values()))))
        none = pa.nulls(count, pa.string())
        first = [pa.repeat(text[0], count) for text in label]
        yield _lines([*first, *(at.get(n, none) for n in places), *(values.get(k, none) for k in keys)])


# --- tables --------------------------------------------------------------------------------------------------------


def _table(table: Table) -> Iterator[Piece]:
    """`id`, the properties, and the geometry: longitude and latitude of points, else WKT."""
    names = [n for n in table.schema.names if n != table.geometry]
    batches = (b for b in table.batches() if b.num_rows)
    seen = list(islice(batches, 2))
    columns = _geometry_columns(table, seen, len(seen) < 2)
    yield _header([*names, *apart(columns, names)])
    for batch in chain(seen, batches):
        for piece in halved(batch):
            yield _batch(piece, table, names, columns)


def _geometry_columns(table: Table, seen: list[pa.RecordBatch], all_seen: bool) -> list[str]:
    """Names of the columns of the geometry. Points stand as numbers where every row is known to be one."""
    name = geometry(table)
    if name is None:
        return []
    found = [wkb.points(b.column(name)) for b in seen]
    shapes = [wkb.shapes(b.column(name)) for b, places in zip(seen, found, strict=True) if places is None]
    types = {int(t) for g in shapes for t in np.unique(shapely.get_type_id(g))} - {-1}
    facts = table.dataset.facts
    observed = facts is not None and (facts.kind == "observations" or facts.feature_type == "Point")
    if types - {0} or not (observed or all_seen):
        return ["geometry"]
    flat = ["longitude", "latitude"] if crs_of(table.crs).is_geographic else ["x", "y"]
    high = any(p is not None and p.shape[1] == 3 for p in found) or any(shapely.has_z(g).any() for g in shapes)
    return [*flat, "z"] if high else flat


def _batch(batch: pa.RecordBatch, table: Table, names: list[str], columns: list[str]) -> Piece:
    name = geometry(table)
    placed = [] if name is None else _placed(batch.column(name), columns)
    return _lines([*(as_csv(batch.column(n)) for n in names), *placed])


def _placed(column: pa.Array, columns: list[str]) -> list[pa.Array]:
    """The columns of the geometry as texts. A row that does not fit them breaks the document."""
    if columns == ["geometry"]:
        return [joined(['"', *positions.texts(column, positions.WKT), '"'], None)]
    places = _places(column)
    if places.shape[1] > len(columns) and np.isfinite(places[:, len(columns) :]).any():
        raise ValueError("points without z were promised, and one with z came")
    absent = [np.full(len(places), np.nan)] * (len(columns) - places.shape[1])
    return [as_csv(pa.array(p, from_pandas=True)) for p in (*places.T, *absent)[: len(columns)]]


def _places(column: pa.Array) -> Array:
    """The places of points, NaN where there is none: an empty point has none, nor has one without an x or a y."""
    places = wkb.points(column)
    if places is None:
        shapes = wkb.located(wkb.shapes(column))
        if not np.isin(shapely.get_type_id(shapes), (0, -1)).all():
            raise ValueError("only points were promised, and another geometry came")
        places = np.stack([shapely.get_x(shapes), shapely.get_y(shapes), shapely.get_z(shapes)], axis=1)
    return np.where(np.isfinite(places[:, :2]).all(axis=1, keepdims=True), places, np.nan)
