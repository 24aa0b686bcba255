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
from shapely.geometry.base import BaseGeometry

from poles import times
from poles.coverage import Table
from poles.crs import crs as crs_of
from poles.crs import in_degrees, is_lonlat, transform, uri
from poles.dataset import BBox, Dataset, Described, Facts
from poles.errors import Invalid, NotFound, Unreadable
from poles.parts import Part
from poles.query import CRS84, Box, Everywhere, Query, Where, Within
from poles.rows.items import moved, reprojected
from poles.rows.kept import Kept
from poles.rows.sampling import normal
from poles.rows.tables import (
    as_milliseconds,
    bbox_of,
    crs_in,
    every,
    in_batches,
    in_time,
    matching,
    ordered,
    paged,
    point_wkb,
)
from poles.sources.rows import open_rows
from poles.sources.table import WHERE, Rows
from poles.sources.vector import times_of
from poles.stored import Array


@dataclass(frozen=True)
class Features:
    """All features of a data set, in stored order."""

    dataset: Dataset
    version: str
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
    def _trees(self) -> dict[CRS, shapely.STRtree]:
        return {}

    def tree_in(self, crs: CRS) -> shapely.STRtree:
        """The index of the geometries in a CRS, longitudes running on."""
        if crs not in self._trees:
            self._trees[crs] = shapely.STRtree(_seen_in(self.shapes, crs_of(self.crs), crs))
        return self._trees[crs]

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
        return times.text(ends[0], "standard"), times.text(ends[1], "standard")

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


def _seen_in(shapes: Array, native: CRS, asked: CRS) -> Array:
    """Geometries in a CRS; None for those that it cannot hold."""
    if native == asked or (is_lonlat(native) and is_lonlat(asked)):
        return shapes
    found = shapely.force_2d(moved(shapes, native, asked))
    xy, of = shapely.get_coordinates(found, return_index=True)
    if in_degrees(asked) and len(xy):
        starts = np.flatnonzero(np.append(True, np.diff(of) > 0))
        first = np.repeat(xy[starts, 0], np.diff(np.append(starts, len(of))))
        xy[:, 0] = first + (xy[:, 0] - first + 180) % 360 - 180
        shapely.set_coordinates(found, xy)
    lost = np.unique(of[~np.isfinite(xy).all(axis=1)])
    found[lost] = None
    return found


def features(dataset: Dataset) -> Features:
    """The features of the data set, kept until its source changes. Raises Unreadable."""
    return _kept.of(dataset)


def _made(dataset: Dataset, members: Sequence[Part]) -> Features:
    read = [(Path(part.href).stem, open_rows(part.href, dataset)) for part in members]
    read = [(stem, rows if rows.geometry is not None else _with_points(rows)) for stem, rows in read]
    crs = read[0][1].crs
    tables = [_identified(rows if rows.crs == crs else _recast(rows, crs)) for _, rows in read]
    ids = [t["id"].to_pylist() for t in tables]
    if len({i for own in ids for i in own}) < sum(len(own) for own in ids):
        tables = [_prefixed(t, stem) for t, (stem, _) in zip(tables, read, strict=True)]
    table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    described = {n: d for _, rows in read for n, d in rows.described.items() if n in table.column_names}
    return Features(
        dataset,
        "\n".join(f"{p.href} {p.version}" for p in members),
        table,
        crs,
        times_of(table, dict(dataset.names).get("time")),
        {n: dataset.parameter(n) or described[n] for n in table.column_names if n in described and n != "id"},
        tuple(dict.fromkeys(m for _, rows in read for m in rows.mended)),
    )


def _viewed(known: Features, dataset: Dataset) -> Features:
    """The same features under another description."""
    return replace(
        known, dataset=dataset, parameters={k: dataset.parameter(k) or d for k, d in known.parameters.items()}
    )


_kept: Kept[Features] = Kept(_made, _viewed)


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
    name = "geometry" if "geometry" not in table.column_names else "wkb_geometry"
    return replace(rows, table=table.append_column(name, points), geometry=name, crs=uri(crs_of(rows.crs)))


def _recast(rows: Rows, crs: str) -> Rows:
    """The same rows with their geometries in another CRS."""
    assert rows.geometry is not None
    moved = reprojected(rows.table[rows.geometry].combine_chunks(), crs_of(rows.crs), crs_of(crs))
    at = rows.table.column_names.index(rows.geometry)
    return replace(rows, table=rows.table.set_column(at, rows.geometry, moved), crs=crs)


def _identified(rows: Rows) -> pa.Table:
    """`id`, the properties, `geometry`: the source's own ids where each row has one, else its row numbers."""
    assert rows.geometry is not None
    own = rows.roles.get("id")
    fids = rows.attrs.get("fids") or [str(i) for i in range(len(rows.table))]
    ids = rows.table[own].cast(pa.string()).combine_chunks() if own is not None else pa.array(fids, pa.string())
    fields, columns = [pa.field("id", pa.string())], [ids]
    for field, column in zip(rows.table.schema, rows.table.columns, strict=True):
        if field.name not in (own, rows.geometry) and not (field.name == "id" and column.null_count == len(column)):
            fields.append(field.with_name("id_" if field.name == "id" else field.name))
            columns.append(column)
    fields.append(pa.field("geometry", pa.binary()))
    columns.append(rows.table[rows.geometry].cast(pa.binary()))
    return pa.table(columns, schema=pa.schema(fields))


