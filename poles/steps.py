"""Which steps along the axes a question asks: times, levels, members."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from poles import times
from poles.coverage import Axis
from poles.errors import Invalid
from poles.query import Interval, Query, Span
from poles.stored import Array

Runs = tuple[slice, ...]
"""What is taken of one axis: consecutive runs, in order."""


def is_called(axis: Axis, name: str) -> bool:
    """Whether an axis goes by a name: its canonical name, the file's own or the CF standard name, in any case."""
    return name.casefold() in {axis.name.casefold(), axis.key.casefold(), (axis.standard_name or axis.name).casefold()}


def runs_of(axes: Iterable[Axis], query: Query) -> dict[str, Runs] | None:
    """What to take of each axis but the horizontal; None where an axis holds nothing of it."""
    runs: dict[str, Runs] = {}
    for axis in axes:
        index = _asked(axis, query)
        if index is not None and not len(index):
            return None
        runs[axis.name] = (slice(0, len(axis)),) if index is None else _consecutive(index)
    if query.levels is not None and "z" not in runs:
        return None
    return runs


def _asked(axis: Axis, query: Query) -> Array | None:
    """The indices that are asked of one axis; None: all."""
    if axis.name == "t":
        return None if query.when is None else union(steps(axis, i) for i in query.when)
    if axis.name == "z" and query.levels is not None:
        return union(_levels(axis, s) for s in query.levels)
    for name, spans in query.others:
        if is_called(axis, name):
            return union(_levels(axis, s) for s in spans)
    return None


def union(found: Iterable[Array]) -> Array:
    """All indices of several findings, sorted, each once."""
    return np.unique(np.concatenate([*found, np.empty(0, np.int64)])).astype(np.int64)


def steps(axis: Axis, interval: Interval) -> Array:
    """Indices of the steps of a time axis within a closed interval.

    An instant is the step equal to it, or whose bounds hold it; a whole day is its steps, else the step whose
    bounds hold the day.
    """
    low, high = times.bind(interval, axis.calendar or "standard")
    inside = np.flatnonzero((axis.values >= low) & (axis.values <= high)) if low <= high else np.empty(0, np.int64)
    if len(inside) or not interval.instant or axis.bounds is None or low > high:
        return inside
    return _holding(axis.bounds, low, high)


def _holding(bounds: Array, low: float, high: float) -> Array:
    """Indices of the cells whose bounds hold [low, high]: closed below, open above but for the last."""
    lower, upper = bounds.min(axis=1), bounds.max(axis=1)
    return np.flatnonzero((lower <= low) & ((high < upper) | ((high == upper) & (upper == upper.max()))))


def _levels(axis: Axis, span: Span) -> Array:
    """Indices of the levels (or labels) within a closed interval.

    One value is the level equal to it, or whose bounds hold it.
    """
    values = axis.values
    if values.dtype == object or values.dtype.kind in "US":
        return _labels(values.astype(str), span)
    low, high = _number(axis, span.start, -np.inf), _number(axis, span.end, np.inf)
    low, high = min(low, high), max(low, high)
    slack = 1e-6 * max((abs(e) for e in (low, high) if np.isfinite(e)), default=0.0)
    inside = np.flatnonzero((values >= low - slack) & (values <= high + slack))
    if len(inside) or low != high or axis.bounds is None:
        return inside
    return _holding(axis.bounds, low, high)


def _labels(texts: Array, span: Span) -> Array:
    keep = np.ones(len(texts), bool) if span.start is None else texts >= str(span.start)
    return np.flatnonzero(keep if span.end is None else keep & (texts <= str(span.end)))


def _number(axis: Axis, value: float | str | None, open_end: float) -> float:
    if value is None:
        return open_end
    try:
        return float(value)
    except ValueError as err:
        raise Invalid(
            axis.name, f"{value} is no number", f"give numbers in {axis.unit or 'the units of the axis'}"
        ) from err


def _consecutive(index: Array) -> Runs:
    """Sorted indices as runs: [3, 4, 5, 9] is 3:6, 9:10."""
    cuts = [0, *(np.flatnonzero(np.diff(index) != 1) + 1).tolist(), len(index)]
    return tuple(slice(int(index[a]), int(index[b - 1]) + 1) for a, b in pairwise(cuts))


def taken_of(axis: Axis, runs: Runs) -> Axis:
    """The axis, what is asked of it; the same object where all is, so that its labels are made once."""
    if runs == (slice(0, len(axis)),):
        return axis
    if len(runs) == 1:  # a view, so that its labels are cut from those of the whole axis
        run = runs[0]
        return replace(axis, values=axis.values[run], bounds=None if axis.bounds is None else axis.bounds[run])
    values = np.concatenate([axis.values[r] for r in runs])
    bounds = None if axis.bounds is None else np.concatenate([axis.bounds[r] for r in runs])
    return replace(axis, values=values, bounds=bounds)


def length(runs: Runs) -> int:
    """How many steps the runs hold."""
    return sum(r.stop - r.start for r in runs)
