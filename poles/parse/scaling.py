"""`scale-size`, `scale-axes` and `scale-factor`: how finely a coverage is wanted along its axes."""

import math

from poles.dataset import Dataset
from poles.errors import Invalid
from poles.parse.subset import axes, role
from poles.parse.text import Asked, number, shown, single, whole
from poles.query import Cells, Divided

Scale = Cells | Divided

ALIASES = {"scaleSize": "scale-size", "scaleAxes": "scale-axes", "scaleFactor": "scale-factor"}
"""The names of the drafts before rc2, which GDAL sends."""

_SIZE = "write scale-size=Lon(360),Lat(180)"
_AXES = "write scale-axes=Lon(2),Lat(2); 2 leaves half of the cells"
_FACTOR = "give a number above 0; 2 leaves half of the rows and of the columns"


def scale(asked: Asked, dataset: Dataset) -> tuple[tuple[str, Scale], ...]:
    """What is asked of each axis, under its canonical name; `scale-factor` is of x and y. Raises Invalid."""
    found: dict[str, Scale] = {}
    for parameter, axis, how in (*_factor(asked), *_of_axes(asked, dataset), *_sizes(asked, dataset)):
        if axis in found:
            raise Invalid(parameter, f"{shown(axis)} is scaled twice", "give each axis once")
        found[axis] = how
    return tuple(found.items())


def _sizes(asked: Asked, dataset: Dataset) -> list[tuple[str, str, Scale]]:
    return [
        ("scale-size", axis, Cells(whole("scale-size", inner, 1)))
        for axis, inner in _named(asked, "scale-size", dataset, _SIZE)
    ]


def _of_axes(asked: Asked, dataset: Dataset) -> list[tuple[str, str, Scale]]:
    return [
        ("scale-axes", axis, _divided("scale-axes", inner, _AXES))
        for axis, inner in _named(asked, "scale-axes", dataset, _AXES)
    ]


def _factor(asked: Asked) -> list[tuple[str, str, Scale]]:
    text = single(asked, "scale-factor")
    if text is None:
        return []
    how = _divided("scale-factor", text, _FACTOR)
    return [("scale-factor", axis, how) for axis in ("x", "y")]


def _named(asked: Asked, name: str, dataset: Dataset, remedy: str) -> list[tuple[str, str]]:
    """Canonical axes, each with what stands in its parentheses."""
    text = single(asked, name)
    return [] if text is None else [(role(a, dataset, name), inner.strip()) for a, inner in axes(text, name, remedy)]


def _divided(name: str, text: str, remedy: str) -> Divided:
    factor = number(name, text, remedy)
    if not math.isfinite(factor) or factor <= 0:
        raise Invalid(name, f"{shown(text)!r} is not above 0", remedy)
    return Divided(factor)
