"""Rows of text: delimited tables whose columns are known by their names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from poles.dataset import Described, Text
from poles.errors import Unreadable
from poles.query import CRS84
from poles.sources import dates
from poles.sources.sniffed import Sniffed, sniffed
from poles.stored import Array
from poles.times import MISSING
from poles.units import ucum

WHERE = "say where they are: --name x=COLUMN or x==2.35, and y; in the block names: {x: COLUMN, y: '=48.8'}"
"""What would do where a table has no coordinates that are known by their names."""

Role = Literal["x", "y", "z", "time", "platform", "id", "name"]
_ROLES: tuple[Role, ...] = get_args(Role)

_NULLS = ["", "NA", "N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "-", "--", "*"]
_CODE = re.compile(r"-9{3,}(?:\.(?:0+|9+))?|-6999(?:\.0+)?")
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$|^[+-]?[iI]nf$"
_COMMA = r"^[+-]?\d+(?:,\d+)?(?:[eE][+-]?\d+)?$"
_WHOLE = r"^[+-]?(?:0|[1-9]\d{0,17})$"

_LATITUDES = {
    "lat", "latitude", "lats", "latn", "latdeg", "latitudedeg", "decimallatitude", "stationlatitude", "sitelatitude",
    "latitudedecimal", "latitudedegrees", "ylat", "y", "gpslat", "declat", "latwgs84", "latitudewgs84", "ywgs84",
}  # fmt: skip
_LONGITUDES = {
    "lon", "long", "longitude", "lons", "lone", "londeg", "longitudedeg", "decimallongitude", "stationlongitude",
    "sitelongitude", "longitudedecimal", "longitudedegrees", "xlon", "x", "gpslon", "declon", "lng",
    "lonwgs84", "longwgs84", "longitudewgs84", "xwgs84",
}  # fmt: skip
_TIMES = (
    "time", "datetime", "timestamp", "timestampstart", "dateandtime", "obstime", "observationtime", "datetimeutc",
    "timeutc", "dateutc", "epoch", "unixtime", "unixtimestamp", "epochtime", "origintime", "samplingstart",
    "starttime", "date", "timestamputc", "horodatage", "dateheure", "dateheureutc", "dateobs", "datemesure",
    "dateobservation", "dateprelevement",
)  # fmt: skip
_CLOCKS = ("time", "timeutc", "hour", "heure", "hhmmss", "clock", "timehhmmss")
_DAYS = ("date", "day", "dateutc", "datecollected", "dateddmmyyyy")
_EPOCHS = {"timestamp", "epoch", "unixtime", "time", "unixtimestamp", "epochtime"}
_VERTICALS = {"depth", "altitude", "alt", "z", "depthm", "profondeur"}
_MAYBE_VERTICALS = {"height", "level", "lev", "pressure", "pres", "plev"}
_PLATFORMS = (
    "platformnumber", "platformcode", "platformid", "stationid", "stationcode", "stationnumber", "stnid", "stncode",
    "wmoid", "wmo", "siteid", "sitecode", "buoyid", "floatid", "trajectoryid", "trackid", "sensorid", "platform",
    "station", "site", "aeronetsite", "buoy", "float", "trajectory", "track", "ship", "callsign", "mmsi",
    "codestation", "idstation", "numerostation", "codesite", "idsite", "codebss",
)  # fmt: skip
_NAMES = ("stationname", "sitename", "platformname", "name", "nomstation", "libellestation", "nomsite")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a row source gives: one Arrow table, and what its columns are.

    Columns of coordinates are typed (float64 degrees, `timestamp[ms, UTC]`), missing codes are null.
    """

    table: pa.Table
    roles: Mapping[Role, str]
    """The column of each role; roles that the source lacks are absent."""
    described: Mapping[str, Described] = field(default_factory=dict)
    """Columns that are parameters or properties, by key."""
    kind: Literal["observations", "features"] = "features"
    crs: str = CRS84
    geometry: str | None = None
    """The WKB column of vector sources."""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    mended: tuple[str, ...] = ()


