"""Where the samples of a source lie: the coordinates of each set of dimensions, by the evidence of the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from poles import times
from poles.cf import units_of, words
from poles.errors import Unreadable
from poles.rows import meaning
from poles.rows.layout import Dims, Layout, Variable
from poles.sources import dates
from poles.stored import Array, Opened

FeatureType = Literal["point", "timeSeries", "trajectory", "profile", "timeSeriesProfile", "trajectoryProfile"]

_TYPES: Mapping[str, FeatureType] = {
    **{t.lower(): t for t in get_args(FeatureType)},
    "station": "timeSeries", "stationprofile": "timeSeriesProfile", "section": "trajectoryProfile",
}  # fmt: skip
_OTHER_TYPES = {"grid", "swath", "image", "radial", "ugrid"}
_PLACE_ATTRS = (
    ("station_longitude", "station_latitude"), ("site_longitude", "site_latitude"),
    ("geospatial_lon_min", "geospatial_lat_min"), ("longitude", "latitude"),
)  # fmt: skip
_SHARE = 10
"""A field that cannot be placed and is so many times larger than all that can makes a source no sampling."""

_PLATFORM_ROLES = {"timeseries_id", "trajectory_id"}


def is_sampling(opened: Opened) -> bool:
    """Whether a source is a discrete sampling, declared or evident, and neither a grid nor a swath."""
    said = _said_type(opened.attrs)
    source = Source(opened)
    if said in _OTHER_TYPES or source.gridded:
        return False
    return said in _TYPES or source.evident


def _said_type(attrs: Mapping[str, Any]) -> str:
    said = words(attrs, "featureType", "feature_type", "CF:featureType", "cdm_data_type", "CF_featureType")
    return said.lower().replace(" ", "")


@dataclass(frozen=True, slots=True)
class Coordinates:
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
class Source:
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

    def _goes_along(self, c: Coordinates) -> bool:
        """Whether the places run with the time, or stand still."""
        if c.t is None:
            return False
        timed = self.layout.variables[c.t].long_dims or set(self.layout.variables[c.t].dims)
        places = [self.layout.variables[p].long_dims for p in (c.x, c.y) if p is not None]
        named = c.identity is not None and self.layout.variables[c.identity].is_text
        return bool(timed) and all((d <= timed and len(d) <= 1) or named for d in places)

    @cached_property
    def groups(self) -> dict[Dims, Coordinates]:
        """The sets of dimensions along which samples can be placed."""
        found: dict[Dims, Coordinates] = {}
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

    def _coordinates(self, dims: Dims) -> Coordinates | None:
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
        found = Coordinates(x, y, t, z, self._identity(dims), site)
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

    def _covers(self, c: Coordinates, dims: Dims, placed: set[str]) -> bool:
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
