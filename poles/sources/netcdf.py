"""NetCDF-3, NetCDF-4 and HDF5, raw, through netCDF4-python under the HDF5 lock."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

from poles.errors import PolesError, Unreadable
from poles.sources.chunks import HUGE, Chunked, layout
from poles.sources.kinds import by_size, checked, version
from poles.sources.locks import HDF5, Handles, Source
from poles.stored import Array, Opened, Slices, Stored

import netCDF4  # isort: skip  # after the locks, which set its environment

type Variable = netCDF4.Variable[Any]

_OBJECT = np.dtype(object)


@dataclass(frozen=True, slots=True)
class _File:
    """An open file, and its variables by path."""

    root: netCDF4.Dataset
    variables: dict[str, Variable] = field(default_factory=dict)


def _open(href: str) -> _File:
    checked(href)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = netCDF4.Dataset(href)
    except (OSError, RuntimeError, ValueError) as error:
        raise Unreadable(href, f"the HDF5 library cannot open it ({_reason(error)})", "copy the file again") from None
    root.set_auto_maskandscale(False)
    root.set_auto_chartostring(False)
    variables = {_path(g, v): g.variables[v] for g in _groups(root) for v in g.variables}
    for variable in variables.values():
        _uncached(variable)
    return _File(root, variables)


def _uncached(variable: Variable) -> None:
    """Without HDF5's own cache of chunks (64 MiB a variable), as whole chunks are read, and kept by ours.

    Chunks so large that they are cut keep theirs, of one chunk.
    """
    sizes = _pieces(variable)
    if sizes is not None and isinstance(variable.dtype, np.dtype):
        length = prod(sizes) * variable.dtype.itemsize
        variable.set_var_chunk_cache(length if length > HUGE else 0, 31, 1.0)


def _close(file: _File) -> None:
    file.variables.clear()
    file.root.close()


_FILES = Handles(HDF5, _open, _close, version, single=True)


def _groups(group: netCDF4.Dataset) -> Iterator[netCDF4.Dataset]:
    yield group
    for child in group.groups.values():
        yield from _groups(child)


def _path(group: netCDF4.Dataset, name: str) -> str:
    return f"{group.path}/{name}".lstrip("/")


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]


def opened(href: str) -> Opened:
    """All arrays of a file, by path.

    Char arrays are joined to text along a dimension that only char arrays have, and have it last. Enumerations are
    integers with `flag_values` and `flag_meanings`. Variables of compound, opaque or variable-length types are left
    out. Raises Unreadable.
    """
    try:
        return _FILES.first(href, _described)
    except PolesError:
        raise
    except (OSError, RuntimeError, ValueError, LookupError, AttributeError) as error:
        raise Unreadable(href, f"the HDF5 library cannot read it ({_reason(error)})", "copy the file again") from None


def _described(source: Source, file: _File) -> Opened:
    dims = {key: _dims(v) for key, v in file.variables.items()}
    joined = _string_dims(file, dims)
    arrays = {}
    for key, variable in file.variables.items():
        stored = _stored(source, key, variable, dims[key], joined)
        if stored is not None:
            arrays[key] = stored
    attrs: dict[str, Any] = {}
    for group in _groups(file.root):
        attrs |= {_path(group, name): value for name, value in _attributes(group).items()}
    return Opened(arrays, attrs)


def _dims(variable: Variable) -> tuple[str, ...]:
    """Full paths. Those of plain HDF5, which names none, are told by their sizes, over all groups."""
    return by_size(
        [None if d.name.startswith("phony_dim_") else _path(d.group(), d.name) for d in variable.get_dims()],
        variable.shape,
    )


def _string_dims(file: _File, dims: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Dimensions that count the letters of a text: those of char arrays alone, always last."""
    letters = {names[-1] for key, names in dims.items() if names and _is_char(file.variables[key])}
    for key, names in dims.items():
        letters -= set(names[:-1] if _is_char(file.variables[key]) else names)
    return letters - set(dims)


def _is_char(variable: Variable) -> bool:
    return bool(variable.dtype == np.dtype("S1"))


