"""CF discrete sampling geometries: an opened source as samples, whatever its layout.

Every array is spread over the dimensions of the parameters that it belongs to. Ragged arrays only add an index from
the sample dimension to that of profiles or platforms, so that one rule reads all layouts: orthogonal, incomplete,
contiguous ragged, indexed ragged, and single instances with scalar coordinates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from poles import times
from poles.cf import described, units_of, words
from poles.dataset import Described
from poles.errors import Unreadable
from poles.roles import in_degrees_of
from poles.rows import meaning
from poles.rows.layout import Dims, Layout, Variable
from poles.rows.sited import Coordinates, FeatureType, Source, is_sampling
from poles.stored import Array, Opened

_PLATFORM_ATTRS = (
    "platform_code", "wmo_platform_code", "wmo_id", "platform_id", "station_id", "site_code", "site_id", "station",
    "station_name", "site", "location", "site_name",
)  # fmt: skip


__all__ = ["FeatureType", "Samples", "Sampling", "Vertical", "is_sampling", "sampling"]


@dataclass(frozen=True, slots=True)
class Vertical:
    """What z is: the file's own name, unit and direction."""

    key: str
    unit: str = ""
    label: str = ""
    standard_name: str | None = None
    positive: Literal["up", "down"] | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples along the same dimensions, in stored order: all of one length."""

    t: Array
    """int64 milliseconds, `times.MISSING` where there is none."""
    x: Array
    y: Array
    z: Array | None
    platform: Array
    """Objects: the id of each sample's platform."""
    profile: Array | None
    """int64 number of each sample's profile; None where samples make no profiles."""
    values: Mapping[str, pa.Array]
    """Parameters."""
    extras: Mapping[str, pa.Array]
    """What is known of whole profiles, such as cycle numbers: properties of items, not parameters."""
    vertical: Vertical | None = None

    def __len__(self) -> int:
        return len(self.x)

    def taken(self, keep: Array) -> "Samples":
        """The samples of a mask or index."""
        rows = pa.array(np.flatnonzero(keep) if keep.dtype == bool else keep)
        return replace(
            self,
            t=self.t[keep],
            x=self.x[keep],
            y=self.y[keep],
            z=None if self.z is None else self.z[keep],
            platform=self.platform[keep],
            profile=None if self.profile is None else self.profile[keep],
            values={k: v.take(rows) for k, v in self.values.items()},
            extras={k: v.take(rows) for k, v in self.extras.items()},
        )


