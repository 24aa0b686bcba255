"""The dimensions and variables of a CF file, planned before a value is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from poles.coverage import Axis, Block
from poles.encodings.conventions import said
from poles.stored import Array


def safe(name: str) -> str:
    """The name as NetCDF allows it: it begins with a letter, a digit or an underscore, and has no slash.

    >>> [safe(n) for n in ("sst", "-code/src ", "été (°C)")]
    ['sst', '_-code.src', 'été (°C)']
    """
    plain = _REFUSED.sub("", name.replace("/", ".")).strip()
    return plain if plain[:1].isalnum() or plain[:1] == "_" else f"_{plain}"


_REFUSED = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Stream:
    """A block, and where in its variable it goes.

    `prefix` are indices of leading dimensions; `shape` is what the block fills of the others, from `offset` along the
    first of them.
    """

    block: Block
    shape: tuple[int, ...]
    prefix: tuple[int, ...] = ()
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the file: a coordinate, whose values are at hand, or blocks that are read as they are written."""

    name: str
    dims: tuple[str, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]
    values: Array | tuple[Stream, ...]
    missing: bool = False
    """Whether NaN stands for values that are missing."""


@dataclass(slots=True)
class Layout:
    """A file that grows: names are given once, and coordinates that are alike are shared."""

    attributes: dict[str, Any]
    reserved: frozenset[str] = frozenset()
    """Names of parameters, which no coordinate takes."""
    level: Axis | None = None
    """What z is where it is no axis of its own."""
    dimensions: dict[str, int] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    _shared: list[tuple[str, tuple[Array, ...], str]] = field(default_factory=list)

    def named(self, wanted: str, own: bool = False) -> str:
        """The name, or the first like it that is free; `own` is that of a parameter."""
        base = safe(wanted)
        used = {v.name for v in self.variables} | set(self.dimensions) | (set() if own else self.reserved)
        candidates = (base if n == 1 else f"{base}_{n}" for n in range(1, len(used) + 2))
        return next(c for c in candidates if c not in used)

    def dimension(self, wanted: str, size: int) -> str:
        """A dimension without a coordinate of its name."""
        name = self.named(wanted)
        self.dimensions[name] = size
        return name

    def known(self, kind: str, *values: Array) -> str | None:
        """The name under which the same coordinates stand in the file."""
        for other, arrays, name in self._shared:
            if other == kind and len(arrays) == len(values) and all(map(np.array_equal, arrays, values)):
                return name
        return None

    def share(self, kind: str, name: str, *values: Array) -> str:
        """Remembers coordinates for those that come later."""
        self._shared.append((kind, values, name))
        return name

    def add(self, name: str, dims: tuple[str, ...], values: Array, attributes: Mapping[str, Any]) -> str:
        """A variable whose values are at hand."""
        values = np.asarray(values, np.float64) if values.dtype == np.int64 else np.asarray(values)
        missing = values.dtype.kind == "f" and bool(np.isnan(values).any())
        self.variables.append(Variable(name, dims, values.dtype, said(attributes), values, missing))
        return name

    def axis(self, kind: str, wanted: str, values: Array, attributes: Mapping[str, Any], bounds: Array | None) -> str:
        """A coordinate variable and its dimension, shared where the same stands already."""
        told = (values,) if bounds is None else (values, bounds)
        name = self.known(kind, *told)
        if name is not None:
            return name
        name = self.named(wanted)
        self.dimensions[name] = len(values)
        cells = {} if bounds is None else {"bounds": f"{name}_bnds"}
        self.add(name, (name,), values, {**attributes, **cells})
        if bounds is not None:
            self.dimensions.setdefault("bnds", 2)
            self.add(f"{name}_bnds", (name, "bnds"), bounds, {})
        return self.share(kind, name, *told)
