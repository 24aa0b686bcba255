"""CF discrete sampling geometries: an opened source as samples, whatever its layout.

Every array is spread over the dimensions of the parameters that it belongs to. Ragged arrays only add an index from
the sample dimension to that of profiles or platforms, so that one rule reads all layouts: orthogonal, incomplete,
contiguous ragged, indexed ragged, and single instances with scalar coordinates.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from poles import meaning, times
from poles.cf import described, units_of, words
from poles.dataset import Described
from poles.errors import Unreadable
from poles.layout import Dims, Layout, Variable
from poles.sources import dates
from poles.stored import Array, Opened

FeatureType = Literal["point", "timeSeries", "trajectory", "profile", "timeSeriesProfile", "trajectoryProfile"]

_TYPES: Mapping[str, FeatureType] = {
    **{t.lower(): t for t in get_args(FeatureType)},
    "station": "timeSeries", "stationprofile": "timeSeriesProfile", "section": "trajectoryProfile",
}  # fmt: skip
_OTHER_TYPES = {"grid", "swath", "image", "radial", "ugrid"}
_PLATFORM_ATTRS = (
    "platform_code", "wmo_platform_code", "wmo_id", "platform_id", "station_id", "site_code", "site_id", "station",
    "station_name", "site", "location", "site_name",
)  # fmt: skip
_PLACE_ATTRS = (
    ("station_longitude", "station_latitude"), ("site_longitude", "site_latitude"),
    ("geospatial_lon_min", "geospatial_lat_min"), ("longitude", "latitude"),
)  # fmt: skip
_SHARE = 10
"""A field that cannot be placed and is so many times larger than all that can makes a source no sampling."""

_PLATFORM_ROLES = {"timeseries_id", "trajectory_id"}


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


def is_sampling(opened: Opened) -> bool:
    """Whether a source is a discrete sampling, declared or evident, and neither a grid nor a swath."""
    said = _said_type(opened.attrs)
    source = _Source(opened)
    if said in _OTHER_TYPES or source.gridded:
        return False
    return said in _TYPES or source.evident


def sampling(opened: Opened, platform: str, names: Mapping[str, str] | None = None) -> Sampling:
    """The samples of a source; `platform` is the id of a platform that the source does not name.

    `names` gives the arrays that are x, y, z, time or platform where the file does not tell. Raises Unreadable where
    the samples cannot be placed.
    """
    source = _Source(opened, names or {})
    if not source.groups:
        raise Unreadable(
            "samples",
            source.why_not,
            "give latitude and longitude CF units, or name them in the block: names: {x: ARRAY, y: ARRAY}",
        )
    return _Reader(source, platform).sampling()


def _said_type(attrs: Mapping[str, Any]) -> str:
    said = words(attrs, "featureType", "feature_type", "CF:featureType", "cdm_data_type", "CF_featureType")
    return said.lower().replace(" ", "")


# --- what the arrays are to each other -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Coordinates:
    """The arrays that place the samples along some dimensions; `site` places them all where arrays do not."""

    x: str | None
    y: str | None
    t: str | None
    z: str | None
    identity: str | None
    site: tuple[float, float] | None

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(p for p in (self.x, self.y, self.t, self.z, self.identity) if p is not None)


@dataclass(eq=False)
class _Source:
    """One source: its layout, and the coordinates of each set of dimensions that can be placed."""

    opened: Opened
    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.opened)

    @cached_property
    def declared(self) -> FeatureType | None:
        return _TYPES.get(_said_type(self.opened.attrs))

    @cached_property
    def ragged_or_named(self) -> bool:
        """Whether the file says itself what its samples belong to."""
        marks = {"sample_dimension", "instance_dimension"}
        roles = _PLATFORM_ROLES | {"profile_id"}
        arrays = self.opened.arrays.values()
        return any(words(s.attrs, "cf_role") in roles or not marks.isdisjoint(s.attrs) for s in arrays)

    @cached_property
    def apart(self) -> set[str]:
        """Arrays that are neither parameters nor coordinates: bounds, mappings, counters."""
        found = set()
        for path, v in self.layout.variables.items():
            pointed = (self.layout.called(path, words(v.attrs, a)) for a in ("bounds", "climatology", "grid_mapping"))
            found |= {p for p in pointed if p is not None}
            if not {"grid_mapping_name", "sample_dimension", "instance_dimension"}.isdisjoint(v.attrs):
                found.add(path)
        return found

    @cached_property
    def candidates(self) -> dict[meaning.Role, list[tuple[float, str]]]:
        """Arrays that may be x, y, z and t, with the weight of their evidence."""
        given: dict[meaning.Role, str | None] = {
            "x": self.names.get("x"), "y": self.names.get("y"), "z": self.names.get("z"),
            "t": self.names.get("t") or self.names.get("time"),
        }  # fmt: skip
        found: dict[meaning.Role, list[tuple[float, str]]] = {}
        for role, weigh in meaning.WEIGH.items():
            weighed = ((self._given(v, given[role]) or weigh(v), p) for p, v in self.layout.variables.items())
            found[role] = [(w, p) for w, p in weighed if w > 0 and p not in self.apart]
        if self._tai is not None:
            found["t"] += [(4.0, p) for p, v in self.layout.variables.items() if v.name == "Time"]
        return found

    @staticmethod
    def _given(v: Variable, name: str | None) -> float:
        return 100.0 if name is not None and name in {v.name, v.key, v.path} else 0.0

    @cached_property
    def _tai(self) -> tuple[int, float] | None:
        """Midnight of the granule in milliseconds and in seconds of TAI since 1993, as HDF-EOS Aura files tell it."""
        at = {k.rpartition("/")[2]: v for k, v in self.opened.attrs.items()}
        if "TAI93At0zOfGranule" not in at or not {"GranuleYear", "GranuleMonth", "GranuleDay"} <= set(at):
            return None
        year, month, day = (int(np.ravel(at[f"Granule{f}"])[0]) for f in ("Year", "Month", "Day"))
        midnight = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "ms").astype(np.int64)
        return int(midnight), float(np.ravel(at["TAI93At0zOfGranule"])[0])

    @cached_property
    def gridded(self) -> bool:
        """Whether a parameter has two horizontal dimensions of its own, or lies on a mesh."""
        variables = self.layout.variables.values()
        if any(words(v.attrs, "cf_role") == "mesh_topology" for v in variables):
            return True
        across = {v.dims[0] for v in variables if v.is_namesake and _is_axis(v, "x")}
        along = {v.dims[0] for v in variables if v.is_namesake and _is_axis(v, "y")}
        planes = [set(v.dims) & (across | along) for v in variables if set(v.dims) & across and set(v.dims) & along]
        if self.declared is not None:
            return any(self.layout.sizes[d] > 1 for dims in planes for d in dims)
        return bool(planes)

    @cached_property
    def evident(self) -> bool:
        """Whether a source that declares no type is a sampling: its places go with its times, along one dimension."""
        if self.ragged_or_named:
            return bool(self.groups)
        weight = {True: 0, False: 0}
        for dims, c in self.groups.items():
            alike = self._goes_along(c)
            weight[alike] += sum(v.dims == dims and not v.is_text for v in self.layout.variables.values())
        return weight[True] > weight[False] and self._most_is_placed()

    def _most_is_placed(self) -> bool:
        """Whether no field that cannot be placed is far larger than all that can."""
        numeric = [v for p, v in self.layout.variables.items() if not v.is_text and p not in self.apart]
        groups = {frozenset(d) for d in self.groups}
        placed = sum(int(np.prod(v.shape)) for v in numeric if frozenset(v.dims) in groups)
        fields = (v for v in numeric if len(v.long_dims) > 1 and frozenset(v.dims) not in groups)
        return _SHARE * placed >= max((int(np.prod(v.shape)) for v in fields), default=0)

    def _goes_along(self, c: _Coordinates) -> bool:
        """Whether the places run with the time, or stand still."""
        if c.t is None:
            return False
        timed = self.layout.variables[c.t].long_dims or set(self.layout.variables[c.t].dims)
        places = [self.layout.variables[p].long_dims for p in (c.x, c.y) if p is not None]
        named = c.identity is not None and self.layout.variables[c.identity].is_text
        return bool(timed) and all((d <= timed and len(d) <= 1) or named for d in places)

    @cached_property
    def groups(self) -> dict[Dims, _Coordinates]:
        """The sets of dimensions along which samples can be placed."""
        found: dict[Dims, _Coordinates] = {}
        seen: set[frozenset[str]] = set()
        for v in self._by_use():
            if frozenset(v.dims) not in seen:
                seen.add(frozenset(v.dims))
                coordinates = self._coordinates(v.dims)
                if coordinates is not None:
                    found[v.dims] = coordinates
        return found

    def _by_use(self) -> Iterator[Variable]:
        """Arrays that may be parameters, those first that name their coordinates."""
        free = [v for p, v in self.layout.variables.items() if p not in self.apart and v.dims and not v.is_namesake]
        yield from (v for v in free if words(v.attrs, "coordinates"))
        yield from free

    def _coordinates(self, dims: Dims) -> _Coordinates | None:
        """The coordinates of samples along `dims`; None where they cannot be placed in space, or not in time."""
        wanted = self._wanted(dims)
        x = self._best("x", dims, wanted)
        beside = self.layout.variables[x].dims if x is not None else ()
        y, t = self._best("y", dims, wanted, beside), self._best("t", dims, wanted, beside)
        site = _site(self.opened.attrs) if x is None or y is None else None
        if (x is None or y is None) and site is None:
            return None
        if t is None and self.candidates["t"]:
            return None
        placed = {d for p in (x, y, t) if p is not None for d in self.layout.depends(self.layout.variables[p], dims)}
        z = self._vertical(dims, wanted, placed, [p for p in (x, y, t) if p])
        found = _Coordinates(x, y, t, z, self._identity(dims), site)
        return found if self._covers(found, dims, placed) else None

    def _wanted(self, dims: Dims) -> set[str]:
        """Names that the `coordinates` of parameters along `dims` give."""
        along = (v for v in self.layout.variables.values() if frozenset(v.dims) == frozenset(dims))
        return {n.rpartition("/")[2] for v in along for n in words(v.attrs, "coordinates").replace(",", " ").split()}

    def _best(self, role: meaning.Role, dims: Dims, wanted: set[str], beside: Dims = ()) -> str | None:
        """The array with the most evidence that can be spread over `dims`, rather one with the dimensions `beside`."""
        variables = self.layout.variables
        options = [
            (
                weight + 16 * (variables[p].name in wanted) + 12 * (variables[p].dims == beside != ()),
                len(variables[p].long_dims),
                -len(p),
                p,
            )
            for weight, p in self.candidates[role]
            if self.layout.usable(variables[p], dims)
        ]
        return max(options)[-1] if options else None

    def _vertical(self, dims: Dims, wanted: set[str], placed: set[str], used: Sequence[str]) -> str | None:
        """The vertical of the samples, not a height that was measured.

        It is one that the parameters name among their coordinates, or that runs along a dimension of its own. Where no
        parameter names coordinates, a height or depth (never a pressure) along all dimensions, or a scalar that is
        an axis, will do.
        """
        options = []
        for weight, path in self.candidates["z"]:
            v = self.layout.variables[path]
            if path in used or not self.layout.usable(v, dims):
                continue
            own = self.layout.depends(v, dims) - placed
            named = v.name in wanted or weight >= 100
            plain = (
                not wanted
                and not self._has_levels
                and ("pres" not in v.name.lower() and "pressure" not in words(v.attrs, "standard_name"))
            )
            axis = words(v.attrs, "axis").upper() == "Z"
            if named or own or (plain and (axis or set(v.dims) == set(dims))):
                options.append((weight + 16 * named, bool(own), v.is_namesake, -len(path), path))
        return max(options)[-1] if options else None

    @cached_property
    def _has_levels(self) -> bool:
        """Whether the file has a vertical axis of its own, so that heights along other dimensions are none."""
        verticals = (self.layout.variables[p] for _, p in self.candidates["z"])
        return any(v.is_namesake and not meaning.time(v) for v in verticals)

    def _identity(self, dims: Dims) -> str | None:
        """The array that names the platform of each sample."""
        given = self.names.get("platform")
        usable = {
            p: v for p, v in self.layout.variables.items()
            if p not in self.apart and meaning.identifies(v) and self.layout.usable(v, dims) and (v.dims or v.is_text)
        }  # fmt: skip
        for path, v in usable.items():
            if words(v.attrs, "cf_role") in _PLATFORM_ROLES or self._given(v, given):
                return path
        if self.declared == "profile" and (cast := self._cast_of(dims)) is not None:
            return cast
        along = {p: v.name.lower() for p, v in usable.items() if v.dims}
        return next((p for name in meaning.IDENTITIES for p, own in along.items() if own == name), None)

    def _cast_of(self, dims: Dims) -> str | None:
        """The array that names profiles, of files whose profiles belong to no platform."""
        for path, v in self.layout.variables.items():
            if words(v.attrs, "cf_role") == "profile_id" and meaning.identifies(v) and self.layout.usable(v, dims):
                return path
        return None

    def _covers(self, c: _Coordinates, dims: Dims, placed: set[str]) -> bool:
        """Whether every dimension longer than one is that of a coordinate or of named platforms."""
        variables = self.layout.variables
        reached = set(placed)
        if c.z is not None:
            reached |= self.layout.depends(variables[c.z], dims)
        if c.identity is not None and (variables[c.identity].is_text or words(variables[c.identity].attrs, "cf_role")):
            reached |= self.layout.depends(variables[c.identity], dims)
        return bool(reached or c.site) and all(d in reached or self.layout.sizes[d] == 1 for d in dims)

    @property
    def why_not(self) -> str:
        """Why nothing could be placed."""
        lacking = [n for n, role in (("latitude", "y"), ("longitude", "x")) if not self.candidates[role]]  # type: ignore[index]
        if lacking:
            return f"there is no {' and no '.join(lacking)}"
        return "no parameter lies along the dimensions of latitude, longitude and time"

    def clock(self, path: str, dims: Dims) -> tuple[Array, str]:
        """Times of samples in milliseconds, and their calendar."""
        v = self.layout.variables[path]
        if v.is_text:
            texts, lost = self.layout.spread(v.values[0], v.dims, dims)
            ms = dates.parsed(pa.array(texts, pa.string()), words(v.attrs, "long_name"))
            if ms is None:
                raise Unreadable(v.name, "its texts are no dates", "write 2020-01-31T12:00:00Z")
            return ms if lost is None else np.where(lost, times.MISSING, ms), "standard"
        wide = self.layout.numbers(path, dims)
        if not times.is_time(units_of(v.attrs)) and self._tai is not None:
            midnight, seconds = self._tai
            return times.decode((wide - seconds) * 1000 + midnight, "milliseconds since 1970-01-01")
        if v.stored.dtype.kind == "M":
            spread, lost = self.layout.spread(v.values[0], v.dims, dims)
            return times.decode(spread, "", None)
        return times.decode(wide, units_of(v.attrs), words(v.attrs, "calendar") or None)


def _is_axis(v: Variable, axis: Literal["x", "y"]) -> bool:
    said = words(v.attrs, "standard_name").lower()
    rotated = "grid_longitude" if axis == "x" else "grid_latitude"
    if said in {f"projection_{axis}_coordinate", rotated}:
        return True
    return (meaning.longitude(v) if axis == "x" else meaning.latitude(v)) >= 6


def _site(attrs: Mapping[str, Any]) -> tuple[float, float] | None:
    """The one place that global attributes give."""
    for x, y in _PLACE_ATTRS:
        ends = [attrs.get(n.replace("_min", e)) for n in (x, y) for e in ("_min", "_max")]
        try:
            west, east, south, north = (float(np.ravel(np.asarray(e))[0]) for e in ends)
        except (TypeError, ValueError, IndexError):
            continue
        if abs(east - west) < 1e-6 and abs(north - south) < 1e-6 and abs(south) <= 90 and abs(west) <= 540:
            return west, south
    return None


# --- samples ---------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Reader:
    """Reads the samples of a source, group by group."""

    source: _Source
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

    def _samples(self, dims: Dims, c: _Coordinates) -> Samples:
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
        return found.taken(_kept(found))

    def _place(self, c: _Coordinates, dims: Dims) -> tuple[Array, Array]:
        n = int(np.prod([self.layout.sizes[d] for d in dims], dtype=np.int64))
        if c.site is not None:
            return normal(np.full(n, c.site[0])), np.full(n, c.site[1])
        assert c.x is not None
        assert c.y is not None
        return normal(self.layout.numbers(c.x, dims)), self.layout.numbers(c.y, dims)

    def _platforms(self, c: _Coordinates, dims: Dims) -> Array:
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

    def _profiles(self, c: _Coordinates, dims: Dims) -> Array | None:
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

    def _profiled(self, c: _Coordinates, dims: Dims) -> bool:
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

    def _vertical(self, c: _Coordinates) -> Vertical | None:
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

    def _moves(self, c: _Coordinates, v: Variable) -> bool:
        """Whether places vary along the dimensions of an array."""
        places = {d for p in (c.x, c.y) if p is not None for d in self.layout.variables[p].long_dims}
        return bool(places & set(v.dims))

    def _levels(self, dims: Dims, c: _Coordinates) -> set[str]:
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

    def _describe_platforms(self, c: _Coordinates, dims: Dims, ids: Array) -> None:
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

    def _of_platform(self, v: Variable, c: _Coordinates) -> bool:
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
