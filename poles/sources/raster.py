"""GeoTIFF, COG and the other rasters of GDAL, raw, through rasterio under the GDAL lock."""

import logging
import math
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from poles.errors import PolesError, Unreadable
from poles.sources.chunks import MIB, Chunked, layout
from poles.sources.kinds import version
from poles.sources.locks import GDAL, Handles, Source
from poles.stored import Array, Opened, Slices, Stored

import rasterio  # isort: skip  # after the locks, which set its environment
from rasterio.enums import ColorInterp, MaskFlags  # isort: skip
from rasterio.errors import RasterioError  # isort: skip
from rasterio.io import DatasetReader  # isort: skip
from rasterio.windows import Window  # isort: skip

logging.getLogger("rasterio").setLevel(logging.CRITICAL)

_ELSEWHERE = {"netCDF", "HDF5", "HDF5Image", "BAG", "Zarr", "GRIB"}
_WIDER = {"uint8": "int16", "int8": "int16", "uint16": "int32", "int16": "int32", "uint32": "int64", "int32": "int64"}
_FAILURES = (RasterioError, OSError, RuntimeError, ValueError, IndexError)


def _open(href: str) -> DatasetReader:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = rasterio.open(href, sharing=False)
    except _FAILURES as error:
        raise Unreadable(href, f"GDAL cannot open it ({_reason(error)})", "copy the file again") from None
    if dataset.driver in _ELSEWHERE:
        dataset.close()
        raise Unreadable(href, f"{dataset.driver} is not read as a raster", "convert it to GeoTIFF")
    return dataset


_FILES = Handles(GDAL, _open, DatasetReader.close, version, limit=64)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]


def opened(href: str) -> Opened:
    """The bands of a raster over (`y`, `x`), its axes, and `crs` with `crs_wkt`.

    `x` and `y` are the centres of cells, in the order of the file; a rotated or sheared raster has `affine` on `crs`
    in their place (x = a col + b row + c, y = d col + e row + f). A cell that a mask or an alpha band hides holds
    `_FillValue`. Complex bands are left out. Raises Unreadable where nothing tells where the cells are.
    """
    try:
        return _FILES.first(href, _described)
    except PolesError:
        raise
    except _FAILURES as error:
        raise Unreadable(href, f"GDAL cannot read it ({_reason(error)})", "copy the file again") from None


def _described(source: Source, dataset: DatasetReader) -> Opened:
    _checked(source.href, dataset)
    placed = _placed(source.href, dataset)
    arrays = {s.key: s for s in placed}
    categories = _categories(source.href)
    for band in dataset.indexes:
        if dataset.colorinterp[band - 1] == ColorInterp.alpha and dataset.count > 1:
            continue
        stored = _band(source, dataset, band, _key(dataset, band, set(arrays)), categories.get(band, {}))
        if stored is not None:
            arrays[stored.key] = stored
    if len(arrays) == len(placed):
        raise Unreadable(source.href, "no band of real numbers", "write amplitude and phase as two bands")
    return Opened(arrays, dict(dataset.tags()))


def _checked(href: str, dataset: DatasetReader) -> None:
    """Raises Unreadable where the last block of a TIFF lies beyond its end."""
    if dataset.driver not in ("GTiff", "COG"):
        return
    height, width = dataset.block_shapes[-1]
    place = f"{(dataset.width - 1) // width}_{(dataset.height - 1) // height}"
    start, size = (
        int(dataset.get_tag_item(f"BLOCK_{what}_{place}", "TIFF", bidx=dataset.count) or 0)
        for what in ("OFFSET", "SIZE")
    )
    there = Path(href).stat().st_size
    if start + size > there:
        raise Unreadable(href, f"cut short, {there} of {start + size} bytes", "copy the file again")


# --- place ---------------------------------------------------------------------------------------------------


def _placed(href: str, dataset: DatasetReader) -> list[Stored]:
    """The grid mapping, and the axes where rows and columns run along them."""
    transform = dataset.transform
    if transform == Affine.identity():
        points = dataset.gcps[0]
        found = "only ground control points say where it lies" if points else "nothing says where it lies"
        raise Unreadable(href, found, "warp it with gdalwarp" if points else "give it a CRS and a geotransform")
    mapping: dict[str, Any] = {"crs_wkt": dataset.crs.to_wkt()} if dataset.crs is not None else {}
    if transform.b or transform.d:
        mapping["affine"] = tuple(transform)[:6]
        return [_held("crs", (), np.zeros((), np.int32), mapping)]
    x = _centres(transform.c, transform.a, dataset.width)
    y = _centres(transform.f, transform.e, dataset.height)
    geographic = dataset.crs is not None and dataset.crs.is_geographic
    return [
        _held("crs", (), np.zeros((), np.int32), mapping),
        *_along("y", y, transform.e, _axis("latitude", "degrees_north", "projection_y_coordinate", "Y", geographic)),
        *_along("x", x, transform.a, _axis("longitude", "degrees_east", "projection_x_coordinate", "X", geographic)),
    ]


def _along(key: str, centres: Array, step: float, attrs: dict[str, Any]) -> list[Stored]:
    """An axis; the edges of a cell that is alone stand beside it, as no neighbour tells them."""
    if len(centres) > 1:
        return [_held(key, (key,), centres, attrs)]
    edges, bounds = centres[:, None] + np.array([-0.5, 0.5]) * step, f"{key}_bnds"
    return [_held(key, (key,), centres, attrs | {"bounds": bounds}), _held(bounds, (key, "bnds"), edges, {})]


def _centres(start: float, step: float, count: int) -> Array:
    """Cell centres, without the noise of the last bits: to ten more digits than the step has."""
    centres: Array = np.round(start + (np.arange(count) + 0.5) * step, 10 - math.floor(math.log10(abs(step))))
    return centres


