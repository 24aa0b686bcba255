"""Vector files as GDAL reads them: GeoPackage, GeoJSON, Shapefile, FlatGeobuf, KML."""

import warnings
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS

from poles.crs import crs as crs_of
from poles.crs import uri
from poles.dataset import Described, Text
from poles.errors import Unreadable
from poles.query import CRS84
from poles.sources import dates
from poles.sources.locks import GDAL
from poles.sources.table import Role, Rows
from poles.times import MISSING

_MAGIC = (b"SQLite format 3\0", b"\0\0\x27\x0a", b"fgb\x03", b"PK\3\4", b"{", b"[", b"<")
_ENDS = (
    ("start_datetime", "end_datetime"), ("begin", "end"), ("start", "end"), ("start_time", "end_time"),
    ("begin_date", "end_date"), ("start_date", "end_date"), ("valid_from", "valid_to"), ("date_debut", "date_fin"),
)  # fmt: skip
_TIMES = ("datetime", "time", "timestamp", "date", "date_time", "acquired", "origin_time", "observed")


def is_vector(href: str) -> bool:
    """Whether a source looks like a vector file by its first bytes, which in a sequence of JSON are RS (RFC 7464)."""
    path = Path(href)
    if path.is_dir():
        return True
    with path.open("rb") as file:
        return file.read(512).lstrip(b"\xef\xbb\xbf\x1e \r\n\t").startswith(_MAGIC) or _is_shapefile(path)


