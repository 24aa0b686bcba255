"""GeoParquet 1.1: the columns as they are, geometries as WKB, x before y. Written to a file, row group by row group."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from poles.coverage import Answer, Table
from poles.crs import LONLAT
from poles.crs import crs as crs_of
from poles.encodings.columns import without_nan
from poles.encodings.format import Context
from poles.encodings.spool import spooled
from poles.encodings.tables import geometry, grouped
from poles.encodings.wkb import Footprint

_VERSION = "1.1.0"


def carries(answer: Answer) -> str | None:
    """GeoParquet carries rows."""
    return None if isinstance(answer, Table) else "only rows have a form in GeoParquet"


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The file in pieces; it is written whole before the first of them."""
    if not isinstance(answer, Table):
        raise TypeError("GeoParquet is made of rows")
    return spooled(lambda path: _write(answer, path), ".parquet")


def _write(table: Table, path: Path) -> None:
    footprint, name = Footprint(), geometry(table)
    schema = pa.schema([pa.field(f.name, pa.binary() if f.name == name else f.type) for f in table.schema])
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in grouped(table):
            batches = [_written(b, schema, name, footprint) for b in group]
            writer.write_table(pa.Table.from_batches(batches, schema), row_group_size=sum(b.num_rows for b in batches))
        if name is not None:
            writer.add_key_value_metadata(_told(schema, orjson.dumps(_described(table, name, footprint)).decode()))


def _written(batch: pa.RecordBatch, schema: pa.Schema, name: str | None, footprint: Footprint) -> pa.RecordBatch:
    columns = [
        footprint.passed(batch.column(f.name)) if f.name == name else without_nan(batch.column(f.name)) for f in schema
    ]
    return pa.record_batch(columns, schema)


def _told(schema: pa.Schema, geo: str) -> dict[str, str]:
    """The metadata of the file. Arrow takes those of a table from the schema that it keeps there, and from it alone."""
    arrow = schema.with_metadata({"geo": geo}).serialize()
    return {"geo": geo, "ARROW:schema": base64.b64encode(arrow).decode()}


def _described(table: Table, name: str, footprint: Footprint) -> dict[str, Any]:
    """The file metadata `geo`; without `crs`, coordinates are those of CRS84."""
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(footprint.types)}
    crs = crs_of(table.crs)
    if crs != LONLAT:
        column["crs"] = crs.to_json_dict()
    if footprint.box is not None:
        column["bbox"] = footprint.box
    return {"version": _VERSION, "primary_column": name, "columns": {name: column}}
