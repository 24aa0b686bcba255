"""Tables of a database, as its catalogue tells them: columns, keys, and how each is asked."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import orjson
import pyarrow as pa

from poles.dataset import Described, Text
from poles.errors import Unreadable
from poles.sources.vector import free
from poles.stores import Statement
from poles.stores.addresses import apart, shown
from poles.stores.answers import answered
from poles.stores.connections import pool
from poles.stores.dialect import quoted
from poles.stores.layout import Column, Type, type_of

_USUAL = ("id", "fid", "gid", "ogc_fid", "objectid")
Names = Mapping[str, str]

# --- what the catalogue of the database tells ------------------------------------------------------------------------

_RELATION = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind IN ('r', 'm')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
  AND (n.nspname || '.' || c.relname = $1 OR c.relname = $1 AND pg_table_is_visible(c.oid))
ORDER BY c.relname = $1 LIMIT 1
"""
_COLUMNS = """
SELECT a.attname::text, bt.typname::text, e.typname::text, bt.typtype::text, format_type(a.atttypid, a.atttypmod),
       col_description(a.attrelid, a.attnum),
       coalesce((SELECT s.null_frac < 1 FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname
                 AND s.attname = a.attname LIMIT 1), true)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type bt ON bt.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
LEFT JOIN pg_type e ON e.oid = bt.typelem AND bt.typcategory = 'A'
WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_KEYS = """
SELECT array_to_json(ARRAY(
    SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k(n, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.place))::text
FROM pg_index i
WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indnkeyatts = i.indnatts
  AND (i.indisprimary OR i.indnkeyatts = 1
       AND (SELECT relkind = 'm' OR attnotnull FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]))
ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
"""
_TABLES = """
SELECT string_agg(name, ', ') FROM (
    SELECT DISTINCT f_table_schema || '.' || f_table_name AS name
    FROM geometry_columns WHERE f_table_schema <> 'poles' ORDER BY 1 LIMIT 12) t
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A column of the table."""

    name: str
    type: str
    element: str | None
    """Of an array."""
    category: str
    written: str
    """The type with what qualifies it: `geometry(Point,4326)`."""
    comment: str | None
    filled: bool
    """Whether any row has a value, as far as the database knows."""

    @property
    def shape(self) -> str:
        """The type of a geometry: `MultiPolygon`, `PointZ`, `Geometry` where it is not told."""
        told = re.search(r"\((\w+)", self.written)
        return told[1] if told is not None else "Geometry"

    @property
    def srid(self) -> int:
        """Of a geometry; 0 where it is not told."""
        told = re.search(r",(\d+)\)", self.written)
        return int(told[1]) if told is not None else 4326 if self.type == "geography" else 0


@dataclass(frozen=True)
class Relation:
    """A table or view, and what is told of its columns and keys."""

    url: str
    names: Names
    oid: int
    schema: str
    name: str
    is_table: bool
    """Whether it has rows of its own, of which the database keeps statistics."""
    columns: tuple[Found, ...]
    keys: tuple[tuple[str, ...], ...]
    """Columns in which each row differs, the primary key first."""

    @cached_property
    def qualified(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def rows(self, text: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """The answer to a small question."""
        return answered(pool(self.url), Statement(text, values))[1]

    def refused(self, found: str, remedy: str) -> Unreadable:
        return Unreadable(shown(self.url), found, remedy)

    def column(self, role: str) -> Found | None:
        """The column that is named for a role. Raises Unreadable where it is not there."""
        named = self.names.get(role)
        if named is None:
            return None
        found = next((c for c in self.columns if c.name == named), None)
        if found is None:
            there = ", ".join(c.name for c in self.columns)
            raise self.refused(f"there is no column {named}", f"name one of {there[:200]}")
        return found


def relation(url: str, names: Names) -> Relation:
    """The table that a URL names. Raises Unreadable."""
    table = apart(url)[1]
    if not table:
        raise _unnamed(url, "it names no table")
    rows = answered(pool(url), Statement(_RELATION, (table,)))[1]
    if not rows:
        raise _unnamed(url, f"there is no table {table}")
    oid, schema, name, is_table = rows[0]
    columns = tuple(Found(*row) for row in answered(pool(url), Statement(_COLUMNS, (oid,)))[1])
    keys = tuple(tuple(orjson.loads(row[0])) for row in answered(pool(url), Statement(_KEYS, (oid,)))[1])
    return Relation(url, names, oid, schema, name, is_table, columns, keys)


def _unnamed(url: str, found: str) -> Unreadable:
    row = answered(pool(url), Statement(_TABLES))[1][0]
    return Unreadable(shown(url), found, f"add ?table= with one of {row[0]}" if row[0] else "no table has a geometry")


# --- ids -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Id:
    """How the rows are told apart."""

    columns: tuple[str, ...]
    sql: str
    key: Literal["text", "bigint", "uuid"]


_WHOLE = ("int2", "int4", "int8")


def identified(of: Relation) -> Id:
    """By the column that is named, by a key, or by a usual one. Raises Unreadable where none tells rows apart."""
    named = of.column("id")
    if named is not None:
        chosen: tuple[str, ...] | None = (named.name,)
    else:
        chosen = next((k for k in of.keys if len(k) == 1), of.keys[0] if of.keys else None)
    if chosen is None:
        lower = {c.name.lower(): c.name for c in of.columns}
        chosen = next(((lower[n],) for n in _USUAL if n in lower), None)
    if chosen is None:
        raise of.refused("it has no key, so that its rows have no ids", "name a column whose values differ (names: id)")
    found = _id_of(of, chosen)
    if len(chosen) > 1 or chosen not in of.keys:
        _told_apart(of, found)
    return found


def _id_of(of: Relation, chosen: tuple[str, ...]) -> Id:
    """Numbers, UUIDs and texts as they are, so that their index answers; several columns joined by a hyphen."""
    if len(chosen) > 1:
        return Id(chosen, f"concat_ws('-', {', '.join(quoted(c) for c in chosen)})", "text")
    column, kind = quoted(chosen[0]), next(c.type for c in of.columns if c.name == chosen[0])
    if kind in _WHOLE:
        return Id(chosen, column, "bigint")
    if kind == "uuid":
        return Id(chosen, column, "uuid")
    return Id(chosen, column if kind in ("text", "varchar") else f"{column}::text", "text")


def _told_apart(of: Relation, by: Id) -> None:
    row = of.rows(f"SELECT count(*) = count(DISTINCT {by.sql}) FROM {of.qualified}")[0]
    if not row[0]:
        found = f"{', '.join(by.columns)} is not there in every row, or the same in some"
        raise of.refused(found, "name a column whose values differ (names: id)")


# --- columns ---------------------------------------------------------------------------------------------------------

STAMP = pa.timestamp("ms", "UTC")
_AS_THEY_ARE = {
    "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float32(),
    "float8": pa.float64(), "bool": pa.bool_(), "text": pa.string(), "varchar": pa.string(), "date": pa.date32(),
    "timestamp": STAMP, "timestamptz": STAMP, "bytea": pa.binary(),
}  # fmt: skip
_ELEMENTS = {
    **dict.fromkeys((*_WHOLE, "oid"), ("bigint", pa.int64())),
    **dict.fromkeys(("float4", "float8"), ("float8", pa.float64())),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "uuid"), ("text", pa.string())), "bool": ("bool", pa.bool_()),
}  # fmt: skip


def _read(c: Found) -> tuple[str, pa.DataType, Type]:
    """How a column is asked, and what comes of it: JSON as it is, other types that are none of ours as their texts."""
    column = quoted(c.name)
    if c.element is not None:
        return _read_array(column, c.element)
    if c.type == "oid":  # it is no number to PostgreSQL
        return f"{column}::bigint", pa.int64(), "integer"
    if c.type in _AS_THEY_ARE:
        return column, _AS_THEY_ARE[c.type], type_of(_AS_THEY_ARE[c.type])
    if c.type in ("numeric", "money"):
        return f"{column}::numeric::float8", pa.float64(), "float"
    if c.type in ("json", "jsonb"):
        return f"{column}::text", pa.json_(), "other"
    return f"{column}::text", pa.string(), "string"


def _read_array(column: str, element: str) -> tuple[str, pa.DataType, Type]:
    """Arrays as lists, those of several dimensions with all values one after the other; what is not finite is null."""
    if element not in _ELEMENTS:
        return f"to_json({column})::text", pa.json_(), "other"
    sql, kind = _ELEMENTS[element]
    value = "CASE WHEN abs(v) < 'Infinity' THEN v END" if sql == "float8" else "v"
    listed = f"(SELECT coalesce(json_agg({value}), '[]') FROM unnest({column}::{sql}[]) v)"
    return f"CASE WHEN {column} IS NOT NULL THEN {listed}::text END", pa.list_(kind), "other"


@dataclass(frozen=True)
class Property:
    """A column as it is answered."""

    found: Found
    column: Column
    sql: str
    type: pa.DataType

    @property
    def described(self) -> Described:
        """As users see it: what is said of the column is what is known of it."""
        label = self.column.name.replace("_", " ")
        told = None if not self.found.comment else Text(self.found.comment, self.found.comment)
        return Described(self.column.name, Text(label, label), description=told, dtype=self._dtype)

    @property
    def _dtype(self) -> Any:
        if self.column.type != "other" or pa.types.is_binary(self.type):
            return "string" if self.column.type == "other" else self.column.type
        return "array" if pa.types.is_list(self.type) or self.found.element is not None else "object"


_TAKEN = ("id", "geometry")
"""Names that every item has."""


def properties(of: Relation, by: Id) -> tuple[Property, ...]:
    """What is no geometry, nor the one column of ids."""
    found = [c for c in of.columns if c.type not in ("geometry", "geography") and (c.name,) != by.columns]
    names = {c.name for c in found}
    return tuple(_property(number, c, _named(c.name, names)) for number, c in enumerate(found))


def _named(name: str, names: AbstractSet[str]) -> str:
    """The name of a property: that of its column, unless every item has it."""
    return free(f"{name}_", names) if name in _TAKEN else name


def _property(number: int, c: Found, name: str) -> Property:
    sql, kind, compared = _read(c)
    stored = f"_{number}" if c.name.startswith("_") else c.name
    return Property(c, Column(name, stored, compared), sql, kind)
