"""From a question to coverages of grids: which grids, which steps, which cells; nothing is read here but axes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyproj import CRS

from poles.blocks import area_block, cell_block, cells_block
from poles.coverage import Axis, Composite, Coverage, Coverages, Domain
from poles.crs import crs as crs_of
from poles.crs import transform, uri
from poles.dataset import Dataset, Described
from poles.errors import Invalid
from poles.grids.grid import Grid, GridParameter
from poles.grids.horizontal import Selection
from poles.query import CRS84, At, Box, Everywhere, Query, Within
from poles.scaling import scaled
from poles.steps import Runs, is_called, runs_of, steps, taken_of, union
from poles.stored import Array


def coverages(dataset: Dataset, grids: Sequence[Grid], query: Query) -> Coverages:
    """The coverages that answer: one a place, a horizontal and a set of axes. None: nothing is there."""
    wanted = _named(grids, query)
    _checked_axes(grids, query)
    taken = [(grid, list(_groups(grid, keys, query))) for grid, keys in wanted]
    match query.where:
        case At(points):
            members = [c for grid, groups in taken if groups for c in _at(grid, groups, points, query)]
            return Coverages(dataset, _as_said(dataset, members), collection=len(points) > 1)
        case Within() | Box() | Everywhere():
            found = [scaled(c, query, dataset) for grid, groups in taken if groups for c in _over(grid, groups, query)]
            return Coverages(dataset, _as_said(dataset, found))
        case other:
            raise Invalid("query", f"{type(other).__name__} is not asked of a grid", "ask position, area or cube")


def _as_said(dataset: Dataset, found: Sequence[Coverage]) -> tuple[Coverage, ...]:
    """What the block says of a parameter, over what the file tells."""
    said = {p.key: p for p in dataset.parameters}
    return tuple(replace(c, parameters={k: said.get(k, d) for k, d in c.parameters.items()}) for c in found)


# --- which grids and parameters ------------------------------------------------------------------------------------


def _named(grids: Sequence[Grid], query: Query) -> list[tuple[Grid, list[str]]]:
    """The grids that hold the parameters asked, each with the keys to take, in the order of the data."""
    if query.parameters is None:
        return [(g, list(g.parameters)) for g in grids]
    there = {key for g in grids for key in g.parameters}
    for name in query.parameters:
        if name not in there:
            raise Invalid("parameter-name", f"{name} is not there", f"give of {', '.join(sorted(there))}")
    kept = [(g, [k for k in query.parameters if k in g.parameters]) for g in grids]
    return [(g, keys) for g, keys in kept if keys]


@dataclass(frozen=True, slots=True)
class _Group:
    """Parameters that share their axes, and what is taken of each axis: they make one coverage."""

    parameters: tuple[GridParameter, ...]
    axes: tuple[Axis, ...]
    runs: Mapping[str, Runs]

    @property
    def described(self) -> dict[str, Described]:
        return {p.key: p.description for p in self.parameters}


def _groups(grid: Grid, keys: Sequence[str], query: Query) -> Iterator[_Group]:
    """The groups of parameters for which the question leaves something of every axis."""
    alike: dict[tuple[str, ...], list[GridParameter]] = {}
    for key in keys:
        alike.setdefault(grid.parameters[key].axes, []).append(grid.parameters[key])
    for names, parameters in alike.items():
        axes = [a for a in grid.axes if a.name in names]
        runs = runs_of(axes, query)
        if runs is not None:
            yield _Group(tuple(parameters), tuple(taken_of(a, runs[a.name]) for a in axes), runs)


def _checked_axes(grids: Sequence[Grid], query: Query) -> None:
    """Refuses a condition on an axis that no grid has. Data without time match every time."""
    axes = [a for g in grids for a in g.axes]
    if query.levels is not None and not any(a.name == "z" for a in axes):
        raise Invalid("z", "the data have no vertical axis", "leave z out")
    for name, _ in query.others:
        if not any(is_called(a, name) for a in axes):
            others = sorted({a.name for a in axes} | {"x", "y"})
            raise Invalid("subset", f"there is no axis {name}", f"give of {', '.join(others)}")


# --- one place -----------------------------------------------------------------------------------------------------


def _at(
    grid: Grid, groups: Sequence[_Group], points: Sequence[tuple[float, float]], query: Query
) -> Iterator[Coverage]:
    """A coverage a point that lies in a cell, at the cell's centre, in the CRS of the question."""
    out = query.crs_out or CRS84
    for index in grid.horizontal.nearest(points, _crs_in(query, grid.horizontal.crs)):
        if index is None:
            continue
        of_cell = _at_cell_time(grid, index, query)
        if of_cell is None:
            continue
        x, y = _place(grid, index, out)
        place = (Axis("y", np.array([y])), Axis("x", np.array([x])))
        window = tuple(slice(i, i + 1) for i in index)
        for group in groups:
            axes = (*of_cell, *group.axes)
            blocks = {p.key: cell_block(p, axes, window, group.runs) for p in group.parameters}
            yield Coverage(_domain(axes), (*axes, *place), blocks, group.described, out)