def _prefixed(table: pa.Table, stem: str) -> pa.Table:
    """Ids that two files share, told apart by the names of the files."""
    return table.set_column(0, "id", pc.binary_join_element_wise(pa.scalar(stem), table["id"], "-"))


def facts(dataset: Dataset) -> Facts:
    """What metadata tell of the data set: kind, extents, properties, count."""
    found = features(dataset)
    return Facts(
        version=found.version,
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


# --- items -----------------------------------------------------------------------------------------------------------


def select(features: Features, query: Query) -> Table:
    """The rows of `items` and `item`: where, when, filter, ids, sorted, one page.

    Raises Invalid for a property that is not there, NotFound where a single item is asked that is not there.
    """
    columns = _columns(features, query)
    rows = _rows(features, query)
    if query.verb == "item" and not len(rows):
        raise NotFound("itemId", f"{', '.join(query.ids or ())} is not there", "take an id from the items")
    page = paged(ordered(rows, query.sort, features.table.column), query.page) if not query.sort else paged(
        ordered(rows, _checked(features, query.sort), features.table.column), query.page
    )  # fmt: skip
    table = features.table.select(columns)
    native, out = crs_of(features.crs), crs_of(_out(features, query))

    def made(index: Array) -> pa.RecordBatch:
        taken = table.take(pa.array(index)).combine_chunks()
        if query.geometry and native != out:
            moved = reprojected(taken["geometry"].combine_chunks(), native, out)
            taken = taken.set_column(len(columns) - 1, taken.schema.field("geometry"), moved)
        return taken.to_batches()[0]

    return Table(
        features.dataset,
        table.schema,
        in_batches(page, made),
        geometry="geometry" if query.geometry else None,
        crs=uri(out) if out != crs_of(CRS84) else CRS84,
        matched=len(rows),
        offset=query.page.offset,
        limit=query.page.limit,
        parameters={n: d for n, d in features.parameters.items() if n in columns},
        single=query.verb == "item",
    )


def _out(features: Features, query: Query) -> str:
    """The CRS of the answer: CRS84 unless another is asked."""
    match query.crs_out:
        case None:
            return CRS84
        case "native":
            return features.crs
        case other:
            return other


def _columns(features: Features, query: Query) -> list[str]:
    names = [n for n in features.table.column_names if n not in ("id", "geometry")]
    if query.parameters is not None:
        unknown = [p for p in query.parameters if p not in names]
        if unknown:
            raise Invalid("properties", f"{unknown[0]} is not there", f"give of {', '.join(sorted(names))}")
        names = list(query.parameters)
    return ["id", *names, *(["geometry"] if query.geometry else [])]


def _checked(features: Features, sort: Sequence[tuple[str, bool]]) -> Sequence[tuple[str, bool]]:
    for name, _ in sort:
        if name not in features.table.column_names or name == "geometry":
            raise Invalid("sortby", f"{name} is not there", f"give of {', '.join(features.parameters)}")
    return sort


def _rows(features: Features, query: Query) -> Array:
    """Indices of the features asked, in stored order."""

    def column(name: str) -> pa.ChunkedArray | None:
        return features.table[name] if name in features.table.column_names and name != "geometry" else None

    masks = [
        _inside(features, query),
        None if features.span is None else in_time(query.when, *features.span),
        matching(query.filter, column, len(features)),
    ]
    if query.ids is not None:
        masks.append(
            np.asarray(pc.is_in(features.table["id"].combine_chunks(), pa.array(list(query.ids), pa.string())))
        )
    return every(masks, len(features))


def _inside(features: Features, query: Query) -> Array | None:
    """Which features touch what is asked; None: everywhere.

    They are taken to the CRS of the question: a box of degrees is no polygon where a projection ends.
    """
    if isinstance(query.where, Everywhere):
        return None
    asked = crs_in(query, crs_of(features.crs))
    found = np.zeros(len(features), bool)
    for area in _areas(query.where, asked):
        found[features.tree_in(asked).query(area, predicate="intersects")] = True
    return found


def _areas(where: Where, asked: CRS) -> list[BaseGeometry]:
    """What is asked as polygons: turned by 360 degrees to wherever features may lie."""
    match where:
        case Within(polygon):
            area = polygon
        case Box() as box:
            area = _polygon(box)
        case other:
            raise Invalid("query", f"{type(other).__name__} is not asked of features", "ask a bbox")
    return [_shifted(area, t) for t in (-360.0, 0.0, 360.0)] if in_degrees(asked) else [area]


def _polygon(box: Box) -> BaseGeometry:
    """A box whose open sides are far away; across 180 degrees it goes on beyond it."""
    west, south, east, north = (
        float(np.nan_to_num(v, posinf=1e9, neginf=-1e9)) for v in (box.west, box.south, box.east, box.north)
    )
    return shapely.box(west, south, east + 360 if east < west else east, north)


def _shifted(area: BaseGeometry, by: float) -> BaseGeometry:
    return shapely.transform(area, lambda p: p + np.array([by, 0.0])) if by else area


__all__ = ["Features", "facts", "features", "select"]