class _Header(NamedTuple):
    """One column's heading: the key, what was written, and the unit in it."""

    key: str
    written: str
    unit: str

    @property
    def plain(self) -> str:
        """Letters and digits alone, for comparing."""
        return re.sub(r"[^a-z0-9]", "", self.key.lower())


def table_rows(href: str, names: Mapping[str, str] | None = None, crs: str | None = None) -> Rows:
    """A delimited text table.

    `names` gives the columns of roles, or constants (`{"x": "=2.35"}`); `crs` is that of x and y.
    Raises Unreadable where a row does not fit the header, naming its line.
    """
    found = sniffed(href)
    headers = _headers(found)
    texts, commas = _with_points(found, _texts(found, headers))
    empty = [h.key for h in headers if not h.written and texts[h.key].null_count == len(texts)]
    texts, headers = texts.drop_columns(empty), [h for h in headers if h.key not in empty]
    given = _given(found, names or {}, headers)
    roles = _roles(headers, texts, given)
    texts, unplaced = _placed(texts, roles)
    table, mended = _typed(found, texts, {c for role, c in roles.items() if role in ("x", "y", "z")})
    table, roles = _timed(found, table, texts, roles, headers)
    table = _constants(table, given)
    roles = {**roles, **{role: role for role, value in given.items() if value.startswith("=")}}
    roles = _with_levels(table, roles, headers)
    return _as_rows(found, table, roles, headers, (*commas, *unplaced, *mended), crs)


def _with_points(found: Sniffed, texts: pa.Table) -> tuple[pa.Table, list[str]]:
    """Numbers with a decimal comma (`2,5`) with a point, in tables that no comma parts and where no number has one."""
    if found.delimiter == ",":
        return texts, []
    columns = {name: texts[name].combine_chunks() for name in texts.column_names}
    if any(_every(column, r"^[+-]?\d*\.\d+$") for column in columns.values()):
        return texts, []
    commas = [n for n, c in columns.items() if _every(c, _COMMA) and pc.any(pc.match_substring(c, ",")).as_py()]
    for name in commas:
        pointed = pc.replace_substring(columns[name], ",", ".")
        texts = texts.set_column(texts.column_names.index(name), name, pointed)
    return texts, [f"decimal commas are read as points in {_listed(commas)}"] if commas else []


def _every(column: pa.Array, pattern: str) -> bool:
    """Whether every value that is there fits a pattern, and there is one."""
    return column.null_count < len(column) and bool(pc.all(pc.match_substring_regex(column, pattern)).as_py())


def _placed(texts: pa.Table, roles: Mapping[Role, str]) -> tuple[pa.Table, list[str]]:
    """Coordinates that are nothing but nines, beyond the Earth, are missing."""
    mended = []
    for role, most in (("x", 540.0), ("y", 90.0)):
        name = roles.get(role)  # type: ignore[call-overload]
        if name is None:
            continue
        column = texts[name].combine_chunks()
        nines = pc.fill_null(pc.match_substring_regex(column, r"^[+-]?9{2,}(?:\.[90]*)?$"), False)
        codes = [c for c in pc.unique(column.filter(nines)).to_pylist() if abs(float(c)) > most]
        if codes:
            column = pc.if_else(pc.is_in(column, pa.array(codes)), pa.scalar(None, pa.string()), column)
            texts = texts.set_column(texts.column_names.index(name), name, column)
            mended.append(f"{', '.join(codes)} is read as missing in {name}")
    return texts, mended


# --- headers ---------------------------------------------------------------------------------------------------------


def _headers(found: Sniffed) -> list[_Header]:
    units = found.units or [""] * len(found.names)
    made = [_header(n, u) for n, u in zip(found.names, units, strict=True)]
    used: dict[str, int] = {}
    out = []
    for h in made:
        used[h.key] = used.get(h.key, 0) + 1
        out.append(h if used[h.key] == 1 else h._replace(key=f"{h.key}_{used[h.key]}"))
    return out


