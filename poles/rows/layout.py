"""Arrays over named dimensions, spread over those of the samples they belong to, ragged ones included."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from poles.cf import words
from poles.errors import Unreadable
from poles.physical import number, numbers, physical
from poles.stored import Array, Opened, Stored

Dims = tuple[str, ...]
Spread = tuple[Array, Array | None]
"""One value a sample, and which samples have none (None: all have one)."""


@dataclass(eq=False)
class Variable:
    """One array, its characters joined to texts."""

    path: str
    key: str
    """The name that is unique in the source: its own, else the path joined with dots."""
    stored: Stored
    dims: Dims
    shape: tuple[int, ...]

    @property
    def attrs(self) -> Mapping[str, Any]:
        return self.stored.attrs

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def is_text(self) -> bool:
        return self.stored.dtype.kind in "SUO"

    @property
    def long_dims(self) -> set[str]:
        """Dimensions longer than one."""
        return {d for d, n in zip(self.dims, self.shape, strict=True) if n > 1}

    @property
    def is_namesake(self) -> bool:
        """Whether this is the coordinate variable of its dimension."""
        return len(self.dims) == 1 and self.dims[0].rpartition("/")[2] == self.name

    @cached_property
    def values(self) -> tuple[Array, Array | None]:
        """Physical values (texts as objects), and which integers are missing (None: none is)."""
        raw = self.stored.whole()
        if self.is_text:
            return physical(self.stored).of(_joined(raw) if raw.ndim > len(self.dims) else raw), None
        found = physical(self.stored, default_fill=True).of(raw)
        if self.stored.dtype.kind == "f" or found.dtype.kind != "f" or _is_packed(self.attrs):
            return found, None
        missing = np.isnan(found)
        whole = raw if "_Unsigned" not in self.attrs else np.where(missing, 0, found).astype(np.int64)
        return whole, missing if missing.any() else None

    @cached_property
    def numbers(self) -> Array:
        """float64, NaN where missing."""
        return numbers(self.stored)


def _is_packed(attrs: Mapping[str, Any]) -> bool:
    return number(attrs.get("scale_factor"), 1.0) != 1.0 or number(attrs.get("add_offset"), 0.0) != 0.0


def _joined(characters: Array) -> Array:
    """Characters along the last dimension as texts."""
    tight = np.ascontiguousarray(characters)
    if not tight.size:
        return np.full(tight.shape[:-1], b"", "S1")
    return tight.view(f"S{tight.shape[-1] * tight.dtype.itemsize}").reshape(tight.shape[:-1])


class Layout:
    """The arrays of one source and how their dimensions hang together."""

    def __init__(self, opened: Opened) -> None:
        arrays = opened.arrays
        numeric = {d for s in arrays.values() if s.dtype.kind not in "SUO" for d in s.dims}
        keys = _keys(list(arrays))
        self.attrs = opened.attrs
        self.variables = {p: _variable(p, keys[p], s, numeric) for p, s in arrays.items() if s.dtype.kind != "V"}
        self.sizes = {d: n for s in arrays.values() for d, n in zip(s.dims, s.shape, strict=True)}

    def called(self, path: str, name: str) -> str | None:
        """The path of the array of that name as seen from another: in its group, else in those around it."""
        group = path.rpartition("/")[0]
        while True:
            candidate = f"{group}/{name}" if group else name
            if candidate in self.variables:
                return candidate
            if not group:
                return None
            group = group.rpartition("/")[0]

    @cached_property
    def parents(self) -> dict[str, dict[str, Array]]:
        """Of each ragged dimension: its index into the dimensions of profiles and platforms; -1 belongs to none."""
        direct: dict[str, dict[str, Array]] = {}
        for v in self.variables.values():
            if len(v.dims) != 1:
                continue
            if (samples := self.dim_named(v, "sample_dimension")) is not None:
                direct.setdefault(samples, {})[v.dims[0]] = self._counted(v, samples)
            if (instances := self.dim_named(v, "instance_dimension")) is not None:
                direct.setdefault(v.dims[0], {})[instances] = _indexed(v, self.sizes[instances])
        return {dim: _closed(dim, direct) for dim in direct}

    def dim_named(self, v: Variable, attribute: str) -> str | None:
        """The dimension that an attribute names, as seen from the array's group."""
        name = words(v.attrs, attribute)
        group = v.path.rpartition("/")[0]
        return next((d for d in (f"{group}/{name}", name) if name and d in self.sizes), None)

    def _counted(self, v: Variable, samples: str) -> Array:
        """The index of a contiguous ragged array; samples that no count covers belong to none."""
        count = np.nan_to_num(v.numbers, nan=0.0).astype(np.int64)
        size, total = self.sizes[samples], int(count.sum())
        if (count < 0).any() or total > size:
            raise Unreadable(v.name, f"it counts {total} samples of {size}", "mend the counts of the ragged array")
        return np.concatenate([np.repeat(np.arange(len(count)), count), np.full(size - total, -1)])

    def reach(self, dims: Iterable[str]) -> set[str]:
        """Dimensions whose arrays can be spread over `dims`."""
        listed = set(dims)
        return listed | {p for d in listed for p in self.parents.get(d, {})}

    def usable(self, v: Variable, dims: Dims) -> bool:
        """Whether an array can be spread over `dims`."""
        return v.long_dims <= self.reach(dims) and all(
            n > 0 or d in self.reach(dims) for d, n in zip(v.dims, v.shape, strict=True)
        )

    def depends(self, v: Variable, dims: Dims) -> set[str]:
        """Those of `dims` along which an array varies, itself or through a ragged index."""
        own = set(v.dims)
        return {d for d in dims if d in own or own & set(self.parents.get(d, {}))}

    def spread(self, values: Array, own: Dims, dims: Dims) -> Spread:
        """An array over its own dimensions as one value a sample of `dims` in C order."""
        if own == dims:
            return values.reshape(-1), None
        shape = tuple(self.sizes[d] for d in dims)
        index: list[Array] = []
        lost: Array | None = None
        for d in own:
            along, axis = self._along(d, dims)
            placed = along.reshape(tuple(-1 if i == axis else 1 for i in range(len(dims))))
            if (placed < 0).any():
                none = np.broadcast_to(placed < 0, shape).reshape(-1)
                lost = none if lost is None else lost | none
            index.append(np.maximum(placed, 0))
        if 0 in shape:
            return np.empty(0, values.dtype), None
        taken = values[tuple(index)] if index else values.reshape((1,) * len(dims))
        return np.broadcast_to(taken, shape).reshape(-1), lost

    def _along(self, d: str, dims: Dims) -> tuple[Array, int | None]:
        """The index into dimension `d`, and the axis of `dims` along which it runs (None: `d` has one element)."""
        if d in dims:
            return np.arange(self.sizes[d]), dims.index(d)
        for axis, s in enumerate(dims):
            if d in self.parents.get(s, {}):
                return self.parents[s][d], axis
        return np.zeros(1, np.int64), None

    def orphans(self, dims: Dims) -> Array:
        """Which samples of a ragged array belong to no profile or platform."""
        found = np.zeros(int(np.prod([self.sizes[d] for d in dims], dtype=np.int64)), bool)
        for d in dims:
            for index in self.parents.get(d, {}).values():
                found |= self.spread(index < 0, (d,), dims)[0]
        return found

    def numbers(self, path: str, dims: Dims) -> Array:
        """A coordinate as float64 a sample, NaN where missing."""
        v = self.variables[path]
        values, lost = self.spread(v.numbers, v.dims, dims)
        return values if lost is None else np.where(lost, np.nan, values)


