"""Domain set and range type of a coverage, in the JSON of the OGC Coverage Implementation Schema 1.1 (CIS)."""

from typing import Any

import numpy as np
from pyproj import CRS

from poles import times
from poles.coverage import Axis, Coverage, Coverages
from poles.crs import crs as crs_of
from poles.crs import is_lonlat, uri
from poles.encodings.arrays import plain_type
from poles.errors import NotFound
from poles.query import CRS84

Document = dict[str, Any]

DATA_TYPE = "http://www.opengis.net/def/dataType/OGC/0/"
INDEX = "http://www.opengis.net/def/crs/OGC/0/Index{}D"
_TYPES = {
    "int8": "signedByte", "int16": "signedShort", "int32": "signedInt", "int64": "signedLong",
    "uint8": "unsignedByte", "uint16": "unsignedShort", "uint32": "unsignedInt", "uint64": "unsignedLong",
    "float32": "float32", "float64": "float64",
}  # fmt: skip
_REMEDY = "ask the coverage as NetCDF or CoverageJSON, which say where each of its grids lies"


def domain_set(whole: Coverages) -> Document:
    """Where the cells of a coverage lie: x, y, then its other axes; the bounds of x and y are the edges of cells.

    Axes are named as `subset` and `scale-size` take them, x before y, also where the authority of the CRS writes the
    northing first: such a CRS is then given as WKT, with its axes in that order. Raises NotFound for anything but
    one grid of rows and columns along its CRS.
    """
    first = _only_grid(whole)
    axes = list(_axes(whole).values())
    unit = _unit(first.crs)
    spatial = [_spatial(axis, label, unit) for axis, label in zip(axes[:2], _labels(first.crs), strict=True)]
    told = [*spatial, *(_along(a) for a in axes[2:])]
    labels = [a["axisLabel"] for a in told]
    return {
        "type": "DomainSet",
        "generalGrid": {
            "type": "GeneralGridCoverage",
            "srsName": _x_first(first.crs),
            "axisLabels": labels,
            "axis": told,
            "gridLimits": _limits(axes),
        },
    }


def range_type(whole: Coverages) -> Document:
    """What a coverage holds: a field a parameter, in the order of the bands of its GeoTIFF.

    `definition` is the type of all bands of that GeoTIFF, `encodingInfo` the parameter's own.
    """
    blocks = [(member, key, plain_type(b.dtype)) for member in whole.members for key, b in member.ranges.items()]
    numbers = [t for _, _, t in blocks if t.kind in "iuf"]
    common = np.result_type(*numbers) if numbers else None
    return {"type": "DataRecord", "field": [_field(member, key, own, common) for member, key, own in blocks]}


# --- the grid ------------------------------------------------------------------------------------------------------


def _only_grid(whole: Coverages) -> Coverage:
    first = whole.members[0] if whole.members else None
    if first is None or any(m.composite is not None or m.affine is not None for m in whole.members):
        raise NotFound("domain set", "the cells lie in no rows and columns along the axes of the CRS", _REMEDY)
    if any(m.crs != first.crs or _place(m) != _place(first) for m in whole.members):
        raise NotFound("domain set", "the parameters lie on several grids", _REMEDY)
    return first


def _place(member: Coverage) -> tuple[bytes, ...]:
    return tuple(axis.values.tobytes() for axis in member.axes if axis.name in ("x", "y"))


def _axes(whole: Coverages) -> dict[str, Axis]:
    """All axes of the parameters, x and y first."""
    found = {a.name: a for member in whole.members for a in member.axes}
    return {"x": found.pop("x"), "y": found.pop("y"), **found}


def _labels(crs: str) -> tuple[str, str]:
    found = crs_of(crs)
    if is_lonlat(found):
        return "Lon", "Lat"
    return ("E", "N") if {a.abbrev for a in found.axis_info} == {"E", "N"} else ("x", "y")


