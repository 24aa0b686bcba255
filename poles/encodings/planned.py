"""Coverages as one CF file: grids with their axes, places and tracks as discrete sampling geometries, cells."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from poles.coverage import Axis, Composite, Coverage, Coverages
from poles.crs import LONLAT, transform
from poles.crs import crs as crs_of
from poles.encodings import acdd
from poles.encodings.arrays import plain_type, scattered
from poles.encodings.conventions import LATITUDE, LONGITUDE, horizontal, of_axis, of_parameter, of_time
from poles.encodings.described import level
from poles.encodings.extents import extents, values_of
from poles.encodings.format import Context
from poles.encodings.layout import Layout, Stream, Variable, safe
from poles.errors import Invalid
from poles.stored import Array

_MOST_PLACES = 1_000_000
"""Cells of a grid up to which longitude and latitude are written beside other coordinates."""

_SITES = ("Point", "PointSeries", "VerticalProfile")
_FEATURES = {(): "point", ("t",): "timeSeries", ("z",): "profile", ("t", "z"): "timeSeriesProfile"}
_ROLES = {"timeSeries": "timeseries_id", "timeSeriesProfile": "timeseries_id", "profile": "profile_id"}
_CONTENTS = {
    "point": "Point", "timeSeries": "Station", "timeSeriesProfile": "Station", "profile": "Profile",
    "trajectory": "Trajectory",
}  # fmt: skip


def planned(answer: Coverages, context: Context) -> Layout:
    """The file that holds all coverages of an answer. Raises Invalid where CF has no form for them together."""
    members = [scattered(c) for c in answer.members]
    reserved = frozenset(safe(k) for c in members for k in c.ranges)
    found = level(members[0], answer.dataset) if members else None
    layout = Layout(acdd.attributes(answer.dataset, context), reserved, found)
    features = {_stack(layout, stack, context.language) for stack in _stacks(members)}
    layout.attributes |= extents(members, found)
    feature = features.pop() if len(features) == 1 else None
    if feature is not None:
        layout.attributes["featureType"] = feature
    layout.attributes["cdm_data_type"] = _CONTENTS.get(feature or "", "Grid")
    return layout


def _stacks(members: Sequence[Coverage]) -> list[list[Coverage]]:
    """Coverages that become one set of variables: places or tracks with the same parameters and axes."""
    found: dict[Any, list[Coverage]] = {}
    for number, c in enumerate(members):
        stacked = c.domain == "Trajectory" or _is_site(c, len(members) > 1)
        along = c.composite.coordinates if c.composite is not None else ()
        alike = (c.domain, tuple(c.ranges), tuple(a.name for a in c.axes), along, c.crs)
        found.setdefault(alike if stacked else number, []).append(c)
    return list(found.values())


def _is_site(coverage: Coverage, several: bool) -> bool:
    if coverage.composite is not None:
        return False
    return coverage.domain in _SITES or (several and all(len(a) == 1 for a in coverage.axes if a.name in ("x", "y")))


def _stack(layout: Layout, stack: list[Coverage], language: str) -> str | None:
    """Adds the variables of some coverages; gives their feature type where they are discrete samples."""
    first = stack[0]
    if first.composite is not None:
        return _cells(layout, stack, language)
    if _is_site(first, len(stack) > 1):
        return _sites(layout, stack, language)
    _grid(layout, first, language)
    return None


# --- grids ---------------------------------------------------------------------------------------------------------


def _grid(layout: Layout, coverage: Coverage, language: str) -> None:
    dims = {a.name: _dimension(layout, a, coverage.crs) for a in coverage.axes}
    beside = _places(layout, coverage, dims)
    for key, block in coverage.ranges.items():
        stream = Stream(block, block.shape)
        _parameter(layout, key, [coverage], tuple(dims[d] for d in block.dims), (stream,), beside, language)


def _dimension(layout: Layout, axis: Axis, crs: str) -> str:
    """The dimension of an axis, its coordinate and bounds."""
    named = horizontal(crs)
    match axis.name:
        case "t":
            values, attributes = of_time(axis.values, axis.calendar or "standard")
            bounds = None if axis.bounds is None else _in_units(axis.bounds, attributes)
            return layout.axis("t", "time", values, {**attributes, "axis": "T"}, bounds)
        case "x":
            return layout.axis(f"x {crs}", named.x, axis.values, {**named.of_x, "axis": "X"}, axis.bounds)
        case "y":
            return layout.axis(f"y {crs}", named.y, axis.values, {**named.of_y, "axis": "Y"}, axis.bounds)
        case name:
            return layout.axis(name, axis.key or name, axis.values, of_axis(axis), axis.bounds)


def _in_units(ms: Array, attributes: dict[str, Any]) -> Array:
    return ms / (1 if str(attributes["units"]).startswith("milli") else 1000)


def _places(layout: Layout, coverage: Coverage, dims: dict[str, str]) -> list[str]:
    """Longitude and latitude of the cells of a grid that has other coordinates."""
    x, y = coverage.axis("x"), coverage.axis("y")
    if horizontal(coverage.crs).lonlat or x is None or y is None or len(x) * len(y) > _MOST_PLACES:
        return []
    known = layout.known(f"places {coverage.crs}", x.values, y.values)
    if known is not None:
        return known.split()
    xs, ys = np.meshgrid(x.values, y.values)
    names = _lonlat(layout, xs, ys, coverage.crs, (dims["y"], dims["x"]))
    layout.share(f"places {coverage.crs}", " ".join(names), x.values, y.values)
    return names


def _lonlat(layout: Layout, xs: Array, ys: Array, crs: str, dims: tuple[str, ...]) -> list[str]:
    """Longitude and latitude of places as auxiliary coordinates, NaN where there are none."""
    lon, lat = transform(xs.ravel(), ys.ravel(), crs_of(crs), LONLAT)
    found = []
    for wanted, values, attributes in (("lon", lon, LONGITUDE), ("lat", lat, LATITUDE)):
        known = np.where(np.isfinite(values), values, np.nan).reshape(xs.shape)
        found.append(layout.add(layout.named(wanted), dims, known, attributes))
    return found


# --- cells and tracks ----------------------------------------------------------------------------------------------


def _cells(layout: Layout, stack: list[Coverage], language: str) -> str | None:
    """Cells along one dimension, or the samples of tracks one after the other."""
    first = stack[0]
    track = first.domain == "Trajectory"
    if any(_axes_differ(c, first) for c in stack) or any(
        b.dims[0] != "composite" for b in first.ranges.values() if len(stack) > 1
    ):
        raise Invalid("f", "tracks with different levels have no common form in NetCDF", "ask CoverageJSON or CSV")
    composite = _end_to_end([c.composite for c in stack if c.composite is not None])
    dim = layout.known(f"cells {first.crs}", *composite.values)
    if dim is None:
        dim = layout.dimension("obs" if track else "cell", len(composite.values[0]))
        beside = _along(layout, composite, first, dim)
        layout.share(f"cells {first.crs}", dim, *composite.values)
        layout.share(f"beside {dim}", " ".join(beside))
    beside = (layout.known(f"beside {dim}") or "").split()
    if track:
        _instances(layout, stack, "trajectory", "trajectory_id", dim)
    dims = {a.name: _dimension(layout, a, first.crs) for a in first.axes} | {"composite": dim}
    for key, block in first.ranges.items():
        streams, offset = [], 0
        for c in stack:
            streams.append(Stream(c.ranges[key], c.ranges[key].shape, offset=offset))
            offset += len(c.composite.values[0]) if c.composite is not None else 0
        _parameter(layout, key, stack, tuple(dims[d] for d in block.dims), tuple(streams), beside, language)
    return "trajectory" if track and not first.axes else None


def _axes_differ(a: Coverage, b: Coverage) -> bool:
    return not all(map(lambda p, q: np.array_equal(p.values, q.values), a.axes, b.axes))


def _end_to_end(composites: Sequence[Composite]) -> Composite:
    first = composites[0]
    if len(composites) == 1:
        return first
    columns = (np.concatenate([c.values[c.coordinates.index(n)] for c in composites]) for n in first.coordinates)
    return replace(first, values=tuple(columns))


def _along(layout: Layout, composite: Composite, coverage: Coverage, dim: str) -> list[str]:
    """The coordinates of cells or samples."""
    named, found = horizontal(coverage.crs), []
    place = dict(zip(composite.coordinates, composite.values, strict=True))
    for name, values in place.items():
        match name:
            case "t":
                numbers, attributes = of_time(values, composite.calendar or "standard")
                found.append(layout.add(layout.named("time"), (dim,), numbers, attributes))
            case "x":
                found.append(layout.add(layout.named(named.x), (dim,), values, named.of_x))
            case "y":
                found.append(layout.add(layout.named(named.y), (dim,), values, named.of_y))
            case _:
                told = layout.level if layout.level is not None else Axis("z", values)
                found.append(layout.add(layout.named(told.key or "z"), (dim,), values, of_axis(told)))
    if not named.lonlat and "x" in place and "y" in place:
        found += _lonlat(layout, place["x"], place["y"], coverage.crs, (dim,))
    return found


# --- places --------------------------------------------------------------------------------------------------------


def _sites(layout: Layout, stack: list[Coverage], language: str) -> str | None:
    """Places: a coordinate of one value is one a place, the others are dimensions that all places share.

    Where one axis differs from place to place, its samples stand one after the other (contiguous ragged array).
    """
    first = stack[0]
    own = {a.name for a in first.axes if all(len(_axis(c, a.name)) == 1 for c in stack)}
    apart = [a.name for a in first.axes if a.name not in own and not _is_shared(stack, a.name)]
    if len(apart) > 1 or (apart and next(a.name for a in first.axes if a.name not in own) != apart[0]):
        raise Invalid(
            "f", "places with different times and levels have no common form in NetCDF", "ask CoverageJSON or CSV"
        )
    long = tuple(sorted({a.name for a in first.axes} - own))
    feature = _FEATURES.get(long)
    instance = _instances(
        layout, stack, "station" if feature != "profile" else "profile", _ROLES.get(feature or ""), None
    )
    beside = _of_each(layout, stack, own, instance)
    dims = {
        n: (_end(layout, stack, n, instance) if n in apart else _dimension(layout, _axis(first, n), first.crs))
        for n in long
    }
    beside += [_samples(layout, stack, n, dims[n]) for n in apart]
    for key, block in first.ranges.items():
        kept = [d for d in block.dims if d not in own]
        streams = tuple(_streams(stack, key, kept, bool(apart and apart[0] in kept)))
        leading = () if apart and apart[0] in kept else instance
        _parameter(layout, key, stack, (*leading, *(dims[d] for d in kept)), streams, beside, language)
    return feature


def _axis(coverage: Coverage, name: str) -> Axis:
    found = coverage.axis(name)
    if found is None:
        raise ValueError(f"a coverage of a stack lacks {name}")
    return found


def _is_shared(stack: list[Coverage], name: str) -> bool:
    first = _axis(stack[0], name)
    return all(np.array_equal(_axis(c, name).values, first.values) for c in stack)


def _instances(
    layout: Layout, stack: list[Coverage], wanted: str, role: str | None, samples: str | None
) -> tuple[str, ...]:
    """The dimension of places or tracks and their names; none where there is only one."""
    names = np.array([c.id or str(i) for i, c in enumerate(stack, 1)], object)
    places = [np.array([_first_value(c, n) for c in stack]) for n in ("x", "y")]
    known = layout.known(wanted, *places)
    if known is not None:
        return (known,)
    dims = (layout.dimension(wanted, len(stack)),) if len(stack) > 1 else ()
    if role is not None or stack[0].id is not None:
        values = names if dims else np.array(names[0], object)
        layout.add(layout.named(f"{wanted}_id"), dims, values, {"long_name": f"{wanted} identifier", "cf_role": role})
    if samples is not None and dims:
        counts = np.array([len(c.composite.values[0]) for c in stack if c.composite is not None], np.int32)
        layout.add(layout.named("row_size"), dims, counts, _counted(wanted, samples))
    if dims:
        layout.share(wanted, dims[0], *places)
    return dims


def _counted(wanted: str, samples: str) -> dict[str, str]:
    return {"long_name": f"number of samples of each {wanted}", "sample_dimension": samples}


def _first_value(coverage: Coverage, name: str) -> float:
    values = values_of(coverage, name)
    return float(values[0]) if len(values) else 0.0


def _of_each(layout: Layout, stack: list[Coverage], own: set[str], instance: tuple[str, ...]) -> list[str]:
    """Coordinates of which each place has one value."""
    first, found = stack[0], []
    named = horizontal(first.crs)
    of_places = {n: np.concatenate([_axis(c, n).values for c in stack]) for n in own}
    known = layout.known(f"each {instance}", *of_places.values())
    if known is not None:
        return known.split()
    for name in (a.name for a in first.axes if a.name in own):
        values, (wanted, attributes) = of_places[name], _told(_axis(first, name), named)
        if name == "t":
            values, attributes = of_time(values, _axis(first, name).calendar or "standard")
        found.append(layout.add(layout.named(wanted), instance, values if instance else values[0], attributes))
    if not named.lonlat:
        x, y = (of_places[n].reshape(len(stack) if instance else ()) for n in ("x", "y"))
        found += _lonlat(layout, x, y, first.crs, instance)
    layout.share(f"each {instance}", " ".join(found), *of_places.values())
    return found


def _told(axis: Axis, named: Any) -> tuple[str, Any]:
    match axis.name:
        case "x":
            return named.x, named.of_x
        case "y":
            return named.y, named.of_y
        case "t":
            return "time", {}
        case name:
            return axis.key or name, of_axis(axis)


def _end(layout: Layout, stack: list[Coverage], name: str, instance: tuple[str, ...]) -> str:
    """The dimension of the samples of all places, one place after the other."""
    counts = np.array([len(_axis(c, name)) for c in stack], np.int32)
    dim = layout.dimension("obs", int(counts.sum()))
    layout.add(layout.named("row_size"), instance, counts, _counted("place", dim))
    return dim


def _samples(layout: Layout, stack: list[Coverage], name: str, dim: str) -> str:
    """The coordinate of those samples."""
    values = np.concatenate([_axis(c, name).values for c in stack])
    first = _axis(stack[0], name)
    wanted, attributes = _told(first, None)
    if name == "t":
        values, attributes = of_time(values, first.calendar or "standard")
    return layout.add(layout.named(wanted), (dim,), values, attributes)


def _streams(stack: list[Coverage], key: str, kept: list[str], ragged: bool) -> list[Stream]:
    streams, offset = [], 0
    for number, coverage in enumerate(stack):
        block = coverage.ranges[key]
        shape = tuple(n for n, d in zip(block.shape, block.dims, strict=True) if d in kept)
        prefix = () if ragged or len(stack) == 1 else (number,)
        streams.append(Stream(block, shape, prefix, offset if ragged else 0))
        offset += shape[0] if shape else 1
    return streams


# --- parameters ----------------------------------------------------------------------------------------


def _parameter(
    layout: Layout, key: str, stack: list[Coverage], dims: tuple[str, ...], streams: tuple[Stream, ...],
    beside: Sequence[str], language: str,
) -> None:  # fmt: skip
    """The variable of one parameter over all coverages of a stack."""
    kinds = [plain_type(s.block.dtype) for s in streams]
    dtype = kinds[0] if len(set(kinds)) == 1 else np.dtype(object) if object in kinds else np.result_type(*kinds)
    stored = np.dtype(np.float64) if dtype.kind == "M" else dtype
    attributes = of_parameter(stack[0].parameters[key], dtype, language)
    attributes |= {"grid_mapping": _mapping(layout, stack[0].crs)}
    if beside:
        attributes["coordinates"] = " ".join(beside)
    name = layout.named(key, own=True)
    layout.variables.append(Variable(name, dims, stored, attributes, streams, missing=stored.kind == "f"))


def _mapping(layout: Layout, crs: str) -> str:
    known = layout.known(f"mapping {crs}")
    if known is not None:
        return known
    name = layout.add(layout.named("crs"), (), np.array(0, np.int32), horizontal(crs).mapping)
    return layout.share(f"mapping {crs}", name)
