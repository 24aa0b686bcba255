"""`describe(dataset)`: what opening the data tells, so that listings and documents open nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from poles import times
from poles.coverage import Axis
from poles.crs import uri
from poles.dataset import AxisFacts, BBox, Dataset, Described, Facts, Shape
from poles.grids.grid import Grid
from poles.grids.horizontal import Rectilinear
from poles.opened import grids_of, kind
from poles.originals import originals
from poles.parts import fingerprint, parts
from poles.rows.shelf import store_of

_LISTED = 1000
"""An axis of more values is told by its ends and step."""


def describe(dataset: Dataset) -> Facts:
    """Opens the data and tells their kind, axes, extents, parameters, and what was mended. Raises `Unreadable`."""
    match kind(dataset):
        case "observations" | "features" as rows:
            store = store_of(dataset, rows)
            return replace(store.facts, version=store.version)
        case _:
            return replace(_of_grids(grids_of(dataset)), version=version(dataset), originals=originals(dataset))


def version(dataset: Dataset) -> str:
    """Changes whenever the data change: the same in every process."""
    match kind(dataset):
        case "observations" | "features" as rows:
            return store_of(dataset, rows).version
        case _:
            return fingerprint(parts(dataset))


def _of_grids(grids: Sequence[Grid]) -> Facts:
    axes = _merged([a for g in grids for a in (*g.axes, *_horizontal_axes(g))])
    times_told = next((a for a in axes if a.name == "t"), None)
    return Facts(
        version="",
        kind="grid",
        parameters=_parameters(grids),
        bbox=_around([g.horizontal.bbox() for g in grids]),
        interval=_of_cells(grids) if times_told is None else (str(times_told.lowest), str(times_told.highest)),
        axes=axes,
        crs=uri(grids[0].horizontal.crs),
        horizontal=_horizontal(grids[0]),
        mended=tuple(dict.fromkeys(m for g in grids for m in g.mended)),
    )


def _of_cells(grids: Sequence[Grid]) -> tuple[str, str] | None:
    """The first and last time of the cells of swaths; None where cells have no times."""
    found = [(read(), calendar) for read, calendar in (g.cell_times for g in grids if g.cell_times is not None)]
    known = [ms[ms != times.MISSING] for ms, _ in found]
    if not any(len(ms) for ms in known):
        return None
    first, last = min(int(ms.min()) for ms in known if len(ms)), max(int(ms.max()) for ms in known if len(ms))
    return times.text(first, found[0][1]), times.text(last, found[0][1])


def _parameters(grids: Sequence[Grid]) -> tuple[Described, ...]:
    return tuple({p.key: p.description for g in grids for p in g.parameters.values()}.values())


def _horizontal(grid: Grid) -> Shape:
    if isinstance(grid.horizontal, Rectilinear) and grid.horizontal.affine is not None:
        return "sheared"
    name = type(grid.horizontal).__name__.lower()
    return next((s for s in get_args(Shape) if s == name), "none")


def _horizontal_axes(grid: Grid) -> tuple[Axis, ...]:
    """x and y as they are written, of a grid that has rows and columns."""
    if not isinstance(grid.horizontal, Rectilinear):
        return ()
    whole = grid.horizontal.window(None, grid.horizontal.crs)
    return (Axis("x", whole.x, whole.x_bounds), Axis("y", whole.y, whole.y_bounds))


def _merged(axes: Iterable[Axis]) -> tuple[AxisFacts, ...]:
    """One entry a name: grids of one data set may hold different levels or times."""
    named: dict[str, list[Axis]] = {}
    for axis in axes:
        named.setdefault(axis.name, []).append(axis)
    return tuple(_told(same) for same in named.values())


def _told(same: Sequence[Axis]) -> AxisFacts:
    first = same[0]
    values = first.values if len(same) == 1 else np.unique(np.concatenate([a.values for a in same]))
    return AxisFacts(
        name=first.name,
        key=first.key or first.name,
        size=len(values),
        lowest=_written(first, values[:1])[0],
        highest=_written(first, values[-1:])[0],
        values=tuple(_written(first, values)) if len(values) <= _LISTED else (),
        step=_step(values) if len(values) > 1 else _width(first),
        unit=first.unit,
        label=first.label,
        standard_name=first.standard_name,
        positive=first.positive,
        calendar=first.calendar,
    )


def _written(axis: Axis, values: np.ndarray) -> list[float | str]:
    if axis.name == "t":
        return list(times.texts(values, axis.calendar or "standard"))
    return [v if isinstance(v, str) else float(v) for v in values.tolist()]


def _width(axis: Axis) -> float | None:
    """The width of a row or column that is alone, which has no step to a next one; None where no bounds tell it."""
    return None if axis.name not in ("x", "y") or axis.bounds is None else float(np.ptp(axis.bounds))


def _step(values: np.ndarray) -> float | None:
    """The step of a regular axis of several; one of floats may be as uneven as 32 bits round it."""
    if values.dtype == object:
        return None
    steps = np.diff(values)
    if np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        return float(steps[0])
    rounding = 2 * float(np.finfo(np.float32).eps) * float(np.abs(values).max())
    even = np.linspace(values[0], values[-1], len(values))
    if values.dtype.kind == "f" and np.abs(values - even).max() <= min(rounding, 0.01 * np.abs(steps).min()):
        return float(values[-1] - values[0]) / (len(values) - 1)
    return None


def _around(boxes: Sequence[BBox]) -> BBox | None:
    """The box around boxes; one that crosses 180 degrees stays crossing."""
    if not boxes:
        return None
    south, north = min(b[1] for b in boxes), max(b[3] for b in boxes)
    west = min(b[0] for b in boxes)
    east = max(b[2] + 360 if b[2] < b[0] else b[2] for b in boxes)
    if east - west >= 360:
        return (-180.0, south, 180.0, north)
    return (west, south, east - 360 if east > 180 else east, north)
