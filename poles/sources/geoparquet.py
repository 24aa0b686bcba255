"""GeoParquet as a source: geometries in WKB or as nested coordinates, by what the file tells of its columns."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from poles.errors import Unreadable
from poles.query import CRS84
from poles.sources.table import Rows
from poles.sources.vector import as_features
from poles.stored import Array

_NATIVE = {
    "point": shapely.GeometryType.POINT,
    "linestring": shapely.GeometryType.LINESTRING,
    "polygon": shapely.GeometryType.POLYGON,
    "multipoint": shapely.GeometryType.MULTIPOINT,
    "multilinestring": shapely.GeometryType.MULTILINESTRING,
    "multipolygon": shapely.GeometryType.MULTIPOLYGON,
}
"""Encodings of GeoParquet 1.1 that are those of GeoArrow."""
_UNDEFINED = object()


def is_parquet(href: str) -> bool:
    """Whether a source is a Parquet file by its first bytes."""
    path = Path(href)
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def geoparquet_rows(href: str, names: Mapping[str, str] | None = None, crs: str | None = None) -> Rows:
    """The features of a GeoParquet file; `crs` overrides that of the file. Raises Unreadable."""
    table, told = _read(href)
    name, about = _primary(href, table, told)
    geometry = _wkb(href, table[name], str(about.get("encoding", "WKB")))
    shown = [n for n in table.column_names if n not in {name, *_coverings(told)}]
    properties = pa.table({n: _typed(table[n]) for n in shown})
    return as_features(href, properties, geometry, _crs(about) if crs is None else crs, names or {})


def _read(href: str) -> tuple[pa.Table, Mapping[str, Any]]:
    """All rows, and what the file tells of its geometries."""
    try:
        with pq.ParquetFile(href) as file:
            # Those of the file: a schema of Arrow in it need not repeat them.
            told = json.loads((file.metadata.metadata or {}).get(b"geo", b"{}"))
            return file.read(), told if isinstance(told, dict) else {}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(href, str(error).splitlines()[0][:120], "mend or convert the file") from error


def _primary(href: str, table: pa.Table, told: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The column of geometries that the file calls its first, and what is told of it."""
    columns, name = told.get("columns"), str(told.get("primary_column"))
    about = columns.get(name) if isinstance(columns, dict) else None
    if not isinstance(about, dict) or name not in table.column_names:
        raise Unreadable(href, "Parquet that tells of no geometries", "write it as GeoParquet, or as CSV")
    return name, about


def _coverings(told: Mapping[str, Any]) -> set[str]:
    """The columns that hold the bounds of geometries, which are no properties."""
    boxes = [(c.get("covering") or {}).get("bbox") or {} for c in told["columns"].values()]
    return {path[0] for box in boxes for path in box.values() if path}


def _crs(about: Mapping[str, Any]) -> str | None:
    """Where none is told it is CRS84; None where the file says that it knows none."""
    said = about.get("crs", _UNDEFINED)
    if said is None:
        return None
    return CRS84 if said is _UNDEFINED else json.dumps(said)


def _wkb(href: str, column: pa.ChunkedArray, encoding: str) -> pa.Array:
    """A column of geometries as WKB."""
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    whole = whole.storage if isinstance(whole, pa.ExtensionArray) else whole
    if encoding.lower() == "wkb":
        return whole.cast(pa.binary())
    if encoding not in _NATIVE:
        raise Unreadable(href, f"geometries as {encoding} are not read", "write them as WKB")
    return pa.array(shapely.to_wkb(_shapes(whole, encoding)), pa.binary(), from_pandas=True)


def _shapes(whole: pa.Array, encoding: str) -> Array:
    """Geometries of nested coordinates; None where there is none."""
    there, offsets = whole.drop_null(), []
    inner = there
    while pa.types.is_list(inner.type) or pa.types.is_large_list(inner.type):
        offsets.append(np.asarray(inner.offsets) - inner.offsets[0].as_py())
        inner = inner.flatten()
    axes = [inner.type.field(i).name for i in range(inner.type.num_fields)]
    xy = np.column_stack([np.asarray(pc.struct_field(inner, [axes.index(a)])) for a in "xyz" if a in axes])
    shapes: Array = shapely.from_ragged_array(_NATIVE[encoding], xy, tuple(reversed(offsets)) or None)
    if encoding == "point":
        shapes[np.isnan(xy).all(axis=1)] = shapely.Point()
    found = np.full(len(whole), None, object)
    found[np.asarray(whole.is_valid())] = shapes
    return found


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A property in a type that stores keep: exact numbers as floats, what JSON does not bring back as text."""
    kind = column.type
    if pa.types.is_duration(kind) or isinstance(kind, pa.UuidType):
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())])
    if isinstance(kind, pa.BaseExtensionType) and str(kind) != "extension<arrow.json>":
        return _typed(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type))
    if pa.types.is_dictionary(kind):
        return _typed(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    return _as_json(column) if pa.types.is_nested(kind) and not _is_json(kind) else column


def _is_json(kind: pa.DataType) -> bool:
    """Whether JSON brings values of a type back as they were."""
    if pa.types.is_list(kind):
        return _is_json(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_json(field.type) for field in kind)
    is_ = pa.types
    return bool(is_.is_string(kind) or is_.is_integer(kind) or is_.is_floating(kind) or is_.is_boolean(kind))


def _as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Maps, and lists and objects of times or bytes, as JSON."""
    values = (dict(v) if pa.types.is_map(column.type) and v is not None else v for v in column.to_pylist())
    option = orjson.OPT_NON_STR_KEYS
    texts = [None if v is None else orjson.dumps(v, default=str, option=option).decode() for v in values]
    return pa.chunked_array([pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))])
