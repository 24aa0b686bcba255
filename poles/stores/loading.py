"""Rows into tables of PostgreSQL: all of a version in one transaction, beside those that are read meanwhile."""

import binascii
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import orjson
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from psycopg.types.json import Jsonb
from pyarrow import csv
from pydantic import TypeAdapter

from poles.crs import crs as crs_of
from poles.dataset import Facts
from poles.errors import Unreadable
from poles.stored import Array
from poles.stores.addresses import shown
from poles.stores.connections import Connection, connected, refused
from poles.stores.dialect import srid_of
from poles.stores.layout import Contents, Layout, as_bytes, as_json

SCHEMA = "poles"
FACTS = TypeAdapter(Facts)
_CHUNK = 8_192
_SETUP = 7_305_516
"""The lock under which the tables about tables are made."""
_GRACE = timedelta(seconds=30)
"""How long a version that was replaced stays for those who found it a moment before."""
_PATIENCE = "200ms"
_REGISTRY = """
CREATE SCHEMA IF NOT EXISTS poles;
CREATE TABLE IF NOT EXISTS poles.versions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL, version text NOT NULL, layout jsonb NOT NULL, facts jsonb NOT NULL, about jsonb,
    platforms bytea, made timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS versions_of_key ON poles.versions (key, number DESC);
COMMENT ON TABLE poles.versions IS 'Tables that Poles serves: the highest number of a key is the one that is read';
"""


def write(url: str, key: str, version: str, contents: Contents) -> None:
    """Stores one version of a data set under a key, in the place of that before.

    Everything is there at once, or nothing: whoever reads goes on with the version that was found. Of those before,
    one stays for streams that run. Raises Unreadable, where nothing is left behind.
    """
    _published(url, key, lambda connection: _stored(connection, key, version, contents))


def replaced(url: str, key: str, version: str, made: Callable[[], Contents]) -> None:
    """Stores a version where another, or none, is the last: one process makes it while the others wait."""

    def stored(connection: Connection) -> None:
        latest = "SELECT version FROM poles.versions WHERE key = %s ORDER BY number DESC LIMIT 1"
        if connection.execute(latest, (key,)).fetchone() != (version,):
            _stored(connection, key, version, made())

    _published(url, key, stored)


def _published(url: str, key: str, stored: Callable[[Connection], None]) -> None:
    with connected(url) as connection:
        try:
            _prepared(connection, url)
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
            stored(connection)
            connection.commit()
            _swept(connection, key, keep=2)
        except psycopg.Error as error:
            raise _failed(error, url) from error


def forget(url: str, key: str) -> None:
    """Drops all versions of a data set; those that are read just then are left for the next time."""
    with connected(url) as connection:
        try:
            if _is_there(connection):
                _swept(connection, key, keep=0)
        except psycopg.Error as error:
            raise refused(error, url) from error


def _failed(error: psycopg.Error, url: str) -> Exception:
    """Why rows cannot be stored; what the server says of a value is told, its place is not."""
    if (error.sqlstate or "")[:2] in ("22", "23", "XX"):
        said = str(error).splitlines()[0][:120]
        return Unreadable(shown(url), f"the database does not take a value ({said})", "mend the data")
    return refused(error, url)


# --- the registry ----------------------------------------------------------------------------------------------------


def _is_there(connection: Connection) -> bool:
    found = connection.execute("SELECT to_regclass('poles.versions') IS NOT NULL").fetchone()
    return found is not None and bool(found[0])


def _prepared(connection: Connection, url: str) -> None:
    """PostGIS and the registry, made where they lack; in the transaction that needs them."""
    if not _is_there(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP,))
        connection.execute(_REGISTRY)
    found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchone()
    if found is None:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        except psycopg.Error:
            remedy = "run CREATE EXTENSION postgis in it, as its superuser"
            raise Unreadable(shown(url), "the database has no PostGIS", remedy) from None


def _stored(connection: Connection, key: str, version: str, contents: Contents) -> None:
    row = connection.execute("SELECT nextval(pg_get_serial_sequence('poles.versions', 'number'))").fetchone()
    assert row is not None
    layout = replace(contents.layout, table=(SCHEMA, _table_name(key, int(row[0]))))
    facts, rows = _without_nul(contents.facts, contents.rows)
    _loaded(connection, layout, rows)
    told = (
        int(row[0]), key, version, _json(as_json(layout)), _json(orjson.loads(FACTS.dump_json(facts))),
        None if contents.about is None else _json(contents.about),
        None if contents.platforms is None else as_bytes(contents.platforms),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO poles.versions (number, key, version, layout, facts, about, platforms) "
        "OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s)",
        told,
    )


def _json(value: Any) -> Jsonb:
    return Jsonb(value, dumps=lambda v: orjson.dumps(v).replace(b"\\u0000", b""))


