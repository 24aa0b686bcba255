"""Rows of a store as items: samples or features, one row each; and the list of the locations of observations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS

from poles.coverage import FEW, Table
from poles.crs import crs as crs_of
from poles.crs import transform, uri
from poles.dataset import Dataset, Described
from poles.errors import Invalid, NotFound
from poles.query import CRS84, Everywhere, Query
from poles.rows.sampled import Index
from poles.rows.tables import in_batches, paged, point_wkb
from poles.stored import Array
from poles.stores import Statement, Store, is_plain, typed
from poles.stores.dialect import Values
from poles.stores.layout import Column
from poles.stores.statement import counted, matching, page, selection


def items(store: Store, dataset: Dataset, query: Query) -> Table:
    """The rows of `items` and `item`: where, when, filter, ids, sorted, one page.

    Raises Invalid for a property that is not there, NotFound where a single item is asked that is not there.
    """
    columns = _columns(store, query)
    among = _among(store, query)
    matched, estimated = _counted(store, dataset, query, among)
    if query.verb == "item" and matched == 0:
        raise NotFound("itemId", f"{', '.join(query.ids or ())[:80]} is not there", "take an id from the items")
    native, asked_in = crs_of(store.layout.crs), _out(store, query)
    out = crs_of(asked_in)
    schema = _schema(store, columns, query)
    rows = _Page(
        store,
        page(store.layout, store.dialect, query, columns, ahead=int(matched is None), among=among, matched=matched),
        schema,
        native,
        None if out is native or out == native else out,
        query.page.limit if matched is None else None,
    )
    return Table(
        dataset,
        schema,
        rows.batches,
        rows.few,
        geometry="geometry" if "geometry" in schema.names else None,
        crs=CRS84 if asked_in == CRS84 or out == crs_of(CRS84) else uri(out),
        matched=matched,
        estimated=estimated,
        more=None if matched is not None else lambda: rows.more,
        offset=query.page.offset,
        limit=query.page.limit,
        parameters=_described(store, dataset, columns),
        single=query.verb == "item",
    )


def _columns(store: Store, query: Query) -> tuple[Column, ...]:
    """The properties asked; samples always say their time."""
    there = {c.name: c for c in store.layout.columns}
    if query.parameters is None:
        return tuple(there.values())
    unknown = next((p for p in query.parameters if p not in there), None)
    if unknown is not None:
        raise Invalid("properties", f"{unknown[:60]} is not there", f"give of {', '.join(sorted(there))}")
    always = ("time",) if store.about is not None and "time" in there else ()
    return tuple(there[n] for n in dict.fromkeys((*always, *query.parameters)))


def _among(store: Store, query: Query) -> str:
    """The groups of samples that have any of the properties asked, or are asked for what all have."""
    if store.about is None or query.parameters is None:
        return ""
    asked = set(query.parameters)
    if asked & {"time", "platform"}:
        return ""
    groups = store.about["groups"]
    own = [{*g["properties"], *(g["vertical"] or [])[:1]} for g in groups]
    having = [str(n) for n, names in enumerate(own) if names & asked]
    return "" if len(having) == len(groups) else f'"_group" IN ({", ".join(having) or "-1"})'


def _counted(store: Store, dataset: Dataset, query: Query, among: str) -> tuple[int | None, int | None]:
    """Rows that match, over all pages, and about how many: as the data set has them counted, estimated or left out."""
    asked = counted(store.layout, store.dialect, query, among=among)
    if asked is None:
        return store.layout.count, None
    match dataset.limits.counts if query.verb == "items" else "exact":
        case "none":
            return None, None
        case "estimated":
            return None, store.estimated(matching(store.layout, store.dialect, query, among=among))
        case _:
            row = store.first(asked)
            assert row is not None
            return int(row[0]), None


def _schema(store: Store, columns: Sequence[Column], query: Query) -> pa.Schema:
    whole = store.layout.items
    if query.parameters is None and query.geometry:
        return whole
    geometry = [whole.field("geometry")] if query.geometry and store.layout.geometry is not None else []
    return pa.schema([whole.field("id"), *(store.layout.schema.field(c.name) for c in columns), *geometry])


@dataclass(slots=True)
class _Page:
    """The rows of a page, as batches or, if they are few, as values."""

    store: Store
    asked: Statement
    schema: pa.Schema
    native: CRS
    out: CRS | None
    """Where the geometries go; None: they stay as they are."""
    limit: int | None
    """Where rows are not counted: how many there are without the one that was taken too much."""
    more: bool = False
    """Once the rows are read: whether others follow."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        left = self.limit
        for batch in self.store.batches(self.asked):
            if left is not None:
                self.more, batch = batch.num_rows > left, batch.slice(0, left)
                left -= batch.num_rows
            if batch.num_rows:
                yield self._answered(batch)

    def _answered(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns, at = list(batch.columns), len(self.schema) - 1
        if self.schema.names[-1] == "geometry":
            columns[at:] = [_geometry(columns[at:], self.native, self.out)]
        return typed(columns, self.schema)

    def few(self) -> Mapping[str, Sequence[Any]] | None:
        types = self._types()
        if self.asked.rows is None or self.asked.rows > FEW or not all(map(is_plain, types)):
            return None
        found = self.store.few(self.asked, types)
        if found is None:
            return None
        if self.limit is not None:
            self.more, found = len(found[0]) > self.limit, [c[: self.limit] for c in found]
        if len(types) > len(self.schema):
            *others, x, y = found
            found = [*others, [p if _is_place(*p) else None for p in zip(x, y, strict=True)]]
        return dict(zip(self.schema.names, found, strict=True))

    def _types(self) -> Sequence[pa.DataType]:
        """Those of the columns of the store: of points x and y. WKB stays what it is, for nobody knows its length."""
        own: list[pa.DataType] = self.schema.types
        if self.schema.names[-1] != "geometry":
            return own
        return [*own[:-1], pa.float64(), pa.float64()] if self.store.layout.points and self.out is None else own


def _is_place(x: float | None, y: float | None) -> bool:
    return x is not None and y is not None and isfinite(x) and isfinite(y)


def _geometry(columns: Sequence[pa.Array], native: CRS, out: CRS | None) -> pa.Array:
    """WKB in the CRS of the answer, of x and y of points or of WKB in that of the store."""
    if len(columns) == 1:
        return columns[0] if out is None else reprojected(columns[0], native, out)
    x, y = (np.asarray(c.fill_null(np.nan) if c.null_count else c) for c in columns)
    return point_wkb(*((x, y) if out is None else transform(x, y, native, out)))


def _out(store: Store, query: Query) -> str:
    """The CRS of the answer: CRS84 unless another is asked."""
    match query.crs_out:
        case None:
            return CRS84
        case "native":
            return store.layout.crs
        case other:
            return other


def _described(store: Store, dataset: Dataset, columns: Sequence[Column]) -> dict[str, Described]:
    names, said = {c.name for c in columns}, {p.key: p for p in dataset.parameters}
    return {p.key: said.get(p.key, p) for p in store.facts.parameters if p.key in names}


def reprojected(wkb: pa.Array, source: CRS, target: CRS) -> pa.Array:
    """Geometries in another CRS, x before y."""
    shapes = shapely.from_wkb(np.asarray(wkb.to_numpy(zero_copy_only=False), object))
    return pa.array(shapely.to_wkb(moved(shapes, source, target)), pa.binary())


def moved(shapes: Array, source: Any, target: Any) -> Array:
    """Geometries in another CRS, heights as they are."""
    found = np.array(shapes, object)
    for deep in (False, True):
        some = shapely.has_z(found) == deep
        found[some] = shapely.transform(
            found[some],
            lambda p: np.column_stack([*transform(p[:, 0], p[:, 1], source, target), *p[:, 2:].T]),
            include_z=deep,
        )
    return found


# --- locations -------------------------------------------------------------------------------------------------------


def locations(index: Index, dataset: Dataset, query: Query) -> Table:
    """One row a platform: id, name, interval of times, its parameters, what else is known, and where it is."""
    table = index.table
    wanted = _wanted(index, dataset, query)
    rows = paged(wanted, query.page)
    out = crs_of(CRS84 if query.crs_out in (None, "native") else str(query.crs_out))
    names = [n for n in table.column_names if not n.startswith("_") and (query.geometry or n != "geometry")]
    schema = table.select(names).schema

    def made(taken_rows: Array) -> pa.RecordBatch:
        taken = table.select(names).take(pa.array(taken_rows)).combine_chunks()
        if query.geometry and query.crs_out is not None:
            there = reprojected(taken["geometry"].combine_chunks(), crs_of(CRS84), out)
            taken = taken.set_column(names.index("geometry"), "geometry", there)
        return taken.cast(schema).to_batches()[0]

    return Table(
        dataset, schema, in_batches(rows, made), geometry="geometry" if query.geometry else None,
        crs=uri(out), matched=len(wanted), offset=query.page.offset, limit=query.page.limit,
        parameters=_described(index.store, dataset, index.store.layout.columns), locations=True,
    )  # fmt: skip


def _wanted(index: Index, dataset: Dataset, query: Query) -> Array:
    """Platforms that are where and when it was asked, and have any of the parameters asked."""
    keep = np.ones(len(index.ids), bool)
    if query.parameters is not None:
        _checked(index, query.parameters)
        there = index.table["parameter-name"].to_pylist()
        keep &= np.array([not set(query.parameters).isdisjoint(names) for names in there], bool)
    if query.ids is not None:
        keep &= np.isin(np.array(index.ids, object), list(query.ids))
    if not isinstance(query.where, Everywhere) or query.when is not None:
        keep &= _anywhere(index, query)
    return np.flatnonzero(keep)


def _anywhere(index: Index, query: Query) -> Array:
    """Whether each platform has a sample in the place and time asked."""
    store, found = index.store, np.zeros(len(index.ids), bool)
    where = Query(where=query.where, when=query.when, crs=query.crs)
    asked = selection(store.layout, store.dialect, where, ("_platform",), values=Values(), distinct=True)
    for batch in store.batches(asked):
        found[np.asarray(batch.column(0))] = True
    return found


def _checked(index: Index, parameters: Sequence[str]) -> None:
    there = {p.key for p in index.store.facts.parameters}
    for name in parameters:
        if name not in there:
            raise Invalid("parameter-name", f"{name} is not there", f"give of {', '.join(sorted(there))}")
