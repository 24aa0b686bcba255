"""Where rows lie once they are read: an embedded DuckDB file a version, or tables of PostgreSQL and PostGIS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import pyarrow as pa

from poles.dataset import Facts
from poles.stores.dialect import Dialect
from poles.stores.layout import Layout

BATCH = 10_240
"""Rows of one batch of an answer."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL and the values bound in it as `$1`, `$2`, …"""

    text: str
    values: tuple[Any, ...] = ()
    rows: int | None = None
    """Rows that it gives at most, where that is known: few of them are not worth a stream."""


class Store(Protocol):
    """The rows of one version of a data set, which never change; of a table of others, as they are."""

    @property
    def layout(self) -> Layout: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def facts(self) -> Facts:
        """What metadata tell of the data set."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the rows change."""
        ...

    @property
    def about(self) -> Mapping[str, Any] | None:
        """Of observations: how the samples are grouped."""
        ...

    def platforms(self) -> pa.Table:
        """Of observations: a row a platform."""
        ...

    def batches(self, statement: Statement, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
        """The columns of a statement, streamed in batches of `BATCH` rows, cast to the types of `schema`.

        What the stream holds is given back when it ends or is closed. WKB is `binary`. Raises `Unreadable` (503).
        """
        ...

    def few(self, statement: Statement, types: Sequence[pa.DataType]) -> Sequence[Sequence[Any]] | None:
        """The columns of a statement that gives few rows, as Python values of types that are all `is_plain`.

        Times are UTC without a zone. None where a value is none of Python's.
        """
        ...

    def first(self, statement: Statement) -> Sequence[Any] | None:
        """The first row of a statement that asks numbers, texts or bytes."""
        ...

    def estimated(self, statement: Statement) -> int:
        """About how many rows a statement gives."""
        ...


_OF_PYTHON = frozenset(
    t.id for t in (
        pa.string(), pa.bool_(), pa.date32(), pa.float32(), pa.float64(), pa.timestamp("ms"),
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    )
)  # fmt: skip


def is_plain(kind: pa.DataType) -> bool:
    """Whether the drivers of both engines give a type as Python has it, and without loss."""
    return kind.id in _OF_PYTHON


def cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the names and types of a schema, column by column."""
    return typed(batch.columns, schema)


def typed(columns: Sequence[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """Columns as a batch of a schema, each cast to its type where it has another."""
    found = [c if c.type == t else _cast(c, t) for c, t in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(found, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_nested(kind) and pa.types.is_string(column.type):
        return pa.array([None if v is None else orjson.loads(v) for v in column.to_pylist()], kind)
    if pa.types.is_timestamp(column.type) and pa.types.is_timestamp(kind):
        if column.type.unit == kind.unit:
            return column.view(kind)
        return column.cast(pa.timestamp(kind.unit), safe=False).cast(kind)
    return column.cast(kind)
