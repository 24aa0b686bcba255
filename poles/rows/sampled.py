"""Samples as rows of a store, and the rows of a question back as samples."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poles import times
from poles.crs import crs as crs_of
from poles.crs import transform
from poles.dataset import BBox, Dataset, Facts
from poles.errors import NotFound, TooLarge
from poles.query import CRS84, At, AtLocation, Box, Everywhere, Query, Within
from poles.rows.arranged import answered, columns_of, stored
from poles.rows.platforms import platforms
from poles.rows.samples import Group, Observations
from poles.rows.sampling import Vertical
from poles.rows.tables import as_milliseconds, points_inside
from poles.stored import Array
from poles.stores import Store
from poles.stores.dialect import Values, quoted
from poles.stores.layout import Column, Contents, Layout
from poles.stores.places import in_crs
from poles.stores.statement import place, selection

_PLATFORM, _GROUP, _PROFILE, _T, _Z = "_platform", "_group", "_profile", "_t", "_z"
_RANGES = 200
"""Runs of rows up to which platforms are asked by their rows; beyond, by their numbers."""
_BOXES = 50
"""Boxes up to which samples are asked by each; beyond, by those that hold several."""
_REACH = 0.0101
"""Degrees around a point within which a moving platform may answer a position: a little over `series.NEAR`."""


# --- as they are stored ----------------------------------------------------------------------------------------------


def contents(o: Observations, facts: Facts) -> Contents:
    """The samples as a store takes them: group after group, each platform's rows together."""
    types_ = properties(o)
    fields = pa.schema(list(types_.items()))
    columns = columns_of(fields)
    x, y = (np.concatenate([getattr(g, n) for g in o.groups]) for n in ("x", "y"))
    known = np.isfinite(x) & np.isfinite(y)
    rows = {
        "_row": pa.array(np.arange(len(x))),
        "id": pa.concat_arrays([pa.array(g.ids) for g in o.groups]),
        **{c.stored: stored(_whole(o, c.name, types_[c.name])) for c in columns},
        _GROUP: pa.array(np.repeat(np.arange(len(o.groups), dtype=np.int16), [len(g) for g in o.groups])),
        _PLATFORM: pa.array(np.concatenate([g.platform for g in o.groups]).astype(np.int32)),
        _PROFILE: _joined([g.profile for g in o.groups], [len(g) for g in o.groups], pa.int64()),
        _T: pa.concat_arrays([_stamps(g.t) for g in o.groups]).cast(pa.timestamp("ms")),
        _Z: _joined([g.z for g in o.groups], [len(g) for g in o.groups], pa.float64()),
        Layout.x: pa.array(x, mask=~known),
        Layout.y: pa.array(y, mask=~known),
    }
    bounds = _bounds(x[known], y[known])
    layout = Layout(columns, answered(fields), len(x), o.crs, bounds, True, times=(_T,), z=_Z)
    return Contents(facts, layout, pa.table(rows), _platforms(o), {"groups": [_about(g) for g in o.groups]} | _told(o))


def _bounds(x: Array, y: Array) -> BBox | None:
    return (float(x.min()), float(y.min()), float(x.max()), float(y.max())) if len(x) else None


def _told(o: Observations) -> dict[str, Any]:
    return {"feature_type": o.feature_type, "mended": list(o.mended)}


def _about(g: Group) -> dict[str, Any]:
    """How the samples of a group are to be read."""
    v = g.vertical
    return {
        "feature_type": g.feature_type,
        "vertical": None if v is None else [v.key, v.unit, v.label, v.standard_name, v.positive],
        "profile": g.profile is not None,
        "level": g.z is not None,
        "values": g.values.schema.serialize().to_pybytes().hex(),
        "lacking": [n for n in g.values.column_names if g.values[n].null_count],
        "properties": [*g.values.column_names, *g.extras.column_names],
    }


def _platforms(o: Observations) -> pa.Table:
    """The locations, and beside them where each platform stands and which rows are its own."""
    table = platforms(o)
    for name, values in zip(("_x", "_y"), o.places, strict=True):
        table = table.append_column(name, pa.array(values, pa.float64()))
    first = 0
    for number, g in enumerate(o.groups):
        table = table.append_column(f"_still_{number}", pa.array(g.still, pa.bool_()))
        table = table.append_column(f"_from_{number}", pa.array(g.starts[:-1] + first, pa.int64()))
        table = table.append_column(f"_to_{number}", pa.array(g.starts[1:] + first, pa.int64()))
        first += len(g)
    return table


