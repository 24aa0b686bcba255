"""NetCDF-4 after CF-1.8 and ACDD-1.3: what was planned is written block by block."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from poles.coverage import Answer, Coverages
from poles.encodings import samples
from poles.encodings.arrays import lead, plain
from poles.encodings.format import Context
from poles.encodings.layout import Layout, Stream, Variable
from poles.encodings.planned import planned
from poles.encodings.spool import spooled
from poles.errors import Invalid
from poles.sources.locks import HDF5
from poles.stored import Array

_PACKED = 4_096
"""Values from which an array is compressed."""


def carries(answer: Answer) -> str | None:
    """NetCDF carries grids, cells and discrete samples, but not places that have no form in common."""
    if not isinstance(answer, Coverages):
        return samples.carries(answer)
    try:
        planned(answer, Context())
    except Invalid as err:
        return err.found
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The file in pieces; it is written whole before the first of them."""
    if not isinstance(answer, Coverages):
        return spooled(lambda path: samples.write(answer, context, path), ".nc")
    layout = planned(answer, context)
    return spooled(lambda path: _write(layout, path), ".nc")


def _write(layout: Layout, path: Path) -> None:
    with HDF5:
        file = netCDF4.Dataset(path, "w", format="NETCDF4")
    try:
        with HDF5:
            file.setncatts(layout.attributes)
            for name, size in layout.dimensions.items():
                file.createDimension(name, size)
            for variable in layout.variables:
                declare(file, variable, layout.dimensions)
        for variable in layout.variables:
            with HDF5:
                made = file[variable.name]
            _fill(made, variable.values)
    finally:
        with HDF5:
            file.close()


def declare(file: netCDF4.Dataset, variable: Variable, sizes: dict[str, int]) -> None:
    """Makes a variable without its values. The caller holds the library."""
    text = variable.dtype == object
    packed = not text and int(np.prod([sizes[d] for d in variable.dims], dtype=np.int64)) >= _PACKED
    made = file.createVariable(
        variable.name,
        str if text else variable.dtype,
        variable.dims,
        fill_value=np.nan if variable.missing else None if text else False,
        compression="zlib" if packed else None,
        complevel=1,
    )
    made.setncatts(dict(variable.attributes))
    made.set_auto_maskandscale(False)


def native(values: Array) -> Array:
    """The values as the file holds them: text that is missing is empty, times are seconds."""
    flat = plain(values)
    match flat.dtype.kind:
        case "O":
            flat = np.array(["" if v is None or v != v else str(v) for v in flat.tolist()], object)
        case "M":
            ms = flat.astype("datetime64[ms]")
            flat = np.where(np.isnat(ms), np.nan, ms.view(np.int64) / 1000)
    return flat.reshape(np.shape(values))


def _fill(made: Any, values: Array | tuple[Stream, ...]) -> None:
    if isinstance(values, np.ndarray):
        with HDF5:
            made[...] = native(values)
        return
    for stream in values:
        _stream(made, stream)


def _stream(made: Any, stream: Stream) -> None:
    """The blocks of one coverage at their place. The library is not held while they are read."""
    shape = stream.shape or (1,)
    at, done = lead(shape), 0
    rest = int(np.prod(shape[at + 1 :], dtype=np.int64))
    for found in stream.block.blocks():
        values = native(found).reshape(*shape[:at], -1, *shape[at + 1 :])
        place = [slice(0, n) for n in shape]
        place[at] = slice(done, done + values.size // rest)
        place[0] = slice(place[0].start + stream.offset, place[0].stop + stream.offset)
        with HDF5:
            made[(*stream.prefix, *(place if stream.shape else ()))] = values if stream.shape else values[0]
        done += values.size // rest
    if done != shape[at]:
        raise ValueError(f"{made.name}: {shape[at]} steps were promised, {done} came")
