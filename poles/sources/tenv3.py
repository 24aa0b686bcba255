"""GNSS position time series of the Nevada Geodetic Laboratory (`.tenv3`): east, north and up of one station.

Every position is a whole part and a fraction in metres, in columns of their own; the place of the station stands in
the last three columns. Times are days of the modified Julian date, counted in GPS time without leap seconds: the
date is that of the solution's day.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from poles.dataset import Described, Text
from poles.errors import Unreadable
from poles.sources.table import Rows
from poles.stored import Array
from poles.times import DAY

_HEAD = b"site YYMMMDD"
_EPOCH = -40_587
"""1970-01-01 less the modified Julian date."""

_NAMES = (
    "site", "date", "year", "mjd", "week", "day", "reflon", "e0", "east", "n0", "north", "u0", "up", "antenna",
    "sig_east", "sig_north", "sig_up", "corr_en", "corr_eu", "corr_nu", "latitude", "longitude", "height",
)  # fmt: skip
_WITHOUT_PLACE = 20
"""Columns of older files, which end before the latitude."""

_LABELS = {
    "east": ("East", "Est"), "north": ("North", "Nord"), "up": ("Up", "Vertical"),
    "antenna": ("Antenna height", "Hauteur d'antenne"), "sig_east": ("Uncertainty of east", "Incertitude est"),
    "sig_north": ("Uncertainty of north", "Incertitude nord"), "sig_up": ("Uncertainty of up", "Incertitude verticale"),
    "corr_en": ("Correlation of east and north", "Corrélation est-nord"),
    "corr_eu": ("Correlation of east and up", "Corrélation est-vertical"),
    "corr_nu": ("Correlation of north and up", "Corrélation nord-vertical"),
}  # fmt: skip


def is_tenv3(href: str) -> bool:
    """Whether a file begins as .tenv3 files do."""
    path = Path(href)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(200).lstrip().startswith(_HEAD)


def rows(href: str, names: Mapping[str, str] | None = None) -> Rows:
    """One row a day: station, time, east, north, up, their uncertainties and correlations. Raises Unreadable."""
    table = _read(href)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "station": table["site"],
        "time": _times(href, table),
        "longitude": pa.array(np.full(len(table), _place(href, table, names or {}, "x", "longitude"))),
        "latitude": pa.array(np.full(len(table), _place(href, table, names or {}, "y", "latitude"))),
    }
    for axis, whole in (("east", "e0"), ("north", "n0"), ("up", "u0")):
        columns[axis] = pa.array(np.round(_numbers(href, table, whole) + _numbers(href, table, axis), 6))
    for name in _NAMES[13:20]:
        columns[name] = pa.array(_numbers(href, table, name))
    described = {n: _described(n) for n in columns if n in _LABELS}
    roles = {"platform": "station", "time": "time", "x": "longitude", "y": "latitude"}
    return Rows(pa.table(columns), roles, described, "observations")  # type: ignore[arg-type]


def _read(href: str) -> pa.Table:
    lines = Path(href).read_text("utf-8", errors="replace").splitlines()
    kept = [(n, line.split()) for n, line in enumerate(lines[1:], 2) if line.strip()]
    names = _NAMES if not kept or len(kept[0][1]) != _WITHOUT_PLACE else _NAMES[:_WITHOUT_PLACE]
    bad = [(n, len(fields)) for n, fields in kept if len(fields) != len(names)]
    if bad:
        said = f"line {bad[0][0]} has {bad[0][1]} fields of {len(names)} ({len(bad)} such lines)"
        raise Unreadable(href, said, "copy the file again")
    if not kept:
        return pa.table({n: pa.array([], pa.string()) for n in names})
    body = "\n".join("\t".join(fields) for _, fields in kept).encode()
    return csv.read_csv(
        pa.py_buffer(body),
        csv.ReadOptions(column_names=list(names)),
        csv.ParseOptions(delimiter="\t"),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _numbers(href: str, table: pa.Table, name: str) -> Array:
    try:
        return np.asarray(pc.cast(table[name], pa.float64()).combine_chunks())
    except pa.ArrowInvalid as error:
        raise Unreadable(href, f"{name}: {str(error).splitlines()[0][:80]}", "copy the file again") from None


def _times(href: str, table: pa.Table) -> pa.Array:
    days = _numbers(href, table, "mjd") + _EPOCH
    return pa.array(np.round(days * DAY).astype(np.int64)).cast(pa.timestamp("ms", "UTC"))


def _place(href: str, table: pa.Table, names: Mapping[str, str], role: str, name: str) -> float:
    """Where the station is: what the data set says, else the median, as it moves by less than a metre."""
    given = names.get(role, "")
    if given.startswith("="):
        return float(given[1:])
    if name not in table.column_names:
        raise Unreadable(href, f"it has no column of the {name}", f"give it in the block: names: {{{role}: '=…'}}")
    values = np.sort(_numbers(href, table, name))
    return float(values[len(values) // 2]) if len(values) else np.nan


def _described(key: str) -> Described:
    english, french = _LABELS[key]
    return Described(key, Text(english, french), "1" if key.startswith("corr") else "m")
