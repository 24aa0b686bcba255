"""Rows and columns of cells with 2-D longitudes and latitudes: model grids, tripolar grids, swaths."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

from poles.grids.scattered import SAME, Scattered, Vector, cross, dot, holds

_SEAM = 0.55
"""Between cells that are not quite parallel there are seams: they belong to a neighbour."""


@dataclass(frozen=True, eq=False)
class Curvilinear(Scattered):
    """Rows and columns of cells, each at its own longitude and latitude.

    A cell is what its corners say, else reaches half way to its four neighbours, on the plane that touches the
    sphere at its centre; at an edge, and beside a gap of more than 3 cells, as far as on its other side.
    """

    dims: ClassVar[tuple[str, ...]] = ("y", "x")

    def _chosen(self, cells: Sequence[int], distance: Sequence[float], point: Vector) -> int:
        if distance[0] < SAME:
            # A place that two cells share (the seam of a tripolar grid) is that of the one inside the grid.
            shared = [c for c, d in zip(cells, distance, strict=True) if d < SAME]
            return min(shared, key=lambda c: (not self._is_inside(c), c))
        corners = self.polygons
        if corners is not None:
            return next((c for c in cells if holds(corners[c].tolist(), point)), -1)
        nearly, best = _SEAM, -1
        for cell in cells:
            within, seam = self._within(cell, point)
            if within <= 0.5 + SAME:
                return cell
            if seam and within < nearly:
                nearly, best = within, cell
        return best if best >= 0 else self._walked(cells[0], point)

    def _is_inside(self, cell: int) -> bool:
        rows, columns = self.shape
        j, i = divmod(cell, columns)
        return 0 < j < rows - 1 and 0 < i < columns - 1

    def _walked(self, cell: int, point: Vector) -> int:
        """The cell reached by stepping from one towards a point: long thin cells have nearer centres beside them."""
        rows, columns = self.shape
        for _ in range(8):
            found = self._offset(cell, point)
            if found is None:
                return -1
            u, v, _, _ = found
            if max(abs(u), abs(v)) <= 0.5 + SAME:
                return cell
            j, i = divmod(cell, columns)
            j, i = j + max(-3, min(3, round(v))), i + max(-3, min(3, round(u)))
            if not (0 <= j < rows and 0 <= i < columns and self.places.known[j * columns + i]):
                return -1
            cell = j * columns + i
        return -1

    def _within(self, cell: int, point: Vector) -> tuple[float, bool]:
        """How far out in a cell a point lies, 0.5 at its edge; and whether neighbours are where it is out."""
        found = self._offset(cell, point)
        if found is None:
            return inf, False
        u, v, beside_u, beside_v = found
        seam = (abs(u) <= 0.5 + SAME or beside_u) and (abs(v) <= 0.5 + SAME or beside_v)
        return max(abs(u), abs(v)), seam

    def _offset(self, cell: int, point: Vector) -> tuple[float, float, bool, bool] | None:
        """Where a point lies from a cell, in steps along columns and rows; and whether a neighbour is on that side."""
        rows, columns = self.shape
        j, i = divmod(cell, columns)
        x, y, z = self.places.xyz[cell].tolist()
        centre = (x, y, z)
        if dot(centre, point) <= 0:
            return None
        right = self._step(centre, cell + 1) if i < columns - 1 else None
        left = self._step(centre, cell - 1) if i > 0 else None
        below = self._step(centre, cell + columns) if j < rows - 1 else None
        above = self._step(centre, cell - columns) if j > 0 else None
        right, left = _without_gap(right, left)
        below, above = _without_gap(below, above)
        along, down = _sides(right, left), _sides(below, above)
        if along is None:
            along = None if down is None else (_scaled(cross(down[0], centre), 1), _scaled(cross(down[0], centre), -1))
        if down is None:
            down = (
                None if along is None else (_scaled(cross(centre, along[0]), 1), _scaled(cross(centre, along[0]), -1))
            )
        if along is None or down is None:
            return None
        to = _flat(point, centre)
        u, v = _solved(_less(along[0], along[1]), _less(down[0], down[1]), to, centre)
        a, b = along[0] if u > 0 else _scaled(along[1], -1), down[0] if v > 0 else _scaled(down[1], -1)
        u, v = _solved(a, b, to, centre)
        return u, v, (right if u > 0 else left) is not None, (below if v > 0 else above) is not None

    def _step(self, centre: Vector, cell: int) -> Vector | None:
        """The step to a neighbour on the plane at the centre; None where it has no place, or the same."""
        if not self.places.known[cell]:
            return None
        x, y, z = self.places.xyz[cell].tolist()
        step = _flat((x, y, z), centre)
        return step if dot(step, step) > SAME * SAME else None


def _flat(point: Vector, centre: Vector) -> Vector:
    """A point as seen from the centre, on the plane that touches the sphere there."""
    height = dot(point, centre)
    return point[0] - height * centre[0], point[1] - height * centre[1], point[2] - height * centre[2]


def _scaled(a: Vector, by: float) -> Vector:
    return a[0] * by, a[1] * by, a[2] * by


def _less(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _without_gap(one: Vector | None, other: Vector | None) -> tuple[Vector | None, Vector | None]:
    """Steps to both sides, None for one that leads over a gap: more than 3 times as long as the other."""
    if one is None or other is None:
        return one, other
    long, short = dot(one, one), dot(other, other)
    return (None if long > 9 * short else one), (None if short > 9 * long else other)


def _sides(ahead: Vector | None, back: Vector | None) -> tuple[Vector, Vector] | None:
    """Steps to both sides, a missing one as long as the other; None where both are missing."""
    if ahead is not None:
        return ahead, back if back is not None else _scaled(ahead, -1)
    return None if back is None else (_scaled(back, -1), back)


def _solved(a: Vector, b: Vector, to: Vector, centre: Vector) -> tuple[float, float]:
    """(u, v) with to = u a + v b on the plane at the centre."""
    area = dot(cross(a, b), centre)
    if area == 0:
        return inf, inf
    return dot(cross(to, b), centre) / area, dot(cross(a, to), centre) / area
