"""Real files, published with no configuration: does the known value come back through every API and format?

Each grid is asked as it is and rewritten as Zarr v2, v3 and zip; each answer is re-read with a library that had no
part in writing it. Right and total stand in docs/fidelity.md.
"""

import contextlib
import csv
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cftime
import netCDF4
import numpy as np
import pyproj
import rasterio
import xarray as xr

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
CONTAINERS = ("as it is", "Zarr v2", "Zarr v3", "Zarr zip")
FORMATS = ("CoverageJSON", "NetCDF", "GeoTIFF", "CSV")
TOLERANCE = 2e-6


@dataclass
class Outcome:
    """What became of one item in one container."""

    path: str
    container: str
    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: str | None = None
    """The one clear line that `publish` gave."""


@dataclass(frozen=True)
class Known:
    """A value that is known, where it lies, and along which other axes."""

    key: str
    value: float
    lon: float
    lat: float
    others: dict[str, Any]
    """Dimension -> ("t", text), ("value", coordinate) or ("index", index) where there is none."""
    sizes: dict[str, int] = field(default_factory=dict)


def items() -> list[dict[str, Any]]:
    """The manifest's items that have a known value and netCDF4 or rasterio as reader; folders are products."""
    listed = json.loads((DATA / "MANIFEST.json").read_text())
    return [i for i in listed if i.get("known") and i.get("reader") in ("netCDF4", "rasterio")]


# --- where the value lies, told without the engine -----------------------------------------------------------------


def known(item: Mapping[str, Any]) -> Known | str:
    """The known value and its place; a text where the item is no grid, or cannot be placed."""
    if item["reader"] == "rasterio":
        k = item["known"]
        with rasterio.open(DATA / item["path"]) as source:
            name = source.descriptions[k["band"] - 1] or f"band_{k['band']}"
        return Known(name, float(k["value"]), k.get("lon", k["x"]), k.get("lat", k["y"]), {})
    return _known_of_netcdf(item)


def _known_of_netcdf(item: Mapping[str, Any]) -> Known | str:
    k = item["known"]
    if k.get("value") is None or "index" not in k:
        return "no known value: all is fill"
    with netCDF4.Dataset(DATA / item["path"]) as nc:
        variable = nc[k["var"]]
        index = dict(zip(k["dims"], k["index"], strict=True))
        found = _place(nc, variable, index)
        if isinstance(found, str):
            return found
        lon, lat, horizontal = found
        others = {d: _coordinate(nc, variable, d, i) for d, i in index.items() if d not in horizontal}
        key = _key(nc, k["var"])
    return Known(key, float(k["value"]), lon, lat, others, dict(zip(k["dims"], k["shape"], strict=True)))


def _key(nc: netCDF4.Dataset, path: str) -> str:
    """The variable's own name, or its dotted path where two groups hold it."""
    name = path.rsplit("/", 1)[-1]

    def count(group: Any) -> int:
        return int(name in group.variables) + sum(count(g) for g in group.groups.values())

    return name if count(nc) == 1 else path.replace("/", ".")


def _group_variables(nc: netCDF4.Dataset, variable: Any) -> dict[str, Any]:
    """Variables in scope: of the group and of those around it."""
    scope: dict[str, Any] = {}
    group = variable.group()
    while group is not None:
        scope = {**group.variables, **scope}
        group = group.parent
    siblings = {n: v for g in variable.group().groups.values() for n, v in g.variables.items()}
    parent = variable.group().parent
    if parent is not None:
        for g in parent.groups.values():
            siblings |= dict(g.variables)
    return {**siblings, **scope}


def _place(nc: netCDF4.Dataset, variable: Any, index: Mapping[str, int]) -> tuple[float, float, set[str]] | str:
    """Longitude, latitude and the horizontal dimensions of one cell, from the raw file."""
    scope = _group_variables(nc, variable)
    mapped = _by_mapping(scope, variable, index)
    if mapped is not None:
        return mapped
    lon, lat = _by_units(scope, variable, "east"), _by_units(scope, variable, "north")
    if lon is None or lat is None:
        return "no longitude and latitude"
    dims = set(lon.dimensions) | set(lat.dimensions)
    over = dims & set(variable.dimensions)
    if not over:
        return "one place: no grid"
    x, y = (_at(v, index) for v in (lon, lat))
    return (x + 180) % 360 - 180, y, over


def _numeric(variable: Any) -> bool:
    return getattr(variable.dtype, "kind", "O") in "fiu"


