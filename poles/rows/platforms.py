"""Platforms as rows of a table: the locations of EDR."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from poles import times
from poles.rows.samples import Group, Observations
from poles.stored import Array

_VERTICES = 1_000
"""Most vertices of the line or points of a platform that moves."""


def platforms(o: Observations) -> pa.Table:
    """A row a platform: id, name, times, count of samples, parameters, what else is known, and where it is."""
    spans = [_span(o, p) for p in range(len(o.ids))]
    rows = [_rows_of(o, p) for p in range(len(o.ids))]
    columns: dict[str, pa.Array] = {
        "id": pa.array(o.ids, pa.string()),
        "name": pa.array(o.names, pa.string()),
        "datetime": pa.array([_interval(s) for s in spans], pa.string()),
        "start": pa.array([s[0] for s in spans], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        "end": pa.array([s[1] for s in spans], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        "count": pa.array([sum(b - a for _, a, b in r) for r in rows], pa.int64()),
        "parameter-name": pa.array([_parameters(r) for r in rows], pa.list_(pa.string())),
    }
    for key in dict.fromkeys(k for a in o.attributes for k in a):
        if key not in columns and key != "geometry":
            columns[key] = _attribute([a.get(key) for a in o.attributes])
    shapes = [_shape(o, p, r) for p, r in enumerate(rows)]
    columns["geometry"] = pa.array([None if s is None else shapely.to_wkb(s) for s in shapes], pa.binary())
    return pa.table(columns)


def _attribute(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def _rows_of(o: Observations, p: int) -> list[tuple[Group, int, int]]:
    return [(g, int(g.starts[p]), int(g.starts[p + 1])) for g in o.groups if g.starts[p + 1] > g.starts[p]]


def _span(o: Observations, p: int) -> tuple[int | None, int | None]:
    """First and last time of a platform."""
    found = [t for g, a, b in _rows_of(o, p) if len(t := g.t[a:b][g.t[a:b] != times.MISSING])]
    return (min(int(t.min()) for t in found), max(int(t.max()) for t in found)) if found else (None, None)


def _interval(span: tuple[int | None, int | None]) -> str | None:
    if span[0] is None or span[1] is None:
        return None
    return f"{times.text(span[0], times.ISO)}/{times.text(span[1], times.ISO)}"


def _parameters(rows: Sequence[tuple[Group, int, int]]) -> list[str]:
    """Parameters of which a platform has any value."""
    return [
        n for g, a, b in rows for n in g.values.column_names
        if g.values[n].null_count == 0 or g.values[n].slice(a, b - a).null_count < b - a
    ]  # fmt: skip


def _around(xy: Array) -> Any:
    """Scattered places as the area that holds them, unless it would go around the Earth the wrong way."""
    points = shapely.MultiPoint(xy)
    return points.convex_hull if np.ptp(xy[:, 0]) <= 180 else points


def _shape(o: Observations, p: int, rows: Sequence[tuple[Group, int, int]]) -> Any:
    """Where a platform is: a point, or the line or points of its samples, thinned out."""
    x, y = (c[p] for c in o.places)
    if np.isfinite(x) and np.isfinite(y):
        return shapely.Point(x, y)
    moving = [r for r in rows if not r[0].still[p]]
    if not moving:
        return None
    group, a, b = min(moving, key=lambda r: r[2] - r[1])
    xy = np.column_stack([group.x[a:b], group.y[a:b]])
    xy = xy[np.isfinite(xy).all(axis=1)]
    xy = xy[np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))] if len(xy) else xy
    xy = xy[np.unique(np.linspace(0, len(xy) - 1, min(len(xy), _VERTICES)).astype(int))] if len(xy) else xy
    if not len(xy):
        return None
    if group.feature_type in ("point", "profile") or len(xy) == 1:
        return _around(xy)
    cuts = np.flatnonzero(np.abs(np.diff(xy[:, 0])) > 180) + 1
    pieces = [shapely.LineString(s) if len(s) > 1 else None for s in np.split(xy, cuts)]
    lines = [s for s in pieces if s is not None]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines) if lines else shapely.MultiPoint(xy)