def _place(grid: Grid, index: tuple[int, ...], out: str) -> tuple[float, float]:
    if out == CRS84:
        return grid.horizontal.lonlat(index)
    x, y = grid.horizontal.place(index)
    xs, ys = transform(np.array([x]), np.array([y]), grid.horizontal.crs, crs_of(out))
    return float(xs[0]), float(ys[0])


def _at_cell_time(grid: Grid, index: tuple[int, ...], query: Query) -> tuple[Axis, ...] | None:
    """The time axis of one cell of a swath; None where it is not in the times asked."""
    if grid.cell_times is None:
        return ()
    read, calendar = grid.cell_times
    time = Axis("t", np.array([read()[index]], np.int64), calendar=calendar)
    if query.when is not None and not any(len(steps(time, i)) for i in query.when):
        return None
    return (time,)


def _domain(axes: Sequence[Axis]) -> Domain:
    """One place: Point, PointSeries, VerticalProfile, else Grid with single x and y."""
    long = {a.name for a in axes if len(a) > 1}
    if {a.name for a in axes} - {"t", "z"} or long == {"t", "z"}:
        return "Grid"
    if long == {"t"}:
        return "PointSeries"
    return "VerticalProfile" if long == {"z"} else "Point"


# --- an area -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of an area: windows over the horizontal, what is kept of them, and where they lie."""

    selection: Selection
    times: tuple[Array, str] | None = None


def _over(grid: Grid, groups: Sequence[_Group], query: Query) -> Iterator[Coverage]:
    """The coverages of an area or box, one a set of axes."""
    horizontal = grid.horizontal
    source = _crs_in(query, horizontal.crs)
    match query.where:
        case Within(polygon):
            selection = horizontal.inside(polygon, source)
        case Box() as box:
            selection = horizontal.window(box, source)
        case _:
            selection = horizontal.window(None, source)
    cells = _in_time(grid, selection, query)
    if cells.selection.empty:
        return
    for group in groups:
        if cells.selection.cells:
            yield _scattered(cells, group, query)
        else:
            yield _gridded(cells.selection, group, query)


def _in_time(grid: Grid, selection: Selection, query: Query) -> _Cells:
    """The selection with the time of each kept cell of a swath, those that are in the times asked."""
    if grid.cell_times is None or selection.empty:
        return _Cells(selection)
    read, calendar = grid.cell_times
    at = _windowed(read(), selection)
    keep = np.ones(at.shape, bool) if selection.keep is None else selection.keep
    kept = at[keep]
    if query.when is not None:
        time = Axis("t", kept, calendar=calendar)
        chosen = np.zeros(len(kept), bool)
        chosen[union(steps(time, i) for i in query.when)] = True
        keep = keep.copy()
        keep[keep] = chosen
        selection = replace(selection, keep=keep, x=selection.x[chosen], y=selection.y[chosen])
        kept = kept[chosen]
    return _Cells(selection, (kept, calendar))


