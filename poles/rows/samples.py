"""Samples in canonical form: sorted by platform, time, profile and level; ids that survive a re-ingestion."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from poles import times
from poles.dataset import Dataset, Described
from poles.errors import Unreadable
from poles.query import CRS84
from poles.rows.sampling import FeatureType, Samples, Sampling, Vertical
from poles.stored import Array

_STILL, _NEARLY_STILL = 1e-3, 0.05
"""Degrees that a station may wander: unless told, and where the file declares a time series."""

_PLAIN = {"standard", "proleptic_gregorian"}


@dataclass(frozen=True)
class Group:
    """Samples of one structure, rows of each platform together: all arrays of one length."""

    feature_type: FeatureType
    t: Array
    x: Array
    y: Array
    z: Array | None
    platform: Array
    """int32 index into `Observations.ids`, increasing."""
    profile: Array | None
    """int64, the same for all samples of one profile; increasing within a platform and time."""
    values: pa.Table
    """Parameters, one column each."""
    extras: pa.Table
    """Properties of items that are no parameters."""
    still: Array
    """Whether each platform stands at one place, by index of the platform."""
    vertical: Vertical | None
    slugs: tuple[str, ...] = field(repr=False, default=())
    tag: str = ""
    """Tells the ids of these samples from those of another group."""
    lacking: frozenset[str] | None = None
    """Parameters of which some sample of the data set has no value; None: as these samples show."""

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def starts(self) -> Array:
        """Where each platform's rows begin; one more than there are platforms."""
        return np.searchsorted(self.platform, np.arange(len(self.still) + 1))

    @cached_property
    def ids(self) -> pa.Array:
        """The id of each sample: platform, time, level; the place where samples are points of no track.

        Samples that agree in all of these are numbered in stored order.
        """
        if "id" in self.extras.column_names and _unique(self.extras["id"]):
            return _text(self.extras["id"])
        slugs = pa.array(list(self.slugs), pa.string())
        parts = [pc.take(slugs, pa.array(self.platform))]
        if (self.t != times.MISSING).any():
            parts.append(_compact(self.t))
        if self.feature_type == "point":
            parts.append(pc.binary_join_element_wise(_number(self.x), _number(self.y), "_"))
        if self.tag:
            parts.append(pa.array([self.tag]).take(pa.array(np.zeros(len(self), np.int64))))
        if self.z is not None:
            parts.append(_number(self.z))
        return _numbered(pc.binary_join_element_wise(*parts, "-", null_handling="skip"))

    def taken(self, rows: Array) -> "Group":
        """Some of the rows, in their order."""
        index = pa.array(rows)
        return replace(
            self,
            t=self.t[rows],
            x=self.x[rows],
            y=self.y[rows],
            z=None if self.z is None else self.z[rows],
            platform=self.platform[rows],
            profile=None if self.profile is None else self.profile[rows],
            values=self.values.take(index),
            extras=self.extras.take(index),
        )


@dataclass(frozen=True)
class Observations:
    """All samples of a data set."""

    dataset: Dataset
    version: str
    feature_type: FeatureType
    groups: tuple[Group, ...]
    ids: tuple[str, ...]
    """Platforms, in the order of the data: ids of locations."""
    names: tuple[str, ...]
    attributes: tuple[Mapping[str, Any], ...]
    """What is known of each platform."""
    parameters: dict[str, Described]
    places: tuple[Array, Array] = field(repr=False, compare=False)
    """Longitude and latitude of each platform that stands still; NaN for one that moves."""
    crs: str = CRS84
    mended: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(len(g) for g in self.groups)


def _places(groups: Sequence[Group], count: int) -> tuple[Array, Array]:
    """Longitude and latitude of each platform that stands still; NaN for one that moves."""
    x, y = np.full(count, np.nan), np.full(count, np.nan)
    for group in reversed(groups):
        for p in np.flatnonzero(group.still & (np.diff(group.starts) > 0)):
            rows = slice(group.starts[p], group.starts[p + 1])
            x[p], y[p] = _median(group.x[rows]), _median(group.y[rows])
    return x, y


