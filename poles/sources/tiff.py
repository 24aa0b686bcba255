"""GeoTIFF files as files: whether one is a TIFF, and whether it is laid out for reading over a network."""

from poles.sources.locks import GDAL

import rasterio  # isort: skip  # after the locks, which set its environment
from rasterio.errors import RasterioError  # isort: skip
from rasterio.io import DatasetReader  # isort: skip

_SMALL = 512
"""Cells along a side up to which neither tiles nor overviews are needed."""
_HEAD = 300
"""Bytes within which the first directory starts, behind what GDAL writes about the layout."""


def is_cloud_optimized(href: str) -> bool | None:
    """Whether a TIFF is cloud-optimized (COG); None where the file is no TIFF.

    As GDAL checks it: directories first, largest image first, then the values; tiles and overviews above 512 cells.
    """
    with GDAL:
        try:
            with rasterio.open(href, driver="GTiff", sharing=False) as file:
                return _is_small_or_tiled(file) and _directories_first(file)
        except (RasterioError, OSError):
            return None


def _is_small_or_tiled(file: DatasetReader) -> bool:
    if max(file.width, file.height) <= _SMALL:
        return True
    return bool(file.profile.get("tiled")) and bool(file.overviews(1))


def _directories_first(file: DatasetReader) -> bool:
    main = _offset(file, "IFD_OFFSET", None)
    smaller = [_offset(file, "IFD_OFFSET", n) for n in range(len(file.overviews(1)))]
    values = [_offset(file, "BLOCK_OFFSET_0_0", n) for n in (None, *range(len(smaller)))]
    if main is None or main > _HEAD or None in smaller:
        return False
    directories = [main, *(d for d in smaller if d is not None)]
    there = [v for v in values if v]
    return directories == sorted(directories) and all(v > directories[-1] for v in there)


def _offset(file: DatasetReader, name: str, overview: int | None) -> int | None:
    text = file.get_tag_item(name, "TIFF", bidx=1, ovr=overview)
    return None if text is None else int(text)
