"""Rows of a table in pieces of bounded size, whatever the batches that they come in."""

from collections.abc import Iterator

import pyarrow as pa

from poles.coverage import Table

_ROWS = 10_240
_BYTES = 2 << 20
"""Larger pieces are no faster: their texts leave the cache of the processor."""


def pieces(table: Table) -> Iterator[pa.RecordBatch]:
    """The rows, none left out, in order; a piece has one row at least."""
    for batch in table.batches():
        yield from halved(batch)


def properties(table: Table) -> list[str]:
    """Names of the columns that are neither the id nor the geometry."""
    ours = ("id", geometry(table))
    return [n for n in table.schema.names if n not in ours]


def geometry(table: Table) -> str | None:
    """The name of the column of the geometry, where there is one."""
    return table.geometry if table.geometry in table.schema.names else None


def grouped(table: Table, rows: int = 1 << 16, size: int = 8 << 20) -> Iterator[list[pa.RecordBatch]]:
    """The pieces in groups of about so many rows or bytes."""
    waiting: list[pa.RecordBatch] = []
    for piece in pieces(table):
        waiting.append(piece)
        if sum(p.num_rows for p in waiting) >= rows or sum(p.nbytes for p in waiting) >= size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def halved(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces."""
    rows = batch.num_rows
    if rows > _ROWS or (rows > 1 and batch.nbytes > _BYTES):
        yield from halved(batch.slice(0, rows // 2))
        yield from halved(batch.slice(rows // 2))
    elif rows:
        yield batch
