"""Which part of a grid one image shows: a raster client asks for x and y alone, and is told the rest by a link."""

from urllib.parse import quote

from poles.dataset import AxisFacts, Dataset

_UNEVEN = 0.01
"""How far, in cells, a coordinate may lie from a regular one."""


def one_slice(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """The parameters that leave one step of every axis but x and y: the last time, the level nearest the ground.

    A client such as GDAL adds its box and size, and so reads one band a parameter, of a time and level that
    stand in the address. Of other axes it is the first step. Data that have one step of an axis need no word of it.
    """
    axes = dataset.facts.axes if dataset.facts is not None else ()
    return tuple(_one(a) for a in axes if a.name not in ("x", "y") and a.size > 1)


def _one(axis: AxisFacts) -> tuple[str, str]:
    if axis.name == "t":
        return "datetime", str(axis.highest)
    step = axis.highest if axis.standard_name == "air_pressure" else axis.lowest
    return "subset", f'{axis.key or axis.name}("{step}")' if isinstance(step, str) else f"{axis.key}({step!r})"


def appended(pairs: tuple[tuple[str, str], ...], mark: str = "&") -> str:
    """Parameters as the end of an address.

    >>> appended((("datetime", "2020-01-01T00:00:00Z"), ("subset", 'basin("north")')))
    '&datetime=2020-01-01T00:00:00Z&subset=basin(%22north%22)'
    """
    text = "&".join(f"{name}={quote(value, safe=':(),/')}" for name, value in pairs)
    return f"{mark}{text}" if text else ""


def is_even(dataset: Dataset) -> bool:
    """Whether the cells lie in rows and columns of one height and width, as an image has."""
    if dataset.facts is None:  # not opened yet: a link would name no time
        return False
    across = [a for a in dataset.facts.axes if a.name in ("x", "y")]
    return dataset.facts.horizontal == "rectilinear" and all(_even(a) for a in across)


def _even(axis: AxisFacts) -> bool:
    if axis.step is not None:
        return True
    if axis.size < 2:  # its width is not known
        return False
    values = [float(v) for v in axis.values]
    if not values:
        return False
    step = (values[-1] - values[0]) / (len(values) - 1)
    return all(abs(v - values[0] - n * step) <= _UNEVEN * abs(step) for n, v in enumerate(values))
