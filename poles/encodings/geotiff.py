"""GeoTIFF: a band a parameter, time, level and other step over one regular grid; north up, compressed, tiled."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from poles import times
from poles.coverage import Answer, Axis, Block, Coverage, Coverages
from poles.crs import crs as crs_of
from poles.crs import is_lonlat
from poles.dataset import Dataset
from poles.encodings.arrays import plain, plain_type
from poles.encodings.format import Context
from poles.encodings.spool import spooled
from poles.errors import Invalid
from poles.sources.locks import GDAL
from poles.stored import Array

_MOST_BANDS = 4_096
_UNEVEN = 0.01
"""How far, in cells, a coordinate may lie from a regular one."""

_REMEDY = "ask NetCDF or CoverageJSON"


@dataclass(frozen=True, slots=True)
class _Image:
    """The one grid that all bands share."""

    width: int
    height: int
    transform: Affine
    flipped: bool
    """Whether rows come from south to north, and are written the other way round."""
    crs: rasterio.CRS
    dtype: np.dtype[Any]


def carries(answer: Answer) -> str | None:
    """GeoTIFF carries one grid with even steps, or a sheared one, and at most 4,096 bands of numbers."""
    try:
        _image(answer)
    except Invalid as err:
        return err.found
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The file in pieces; it is written whole before the first of them. Raises Invalid for what it cannot carry."""
    image = _image(answer)
    members = answer.members if isinstance(answer, Coverages) else ()
    return spooled(lambda path: _write(members, image, answer.dataset, context, path), ".tif")


# --- what the image is ---------------------------------------------------------------------------------------------


