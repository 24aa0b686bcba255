"""Features: vector rows with an id and a geometry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS
from shapely.errors import ShapelyError

from poles import times
from poles.crs import crs as crs_of
from poles.crs import in_degrees, is_lonlat, transform, uri
from poles.dataset import BBox, Dataset, Described, Facts
from poles.errors import Unreadable
from poles.parts import Part
from poles.query import CRS84
from poles.rows.arranged import answered, columns_of, is_sound, neighbours, placed, stored
from poles.rows.items import reprojected
from poles.rows.sampling import normal
from poles.rows.tables import (
    as_milliseconds,
    bbox_of,
    point_wkb,
)
from poles.sources.rows import open_rows
from poles.sources.table import WHERE, Rows
from poles.sources.vector import free, times_of
from poles.stored import Array
from poles.stores.layout import Contents, Layout


@dataclass(frozen=True)
class Features:
    """All features of a data set, in stored order."""

    dataset: Dataset
    table: pa.Table
    """`id` (text, unique), the properties, `geometry` (WKB in `crs`, null where there is none)."""
    crs: str
    times: tuple[str, ...]
    """The property that holds the time, or the two that hold begin and end."""
    parameters: dict[str, Described]
    mended: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def shapes(self) -> Array:
        """The geometries, None where there is none. Raises Unreadable where one is damaged."""
        wkb = self.table["geometry"].combine_chunks()
        try:
            return np.asarray(shapely.from_wkb(np.asarray(wkb.to_numpy(zero_copy_only=False), object)))
        except (ShapelyError, pa.ArrowException) as error:
            found = f"a geometry is damaged ({str(error).strip()[:80]})"
            raise Unreadable(self.dataset.id, found, "mend or convert the file") from error

    @cached_property
    def span(self) -> tuple[Array, Array] | None:
        """Begin and end of each feature in milliseconds; None where features have no time."""
        if not self.times:
            return None
        start = as_milliseconds(self.table[self.times[0]])
        if len(self.times) == 1:
            return start, self._last_of_day(start)
        return start, as_milliseconds(self.table[self.times[1]])

    def _last_of_day(self, start: Array) -> Array:
        """A date is its whole day."""
        day = pa.types.is_date(self.table.schema.field(self.times[0]).type)
        return np.where(start == times.MISSING, start, start + times.DAY - 1) if day else start

    @cached_property
    def bbox(self) -> BBox | None:
        """In CRS84."""
        parts = shapely.get_parts(self.shapes[~shapely.is_missing(self.shapes)])
        parts = parts[~shapely.is_empty(parts)]
        if not len(parts):
            return None
        return bbox_of(*_in_lonlat(parts, crs_of(self.crs)))

    @cached_property
    def interval(self) -> tuple[str | None, str | None] | None:
        """RFC 3339; None where there is no time."""
        if self.span is None:
            return None
        known = [t[t != times.MISSING] for t in self.span]
        if not any(len(t) for t in known):
            return None
        ends = min(int(t.min()) for t in known if len(t)), max(int(t.max()) for t in known if len(t))
        return times.text(ends[0], times.ISO), times.text(ends[1], times.ISO)

    @cached_property
    def geometry_type(self) -> str | None:
        """The one type of all geometries; `Multi` of it where both are there; None where they are mixed."""
        ids = np.unique(shapely.get_type_id(self.shapes))
        names = {_TYPES[i] for i in ids.tolist() if i >= 0}
        if len({n.removeprefix("Multi") for n in names}) != 1:
            return None
        return max(names, key=len)


_TYPES = (
    "Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip
"""Names of the geometry types by their number in GEOS."""


def _in_lonlat(parts: Array, native: CRS) -> tuple[Array, Array, Array, Array]:
    """The box of each geometry in CRS84, by its vertices: west in [-180, 180), east not below it."""
    if is_lonlat(native):
        west, south, east, north = shapely.bounds(parts).T
    else:
        xy, of = shapely.get_coordinates(parts, return_index=True)
        starts = np.flatnonzero(np.append(True, np.diff(of) > 0))
        lon, lat = transform(xy[:, 0], xy[:, 1], native, crs_of(CRS84))
        first = lon[starts][of]
        lon = first + (lon - first + 180) % 360 - 180
        west, east = np.minimum.reduceat(lon, starts), np.maximum.reduceat(lon, starts)
        south, north = np.minimum.reduceat(lat, starts), np.maximum.reduceat(lat, starts)
    inside = normal(west)
    return inside, south, np.where(west == inside, east, np.round(inside + (east - west), 9)), north


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all files, which may lack properties and have numbers of several types. Raises Unreadable."""
    try:
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    except pa.ArrowTypeError as error:
        kinds: dict[str, set[str]] = {}
        for field in (f for t in tables for f in t.schema):
            kinds.setdefault(field.name, set()).add(str(field.type))
        several = ", ".join(f"{name} ({' and '.join(sorted(k))})" for name, k in kinds.items() if len(k) > 1)
        raise Unreadable(
            "source", f"the files tell a property in types that do not go together: {several}", "publish them apart"
        ) from error


