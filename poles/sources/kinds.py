"""What a file is, by its content and never by its name; and whether all of it is there."""

import os
import stat
import struct
import zipfile
from collections import Counter, deque
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from poles.errors import Unreadable

Kind = Literal["netcdf", "zarr", "raster", "rows"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CLASSIC = (b"CDF\1", b"CDF\2", b"CDF\5")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ROWS = (b"SQLite format 3\0", b"\0\0\x27\x0a", b"fgb\x03", b"PAR1", b"ARROW1")
_RASTER = (b"\x89PNG", b"\xff\xd8\xff", b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51", b"NITF0", b"EHFA_HEADER_TAG", b"GIF8")
_GRIDS_OF_TEXT = (b"ncols ", b"ncols\t", b"north:", b"<vrtdataset", b"dsaa\n", b"dsaa\r")
_UNREAD = {b"\x0e\x03\x13\x01": "HDF4", b"BUFR": "BUFR"}
_FOLDERS = 1000
ZARR = (".zgroup", ".zarray", ".zmetadata", "zarr.json")


def version(href: str) -> str:
    """Changes whenever the data change: time and size of a file, or of what a folder holds.

    Raises Unreadable where there is nothing.
    """
    try:
        found = os.stat(href)
        if stat.S_ISREG(found.st_mode):
            return f"{found.st_mtime_ns:x}-{found.st_size:x}"
        if not stat.S_ISDIR(found.st_mode):
            raise Unreadable(href, "neither a file nor a folder", "give the path of a file")
        return "-".join(_folder(href))
    except (OSError, ValueError) as error:
        raise _absent(href, error) from None


def _folder(href: str) -> list[str]:
    """Time and size of the metadata of a Zarr store, and the times of its folders, which change with their chunks.

    The folder of an array of version 2 is not listed, and at most `_FOLDERS` are looked at: a store may hold
    millions of chunks. A chunk that is written over in its place, with no other sign, is not noticed.
    """
    newest, sizes, count = 0, 0, 0
    waiting = deque([href])
    while waiting and count < _FOLDERS:
        here = waiting.popleft()
        newest, count = max(newest, os.stat(here).st_mtime_ns), count + 1
        there = {name: s for name in (*ZARR, ".zattrs") if (s := status(f"{here}/{name}")) is not None}
        newest = max([newest, *(s.st_mtime_ns for s in there.values())])
        sizes += sum(s.st_size for s in there.values())
        if ".zarray" not in there:
            waiting.extend(sorted(e.path for e in os.scandir(here) if e.is_dir()))
    return [f"{newest:x}", f"{sizes:x}", f"{count:x}"]


def status(path: str) -> os.stat_result | None:
    """What the file system says of a path; None where it is not there."""
    try:
        return os.stat(path)
    except OSError:
        return None


def by_size(names: Sequence[str | None], shape: Sequence[int]) -> tuple[str, ...]:
    """Names of dimensions; those without one are called by their size.

    Where several without a name are equal, none can be told from the others: they are called so that they are
    those of another array only where that has as many.

    >>> by_size(["t", None, None, None], [5, 3, 3, 4])
    ('t', 'phony_dim_3_1of2', 'phony_dim_3_2of2', 'phony_dim_4')
    """
    sizes = [size for name, size in zip(names, shape, strict=True) if name is None]
    found: list[str] = []
    seen: Counter[int] = Counter()
    for name, size in zip(names, shape, strict=True):
        if name is not None:
            found.append(name)
            continue
        seen[size] += 1
        several = f"_{seen[size]}of{sizes.count(size)}" if sizes.count(size) > 1 else ""
        found.append(f"phony_dim_{size}{several}")
    return tuple(found)


def _absent(href: str, error: Exception) -> Unreadable:
    if isinstance(error, PermissionError):
        return Unreadable(href, "may not be read", "give the server the right to read it")
    if "://" in href:
        return Unreadable(href, "not a path on this machine", "copy the data beside the server")
    return Unreadable(href, "not found", "check the path")


@lru_cache(maxsize=65_536)
def _kind(href: str, version: str) -> Kind:
    if Path(href).is_dir():
        return _folder_kind(href)
    with open(href, "rb") as file:
        head = file.read(512)
        if not head:
            raise Unreadable(href, "empty, 0 bytes", "copy the file again")
        return _file_kind(href, file, head)


def kind(href: str) -> Kind:
    """Which reader a file or folder is for. Raises Unreadable for what none reads, naming the format."""
    try:
        return _kind(href, version(href))
    except OSError as error:
        raise _absent(href, error) from None


def _folder_kind(href: str) -> Kind:
    if any(Path(href, name).exists() for name in ZARR):
        return "zarr"
    if any(Path(href, name).exists() for name in ("gdb", "a00000001.gdbtable")):
        return "rows"
    raise Unreadable(href, "a folder that is no Zarr store", "give a file, a glob such as folder/*.nc, or a Zarr store")


def _file_kind(href: str, file: BinaryIO, head: bytes) -> Kind:
    if head.startswith(_CLASSIC):
        return "netcdf"
    if head.startswith((*_TIFF, *_RASTER)):
        return "raster"
    if head.startswith(_ROWS):
        return "rows"
    if head.startswith(b"PK\3\4"):
        return "zarr" if zarr_root(href) is not None else "rows"
    other = "GRIB" if _is_grib(head) else _UNREAD.get(head[:4])
    if other is not None:
        raise Unreadable(href, f"{other} is not read", "convert it to NetCDF")
    if _hdf5_start(file) is not None:
        return "netcdf"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_GRIDS_OF_TEXT):
        return "raster"
    if b"\0" in head:
        return _unknown(href, head)
    return "rows"


def _is_grib(head: bytes) -> bool:
    """Whether a GRIB message of edition 1 or 2 begins here, or after the heading of a WMO bulletin."""
    place = head.find(b"GRIB", 0, 68)
    return place >= 0 and head[place + 7 : place + 8] in (b"\1", b"\2")


def _unknown(href: str, head: bytes) -> Kind:
    """Binary without a signature: raw rasters have a header beside them."""
    stem = Path(href)
    if any(stem.with_suffix(s).exists() or Path(href + s).exists() for s in (".hdr", ".rsc", ".vrt", ".aux.xml")):
        return "raster"
    if stem.suffix.lower() in (".nc", ".nc4", ".cdf", ".h5", ".hdf5", ".he5"):
        raise Unreadable(href, f"no NetCDF or HDF5: it begins with {head[:4]!r}", "copy the file again")
    if stem.suffix.lower() in (".tif", ".tiff"):
        raise Unreadable(href, f"no TIFF: it begins with {head[:4]!r}", "copy the file again")
    raise Unreadable(href, "not a format that is read", "convert it to NetCDF, GeoTIFF, GeoPackage or CSV")


def zarr_root(href: str) -> str | None:
    """Where in a zip file the Zarr store begins, as a prefix; None where it holds none."""
    try:
        with zipfile.ZipFile(href) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        raise Unreadable(href, "a zip file cut short or damaged", "copy the file again") from None
    roots = {n.rpartition("/")[0] for n in names if n.rpartition("/")[2] in ZARR}
    return min(roots, key=len, default=None)


# --- completeness ------------------------------------------------------------------------------------------


def checked(href: str) -> None:
    """Raises Unreadable where a NetCDF-3 or HDF5 file is shorter than its header says.

    The libraries read what is not there of NetCDF-3 as zeros, and tell no reason for HDF5.
    """
    with open(href, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        expected = _classic_size(href, file, size) if file.read(3) == b"CDF" else _hdf5_size(file)
    if expected is not None and size < expected:
        raise Unreadable(href, f"cut short, {size} of {expected} bytes", "copy the file again")


def _hdf5_start(file: BinaryIO) -> int | None:
    """Where the superblock is: at 0, 512, 1024, 2048…"""
    end = file.seek(0, os.SEEK_END)
    place = 0
    while place + 8 <= end:
        file.seek(place)
        if file.read(8) == _HDF5:
            return place
        place = max(place * 2, 512)
    return None


def _hdf5_size(file: BinaryIO) -> int | None:
    """The end-of-file address of the superblock."""
    start = _hdf5_start(file)
    if start is None:
        return None
    file.seek(start + 8)
    head = file.read(88)
    if len(head) < 40:
        return start + 96
    if head[0] in (0, 1):
        width, skip = head[5], 16 if head[0] == 0 else 20
        fields = head[skip : skip + 4 * width]
        return int.from_bytes(fields[2 * width : 3 * width], "little")
    width = head[1]
    return int.from_bytes(head[4 + 2 * width : 4 + 3 * width], "little")


class _Classic:
    """A walk through the header of a NetCDF-3 file (the classic, 64-bit offset and 64-bit data formats)."""

    WIDTHS: ClassVar = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(3)
        form = self._bytes(1)[0]
        self._count, self._offset = ">Q" if form == 5 else ">I", ">I" if form == 1 else ">Q"
        self.records = self.count()
        self.streaming = self.records == (1 << (64 if form == 5 else 32)) - 1

    def _bytes(self, n: int) -> bytes:
        found = self._file.read(n)
        if len(found) < n:
            raise EOFError
        return found

    def _number(self, form: str) -> int:
        number: int = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return number

    def count(self) -> int:
        return self._number(self._count)

    def items(self) -> range:
        self._bytes(4)
        return range(self.count())

    def name(self) -> None:
        self._file.seek(-self.count() // 4 * -4, os.SEEK_CUR)

    def dimensions(self) -> list[int]:
        sizes = []
        for _ in self.items():
            self.name()
            sizes.append(self.count())
        return sizes

    def attributes(self) -> None:
        for _ in self.items():
            self.name()
            width = self.WIDTHS[self._number(">I")]
            self._file.seek(-(self.count() * width) // 4 * -4, os.SEEK_CUR)

    def variables(self, sizes: list[int]) -> list[tuple[bool, int, int]]:
        """Of each: whether it has records, its bytes (of one record), and where it begins."""
        found = []
        for _ in self.items():
            self.name()
            dims = [sizes[self.count()] for _ in range(self.count())]
            self.attributes()
            width = self.WIDTHS[self._number(">I")]
            self.count()
            recorded = bool(dims) and dims[0] == 0
            found.append((recorded, prod(dims[recorded:]) * width, self._number(self._offset)))
        return found


def _classic_size(href: str, file: BinaryIO, size: int) -> int:
    """The bytes that the header of a NetCDF-3 file promises, without padding at the end."""
    try:
        header = _Classic(file)
        sizes = header.dimensions()
        header.attributes()
        variables = header.variables(sizes)
    except EOFError:
        raise Unreadable(href, f"cut short inside its header, {size} bytes", "copy the file again") from None
    except (KeyError, IndexError, OverflowError, MemoryError):
        raise Unreadable(href, "a NetCDF-3 file with a damaged header", "copy the file again") from None
    ends = [begin + length for recorded, length, begin in variables if not recorded and length]
    slabs = [(begin, length) for recorded, length, begin in variables if recorded]
    if slabs and header.records and not header.streaming:
        one = slabs[0][1] if len(slabs) == 1 else sum(-length // 4 * -4 for _, length in slabs)
        ends += [begin + (header.records - 1) * one + length for begin, length in slabs if length]
    return max(ends, default=0)