def _image(answer: Answer) -> _Image:
    if not isinstance(answer, Coverages) or not answer.members:
        raise Invalid("f", "only a grid has a form in GeoTIFF", _REMEDY)
    first = answer.members[0]
    if any(c.composite is not None or c.axis("x") is None or c.axis("y") is None for c in answer.members):
        raise Invalid("f", "cells without rows and columns have no form in GeoTIFF", _REMEDY)
    if any(not _is_alike(c, first) for c in answer.members):
        raise Invalid("f", "several grids have no form in one GeoTIFF", _REMEDY)
    bands = sum(block.size // (block.shape[-1] * block.shape[-2]) for _, block in _blocks(answer.members))
    if bands > _MOST_BANDS:
        raise Invalid(
            "f", f"{bands} bands asked, {_MOST_BANDS} allowed in GeoTIFF", "ask fewer times, levels or parameters"
        )
    x, y = _of(first, "x"), _of(first, "y")
    transform, flipped = _transform(first, x, y, answer.dataset)
    return _Image(len(x), len(y), transform, flipped, _crs(first.crs), _dtype(answer.members))


def _of(coverage: Coverage, name: str) -> Axis:
    axis = coverage.axis(name)
    if axis is None:
        raise Invalid("f", f"there is no {name}", _REMEDY)
    return axis


def _is_alike(a: Coverage, b: Coverage) -> bool:
    same = all(np.array_equal(_of(a, n).values, _of(b, n).values) for n in ("x", "y"))
    return same and a.crs == b.crs and a.affine == b.affine


def _blocks(members: tuple[Coverage, ...]) -> Iterator[tuple[str, Block]]:
    for coverage in members:
        for key, block in coverage.ranges.items():
            if block.dims[-2:] != ("y", "x"):
                raise Invalid("f", f"{key} does not lie on the grid", _REMEDY)
            yield key, block


def _dtype(members: tuple[Coverage, ...]) -> np.dtype[Any]:
    kinds = [plain_type(block.dtype) for _, block in _blocks(members)]
    if any(k.kind not in "iuf" for k in kinds):
        raise Invalid("f", "text and times have no form in GeoTIFF", _REMEDY)
    return np.result_type(*kinds)


def _crs(crs: str) -> rasterio.CRS:
    found = crs_of(crs)
    if found.is_derived and found.is_geographic:
        raise Invalid("f", "a rotated pole has no form in GeoTIFF", _REMEDY)
    with GDAL:
        return rasterio.CRS.from_epsg(4326) if is_lonlat(found) else rasterio.CRS.from_wkt(found.to_wkt())


def _transform(coverage: Coverage, x: Axis, y: Axis, dataset: Dataset) -> tuple[Affine, bool]:
    """From columns and rows to places, and whether the rows are written the other way round."""
    if coverage.affine is not None:
        a, b, c, d, e, f = coverage.affine
        column, row = float(x.values[0]) - 0.5, float(y.values[0]) - 0.5
        return Affine(a, b, a * column + b * row + c, d, e, d * column + e * row + f), False
    width, height = _step(x, y, dataset), _step(y, x, dataset)
    west, north = float(x.values[0]) - width / 2, float(y.values[-1]) + height / 2
    return Affine(width, 0.0, west, 0.0, -height, north), True


def _step(axis: Axis, other: Axis, dataset: Dataset) -> float:
    """The width of a cell along an axis; that of a single cell from its bounds, the whole axis or the other one."""
    if len(axis) > 1:
        return _even(axis.name, axis.values)
    if axis.bounds is not None:
        return float(np.ptp(axis.bounds[0]))
    facts = dataset.facts.axes if dataset.facts is not None else ()
    whole = next((a for a in facts if a.name == axis.name and a.size > 1), None)
    if whole is not None and whole.step:
        return abs(whole.step)
    if whole is not None and whole.values:
        return abs(_even(axis.name, np.array(whole.values, np.float64)))
    if len(other) > 1:
        return _even(other.name, other.values)
    raise Invalid("f", "one cell of unknown width has no form in GeoTIFF", _REMEDY)


def _even(name: str, values: Array) -> float:
    values = values.astype(np.float64)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if np.abs(values[0] + step * np.arange(len(values)) - values).max() > _UNEVEN * abs(step):
        raise Invalid("f", f"uneven steps along {name} have no form in GeoTIFF", _REMEDY)
    return step


# --- writing -------------------------------------------------------------------------------------------------------


def _write(members: tuple[Coverage, ...], image: _Image, dataset: Dataset, context: Context, path: Path) -> None:
    bands = [
        (c, key, block, labels) for c in members for key, block in c.ranges.items() for labels in [_labels(c, block)]
    ]
    count = sum(len(labels) for *_, labels in bands)
    with GDAL:
        file = rasterio.open(path, "w", **_profile(image, count))
    try:
        with GDAL:
            file.update_tags(**_tags(dataset, context))
        first = 1
        for coverage, key, block, labels in bands:
            _describe(file, coverage, key, labels, first)
            _fill(file, block, image, first)
            first += len(labels)
    finally:
        with GDAL:
            file.close()


def _profile(image: _Image, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "driver": "GTiff", "width": image.width, "height": image.height, "count": count, "dtype": image.dtype.name,
        "crs": image.crs, "transform": image.transform, "compress": "deflate", "interleave": "band",
        "bigtiff": "if_safer",
    }  # fmt: skip
    if image.width >= 16 and image.height >= 16:
        size = 256 if min(image.width, image.height) >= 256 else 16 * (min(image.width, image.height) // 16)
        found |= {"tiled": True, "blockxsize": size, "blockysize": size}
    if image.dtype.kind == "f":
        found["nodata"] = np.nan
    return found


def _tags(dataset: Dataset, context: Context) -> dict[str, str]:
    found = {
        "TIFFTAG_IMAGEDESCRIPTION": dataset.title.in_(context.language),
        "TIFFTAG_SOFTWARE": "poles",
        "TIFFTAG_COPYRIGHT": dataset.licence,
        "TIFFTAG_DATETIME": context.moment.strftime("%Y:%m:%d %H:%M:%S"),
        "citation": dataset.citation,
        "doi": dataset.doi,
        "history": f"{context.stamp} {context.url}" if context.url else None,
    }
    return {k: v for k, v in found.items() if v}


def _labels(coverage: Coverage, block: Block) -> list[dict[str, str]]:
    """What each band is of, along the axes before y and x."""
    axes = [(d, _texts(_of(coverage, d))) for d in block.dims[:-2]]
    return [dict(zip([n for n, _ in axes], steps, strict=True)) for steps in product(*(t for _, t in axes))]


def _texts(axis: Axis) -> list[str]:
    if axis.name == "t":
        return times.texts(axis.values, axis.calendar or "standard")
    return [str(v) for v in axis.values.tolist()]


def _describe(file: Any, coverage: Coverage, key: str, labels: list[dict[str, str]], first: int) -> None:
    described = coverage.parameters[key]
    with GDAL:
        for band, steps in enumerate(labels, first):
            file.set_band_description(band, " ".join([key, *(t if n == "t" else f"{n}={t}" for n, t in steps.items())]))
            file.update_tags(band, parameter=key, **steps)
            if described.unit is not None:
                file.set_band_unit(band, described.unit)


def _fill(file: Any, block: Block, image: _Image, first: int) -> None:
    """The blocks of one parameter into their bands. The library is not held while they are read."""
    done, plane = 0, image.width * image.height
    for found in block.blocks():
        flat = plain(found).astype(image.dtype, copy=False)
        for band, row, column, window in _windows(flat, done, image):
            top = image.height - row - window.shape[0] if image.flipped else row
            place = Window(column, top, window.shape[1], window.shape[0])
            with GDAL:
                file.write(window[::-1] if image.flipped else window, first + band, window=place)
        done += len(flat)
    if done != block.size or done % plane:
        raise ValueError(f"a block of {block.size} values gave {done}")


def _windows(flat: Array, done: int, image: _Image) -> Iterator[tuple[int, int, int, Array]]:
    """Whole planes, rows of one plane, or a part of its only row: band, first row, first column and values."""
    plane, width = image.width * image.height, image.width
    if len(flat) % plane == 0 and done % plane == 0:
        for number, window in enumerate(flat.reshape(-1, image.height, width)):
            yield done // plane + number, 0, 0, window
    elif image.height > 1:
        yield done // plane, done % plane // width, 0, flat.reshape(-1, width)
    else:
        yield done // plane, 0, done % plane, flat.reshape(1, -1)