def _windowed(array: Array, selection: Selection) -> Array:
    pieces = [array[w] for w in selection.windows]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)


def _gridded(selection: Selection, group: _Group, query: Query) -> Coverage:
    """A Grid in the grid's own CRS; in another one where that keeps rows and columns, else scattered cells."""
    if query.crs_out is not None and crs_of(query.crs_out) != crs_of(selection.crs):
        selection = _moved(selection, query.crs_out)
        if selection.cells:
            return _scattered(_Cells(selection), group, query)
    place = (Axis("y", selection.y, selection.y_bounds), Axis("x", selection.x, selection.x_bounds))
    blocks = {p.key: area_block(p, group.axes, selection, group.runs) for p in group.parameters}
    return Coverage(
        "Grid", (*group.axes, *place), blocks, group.described, selection.crs, affine=selection.affine
    )  # fmt: skip


def _moved(selection: Selection, out: str) -> Selection:
    """The selection in another CRS: still a grid where x depends on columns alone and y on rows alone.

    No value is resampled: a grid that does not stay one becomes cells, each at its own centre.
    """
    source, target = crs_of(selection.crs), crs_of(out)
    x, y = (a.reshape(len(selection.y), len(selection.x)) for a in np.meshgrid(selection.x, selection.y))
    if selection.affine is not None:
        a, b, c, d, e, f = selection.affine
        x, y = a * x + b * y + c, d * x + e * y + f
    xs, ys = transform(x.ravel(), y.ravel(), source, target)
    xs, ys = xs.reshape(x.shape), ys.reshape(y.shape)
    scale = 1e-9 * max(np.ptp(xs), np.ptp(ys), 1.0)
    if selection.affine is None and np.ptp(xs, axis=0).max() <= scale and np.ptp(ys, axis=1).max() <= scale:
        return replace(selection, x=xs[0], y=ys[:, 0], x_bounds=None, y_bounds=None, crs=uri(target))
    keep = np.ones(x.shape, bool) if selection.keep is None else selection.keep
    plain = replace(selection, affine=None, x_bounds=None, y_bounds=None, crs=uri(target))
    return replace(plain, x=xs[keep], y=ys[keep], keep=keep, cells=True)


def _scattered(cells: _Cells, group: _Group, query: Query) -> Coverage:
    """Cells that make no grid: a composite axis of their places, with the level in each tuple where there is one."""
    selection = cells.selection
    if query.crs_out is not None and crs_of(query.crs_out) != crs_of(selection.crs):
        x, y = transform(selection.x, selection.y, crs_of(selection.crs), crs_of(query.crs_out))
        selection = replace(selection, x=x, y=y, crs=uri(crs_of(query.crs_out)))
    level = next((a for a in group.axes if a.name == "z"), None)
    rest = tuple(a for a in group.axes if a.name != "z")
    composite = _tuples(selection, level, cells.times)
    n = len(composite.values[0])
    blocks = {p.key: cells_block(p, rest, n, selection, group.runs) for p in group.parameters}
    moving = any(a.name == "t" and len(a) > 1 for a in rest)
    domain: Domain = "MultiPointSeries" if moving else "MultiPoint"
    return Coverage(domain, rest, blocks, group.described, selection.crs, composite)


def _tuples(selection: Selection, level: Axis | None, at: tuple[Array, str] | None) -> Composite:
    """(t, x, y, z) of every cell, level by level."""
    n = 1 if level is None else len(level)
    names, values = ["x", "y"], [np.tile(selection.x, n), np.tile(selection.y, n)]
    if level is not None:
        names, values = [*names, "z"], [*values, np.repeat(level.values, len(selection.x))]
    if at is not None:
        names, values = ["t", *names], [np.tile(at[0], n), *values]
    return Composite(tuple(names), tuple(values), calendar=None if at is None else at[1])


def _crs_in(query: Query, native: CRS) -> CRS:
    return native if query.crs == "native" else crs_of(query.crs)