def _header(written: str, unit: str) -> _Header:
    """`Air temperature [K]` is `Air_temperature` in K; what in brackets is no unit stays part of the name."""
    text = written.strip().strip('"').strip()
    match = re.fullmatch(r"(.+?)\s*[\(\[]([^()\[\]]*)[\)\]]", text)
    inner = match[2].strip() if match else ""
    known = bool(match) and (ucum(inner) is not None or re.search(r"[dmyhs]{2}[:/-]", inner.lower()) is not None)
    name = match[1] if match and known else text
    key = name if re.fullmatch(r"[^\s,;/&?#%\"']+", name) else re.sub(r"[^\w.-]+", "_", name).strip("_")
    return _Header(key or "column", text, unit.strip().strip('"') or (inner if known else ""))


def _texts(found: Sniffed, headers: Sequence[_Header]) -> pa.Table:
    """All columns as texts, nulls where nothing is written. Raises Unreadable for rows of another length."""
    bad: list[Any] = []

    def refused(row: Any) -> str:
        bad.append(row)
        return "skip"

    names = [h.key for h in headers]
    try:
        table = csv.read_csv(
            pa.py_buffer(found.body),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=64 << 20),
            parse_options=csv.ParseOptions(
                delimiter=found.delimiter, invalid_row_handler=refused, newlines_in_values=found.broken_lines
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=_NULLS, strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise Unreadable(found.href, str(error).splitlines()[0][:120], "mend the file") from None
        table = pa.table({n: pa.array([], pa.string()) for n in names})
    if bad:
        first = bad[0]
        line = "a line" if first.number is None else f"line {found.lines[first.number - 1]}"
        fields = f"{first.actual_columns} fields of {first.expected_columns}"
        raise Unreadable(found.href, f"{line} has {fields} ({len(bad)} such lines)", "mend these lines")
    trimmed = [pc.utf8_trim_whitespace(c) for c in table.columns]
    nulled = [pc.if_else(pc.is_in(c, pa.array(_NULLS)), pa.scalar(None, pa.string()), c) for c in trimmed]
    return pa.table(dict(zip(names, nulled, strict=True)))


# --- roles -----------------------------------------------------------------------------------------------------------


def _given(found: Sniffed, names: Mapping[str, str], headers: Sequence[_Header]) -> dict[Role, str]:
    """What the data set says of columns: a key, or a constant after `=`."""
    keys = {h.key: h.key for h in headers} | {h.written: h.key for h in headers}
    given: dict[Role, str] = {}
    for role in _ROLES:
        name = names.get(role) or (names.get("t") if role == "time" else None)
        if name is None:
            continue
        if not name.startswith("=") and name not in keys:
            raise Unreadable(found.href, f"there is no column {name}", f"name one of {', '.join(list(keys)[:12])}")
        given[role] = name if name.startswith("=") else keys[name]
    return given


def _roles(headers: Sequence[_Header], texts: pa.Table, given: Mapping[Role, str]) -> dict[Role, str]:
    """Columns by the evidence of their names; what is given wins."""
    plain: dict[str, str] = {}
    for h in headers:
        plain.setdefault(h.plain, h.key)
    found: dict[Role, str] = {}
    lat, lon = (next((k for p, k in plain.items() if p in s), None) for s in (_LATITUDES, _LONGITUDES))
    if lat is not None and lon is not None:
        found |= {"x": lon, "y": lat}
    if (vertical := next((k for p, k in plain.items() if p in _VERTICALS), None)) is not None:
        found["z"] = vertical
    if (platform := next((plain[p] for p in _PLATFORMS if p in plain), None)) is not None:
        found["platform"] = platform
    if (name := next((plain[p] for p in _NAMES if p in plain), None)) is not None:
        found["name"] = name
    if "id" in plain and texts.num_rows and _unique(texts[plain["id"]]):
        found["id"] = plain["id"]
    elif "id" in plain and "platform" not in found:
        found["platform"] = plain["id"]
    found |= {role: name for role, name in given.items() if not name.startswith("=")}
    if found.get("name") is not None and "platform" not in found and "id" not in found:
        found["platform"] = found["name"]
    return found


def _unique(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and int(pc.count_distinct(column).as_py()) == len(column)


# --- values ----------------------------------------------------------------------------------------------------------


def _typed(found: Sniffed, texts: pa.Table, numeric: set[str]) -> tuple[pa.Table, list[str]]:
    """Numbers where a column holds numbers, missing codes null; what was read as missing is told."""
    numbers: dict[str, pa.Array] = {}
    faults: list[tuple[int, str, str]] = []
    for name in texts.column_names:
        column = texts[name].combine_chunks()
        fits = pc.match_substring_regex(column, _NUMBER)
        share = pc.mean(pc.cast(fits, pa.float64())).as_py()
        if name not in numeric and (share is None or share < 0.95 or _looks_like_text(column)):
            continue
        bad = np.flatnonzero(np.asarray(pc.fill_null(pc.invert(fits), False)))
        faults += [(int(i), name, column[int(i)].as_py()) for i in bad]
        numbers[name] = column
    if faults:
        row, name, text = min(faults)
        lines = len({f[0] for f in faults})
        said = f"line {found.lines[row]}: {name} {text[:40]!r} is no number ({lines} such line{'s' * (lines > 1)})"
        raise Unreadable(found.href, said, "mend these lines, or write NaN where nothing was measured")
    codes = _codes(numbers, found)
    columns = {
        n: _as_numbers(numbers[n], codes.get(n)) if n in numbers else _as_dates(texts[n]) for n in texts.column_names
    }
    return pa.table(columns), _told(codes)


def _looks_like_text(column: pa.Array) -> bool:
    """Numbers written with leading zeros are codes: `06201`."""
    return bool(pc.any(pc.match_substring_regex(column, r"^0\d")).as_py())


def _codes(numbers: Mapping[str, pa.Array], found: Sniffed) -> dict[str, str]:
    """The missing code of each column that has one, as it is written.

    A number of nines below everything else in its column is one where it has four of them, or the file says so, keeps
    a convention that does (FLUXNET, AERONET), or does it in several columns.
    """
    seen: dict[str, str] = {}
    for name, column in numbers.items():
        code = _outlier(column)
        if code is not None:
            seen[name] = code
    told = {c for c in seen.values() if c in found.preamble or str(int(float(c))) in found.preamble}
    conventional = found.is_conventional
    several = {float(c) for c in seen.values() if sum(float(o) == float(c) for o in seen.values()) > 1}
    long = {c for c in seen.values() if c.startswith("-9999")}
    return {n: c for n, c in seen.items() if conventional or c in told | long or float(c) in several}


def _outlier(column: pa.Array) -> str | None:
    """The code of nines that lies far below all other values of a column; None where there is none."""
    codes = pc.unique(
        pc.drop_null(column.filter(pc.fill_null(pc.match_substring_regex(column, r"^-(9{3,}|6999)"), False)))
    )
    written = [c for c in codes.to_pylist() if _CODE.fullmatch(c)]
    if not written:
        return None
    low = min(written, key=float)
    rest = pc.drop_null(column.filter(pc.fill_null(pc.not_equal(column, low), False)))
    values = np.asarray(_floats(rest))
    return low if not len(values) or float(values.min()) > float(low) * 0.5 else None


def _floats(column: pa.Array) -> pa.Array:
    return pc.cast(pc.replace_substring_regex(column, "[dD]", "e"), pa.float64())


def _as_numbers(column: pa.Array, code: str | None) -> pa.Array:
    """Integers where all are whole, else float64; the code is null."""
    if code is not None:
        column = pc.if_else(pc.equal(column, code), pa.scalar(None, pa.string()), column)
    if column.null_count < len(column) and pc.all(pc.match_substring_regex(column, _WHOLE)).as_py():
        return pc.cast(pc.replace_substring_regex(column, r"^\+", ""), pa.int64())
    return _floats(column)


def _as_dates(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Texts as they are, timestamps where all are dates from the year on."""
    first = next((c.as_py() for c in column.slice(0, 100) if c.is_valid), "")
    if not re.match(r"\d{4}-\d\d-\d\d", first) or (ms := dates.parsed(column)) is None:
        return column
    return pa.array(ms, mask=ms == MISSING).cast(pa.timestamp("ms", "UTC"))


def _told(codes: Mapping[str, str]) -> list[str]:
    """What was read as missing, for people."""
    by_code: dict[str, list[str]] = {}
    for name, code in codes.items():
        by_code.setdefault(code, []).append(name)
    return [f"{code} is read as missing in {_listed(names)}" for code, names in by_code.items()]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


# --- time ------------------------------------------------------------------------------------------------------------


def _timed(
    found: Sniffed, table: pa.Table, texts: pa.Table, roles: dict[Role, str], headers: Sequence[_Header]
) -> tuple[pa.Table, dict[Role, str]]:
    """The table with its times as timestamps, out of one column, of date and clock, or of year, month and day."""
    plain = {h.plain: h for h in reversed(headers)}
    try:
        whole = _one_column(table, texts, roles, plain)
        if whole is None:
            whole = _two_columns(texts, plain) or _parts_of_dates(table, plain)
    except dates.Ambiguous as error:
        raise Unreadable(found.href, str(error), "write dates as 2020-01-31") from None
    if whole is None:
        if (named := roles.get("time")) is not None:
            raise Unreadable(found.href, f"{named} holds no dates", "write 2020-01-31T12:00:00Z")
        return table, roles
    ms, used = whole
    stamps = pa.array(ms, mask=ms == MISSING).cast(pa.timestamp("ms", "UTC"))
    kept = table.drop_columns([c for c in used if c in table.column_names])
    return kept.append_column("time", stamps), {**roles, "time": "time"}


Timed = tuple[Array, list[str]]


def _one_column(
    table: pa.Table, texts: pa.Table, roles: Mapping[Role, str], plain: Mapping[str, _Header]
) -> Timed | None:
    """The time out of one column: texts, or seconds or milliseconds since 1970."""
    given = roles.get("time")
    names = [given] if given is not None else [plain[p].key for p in _TIMES if p in plain]
    by_key = {h.key: h for h in plain.values()}
    for name in names:
        ms = dates.parsed(texts[name], by_key[name].written)
        if ms is None and pa.types.is_integer(table[name].type) and by_key[name].plain in _EPOCHS:
            ms = _epoch(table[name])
        if ms is not None and not (by_key[name].plain in _DAYS and _clock_beside(texts, plain) is not None):
            return ms, [name]
    return None


def _epoch(column: pa.ChunkedArray) -> Array | None:
    values = np.asarray(pc.fill_null(column, -1).combine_chunks())
    known = values != -1
    for low, high, factor in ((10**8, 41 * 10**8, 1000), (10**11, 41 * 10**11, 1)):
        if known.any() and ((values[known] >= low) & (values[known] <= high)).all():
            return np.where(known, values * factor, MISSING)
    return None


def _clock_beside(texts: pa.Table, plain: Mapping[str, _Header]) -> Timed | None:
    for p in _CLOCKS:
        if p in plain and (ms := dates.clock(texts[plain[p].key])) is not None:
            return ms, [plain[p].key]
    return None


def _two_columns(texts: pa.Table, plain: Mapping[str, _Header]) -> Timed | None:
    """The time out of a date and a time of day."""
    clock = _clock_beside(texts, plain)
    for p in _DAYS:
        if clock is not None and p in plain:
            day = dates.parsed(texts[plain[p].key], plain[p].written)
            if day is not None:
                lacking = (day == MISSING) | (clock[0] == MISSING)
                return np.where(lacking, MISSING, day + np.where(lacking, 0, clock[0])), [plain[p].key, *clock[1]]
    return None


def _parts_of_dates(table: pa.Table, plain: Mapping[str, _Header]) -> Timed | None:
    """The time out of columns year, month, day and perhaps hour, minute and second."""
    if not {"year", "month", "day"} <= set(plain):
        return None
    names = [plain[p].key for p in ("year", "month", "day", "hour", "minute", "second") if p in plain]
    if not all(pa.types.is_integer(table[n].type) and table[n].null_count == 0 for n in names):
        return None
    fields = [pc.utf8_lpad(pc.cast(table[n], pa.string()), 4 if i == 0 else 2, "0") for i, n in enumerate(names)]
    text = pc.binary_join_element_wise(*fields[:3], "-")
    clock = fields[3:] + [pa.chunked_array([["00"] * len(table)])] * (2 - len(fields[3:]))
    ms = dates.parsed(pc.binary_join_element_wise(text, pc.binary_join_element_wise(*clock[:3], ":"), "T"))
    return None if ms is None else (ms, names)


# --- the whole -------------------------------------------------------------------------------------------------------


def _constants(table: pa.Table, given: Mapping[Role, str]) -> pa.Table:
    """The table with a column for each constant."""
    for role, value in given.items():
        if not value.startswith("="):
            continue
        text = value[1:].strip()
        column = pa.array([text] * len(table)) if role in ("platform", "name", "id") else None
        if column is None and role == "time":
            ms = dates.parsed(pa.array([text]))
            if ms is None:
                raise Unreadable("names", f"time {text!r} is no date", "write =2020-01-31T12:00:00Z")
            column = pa.array(np.repeat(ms, len(table))).cast(pa.timestamp("ms", "UTC"))
        if column is None:
            column = pa.array(np.full(len(table), _constant(role, text)))
        table = table.drop_columns([role]) if role in table.column_names else table
        table = table.append_column(role, column)
    return table


def _constant(role: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unreadable("names", f"{role} {text!r} is no number", "write =2.35") from None


def _with_levels(table: pa.Table, roles: dict[Role, str], headers: Sequence[_Header]) -> dict[Role, str]:
    """A height or pressure is the level of samples where a platform has several of them at one time."""
    if "z" in roles or "time" not in roles:
        return roles
    maybe = next((h.key for h in headers if h.plain in _MAYBE_VERTICALS and h.key in table.column_names), None)
    if maybe is None or not (pa.types.is_floating(table[maybe].type) or pa.types.is_integer(table[maybe].type)):
        return roles
    by = [roles[r] for r in ("platform", "time", "x", "y") if r in roles]
    alone = table.group_by(by).aggregate([]).num_rows
    with_level = table.group_by([*by, maybe]).aggregate([]).num_rows
    return {**roles, "z": maybe} if with_level > alone else roles


def _as_rows(
    found: Sniffed,
    table: pa.Table,
    roles: Mapping[Role, str],
    headers: Sequence[_Header],
    mended: tuple[str, ...],
    crs: str | None,
) -> Rows:
    if "x" not in roles or "y" not in roles:
        said = f"no column is latitude and longitude: {', '.join(h.key for h in headers[:8])}"
        raise Unreadable(found.href, said, WHERE)
    for role in ("x", "y", "z"):
        name = roles.get(role)
        if name is not None:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.float64()))
    if crs is None:
        _checked_places(found, table, roles)
    by_key = {h.key: h for h in headers}
    described = {n: _described(n, by_key.get(n), table[n].type) for n in table.column_names}
    kind: Literal["observations", "features"] = "observations" if "time" in roles else "features"
    return Rows(table, roles, described, kind, crs or CRS84, mended=mended)


def _checked_places(found: Sniffed, table: pa.Table, roles: Mapping[Role, str]) -> None:
    """Refuses latitudes beyond the poles: mistakes, or metres of some CRS."""
    for role, most, kind in (("x", 540.0, "longitude"), ("y", 90.0, "latitude")):
        values = np.asarray(pc.fill_null(table[roles[role]], 0.0).combine_chunks())  # type: ignore[index]
        beyond = np.flatnonzero(np.abs(values) > most)
        if len(beyond):
            said = f"{roles[role]} {values[beyond[0]]:g} is no {kind} ({len(beyond)} such lines)"  # type: ignore[index]
            remedy = "mend these lines, or give the CRS (--crs) of the coordinates"
            raise Unreadable(found.href, f"line {found.lines[int(beyond[0])]}: {said}", remedy)


def _described(key: str, header: _Header | None, kind: pa.DataType) -> Described:
    label = header.written if header is not None else key
    unit = ucum(header.unit) if header is not None and header.unit else None
    dtype: Any = "string"
    if pa.types.is_floating(kind):
        dtype = "float"
    elif pa.types.is_integer(kind):
        dtype = "integer"
    elif pa.types.is_timestamp(kind):
        dtype = "datetime"
    elif pa.types.is_boolean(kind):
        dtype = "boolean"
    return Described(key, Text(label, label), unit, dtype=dtype)