def _variable(path: str, key: str, stored: Stored, numeric: set[str]) -> Variable:
    characters = stored.dtype.kind == "S" and stored.dtype.itemsize == 1 and stored.dims
    cut = -1 if characters and stored.dims[-1] not in numeric else len(stored.dims)
    return Variable(path, key, stored, stored.dims[:cut], stored.shape[:cut])


def _keys(paths: Sequence[str]) -> dict[str, str]:
    """Each path's own name where no other has it, else the path joined with dots."""
    names = [p.rpartition("/")[2] for p in paths]
    twice = {n for n in names if names.count(n) > 1}
    return {p: p.replace("/", ".") if n in twice else n for p, n in zip(paths, names, strict=True)}


def _indexed(v: Variable, size: int) -> Array:
    """The index of an indexed ragged array, counted from 0; what is negative belongs to none."""
    index = np.nan_to_num(v.numbers, nan=-1.0).astype(np.int64)
    highest = int(index.max(initial=-1))
    if highest >= size:
        found = f"it points at number {highest}, counted from 0, of {size}"
        raise Unreadable(v.name, found, "mend the index of the ragged array")
    return np.maximum(index, -1)


def _closed(dim: str, direct: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    """The index of a dimension into its parents and theirs."""
    found: dict[str, Array] = dict(direct[dim])
    waiting = list(found)
    while waiting:
        parent = waiting.pop()
        for further, index in direct.get(parent, {}).items():
            if further not in found and further != dim:
                at = found[parent]
                found[further] = np.where(at < 0, -1, index[np.maximum(at, 0)]) if len(index) else np.full(len(at), -1)
                waiting.append(further)
    return found