def _table_name(key: str, number: int) -> str:
    """The name of one version, in the 63 bytes that PostgreSQL keeps.

    >>> _table_name("Côtes d'Armor", 12)
    'c_tes_d_armor_12'
    """
    return f"{re.sub('[^a-z0-9]+', '_', key.lower())[:40].strip('_') or 'rows'}_{number}"


def _swept(connection: Connection, key: str, keep: int) -> None:
    """Drops versions that nobody asks for any more; one that is still read is left for the next time."""
    old = connection.execute(
        "SELECT number, layout->'table'->>1 FROM (SELECT *, lag(made) OVER (ORDER BY number DESC) AS replaced "
        "FROM poles.versions WHERE key = %s) v "
        "WHERE %s = 0 OR replaced < clock_timestamp() - %s ORDER BY number DESC OFFSET %s",
        (key, keep, _GRACE, max(keep - 1, 0)),
    ).fetchall()
    connection.commit()
    for number, table in old:
        try:
            connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, table)))
            connection.execute("DELETE FROM poles.versions WHERE number = %s", (number,))
            connection.commit()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            connection.rollback()


# --- one table -------------------------------------------------------------------------------------------------------


def _loaded(connection: Connection, layout: Layout, rows: pa.Table) -> None:
    table = sql.Identifier(*layout.table)
    columns = [sql.SQL("{} {}").format(sql.Identifier(f.name), sql.SQL(_type(f, layout, rows))) for f in rows.schema]
    listed = sql.SQL(", ").join([*columns, *_made_of_points(layout, rows)])
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, listed))
    _copied(connection, table, layout, rows)
    for index in _indexes(layout, rows):
        connection.execute(index)
    connection.execute(sql.SQL("ANALYZE {}").format(table))


def _made_of_points(layout: Layout, rows: pa.Table) -> Iterator[sql.Composed]:
    """The geometry of points, which are given by two numbers."""
    if layout.points and layout.geometry is not None and layout.geometry not in rows.column_names:
        point = sql.SQL("ST_SetSRID(ST_MakePoint({}, {}), {})").format(
            sql.Identifier(layout.x), sql.Identifier(layout.y), _srid(layout)
        )
        yield sql.SQL("{} geometry(Point, {}) GENERATED ALWAYS AS ({}) STORED").format(
            sql.Identifier(layout.geometry), _srid(layout), point
        )


def _srid(layout: Layout) -> sql.Literal:
    return sql.Literal(srid_of(crs_of(layout.crs)))


def _type(field: pa.Field, layout: Layout, rows: pa.Table) -> str:
    """The type of a column."""
    if field.name == layout.geometry:
        return _geometry_type(rows[field.name], srid_of(crs_of(layout.crs)))
    if field.name == layout.id:
        return 'text COLLATE "C" NOT NULL'
    return _type_of(field.type)


_SHAPES = (
    "Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip
_DIMENSIONS = ("", "Z", "M", "ZM")
_Z, _M, _PLAIN = 0x80000000, 0x40000000, 0xFFFF


def _geometry_type(wkb: pa.ChunkedArray, srid: int) -> str:
    """The narrowest type that takes all geometries, by the codes at their heads (ISO's and PostGIS's own)."""
    codes = {int(c) for chunk in wkb.chunks for c in np.unique(_codes(chunk))}
    shapes = {(c & _PLAIN) % 1000 for c in codes}
    dimensions = {((c & _PLAIN) // 1000) | (c & _Z > 0) | 2 * (c & _M > 0) for c in codes} or {0}
    if len(dimensions) > 1 or not dimensions <= {0, 1, 2, 3} or not shapes <= set(range(8)):
        return "geometry"
    shape = shapes.pop() if len(shapes) == 1 else 0
    return f"geometry({_SHAPES[shape]}{_DIMENSIONS[dimensions.pop()]}, {srid})"


def _codes(wkb: pa.Array) -> Array:
    """The code of each geometry that is there."""
    column = wkb.drop_null().cast(pa.large_binary())
    ends, data = _ends(column), np.frombuffer(column.buffers()[2] or b"", np.uint8)
    starts = ends[:-1][np.diff(ends) >= 5]
    heads = data[starts[:, None] + np.arange(5)]
    little, big = (np.ascontiguousarray(heads[:, 1:]).view(order)[:, 0] for order in ("<u4", ">u4"))
    return np.where(heads[:, 0] == 1, little, big).astype(np.int64)


def _ends(column: pa.Array) -> Array:
    """Where each value of a large binary array begins, and where the last ends."""
    offsets = np.frombuffer(column.buffers()[1], np.int64)
    return offsets[column.offset : column.offset + len(column) + 1]


_TYPES = {
    pa.int8(): "smallint", pa.uint8(): "smallint", pa.int16(): "smallint", pa.uint16(): "integer",
    pa.int32(): "integer", pa.uint32(): "bigint", pa.int64(): "bigint", pa.uint64(): "numeric(20)",
    pa.float16(): "real", pa.float32(): "real", pa.float64(): "double precision", pa.bool_(): "boolean",
    pa.date32(): "date", pa.date64(): "date", pa.binary(): "bytea", pa.large_binary(): "bytea",
}  # fmt: skip


def _type_of(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_decimal(kind):
        return "numeric"
    return _TYPES.get(kind, "text")


def _indexes(layout: Layout, rows: pa.Table) -> Iterator[sql.Composed]:
    table = sql.Identifier(*layout.table)
    if layout.row is not None:
        yield sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table, sql.Identifier(layout.row))
    yield sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(table, sql.Identifier(layout.id))
    if layout.geometry is not None:
        yield sql.SQL("CREATE INDEX ON {} USING gist ({})").format(table, sql.Identifier(layout.geometry))
    if layout.times:
        ends = sql.SQL(", ").join(sql.Identifier(t) for t in layout.times)
        yield sql.SQL("CREATE INDEX ON {} ({})").format(table, ends)
    if "_platform" in rows.column_names:
        yield sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.Identifier("_platform"))
    if "_platform" in rows.column_names and (named := layout.column("platform")) is not None:
        # Samples lie by platform: the names at both ends of a run of pages are index enough.
        name = sql.Identifier(named.stored)
        yield sql.SQL('CREATE INDEX ON {} USING brin ({} COLLATE "C") WITH (pages_per_range = 16)').format(table, name)


# --- copying ---------------------------------------------------------------------------------------------------------


def _copied(connection: Connection, table: sql.Identifier, layout: Layout, rows: pa.Table) -> None:
    """Rows as CSV in pieces: Arrow writes it as fast as PostgreSQL reads it."""
    names = sql.SQL(", ").join(sql.Identifier(n) for n in rows.column_names)
    copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, names)
    srid = srid_of(crs_of(layout.crs))
    options = csv.WriteOptions(include_header=False)
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for batch in rows.to_batches(_CHUNK):
            named = zip(batch.schema.names, batch.columns, strict=True)
            columns = [_geometries(c, srid) if n == layout.geometry else _written(c) for n, c in named]
            sink = io.BytesIO()
            csv.write_csv(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), sink, options)
            copy.write(sink.getvalue())