def _attributes(holder: netCDF4.Dataset | Variable) -> dict[str, Any]:
    found = {}
    for name in holder.ncattrs():
        try:
            value = holder.getncattr(name)
            if isinstance(value, str) and "\ufffd" in value:
                value = holder.getncattr(name, encoding="latin-1")
        except (KeyError, AttributeError, RuntimeError, ValueError, TypeError):
            continue
        found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """Text, a numpy scalar, or an array of several, in native byte order."""
    if isinstance(value, str):
        return value.rstrip("\0")
    if isinstance(value, np.ndarray):
        return value.astype(value.dtype.newbyteorder("="))
    return value


def _stored(source: Source, key: str, variable: Variable, dims: tuple[str, ...], letters: set[str]) -> Stored | None:
    attrs = _attributes(variable)
    kind: Any = variable.datatype
    numbers: Any = variable.dtype
    if isinstance(kind, netCDF4.EnumType):
        attrs = _categories(kind) | attrs
    elif not (numbers is str or isinstance(kind, np.dtype)):
        return None
    shape = tuple(variable.shape)
    text = numbers is str or _is_char(variable)
    joined = _is_char(variable) and bool(dims) and dims[-1] in letters
    dtype = _OBJECT if text else np.dtype(numbers).newbyteorder("=")
    if dtype.kind in "Vc":
        return None
    pieces = _pieces(variable)
    length = shape[-1:] if joined else ()
    if joined:
        dims, shape = dims[:-1], shape[:-1]
        pieces = pieces and pieces[:-1]
    chunks = layout(shape, dtype, pieces)
    decoded = _joined if joined else _texts if _is_char(variable) else _native
    load = partial(_load, source, key, length, decoded)
    token = f"{source.href}\0{source.version}\0{key}"
    read = Chunked(token, shape, dtype, chunks, load, direct=pieces is None)
    return Stored(key, dims, shape, dtype, attrs, read, chunks)


def _categories(kind: Any) -> dict[str, Any]:
    """An enumeration as CF writes it."""
    names = sorted(kind.enum_dict.items(), key=lambda item: item[1])
    meanings = " ".join("_".join(name.split()) for name, _ in names)
    return {"flag_values": np.array([value for _, value in names], kind.dtype), "flag_meanings": meanings}


def _pieces(variable: Variable) -> tuple[int, ...] | None:
    """The stored chunks; None where the array is stored in one run."""
    sizes = variable.chunking() if variable.ndim else None
    return tuple(sizes) if isinstance(sizes, list) else None


def _load(
    source: Source, key: str, length: tuple[int, ...], decoded: Callable[[Array], Array], slices: Slices
) -> Array:
    try:
        raw = _FILES.use(source, lambda file: _block(file.variables[key], (*slices, *(slice(0, n) for n in length))))
    except PolesError:
        raise
    except (OSError, RuntimeError, ValueError, IndexError, KeyError) as error:
        found = f"{key} cannot be read ({_reason(error)})"
        raise Unreadable(source.href, found, "copy the file again") from None
    return decoded(raw)


def _block(variable: Variable, slices: Slices) -> Array:
    block = variable[slices] if slices else variable[...]
    return np.asarray(block)


def _native(block: Array) -> Array:
    if block.dtype.kind == "U":  # one string by itself
        return block.astype(object)
    return np.ascontiguousarray(block, block.dtype.newbyteorder("=")).reshape(block.shape)


def _joined(block: Array) -> Array:
    """Texts of char arrays along their last dimension."""
    length = block.shape[-1]
    if not length:
        return np.full(block.shape[:-1], "", object)
    return _texts(np.ascontiguousarray(block).view(f"S{length}")[..., 0])


def _texts(block: Array) -> Array:
    """Bytes as text: UTF-8, else Latin-1, without what pads them."""
    values = [_text(b) for b in block.ravel().tolist()]
    texts = np.empty(len(values), object)
    texts[:] = values
    return texts.reshape(block.shape)


def _text(raw: bytes) -> str:
    raw = raw.split(b"\0", 1)[0]
    try:
        return raw.decode().rstrip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").rstrip()
