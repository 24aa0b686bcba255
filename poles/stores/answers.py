"""Rows of a table of PostgreSQL as Arrow batches: asked over pooled connections, streamed where they may be many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pyarrow as pa

from poles.dataset import Facts
from poles.errors import Unreadable
from poles.stores import BATCH, Statement, cast, typed
from poles.stores.connections import Connection, Pool, is_lost, pool, refused
from poles.stores.dialect import Dialect
from poles.stores.layout import Layout, from_bytes

_AT_ONCE = 1_000
"""Rows up to which an answer is fetched whole, in one round trip."""
_FIRST = 500
_PIECE = 8_000_000
"""Bytes that are fetched at once, as far as the rows before tell how long a row is."""
_TRIES = 3
Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class PostgisStore:
    """The rows of one table, asked over the connections of the process."""

    url: str
    layout: Layout
    dialect: Dialect
    facts: Facts
    version: str
    about: Mapping[str, Any] | None = None
    number: int | None = None
    """Of a version that Poles stored: its row in `poles.versions`."""

    def platforms(self) -> pa.Table:
        return self._platforms

    @cached_property
    def _platforms(self) -> pa.Table:
        asked = Statement("SELECT platforms FROM poles.versions WHERE number = $1", (self.number,), 1)
        found = self.first(asked)
        if found is None or found[0] is None:
            raise Unreadable("items", "this version of the data is no longer there", "ask again")
        return from_bytes(found[0])

    def batches(self, statement: Statement, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        small = statement.rows is not None and statement.rows <= _AT_ONCE
        found = self._whole(statement) if small else self._streamed(statement)
        for batch in found:
            yield batch if schema is None else cast(batch, schema)

    def few(self, statement: Statement, types: Sequence[pa.DataType]) -> Sequence[Sequence[Any]] | None:
        kinds, rows = answered(pool(self.url), statement)
        columns = zip(*rows, strict=True) if rows else [()] * len(types)
        try:
            return [_as(t, v, k) for t, v, k in zip(types, columns, kinds, strict=True)]
        except OverflowError:  # a year that Python does not know
            return None

    def first(self, statement: Statement) -> Sequence[Any] | None:
        _, rows = answered(pool(self.url), statement)
        return rows[0] if rows else None

    def estimated(self, statement: Statement) -> int:
        """About how many rows a statement gives, as the planner expects; none is read."""
        _, rows = answered(pool(self.url), Statement(f"EXPLAIN (FORMAT JSON) {statement.text}", statement.values, 1))
        return int(rows[0][0][0]["Plan"]["Plan Rows"])

    def _whole(self, statement: Statement) -> Iterator[pa.RecordBatch]:
        kinds, rows = answered(pool(self.url), statement)
        if rows:
            yield _batch(kinds, rows)

    def _streamed(self, statement: Statement) -> Iterator[pa.RecordBatch]:
        """Pieces of about the same size; the connection is given back when the stream ends or is closed."""
        with ExitStack() as held:
            connection, step = _declared(held, pool(self.url), statement), _FIRST
            while True:
                kinds, rows = _fetched(connection, step, self.url)
                if rows:
                    batch = _batch(kinds, rows)
                    yield batch
                if len(rows) < step:
                    return
                step = max(min(BATCH, int(_PIECE / max(batch.nbytes / len(rows), 1))), 1)


# --- asking ----------------------------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """What the server says of a column of its answer."""

    oid: int
    name: str
    modifier: int
    """Of `numeric`, where it is not below 0: 4 more than precision and scale, of 16 bits each."""


def answered(of: Pool, statement: Statement) -> tuple[Sequence[_Kind], Rows]:
    """All rows of an answer. Raises Unreadable, Busy, Invalid."""
    with ExitStack() as held:
        cursor = _begun(held, of, lambda c: _run(c, statement.text, statement.values))
        return _kinds(cursor), cursor.fetchall()


def _declared(held: ExitStack, of: Pool, statement: Statement) -> Connection:
    """A connection with a cursor `rows` over an answer."""

    def declared(connection: Connection) -> Connection:
        connection.execute("BEGIN READ ONLY")
        _run(connection, f"DECLARE rows NO SCROLL CURSOR FOR {statement.text}", statement.values)
        return connection

    return _begun(held, of, declared)


def _begun[T](held: ExitStack, of: Pool, question: Callable[[Connection], T]) -> T:
    """A question over a connection that is held; asked again over another where one turns out to be lost."""
    for attempt in range(_TRIES):
        with ExitStack() as trying:
            connection = trying.enter_context(of.connection())
            try:
                found = question(connection)
            except psycopg.Error as error:
                if attempt == _TRIES - 1 or not is_lost(error, connection):
                    raise refused(error, of.url) from error
                of.forgotten()
                continue
            held.enter_context(trying.pop_all())
            return found
    raise AssertionError("the last attempt returns or raises")


def _fetched(connection: Connection, rows: int, url: str) -> tuple[Sequence[_Kind], Rows]:
    try:
        cursor = _run(connection, f"FETCH FORWARD {rows} FROM rows", ())
        return _kinds(cursor), cursor.fetchall()
    except psycopg.Error as error:
        raise refused(error, url) from error


def _run(connection: Connection, text: str, values: Sequence[Any]) -> psycopg.RawCursor[tuple[Any, ...]]:
    cursor = psycopg.RawCursor(connection)
    return cursor.execute(text.encode(), values or None, binary=True)


def _kinds(cursor: psycopg.RawCursor[tuple[Any, ...]]) -> Sequence[_Kind]:
    """Of the columns of an answer; `cursor.description` tells the same at ten times the cost."""
    found = cursor.pgresult
    if found is None:
        return ()
    return [_Kind(found.ftype(i), (found.fname(i) or b"").decode(), found.fmod(i)) for i in range(found.nfields)]


# --- values ----------------------------------------------------------------------------------------------------------

_NUMERIC, _DATE, _TIMES, _FLOATS = 1700, 1082, (1114, 1184), (700, 701)
_TYPES = {
    16: pa.bool_(), 17: pa.binary(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 26: pa.int64(),
    700: pa.float32(), 701: pa.float64(),
}  # fmt: skip
"""Arrow types by the numbers of PostgreSQL's; what is none of these is a text."""
_WIDE = {np.int32: pa.int32(), np.int64: pa.int64()}
_ENDS = {t: (np.iinfo(t).min, np.iinfo(t).max) for t in (np.int32, np.int64)}
_DAYS, _MS = 10_957, 946_684_800_000
"""From 1970 to 2000."""


