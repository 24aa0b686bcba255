"""The cells along one horizontal axis: which one holds a coordinate, which centres lie between two."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, inf

import numpy as np

from poles.stored import Array

CIRCLE = 360.0
_HOLE = 3.0
"""A gap of more than so many times the median spacing is a hole, whose middle belongs to nobody."""
_NOISE = 1e-9
"""Degrees that shifting by whole circles may cost."""

Piece = tuple[slice, float]
"""Consecutive cells, and what is added to their coordinates."""


@dataclass(frozen=True, eq=False)
class Line:
    """Cells in increasing order, one a coordinate.

    A cell reaches as far as its bounds, else half way to its neighbours: at the ends as far as on its other side,
    beside a hole half the median. Its lower edge belongs to it, its upper one to the next cell, if there is one.
    Where `turning`, coordinates are longitudes: they come back after 360, and the last cell may touch the first.
    `slack` is how far a coordinate of the question may lie off and still be that of the data (their precision).
    """

    values: Array
    lows: Array
    highs: Array
    bounds: Array | None = None
    turning: bool = False
    wraps: bool = False
    slack: float = 0.0
    centres: list[float] = field(init=False, repr=False)
    shown: list[float] = field(init=False, repr=False)
    """The coordinates as places are written: longitudes in [-180, 180)."""
    _lows: list[float] = field(init=False, repr=False)
    _highs: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shown = normal(self.values) if self.turning else self.values
        for name, array in (("centres", self.values), ("shown", shown), ("_lows", self.lows), ("_highs", self.highs)):
            object.__setattr__(self, name, array.tolist())

    def __len__(self) -> int:
        return len(self.centres)

    def cell(self, at: float) -> int | None:
        """The cell that holds a coordinate; None beyond the cells and in holes."""
        slack = self.slack
        if self.turning:
            if not -1e6 < at < 1e6:
                return None
            moved = self._turned(at)
            if moved != at:
                at, slack = moved, max(slack, _NOISE)
        i = bisect_right(self._lows, at) - 1
        if i < 0:
            return 0 if at >= self._lows[0] - slack else None
        return i if at <= self._highs[i] + slack else None

    def _turned(self, at: float) -> float:
        """The coordinate by whole circles in the run of the cells, where it can be there."""
        low, high = self._lows[0], self._highs[-1]
        if at < low:
            near = at + CIRCLE * ceil((low - at) / CIRCLE - 1e-12)
            return near if near <= high + _NOISE or at < low - self.slack else at
        if at > high:
            near = at - CIRCLE * ceil((at - high) / CIRCLE - 1e-12)
            return near if near >= low - _NOISE or at > high + self.slack else at
        return at

    def cells(self, at: Array) -> Array:
        """The cells that hold many coordinates, -1 where none does."""
        finite = np.isfinite(at) & (np.abs(at) < 1e9)
        moved = np.where(finite, at, 0.0)
        slack = np.full(moved.shape, self.slack)
        if self.turning:
            turned = np.array([self._turned(v) for v in moved.tolist()])
            slack[turned != moved] = max(self.slack, _NOISE)
            moved = turned
        i = np.searchsorted(self.lows, moved, side="right") - 1
        i = np.where((i < 0) & (moved >= self.lows[0] - slack), 0, i)
        inside = finite & (i >= 0) & (moved <= self.highs[np.maximum(i, 0)] + slack)
        return np.where(inside, i, -1)

    def under(self, at: float) -> list[Piece]:
        """The cell that holds a coordinate, as pieces."""
        i = self.cell(at)
        if i is None:
            return []
        turn = CIRCLE * round((at - self.centres[i]) / CIRCLE) if self.turning and abs(at) < 1e6 else 0.0
        return [(slice(i, i + 1), turn)]

    def between(self, low: float, high: float) -> list[Piece]:
        """The cells whose centres lie in a closed interval, in the order of their coordinates there.

        Along longitudes there are two pieces where the interval begins and ends in the run of the data.
        """
        if low == -inf and high == inf:
            return self.whole()
        if not self.turning:
            return self._piece(low, high, 0.0)
        if low == -inf or high == inf:
            return self._half_open(low, high)
        if high - low >= CIRCLE - _NOISE:
            return self.whole()
        first = ceil((self.centres[0] - high - self.slack - _NOISE) / CIRCLE)
        last = floor((self.centres[-1] - low + self.slack + _NOISE) / CIRCLE)
        pieces = [p for k in range(first, last + 1) for p in self._piece(low, high, CIRCLE * k)]
        if sum(s.stop - s.start for s, _ in pieces) > len(self):
            return self.whole()
        return sorted(pieces, key=lambda p: self.centres[p[0].start] + p[1])

    def _piece(self, low: float, high: float, turn: float) -> list[Piece]:
        slack = max(self.slack, _NOISE) if turn else self.slack
        start = bisect_left(self.centres, low + turn - slack)
        stop = bisect_right(self.centres, high + turn + slack)
        return [(slice(start, stop), -turn)] if start < stop else []

    def _half_open(self, low: float, high: float) -> list[Piece]:
        """An interval with one open end goes on to the end of the longitudes as they are written whole."""
        whole = self.whole()
        (left, before), (right, after) = whole[0], whole[-1]
        west, east = self.centres[left.start] + before, self.centres[right.stop - 1] + after
        end = low if high == inf else high
        turn = CIRCLE * ceil((west - end - self.slack - _NOISE) / CIRCLE)
        end = end + turn if end + turn <= east + self.slack + _NOISE else end
        if high == inf:
            return [] if end > east + self.slack else self._some(whole, end, inf)
        return [] if end < west - self.slack else self._some(whole, -inf, end)

    def _some(self, pieces: Sequence[Piece], low: float, high: float) -> list[Piece]:
        """What of pieces lies in an interval."""
        kept = []
        for part, turn in pieces:
            for found, _ in self._piece(low - turn, high - turn, 0.0):
                start, stop = max(found.start, part.start), min(found.stop, part.stop)
                if start < stop:
                    kept.append((slice(start, stop), turn))
        return kept

    def whole(self) -> list[Piece]:
        """All cells: a whole circle from -180, anything else in one piece as the data run."""
        n = len(self)
        if not self.turning:
            return [(slice(0, n), 0.0)]
        turns = ceil((self.centres[0] + 180 - _NOISE) / CIRCLE)
        cut = bisect_left(self.centres, CIRCLE * turns - 180 - _NOISE)
        if not self.wraps or cut in (0, n):
            return [(slice(0, n), -CIRCLE * floor((self.centres[0] + 180 + _NOISE) / CIRCLE))]
        return [(slice(cut, n), -CIRCLE * turns), (slice(0, cut), CIRCLE - CIRCLE * turns)]

    def written(self, pieces: Sequence[Piece]) -> tuple[Array, Array | None]:
        """Coordinates and bounds of pieces, increasing; longitudes start in [-180, 180)."""
        turns = [turn for _, turn in pieces]
        if self.turning and pieces:
            first = self.centres[pieces[0][0].start] + turns[0]
            back = CIRCLE * floor((first + 180 + _NOISE) / CIRCLE)
            turns = [turn - back for turn in turns]
        parts = [p for p, _ in pieces]
        values = joined([shifted(self.values[p], t) for p, t in zip(parts, turns, strict=True)])
        if self.bounds is None:
            return values, None
        return values, joined([shifted(self.bounds[p], t) for p, t in zip(parts, turns, strict=True)])

    @property
    def size(self) -> float | None:
        """The usual size of a cell; None where there is one cell without bounds."""
        if len(self) > 1:
            return float(np.median(np.diff(self.values)))
        return None if self.bounds is None else float(self.highs[0] - self.lows[0])


def line(
    values: Array, bounds: Array | None = None, *, turning: bool = False, polar: bool = False, slack: float = 0.0,
    lone: float = 1e-6,
) -> Line:  # fmt: skip
    """Cells of increasing coordinates. `polar`: latitudes, which end at 90. `lone`: half a cell that is alone."""
    given = None if bounds is None else _usable(values, bounds, turning)
    if given is not None:
        lows, highs = given[:, 0].copy(), given[:, 1].copy()
        wraps = turning and len(values) > 1 and highs[-1] - lows[0] >= CIRCLE - 1e-3 * float(np.median(highs - lows))
    else:
        wraps = turning and _touches(values)
        lows, highs = _halfway(values, wraps, lone)
    if polar:
        lows, highs = np.maximum(lows, np.minimum(values, -90.0)), np.minimum(highs, np.maximum(values, 90.0))
    return Line(values, lows, highs, given, turning, wraps, slack)


def _usable(values: Array, bounds: Array, turning: bool) -> Array | None:
    """The bounds, lower before upper, in the circle of their values; None where they do not hold them in order."""
    if bounds.shape != (len(values), 2) or not np.isfinite(bounds).all():
        return None
    found = np.sort(bounds, axis=1)
    if turning:
        wide = found[:, 1] - found[:, 0] > CIRCLE / 2
        if wide.any() and len(values) > 2:
            found[wide] = np.sort(np.where(found[wide] < found[wide].mean(axis=1, keepdims=True), found[wide] + CIRCLE,
                                           found[wide]), axis=1)  # fmt: skip
        found += CIRCLE * np.round((values - found.mean(axis=1)) / CIRCLE)[:, None]
    size = found[:, 1] - found[:, 0]
    noise = 1e-3 * size
    if (size <= 0).any() or (values < found[:, 0] - noise).any() or (values > found[:, 1] + noise).any():
        return None
    seams = found[1:, 0] - found[:-1, 1]
    if (seams < -noise[1:] - noise[:-1]).any():
        return None
    close = np.abs(seams) <= noise[1:] + noise[:-1]
    found[1:, 0] = np.where(close, found[:-1, 1], found[1:, 0])
    return found


def _touches(values: Array) -> bool:
    """Whether the last longitude is a neighbour of the first one, around the circle."""
    if len(values) < 2:
        return False
    return bool(values[0] + CIRCLE - values[-1] <= 1.5 * np.median(np.diff(values)))


def _halfway(values: Array, wraps: bool, lone: float) -> tuple[Array, Array]:
    if len(values) == 1:
        return values - lone, values + lone
    gaps = np.diff(values)
    usual = float(np.median(gaps))
    reach = np.where(gaps > _HOLE * usual, usual, gaps) / 2
    around = (values[0] + CIRCLE - values[-1]) / 2
    lows = np.concatenate([[values[0] - (around if wraps else reach[0])], values[1:] - reach])
    highs = np.concatenate([values[:-1] + reach, [values[-1] + (around if wraps else reach[-1])]])
    seamless = gaps <= _HOLE * usual
    highs[:-1][seamless] = lows[1:][seamless]
    return lows, highs


def normal(longitudes: Array) -> Array:
    """Longitudes in [-180, 180); those that are stay as they are.

    >>> normal(np.array([-180.0, 180.0, 355.06747, 12.1]))
    array([-180.     , -180.     ,   -4.93253,   12.1    ])
    """
    turns = np.floor((np.asarray(longitudes, float) + 180.0) / CIRCLE)
    if not turns.any():
        return np.asarray(longitudes, float)
    moved = np.round(longitudes - CIRCLE * turns, 9)
    return np.where(turns == 0, longitudes, np.where(moved >= 180.0, moved - CIRCLE, moved))


def shifted(values: Array, by: float) -> Array:
    """Coordinates moved by whole circles, rounded to what was there before: 355.06747 is -4.93253."""
    return values if by == 0 else np.round(values + by, 9) + 0.0


def joined(arrays: Sequence[Array]) -> Array:
    """Arrays one after the other."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0)


def arc(lows: Array, highs: Array) -> tuple[float, float]:
    """The shortest arc of longitude, west to east, that holds intervals: west in [-180, 180), east after west.

    >>> arc(np.array([170.0, -180.0]), np.array([180.0, -170.0]))
    (170.0, 190.0)
    """
    order = np.argsort(lows % CIRCLE, kind="stable")
    starts = (lows % CIRCLE)[order]
    ends = np.maximum.accumulate(starts + (highs - lows)[order])
    nexts = np.concatenate([starts[1:], [starts[0] + CIRCLE]])
    gaps = nexts - ends
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 1e-9 or (highs - lows).max() >= CIRCLE:
        return -180.0, 180.0
    west = float(normal(nexts[widest : widest + 1])[0])
    return west, west + round(CIRCLE - float(gaps[widest]), 9)
