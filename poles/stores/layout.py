"""What a stored table holds, told without the words of any engine."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from poles.dataset import BBox, Facts
from poles.query import CRS84

Type = Literal["string", "integer", "float", "boolean", "datetime", "date", "other"]
"""How a property is compared; `other` (lists, objects, bytes) is not."""


@dataclass(frozen=True, slots=True)
class Column:
    """A property of the rows."""

    name: str
    """As it is asked and answered."""
    stored: str
    """As the table has it: names of properties may differ by case alone, or be longer than an engine takes."""
    type: Type


@dataclass(frozen=True)
class Layout:
    """A table of rows: its properties, its geometry, and the columns that make asking quick.

    Geometries are stored x before y in `crs`.
    """

    columns: tuple[Column, ...]
    schema: pa.Schema
    """The properties as Arrow answers them, in the order of `columns`; without `id` and `geometry`."""
    count: int | None
    """All rows; None: not counted (a table that others write to)."""
    crs: str = CRS84
    bounds: BBox | None = None
    """Of all geometries, in `crs`; None where there are none."""
    points: bool = False
    """Every geometry is a point without height (or lacking): an engine may hold two numbers, `x` and `y`."""
    sound: bool = False
    """Every geometry is valid, none a collection: none has to be mended before it is compared with another."""
    times: tuple[str, ...] = ()
    """The stored column that tells the time, or those of begin and end; a lacking begin or end is open."""
    whole_days: bool = False
    """Whether the times are dates, each its whole day."""
    z: str | None = None
    """The stored column of the level of observations."""
    table: tuple[str, ...] = ("items",)
    """The qualified name."""
    id: str = "id"
    geometry: str | None = "geometry"
    x: str = "_x"
    y: str = "_y"
    box: tuple[str, str, str, str] | None = ("_west", "_south", "_east", "_north")
    """Columns of the bounds of each geometry; None: the engine has an index of its own."""
    row: str | None = "_row"
    """A dense number from 0 in the order of the answers; None: the order is that of `id`."""

    @cached_property
    def items(self) -> pa.Schema:
        """Whole rows as they are answered."""
        ends = [pa.field("geometry", pa.binary())] if self.geometry is not None else []
        return pa.schema([pa.field("id", pa.string()), *(self.schema.field(c.name) for c in self.columns), *ends])

    def column(self, name: str) -> Column | None:
        """The property of that name."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True)
class Contents:
    """What is to be stored of one version of a data set."""

    facts: Facts
    layout: Layout
    rows: pa.Table
    """The physical columns: `_row`, `id`, the properties by their stored names, geometry or x and y, bounds."""
    platforms: pa.Table | None = None
    """Of observations: a row a platform."""
    about: Mapping[str, Any] | None = None
    """Of observations: how the samples are grouped, as JSON has it."""


def type_of(kind: pa.DataType) -> Type:
    """How values of an Arrow type are compared."""
    is_ = pa.types
    if is_.is_dictionary(kind):
        return type_of(kind.value_type)
    if is_.is_boolean(kind):
        return "boolean"
    if is_.is_integer(kind):
        return "integer"
    if is_.is_floating(kind) or is_.is_decimal(kind):
        return "float"
    if is_.is_timestamp(kind):
        return "datetime"
    if is_.is_date(kind):
        return "date"
    return "string" if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_null(kind) else "other"


def as_json(layout: Layout) -> dict[str, Any]:
    """The layout as JSON, for the table that tells of a stored table."""
    told = {k: getattr(layout, k) for k in Layout.__dataclass_fields__ if k not in ("columns", "schema")}
    columns = [[c.name, c.stored, c.type] for c in layout.columns]
    return {**told, "columns": columns, "schema": base64.b64encode(layout.schema.serialize()).decode()}


def from_json(told: Mapping[str, Any]) -> Layout:
    """The layout that `as_json` told."""
    plain: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in told.items() if k not in ("columns", "schema")
    }
    columns = tuple(Column(*c) for c in told["columns"])
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told["schema"])))
    return Layout(columns=columns, schema=schema, **plain)


def as_bytes(table: pa.Table) -> bytes:
    """A small table as one value of another (an Arrow stream)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def from_bytes(value: bytes) -> pa.Table:
    """The table of `as_bytes`."""
    return pa.ipc.open_stream(pa.py_buffer(value)).read_all()
