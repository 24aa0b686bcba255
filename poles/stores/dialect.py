"""How SQL is spelled by each engine; everything else of a statement is said once for both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from pyproj import CRS

from poles.crs import crs as crs_of
from poles.crs import is_lonlat
from poles.dataset import BBox
from poles.stores import reckoned
from poles.stores.layout import Layout, Type

_FIRST, _LAST = -210_866_803_200_000, 9_223_372_036_854_774
"""The first time of PostgreSQL (4714 BC) and the last of DuckDB (the year 294247), in milliseconds since 1970."""


@dataclass(slots=True)
class Values:
    """The values of a statement, bound as `$1`, `$2`, …: none is ever written into its text."""

    bound: list[Any] = field(default_factory=list)

    def __call__(self, value: Any) -> str:
        """The place of a value in the text."""
        self.bound.append(value)
        return f"${len(self.bound)}"


def quoted(name: str) -> str:
    """An identifier: any name, as one.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Dialect:
    """One engine's words. DuckDB's are the default; a subclass says what PostgreSQL says otherwise."""

    types: tuple[tuple[Type, str], ...] = (
        ("string", "VARCHAR"), ("integer", "BIGINT"), ("float", "DOUBLE"), ("boolean", "BOOLEAN"),
        ("datetime", "TIMESTAMP"), ("date", "DATE"), ("other", "VARCHAR"),
    )  # fmt: skip

    keeps_order: bool = True
    """Whether rows come in stored order unasked: then a stream is never held to be sorted."""

    @property
    def walks(self) -> bool:
        """Whether a page of few rows may be sought by walking a whole table in order."""
        return False

    def cast(self, sql: str, to: Type) -> str:
        """An expression as a value of a type."""
        return f"CAST({sql} AS {dict(self.types)[to]})"

    def table(self, layout: Layout) -> str:
        """The qualified name of the table."""
        return ".".join(quoted(part) for part in layout.table)

    def whole(self, sql: str) -> str:
        """An expression as a whole number of any size."""
        return f"CAST({sql} AS HUGEINT)"

    def moment(self, ms: int, values: Values, us: int = 0) -> str:
        """A time of type `datetime`, milliseconds and microseconds since 1970; beyond what engines take, their end.

        Bound as what went by since 1970: the times of Python end with the year 9999.
        """
        gone = timedelta(milliseconds=min(max(ms, _FIRST), _LAST), microseconds=us)
        return f"({self.cast("'1970-01-01'", 'datetime')} + CAST({values(gone)} AS interval))"

    def identified(self, layout: Layout, ids: Sequence[str], values: Values) -> str:
        """Whether a row has one of some ids."""
        return " OR ".join(f"{quoted(layout.id)} = {values(i)}" for i in ids) or "FALSE"

    def identifier(self, layout: Layout) -> str:
        """The id of a row as a text."""
        return quoted(layout.id)

    def ordered(self, sql: str, of: Type) -> str:
        """An expression that is compared or sorted: texts by their code points."""
        return sql

    def unaccented(self, sql: str) -> str:
        """A text without accents."""
        return f"strip_accents({sql})"

    def folded(self, sql: str) -> str:
        """A text whose case is folded, as Unicode does it for all that is written today."""
        return reckoned.folded(sql, "lower({})")

    def computed(self, op: str, left: str, right: str) -> str:
        """Arithmetic of floats: what is no finite number is unknown."""
        return reckoned.free(op, left, right)

    def geometry(self, layout: Layout) -> str:
        """The geometry of a row, as the spatial functions take it."""
        if layout.points:
            return f"ST_Point({quoted(layout.x)}, {quoted(layout.y)})"
        return f"ST_GeomFromWKB({quoted(layout.geometry or '')})"

    def shape(self, layout: Layout) -> str:
        """The geometry of a row, as it is compared with others: mended where it is not valid, a collection as one."""
        own = self.geometry(layout)
        if layout.sound or layout.points:
            return own
        is_plain = f"ST_IsValid({own}) AND CAST(ST_GeometryType({own}) AS VARCHAR) <> 'GEOMETRYCOLLECTION'"
        return f"CASE WHEN {is_plain} THEN {own} ELSE ST_Union(ST_MakeValid({own}), ST_MakeValid({own})) END"

    def literal(self, bound: str, crs: CRS) -> str:
        """A geometry bound as WKB, in the CRS of the rows."""
        return f"ST_GeomFromWKB(CAST({bound} AS BLOB))"

    def selected(self, layout: Layout) -> Sequence[str]:
        """What is selected of the geometry of a row: x and y of points, else WKB."""
        return [quoted(layout.x), quoted(layout.y)] if layout.points else [quoted(layout.geometry or "")]

    def overlaps(self, layout: Layout, box: BBox, values: Values) -> str:
        """Whether the bounds of a row touch a box (west, south, east, north in the CRS of the rows)."""
        names = (layout.x, layout.y, layout.x, layout.y) if layout.points else layout.box
        assert names is not None
        west, south, east, north = (quoted(n) for n in names)
        w, s, e, n = (values(v) for v in box)
        return f"{west} <= {e} AND {east} >= {w} AND {south} <= {n} AND {north} >= {s}"

    def inside(self, layout: Layout, box: BBox, values: Values) -> str | None:
        """Whether the bounds of a row lie in a box, which spares the exact question; None: it is always asked."""
        if layout.points or layout.box is None:
            return None
        west, south, east, north = (quoted(n) for n in layout.box)
        w, s, e, n = (values(v) for v in box)
        return f"{west} >= {w} AND {east} <= {e} AND {south} >= {s} AND {north} <= {n}"


