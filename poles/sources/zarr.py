"""Zarr version 2 and 3, raw, from a folder or a zip file, through zarr-python."""

import base64
import binascii
import struct
import threading
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.errors import BaseZarrError
from zarr.storage import LocalStore, ZipStore

from poles.errors import Unreadable
from poles.sources.chunks import Chunked, Load, layout
from poles.sources.kinds import ZARR, by_size, status, version, zarr_root
from poles.sources.locks import Handles, LibraryLock, Replaced, Source
from poles.stored import Array, Opened, Slices, Stored

Stamp = tuple[tuple[str, int, int], ...]

_OBJECT = np.dtype(object)
_QUIET = threading.Lock()
_FAILURES = (
    OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, ArithmeticError,
    BaseZarrError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What the library and its codecs raise for a store that is damaged."""


Arrays = dict[str, zarr.Array[Any]]


@dataclass(frozen=True, slots=True)
class _Store:
    """An open store: its arrays by path, and the attributes of its groups."""

    store: LocalStore | ZipStore
    arrays: Arrays
    attrs: dict[str, Any]


def opened(href: str) -> Opened:
    """All arrays of a store, by path. Structured and complex arrays are left out. Raises Unreadable."""
    if not Path(href).is_dir():
        return _ZIPS.first(href, lambda source, store: _described(source, store, partial(_from_zip, source)))
    source, stamp = Source(href, version(href)), _stamp(href)
    store = _open(href)
    if _stamp(href) != stamp:
        raise Replaced(href)
    return _described(source, store, lambda key: partial(_from_folder, href, key, store.arrays[key], stamp))


def _open(href: str) -> _Store:
    store: LocalStore | ZipStore
    if Path(href).is_dir():
        store, prefix = LocalStore(href, read_only=True), ""
    else:
        store, prefix = ZipStore(href, mode="r"), zarr_root(href) or ""
    try:
        with _QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arrays, attrs = _members(href, zarr.open(store, mode="r", path=prefix))
    except _FAILURES as error:
        found = f"a Zarr store that cannot be opened ({_reason(error)})"
        raise Unreadable(href, found, "copy the store again") from None
    return _Store(store, arrays, attrs)


_ZIPS = Handles(LibraryLock(), _open, lambda store: store.store.close(), version)


def _members(href: str, root: zarr.Array[Any] | zarr.Group) -> tuple[Arrays, dict[str, Any]]:
    if isinstance(root, zarr.Array):
        return {Path(href).name.split(".")[0]: root}, {}
    members = dict(root.members(max_depth=None))
    attrs = dict(root.attrs)
    for key, member in members.items():
        if isinstance(member, zarr.Group):
            attrs |= {f"{key}/{name}": value for name, value in member.attrs.items()}
    return {key: m for key, m in members.items() if isinstance(m, zarr.Array)}, attrs


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _described(source: Source, store: _Store, reader: Callable[[str], Load]) -> Opened:
    names = {key: _names(array) for key, array in store.arrays.items()}
    arrays = {}
    for key, array in store.arrays.items():
        dims = _dims(key, array, store.arrays, names)
        stored = _stored(f"{source.href}\0{source.version}\0{key}", key, array, dims, reader(key))
        if stored is not None:
            arrays[key] = stored
    return Opened(arrays, store.attrs)


# --- dimensions ----------------------------------------------------------------------------------------------


def _names(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Names of the dimensions as the store gives them: by Zarr 3, by xarray, by NCZarr, else by size."""
    given = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if not given:
        nczarr = array.attrs.get("_nczarr_array") or array.attrs.get("_NCZARR_ARRAY")
        given = nczarr.get("dimrefs") or nczarr.get("dimension_references") if isinstance(nczarr, dict) else None
    if not isinstance(given, (list, tuple)) or len(given) != array.ndim:
        given = [None] * array.ndim
    return by_size([name if isinstance(name, str) and name else None for name in given], array.shape)


def _dims(key: str, array: zarr.Array[Any], members: Arrays, names: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Full paths: a dimension belongs to the nearest enclosing group that has its coordinate, else to the outermost
    one that has an array along a dimension of that name and size, else to its own group.
    """
    group = key.rpartition("/")[0]
    found = []
    for name, size in zip(names[key], array.shape, strict=True):
        if name.startswith("/"):
            found.append(name.lstrip("/"))
            continue
        homes = [h for h in _enclosing(group) if _coordinate(_path(h, name), name, size, members, names)]
        if not homes:
            homes = [h for h in reversed(_enclosing(group)) if _along(h, name, size, members, names)]
        found.append(_path(homes[0] if homes else group, name))
    return tuple(found)


def _along(group: str, name: str, size: int, members: Arrays, names: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether an array of a group itself lies along a dimension of that name and size."""
    own = (k for k in members if k.rpartition("/")[0] == group)
    return any((name, size) in zip(names[k], members[k].shape, strict=True) for k in own)


def _enclosing(group: str) -> list[str]:
    """The group and those around it, innermost first."""
    parts = group.split("/") if group else []
    return ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _path(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _coordinate(path: str, name: str, size: int, members: Arrays, names: Mapping[str, tuple[str, ...]]) -> bool:
    return path in members and names[path] == (name,) and members[path].shape == (size,)


# --- arrays --------------------------------------------------------------------------------------------------


def _stored(token: str, key: str, array: zarr.Array[Any], dims: tuple[str, ...], load: Load) -> Stored | None:
    kind = array.dtype
    text = kind.kind in "OSUT"
    if kind.kind in "Vc" or kind.fields:
        return None
    dtype = _OBJECT if text else np.dtype(np.float32) if kind == np.float16 else kind.newbyteorder("=")
    chunks = layout(array.shape, dtype, array.chunks, huge=None)

    def decoded(slices: Slices) -> Array:
        block = np.asarray(load(slices)).reshape([s.stop - s.start for s in slices])
        return _texts(block) if text else np.array(block, dtype, copy=None, order="C")

    read = Chunked(token, array.shape, dtype, chunks, decoded)
    attrs = _attributes(array, whole=dims in ((), (key,)))
    return Stored(key, dims, array.shape, dtype, attrs, read, chunks)


def _from_zip(source: Source, key: str) -> Load:
    def block(slices: Slices) -> Array:
        return _ZIPS.use(source, lambda store: _block(source.href, key, store.arrays[key], slices))

    return block


def _from_folder(href: str, key: str, array: zarr.Array[Any], stamp: Stamp, slices: Slices) -> Array:
    """A block; a chunk that is absent is fill by the standard, so that a store swapped meanwhile must be noticed."""
    try:
        block = _block(href, key, array, slices)
    except Unreadable:
        if _stamp(href) != stamp:
            raise Replaced(href) from None
        raise
    if _stamp(href) != stamp:
        raise Replaced(href)
    return block


def _block(href: str, key: str, array: zarr.Array[Any], slices: Slices) -> Array:
    try:
        return np.asarray(array[slices])
    except _FAILURES as error:
        raise Unreadable(href, f"{key} cannot be read ({_reason(error)})", "copy the store again") from None


def _stamp(href: str) -> Stamp:
    """Time and inode of the metadata at the root of a folder: cheap to look at after each read."""
    statuses = ((name, status(f"{href}/{name}")) for name in ZARR)
    return tuple((name, s.st_mtime_ns, s.st_ino) for name, s in statuses if s is not None)


def _texts(block: Array) -> Array:
    values = np.asarray(block, object)
    texts = [
        v.decode("utf-8", "replace").rstrip("\0") if isinstance(v, bytes) else str(v or "") for v in values.ravel()
    ]
    found = np.empty(len(texts), object)
    found[:] = texts
    return found.reshape(values.shape)


def _attributes(array: zarr.Array[Any], *, whole: bool) -> dict[str, Any]:
    """Attributes as CF writes them: in version 2 the fill value is the missing code, in version 3 only `_FillValue`.

    `whole`: nothing of the array can be missing. Coordinates of a dimension and scalars are so, and often hold the 0
    that the library takes as fill value by itself.
    """
    attrs = {n: _plain(v) for n, v in array.attrs.items() if n not in ("_ARRAY_DIMENSIONS", "_nczarr_array")}
    numeric = array.dtype.kind in "iuf"
    crs = attrs.pop("_CRS", None)  # of GDAL
    if isinstance(crs, dict) and (said := crs.get("wkt") or crs.get("url")):
        attrs.setdefault("crs_wkt", said)
    if "_FillValue" in attrs:
        attrs["_FillValue"] = _fill(attrs["_FillValue"]) if numeric else attrs["_FillValue"]
    elif numeric and array.metadata.zarr_format == 2 and array.fill_value is not None and not whole:
        attrs["_FillValue"] = array.dtype.type(array.fill_value)
    return attrs


def _plain(value: Any) -> Any:
    """Lists of numbers as arrays, as NetCDF has them."""
    if isinstance(value, list) and value and all(isinstance(v, (int, float)) for v in value):
        return np.asarray(value)
    return value


def _fill(value: Any) -> Any:
    """A number, which xarray writes into Zarr 3 as base64 of a little-endian double."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return struct.unpack("<d", base64.standard_b64decode(value))[0]
    except (binascii.Error, struct.error):
        return value