@dataclass(frozen=True, slots=True)
class Sampling:
    """All samples of one source."""

    declared: FeatureType | None
    groups: tuple[Samples, ...]
    parameters: Mapping[str, Described]
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is known of each platform, by its id; `name` is what it is called."""
    calendar: str = "standard"
    mended: tuple[str, ...] = ()


def sampling(opened: Opened, platform: str, names: Mapping[str, str] | None = None) -> Sampling:
    """The samples of a source; `platform` is the id of a platform that the source does not name.

    `names` gives the arrays that are x, y, z, time or platform where the file does not tell. Raises Unreadable where
    the samples cannot be placed.
    """
    source = Source(opened, names or {})
    if not source.groups:
        raise Unreadable(
            "samples",
            source.why_not,
            "give latitude and longitude CF units, or name them in the block: names: {x: ARRAY, y: ARRAY}",
        )
    return _Reader(source, platform).sampling()


@dataclass(eq=False)
class _Reader:
    """Reads the samples of a source, group by group."""

    source: Source
    platform: str
    calendars: set[str] = field(default_factory=set)
    parameters: dict[str, Described] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    @property
    def layout(self) -> Layout:
        return self.source.layout

    def sampling(self) -> Sampling:
        groups = self.source.groups
        samples = [self._samples(dims, c) for dims, c in groups.items()]
        joined = _alike([s for s in samples if s.values])
        if not joined:
            raise Unreadable("samples", "there is no parameter", "publish a file that holds measurements")
        return Sampling(
            self.source.declared, tuple(joined), self.parameters, self.attributes, _one(self.calendars), self._left()
        )  # fmt: skip

    def _samples(self, dims: Dims, c: Coordinates) -> Samples:
        values, extras = self._columns(dims)
        x, y = self._place(c, dims)
        if c.t is None:
            t = np.full(len(x), times.MISSING)
        else:
            t, calendar = self.source.clock(c.t, dims)
            self.calendars.add(calendar)
        z = None if c.z is None else self.layout.numbers(c.z, dims)
        found = Samples(
            t, x, y, z, self._platforms(c, dims), self._profiles(c, dims), values, extras, self._vertical(c)
        )
        self._describe_platforms(c, dims, found.platform)
        return found.taken(_kept(found) & ~self.layout.orphans(dims))

    def _place(self, c: Coordinates, dims: Dims) -> tuple[Array, Array]:
        n = int(np.prod([self.layout.sizes[d] for d in dims], dtype=np.int64))
        if c.site is not None:
            return normal(np.full(n, c.site[0])), np.full(n, c.site[1])
        assert c.x is not None
        assert c.y is not None
        x, y = (in_degrees_of(self.layout.variables[p].stored, self.layout.numbers(p, dims)) for p in (c.x, c.y))
        known = (np.abs(x) <= 720) & (np.abs(y) <= 90)  # a fill value is no degree, whatever its attributes say
        return normal(np.where(known, x, np.nan)), np.where(known, y, np.nan)

    def _platforms(self, c: Coordinates, dims: Dims) -> Array:
        """The id of each sample's platform."""
        n = int(np.prod([self.layout.sizes[d] for d in dims], dtype=np.int64))
        if c.identity is None:
            instance = self._instances(dims)
            own = _platform_said(self.source.opened.attrs) or self.platform
            if instance is None:
                return np.full(n, own, object)
            return np.array([f"{own}-{i + 1}" for i in range(int(instance.max(initial=0)) + 1)], object)[instance]
        v = self.layout.variables[c.identity]
        texts, _ = self.layout.spread(_as_text(*v.values), v.dims, dims)
        return np.where(texts == None, self.platform, texts)  # noqa: E711 - element by element

    def _instances(self, dims: Dims) -> Array | None:
        """The number of each sample's platform, where a ragged array has platforms without names."""
        for d in dims:
            for parent, index in self.layout.parents.get(d, {}).items():
                if any(
                    self.layout.dim_named(v, "instance_dimension") == parent for v in self.layout.variables.values()
                ):
                    return np.maximum(self.layout.spread(index, (d,), dims)[0], 0)
        return None

    def _profiles(self, c: Coordinates, dims: Dims) -> Array | None:
        """The number of each sample's profile: along the dimensions that place it, while z runs along another."""
        if not self._profiled(c, dims):
            return None
        casts = self._casts(dims)
        places = [self.layout.variables[p] for p in (c.x, c.y, c.t) if p is not None]
        placed = {d for v in places for d in v.dims} if casts is None else {casts}
        number = np.zeros(tuple(self.layout.sizes[d] for d in dims), np.int64)
        for axis, d in enumerate(dims):
            for own in sorted(placed & ({d} | set(self.layout.parents.get(d, {})))):
                along = np.arange(self.layout.sizes[d]) if own == d else np.maximum(self.layout.parents[d][own], 0)
                shape = tuple(-1 if i == axis else 1 for i in range(len(dims)))
                number = number * (int(along.max(initial=0)) + 1) + along.reshape(shape)
        return number.reshape(-1)

    def _profiled(self, c: Coordinates, dims: Dims) -> bool:
        """Whether the samples make profiles: z runs along a dimension along which place and time do not."""
        if c.z is None:
            return False
        variables = self.layout.variables
        placed = {d for p in (c.x, c.y, c.t) if p is not None for d in variables[p].dims}
        return self._casts(dims) is not None or bool(self.layout.depends(variables[c.z], dims) - placed)

    def _casts(self, dims: Dims) -> str | None:
        """The dimension of named profiles to which ragged samples belong."""
        parents = {p for d in dims for p in self.layout.parents.get(d, {})}
        roles = (v for v in self.layout.variables.values() if words(v.attrs, "cf_role") == "profile_id")
        return next((v.dims[0] for v in roles if v.dims and v.dims[0] in parents), None)

    def _vertical(self, c: Coordinates) -> Vertical | None:
        if c.z is None:
            return None
        v = self.layout.variables[c.z]
        positive = words(v.attrs, "positive").lower()
        return Vertical(
            v.name,
            units_of(v.attrs),
            words(v.attrs, "long_name") or v.name,
            words(v.attrs, "standard_name") or None,
            positive if positive in ("up", "down") else _direction(v),  # type: ignore[arg-type]
        )

    def _columns(self, dims: Dims) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
        """Parameters along `dims`, and what is known of the profiles that hold these samples."""
        values, extras = {}, {}
        c = self.source.groups[dims]
        for path, v in self.layout.variables.items():
            if path in self._coordinate_paths or path in self.source.apart or v.is_namesake or not v.dims:
                continue
            own = frozenset(v.dims) == frozenset(dims)
            if own and v.is_text and v.name.lower() in meaning.NAMES:
                continue
            if own and not v.is_text and times.is_time(units_of(v.attrs)):
                self.taken.add(path)
                extras[v.key] = self._column(v, dims)
            elif own and not self._of_profiles(v):
                self.taken.add(path)
                self.parameters[v.key] = described(v.stored, v.key)
                values[v.key] = self._column(v, dims)
            elif (
                not own
                and self._of_profiles(v)
                and set(v.dims) <= self.layout.reach(dims)
                and not self._of_platform(v, c)
            ):
                self.taken.add(path)
                extras[v.key] = self._column(v, dims)
        return values, extras

    @cached_property
    def _coordinate_paths(self) -> set[str]:
        return {p for c in self.source.groups.values() for p in c.paths}

    def _of_profiles(self, v: Variable) -> bool:
        """Whether an array belongs to whole profiles: a text, a date or a bare number along what places them.

        A number with a unit is a measurement of its own, and so is any number where the profiler stands still.
        """
        dated = not v.is_text and times.is_time(units_of(v.attrs))
        measured = not v.is_text and not dated and (units_of(v.attrs) or words(v.attrs, "standard_name"))
        return not measured and any(
            self._profiled(c, d)
            and set(v.dims) < self.layout.reach(d)
            and not set(v.dims) & self._levels(d, c)
            and (v.is_text or dated or self._moves(c, v))
            for d, c in self.source.groups.items()
        )

    def _moves(self, c: Coordinates, v: Variable) -> bool:
        """Whether places vary along the dimensions of an array."""
        places = {d for p in (c.x, c.y) if p is not None for d in self.layout.variables[p].long_dims}
        return bool(places & set(v.dims))

    def _levels(self, dims: Dims, c: Coordinates) -> set[str]:
        """The dimensions along which a profile runs."""
        variables = self.layout.variables
        placed = {d for p in (c.x, c.y, c.t) if p is not None for d in variables[p].dims}
        return {d for d in dims if d not in placed}

    def _column(self, v: Variable, dims: Dims) -> pa.Array:
        if times.is_time(units_of(v.attrs)) and not v.is_text:
            ms, _ = self.source.clock(v.path, dims)
            return pa.array(ms.view("M8[ms]"), pa.timestamp("ms", "UTC"))
        values, missing = v.values
        spread, lost = self.layout.spread(values, v.dims, dims)
        if missing is not None:
            absent, _ = self.layout.spread(missing, v.dims, dims)
            lost = absent if lost is None else lost | absent
        if spread.dtype == object:
            return pa.array(spread, pa.string(), mask=lost)
        return pa.array(np.ascontiguousarray(spread), mask=lost, from_pandas=True)

    def _describe_platforms(self, c: Coordinates, dims: Dims, ids: Array) -> None:
        """Keeps what is told of each platform."""
        if not len(ids):
            return
        found, first = np.unique(ids.astype(str), return_index=True)
        known = {i: self.attributes.setdefault(i, {}) for i in found.tolist()}
        for path, v in self.layout.variables.items():
            named = v.is_text and v.name.lower() in meaning.NAMES and self.layout.usable(v, dims)
            if not (named or self._of_platform(v, c)) or path in self.source.apart or not v.dims:
                continue
            self.taken.add(path)
            column = self._column(v, dims).take(pa.array(first)).to_pylist()
            for i, value in zip(known, column, strict=True):
                if value is not None:
                    known[i].setdefault("name" if named else v.key, value)

    def _of_platform(self, v: Variable, c: Coordinates) -> bool:
        """Whether an array is known a platform: along its dimension and no other."""
        if c.identity is None or v.path in self._coordinate_paths:
            return False
        own = set(self.layout.variables[c.identity].dims)
        timed = c.t is not None and bool(set(v.dims) & set(self.layout.variables[c.t].dims))
        return set(v.dims) == own and not timed

    def _left(self) -> tuple[str, ...]:
        """What was left out, and why."""
        left = [
            v.key for p, v in self.layout.variables.items()
            if p not in self.taken and p not in self._coordinate_paths and p not in self.source.apart
            and v.long_dims and not v.is_namesake and not v.is_text
        ]  # fmt: skip
        if not left:
            return ()
        shown = ", ".join(left[:6]) + (f" and {len(left) - 6} more" if len(left) > 6 else "")
        return (f"left out, as they lie along dimensions without coordinates: {shown}",)


