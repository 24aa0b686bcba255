"""Observations: station series, profiles and trajectories as rows; a sample is an item, a platform a location."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from poles import times
from poles.crs import crs as crs_of
from poles.crs import transform
from poles.dataset import AxisFacts, BBox, Dataset, Described, Facts, Text
from poles.errors import Unreadable
from poles.parts import Part, opened
from poles.query import CRS84
from poles.rows import sampled
from poles.rows.samples import Observations, gathered
from poles.rows.sampling import Samples, Sampling, Vertical, is_sampling, normal, sampling
from poles.rows.tables import as_milliseconds, bbox_of
from poles.sources import kind_of
from poles.sources.rows import open_rows
from poles.sources.table import WHERE, Rows
from poles.stored import Array
from poles.stores.layout import Contents, type_of

__all__ = ["Observations", "contents", "facts", "is_sampling", "read"]

_LISTED = 1_000
_MOST = 50_000_000
"""Samples beyond which a data set is refused: they are held in memory."""


def contents(dataset: Dataset, members: Sequence[Part]) -> Contents:
    """The observations as a store takes them. Raises Unreadable."""
    found = read(dataset, members)
    return sampled.contents(found, facts(found))


def read(dataset: Dataset, members: Sequence[Part]) -> Observations:
    """All samples of the parts of a data set. Raises Unreadable."""
    names = dict(dataset.names)
    sources = [_source(dataset, part, names) for part in members]
    count = sum(len(g) for s in sources for g in s.groups)
    if count > _MOST:
        raise Unreadable(dataset.id, f"{count} samples, more than {_MOST}", "publish fewer files in one data set")
    version = "\n".join(f"{p.href} {p.version}" for p in members)
    return gathered(dataset, version, sources, {})


def _source(dataset: Dataset, part: Part, names: dict[str, str]) -> Sampling:
    try:
        if kind_of(part.href) == "rows":
            return of_rows(open_rows(part.href, dataset), dataset.id)
        return sampling(opened(part), dataset.id, names)
    except Unreadable as error:
        if error.subject == part.href:
            raise
        raise Unreadable(part.href, f"{error.subject}: {error.found}", error.remedy) from error


def of_rows(rows: Rows, platform: str) -> Sampling:
    """Rows of a table as samples; `platform` is the id where no column names one."""
    table, roles = rows.table.combine_chunks(), rows.roles
    n = table.num_rows
    if "x" not in roles or "y" not in roles:
        raise Unreadable("columns", "there is no longitude and latitude", WHERE)

    def numbers(role: str) -> Array:
        column = table[roles[role]].combine_chunks().cast(pa.float64())  # type: ignore[index]
        return np.asarray(column.to_numpy(zero_copy_only=False))

    t = as_milliseconds(table[roles["time"]]) if "time" in roles else np.full(n, times.MISSING)
    ids = table[roles["platform"]].cast(pa.string()).to_pylist() if "platform" in roles else [None] * n
    named = np.empty(n, object)
    named[:] = [platform if i is None else i for i in ids]
    used = set(roles.values())
    columns = {k: table[k].combine_chunks() for k in table.column_names if k not in used}
    extras = {k: c for k, c in columns.items() if pa.types.is_timestamp(c.type) or pa.types.is_date(c.type)}
    if "id" in roles:
        extras["id"] = table[roles["id"]].combine_chunks()
    values = {k: c for k, c in columns.items() if k not in extras}
    vertical = _vertical(roles["z"], rows.described.get(roles["z"])) if "z" in roles else None
    z = numbers("z") if "z" in roles else None
    x, y = transform(numbers("x"), numbers("y"), crs_of(rows.crs), crs_of(CRS84))
    group = Samples(t, normal(x), y, z, named, None, values, extras, vertical)
    described = {k: rows.described[k] for k in values}
    return Sampling(None, (group,), described, _called(table, rows, named), mended=rows.mended)


def _vertical(key: str, described: Described | None) -> Vertical:
    lower = key.lower()
    positive = "down" if "dep" in lower or "pres" in lower else "up"
    unit = (described.unit if described else None) or ""
    return Vertical(key, unit, described.label.en if described else key, None, positive)  # type: ignore[arg-type]


def _called(table: pa.Table, rows: Rows, platforms: Array) -> dict[str, dict[str, object]]:
    """The name of each platform, where a column tells it."""
    if "name" not in rows.roles:
        return {}
    names = table[rows.roles["name"]].to_pylist()
    return {p: {"name": n} for p, n in zip(platforms.tolist(), names, strict=True) if n is not None}


# --- facts -----------------------------------------------------------------------------------------------------------


def facts(o: Observations) -> Facts:
    """What metadata tell of the data set: feature type, extents, axes t and z, parameters, count of samples."""
    t_axis = _t_facts(o)
    return Facts(
        version=o.version,
        kind="observations",
        parameters=tuple(o.parameters.values()),
        bbox=_bbox(o),
        interval=None if t_axis is None else (str(t_axis.lowest), str(t_axis.highest)),
        axes=tuple(a for a in (t_axis, _z_facts(o)) if a is not None),
        crs=o.crs,
        feature_type=o.feature_type,
        count=len(o),
        extras=_extras(o),
        mended=o.mended,
    )


def _extras(o: Observations) -> tuple[Described, ...]:
    """The properties of items that are neither parameters nor platform, time and level."""
    levels = {g.vertical.key for g in o.groups if g.vertical is not None}
    known = {*o.parameters, "platform", "time", *levels}
    dtypes: dict[str, Any] = {"other": "object"}
    return tuple(
        Described(n, Text(n, n), dtype=dtypes.get(kind := type_of(t), kind))
        for n, t in sampled.properties(o).items()
        if n not in known
    )


def _bbox(o: Observations) -> BBox | None:
    x, y = np.concatenate([g.x for g in o.groups]), np.concatenate([g.y for g in o.groups])
    return bbox_of(x, y, x, y)


def _t_facts(o: Observations) -> AxisFacts | None:
    t = np.unique(np.concatenate([g.t for g in o.groups]))
    t = t[t != times.MISSING]
    if not len(t):
        return None
    ends = times.texts(t[[0, -1]], times.ISO)
    steps = np.unique(np.diff(t))
    return AxisFacts(
        "t", "time", len(t), ends[0], ends[1],
        values=tuple(times.texts(t, times.ISO)) if len(t) <= _LISTED else (),
        step=float(steps[0]) if len(steps) == 1 else None,
        calendar=times.ISO,
    )  # fmt: skip


def _z_facts(o: Observations) -> AxisFacts | None:
    """The levels of the vertical that most samples have."""
    groups = [g for g in o.groups if g.z is not None and g.vertical is not None and len(g)]
    if not groups:
        return None
    main = max(groups, key=len)
    assert main.vertical is not None
    of = [g.z for g in groups if g.vertical == main.vertical and g.z is not None]
    z = np.unique(np.concatenate(of))
    z = z[np.isfinite(z)]
    if not len(z):
        return None
    v = main.vertical
    return AxisFacts(
        "z", v.key, len(z), float(z[0]), float(z[-1]),
        values=tuple(z.tolist()) if len(z) <= _LISTED else (),
        unit=v.unit, label=v.label, standard_name=v.standard_name, positive=v.positive,
    )  # fmt: skip
