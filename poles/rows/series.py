"""Samples as coverages: series, profiles, tracks and points."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from poles import times
from poles.coverage import Axis, Block, Composite, Coverage, Coverages, Domain
from poles.crs import crs as crs_of
from poles.crs import transform, uri
from poles.dataset import Described
from poles.errors import Invalid, NotFound
from poles.query import CRS84, At, AtLocation, Box, Everywhere, Query, Span, Within
from poles.rows.samples import Group, Observations
from poles.rows.tables import crs_in, every, in_time, points_inside
from poles.stored import Array

NEAR = 0.01
"""Degrees from the asked point within which the nearest place answers a position: about a kilometre."""

_SAME = 1e-6
_LEVELS = 50
"""A station whose samples lie at no more levels than this, each several times, has a series a level."""


def coverages(observations: Observations, query: Query) -> Coverages:
    """The coverages that answer `position`, `area`, `cube` and `location`; none: nothing is there.

    A position is that of the nearest platform, profile or sample within `NEAR` degrees. An area holds the platforms
    that stand in it, whole, and of those that move the samples or profiles in it. Raises Invalid for a parameter that
    is not there, NotFound for an unknown location.
    """
    keys = _keys(observations, query)
    found: list[Coverage] = []
    match query.where:
        case At(points):
            for point in points:
                found += _members(observations, query, keys, _near(observations, query, point))
        case AtLocation(ids):
            found += _members(observations, query, keys, _of(observations, ids))
        case Within() | Box() | Everywhere():
            found += _members(observations, query, keys, _within(observations, query))
        case other:
            raise Invalid("query", f"{type(other).__name__} is not asked of observations", "ask position, area or cube")
    several = isinstance(query.where, At) and len(query.where.points) > 1
    return Coverages(observations.dataset, tuple(found), collection=several)


def _keys(o: Observations, query: Query) -> tuple[str, ...] | None:
    if query.levels is not None and not any(g.z is not None for g in o.groups):
        raise Invalid("z", "the data have no vertical axis", "leave z out")
    for name, _ in query.others:
        raise Invalid("subset", f"there is no axis {name}", "give of t, x, y, z")
    for name in query.parameters or ():
        if name not in o.parameters:
            raise Invalid("parameter-name", f"{name} is not there", f"give of {', '.join(sorted(o.parameters))}")
    return query.parameters


# --- where: a mask of samples a group --------------------------------------------------------------------------------

Masks = list[Array | None]


def _of(o: Observations, ids: Sequence[str]) -> Masks:
    known = {name: i for i, name in enumerate(o.ids)}
    for name in ids:
        if name not in known:
            raise NotFound("locationId", f"{name} is not there", "take an id from the locations")
    wanted = np.zeros(len(o.ids) + 1, bool)
    wanted[[known[n] for n in ids]] = True
    return [wanted[g.platform] for g in o.groups]


def _xy(o: Observations, group: Group) -> tuple[Array, Array]:
    """Where each sample counts as being: at the place of its platform where that stands still."""
    x, y = o.places
    if group.still.all():
        return x[group.platform], y[group.platform]
    still = group.still[group.platform]
    return np.where(still, x[group.platform], group.x), np.where(still, y[group.platform], group.y)


def _within(o: Observations, query: Query) -> Masks:
    native = crs_of(CRS84)
    asked = crs_in(query, native)
    return [points_inside(query.where, *_xy(o, g), native, asked) for g in o.groups]


def _near(o: Observations, query: Query, point: tuple[float, float]) -> Masks:
    """Samples at the place nearest to a point, of all groups."""
    native = crs_of(CRS84)
    lon, lat = (float(c) for c in transform(*point, crs_in(query, native), native))
    distances = [_distance(*_xy(o, g), lon, lat) for g in o.groups]
    nearest = min((float(np.nanmin(d)) for d in distances if len(d) and np.isfinite(d).any()), default=np.inf)
    if not nearest <= NEAR:
        return [np.zeros(len(g), bool) for g in o.groups]
    with np.errstate(invalid="ignore"):
        return [d <= nearest + _SAME for d in distances]


def _distance(x: Array, y: Array, lon: float, lat: float) -> Array:
    """Degrees of arc between places and a point near them."""
    across = (x - lon + 180) % 360 - 180
    return np.asarray(np.hypot(across * np.cos(np.radians(lat)), y - lat))


# --- what: coverages of the samples left -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """The samples of one platform that are asked, by their rows in a group."""

    group: Group
    rows: Array
    keys: tuple[str, ...]
    place: tuple[float, float] | None
    """Where the platform stands; None where it moves."""
    id: str
    described: dict[str, Described]
    out: str
    dtypes: Mapping[str, np.dtype[np.generic]]

    def of(self, rows: Array) -> "_Part":
        return _Part(self.group, rows, self.keys, self.place, self.id, self.described, self.out, self.dtypes)

    def blocks(self, dims: tuple[str, ...], shape: tuple[int, ...]) -> dict[str, Block]:
        """The values of each parameter."""
        return {k: _block(self.group.values[k], self.rows, self.dtypes[k], dims, shape) for k in self.keys}


def _members(o: Observations, query: Query, keys: tuple[str, ...] | None, where: Masks) -> Iterator[Coverage]:
    out = uri(crs_of(CRS84 if query.crs_out in (None, "native") else str(query.crs_out)))
    for group, mask in zip(o.groups, where, strict=True):
        own = tuple(k for k in (keys or group.values.column_names) if k in group.values.column_names)
        if not own:
            continue
        rows = _rows_of(group, query)
        rows = rows if mask is None else rows[mask[rows]]
        x, y = _xy(o, group)
        rows = rows[np.isfinite(x[rows]) & np.isfinite(y[rows])]
        described = {k: o.parameters[k] for k in own}
        dtypes = {k: _dtype(group.values[k].type, _is_lacking(group, k)) for k in own}
        for run in _runs(group.platform[rows]):
            p = int(group.platform[rows[run.start]])
            place = (float(o.places[0][p]), float(o.places[1][p])) if group.still[p] else None
            part = _Part(group, rows[run], own, place, o.ids[p], described, out, dtypes)
            yield from _coverages(part)


def _runs(codes: Array) -> Iterator[slice]:
    """Runs of equal codes."""
    if len(codes):
        cuts = [0, *(np.flatnonzero(np.diff(codes) != 0) + 1).tolist(), len(codes)]
        yield from (slice(a, b) for a, b in pairwise(cuts))


def _coverages(part: _Part) -> Iterator[Coverage]:
    group = part.group
    if group.profile is not None:
        yield from _profiles(part)
    elif part.place is not None:
        yield from _series(part)
    else:
        made = _points if group.feature_type == "point" else _track
        known = group.t[part.rows] != times.MISSING
        yield from (made(part.of(part.rows[k])) for k in (known, ~known) if k.any())


def _series(part: _Part) -> Iterator[Coverage]:
    """Series of a station: one a level where it has a few, else a track up and down at one place."""
    z = None if part.group.z is None else part.group.z[part.rows]
    if z is None:
        yield _one_series(part, None)
        return
    levels, counts = np.unique(z, return_counts=True, equal_nan=True)
    if len(levels) > 1 and (len(levels) > _LEVELS or counts.mean() < 2):
        yield _track(part)
        return
    for level in levels:
        rows = part.rows[np.isnan(z) if np.isnan(level) else z == level]
        yield _one_series(part.of(rows), None if np.isnan(level) else float(level))


def _one_series(part: _Part, level: float | None) -> Coverage:
    t = part.group.t[part.rows]
    known = t != times.MISSING
    if known.any() and not known.all():
        part = part.of(part.rows[known])
        t = t[known]
    axes = (_t_axis(t),) if known.any() else ()
    if level is not None:
        axes = (*axes, _z_axis(part.group, np.array([level])))
    if not known.any() and len(t) > 1:
        return _points(part)
    return _placed("PointSeries" if len(t) > 1 else "Point", part, axes)


def _profiles(part: _Part) -> Iterator[Coverage]:
    """A Grid of times and levels where all profiles of a station have the same levels, else a profile each."""
    group = part.group
    assert group.profile is not None
    assert group.z is not None
    runs = list(_runs(group.profile[part.rows]))
    z = group.z[part.rows]
    first = z[runs[0]]
    alike = part.place is not None and len(z) == len(runs) * len(first)
    if alike and np.array_equal(z.reshape(len(runs), -1), np.broadcast_to(first, (len(runs), len(first)))):
        t = group.t[part.rows].reshape(len(runs), -1)[:, 0]
        if len(runs) > 1 and not np.isnan(first).any() and (t != times.MISSING).all():
            domain: Domain = "Grid" if len(first) > 1 else "PointSeries"
            yield _placed(domain, part, (_t_axis(t), _z_axis(group, first)))
            return
    for run in runs:
        made = _profile(part.of(part.rows[run]))
        if made is not None:
            yield made


def _profile(part: _Part) -> Coverage | None:
    """One profile, its levels increasing; samples without a level are left out."""
    group = part.group
    assert group.z is not None
    known = np.isfinite(group.z[part.rows])
    rows = part.rows[known]
    if not len(rows):
        return None
    t = group.t[rows[:1]]
    axes = () if t[0] == times.MISSING else (_t_axis(t),)
    axes = (*axes, _z_axis(group, group.z[rows]))
    return _placed("VerticalProfile" if len(rows) > 1 else "Point", part.of(rows), axes)


def _track(part: _Part) -> Coverage:
    """Samples along a way: t, x, y and z in one composite axis, in the order of time."""
    group, rows = part.group, part.rows
    x, y = _moved(group.x[rows], group.y[rows], part.out)
    names, values = ["x", "y"], [x, y]
    t = group.t[rows]
    if t[0] != times.MISSING:
        names, values = ["t", *names], [t, *values]
    if group.z is not None:
        names, values = [*names, "z"], [*values, group.z[rows]]
    return _scattered("Trajectory", part, Composite(tuple(names), tuple(values), calendar=times.ISO), ())


def _points(part: _Part) -> Coverage:
    """Points seen at one time, or each at its own."""
    group, rows = part.group, part.rows
    t = group.t[rows]
    same = bool((t == t[0]).all())
    axes = (_t_axis(t[:1]),) if same and t[0] != times.MISSING else ()
    if len(rows) == 1:
        level = () if group.z is None else (_z_axis(group, group.z[rows]),)
        return _placed("Point", part, (*axes, *level))
    names, values = ["x", "y"], [*_moved(group.x[rows], group.y[rows], part.out)]
    if not same:
        names, values = ["t", *names], [t, *values]
    if group.z is not None:
        names, values = [*names, "z"], [*values, group.z[rows]]
    calendar = None if same else times.ISO
    return _scattered("MultiPoint", part, Composite(tuple(names), tuple(values), calendar), axes)


def _placed(domain: Domain, part: _Part, axes: tuple[Axis, ...]) -> Coverage:
    """A coverage at one place."""
    group, rows = part.group, part.rows
    x, y = part.place or (float(group.x[rows[0]]), float(group.y[rows[0]]))
    xs, ys = _moved(np.array([x]), np.array([y]), part.out)
    shape = (*(len(a) for a in axes), 1, 1)
    dims = (*(a.name for a in axes), "y", "x")
    blocks = part.blocks(dims, shape)
    every = (*axes, Axis("y", ys), Axis("x", xs))
    return Coverage(domain, every, blocks, part.described, part.out, id=part.id, vertical=_vertical(group))


def _scattered(domain: Domain, part: _Part, composite: Composite, axes: tuple[Axis, ...]) -> Coverage:
    n = len(part.rows)
    dims, shape = (*(a.name for a in axes), "composite"), (*(len(a) for a in axes), n)
    blocks = part.blocks(dims, shape)
    return Coverage(
        domain, axes, blocks, part.described, part.out, composite, id=part.id, vertical=_vertical(part.group)
    )  # fmt: skip


def _moved(x: Array, y: Array, out: str) -> tuple[Array, Array]:
    return (x, y) if out == CRS84 else transform(x, y, crs_of(CRS84), crs_of(out))


def _t_axis(t: Array) -> Axis:
    return Axis("t", t, calendar=times.ISO)


def _z_axis(group: Group, z: Array) -> Axis:
    v = group.vertical
    if v is None:
        return Axis("z", z)
    return Axis("z", z, None, v.unit, v.key, v.label, v.standard_name, v.positive)


def _vertical(group: Group) -> str | None:
    v = group.vertical
    if v is None:
        return None
    return " ".join(w for w in (v.unit, v.positive) if w) or None


def _block(
    column: pa.ChunkedArray, rows: Array, dtype: np.dtype[np.generic], dims: tuple[str, ...], shape: tuple[int, ...]
) -> Block:
    def blocks() -> Iterator[Array]:
        yield _values(column, rows, dtype).reshape(shape)

    return Block(dims, shape, dtype, blocks)


def _is_lacking(group: Group, key: str) -> bool:
    """Whether a value of the parameter is missing anywhere in the data set."""
    return key in group.lacking if group.lacking is not None else group.values[key].null_count > 0


def _dtype(kind: pa.DataType, lacking: bool) -> np.dtype[np.generic]:
    """Integers where nothing is missing, floats of enough bits where something is, else objects."""
    if pa.types.is_floating(kind):
        return np.dtype(f"f{kind.bit_width // 8}")
    if pa.types.is_boolean(kind):
        return np.dtype(np.float32) if lacking else np.dtype(np.int8)
    if pa.types.is_integer(kind):
        whole: np.dtype[np.generic] = np.dtype(kind.to_pandas_dtype())
        return np.dtype(np.float32 if whole.itemsize <= 2 else np.float64) if lacking else whole
    return np.dtype(object)


def _values(column: pa.ChunkedArray, rows: Array, dtype: np.dtype[np.generic]) -> Array:
    """The values of some rows: NaN or None where missing."""
    run = len(rows) > 0 and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
    taken = column.slice(int(rows[0]), len(rows)) if run else column.take(pa.array(rows))
    if dtype.kind == "O":
        return np.array([*taken.cast(pa.string()).to_pylist(), None], object)[:-1]
    if pa.types.is_boolean(taken.type):
        taken = taken.cast(pa.int8())
    values: Array = taken.to_numpy()
    return values.astype(dtype, copy=False)


# --- when and at which levels ----------------------------------------------------------------------------------------


def _rows_of(group: Group, query: Query) -> Array:
    """Indices of the samples that are in the time and at the levels asked."""
    levels = _in_levels(group, query.levels)
    if query.levels is not None and levels is None:
        return np.empty(0, np.int64)
    return every([in_time(query.when, group.t), levels], len(group))


def _in_levels(group: Group, levels: Sequence[Span] | None) -> Array | None:
    """Which samples lie at the levels asked; None: all levels were asked, or the samples have none."""
    if levels is None or group.z is None:
        return None
    found = np.zeros(len(group), bool)
    for span in levels:
        low, high = (_level(e, open_) for e, open_ in ((span.start, -np.inf), (span.end, np.inf)))
        low, high = min(low, high), max(low, high)
        slack = 1e-6 * max((abs(e) for e in (low, high) if np.isfinite(e)), default=0.0)
        with np.errstate(invalid="ignore"):
            found |= (group.z >= low - slack) & (group.z <= high + slack)
    return found


def _level(value: float | str | None, open_end: float) -> float:
    if value is None:
        return open_end
    try:
        return float(value)
    except ValueError:
        raise Invalid("z", f"{value} is no number", "give numbers in the units of the levels") from None
