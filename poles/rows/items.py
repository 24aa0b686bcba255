"""Samples and platforms as rows of a table: `items`, `item` and the list of locations."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from poles import times
from poles.coverage import Table
from poles.crs import crs as crs_of
from poles.crs import transform, uri
from poles.errors import Invalid, NotFound
from poles.query import CRS84, Everywhere, Query, Span
from poles.rows.samples import Group, Observations
from poles.rows.tables import crs_in, every, in_batches, in_time, matching, ordered, paged, point_wkb, points_inside
from poles.stored import Array

_VERTICES = 1_000
"""Most vertices of the line or points of a platform that moves."""


def items(observations: Observations, query: Query) -> Table:
    """One row a sample. Raises Invalid for names that are not there, NotFound for an id that no sample has."""
    schema = _schema(observations, query)
    found = [_rows(observations, g, query) for g in observations.groups]
    matched = sum(len(r) for r in found)
    if query.verb == "item" and not matched:
        raise NotFound("itemId", f"{', '.join(query.ids or ())} is not there", "take an id from the items")
    pages = _pages(observations, found, query)
    out = crs_of(crs_out(query))

    def batches() -> Any:
        for group, rows in pages:
            yield from in_batches(rows, lambda r, g=group: _batch(observations, g, r, schema, out))()  # type: ignore[misc]

    return Table(
        observations.dataset,
        schema,
        batches,
        geometry="geometry" if query.geometry else None,
        crs=uri(out),
        matched=matched,
        offset=query.page.offset,
        limit=query.page.limit,
        parameters={k: d for k, d in observations.parameters.items() if k in schema.names},
        single=query.verb == "item",
    )


def crs_out(query: Query) -> str:
    """The CRS of the answer: CRS84, which is that of the data, unless another is asked."""
    return CRS84 if query.crs_out in (None, "native") else str(query.crs_out)


def _schema(observations: Observations, query: Query) -> pa.Schema:
    """`id`, `platform`, `time`, the level by its own name, properties, `geometry`."""
    fields = _properties(observations)
    if query.parameters is not None:
        unknown = [p for p in query.parameters if p not in fields]
        if unknown:
            raise Invalid("properties", f"{unknown[0]} is not there", f"give of {', '.join(sorted(fields))}")
        fields = {"time": fields["time"], **{p: fields[p] for p in query.parameters}}
    every_field = [("id", pa.string()), *fields.items(), *([("geometry", pa.binary())] if query.geometry else [])]
    return pa.schema(every_field)


def _properties(observations: Observations) -> dict[str, pa.DataType]:
    """The properties of items and their types; a parameter that is called `platform` or `time` takes that place."""
    told: dict[str, pa.DataType] = {}
    for g in observations.groups:
        for field in (*g.values.schema, *g.extras.schema):
            known = told.get(field.name, field.type)
            told[field.name] = known if known == field.type else _wider(known, field.type)
    fields: dict[str, pa.DataType] = {"platform": pa.string(), "time": pa.timestamp("ms", "UTC")}
    fields |= {g.vertical.key: pa.float64() for g in observations.groups if g.vertical is not None}
    fields |= told
    return {n: t for n, t in fields.items() if n not in ("id", "geometry")}


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """A type that holds the values of two."""
    numeric = all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in (one, other))
    return pa.float64() if numeric else pa.string()


def column(observations: Observations, group: Group, name: str) -> pa.ChunkedArray | None:
    """The column of a property of the items; None where no item has it, nulls where these have not."""
    if name in group.values.column_names:
        return group.values[name]
    if name in group.extras.column_names:
        return group.extras[name]
    match name:
        case "id":
            return pa.chunked_array([group.ids])
        case "platform":
            return pa.chunked_array([pc.take(pa.array(list(observations.ids), pa.string()), pa.array(group.platform))])
        case "time":
            return pa.chunked_array([_times(group.t)])
        case _ if group.vertical is not None and name == group.vertical.key and group.z is not None:
            return pa.chunked_array([pa.array(group.z, from_pandas=True)])
    types = [
        t.field(name).type for g in observations.groups for t in (g.values.schema, g.extras.schema) if name in t.names
    ]
    levels = any(g.vertical is not None and g.vertical.key == name for g in observations.groups)
    if types or levels:
        return pa.chunked_array([pa.nulls(len(group), types[0] if types else pa.float64())])
    return None


def _times(t: Array) -> pa.Array:
    return pa.array(t, mask=t == times.MISSING).cast(pa.timestamp("ms", "UTC"))


def rows_of(observations: Observations, group: Group, query: Query) -> Array:
    """Indices of the samples that are in the time, at the levels and of the properties asked."""
    levels = in_levels(group, query.levels)
    if query.levels is not None and levels is None:
        return np.empty(0, np.int64)
    filtered = matching(query.filter, lambda n: column(observations, group, n), len(group))
    return every([in_time(query.when, group.t), levels, filtered], len(group))


def _rows(observations: Observations, group: Group, query: Query) -> Array:
    if query.parameters is not None and not _holds(group, query.parameters):
        return np.empty(0, np.int64)
    rows = rows_of(observations, group, query)
    inside = points_inside(query.where, group.x[rows], group.y[rows], crs_of(CRS84), crs_in(query, crs_of(CRS84)))
    rows = rows if inside is None else rows[inside]
    if query.ids is not None:
        rows = rows[np.asarray(pc.is_in(group.ids.take(pa.array(rows)), pa.array(list(query.ids), pa.string())))]
    return rows


def _holds(group: Group, parameters: Sequence[str]) -> bool:
    """Whether samples have any of the properties asked, or are asked for what all have."""
    own = {*group.values.column_names, *group.extras.column_names, "time", "platform"}
    own |= {group.vertical.key} if group.vertical is not None else set()
    return not own.isdisjoint(parameters)


def in_levels(group: Group, levels: Sequence[Span] | None) -> Array | None:
    """Which samples lie at the levels asked; None: all levels were asked, or the samples have none."""
    if levels is None or group.z is None:
        return None
    found = np.zeros(len(group), bool)
    for span in levels:
        low, high = (_level(e, open_) for e, open_ in ((span.start, -np.inf), (span.end, np.inf)))
        low, high = min(low, high), max(low, high)
        slack = 1e-6 * max((abs(e) for e in (low, high) if np.isfinite(e)), default=0.0)
        with np.errstate(invalid="ignore"):
            found |= (group.z >= low - slack) & (group.z <= high + slack)
    return found


def _level(value: float | str | None, open_end: float) -> float:
    if value is None:
        return open_end
    try:
        return float(value)
    except ValueError:
        raise Invalid("z", f"{value} is no number", "give numbers in the units of the levels") from None


def _pages(observations: Observations, found: Sequence[Array], query: Query) -> list[tuple[Group, Array]]:
    """The rows of the page, group after group; sorted over all groups where an order is asked."""
    groups = observations.groups
    if query.sort and len(groups) == 1:
        found = [ordered(found[0], query.sort, lambda n: column(observations, groups[0], n))]
    elif query.sort:
        return _sorted_pages(observations, found, query)
    starts = np.concatenate([[0], np.cumsum([len(r) for r in found])])
    whole = np.arange(starts[-1])
    page = paged(whole, query.page)
    ends = (page[0], page[-1] + 1) if len(page) else (0, 0)
    cut = [r[max(ends[0] - s, 0) : max(ends[1] - s, 0)] for r, s in zip(found, starts, strict=False)]
    return [(g, r) for g, r in zip(groups, cut, strict=True) if len(r)]


def _sorted_pages(observations: Observations, found: Sequence[Array], query: Query) -> list[tuple[Group, Array]]:
    """Runs of rows of one group each, in an order over all groups."""
    groups = observations.groups
    of = np.repeat(np.arange(len(groups)), [len(r) for r in found])
    rows = np.concatenate(found)

    def joined(name: str) -> pa.ChunkedArray | None:
        parts = [column(observations, g, name) for g in groups]
        if any(p is None for p in parts):
            return None
        taken = [p.take(pa.array(r)) for p, r in zip(parts, found, strict=True)]  # type: ignore[union-attr]
        types = {p.type for p in taken}
        wide = types.pop() if len(types) == 1 else pa.float64()
        return pa.chunked_array([c for p in taken for c in p.cast(wide).chunks], wide)

    order = paged(ordered(np.arange(len(rows)), query.sort, joined), query.page)
    cuts = [0, *(np.flatnonzero(np.diff(of[order]) != 0) + 1).tolist(), len(order)]
    runs = [order[a:b] for a, b in pairwise(cuts) if b > a]
    return [(groups[of[run[0]]], rows[run]) for run in runs]


def _batch(observations: Observations, group: Group, rows: Array, schema: pa.Schema, out: Any) -> pa.RecordBatch:
    index = pa.array(rows)
    arrays = []
    for field in schema:
        if field.name == "geometry":
            x, y = transform(group.x[rows], group.y[rows], crs_of(CRS84), out)
            arrays.append(point_wkb(x, y))
            continue
        found = column(observations, group, field.name)
        taken = pa.nulls(len(rows), field.type) if found is None else found.take(index).combine_chunks()
        arrays.append(taken if taken.type == field.type else taken.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


# --- locations -------------------------------------------------------------------------------------------------------


def locations(observations: Observations, query: Query) -> Table:
    """One row a platform: id, name, interval of times, its parameters, what else is known, and where it is."""
    table = _platforms(observations)
    wanted = _of_locations(observations, table, query)
    rows = paged(wanted, query.page)
    out = crs_of(crs_out(query))
    names = [n for n in table.column_names if query.geometry or n != "geometry"]
    schema = table.select(names).schema

    def made(index: Array) -> pa.RecordBatch:
        taken = table.select(names).take(pa.array(index)).combine_chunks()
        if query.geometry and query.crs_out is not None:
            moved = reprojected(taken["geometry"].combine_chunks(), crs_of(CRS84), out)
            taken = taken.set_column(names.index("geometry"), "geometry", moved)
        return taken.cast(schema).to_batches()[0]

    return Table(
        observations.dataset, schema, in_batches(rows, made), geometry="geometry" if query.geometry else None,
        crs=uri(out), matched=len(wanted), offset=query.page.offset,
        limit=query.page.limit, parameters=observations.parameters, locations=True,
    )  # fmt: skip


def reprojected(wkb: pa.Array, source: Any, target: Any) -> pa.Array:
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


@lru_cache(maxsize=64)
def _platforms_of(observations: "_ByIdentity") -> pa.Table:
    o = observations.value
    spans = [_span(o, p) for p in range(len(o.ids))]
    rows = [_rows_of(o, p) for p in range(len(o.ids))]
    columns: dict[str, pa.Array] = {
        "id": pa.array(o.ids, pa.string()),
        "name": pa.array(o.names, pa.string()),
        "datetime": pa.array([_interval(s) for s in spans], pa.string()),
        "start": pa.array([s[0] for s in spans], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        "end": pa.array([s[1] for s in spans], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        "count": pa.array([sum(b - a for _, a, b in r) for r in rows], pa.int64()),
        "parameter-name": pa.array([_parameters(r) for r in rows], pa.list_(pa.string())),
    }
    for key in dict.fromkeys(k for a in o.attributes for k in a):
        if key not in columns and key != "geometry":
            columns[key] = _attribute([a.get(key) for a in o.attributes])
    shapes = [_shape(o, p, r) for p, r in enumerate(rows)]
    columns["geometry"] = pa.array([None if s is None else shapely.to_wkb(s) for s in shapes], pa.binary())
    return pa.table(columns)


class _ByIdentity:
    """An object as a key of a cache, by identity."""

    def __init__(self, value: Observations) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.value is self.value


def _platforms(observations: Observations) -> pa.Table:
    return _platforms_of(_ByIdentity(observations))


def _attribute(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _rows_of(o: Observations, p: int) -> list[tuple[Group, int, int]]:
    return [(g, int(g.starts[p]), int(g.starts[p + 1])) for g in o.groups if g.starts[p + 1] > g.starts[p]]


def _span(o: Observations, p: int) -> tuple[int | None, int | None]:
    """First and last time of a platform."""
    found = [t for g, a, b in _rows_of(o, p) if len(t := g.t[a:b][g.t[a:b] != times.MISSING])]
    return (min(int(t.min()) for t in found), max(int(t.max()) for t in found)) if found else (None, None)


def _interval(span: tuple[int | None, int | None]) -> str | None:
    if span[0] is None or span[1] is None:
        return None
    return f"{times.text(span[0], 'standard')}/{times.text(span[1], 'standard')}"


def _parameters(rows: Sequence[tuple[Group, int, int]]) -> list[str]:
    """Parameters of which a platform has any value."""
    return [
        n for g, a, b in rows for n in g.values.column_names
        if g.values[n].null_count == 0 or g.values[n].slice(a, b - a).null_count < b - a
    ]  # fmt: skip


def _shape(o: Observations, p: int, rows: Sequence[tuple[Group, int, int]]) -> Any:
    """Where a platform is: a point, or the line or points of its samples, thinned out."""
    x, y = (c[p] for c in o.places)
    if np.isfinite(x) and np.isfinite(y):
        return shapely.Point(x, y)
    moving = [r for r in rows if not r[0].still[p]]
    if not moving:
        return None
    group, a, b = min(moving, key=lambda r: r[2] - r[1])
    xy = np.column_stack([group.x[a:b], group.y[a:b]])
    xy = xy[np.isfinite(xy).all(axis=1)]
    xy = xy[np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))] if len(xy) else xy
    xy = xy[np.unique(np.linspace(0, len(xy) - 1, min(len(xy), _VERTICES)).astype(int))] if len(xy) else xy
    if not len(xy):
        return None
    if group.feature_type in ("point", "profile") or len(xy) == 1:
        return shapely.MultiPoint(xy) if len(xy) > 1 else shapely.Point(xy[0])
    cuts = np.flatnonzero(np.abs(np.diff(xy[:, 0])) > 180) + 1
    pieces = [shapely.LineString(s) if len(s) > 1 else None for s in np.split(xy, cuts)]
    lines = [s for s in pieces if s is not None]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines) if lines else shapely.MultiPoint(xy)


def _of_locations(o: Observations, table: pa.Table, query: Query) -> Array:
    """Platforms that are where and when it was asked, and have any of the parameters asked."""
    keep = np.ones(len(o.ids), bool)
    if query.parameters is not None:
        _checked(o, query.parameters)
        there = table["parameter-name"].to_pylist()
        keep &= np.array([not set(query.parameters).isdisjoint(names) for names in there], bool)
    if query.ids is not None:
        keep &= np.isin(np.array(o.ids, object), list(query.ids))
    if not isinstance(query.where, Everywhere) or query.when is not None:
        keep &= _anywhere(o, query)
    return np.flatnonzero(keep)


def _anywhere(o: Observations, query: Query) -> Array:
    """Whether each platform has a sample in the place and time asked."""
    found = np.zeros(len(o.ids), bool)
    native = crs_of(CRS84)
    for g in o.groups:
        inside = points_inside(query.where, g.x, g.y, native, crs_in(query, native))
        rows = every([in_time(query.when, g.t), inside], len(g))
        found[g.platform[rows]] = True
    return found


def _checked(o: Observations, parameters: Sequence[str]) -> None:
    for name in parameters:
        if name not in o.parameters:
            raise Invalid("parameter-name", f"{name} is not there", f"give of {', '.join(sorted(o.parameters))}")
