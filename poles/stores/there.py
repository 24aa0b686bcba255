"""Tables that are there already, asked as they are: where and when their rows are, and what else is told of them."""

import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from pyproj import CRS

from poles import times
from poles.crs import crs as crs_of
from poles.crs import densified, in_degrees, is_lonlat, transform, uri
from poles.dataset import BBox, Facts
from poles.parts import CHECKED_S
from poles.query import CRS84
from poles.sources.vector import times_of
from poles.stores.answers import PostgisStore
from poles.stores.dialect import Postgis, quoted
from poles.stores.layout import Layout
from poles.stores.relation import STAMP, Found, Id, Names, Property, Relation, identified, properties, relation

_EXTENTS_S = 60.0
"""How long extents are believed of a table that changes."""
_COUNTED = 200_000
"""Rows, as the database estimates them, up to which extents are looked up in the rows themselves."""
_QUICK = 10_000
"""Rows up to which extents are looked up whenever rows changed."""
_ID, _GEOMETRY = "_id", "_geometry"

# --- places and times ------------------------------------------------------------------------------------------------


def _geometry(of: Relation) -> Found | None:
    """The column that is named, or the first of geometries."""
    there = [c for c in of.columns if c.type in ("geometry", "geography")]
    return of.column("geometry") or (there[0] if there else None)


def _srid(of: Relation, geometry: Found) -> int:
    """As the column tells it, else the first geometry."""
    if geometry.srid:
        return geometry.srid
    column = quoted(geometry.name)
    rows = of.rows(f"SELECT ST_SRID({column}::geometry) FROM {of.qualified} WHERE {column} IS NOT NULL LIMIT 1")
    return int(rows[0][0]) if rows else 0


def _crs(of: Relation, srid: int, given: str | None, bounds: BBox | None) -> tuple[str, tuple[str, ...]]:
    """The CRS of the coordinates, x before y, and what was assumed. Raises Unreadable."""
    if given is not None:
        return uri(crs_of(given)), ()
    rows = of.rows("SELECT auth_name, auth_srid, srtext FROM spatial_ref_sys WHERE srid = $1", srid)
    if rows:
        authority, code, wkt = rows[0]
        found = crs_of(f"EPSG:{code}" if authority == "EPSG" else wkt)
        return CRS84 if is_lonlat(found) else uri(found), ()
    if bounds is None or max(abs(bounds[1]), abs(bounds[3])) > 90 or max(abs(bounds[0]), abs(bounds[2])) > 360:
        raise of.refused(f"SRID {srid} names no CRS", "give the CRS (--crs, or crs in the block)")
    return CRS84, ("it names no CRS: coordinates are read as longitude and latitude",)


def _reach(bounds: BBox | None, crs: CRS) -> BBox:
    """Where rows can be, those included that are written after the extents were looked up."""
    if in_degrees(crs):
        west, east = (-180.0, 180.0) if bounds is None else (bounds[0], bounds[2])
        if west >= -180 and east <= 180:
            return -180.0, -90.0, 180.0, 90.0
        return min(west, 0.0), -90.0, max(east, 360.0), 90.0
    known = [] if bounds is None else [bounds]
    if crs.area_of_use is not None:
        known += [b for b in (_box(*densified(*crs.area_of_use.bounds), crs_of(CRS84), crs),) if b is not None]
    if not known:
        return -1e9, -1e9, 1e9, 1e9
    return (*(min(b[n] for b in known) for n in (0, 1)), *(max(b[n] for b in known) for n in (2, 3)))  # type: ignore[return-value]


def _box(x: Any, y: Any, source: CRS, target: CRS) -> BBox | None:
    """The box of points in another CRS."""
    xs, ys = transform(np.asarray(x), np.asarray(y), source, target)
    known = np.isfinite(xs) & np.isfinite(ys)
    if not known.any():
        return None
    return float(xs[known].min()), float(ys[known].min()), float(xs[known].max()), float(ys[known].max())


def _in_lonlat(bounds: BBox | None, crs: CRS) -> BBox | None:
    """The bounds in CRS84, longitudes in [-180, 180]."""
    if bounds is None:
        return None
    found = bounds if is_lonlat(crs) else _box(*densified(*bounds), crs, crs_of(CRS84))
    if found is None or found[2] <= 180:
        return found
    west, south, east, north = found
    return (-180.0, south, 180.0, north) if east - west >= 360 else (normal(west), south, east - 360, north)


def normal(longitude: float) -> float:
    """The same meridian in [-180, 180)."""
    return (longitude + 180) % 360 - 180