def _x_first(crs: str) -> str:
    """The URI of a CRS, or its WKT with the axes as we write them."""
    found = crs_of(crs)
    if is_lonlat(found):
        return CRS84
    if not found.axis_info or found.axis_info[0].direction not in ("north", "south"):
        return uri(found)
    if found.axis_info[0].direction == found.axis_info[1].direction:  # around a pole
        return uri(found)
    described: Document = found.to_json_dict()
    described.pop("id", None)
    described["coordinate_system"]["axis"].reverse()
    return str(CRS.from_json_dict(described).to_wkt())


def _unit(crs: str) -> str:
    name = next((a.unit_name for a in crs_of(crs).axis_info), "metre")
    return {"metre": "m", "degree": "deg"}.get(name, name)


def _spatial(axis: Axis, label: str, unit: str) -> Document:
    step = _even(axis.values)
    low, high = _ends(axis, step)
    if step is None and len(axis) > 1:
        return {"type": "IrregularAxis", "axisLabel": label, "uomLabel": unit, "coordinate": axis.values.tolist()}
    return {
        "type": "RegularAxis", "axisLabel": label, "lowerBound": low, "upperBound": high, "uomLabel": unit,
        "resolution": (high - low) / len(axis),
    }  # fmt: skip


def _ends(axis: Axis, step: float | None) -> tuple[float, float]:
    """The outer edges of the first and the last cell; a row at a pole is as high as all others where they are even."""
    if step is None and axis.bounds is not None:
        return float(axis.bounds[0].min()), float(axis.bounds[-1].max())
    half = (step or 0.0) / 2
    return float(axis.values[0]) - half, float(axis.values[-1]) + half


def _even(values: Any) -> float | None:
    """The step of an axis, if it has one, to a hundredth of a cell."""
    if len(values) < 2 or values.dtype == object:
        return None
    even = np.linspace(values[0], values[-1], len(values))
    step = float(values[-1] - values[0]) / (len(values) - 1)
    return step if np.abs(values - even).max() <= 0.01 * abs(step) else None


def _along(axis: Axis) -> Document:
    """An axis that is not spatial: every one of its coordinates."""
    coordinates = (
        times.texts(axis.values, axis.calendar or "standard") if axis.name == "t" else list(axis.values.tolist())
    )
    unit = "ISO 8601" if axis.name == "t" else axis.unit
    label = "time" if axis.name == "t" else axis.key or axis.name
    return {"type": "IrregularAxis", "axisLabel": label, "uomLabel": unit, "coordinate": list(coordinates)}


def _limits(axes: list[Axis]) -> Document:
    labels = ["ijklmnopqrstuvwxyz"[n] for n in range(len(axes))]
    return {
        "type": "GridLimits",
        "srsName": INDEX.format(len(axes)),
        "axisLabels": labels,
        "axis": [
            {"type": "IndexAxis", "axisLabel": label, "lowerBound": 0, "upperBound": len(axis) - 1}
            for label, axis in zip(labels, axes, strict=True)
        ],
    }


# --- the fields ----------------------------------------------------------------------------------------------------


def _field(member: Coverage, key: str, own: Any, common: Any) -> Document:
    described = member.parameters[key]
    found: Document = {
        "type": "Quantity",
        "id": key,
        "name": key,
        "description": described.label.en,
        "definition": f"ogcType:{_read_as(own if common is None else common)}",
        "encodingInfo": {"dataType": f"{DATA_TYPE}{_TYPES.get(own.name, 'string')}"},
        "uom": {"type": "UnitReference", "code": described.unit or "1"},
    }
    if described.property is not None:
        found["observedProperty"] = described.property
    return found


def _read_as(dtype: Any) -> str:
    """The type that holds all fields; GDAL knows no integers of 64 bits here, and would read them as float32."""
    return "float64" if dtype.name in ("int64", "uint64") else _TYPES.get(dtype.name, "string")