def _geometries(wkb: pa.Array, srid: int) -> pa.Array:
    digits = _hexadecimal(wkb)
    return pc.binary_join_element_wise(pa.scalar(f"SRID={srid};", digits.type), digits, pa.scalar("", digits.type))


def _written(column: pa.Array) -> pa.Array:
    """A column as CSV holds it: bytes in hexadecimal, lists as JSON, times in UTC."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _written(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        return _dated(column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us", "UTC")))
    if pa.types.is_date(kind):
        return _dated(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        digits = _hexadecimal(column)
        prefix = pa.scalar("\\x", digits.type)
        return pc.binary_join_element_wise(prefix, digits, pa.scalar("", digits.type))
    if pa.types.is_nested(kind):
        return pa.array([None if v is None else orjson.dumps(v, default=str).decode() for v in column.to_pylist()])
    return column.cast(pa.float32()) if pa.types.is_float16(kind) else column


def _dated(column: pa.Array) -> pa.Array:
    """Times and dates; PostgreSQL counts the years before 1 as people do."""
    texts = column.cast(pa.string())
    if not pc.any(pc.match_substring_regex(texts, "^(-|0000)")).as_py():
        return column
    return pa.array([None if t is None else _before(t) for t in texts.to_pylist()], pa.string())


def _before(text: str) -> str:
    """
    >>> _before("-0043-03-15"), _before("0000-01-01"), _before("2020-01-01")
    ('0044-03-15 BC', '0001-01-01 BC', '2020-01-01')
    """
    year, rest = int(text[: text.index("-", 1)]), text[text.index("-", 1) :]
    return text if year > 0 else f"{1 - year:04d}{rest} BC"


def _hexadecimal(column: pa.Array) -> pa.Array:
    """Bytes as two digits each, all at once."""
    raw = column.cast(pa.binary()).cast(pa.large_binary())
    ends = _ends(raw)
    digits = binascii.hexlify(memoryview(raw.buffers()[2] or b"")[ends[0] : ends[-1]])
    buffers = [None, pa.py_buffer((ends - ends[0]) * 2), pa.py_buffer(digits)]
    told = pa.Array.from_buffers(pa.large_string(), len(raw), buffers)
    return told if raw.null_count == 0 else pc.if_else(pc.is_valid(raw), told, pa.scalar(None, pa.large_string()))


def _without_nul(facts: Facts, rows: pa.Table) -> tuple[Facts, pa.Table]:
    """The rows without the characters that PostgreSQL has no place for, and that this was done."""
    mended = []
    for at, field in enumerate(rows.schema):
        column = rows[field.name]
        if _is_text(field.type) and pc.any(pc.match_substring(column, "\0")).as_py():
            rows = rows.set_column(at, field.name, pc.replace_substring(column, "\0", ""))
            mended.append(f"{field.name}: NUL characters are left out of its texts")
    return replace(facts, mended=(*facts.mended, *mended)) if mended else facts, rows


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