def _at(variable: Any, index: Mapping[str, int]) -> float:
    at = tuple(min(index.get(d, 0), variable.shape[i] - 1) for i, d in enumerate(variable.dimensions))
    return float(np.ma.filled(variable[at], np.nan)) if at else float(variable[...])


def _by_units(scope: Mapping[str, Any], variable: Any, side: str) -> Any:
    """The coordinate of longitude (`east`) or latitude (`north`) that shares dimensions with a variable."""
    standard = {"east": "longitude", "north": "latitude"}[side]
    named = set(str(getattr(variable, "coordinates", "")).replace(",", " ").split())
    ranked = []
    for name, v in scope.items():
        if v is variable or not _numeric(v) or v.ndim > 3 or "bnd" in name or "bound" in name:
            continue
        if not {d for d in v.dimensions if v.shape[v.dimensions.index(d)] > 1} <= set(variable.dimensions):
            continue
        units = str(getattr(v, "units", "")).lower().replace(" ", "_")
        matches = getattr(v, "standard_name", "") == standard or units in (f"degrees_{side}", f"degree_{side}")
        if not matches and not name.lower().startswith(standard[:3]):
            continue
        ranked.append(((v.dimensions == (name,)), name in named, matches, v))
    ranked.sort(key=lambda r: r[:3])
    return ranked[-1][3] if ranked else None


def _by_mapping(
    scope: Mapping[str, Any], variable: Any, index: Mapping[str, int]
) -> tuple[float, float, set[str]] | None:
    """The place by the variable's own grid mapping and its 1-D projected coordinates."""
    name = str(getattr(variable, "grid_mapping", "")).split(":")[0].strip()
    if name not in scope:
        return None
    attrs = {a: scope[name].getncattr(a) for a in scope[name].ncattrs()}
    try:
        crs = pyproj.CRS.from_wkt(attrs["crs_wkt"]) if "crs_wkt" in attrs else pyproj.CRS.from_cf(attrs)
    except pyproj.exceptions.CRSError:
        return None
    if crs.is_geographic and attrs.get("grid_mapping_name") != "rotated_latitude_longitude":
        return None
    axes = {}
    for d in variable.dimensions:
        v = scope.get(d)
        role = str(getattr(v, "standard_name", "")) if v is not None else ""
        if role in ("projection_x_coordinate", "grid_longitude") or (role == "" and d.lower() in ("x", "rlon")):
            axes["x"] = d
        if role in ("projection_y_coordinate", "grid_latitude") or (role == "" and d.lower() in ("y", "rlat")):
            axes["y"] = d
    if len(axes) < 2:
        return None
    x, y = (float(np.ma.filled(scope[axes[a]][index[axes[a]]], np.nan)) for a in "xy")
    if str(getattr(scope[axes["x"]], "units", "")) == "km":
        x, y = x * 1000, y * 1000
    if attrs.get("grid_mapping_name") == "rotated_latitude_longitude":
        lon, lat = _unrotated(x, y, attrs)
    else:
        lon, lat = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)
    return lon, lat, set(axes.values())


def _unrotated(x: float, y: float, attrs: Mapping[str, Any]) -> tuple[float, float]:
    """The rotated-pole formula of CF, appendix F."""
    rx, ry = np.radians(x - float(attrs.get("north_pole_grid_longitude", 0))), np.radians(y)
    plat, plon = np.radians(attrs["grid_north_pole_latitude"]), np.radians(attrs["grid_north_pole_longitude"])
    lat = np.arcsin(np.sin(ry) * np.sin(plat) + np.cos(ry) * np.cos(rx) * np.cos(plat))
    lon = (plon + np.pi) + np.arctan2(
        np.cos(ry) * np.sin(rx), np.cos(ry) * np.cos(rx) * np.sin(plat) - np.sin(ry) * np.cos(plat)
    )
    return float((np.degrees(lon) + 180) % 360 - 180), float(np.degrees(lat))


def _coordinate(nc: netCDF4.Dataset, variable: Any, dim: str, index: int) -> Any:
    """What an answer should say of one step: a time text, a number, a label, or the index."""
    scope = _group_variables(nc, variable)
    named = [v for n, v in scope.items() if v.dimensions == (dim,) and n != variable.name]
    named.sort(key=lambda v: v.name != dim)
    for v in named:
        units = str(getattr(v, "units", ""))
        if "since" in units:
            return _time(v, index, units)
        if v.name == dim and _numeric(v):
            return ("value", float(np.ma.filled(v[index].astype(float), np.nan)))
    return ("index", index)