def _joined(parts: Sequence[Array | None], lengths: Sequence[int], kind: pa.DataType) -> pa.Array:
    """Arrays of groups one below the other, null where a group has none or a value is missing."""
    pieces = [
        pa.nulls(n, kind) if p is None else pa.array(p, kind, from_pandas=True)
        for p, n in zip(parts, lengths, strict=True)
    ]
    return pa.concat_arrays(pieces)


def _stamps(t: Array) -> pa.Array:
    return pa.array(t, mask=t == times.MISSING).cast(pa.timestamp("ms", "UTC"))


def properties(o: Observations) -> dict[str, pa.DataType]:
    """The properties of items and their types; a parameter that is called `platform` or `time` takes that place."""
    told: dict[str, pa.DataType] = {}
    for g in o.groups:
        for field in (*g.values.schema, *g.extras.schema):
            known = told.get(field.name, field.type)
            told[field.name] = known if known == field.type else _wider(known, field.type)
    fields: dict[str, pa.DataType] = {"platform": pa.string(), "time": pa.timestamp("ms", "UTC")}
    fields |= {g.vertical.key: pa.float64() for g in o.groups if g.vertical is not None}
    fields |= told
    return {n: t for n, t in fields.items() if n not in ("id", "geometry")}


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """A type that holds the values of two."""
    numeric = all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in (one, other))
    return pa.float64() if numeric else pa.string()


def _whole(o: Observations, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """A property of all samples, null where a group has none of it."""
    pieces = [_of_group(o, g, name) for g in o.groups]
    filled = [pa.nulls(len(g), kind) if p is None else p.cast(kind) for p, g in zip(pieces, o.groups, strict=True)]
    return pa.chunked_array([c for p in filled for c in (p.chunks if isinstance(p, pa.ChunkedArray) else [p])], kind)


def _of_group(o: Observations, group: Group, name: str) -> pa.ChunkedArray | pa.Array | None:
    for table in (group.values, group.extras):
        if name in table.column_names:
            return table[name]
    if name == "platform":
        return pc.take(pa.array(list(o.ids), pa.string()), pa.array(group.platform))
    if name == "time":
        return _stamps(group.t)
    if group.vertical is not None and name == group.vertical.key and group.z is not None:
        return pa.array(group.z, from_pandas=True)
    return None


# --- samples again ---------------------------------------------------------------------------------------------------


class Index:
    """The platforms of a store and the rows of each, kept with it: what is known before a sample is read."""

    def __init__(self, store: Store) -> None:
        about = store.about
        assert about is not None
        self.store, self.groups = store, [_Shape(told) for told in about["groups"]]
        self.feature_type, self.mended = about["feature_type"], tuple(about["mended"])
        self._known: dict[str, Array] = {}

    @cached_property
    def table(self) -> pa.Table:
        """A row a platform."""
        return self.store.platforms()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Of the platforms, in stored order."""
        return tuple(self.table["id"].to_pylist())

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Where each id stands."""
        return {name: i for i, name in enumerate(self.ids)}

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Longitude and latitude of each platform that stands still; NaN for one that moves."""
        return self._numbers("_x"), self._numbers("_y")

    def still(self, group: int) -> Array:
        """Whether each platform stands at one place, in one group."""
        return self._numbers(f"_still_{group}").astype(bool)

    def rows(self, group: int) -> tuple[Array, Array]:
        """First row of each platform in one group, and the one after its last."""
        return self._numbers(f"_from_{group}"), self._numbers(f"_to_{group}")

    def _numbers(self, name: str) -> Array:
        if name not in self._known:
            self._known[name] = self.table[name].to_numpy(zero_copy_only=False)
        return self._known[name]


class _Shape:
    """How the samples of one group are made again."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.feature_type = told["feature_type"]
        self.vertical = None if told["vertical"] is None else Vertical(*told["vertical"])
        self.profile, self.level = told["profile"], told["level"]
        self.values = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(told["values"])))
        self.lacking = frozenset(told["lacking"])
        self.properties = frozenset(told["properties"])