def _axis(angle: str, degrees: str, length: str, axis: str, geographic: bool) -> dict[str, Any]:
    if geographic:
        return {"standard_name": angle, "units": degrees, "axis": axis}
    return {"standard_name": length, "axis": axis}


def _held(key: str, dims: tuple[str, ...], values: Array, attrs: Mapping[str, Any]) -> Stored:
    """An array that is in memory."""
    return Stored(key, dims, values.shape, values.dtype, attrs, lambda slices: values[slices].copy())


# --- bands ---------------------------------------------------------------------------------------------------


def _key(dataset: DatasetReader, band: int, taken: set[str]) -> str:
    """The description of a band, else `band_1`; what would be the second of a name has its number behind it."""
    described = (dataset.descriptions[band - 1] or "").strip().replace("/", "_")
    key = described or f"band_{band}"
    return key if key not in taken | {"x", "y", "crs"} else f"{key}_{band}"


def _band(source: Source, dataset: DatasetReader, band: int, key: str, categories: dict[str, Any]) -> Stored | None:
    kind = np.dtype(dataset.dtypes[band - 1])
    if kind.kind == "c" or dataset.dtypes[band - 1].startswith("complex"):
        return None
    masked = MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]
    attrs = _attributes(dataset, band) | categories
    dtype = np.dtype(np.float32) if kind == np.float16 else kind
    if masked and "_FillValue" not in attrs:
        dtype = np.dtype(_WIDER.get(dtype.name, np.promote_types(dtype, np.float32).name))
        attrs["_FillValue"] = dtype.type(np.nan) if dtype.kind == "f" else np.iinfo(dtype).min
    shape = dataset.height, dataset.width
    blocks = dataset.block_shapes[band - 1]
    chunks = layout(shape, dtype, blocks, small=MIB if blocks[1] >= dataset.width else MIB // 16, grown=MIB)
    load = partial(_load, source, band, dtype, attrs["_FillValue"] if masked else None)
    read = Chunked(f"{source.href}\0{source.version}\0{band}", shape, dtype, chunks, load)
    return Stored(key, ("y", "x"), shape, dtype, attrs, read, chunks)


def _attributes(dataset: DatasetReader, band: int) -> dict[str, Any]:
    at = band - 1
    attrs: dict[str, Any] = {n: v for n, v in dataset.tags(band).items() if not n.startswith("STATISTICS_")}
    attrs["grid_mapping"] = "crs"
    if dataset.descriptions[at]:
        attrs.setdefault("long_name", dataset.descriptions[at])
    if dataset.units[at]:
        attrs["units"] = dataset.units[at]
    if dataset.scales[at] != 1:
        attrs["scale_factor"] = dataset.scales[at]
    if dataset.offsets[at] != 0:
        attrs["add_offset"] = dataset.offsets[at]
    missing = dataset.nodatavals[at]
    if missing is not None:
        attrs["_FillValue"] = _exact(missing, np.dtype(dataset.dtypes[at]))
    return attrs


def _exact(missing: float, dtype: np.dtype[Any]) -> Any:
    """The nodata value in the type of the band, if it has it."""
    if dtype.kind in "iu" and np.isfinite(missing):
        limits = np.iinfo(dtype)
        return dtype.type(missing) if limits.min <= missing <= limits.max and missing == int(missing) else missing
    return missing


def _load(source: Source, band: int, dtype: np.dtype[Any], hidden: Any, slices: Slices) -> Array:
    rows, columns = slices
    window = Window.from_slices(rows, columns)

    def block(dataset: DatasetReader) -> tuple[Array, Array | None]:
        values = dataset.read(band, window=window)
        return values, dataset.read_masks(band, window=window) if hidden is not None else None

    try:
        values, mask = _FILES.use(source, block)
    except PolesError:
        raise
    except _FAILURES as error:
        found = f"band {band} cannot be read ({_reason(error.__cause__ or error)})"
        raise Unreadable(source.href, found, "copy the file again") from None
    values = values.astype(dtype, copy=False)
    if mask is not None:
        values[mask == 0] = hidden
    return values


# --- categories ----------------------------------------------------------------------------------------------


def _categories(href: str) -> dict[int, dict[str, Any]]:
    """`flag_values` and `flag_meanings` by band, from the category names or the attribute table of `.aux.xml`."""
    try:
        root = ET.parse(href + ".aux.xml").getroot()
    except (OSError, ET.ParseError):
        return {}
    found = {}
    for element in root.iter("PAMRasterBand"):
        names = _names(element) or _table(element)
        if names:
            found[int(element.get("band", "1"))] = {
                "flag_values": np.array(list(names)),
                "flag_meanings": " ".join("_".join(n.split()) for n in names.values()),
            }
    return found


def _names(band: ET.Element) -> dict[int, str]:
    names = (e.text or "" for e in band.iterfind("CategoryNames/Category"))
    return {value: name for value, name in enumerate(names) if name.strip()}


def _table(band: ET.Element) -> dict[int, str]:
    """The columns `MinMax` and `Name` of a GDAL raster attribute table (usages 5 and 2)."""
    table = band.find("GDALRasterAttributeTable")
    if table is None:
        return {}
    usages = [d.findtext("Usage", "") for d in table.iterfind("FieldDefn")]
    if "5" not in usages or "2" not in usages:
        return {}
    rows = [[f.text or "" for f in row.iterfind("F")] for row in table.iterfind("Row")]
    try:
        return {int(float(row[usages.index("5")])): row[usages.index("2")] for row in rows}
    except (ValueError, IndexError):
        return {}