def normal(x: Array) -> Array:
    """Longitudes in [-180, 180)."""
    outside = (x < -180) | (x >= 180)
    return np.where(outside, np.round((x + 180) % 360 - 180, 9), x)


def _one(calendars: set[str]) -> str:
    return min(calendars) if calendars else "standard"


def _platform_said(attrs: Mapping[str, Any]) -> str | None:
    """The platform that global attributes name."""
    for name in _PLATFORM_ATTRS:
        value = attrs.get(name)
        said = (
            words(attrs, name) if isinstance(value, str | bytes) else "" if value is None else str(np.ravel(value)[0])
        )
        if said and said.lower() not in {"0", "none", "n/a", "na", "unknown"} and len(said) <= 64:
            return said
    return None


def _as_text(values: Array, missing: Array | None) -> Array:
    """Ids as texts, None where missing."""
    if values.dtype == object:
        return values
    texts = values.astype(str).astype(object)
    if missing is not None:
        texts[missing] = None
    return texts


def _direction(v: Variable) -> Literal["up", "down"] | None:
    """Up or down, where name or standard name leave no doubt."""
    said = f"{words(v.attrs, 'standard_name')} {v.name}".lower()
    if any(w in said for w in ("depth", "deph", "pres", "plev")):
        return "down"
    return "up" if any(w in said for w in ("height", "altitude", "range")) else None