def _time(variable: Any, index: int, units: str) -> Any:
    """The text of one step; the index where no library tells the date."""
    steps = np.diff(np.ma.filled(variable[:], np.nan))
    if units.startswith(("month", "year")) or not (np.all(steps > 0) or np.all(steps < 0)):
        return ("index", index)
    try:
        when = cftime.num2date(float(variable[index]), units, getattr(variable, "calendar", "standard"))
    except (ValueError, TypeError):
        return ("index", index)
    return ("t", when.strftime("%Y-%m-%dT%H:%M")) if when.year >= 1000 else ("index", index)


# --- publish, ask, re-read -----------------------------------------------------------------------------------------


def rewritten(path: Path, container: str, folder: Path) -> Path:
    """The same arrays and attributes in another container, group by group, without decoding anything."""
    target = folder / (path.stem + (".zip" if container == "Zarr zip" else ".zarr"))
    version = 2 if container == "Zarr v2" else 3
    store: Any = str(target)
    if container == "Zarr zip":
        import zarr

        store = zarr.storage.ZipStore(str(target), mode="w")
    groups = [""]
    with netCDF4.Dataset(path) as nc:
        groups += [g.path.strip("/") for g in _walk(nc) if g.variables]
    for group in groups:
        engine = {"decode_cf": False, "mask_and_scale": False, "decode_times": False, "decode_coords": False}
        with xr.open_dataset(path, group=group or None, engine="netcdf4", **engine) as source:
            texts = [n for n, v in source.variables.items() if v.dtype.kind not in "fiu"]
            mappings = {n: ((), 0, source[n].attrs) for n in texts if not source[n].ndim}
            kept = source.drop_vars(texts).assign(mappings)
            for v in kept.variables.values():
                v.encoding = {}
            kept = kept.drop_encoding().load()
            kept.to_zarr(store, group=group or None, mode="a", zarr_format=version, consolidated=False)
    if container == "Zarr zip":
        store.close()
    return target


def _walk(group: Any) -> Iterator[Any]:
    for child in group.groups.values():
        yield child
        yield from _walk(child)


def check(item: Mapping[str, Any], container: str = "as it is") -> Outcome:
    """Publishes one item with no configuration and asks for its known value through every API and format."""
    outcome = Outcome(item["path"], container)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A copy: the NetCDF library crashes where a file with texts is opened again while the engine holds it.
        path = Path(shutil.copy(DATA / item["path"], folder))
        if container != "as it is":
            path = rewritten(path, container, folder)
        where = known(item)
        published = _publish(path, folder)
        if isinstance(published, str):
            outcome.refused = published
            return outcome
        if isinstance(where, str) or published["kind"] != "grid":
            outcome.refused = where if isinstance(where, str) else f"{published['kind']}: no grid"
            return outcome
        _asked(outcome, where, published, folder)
    return outcome


def _publish(path: Path, folder: Path) -> dict[str, Any] | str:
    from poles import cli

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(
            [
                "publish",
                str(path),
                "--id",
                folder.name.lower().replace("_", "-"),
                "--config",
                str(folder / "c.yml"),
                "--json",
            ]
        )
    if code:
        return err.getvalue().strip().splitlines()[-1].replace(str(path.parent) + os.sep, "")
    return dict(json.loads(out.getvalue()))


def _asked(outcome: Outcome, where: Known, published: Mapping[str, Any], folder: Path) -> None:
    from poles.settings import settings
    from web.app import create_app

    os.environ["POLES_CONFIG"] = str(folder / "c.yml")
    client = create_app(settings(), watch=False).test_client()
    if where.key not in published["parameters"]:
        outcome.wrong.append(f"{where.key} is not among the parameters")
        return
    box = f"{where.lon!r},{where.lat!r},{where.lon!r},{where.lat!r}"
    asked = {
        "position": {"coords": f"POINT({where.lon!r} {where.lat!r})", "parameter-name": where.key},
        "cube": {"bbox": box, "parameter-name": where.key},
        "coverage": {"bbox": box, "properties": where.key},
    }
    for verb, parameters in asked.items():
        for f in FORMATS:
            response = client.get(
                f"/collections/{published['id']}/{verb}", query_string={**parameters, **_pinned(where), "f": f}
            )
            label = f"{verb} {f}"
            if response.status_code in (400, 406) and "GeoTIFF" in response.get_data(as_text=True):
                continue
            if response.status_code != 200:
                outcome.wrong.append(f"{label}: {response.status_code} {response.get_data(as_text=True)[:120]}")
                continue
            try:
                value = _reread(response.get_data(), f, where, folder)
            except (ValueError, KeyError, IndexError, OSError) as err:
                outcome.wrong.append(f"{label}: re-read {type(err).__name__} {err}"[:160])
                continue
            good = value is not None and abs(value - where.value) <= TOLERANCE * max(abs(where.value), 1e-30)
            (outcome.right if good else outcome.wrong).append(
                label if good else f"{label}: {value} is not {where.value}"
            )