@dataclass(frozen=True, slots=True)
class _Extents:
    """What a look at the rows tells, and when it was taken."""

    looked: float
    count: int | None
    bounds: BBox | None
    span: tuple[int | None, int | None]

    def holds(self, at: float) -> bool:
        """Whether it is not worth another look yet, though rows changed."""
        return at - self.looked < _EXTENTS_S and (self.count is None or self.count > _QUICK)


def _extents(of: Relation, geometry: Found | None, ends: Sequence[str]) -> _Extents:
    """Of few rows by looking at them all; of many the number and place as the database estimates them."""
    plan = of.rows(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {of.qualified}")[0][0]
    estimated = int(plan[0]["Plan"]["Plan Rows"])
    few = estimated <= _COUNTED
    count = int(of.rows(f"SELECT count(*) FROM {of.qualified}")[0][0]) if few else estimated
    first, last = of.rows(_span(of, ends))[0] if ends else (None, None)
    return _Extents(time.monotonic(), count, None if geometry is None else _bounds(of, geometry, few), (first, last))


def _bounds(of: Relation, geometry: Found, few: bool) -> BBox | None:
    sides: tuple[Any, ...] = (None,) * 4
    if not few and of.is_table and geometry.type == "geometry":
        guessed = "ST_EstimatedExtent($1::text, $2::text, $3::text)"
        sides = of.rows(_SIDES.format(f"SELECT {guessed}::box3d AS e"), of.schema, of.name, geometry.name)[0]
    if sides[0] is None:
        extent = f"SELECT ST_Extent({quoted(geometry.name)}::geometry)::box3d AS e FROM {of.qualified}"
        sides = of.rows(_SIDES.format(extent))[0]
    return None if sides[0] is None else (sides[0], sides[1], sides[2], sides[3])


_SIDES = "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM ({}) extent"


def _span(of: Relation, ends: Sequence[str]) -> str:
    """The first and last moment in milliseconds."""
    found = []
    for function, name in zip(("min", "max"), (ends[0], ends[-1]), strict=True):
        moment = f"{function}({quoted(name)}) FILTER (WHERE isfinite({quoted(name)}))"
        found.append(f"(extract(epoch FROM {moment}) * 1000)::bigint")
    return f"SELECT {', '.join(found)} FROM {of.qualified}"


# --- the store -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Known:
    """A table as it was found, and until when that is believed."""

    checked: float
    state: str
    relation: Relation
    by: Id
    extents: _Extents
    store: PostgisStore


_STATE = """
SELECT md5(concat_ws(' ', c.oid, c.relfilenode, pg_current_snapshot())) FROM pg_class c WHERE c.oid = $1::bigint::oid
"""
"""Changes with every transaction that writes to the database, so that it is never too old, but often too young.

The counters of the statistics would tell of this table alone, but up to ten seconds late.
"""
_known: dict[tuple[Any, ...], _Known] = {}
_looking = threading.Lock()


def foreign(url: str, names: Names, crs: str | None) -> PostgisStore:
    """The table that a URL names, as it is. What is known of it is believed for two seconds. Raises Unreadable."""
    key = os.getpid(), url, tuple(sorted(names.items())), crs
    known = _known.get(key)
    if known is not None and time.monotonic() - known.checked < CHECKED_S:
        return known.store
    # While one thread looks, the others go on with what was found before.
    if not _looking.acquire(blocking=known is None):
        assert known is not None
        return known.store
    try:
        known = _known[key] = _looked(url, names, crs, _known.get(key))
        return known.store
    finally:
        _looking.release()


def _looked(url: str, names: Names, crs: str | None, before: _Known | None) -> _Known:
    checked = time.monotonic()
    if before is not None:
        state = _state(before.relation)
        if state == before.state:
            before.checked = checked
            return before
    found = relation(url, names)
    same = before is not None and before.relation == found
    by = before.by if before is not None and same else identified(found)
    recent = before is not None and same and before.extents.holds(checked)
    state = _state(found)
    ends = [p.found.name for p in _ends(found, properties(found, by))]
    extents = before.extents if before is not None and recent else _extents(found, _geometry(found), ends)
    return _Known(checked, state, found, by, extents, _store(found, by, extents, state, crs))


def _state(of: Relation) -> str:
    return str(of.rows(_STATE, of.oid)[0][0])


def _ends(of: Relation, found: Sequence[Property]) -> tuple[Property, ...]:
    """The column that tells the time, or those of begin and end, by the rules for files. Raises Unreadable."""
    given = of.column("time")
    if given is not None and not given.type.startswith(("date", "timestamp")):
        raise of.refused(f"{given.name} is {given.written}, no time", "name a date or timestamp")
    some = {pa.date32(): date(2000, 1, 1), STAMP: datetime(2000, 1, 1, tzinfo=UTC)}
    columns = {p.found.name: pa.array([some.get(p.type) if p.found.filled else None], p.type) for p in found}
    named = {p.found.name: p for p in found}
    return tuple(named[name] for name in times_of(pa.table(columns), of.names.get("time")))


def _store(of: Relation, by: Id, extents: _Extents, state: str, given: str | None) -> PostgisStore:
    geometry, found = _geometry(of), properties(of, by)
    srid = 0 if geometry is None else _srid(of, geometry)
    crs, assumed = (CRS84, ()) if geometry is None else _crs(of, srid, given, extents.bounds)
    ends = _ends(of, found)
    layout = Layout(
        tuple(p.column for p in found),
        pa.schema([(p.column.name, p.type) for p in found]),
        None,
        crs,
        _reach(extents.bounds, crs_of(crs)),
        times=tuple(p.column.stored for p in ends),
        whole_days=bool(ends) and ends[-1].column.type == "date",
        table=(of.schema, of.name),
        id=_ID,
        geometry=None if geometry is None else _GEOMETRY,
        box=None,
        row=None,
    )
    source = _source(of, by, geometry, found)
    dialect = Postgis(srid=srid, source=source, key=by.key, straight=_straight(geometry), told=_told(geometry))
    facts = replace(_facts(found, ends, extents, geometry, layout), version=state, mended=assumed)
    return PostgisStore(of.url, layout, dialect, facts, state)


def _source(of: Relation, by: Id, geometry: Found | None, found: Sequence[Property]) -> str:
    """The rows in the types of ours: a query that the planner merges with what is asked of it."""
    listed = [f"{by.sql} AS {quoted(_ID)}", *(f"{p.sql} AS {quoted(p.column.stored)}" for p in found)]
    if geometry is not None:
        cast = "::geometry" if geometry.type == "geography" else ""
        listed.append(f"{quoted(geometry.name)}{cast} AS {quoted(_GEOMETRY)}")
    return f"(SELECT {', '.join(listed)} FROM {of.qualified}) AS there"


def _facts(
    found: Sequence[Property], ends: Sequence[Property], extents: _Extents, geometry: Found | None, layout: Layout
) -> Facts:
    return Facts(
        version="",
        kind="features",
        parameters=tuple(p.described for p in found),
        bbox=_in_lonlat(extents.bounds, crs_of(layout.crs)),
        interval=_interval(extents.span, layout.whole_days),
        crs=layout.crs,
        feature_type=None if geometry is None else _feature_type(geometry),
        count=extents.count,
        times=tuple(p.column.name for p in ends),
    )


def _straight(geometry: Found | None) -> str:
    """A geometry without arcs and facets, which nobody but PostGIS computes with."""
    shape = "POINT" if geometry is None else geometry.shape.upper()
    if any(word in shape for word in ("CURVE", "CIRCULAR", "SURFACE", "TIN", "TRIANGLE", "GEOMETRY")):
        facets = "(SELECT ST_Collect(ST_MakePolygon(ST_ExteriorRing(d.geom))) FROM ST_Dump({0}) d)"
        faceted = "GeometryType({0}) IN ('TIN', 'POLYHEDRALSURFACE', 'TRIANGLE')"
        return f"CASE WHEN {faceted} THEN {facets} ELSE ST_CurveToLine({{0}}) END"
    return "{0}"


def _told(geometry: Found | None) -> str:
    """How geometries are given as WKB that all clients read: straight, without measures."""
    shape, found = "" if geometry is None else geometry.shape.upper(), _straight(geometry)
    if shape.endswith("ZM"):
        found = f"ST_Force3DZ({found})"
    elif shape.endswith("M"):
        found = f"ST_Force2D({found})"
    return f"ST_AsBinary({found})"


def _feature_type(geometry: Found) -> str | None:
    """The one type of all geometries, as GeoJSON calls it."""
    plain = re.sub("(ZM|Z|M)$", "", geometry.shape)
    return next((t for t in _SHAPES if t.lower() == plain.lower()), None)


_SHAPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")


def _interval(span: tuple[int | None, int | None], whole_days: bool) -> tuple[str | None, str | None] | None:
    first, last = span
    if first is None and last is None:
        return None
    end = None if last is None else last + (times.DAY - 1 if whole_days else 0)
    return (
        None if first is None else times.text(first, times.ISO),
        None if end is None else times.text(end, times.ISO),
    )
