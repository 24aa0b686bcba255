"""Rows of points as a CF file of `featureType` point."""

import unicodedata
from itertools import chain, count
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyarrow as pa
import shapely

from poles.coverage import Answer, Table
from poles.crs import LONLAT, transform
from poles.crs import crs as crs_of
from poles.dataset import Described, Text
from poles.encodings import acdd
from poles.encodings.conventions import LATITUDE, LONGITUDE, of_parameter, said
from poles.encodings.format import Context
from poles.encodings.layout import safe
from poles.encodings.wkb import located, shapes
from poles.errors import Invalid
from poles.sources.locks import HDF5
from poles.stored import Array

_WIDER = {
    "int8": "i2",
    "uint8": "i2",
    "int16": "i4",
    "uint16": "i4",
    "int32": "i8",
    "uint32": "i8",
    "int64": "i8",
    "uint64": "i8",
}
_MISSING = {"i2": -32_768, "i4": -(2**31), "i8": -(2**63)}
_SECONDS = "seconds since 1970-01-01 00:00:00"
_LONGEST = 255
"""Bytes of a name: netCDF writes one more, and does not read it back."""
_REASON = "only rows of points have a form in NetCDF"


def carries(answer: Answer) -> str | None:
    """Why the rows have no form in NetCDF, as far as that is known before they are read."""
    if not isinstance(answer, Table):
        return "coverages are no rows"
    facts = answer.dataset.facts
    points = facts is None or facts.kind != "features" or facts.feature_type in (None, "Point")
    return None if answer.geometry is not None and points and not answer.locations else _REASON


def write(table: Table, context: Context, path: Path) -> None:
    """Writes the rows, batch by batch. Raises Invalid where one is no point."""
    with HDF5:
        file = netCDF4.Dataset(path, "w", format="NETCDF4")
    try:
        with HDF5:
            file.setncatts(
                {**acdd.attributes(table.dataset, context), "featureType": "point", "cdm_data_type": "Point"}
            )
            file.createDimension("obs", None)
            _declare(file, table, context.language)
        start, box = 0, [np.inf, np.inf, -np.inf, -np.inf]
        for batch in table.batches():
            columns = {**_places(batch, table), **_values(batch, table)}
            with HDF5:
                for name, values in columns.items():
                    file[name][start : start + batch.num_rows] = values
            start += batch.num_rows
            box = _grown(box, columns["lon"], columns["lat"])
        with HDF5:
            file.setncatts(_extent(box))
    finally:
        with HDF5:
            file.close()


def _declare(file: netCDF4.Dataset, table: Table, language: str) -> None:
    for name, attributes in (("lon", LONGITUDE), ("lat", LATITUDE)):
        file.createVariable(name, "f8", ("obs",), fill_value=np.nan).setncatts(dict(attributes))
    names = _names(table)
    times = [f.name for f in table.schema if pa.types.is_timestamp(f.type)]
    beside = " ".join([*(names[t] for t in times[:1]), "lat", "lon"])
    for field in table.schema:
        if field.name not in names:
            continue
        kind = _kind(field.type)
        fill: Any = np.nan if kind == "f8" or kind == "f4" else _MISSING.get(kind)
        made = file.createVariable(names[field.name], str if kind == "str" else kind, ("obs",), fill_value=fill)
        described = table.parameters.get(field.name) or Described(field.name, Text(field.name, field.name))
        told = of_parameter(described, np.dtype(object if kind == "str" else kind), language)
        if pa.types.is_timestamp(field.type):
            told |= {"units": _SECONDS, "calendar": "proleptic_gregorian"}
            told |= {"standard_name": "time"} if field.name in times[:1] else {}
        made.setncatts(said({**told, "coordinates": beside}))


def _names(table: Table) -> dict[str, str]:
    """Names of the variables by property: one called lon or lat gives way to the coordinate."""
    found: dict[str, str] = {}
    for name in table.schema.names:
        if name != table.geometry:
            found[name] = _free(name, {"lon", "lat", "obs", *found.values()})
    return found


def _free(name: str, taken: set[str]) -> str:
    """The name as netCDF holds it: composed (NFC), so that two spellings of it are one, and of so many bytes."""
    base = safe(unicodedata.normalize("NFC", name)).encode()
    ends = chain(("", "_"), (f"_{n}" for n in count(2)))
    cut = (base[: _LONGEST - len(end)].decode(errors="ignore").rstrip() + end for end in ends)
    return next(c for c in cut if c not in taken)


def _kind(kind: pa.DataType) -> str:
    """The stored type: integers are widened, so that a code for missing is free."""
    if pa.types.is_timestamp(kind) or pa.types.is_float64(kind):
        return "f8"
    if pa.types.is_floating(kind):
        return "f4"
    if pa.types.is_boolean(kind):
        return "i2"
    return _WIDER.get(str(kind), "str")


def _places(batch: pa.RecordBatch, table: Table) -> dict[str, Array]:
    """Longitudes and latitudes, NaN where there is no place."""
    geometry = located(shapes(batch.column(table.geometry)))
    if not np.isin(shapely.get_type_id(geometry), (0, -1)).all():
        raise Invalid("f", _REASON, "ask GeoJSON or CSV")
    lon, lat = transform(shapely.get_x(geometry), shapely.get_y(geometry), crs_of(table.crs), LONLAT)
    return {"lon": np.asarray(lon), "lat": np.asarray(lat)}


def _values(batch: pa.RecordBatch, table: Table) -> dict[str, Array]:
    return {name: _column(batch.column(n)) for n, name in _names(table).items()}


def _column(values: pa.Array) -> Array:
    kind = _kind(values.type)
    if kind == "str":
        texts = values if pa.types.is_nested(values.type) else values.cast(pa.string())
        return np.array(["" if v is None else str(v) for v in texts.to_pylist()], object)
    if pa.types.is_timestamp(values.type):
        ms = values.to_numpy(zero_copy_only=False).astype("datetime64[ms]")
        return np.where(np.isnat(ms), np.nan, ms.view(np.int64) / 1000)
    if kind in _MISSING:
        return np.asarray(values.cast(pa.int64(), safe=False).fill_null(_MISSING[kind]).to_numpy(zero_copy_only=False))
    return np.asarray(values.to_numpy(zero_copy_only=False), kind)


def _grown(box: list[float], lon: Array, lat: Array) -> list[float]:
    finite = np.isfinite(lon) & np.isfinite(lat)
    if not finite.any():
        return box
    x, y = lon[finite], lat[finite]
    return [min(box[0], x.min()), min(box[1], y.min()), max(box[2], x.max()), max(box[3], y.max())]


def _extent(box: list[float]) -> dict[str, Any]:
    if box[0] > box[2]:
        return {}
    names = ("geospatial_lon_min", "geospatial_lat_min", "geospatial_lon_max", "geospatial_lat_max")
    return dict(zip(names, map(float, box), strict=True))