def _median(values: Array) -> float:
    """The middle value, one that is there: stations that never move keep their digits."""
    known = np.sort(values[np.isfinite(values)])
    return float(known[len(known) // 2]) if len(known) else np.nan


def gathered(
    dataset: Dataset, version: str, sources: Sequence[Sampling], described: Mapping[str, Described]
) -> Observations:
    """The observations of all sources of a data set; `described` wins over what the sources tell."""
    sources = [_in_standard_time(s) for s in sources]
    names = list(dict.fromkeys(p for s in sources for g in s.groups for p in g.platform.tolist()))
    codes = {name: i for i, name in enumerate(names)}
    slugs = _slugs(names)
    declared = next((s.declared for s in sources if s.declared), None)
    anonymous = names == [dataset.id]
    groups = _tagged([_group(g, codes, slugs, declared, anonymous) for g in _joined(sources)])
    told = {n: a for s in sources for n, a in s.attributes.items()}
    attributes = tuple({k: v for k, v in told.get(n, {}).items() if k != "name"} for n in names)
    parameters = {k: described.get(k, d) for s in sources for k, d in s.parameters.items()}
    main = max(groups, key=lambda g: (len(g) * g.values.num_columns, len(g)))
    return Observations(
        dataset, version, main.feature_type, groups, slugs,
        tuple(str(told.get(n, {}).get("name", n)) for n in names), attributes, parameters, _places(groups, len(slugs)),
        mended=tuple(dict.fromkeys(m for s in sources for m in s.mended)),
    )  # fmt: skip


def _tagged(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups, a tag on each whose samples could have the ids of another's: the vertical's name, or a number."""
    used: set[tuple[bool, str]] = set()
    out = []
    for n, group in enumerate(groups, 1):
        leveled = group.vertical is not None
        names = ["", *([group.vertical.key] if group.vertical is not None else []), str(n)]
        tag = next(t for t in names if (leveled, t) not in used)
        used.add((leveled, tag))
        out.append(replace(group, tag=tag))
    return tuple(out)


def _in_standard_time(source: Sampling) -> Sampling:
    """The same fields in the standard calendar. Raises Unreadable where a date is none of it (30 February)."""
    if source.calendar in _PLAIN:
        return source
    groups = []
    for g in source.groups:
        try:
            texts = [t.rstrip("Z") or "NaT" for t in times.texts(g.t, source.calendar)]
            groups.append(replace(g, t=np.array(texts, "M8[ms]").astype(np.int64)))
        except ValueError:
            found = f"the calendar {source.calendar} has dates that the standard one lacks"
            raise Unreadable("time", found, "publish observations in the standard calendar") from None
    note = f"times of the calendar {source.calendar} are read as the same dates of the standard one"
    return replace(source, groups=tuple(groups), calendar="standard", mended=(*source.mended, note))


def _slugs(names: Sequence[str]) -> tuple[str, ...]:
    """Ids of platforms as paths of URLs take them, each its own."""
    used: dict[str, int] = {}
    found = []
    for name in names:
        slug = re.sub(r"[^\w.~-]+", "_", name.strip()).strip("_") or "platform"
        used[slug] = used.get(slug, 0) + 1
        found.append(slug if used[slug] == 1 else f"{slug}_{used[slug]}")
    return tuple(found)


# --- joining sources -------------------------------------------------------------------------------------------------


def _joined(sources: Sequence[Sampling]) -> list[Samples]:
    """Groups of the same structure of all sources as one, profiles numbered on."""
    found: list[list[Samples]] = []
    for source in sources:
        open_ = list(range(len(found)))
        for g in source.groups:
            alike = [i for i in open_ if _structure(found[i][0]) == _structure(g) and _shared(found[i][0], g)]
            best = max(alike, key=lambda i: _shared(found[i][0], g), default=None)
            if best is None:
                found.append([g])
            else:
                found[best].append(g)
                open_.remove(best)
    return [_chained(same) for same in found]


def _structure(s: Samples) -> tuple[Any, ...]:
    return s.profile is None, None if s.vertical is None else (s.vertical.key, s.vertical.unit)


def _shared(a: Samples, b: Samples) -> int:
    return len(a.values.keys() & b.values.keys())


def _chained(same: Sequence[Samples]) -> Samples:
    if len(same) == 1:
        return same[0]
    profiles, above = [], 0
    for s in same:
        if s.profile is not None:
            profiles.append(s.profile + above)
            above += int(s.profile.max(initial=-1)) + 1
    return replace(
        same[0],
        t=np.concatenate([s.t for s in same]),
        x=np.concatenate([s.x for s in same]),
        y=np.concatenate([s.y for s in same]),
        z=None if same[0].z is None else np.concatenate([s.z for s in same if s.z is not None]),
        platform=np.concatenate([s.platform for s in same]),
        profile=np.concatenate(profiles) if profiles else None,
        values=_columns([s.values for s in same], [len(s) for s in same]),
        extras=_columns([s.extras for s in same], [len(s) for s in same]),
    )


def _columns(several: Sequence[Mapping[str, pa.Array]], lengths: Sequence[int]) -> dict[str, pa.Array]:
    """Columns one below the other, null where a source lacks one."""
    tables = [
        pa.table(dict(columns)) if columns else pa.table({"": pa.nulls(n)})
        for columns, n in zip(several, lengths, strict=True)
    ]  # fmt: skip
    whole = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    return {n: whole[n].combine_chunks() for n in whole.column_names if n}


# --- canonical form --------------------------------------------------------------------------------------------------


def _group(
    s: Samples, codes: Mapping[str, int], slugs: tuple[str, ...], declared: FeatureType | None, anonymous: bool
) -> Group:
    platform = _coded(s.platform, codes)
    keys = [k for k in (s.z if s.profile is not None else None, s.profile, s.t, platform) if k is not None]
    order = np.lexsort(keys) if len(s) else np.empty(0, np.int64)
    if not (np.diff(order) == 1).all():
        s, platform = s.taken(order), platform[order]
    still = _still(s.x, s.y, platform, len(codes), declared)
    return Group(
        _kind(s, platform, still, declared, anonymous), s.t, s.x, s.y, s.z, platform, s.profile,
        _table(s.values, len(s)), _table(s.extras, len(s)), still, s.vertical, slugs,
    )  # fmt: skip


def _coded(names: Array, codes: Mapping[str, int]) -> Array:
    encoded = pa.array(names, pa.string()).dictionary_encode()
    lookup = np.array([codes[n] for n in encoded.dictionary.to_pylist()] or [0], np.int32)
    return lookup[np.asarray(encoded.indices)] if len(names) else np.empty(0, np.int32)


def _table(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    if columns:
        return pa.table(dict(columns))
    return pa.table({"": pa.nulls(rows)}).select([])


def _still(x: Array, y: Array, platform: Array, count: int, declared: FeatureType | None) -> Array:
    """Whether each platform stands at one place; one without any place does."""
    wander = np.zeros(count)
    for values in (x, y):
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        np.fmin.at(low, platform, values)
        np.fmax.at(high, platform, values)
        with np.errstate(invalid="ignore"):
            extent = high - low
        extent = np.where(np.isfinite(extent), extent, 0)
        wander = np.maximum(wander, np.minimum(extent, np.abs(360 - extent)) if values is x else extent)
    if declared in ("trajectory", "trajectoryProfile"):
        return np.zeros(count, bool)
    fixed = declared in ("timeSeries", "timeSeriesProfile")
    return wander <= (_NEARLY_STILL if fixed else _STILL)


def _kind(s: Samples, platform: Array, still: Array, declared: FeatureType | None, anonymous: bool) -> FeatureType:
    """The feature type that the samples show; the declared one where they leave it open."""
    fixed = still[platform].mean() >= 0.5 if len(s) else declared in ("timeSeries", "timeSeriesProfile", None)
    if s.profile is not None:
        if declared == "profile":
            return "profile"
        return "timeSeriesProfile" if fixed else "trajectoryProfile"
    if not len(s):
        return "trajectory" if declared in ("trajectory", "trajectoryProfile") else "timeSeries"
    if fixed and (declared != "point" or _repeats(s.t, platform)):
        return "timeSeries"
    if declared == "trajectory":
        return "trajectory"
    apart = anonymous and ("id" in s.extras or not _goes_on(s.x, s.y))
    if declared == "point" or not _tracks(s.t, platform) or apart:
        return "point"
    return "trajectory"


def _repeats(t: Array, platform: Array) -> bool:
    """Whether a platform has several times."""
    return bool(((np.diff(platform) == 0) & (np.diff(t) > 0)).any())


def _tracks(t: Array, platform: Array) -> bool:
    """Whether platforms move on in time, rather than being seen at many places at once."""
    same = np.diff(platform) == 0
    return bool(same.any()) and float((np.diff(t)[same] > 0).mean()) >= 0.5


def _goes_on(x: Array, y: Array) -> bool:
    """Whether samples in the order of time lie near each other, as those of a moving platform do."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2:
        return False
    steps = np.maximum(np.abs((np.diff(x) + 180) % 360 - 180), np.abs(np.diff(y)))
    return float(np.median(steps)) <= 0.2 * max(float(np.ptp(x)), float(np.ptp(y)))


# --- ids -------------------------------------------------------------------------------------------------------------


def _unique(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and int(pc.count_distinct(column).as_py()) == len(column)


def _text(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column, pa.string()).combine_chunks()


def _compact(t: Array) -> pa.Array:
    """`20200131T120000Z`, with milliseconds where they are not whole; null where there is no time."""
    lacking = t == times.MISSING
    whole = bool((np.where(lacking, 0, t) % 1000 == 0).all())
    stamps = pa.array(t // 1000 if whole else t, mask=lacking).cast(pa.timestamp("s" if whole else "ms"))
    text = pc.cast(stamps, pa.string())
    for old, new in (("-", ""), (":", ""), (" ", "T"), *([] if whole else [(".000", "")])):
        text = pc.replace_substring(text, old, new)
    return pc.binary_join_element_wise(text, "Z", "")


def _number(values: Array) -> pa.Array:
    """Shortest decimals of coordinates to single precision; null where missing."""
    narrow = values.astype(np.float32)
    return pc.cast(pa.array(narrow, mask=~np.isfinite(narrow)), pa.string())


def _numbered(ids: pa.Array) -> pa.Array:
    """The ids, a number after the second and further of the same."""
    encoded = ids.dictionary_encode()
    index = np.asarray(encoded.indices)
    if len(encoded.dictionary) == len(ids):
        return ids
    order = np.argsort(index, kind="stable")
    ranked = index[order]
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    nth = np.empty(len(ids), np.int64)
    nth[order] = np.arange(len(ids)) - np.repeat(first, np.diff(np.append(first, len(ids)))) + 1
    suffix = pc.if_else(pa.array(nth > 1), pc.cast(pa.array(nth), pa.string()), pa.scalar(None, pa.string()))
    return pc.binary_join_element_wise(ids, suffix, "~", null_handling="skip")
