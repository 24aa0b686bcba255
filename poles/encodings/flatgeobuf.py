"""FlatGeobuf, as GDAL writes it: x before y, rows in their own order (an index would sort them). Written to a file."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from poles.coverage import Answer, Table
from poles.crs import crs as crs_of
from poles.crs import is_lonlat
from poles.encodings.columns import as_text, without_nan
from poles.encodings.format import Context
from poles.encodings.kernels import cast
from poles.encodings.spool import spooled
from poles.encodings.tables import geometry, pieces
from poles.encodings.wkb import Footprint, iso, shapes
from poles.errors import Invalid
from poles.sources.locks import GDAL
from poles.stored import Array

_KEPT = tuple(
    map(str, (pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
              pa.float32(), pa.float64(), pa.binary(), pa.date32()))
)  # fmt: skip
_SEVERAL: dict[int, Callable[..., Array]] = {
    0: shapely.multipoints,
    1: shapely.multilinestrings,
    3: shapely.multipolygons,
}
"""What makes several of one, by the number of the type in GEOS."""
_REMEDY = "ask GeoParquet or GeoJSON"


def carries(answer: Answer) -> str | None:
    """FlatGeobuf carries rows."""
    return None if isinstance(answer, Table) else "only rows have a form in FlatGeobuf"


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The file in pieces; it is written whole before the first of them."""
    if not isinstance(answer, Table):
        raise TypeError("FlatGeobuf is made of rows")
    return spooled(lambda path: _write(answer, context, path), ".fgb")


def _write(table: Table, context: Context, path: Path) -> None:
    """All rows are read before GDAL is called: it is held no longer than it writes, and told what passed."""
    schema, name = _schema(table), geometry(table)
    with tempfile.TemporaryFile(dir=path.parent) as file:
        types = _laid_by(table, schema, name, file).types
        kind = _kind(types)
        file.seek(0)
        with pa.ipc.open_stream(file) as stream:
            promoted = name if len(types) > 1 and kind != "Unknown" else None
            names = _names(schema, name)
            batches = (_promoted(b, promoted).rename_columns(list(names.values())) for b in stream)
            told = pa.schema([f.with_name(names[f.name]) for f in schema])
            reader = pa.RecordBatchReader.from_batches(told, batches)
            _as_flatgeobuf(reader, path, names.get(name or ""), kind, table, context)


def _as_flatgeobuf(
    batches: pa.RecordBatchReader, path: Path, name: str | None, kind: str, table: Table, context: Context
) -> None:
    import pyogrio  # at the first use: it brings pandas

    crs = crs_of(table.crs)
    own = {"TITLE": table.dataset.title.in_(context.language), "SPATIAL_INDEX": "NO"}
    placed: dict[str, Any] = {"geometry_name": name, "geometry_type": kind, "crs": _named(crs)} if name else {}
    with GDAL:
        pyogrio.write_arrow(
            batches, str(path), driver="FlatGeobuf", layer=table.dataset.id, layer_options=own, **placed
        )


def _named(crs: Any) -> str:
    """A code where a registry has one; longitude and latitude under the code that every reader knows."""
    if is_lonlat(crs):
        return "EPSG:4326"
    authority = crs.to_authority()
    return ":".join(authority) if authority is not None else crs.to_wkt()


# --- columns -------------------------------------------------------------------------------------------------------


def _schema(table: Table) -> pa.Schema:
    name = geometry(table)
    return pa.schema([pa.field(f.name, pa.binary()) if f.name == name else _field(f) for f in table.schema])


def _names(schema: pa.Schema, geometry: str | None) -> dict[str, str]:
    """What GDAL is told the columns are called: it mixes up those that differ by case alone, ends where that is the
    geometry (whose name is not written), and takes `OGC_FID` for the numbers of rows."""
    found: dict[str, str] = {}
    taken = {"ogc_fid", *schema.names}
    for name in schema.names:
        told = name
        while told.casefold() in {t.casefold() for t in found.values()} | {"ogc_fid"} or (
            told != name and told in taken
        ):
            told += "_"
        found[name] = told
    if geometry is not None:
        found[geometry] = "_" * (1 + max(map(len, found.values()))) + "geometry"
    return found


def _field(field: pa.Field) -> pa.Field:
    """A column as GDAL is told of it; a time is a text that it reads as one.

    It cuts a timestamp before 1970 to seconds towards zero, then takes the fraction off within the minute, as far as
    that goes: `23:58:59.500` would be written as `23:59:00`.
    """
    moment = {"GDAL:OGR:type": "DateTime"} if pa.types.is_timestamp(field.type) else None
    return pa.field(field.name, _type(field.type), metadata=moment)


def _type(kind: pa.DataType) -> pa.DataType:
    """The type of a column that FlatGeobuf has; what is neither number, date nor bytes is text or JSON."""
    if str(kind) in _KEPT:
        return kind
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind):
        return pa.float64()
    return pa.date32() if pa.types.is_date(kind) else pa.string()


def _column(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        return _moments(values)
    if pa.types.is_string(kind):
        return as_text(values)[0]
    return without_nan(values if values.type == kind else cast(values, kind))


def _moments(values: pa.Array) -> pa.Array:
    """Times as texts to the millisecond, all that GDAL keeps; null where the year has no four digits."""
    texts = as_text(pc.floor_temporal(cast(values, pa.timestamp(values.type.unit)), unit="millisecond"))[0]
    return pc.if_else(pc.match_substring_regex(texts, r"^\d{4}-"), texts, pa.scalar(None, pa.string()))


def _laid_by(table: Table, schema: pa.Schema, name: str | None, file: IO[bytes]) -> Footprint:
    """Writes the rows to a file of their own, and tells what their geometries are."""
    footprint = Footprint()
    with pa.ipc.new_stream(file, schema) as stream:
        for batch in pieces(table):
            columns = [
                footprint.passed(batch.column(f.name)) if f.name == name else _column(batch.column(f.name), f.type)
                for f in schema
            ]
            stream.write_batch(pa.record_batch(columns, schema))
    return footprint


# --- geometries ----------------------------------------------------------------------------------------------------


def _kind(types: set[str]) -> str:
    """The one type that FlatGeobuf demands of a layer, as GDAL names it. Raises Invalid where z would be lost.

    Only a layer without z can be of unknown type; single and multiple geometries with z are all written as multiple.
    """
    if len(types) == 1:
        return next(iter(types))
    if not any(t.endswith(" Z") for t in types):
        return "Unknown"
    single = {t.removeprefix("Multi") for t in types}
    if len(single) > 1:
        found = f"FlatGeobuf has no layer of {', '.join(sorted(types))} together"
        raise Invalid("f", found, _REMEDY)
    return f"Multi{single.pop()}"


def _promoted(batch: pa.RecordBatch, name: str | None) -> pa.RecordBatch:
    """Single geometries as multiple ones of one part."""
    if name is None:
        return batch
    found: Array = shapes(batch.column(name))
    for number, several in _SEVERAL.items():
        at = shapely.get_type_id(found) == number
        if at.any():
            found[at] = several(found[at], indices=np.arange(at.sum()))
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), iso(found))