def _kept(s: Samples) -> Array:
    """Drops padding: rows without a coordinate that hold no value of any parameter."""
    lacking = np.isnan(s.x) | np.isnan(s.y)
    if (s.t != times.MISSING).any():
        lacking |= s.t == times.MISSING
    if s.z is not None:
        lacking |= np.isnan(s.z)
    if not lacking.any():
        return np.ones(len(s), bool)
    rows = np.flatnonzero(lacking)
    empty = np.ones(len(rows), bool)
    for column in s.values.values():
        empty &= np.asarray(column.take(pa.array(rows)).is_null())
    keep = np.ones(len(s), bool)
    keep[rows[empty]] = False
    return keep


def _alike(groups: Sequence[Samples]) -> list[Samples]:
    """Groups of the same samples become one: parameters of several swaths at the same places and times."""
    found: list[Samples] = []
    for s in groups:
        same = next((i for i, o in enumerate(found) if _same(o, s)), None)
        if same is None:
            found.append(s)
        else:
            o = found[same]
            found[same] = replace(o, values={**o.values, **s.values}, extras={**o.extras, **s.extras})
    return found


def _same(a: Samples, b: Samples) -> bool:
    if len(a) != len(b) or (a.z is None) != (b.z is None) or (a.profile is None) != (b.profile is None):
        return False
    pairs: list[tuple[Any, Any]] = [(a.t, b.t), (a.x, b.x), (a.y, b.y)]
    if a.z is not None and b.z is not None:
        pairs.append((a.z, b.z))
    return all(np.array_equal(p, q, equal_nan=p.dtype.kind == "f") for p, q in pairs) and bool(
        (a.platform == b.platform).all()
    )
