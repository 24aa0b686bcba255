"""Where the table lies in a file of text: encoding, delimiter, preamble, header, units, first row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poles.errors import Unreadable
from poles.units import ucum

_DELIMITERS = (",", ";", "\t", "|")
_COMMENT = ("#", "//")
_COLUMN_NOTE = re.compile(r"^#\s*Col(?:umn)?\.?\s*(\d+)\s*:\s*(.+?)\s*$", re.IGNORECASE)
_VALUE = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?|nan|na|inf|\d{4}[-/]\d\d[-/]\d\d.*|\d+[:/]\d+.*", re.IGNORECASE
)
_LOOKED_AT = 2_000
"""Lines from which the shape of the table is told."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A table of text, taken apart but not read."""

    href: str
    names: list[str]
    units: list[str] | None
    delimiter: str
    body: bytes
    """The rows, in UTF-8."""
    lines: Sequence[int]
    """Of each row of the body: its line in the file, counted from 1."""
    preamble: str
    """What stands before the table."""
    broken_lines: bool
    """Whether quoted texts hold line ends."""

    @property
    def is_conventional(self) -> bool:
        """Whether the file keeps a convention whose missing codes are nines: FLUXNET, AERONET."""
        return "TIMESTAMP_START" in self.names or "AERONET" in self.preamble


def sniffed(href: str) -> Sniffed:
    """The table in a file of text. Raises Unreadable where there is none."""
    text = _decoded(Path(href).read_bytes())
    if "\x00" in text[:4096]:
        raise Unreadable(href, "neither text nor a format that is read", "convert it to NetCDF, CSV or GeoPackage")
    lines = text.splitlines()
    kept = [i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(_COMMENT)]
    comments = [line for line in lines if line.lstrip().startswith(_COMMENT)]
    if not kept:
        raise Unreadable(href, "no row of a table", "give a header and rows")
    delimiter, width = _shape([lines[i] for i in kept])
    if width < 2:
        raise Unreadable(href, "no delimiter parts its lines in columns", "give comma, semicolon, tab or spaces")
    start = next(n for n, i in enumerate(kept) if len(_fields(lines[i], delimiter)) == width)
    names, units, first = _header(lines, kept, start, delimiter, width, comments)
    if names is None:
        names = [f"column{n + 1}" for n in range(width)]
    rows = kept[first:]
    body = "\n".join(_plain(lines[i], delimiter) for i in rows)
    preamble = "\n".join([*comments, *(lines[i] for i in kept[:start])])
    quotes = '"' in body and any(lines[i].count('"') % 2 for i in rows)
    parted = "\t" if delimiter == " " else delimiter
    return Sniffed(href, names, units, parted, body.encode(), [i + 1 for i in rows], preamble, quotes)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _plain(line: str, delimiter: str) -> str:
    """A row whose fields one delimiter parts."""
    if delimiter != " ":
        return line
    return "\t".join(line.split())


def _fields(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    if '"' not in line:
        return [f.strip() for f in line.split(delimiter)]
    return next(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True), [])


def _shape(lines: Sequence[str]) -> tuple[str, int]:
    """The delimiter and the number of fields that most lines agree on."""
    looked = [*lines[: _LOOKED_AT // 2], *lines[_LOOKED_AT // 2 :][-_LOOKED_AT // 2 :]]
    best = (0.0, 0, " ")
    for delimiter in (*_DELIMITERS, " "):
        counts = Counter(len(_fields(line, delimiter)) for line in looked)
        width, often = max(counts.items(), key=lambda c: (c[1], c[0]))
        share = often / len(looked)
        if width > 1 and (share > best[0] + 0.05 or (share > best[0] - 0.05 and delimiter != " " and best[2] == " ")):
            best = share, width, delimiter
    return best[2], best[1]


def _header(
    lines: Sequence[str], kept: Sequence[int], start: int, delimiter: str, width: int, comments: Sequence[str]
) -> tuple[list[str] | None, list[str] | None, int]:
    """Names and units of the columns, and the place of the first row."""
    at = [_fields(lines[i], delimiter) for i in kept[start : start + 4]]
    if lines[kept[0]].lstrip('"').startswith("TOA5") and len(kept) > 3:
        table = [_fields(lines[i], delimiter) for i in kept[1:3]]
        return table[0], table[1] if len(table[0]) == len(table[1]) else None, 4
    if any(_is_value(f) for f in at[0]):
        return _noted(comments, delimiter, width), None, start
    if len(at) > 2 and len(at[0]) == len(at[1]) and _are_units(at[1], at[2]):
        return at[0], at[1], start + 2
    return at[0], None, start + 1


def _is_value(field: str) -> bool:
    return bool(_VALUE.fullmatch(field.strip()))


def _are_units(row: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row gives units: no value where the row below has one, and some unit that is known."""
    if len(row) != len(below) or any(_is_value(f) for f in row):
        return False
    known = any(f.strip() in ("UTC", "degrees_north", "degrees_east") or ucum(f) is not None for f in row if f.strip())
    return known and any(_is_value(f) for f in below)


def _noted(comments: Sequence[str], delimiter: str, width: int) -> list[str] | None:
    """Names that comments give: a last comment with as many fields as a row, or a line a column."""
    noted = {int(m[1]): m[2] for c in comments if (m := _COLUMN_NOTE.match(c))}
    if set(noted) == set(range(1, width + 1)):
        return [noted[n] for n in range(1, width + 1)]
    last = comments[-1].lstrip("#/ ") if comments else ""
    fields = _fields(last, delimiter)
    return fields if len(fields) == width and not any(_is_value(f) for f in fields) else None
