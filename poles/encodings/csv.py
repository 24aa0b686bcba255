"""CSV (RFC 4180): a header, coordinates first, then parameters by key; missing is empty. Streamed."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import shapely

from poles.coverage import Answer, Coverage, Coverages, Table
from poles.crs import crs as crs_of
from poles.encodings.arrays import scattered
from poles.encodings.columns import as_csv, document, joined
from poles.encodings.format import Context, gathered
from poles.encodings.rows import apart, coordinates, rows

_END = "\r\n"


def carries(answer: Answer) -> str | None:
    """CSV carries every answer."""
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The lines in pieces; memory is bounded by a block."""
    return gathered(_coverages(answer) if isinstance(answer, Coverages) else _table(answer))


def _lines(columns: Sequence[pa.Array]) -> bytes:
    parts = [p for c in columns for p in (",", c)][1:]
    return document(joined([*parts, _END], ""), "")


def _header(names: Iterable[str]) -> bytes:
    return _lines([as_csv(pa.array([n])) for n in names])


# --- coverages -----------------------------------------------------------------------------------------------------


def _coverages(answer: Coverages) -> Iterator[bytes]:
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


def _rows(coverage: Coverage, label: list[pa.Array], places: list[str], keys: tuple[str, ...]) -> Iterator[bytes]:
    for at, values in rows(coverage, as_csv):
        count = len(next(iter((*at.values(), *values.values()))))
        none = pa.nulls(count, pa.string())
        first = [pa.repeat(text[0], count) for text in label]
        yield _lines([*first, *(at.get(n, none) for n in places), *(values.get(k, none) for k in keys)])


# --- tables --------------------------------------------------------------------------------------------------------


def _table(table: Table) -> Iterator[bytes]:
    """`id`, the properties, and the geometry: longitude and latitude of points, else WKT."""
    names = [n for n in table.schema.names if n != table.geometry]
    batches = _nonempty(table)
    first = next(batches, None)
    second = next(batches, None)
    columns = _geometry_columns(table, [b for b in (first, second) if b is not None], second is None)
    yield _header([*names, *apart(columns, names)])
    for batch in (b for b in (first, second) if b is not None):
        yield _batch(batch, table, names, columns)
    for batch in batches:
        yield _batch(batch, table, names, columns)


def _nonempty(table: Table) -> Iterator[pa.RecordBatch]:
    return (b for b in table.batches() if b.num_rows)


def _geometry_columns(table: Table, seen: list[pa.RecordBatch], all_seen: bool) -> list[str]:
    """Names of the columns of the geometry. Points stand as numbers where every row is known to be one."""
    if table.geometry is None or table.geometry not in table.schema.names:
        return []
    geometries = [shapely.from_wkb(_wkb(b, table.geometry)) for b in seen]
    types = {int(t) for g in geometries for t in np.unique(shapely.get_type_id(g))} - {-1}
    facts = table.dataset.facts
    observed = facts is not None and (facts.kind == "observations" or facts.feature_type == "Point")
    if types - {0} or not (observed or all_seen):
        return ["geometry"]
    flat = ["longitude", "latitude"] if crs_of(table.crs).is_geographic else ["x", "y"]
    return [*flat, "z"] if any(shapely.has_z(g).any() for g in geometries) else flat


def _wkb(batch: pa.RecordBatch, name: str) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    found: np.ndarray[tuple[int], np.dtype[np.object_]] = batch.column(name).to_numpy(zero_copy_only=False)
    return found


def _batch(batch: pa.RecordBatch, table: Table, names: list[str], columns: list[str]) -> bytes:
    texts = [as_csv(batch.column(n)) for n in names]
    if not columns or table.geometry is None:
        return _lines(texts)
    geometry = shapely.from_wkb(_wkb(batch, table.geometry))
    if columns == ["geometry"]:
        return _lines([*texts, as_csv(pa.array(_wkt(geometry), pa.string()))])
    parts = [shapely.get_x(geometry), shapely.get_y(geometry), shapely.get_z(geometry)][: len(columns)]
    return _lines([*texts, *(as_csv(pa.array(p, from_pandas=True)) for p in parts)])


def _wkt(geometry: np.ndarray[tuple[int], np.dtype[np.object_]]) -> list[str | None]:
    return shapely.to_wkt(geometry, rounding_precision=-1, trim=True).tolist()  # type: ignore[no-any-return]
