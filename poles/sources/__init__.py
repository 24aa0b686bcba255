"""Sources: arrays and rows as they are stored, whatever the format."""

from importlib import import_module
from typing import Literal

from poles.errors import Unreadable
from poles.sources import kinds
from poles.sources.kinds import version
from poles.sources.locks import Replaced
from poles.stored import Opened

__all__ = ["Replaced", "kind_of", "loaded", "open_source", "version"]


def kind_of(href: str) -> Literal["arrays", "rows"]:
    """Whether a file or folder holds arrays or rows, by its content. Raises Unreadable for what is not read."""
    return "rows" if kinds.kind(href) == "rows" else "arrays"


def open_source(href: str) -> Opened:
    """The arrays of a file or folder: NetCDF-3, NetCDF-4, HDF5, Zarr (folder or zip), GeoTIFF and other rasters.

    Raises Unreadable in one line: the path, what is wrong, what would do.
    """
    kind = kinds.kind(href)
    if kind == "rows":
        raise Unreadable(href, "rows, not arrays", "open it as observations or features")
    # Each library is loaded when a file needs it: the command line starts without any.
    found: Opened = import_module(f"poles.sources.{kind}").opened(href)
    return found


def loaded() -> None:
    """Loads the libraries of all formats, so that no request of a server waits for one."""
    import pyogrio  # noqa: F401

    from poles.sources import netcdf, raster, zarr  # noqa: F401