def _is_shapefile(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\0\0\x27\x0a"


def vector_rows(href: str, names: Mapping[str, str] | None = None, crs: str | None = None) -> Rows:
    """The features of one layer; `names` chooses it where there are several (`{"layer": "roads"}`), `crs` overrides.

    The columns are the properties, `fid` in the attributes, and the geometry as WKB. Raises Unreadable.
    """
    given = names or {}
    layer = _layer(href, given.get("layer"))
    table, geometry, meta = _read(href, layer)
    said = meta.get("crs") if crs is None else crs
    return as_features(href, table, geometry, said, given, [str(f) for f in meta["fids"]])


def as_features(
    href: str,
    properties: pa.Table,
    geometry: pa.Array,
    crs: str | None,
    given: Mapping[str, str],
    fids: Sequence[str] | None = None,
) -> Rows:
    """Features of their properties and their geometries: WKB in `crs` (None: the source names none).

    Raises Unreadable where no CRS is named and none can be assumed.
    """
    columns = {n: _plain(properties[n]) for n in properties.column_names}
    name = free("wkb_geometry", columns)
    native, assumed = _crs(href, crs, geometry)
    table = pa.table({**columns, name: geometry})
    described = {n: _described(n, table[n]) for n in columns}
    attrs = {} if fids is None else {"fids": list(fids)}
    return Rows(table, _roles(table, given), described, "features", native, name, attrs, tuple(assumed))


def free(name: str, taken: Container[str]) -> str:
    """A name that is none of those taken.

    >>> free("id", {"id", "id_"})
    'id__'
    """
    while name in taken:
        name += "_"
    return name


def _pyogrio() -> Any:
    """Loaded at the first use: it brings pandas, half the start of a command that reads no vectors."""
    import pyogrio

    return pyogrio


def _layer(href: str, wanted: str | None) -> str:
    try:
        with GDAL:
            layers = [str(n) for n, kind in _pyogrio().list_layers(href) if kind is not None or wanted is not None]
    except Exception as error:  # GDAL raises many kinds for a file that it cannot open
        raise Unreadable(href, "neither text, arrays nor vectors that are read", "convert it to GeoPackage") from error
    if wanted is not None and wanted in layers:
        return wanted
    if wanted is not None:
        raise Unreadable(href, f"there is no layer {wanted}", f"name one of {', '.join(layers[:12])}")
    if not layers:
        raise Unreadable(href, "it holds no layer with geometries", "give a layer with geometries")
    if len(layers) > 1:
        remedy = f"name one of {', '.join(layers[:12])}: --name layer={layers[0]}, or in the block names: {{layer: …}}"
        raise Unreadable(href, f"it holds {len(layers)} layers", remedy)
    return layers[0]


def _read(href: str, layer: str) -> tuple[pa.Table, pa.Array, dict[str, Any]]:
    """The properties, the geometries as WKB, and what the file tells of them; the ids of GDAL under `fids`."""
    try:
        with GDAL, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta, table = _pyogrio().read_arrow(href, layer=layer, return_fids=True)
            info = _pyogrio().read_info(href, layer=layer)
            name = meta.get("geometry_name") or "wkb_geometry"
            if name not in table.column_names:
                remedy = "give a layer with geometries, or a CSV with coordinates"
                raise Unreadable(href, "its rows have no geometry", remedy)
            # The last of that name: a property may be called so too.
            place = len(table.column_names) - 1 - table.column_names[::-1].index(name)
            geometry = _straight(href, layer, table.column(place).combine_chunks().cast(pa.binary()))
    except Unreadable:
        raise
    except Exception as error:  # GDAL raises many kinds for a broken file
        raise Unreadable(href, str(error).splitlines()[0][:120], "mend or convert the file") from error
    table = table.remove_column(place)
    names = table.column_names
    at = next((names.index(n) for n in (info.get("fid_column"), "OGC_FID", "fid") if n and n in names), None)
    fids = table.column(at).to_pylist() if at is not None else list(range(len(table)))
    table = table.remove_column(at) if at is not None else table
    return table, geometry, {"crs": info.get("crs"), "fids": fids}


def _straight(href: str, layer: str, wkb: pa.Array) -> pa.Array:
    """Geometries whose arcs, where there are any, are straight pieces."""
    if not any(v is not None and _is_curved(v) for v in wkb.to_pylist()):
        return wkb
    return pa.array(_pyogrio().raw.read(href, layer=layer, columns=[])[2], pa.binary())


def _is_curved(wkb: bytes) -> bool:
    """Whether a geometry may have arcs: a string of arcs, or what is made of curves or curved surfaces."""
    code = int.from_bytes(wkb[1:5], "little" if wkb[0] == 1 else "big") & 0xFFFF
    return 8 <= code % 1000 <= 12


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A property as a column that all encodings write: times in UTC, texts that are dates as times."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return dates.tellable(column).cast(pa.timestamp("ms", "UTC"), safe=False)
    if pa.types.is_date(kind):
        return dates.tellable(column)
    if isinstance(kind, pa.JsonType):
        return _nested_json(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type))
    if pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _dated(_decoded(column))
    return column