def _batch(kinds: Sequence[_Kind], rows: Rows) -> pa.RecordBatch:
    columns = [_column(v, k) for v, k in zip(zip(*rows, strict=True), kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=[k.name for k in kinds])


def _column(values: Sequence[Any], kind: _Kind) -> pa.Array:
    """One column as Arrow has it, NaN as null; times in UTC without a zone, as the embedded store gives them."""
    if kind.oid in _TIMES:
        us, mask = _counted(values, np.int64)
        return pa.array(us // 1000 + _MS, mask=mask).cast(pa.timestamp("ms"))
    if kind.oid == _DATE:
        days, mask = _counted(values, np.int32)
        return pa.array(np.where(mask, 0, days) + _DAYS, pa.int32(), mask=mask).cast(pa.date32())
    if kind.oid == _NUMERIC:
        whole = kind.modifier >= 4 and not (kind.modifier - 4) & 0xFFFF
        return pa.array([_number(v, whole) for v in values], pa.uint64() if whole else pa.float64())
    if kind.oid in _FLOATS:
        return pa.array(values, _TYPES[kind.oid], from_pandas=True)
    try:
        return pa.array(values, _TYPES.get(kind.oid, pa.string()))
    except pa.ArrowTypeError:
        return pa.array([None if v is None else str(v) for v in values], pa.string())


_ALIKE: Mapping[int, Callable[[pa.DataType], bool]] = {
    16: pa.types.is_boolean, 700: pa.types.is_float32, 701: pa.types.is_float64,
    **dict.fromkeys((20, 21, 23), pa.types.is_integer), **dict.fromkeys((19, 25, 1042, 1043), pa.types.is_string),
}  # fmt: skip
"""Whether Arrow has the values that the driver gives in such a type, by the numbers of PostgreSQL's."""
_EPOCH, _DAY_ONE = datetime(2000, 1, 1), date(2000, 1, 1)


def _as(to: pa.DataType, values: Sequence[Any], kind: _Kind) -> Sequence[Any]:
    """One column as Python has it, of a type of Arrow. Raises OverflowError for a year that Python does not know."""
    if kind.oid in _ALIKE and _ALIKE[kind.oid](to):
        return values
    if kind.oid in _TIMES or kind.oid == _DATE:
        return [_plain(v, kind) for v in values]
    plain: Sequence[Any] = typed([_column(values, kind)], pa.schema([pa.field("", to)])).column(0).to_pylist()
    return plain


def _counted(values: Sequence[Any], dtype: Any) -> tuple[Any, Any]:
    """Whole numbers, and where they are null or one of the infinities of PostgreSQL."""
    array = pa.array(values, _WIDE[dtype])
    found = np.asarray(array.fill_null(0) if array.null_count else array)
    low, high = _ENDS[dtype]
    endless = (found == low) | (found == high)
    return found, endless | np.asarray(array.is_null()) if array.null_count else endless


def _number(value: Decimal | None, whole: bool) -> float | int | None:
    if value is None or value.is_nan():
        return None
    return int(value) if whole else float(value)


def _plain(value: Any, kind: _Kind) -> Any:
    """One value as Python has it; the infinities of PostgreSQL are none."""
    if value is None:
        return None
    if kind.oid in _TIMES:
        return None if value in _ENDS[np.int64] else _EPOCH + timedelta(milliseconds=value // 1000)
    if kind.oid == _DATE:
        return None if value in _ENDS[np.int32] else _DAY_ONE + timedelta(days=value)
    return value
