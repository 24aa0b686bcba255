"""What a CQL2 tree may say: names that are there, operands that fit, literals that mean something."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from poles.errors import Invalid
from poles.parse import where
from poles.parse.text import choices, shown
from poles.query import CRS84, Box

Kind = Literal["string", "integer", "float", "boolean", "datetime", "date", "interval", "geometry", "other", "unknown"]
"""What an expression gives; `other` (lists, objects) is never compared, `unknown` is seen once the rows are there."""
Tree = Any
"""CQL2 JSON: a literal, a property, or an operator and its arguments."""
Kinds = Mapping[str, Kind]
"""What each property holds."""


class Open(dict[str, Kind]):
    """What properties hold of data that were never opened: there may be others."""

    def __missing__(self, name: str) -> Kind:
        return "unknown"


DEEPEST = 100
"""Operators within operators, parentheses within parentheses."""
MOST = 1_000
"""Operators of one filter."""

COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
ARITHMETIC = ("+", "-", "*", "/", "%", "div", "^")
SPATIAL = (
    "s_intersects", "s_disjoint", "s_equals", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains",
)  # fmt: skip
TEMPORAL = (
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
    "t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts",
)  # fmt: skip
OFFERED = ("and", "or", "not", *COMPARISONS, "like", "between", "in", "isNull", "casei", "accenti", *ARITHMETIC,
           *SPATIAL, *TEMPORAL)  # fmt: skip

_FUNCTIONS = tuple(name.upper() for name in ("casei", "accenti", *SPATIAL, *TEMPORAL))

_GEOMETRIES = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
"""How deep the lists of coordinates lie around a position."""
_WORDS: Mapping[str, str] = {
    "string": "texts", "integer": "whole numbers", "float": "numbers", "boolean": "true or false",
    "datetime": "times", "date": "dates", "interval": "an interval", "geometry": "geometries",
    "other": "lists or objects",
}  # fmt: skip
_EXAMPLES: Mapping[str, str] = {
    "string": "'text'", "integer": "12", "float": "12.5", "boolean": "TRUE",
    "datetime": "TIMESTAMP('2020-01-31T12:00:00Z') or DATE('2020-01-31')", "date": "DATE('2020-01-31')",
    "geometry": "POINT(2.3 48.9)", "interval": "INTERVAL('2020-01-01','..')",
}  # fmt: skip
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME_REMEDY = "write DATE('2020-01-31') or TIMESTAMP('2020-01-31T12:00:00Z')"


def refused(found: str, remedy: str) -> Invalid:
    """A filter that says nothing."""
    return Invalid("filter", found, remedy)


def checked(tree: Tree, kinds: Kinds, crs: str = CRS84, northing_first: bool = False) -> Tree:
    """The tree, if it is a condition over properties of these kinds; in one form.

    Operators are written as the standard writes them, timestamps in UTC, positions with x before y (they are given
    as the authority of `crs` has them where `northing_first`). Raises Invalid.
    """
    told, kind = _Checked(kinds, crs, northing_first).expression(tree, 0)
    if not _fits(kind, "boolean"):
        raise refused(f"{described(told)} is no condition", "compare it, as height > 20")
    return told


_LITERALS: Mapping[type, Kind] = {bool: "boolean", str: "string", int: "integer", float: "float"}
_TIMES: Mapping[str, Kind] = {"date": "date", "timestamp": "datetime", "interval": "interval"}


def kind_of(tree: Tree, kinds: Kinds) -> Kind:
    """What a checked expression gives."""
    match tree:
        case bool() | str() | int() | float():
            return _LITERALS[type(tree)]
        case {"property": name}:
            return kinds[name]
        case {"op": "casei" | "accenti"}:
            return "string"
        case {"op": op}:
            return "float" if op in ARITHMETIC else "boolean"
        case _:
            return next((_TIMES[k] for k in tree if k in _TIMES), "geometry")


def described(tree: Tree) -> str:
    """An expression as an error message names it."""
    match tree:
        case {"property": name}:
            return shown(str(name))
        case {"date": text} | {"timestamp": text}:
            return shown(str(text))
        case {"op": op}:
            return shown(str(op))
        case {"type": kind}:
            return f"a {shown(str(kind))}"
        case {"bbox": _}:
            return "a BBOX"
        case {"interval": _}:
            return "an INTERVAL"
        case str():
            return repr(shown(tree))
        case _:
            return shown(str(tree))


class _Checked:
    """One filter on its way through the rules."""

    def __init__(self, kinds: Kinds, crs: str, northing_first: bool) -> None:
        self.kinds, self.crs, self.northing_first = kinds, crs, northing_first

    def expression(self, node: Tree, depth: int) -> tuple[Tree, Kind]:
        """An expression in its one form, and what it gives."""
        if depth > DEEPEST:
            raise refused(f"it is nested deeper than {DEEPEST}", "say it more simply")
        match node:
            case {"op": str(op), "args": [*args], **rest} if not rest:
                return self.operator(op, args, depth + 1)
            case {"property": str(name), **rest} if not rest:
                return {"property": name}, self.known(name)
            case {"bbox": [*numbers], **rest} if not rest:
                return {"bbox": self.box(numbers)}, "geometry"
            case {"type": str()}:
                return self.geometry(node), "geometry"
            case {"interval": [start, end], **rest} if not rest:
                return self.interval(start, end), "interval"
            case _:
                return _literal(node)

    def known(self, name: str) -> Kind:
        """What a property holds."""
        try:
            return self.kinds[name]
        except KeyError:
            raise refused(f"{shown(name)!r} is not there", f"name of {choices(self.kinds)}") from None

    def operator(self, op: str, args: Sequence[Tree], depth: int) -> tuple[Tree, Kind]:
        """An operator whose arguments fit."""
        name = _SPELLED.get(op.lower(), op.lower())
        rule = _RULES.get(name)
        if rule is None:
            remedy = "use IN or comparisons" if name.startswith("a_") else f"use of {choices(_FUNCTIONS, 40)}"
            raise refused(f"{shown(op)} is not offered", remedy)
        fewest, most, check = rule
        if not fewest <= len(args) <= most:
            raise refused(f"{name} has {len(args)} operands", f"give it {fewest if fewest == most else '2 or more'}")
        told, kind = check(self, name, args, depth)
        return {"op": name, "args": told}, kind

    def interval(self, start: Tree, end: Tree) -> Tree:
        """The ends of an interval: texts, properties or open."""
        told = [self.end(e) for e in (start, end)]
        if isinstance(told[0], str) and isinstance(told[1], str) and ".." not in told and _late(told[0], told[1]):
            raise refused(f"the interval {told[0]}/{told[1]} ends before it begins", "give the earlier time first")
        return {"interval": told}

    def end(self, node: Tree) -> Tree:
        """One end: `..`, a date or timestamp as text, or a property that holds times."""
        match node:
            case "" | ".." | None:
                return ".."
            case str():
                return next(iter(instant(node).values()))
            case {"date": str(text)} | {"timestamp": str(text)}:
                return next(iter(instant(text).values()))
            case {"property": str(name)} if _fits(self.known(name), "time"):
                return {"property": name}
            case _:
                raise refused(f"{described(node)} is no end of an interval", "give a time, a property or '..'")

    def box(self, numbers: Sequence[Any]) -> list[float]:
        """West, south, east, north; the heights of a box of six are left out."""
        if len(numbers) not in (4, 6) or not all(map(_is_finite, numbers)):
            raise refused(f"BBOX of {shown(str(list(numbers)))}", "write BBOX(west,south,east,north)")
        half = len(numbers) // 2
        (x0, y0), (x1, y1) = (self.position(c) for c in (numbers[:half], numbers[half:]))
        box = where.checked("filter", Box(x0, y0, x1, y1), self.crs)
        return [box.west, box.south, box.east, box.north]

    def position(self, numbers: Sequence[Any]) -> tuple[float, float]:
        """x before y, without height."""
        x, y = float(numbers[0]), float(numbers[1])
        return (y, x) if self.northing_first else (x, y)

    def geometry(self, node: Mapping[str, Any]) -> Tree:
        """A geometry of finite positions in the reach of its CRS."""
        told = self.shape(node, 0)
        found = geometry(told)
        if found.is_empty:
            raise refused(f"an empty {node['type']}", "give it positions")
        where.checked("filter", Box(*found.bounds), self.crs)
        return told

    def shape(self, node: Tree, depth: int) -> Tree:
        """A GeoJSON geometry whose lists are what its type says."""
        match node:
            case {"type": "GeometryCollection", "geometries": [_, *_] as parts} if depth < 10:
                return {"type": "GeometryCollection", "geometries": [self.shape(p, depth + 1) for p in parts]}
            case {"type": str(kind), "coordinates": [*coordinates]} if kind in _GEOMETRIES:
                return {"type": kind, "coordinates": self.positions(coordinates, _GEOMETRIES[kind])}
            case _:
                raise refused(f"{shown(str(node))} is no geometry", "write WKT or GeoJSON, as POINT(2.3 48.9)")

    def positions(self, found: Any, deep: int) -> list[Any]:
        """Positions in lists as deep as their geometry has them."""
        if not isinstance(found, list | tuple):
            raise refused(f"{shown(str(found))} stands in a geometry", "give positions, as 2.3 48.9")
        if deep:
            return [self.positions(f, deep - 1) for f in found]
        if not 2 <= len(found) <= 4 or not all(map(_is_finite, found)):
            raise refused(f"the position {shown(str(found))}", "give x and y, finite numbers")
        return list(self.position(found))


# --- literals ------------------------------------------------------------------------------------------------------


def _literal(node: Tree) -> tuple[Tree, Kind]:
    """A text, a number, a time, true or false."""
    match node:
        case bool() | str():
            return printable(node), kind_of(node, {})
        case int() | float():
            return _number(node)
        case {"date": text, **rest} if not rest:
            return _day(text), "date"
        case {"timestamp": text, **rest} if not rest:
            return _moment(text), "datetime"
        case None:
            raise refused("nothing is compared with NULL", "write IS NULL, as height IS NULL")
        case list():
            raise refused("a list stands where one value is meant", "use lists with IN alone")
        case _:
            raise refused(f"{shown(str(node))} is not understood", "write CQL2 as the standard does")


def printable(value: Tree) -> Tree:
    """A literal; a text without NUL and broken Unicode, which no engine takes."""
    if isinstance(value, str) and _is_broken(value):
        raise refused("there are NUL bytes or broken Unicode in a text", "give plain text")
    return value


def _is_broken(text: str) -> bool:
    return "\0" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text))


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= 1e300


def _number(value: float) -> tuple[Tree, Kind]:
    """A finite number; a whole one is an integer, however it was written."""
    if isinstance(value, float) and not math.isfinite(value):
        raise refused("a number is beyond all that can be held", "give finite numbers")
    if isinstance(value, int) and abs(value) > 10**300:
        value = 10**300 if value > 0 else -(10**300)
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)
    return value, "integer" if isinstance(value, int) else "float"


def instant(text: str) -> Tree:
    """`{"date": …}` or `{"timestamp": …}` of a text. Raises Invalid for days and hours that never were."""
    return _day(text) if len(text) <= 10 else _moment(text)


def _day(text: Any) -> Tree:
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        raise refused(f"{described(text)} is no date", _TIME_REMEDY)
    try:
        date.fromisoformat(text)
    except ValueError:
        raise refused(f"there is no day {text}", _TIME_REMEDY) from None
    return {"date": text}


def _moment(text: Any) -> Tree:
    """A timestamp in UTC; a bare date is its midnight."""
    if isinstance(text, str) and _DATE.fullmatch(text):
        return {"timestamp": f"{_day(text)['date']}T00:00:00Z"}
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise refused(f"{described(text)} is no timestamp", _TIME_REMEDY)
    try:
        found = datetime.fromisoformat(text.upper().replace(" ", "T"))
        utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused(f"there is no time {shown(text)}", _TIME_REMEDY) from None
    return {"timestamp": utc.replace(tzinfo=None).isoformat() + "Z"}


def _late(start: str, end: str) -> bool:
    """Whether an interval ends before it begins; a date that ends one is its whole day."""
    return start > (end if len(end) > 10 else end + "T23:59:59.999999Z")


def geometry(tree: Mapping[str, Any]) -> BaseGeometry:
    """A checked GeoJSON geometry, mended where rings cross themselves. Raises Invalid."""
    try:
        found = _shape(tree)
    except (ShapelyError, ValueError) as err:
        raise refused(f"{described(tree)}: {shown(str(err).rpartition(': ')[2])}", "give closed rings") from err
    return found if found.is_valid else shapely.make_valid(found)


def _shape(tree: Mapping[str, Any]) -> BaseGeometry:
    if "geometries" in tree:
        return shapely.GeometryCollection([_shape(p) for p in tree["geometries"]])
    return shapely.geometry.shape(dict(tree))


# --- rules ---------------------------------------------------------------------------------------------------------

_FAMILIES: Mapping[str, str] = {"integer": "number", "float": "number", "date": "time", "datetime": "time"}


def _family(kind: Kind) -> str:
    return _FAMILIES.get(kind, kind)


def _fits(kind: Kind, *families: str) -> bool:
    return kind == "unknown" or _family(kind) in families


def _conditions(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = []
    for arg in args:
        one, kind = check.expression(arg, depth)
        if not _fits(kind, "boolean"):
            raise refused(f"{described(one)} is no condition", f"give conditions to {op.upper()}, as height > 20")
        told.append(one)
    return told, "boolean"


def _compared(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = _alike([check.expression(a, depth) for a in args])
    if told[0][1] == "boolean" and op not in ("=", "<>"):
        raise refused(f"true and false have no order for {op}", "use = or <>")
    return [t for t, _ in told], "boolean"


def _alike(given: Sequence[tuple[Tree, Kind]]) -> list[tuple[Tree, Kind]]:
    """Expressions that can be compared with each other; a text beside a time is read as one."""
    if any(_family(kind) == "time" for _, kind in given):
        given = [_as_time(tree, kind) for tree, kind in given]
    for tree, kind in given:
        if kind in ("other", "geometry", "interval"):
            raise refused(f"{described(tree)} holds {_WORDS[kind]}, which are not compared", _instead(kind))
    first = next((g for g in given if g[1] != "unknown"), given[0])
    for other in given:
        if not _fits(other[1], _family(first[1])):
            (held, kind), (beside, _) = (first, other) if _is_property(first[0]) else (other, first)
            found = f"{described(held)} holds {_WORDS[kind]}, not {described(beside)}"
            raise refused(found, f"compare it with {_EXAMPLES[kind]}")
    return list(given)


def _is_property(tree: Tree) -> bool:
    return isinstance(tree, dict) and "property" in tree


def _instead(kind: str) -> str:
    return {"geometry": "use S_INTERSECTS", "interval": "use T_INTERSECTS"}.get(kind, "ask IS NULL of it")


def _as_time(tree: Tree, kind: Kind) -> tuple[Tree, Kind]:
    if isinstance(tree, str):
        told = instant(tree)
        return told, kind_of(told, {})
    return tree, kind


def _between(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = _alike([check.expression(a, depth) for a in args])
    if not _fits(told[0][1], "number", "time"):
        raise refused(f"{described(told[0][0])} is no number", "use BETWEEN with numbers or times")
    return [t for t, _ in told], "boolean"


def _among(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    if not isinstance(args[1], list) or not args[1]:
        raise refused("IN has no list", "write height IN (10, 20)")
    one, *others = _alike([check.expression(a, depth) for a in (args[0], *args[1])])
    return [one[0], [t for t, _ in others]], "boolean"


def _like(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told, kind = check.expression(args[0], depth)
    pattern, of = check.expression(args[1], depth)
    if not _fits(kind, "string"):
        raise refused(f"{described(told)} is no text", "use LIKE with texts")
    if of != "string" or not _is_literal(pattern):
        raise refused(f"the pattern {described(pattern)} is no text", "write LIKE 'a%'")
    return [told, pattern], "boolean"


def _is_literal(tree: Tree) -> bool:
    match tree:
        case str():
            return True
        case {"op": "casei" | "accenti", "args": [inner]}:
            return _is_literal(inner)
        case _:
            return False


def _absent(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    return [check.expression(args[0], depth)[0]], "boolean"


def _letters(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told, kind = check.expression(args[0], depth)
    if not _fits(kind, "string"):
        raise refused(f"{described(told)} is no text", f"use {op.upper()} with texts")
    return [told], "string"


def _reckoned(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = []
    for arg in args:
        one, kind = check.expression(arg, depth)
        if not _fits(kind, "number"):
            raise refused(f"{described(one)} is no number", f"use {op} with numbers")
        told.append(one)
    return told, "float"


def _placed(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = []
    for arg in args:
        one, kind = check.expression(arg, depth)
        if not _fits(kind, "geometry"):
            raise refused(f"{described(one)} is no geometry", f"give geometries to {op.upper()}")
        if op not in ("s_intersects", "s_disjoint") and one.get("type") == "GeometryCollection":
            raise refused(f"a GEOMETRYCOLLECTION in {op.upper()}", "use it in S_INTERSECTS and S_DISJOINT")
        told.append(one)
    return told, "boolean"


def _timed(check: _Checked, op: str, args: Sequence[Tree], depth: int) -> tuple[list[Tree], Kind]:
    told = []
    for arg in args:
        one, kind = _as_time(*check.expression(arg, depth))
        if not _fits(kind, "time", "interval"):
            raise refused(f"{described(one)} is no time", f"give times or intervals to {op.upper()}")
        told.append(one)
    return told, "boolean"


_Rule = tuple[int, int, Callable[[_Checked, str, Sequence[Tree], int], tuple[list[Tree], Kind]]]
_RULES: Mapping[str, _Rule] = {
    "and": (2, MOST + 1, _conditions),
    "or": (2, MOST + 1, _conditions),
    "not": (1, 1, _conditions),
    **dict.fromkeys(COMPARISONS, (2, 2, _compared)),
    "between": (3, 3, _between),
    "in": (2, 2, _among),
    "like": (2, 2, _like),
    "isNull": (1, 1, _absent),
    "casei": (1, 1, _letters),
    "accenti": (1, 1, _letters),
    **dict.fromkeys(ARITHMETIC, (2, 2, _reckoned)),
    **dict.fromkeys(SPATIAL, (2, 2, _placed)),
    **dict.fromkeys(TEMPORAL, (2, 2, _timed)),
}
_SPELLED = {name.lower(): name for name in _RULES}