def _nested_json(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of JSON where every value is a list, an object or null, else of the plain texts.

    GDAL gives properties of several types as JSON but tells the number 12, the text "12" and the text "12a" without
    quotes; and a file may call any text JSON.
    """
    raw = texts.cast(pa.binary()).combine_chunks()
    if not all(v is None or _is_nested_json(v) for v in raw.to_pylist()):
        return _plain(texts)
    there = pc.if_else(pc.equal(raw, b"null"), pa.scalar(None, raw.type), raw)
    return pa.chunked_array([pa.ExtensionArray.from_storage(pa.json_(), there.cast(pa.string()))])


def _is_nested_json(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text), list | dict | None)
    except orjson.JSONDecodeError:
        return False


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts: UTF-8, or Latin-1 where a file does not say how its bytes are to be read (old shapefiles)."""
    raw = column.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.chunked_array([pa.array([_text(value) for value in raw.to_pylist()], pa.string())])


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _dated(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as they are; as timestamps where every one is a date with a time."""
    first = next((c.as_py() for c in column.slice(0, 1000) if c.is_valid), "")
    if len(first) < 16 or not first[:4].isdigit() or first[4:5] not in "-/":
        return column
    ms = dates.parsed(column)
    if ms is None:
        return column
    return pa.chunked_array([pa.array(ms, mask=ms == MISSING).cast(pa.timestamp("ms", "UTC"))])


def _crs(href: str, said: str | None, geometry: pa.Array) -> tuple[str, list[str]]:
    """The CRS of the coordinates, x before y, and what was assumed."""
    if said is None:
        bounds = shapely.total_bounds(shapely.from_wkb(np.asarray(geometry.to_numpy(zero_copy_only=False), object)))
        if not np.isfinite(bounds).all() or np.abs(bounds[[1, 3]]).max() > 90 or np.abs(bounds[[0, 2]]).max() > 360:
            raise Unreadable(href, "it names no CRS, and its coordinates are no degrees", "give the CRS (--crs)")
        return CRS84, ["it names no CRS: coordinates are read as longitude and latitude"]
    found = crs_of(said)
    if found.to_authority() in (("EPSG", "4326"), ("EPSG", "4979"), ("OGC", "CRS84"), ("OGC", "CRS84h")):
        return CRS84, []
    return uri(_registered(found)), []


def _registered(found: CRS) -> CRS:
    """The CRS of EPSG that a definition means, if there is one."""
    authority = found.to_authority()
    if authority is not None and authority[0] in ("EPSG", "OGC"):
        return found
    code = found.to_epsg(min_confidence=50)
    return found if code is None else crs_of(f"EPSG:{code}")


def _roles(table: pa.Table, given: Mapping[str, str]) -> dict[Role, str]:
    """The column of ids: one that is named, or `id`, if each row has its own, and a text tells it."""
    own = given.get("id", "id")
    if own not in table.column_names or table[own].null_count or not _is_simple(table[own].type):
        return {}
    return {"id": own} if pc.count_distinct(table[own]).as_py() == len(table) else {}


def _is_simple(kind: pa.DataType) -> bool:
    """Whether values are texts, numbers or times: no lists, objects or bytes, which no path of a feature can name."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_string(kind))


def times_of(table: pa.Table, given: str | None) -> tuple[str, ...]:
    """The property that tells the time, or those of its begin and end; none where no property is a date."""
    if given is not None and given in table.column_names:
        return (given,)
    dated = [f.name for f in table.schema if pa.types.is_timestamp(f.type) or pa.types.is_date(f.type)]
    known = [n for n in dated if table[n].null_count < len(table)]
    lower = {n.lower(): n for n in known}
    for begin, end in _ENDS:
        if begin in lower and end in lower:
            return lower[begin], lower[end]
    named = next((lower[n] for n in _TIMES if n in lower), None)
    named = named or next((n for n in known if "obs" in n.lower()), None)
    if named is not None:
        return (named,)
    return (known[0],) if len(known) == 1 else ()


def _nested(column: pa.ChunkedArray) -> str:
    """Whether a column holds lists or objects; of JSON, as its first value does."""
    kind = column.type
    if not isinstance(kind, pa.BaseExtensionType):
        return "array" if pa.types.is_list(kind) or pa.types.is_large_list(kind) else "object"
    first = next((v for v in column.drop_null().slice(0, 1).to_pylist()), "{}")
    return "array" if str(first).lstrip().startswith("[") else "object"


def _described(key: str, column: pa.ChunkedArray) -> Described:
    """A property by its type."""
    dtype: Any = "string"
    kind = column.type
    if pa.types.is_floating(kind):
        dtype = "float"
    elif pa.types.is_integer(kind):
        dtype = "integer"
    elif pa.types.is_boolean(kind):
        dtype = "boolean"
    elif pa.types.is_timestamp(kind):
        dtype = "datetime"
    elif pa.types.is_date(kind):
        dtype = "date"
    elif pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
        dtype = _nested(column)
    label = key.replace("_", " ")
    return Described(key, Text(label, label), dtype=dtype)
