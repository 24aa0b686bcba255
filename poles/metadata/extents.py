"""Extents of a collection as EDR 1.1 writes them: spatial, temporal, vertical and custom."""

from typing import Any

from poles.dataset import AxisFacts, Dataset
from poles.query import CRS84
from poles.units import ucum as of_unit

Document = dict[str, Any]

MOST_VALUES = 1000
"""Values are listed up to this many; beyond, the repeating form `R<n>/<start>/<step>` says them."""
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
WORLD = (-180.0, -90.0, 180.0, 90.0)


def extent(dataset: Dataset) -> Document:
    """The extent of a data set: what the block says, else what the data tell."""
    axes = {a.name: a for a in dataset.facts.axes} if dataset.facts else {}
    parts: Document = {"spatial": _spatial(dataset, axes)}
    if (temporal := _temporal(dataset, axes.get("t"))) is not None:
        parts["temporal"] = temporal
    if (z := axes.get("z")) is not None:
        parts["vertical"] = _vertical(z)
    if others := [a for name, a in axes.items() if name not in "xyzt"]:
        parts["custom"] = [_custom(a) for a in others]
    return parts


def _spatial(dataset: Dataset, axes: dict[str, AxisFacts]) -> Document:
    spatial: Document = {"bbox": [list(dataset.bbox or WORLD)], "crs": CRS84}
    grid = [_grid(axes[name]) for name in "xy" if name in axes]
    if len(grid) == 2 and None not in grid:
        spatial["grid"] = grid
    return spatial


def _grid(axis: AxisFacts) -> Document | None:
    """Cells along an axis of the native CRS (Common Part 2); None for a long uneven one."""
    if axis.step is not None:
        return {"cellsCount": axis.size, "resolution": axis.step, "firstCoordinate": axis.lowest}
    return {"cellsCount": axis.size, "coordinates": list(axis.values)} if axis.values else None


def _temporal(dataset: Dataset, axis: AxisFacts | None) -> Document | None:
    interval = dataset.interval or (dataset.facts.interval if dataset.facts else None)
    if interval is None and axis is not None:
        interval = str(axis.lowest), str(axis.highest)
    if interval is None:
        return None
    start, end = interval
    values = [f"{start or '..'}/{end or '..'}"] if axis is None else _values(axis)
    calendar = axis.calendar if axis is not None else None
    return {"interval": [[start, end]], "values": values, "trs": _trs(calendar)}


def _vertical(axis: AxisFacts) -> Document:
    """The vertical extent; its numbers are written as strings, as the schema of EDR 1.1 has them."""
    return {"interval": [[_text(axis.lowest), _text(axis.highest)]], "values": _values(axis), "vrs": _vrs(axis)}


def _custom(axis: AxisFacts) -> Document:
    return {
        "id": axis.name,
        "interval": [[_text(axis.lowest), _text(axis.highest)]],
        "values": _values(axis),
        "reference": _reference(axis),
    }


def _values(axis: AxisFacts) -> list[str]:
    """The values of an axis, its repeating form, or, where it is long and irregular, its interval."""
    if axis.values:
        return [_text(v) for v in axis.values[:MOST_VALUES]]
    if axis.step is not None:
        step = duration(axis.step) if axis.name == "t" else _text(axis.step)
        return [f"R{axis.size}/{_text(axis.lowest)}/{step}"]
    return [f"{_text(axis.lowest)}/{_text(axis.highest)}"]


def _text(value: float | str) -> str:
    """A number as short as it can be read back; a text as it is."""
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")


def duration(milliseconds: float) -> str:
    """An ISO 8601 duration.

    >>> [duration(n) for n in (86_400_000, 10_800_000, 900_000, 1_500)]
    ['P1D', 'PT3H', 'PT15M', 'PT1.5S']
    """
    for size, form in ((86_400_000, "P{}D"), (3_600_000, "PT{}H"), (60_000, "PT{}M")):
        if milliseconds >= size and milliseconds % size == 0:
            return form.format(int(milliseconds // size))
    return f"PT{_text(milliseconds / 1000)}S"


def _trs(calendar: str | None) -> str:
    """The URI of the Gregorian calendar, which Features and Common ask for; another calendar in WKT."""
    if calendar in (None, "standard", "gregorian", "proleptic_gregorian"):
        return GREGORIAN
    datum = f'TDATUM["{calendar} calendar",CALENDAR["{calendar}"]]'
    return f'TIMECRS["DateTime",{datum},CS[TemporalDateTime,1],AXIS["Time (T)",future]]'


_METRES = {"m": 1, "km": 1000, "cm": 0.01}
_PASCALS = {"Pa": 1, "hPa": 100, "kPa": 1000, "mbar": 100, "dbar": 10_000, "bar": 100_000}


def _vrs(axis: AxisFacts) -> str:
    """The vertical reference system in WKT: heights and depths, pressures, or levels without a length."""
    name = (axis.standard_name or axis.label or axis.key or "z").replace('"', "'")
    ucum = of_unit(axis.unit) or "1"
    way = axis.positive or ("down" if ucum in _PASCALS or "depth" in name.lower() else "up")
    if ucum in _METRES:
        unit = f'LENGTHUNIT["{ucum}",{_METRES[ucum]}]'
        return f'VERTCRS["{name}",VDATUM["{name}"],CS[vertical,1],AXIS["{name} (Z)",{way}],{unit}]'
    unit = f'PARAMETRICUNIT["{ucum}",{_PASCALS.get(ucum, 1)}]'
    return f'PARAMETRICCRS["{name}",PDATUM["{name}"],CS[parametric,1],AXIS["{name} (Z)",{way}],{unit}]'


def _reference(axis: AxisFacts) -> str:
    if axis.standard_name:
        return f"http://vocab.nerc.ac.uk/standard_name/{axis.standard_name}/"
    return axis.label or axis.key or axis.name