def _pinned(where: Known) -> dict[str, str]:
    """The step in time, so that formats of two dimensions can carry the answer."""
    for kind, value in where.others.values():
        if kind == "t":
            return {"datetime": f"{value}:00Z/{value}:59.999Z"}
    return {}


def _reread(body: bytes, f: str, where: Known, folder: Path) -> float | None:
    match f:
        case "CoverageJSON":
            return _from_covjson(json.loads(body), where)
        case "NetCDF":
            (folder / "answer.nc").write_bytes(body)
            return _from_netcdf(folder / "answer.nc", where)
        case "GeoTIFF":
            (folder / "answer.tif").write_bytes(body)
            return _from_geotiff(folder / "answer.tif", where)
        case _:
            return _from_csv(body.decode(), where)


def _steps(where: Known, axes: Mapping[str, Sequence[Any]]) -> dict[str, int]:
    """Which index of each axis of an answer is the known step."""
    chosen = {}
    for dim, (kind, value) in where.others.items():
        for name, values in axes.items():
            if name in chosen or name in ("x", "y"):
                continue
            index = _step(kind, value, name, where.sizes[dim], values)
            if index is not None:
                chosen[name] = index
                break
    return {name: chosen.get(name, 0) for name in axes}


def _step(kind: str, value: Any, name: str, size: int, values: Sequence[Any]) -> int | None:
    if kind == "t":
        return next((i for i, v in enumerate(values) if str(v).startswith(str(value)[:16])), None)
    if kind == "index":
        return int(value) if len(values) == size else None
    return None if name == "t" else next((i for i, v in enumerate(values) if _close(v, value)), None)


def _close(a: Any, b: float) -> bool:
    try:
        return bool(np.isclose(float(a), b, rtol=1e-6))
    except (TypeError, ValueError):
        return False


def _from_covjson(document: Mapping[str, Any], where: Known) -> float | None:
    coverages = document.get("coverages") or [document]
    for coverage in coverages:
        if where.key not in coverage["ranges"]:
            continue
        block = coverage["ranges"][where.key]
        axes = coverage["domain"]["axes"]
        names = block.get("axisNames", [])
        values = {n: axes[n].get("values") or _linear(axes[n]) for n in names}
        if "composite" in values:
            z = next((v for k, v in where.others.values() if k == "value"), None)
            tuples = values["composite"]
            fit = [i for i, t in enumerate(tuples) if len(t) < 3 or z is None or any(_close(c, z) for c in t)]
            values["composite"] = [tuples[i] for i in fit]
            chosen = {**_steps(where, {n: v for n, v in values.items() if n != "composite"}), "composite": fit[0]}
        else:
            chosen = _steps(where, values)
        flat = int(np.ravel_multi_index([chosen[n] for n in names], block["shape"])) if names else 0
        return None if block["values"][flat] is None else float(block["values"][flat])
    return None


def _linear(axis: Mapping[str, Any]) -> list[float]:
    return list(np.linspace(axis["start"], axis["stop"], axis["num"]))


def _from_netcdf(path: Path, where: Known) -> float | None:
    with xr.open_dataset(path, decode_times=False) as answer:
        names = [n for n in answer.data_vars if n == where.key or str(n) == where.key.replace(".", "_")]
        if not names:
            return None
        variable = answer[names[0]]
        axes = {}
        for d in variable.dims:
            coordinate = answer.coords.get(d)
            if coordinate is None:
                axes[str(d)] = [None] * answer.sizes[d]
            elif "since" in str(coordinate.attrs.get("units", "")):
                times = cftime.num2date(
                    coordinate.values, coordinate.attrs["units"], coordinate.attrs.get("calendar", "standard")
                )
                axes[str(d)] = [t.strftime("%Y-%m-%dT%H:%M") for t in np.atleast_1d(times)]
            else:
                axes[str(d)] = list(coordinate.values)
        value = variable.values[tuple(_steps(where, axes).values())]
    return float(value)