DUCK = Dialect()


_KEYS = {
    "bigint": re.compile(r"0|-?[1-9][0-9]{0,18}"),
    "uuid": re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
"""How ids are written that are no texts: in one way only."""


@dataclass(frozen=True)
class Postgis(Dialect):
    """PostgreSQL's words, in sessions whose time zone is UTC."""

    types: tuple[tuple[Type, str], ...] = (
        ("string", "text"), ("integer", "bigint"), ("float", "double precision"), ("boolean", "boolean"),
        ("datetime", "timestamptz"), ("date", "date"), ("other", "text"),
    )  # fmt: skip
    keeps_order: bool = False
    srid: int | None = None
    """Of the geometries, where it is not that of their CRS."""
    source: str | None = None
    """What is asked in the place of the table: a query in parentheses, its columns of the types above."""
    key: Literal["text", "bigint", "uuid"] = "text"
    """What ids are in the table: those of tables of others keep their index."""
    straight: str = "{0}"
    """How a geometry is computed with."""
    told: str = "ST_AsBinary({0})"
    """How a geometry is given as WKB."""

    @property
    def walks(self) -> bool:
        """In a table of ours; the columns of a table of others may be dear to make."""
        return self.source is None

    def whole(self, sql: str) -> str:
        return f"CAST({sql} AS numeric)"

    def table(self, layout: Layout) -> str:
        return super().table(layout) if self.source is None else self.source

    def identified(self, layout: Layout, ids: Sequence[str], values: Values) -> str:
        if self.key == "text":
            return super().identified(layout, ids, values)
        known = [i for i in ids if _KEYS[self.key].fullmatch(i)]
        if self.key == "bigint":
            known = [i for i in known if -(2**63) <= int(i) < 2**63]
        return f"{quoted(layout.id)} = ANY(CAST({values(known)} AS {self.key}[]))"

    def identifier(self, layout: Layout) -> str:
        return quoted(layout.id) if self.key == "text" else f"CAST({quoted(layout.id)} AS text)"

    def ordered(self, sql: str, of: Type) -> str:
        return f'({sql}) COLLATE "C"' if of == "string" else sql

    def unaccented(self, sql: str) -> str:
        return reckoned.unmarked(sql)

    def folded(self, sql: str) -> str:
        return reckoned.folded(sql, 'lower({} COLLATE "und-x-icu")')

    def computed(self, op: str, left: str, right: str) -> str:
        """PostgreSQL refuses what overflows: it is never asked; what underflows is 0."""
        return reckoned.guarded(op, left, right)

    def geometry(self, layout: Layout) -> str:
        return quoted(layout.geometry or "")

    def shape(self, layout: Layout) -> str:
        """PostGIS would raise errors where a geometry is not valid, or parts of a collection overlap."""
        own = self.straight.format(self.geometry(layout))
        if layout.sound or layout.points:
            return own
        is_plain = f"ST_IsValid({own}) AND GeometryType({own}) <> 'GEOMETRYCOLLECTION'"
        return f"CASE WHEN {is_plain} THEN {own} ELSE ST_UnaryUnion(ST_MakeValid({own})) END"

    def literal(self, bound: str, crs: CRS) -> str:
        return f"ST_GeomFromWKB(CAST({bound} AS bytea), {srid_of(crs) if self.srid is None else self.srid})"

    def selected(self, layout: Layout) -> Sequence[str]:
        return super().selected(layout) if layout.points else [self.told.format(self.geometry(layout))]

    def overlaps(self, layout: Layout, box: BBox, values: Values) -> str:
        """By the index, whose boxes are rounded outwards to float32; of points, exactly."""
        corners = ", ".join(f"CAST({values(v)} AS double precision)" for v in box)
        envelope = f"ST_MakeEnvelope({corners}, {srid_of(crs_of(layout.crs)) if self.srid is None else self.srid})"
        near = f"{self.geometry(layout)} && {envelope}"
        return f"{near} AND {super().overlaps(layout, box, values)}" if layout.points else near


def srid_of(crs: CRS) -> int:
    """The number under which PostGIS knows a CRS; 0 where it is none of EPSG's.

    >>> srid_of(crs_of("OGC:CRS84")), srid_of(crs_of("EPSG:2154"))
    (4326, 2154)
    """
    authority, code = crs.to_authority() or ("", "")
    if is_lonlat(crs):
        return 4326
    return int(code) if authority == "EPSG" and code.isdigit() else 0