def read(dataset: Dataset, members: Sequence[Part]) -> Features:
    """All features of the parts of a data set. Raises Unreadable."""
    opened = [(Path(part.href).stem, open_rows(part.href, dataset)) for part in members]
    opened = [(stem, _unlike_ours(rows if rows.geometry is not None else _with_points(rows))) for stem, rows in opened]
    crs = opened[0][1].crs
    tables = [_identified(rows if rows.crs == crs else _recast(rows, crs)) for _, rows in opened]
    ids = [t["id"].to_pylist() for t in tables]
    if len({i for own in ids for i in own}) < sum(len(own) for own in ids):
        tables = [_prefixed(t, stem) for t, (stem, _) in zip(tables, opened, strict=True)]
    table = _together(tables)
    described = {n: d for _, rows in opened for n, d in rows.described.items() if n in table.column_names}
    return Features(
        dataset,
        table,
        crs,
        times_of(table, dict(dataset.names).get("time")),
        {n: described[n] for n in table.column_names if n in described and n != "id"},
        tuple(dict.fromkeys(m for _, rows in opened for m in rows.mended)),
    )


def _with_points(rows: Rows) -> Rows:
    """Rows with coordinates in columns as points."""
    if "x" not in rows.roles or "y" not in rows.roles:
        raise Unreadable("columns", "there is no longitude and latitude", WHERE)
    x, y = (
        np.asarray(rows.table[rows.roles[r]].cast(pa.float64()).fill_null(np.nan).combine_chunks()) for r in ("x", "y")
    )
    x = normal(x) if in_degrees(crs_of(rows.crs)) else x
    points = point_wkb(x, y)
    table = rows.table.drop_columns([rows.roles["x"], rows.roles["y"]])
    name = free("wkb_geometry", table.column_names)
    return replace(rows, table=table.append_column(name, points), geometry=name, crs=uri(crs_of(rows.crs)))


def _recast(rows: Rows, crs: str) -> Rows:
    """The same rows with their geometries in another CRS."""
    assert rows.geometry is not None
    moved = reprojected(rows.table[rows.geometry].combine_chunks(), crs_of(rows.crs), crs_of(crs))
    at = rows.table.column_names.index(rows.geometry)
    return replace(rows, table=rows.table.set_column(at, rows.geometry, moved), crs=crs)


def _unlike_ours(rows: Rows) -> Rows:
    """Properties called `id` or `geometry` under other names, for these are ours; an `id` without any value is none."""
    own, names = (rows.roles.get("id"), rows.geometry), rows.table.column_names
    ours = [n for n in ("id", "geometry") if n in names and n not in own]
    if not ours:
        return rows
    empty = [n for n in ours if n == "id" and rows.table[n].null_count == len(rows.table)]
    new = {n: free(n + "_", names) for n in ours}
    table = rows.table.rename_columns([new.get(n, n) for n in names]).drop_columns([new[n] for n in empty])
    described = {new.get(n, n): replace(d, key=new.get(n, n)) for n, d in rows.described.items() if n not in empty}
    return replace(rows, table=table, described=described)


def _identified(rows: Rows) -> pa.Table:
    """`id`, the properties, `geometry`: the source's own ids where each row has one, else its row numbers."""
    assert rows.geometry is not None
    own = rows.roles.get("id")
    fids = rows.attrs.get("fids") or [str(i) for i in range(len(rows.table))]
    ids = rows.table[own].cast(pa.string()).combine_chunks() if own is not None else pa.array(fids, pa.string())
    fields, columns = [pa.field("id", pa.string())], [ids]
    for field, column in zip(rows.table.schema, rows.table.columns, strict=True):
        if field.name not in (own, rows.geometry):
            fields.append(field)
            columns.append(column)
    fields.append(pa.field("geometry", pa.binary()))
    columns.append(rows.table[rows.geometry].cast(pa.binary()))
    return pa.table(columns, schema=pa.schema(fields))


def _prefixed(table: pa.Table, stem: str) -> pa.Table:
    """Ids that two files share, told apart by the names of the files."""
    return table.set_column(0, "id", pc.binary_join_element_wise(pa.scalar(stem), table["id"], "-"))


# --- as they are stored ----------------------------------------------------------------------------------------------


def contents(dataset: Dataset, members: Sequence[Part]) -> Contents:
    """The features as a store takes them. Raises Unreadable."""
    found = read(dataset, members)
    order = neighbours(shapely.bounds(found.shapes))
    table = found.table if order is None else found.table.take(pa.array(order))
    shapes = found.shapes if order is None else found.shapes[order]
    schema = pa.schema([f for f in table.schema if f.name not in ("id", "geometry")])
    columns = columns_of(schema)
    wkb = table["geometry"].combine_chunks()
    geometry, bounds, points = placed(wkb, shapes)
    rows = {
        "_row": pa.array(np.arange(len(table))),
        "id": table["id"].combine_chunks(),
        **{c.stored: stored(table[c.name]) for c in columns},
        **geometry,
    }
    names = {c.name: c for c in columns}
    layout = Layout(
        columns, answered(schema), len(table), found.crs, bounds, points, sound=points or is_sound(shapes),
        times=tuple(names[n].stored for n in found.times if n in names),
        whole_days=bool(found.times) and found.times[-1] in names and names[found.times[-1]].type == "date",
    )  # fmt: skip
    return Contents(_facts(found), layout, pa.table(rows))


def _facts(found: Features) -> Facts:
    """What metadata tell of the data set: kind, extents, properties, count."""
    return Facts(
        version="",
        kind="features",
        parameters=tuple(found.parameters.values()),
        bbox=found.bbox,
        interval=found.interval,
        crs=found.crs,
        feature_type=found.geometry_type,
        count=len(found),
        times=found.times,
        mended=found.mended,
    )