def _from_geotiff(path: Path, where: Known) -> float | None:
    with rasterio.open(path) as source:
        values = source.read(masked=True).reshape(source.count, -1)
        if source.count > 1:
            values = [v for v in values if np.isclose(float(v[0]), where.value, rtol=TOLERANCE)] or values
        return float(np.ma.filled(np.ma.asarray(values[0], float), np.nan)[0])


def _from_csv(text: str, where: Known) -> float | None:
    rows = list(csv.DictReader(io.StringIO(text)))
    column = next(c for c in rows[0] if c == where.key or c.startswith(where.key + " "))
    axes = {c: [r[c] for r in rows] for c in rows[0] if c != column}
    for dim, (kind, value) in where.others.items():
        rows = _rows_of_step(rows, kind, value, where.sizes[dim], [c for c in axes if c not in ("x", "y")])
    return float(rows[0][column]) if rows[0][column] != "" else None


def _rows_of_step(
    rows: list[dict[str, str]], kind: str, value: Any, size: int, columns: Sequence[str]
) -> list[dict[str, str]]:
    """The rows of one step along one axis; all where no column tells it apart."""
    if kind == "t":
        return [r for r in rows if any(r[c].startswith(value) for c in columns)] or rows
    if kind == "index":
        for column in columns:
            steps = list(dict.fromkeys(r[column] for r in rows))
            if len(steps) == size:
                return [r for r in rows if r[column] == steps[value]]
        return rows
    return [r for r in rows if any(_close(r[c], value) for c in columns)] or rows


# --- the table -----------------------------------------------------------------------------------------------------


def table(outcomes: Sequence[Outcome]) -> str:
    """docs/fidelity.md."""
    asked = [o for o in outcomes if o.right or o.wrong]
    right = [o for o in asked if not o.wrong]
    answers = sum(len(o.right) for o in asked)
    total = answers + sum(len(o.wrong) for o in asked)
    lines = [
        "# Fidelity", "",
        "Written by `make fidelity`: every real file with a known value is published with no configuration, as it is",
        "and rewritten as Zarr v2, v3 and zip; the value (relative 2e-6) is asked by EDR position, a cube of one cell",
        "and a coverage in each format that carries the answer, and re-read with an independent library.", "",
        f"**Right: {len(right)} of {len(asked)} files in containers, {answers} of {total} answers.**", "",
        "| file | " + " | ".join(CONTAINERS) + " |", "|---|" + "---|" * len(CONTAINERS),
    ]  # fmt: skip
    for path in dict.fromkeys(o.path for o in asked):
        cells = {o.container: o for o in asked if o.path == path}
        lines.append(f"| {path} | " + " | ".join(_cell(cells.get(c)) for c in CONTAINERS) + " |")
    wrong = [f"- {o.path}, {o.container}: {w}" for o in asked for w in o.wrong]
    refused = {o.path: o.refused for o in outcomes if o.refused and not (o.right or o.wrong)}
    lines += ["", "## Not right", "", *(wrong or ["None."]), "", "## No grid, or refused with the reason", ""]
    lines += [f"- {path}: {reason}" for path, reason in refused.items()]
    return "\n".join(lines) + "\n"


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return f"{len(outcome.right)}/{len(outcome.right) + len(outcome.wrong)}"


def run(listed: Sequence[Mapping[str, Any]]) -> Iterator[Outcome]:
    for item in listed:
        yield check(item)
        if item["reader"] == "netCDF4" and not isinstance(known(item), str):
            for container in CONTAINERS[1:]:
                yield check(item, container)


def main() -> None:
    os.environ["POLES_STATE"] = tempfile.mkdtemp()
    wanted = [i for i in items() if not sys.argv[1:] or any(a in i["path"] for a in sys.argv[1:])]
    outcomes = []
    for outcome in run(wanted):
        outcomes.append(outcome)
        state = outcome.refused or f"{len(outcome.right)} right, {len(outcome.wrong)} wrong {outcome.wrong[:1]}"
        print(f"{outcome.path} ({outcome.container}): {state}", flush=True)
    if not sys.argv[1:]:
        (ROOT / "docs" / "fidelity.md").write_text(table(outcomes))
    shutil.rmtree(os.environ["POLES_STATE"], ignore_errors=True)


if __name__ == "__main__":
    main()