def fetched(index: Index, dataset: Dataset, query: Query) -> Observations:
    """All samples that can answer a question of EDR, and perhaps some more; groups without any are empty.

    Raises NotFound for an unknown location, TooLarge for more samples than any answer may hold.
    """
    described = {p.key: dataset.parameter(p.key) or p for p in index.store.facts.parameters}
    wanted = set(described) if query.parameters is None else set(query.parameters)
    columns = [c for c in index.store.layout.columns if c.name in wanted]
    batches = list(_read(index, dataset, query, columns))
    groups = tuple(_group(index, number, batches, columns) for number in range(len(index.groups)))
    return Observations(
        dataset, index.store.version, index.feature_type, groups, index.ids, tuple(index.table["name"].to_pylist()),
        (), described, places=index.places, mended=index.mended,
    )  # fmt: skip


def _read(index: Index, dataset: Dataset, query: Query, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The samples of the platforms and places asked, by group and platform."""
    store, values = index.store, Values()
    standing = _standing(index, query)
    moving = [n for n in range(len(index.groups)) if not index.still(n).all()]
    conditions = [*_runs(index, standing, values), *_moving(index, query, moving, standing, values)]
    if not conditions:
        return
    # A position is answered by the nearest sample of all times: only then may other times be left unread.
    timed = Query() if moving and isinstance(query.where, At) else Query(when=query.when, levels=query.levels)
    names = [_GROUP, _PLATFORM, _PROFILE, _T, _Z, Layout.x, Layout.y, *(c.stored for c in columns)]
    found = [" OR ".join(f"({c})" for c in conditions)]
    _admitted(index, dataset, timed, found, values, max(len(columns), 1))
    yield from store.batches(selection(store.layout, store.dialect, timed, names, found, values))


def _admitted(
    index: Index, dataset: Dataset, query: Query, conditions: Sequence[str], values: Values, columns: int
) -> None:
    """Refuses what no format may answer, before a value is read."""
    store, allowed = index.store, dataset.limits.values * 20
    if (store.layout.count or 0) * columns <= allowed:
        return
    counting = Values(list(values.bound))
    row = store.first(selection(store.layout, store.dialect, query, (), conditions, counting, counted=True))
    asked = int(row[0]) * columns if row is not None else 0
    if asked > allowed:
        remedy = "ask a smaller area, fewer times, levels or parameters"
        raise TooLarge("values", f"{asked} values asked, {allowed} allowed", remedy)


def _standing(index: Index, query: Query) -> Array:
    """Numbers of the platforms that stand at a place where they can answer, or are asked by name."""
    x, y = index.places
    match query.where:
        case AtLocation(ids):
            unknown = next((i for i in ids if i not in index.numbers), None)
            if unknown is not None:
                raise NotFound("locationId", f"{unknown} is not there", "take an id from the locations")
            return np.array([index.numbers[i] for i in ids], np.int64)
        case At(points):
            lonlat = crs_of(CRS84)
            places = [transform(*p, in_crs(query.crs, lonlat), lonlat) for p in points]
            with np.errstate(invalid="ignore"):
                near = [_close(x, y, float(lon), float(lat)) for lon, lat in places]
            return np.flatnonzero(np.logical_or.reduce(near))
        case _:
            lonlat = crs_of(CRS84)
            inside = points_inside(query.where, x, y, lonlat, in_crs(query.crs, lonlat))
            return np.flatnonzero(np.isfinite(x) if inside is None else inside)


def _close(x: Array, y: Array, lon: float, lat: float) -> Array:
    across = np.abs((x - lon + 180) % 360 - 180) * np.cos(np.radians(lat))
    return np.asarray((across <= _REACH) & (np.abs(y - lat) <= _REACH))


def _runs(index: Index, platforms: Array, values: Values) -> Iterator[str]:
    """The rows of platforms, by their numbers: those of one follow each other."""
    spans = []
    for number in range(len(index.groups)):
        first, after = index.rows(number)
        spans += [(int(first[p]), int(after[p])) for p in platforms if after[p] > first[p]]
    row = quoted(index.store.layout.row or "")
    runs = _merged(sorted(spans))
    if len(runs) > _RANGES:
        yield f"{quoted(_PLATFORM)} = ANY({values(platforms.tolist())})"
        return
    for first_row, last in runs:
        yield f"{row} >= {values(first_row)} AND {row} < {values(last)}"


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs that touch made one."""
    found: list[tuple[int, int]] = []
    for first, after in spans:
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(after, found[-1][1])
        else:
            found.append((first, after))
    return found


def _moving(index: Index, query: Query, groups: Sequence[int], standing: Array, values: Values) -> Iterator[str]:
    """Samples of platforms that move, by where each sample is."""
    if not groups or isinstance(query.where, AtLocation):
        return
    among = f"{quoted(_GROUP)} = ANY({values(list(groups))})"
    match query.where:
        case Everywhere():
            yield among
        case At(points):
            for box in _few(_reached(points, query.crs), index.store.layout.bounds):
                yield f"{among} AND {_box(*box, values)}"
        case Box() | Within():
            placed = place(index.store.layout, index.store.dialect, query, values)
            yield among if placed is None else f"{among} AND ({placed})"


def _reached(points: Sequence[tuple[float, float]], crs: str) -> Iterator[BBox]:
    """Boxes about points, wherever samples have their longitudes."""
    lonlat = crs_of(CRS84)
    for point in points:
        lon, lat = (float(c) for c in transform(*point, in_crs(crs, lonlat), lonlat))
        for west, east in _around(lon, lat):
            yield west, lat - _REACH, east, lat + _REACH


def _few(boxes: Iterator[BBox], bounds: BBox | None) -> Iterator[BBox]:
    """The boxes that rows can lie in; of more than an engine is asked at once, neighbours are one."""
    if bounds is None:
        return
    west, south, east, north = bounds
    there = np.array(sorted(b for b in boxes if b[0] <= east and b[2] >= west and b[1] <= north and b[3] >= south))
    for part in np.array_split(there, min(len(there), _BOXES)) if len(there) else ():
        (x0, y0), (x1, y1) = part[:, :2].min(axis=0), part[:, 2:].max(axis=0)
        yield float(x0), float(y0), float(x1), float(y1)


def _around(lon: float, lat: float) -> Iterator[tuple[float, float]]:
    """Runs of longitudes about a point in [-180, 180], all of them near a pole."""
    wide = _REACH / max(float(np.cos(np.radians(lat))), 1e-9)
    if wide >= 180:
        yield -180.0, 180.0
        return
    middle = (lon + 180) % 360 - 180
    yield from ((middle + turn - wide, middle + turn + wide) for turn in (-360.0, 0.0, 360.0))


def _box(west: float, south: float, east: float, north: float, values: Values) -> str:
    x, y = quoted(Layout.x), quoted(Layout.y)
    return f"{x} BETWEEN {values(west)} AND {values(east)} AND {y} BETWEEN {values(south)} AND {values(north)}"


def _group(index: Index, number: int, batches: Sequence[pa.RecordBatch], columns: Sequence[Column]) -> Group:
    """The samples of one group among those read."""
    shape = index.groups[number]
    own = [b.filter(pc.equal(b[_GROUP], number)) for b in batches]
    table = pa.Table.from_batches([b for b in own if b.num_rows]) if any(b.num_rows for b in own) else None

    def array(name: str, missing: Any, dtype: Any) -> Array:
        if table is None:
            return np.empty(0, dtype)
        found = table[name].combine_chunks()
        return np.asarray(pc.fill_null(found, missing) if found.null_count else found).astype(dtype, copy=False)

    t = np.empty(0, np.int64) if table is None else as_milliseconds(table[_T])
    rows = 0 if table is None else table.num_rows
    values = _values(shape, table, [c for c in columns if c.name in shape.values.names])
    return Group(
        shape.feature_type, t, array(Layout.x, np.nan, np.float64), array(Layout.y, np.nan, np.float64),
        array(_Z, np.nan, np.float64) if shape.level else None, array(_PLATFORM, 0, np.int32),
        array(_PROFILE, 0, np.int64) if shape.profile else None, values, pa.table({"": pa.nulls(rows)}).select([]),
        index.still(number), shape.vertical, lacking=shape.lacking,
    )  # fmt: skip


def _values(shape: _Shape, table: pa.Table | None, columns: Sequence[Column]) -> pa.Table:
    """The parameters of a group in their own types."""
    fields = [shape.values.field(c.name) for c in columns]
    if not fields:
        return pa.table({"": pa.nulls(0 if table is None else table.num_rows)}).select([])
    read = [
        pa.chunked_array([], f.type) if table is None else table[c.stored].cast(f.type)
        for c, f in zip(columns, fields, strict=True)
    ]
    return pa.table(read, pa.schema(fields))
