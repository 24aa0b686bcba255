"""CQL2 by brute force: a filter asked of one row after the other, in plain Python, unknown being None."""

import math
import operator
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import shapely

Row = Mapping[str, Any]
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
EARLIEST, LATEST = datetime.min, datetime.max


def keeps(tree: Any, row: Row) -> bool:
    """Whether a row passes."""
    return value(tree, row) is True


def value(tree: Any, row: Row) -> Any:
    """What an expression is of a row; None: unknown."""
    match tree:
        case {"property": name}:
            found = row[name]
            return None if isinstance(found, float | np.floating) and math.isnan(found) else found
        case {"date": text}:
            return date.fromisoformat(text)
        case {"timestamp": text}:
            return moment(text)
        case {"bbox": box}:
            return boxed(box)
        case {"type": _}:
            return shapely.geometry.shape(tree)
        case {"op": op, "args": args}:
            return operation(op.lower(), args, row)
        case _:
            return tree


def operation(op: str, args: Sequence[Any], row: Row) -> Any:
    if op in ("and", "or"):
        return joined(op, [value(a, row) for a in args])
    if op.startswith("t_"):
        return timed(op, args, span(args[0], row), span(args[1], row))
    if op == "in":
        return joined("or", [compared("=", value(args[0], row), value(a, row)) for a in args[1]])
    found = [value(a, row) for a in args]
    if op == "isnull":
        return found[0] is None
    if op == "between":
        return joined("and", [compared(">=", found[0], found[1]), compared("<=", found[0], found[2])])
    return None if any(f is None for f in found) else known(op, found)


def known(op: str, found: Sequence[Any]) -> Any:
    """An operation on values that are all there."""
    match op:
        case "not":
            return not found[0]
        case "like":
            return like(found[1], found[0])
        case "casei":
            return found[0].casefold()
        case "accenti":
            bare = (c for c in unicodedata.normalize("NFD", found[0]) if unicodedata.category(c)[0] != "M")
            return unicodedata.normalize("NFC", "".join(bare))
        case _ if op in COMPARED:
            return compared(op, *found)
        case _ if op.startswith("s_"):
            return bool(getattr(shapely, op[2:])(*found))
        case _:
            return reckoned(op, float(found[0]), float(found[1]))


def joined(op: str, found: Sequence[Any]) -> bool | None:
    """Kleene's and and or."""
    decisive = op == "or"
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def compared(op: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, np.float32) or isinstance(right, np.float32):
        left, right = np.float32(left), np.float32(right)
    if isinstance(left, float) != isinstance(right, float):
        left, right = float(left), float(right)
    if isinstance(left, date):
        return dated(op, days(left), days(right))
    return bool(COMPARED[op](left, right))


def reckoned(op: str, left: float, right: float) -> float | None:
    try:
        found = {
            "+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right,
            "/": lambda: left / right, "div": lambda: math.trunc(left / right), "^": lambda: math.pow(left, right),
            "%": lambda: left - right * math.trunc(left / right),
        }[op]()  # fmt: skip
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return float(found) if math.isfinite(found) else None


def like(pattern: str, text: str) -> bool:
    """A pattern by trying all that `%` can stand for."""
    match pattern[:1], pattern[1:]:
        case "", _:
            return text == ""
        case "%", rest:
            return any(like(rest, text[i:]) for i in range(len(text) + 1))
        case "_", rest:
            return text != "" and like(rest, text[1:])
        case "\\", rest if rest:
            return text[:1] == rest[0] and like(rest[1:], text[1:])
        case sign, rest:
            return text[:1] == sign and like(rest, text[1:])


# --- times -----------------------------------------------------------------------------------------------------------


def moment(text: str) -> datetime:
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), time())
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def days(at: date) -> tuple[datetime, datetime]:
    """The first and last moment of a time: of a date, those of its day."""
    if isinstance(at, datetime):
        return at, at
    midnight = datetime.combine(at, time())
    return midnight, midnight + timedelta(days=1, microseconds=-1)


def dated(op: str, a: tuple[datetime, datetime], b: tuple[datetime, datetime]) -> bool:
    before, after = a[1] < b[0], a[0] > b[1]
    return {"<": before, ">": after, "<=": not after, ">=": not before, "=": not (before or after),
            "<>": before or after}[op]  # fmt: skip


def span(tree: Any, row: Row) -> tuple[Any, Any]:
    match tree:
        case {"interval": [start, end]}:
            return end_of(start, row, 0), end_of(end, row, 1)
        case _:
            found = value(tree, row)
            return (None, None) if found is None else days(found)


def end_of(tree: Any, row: Row, side: int) -> Any:
    if tree == "..":
        return (EARLIEST, LATEST)[side]
    if isinstance(tree, str):
        return days(date.fromisoformat(tree) if len(tree) == 10 else moment(tree))[side]
    found = value(tree, row)
    return None if found is None else days(found)[side]


def before(x: Any, y: Any) -> bool | None:
    return None if None in (x, y) else x < y


def same(x: Any, y: Any) -> bool | None:
    return None if None in (x, y) else x == y


def apart(a: tuple[Any, Any], b: tuple[Any, Any]) -> bool | None:
    return joined("or", [before(a[1], b[0]), before(b[1], a[0])])


ALLEN: Mapping[str, Callable[[Any, Any], Sequence[bool | None]]] = {
    "after": lambda a, b: [before(b[1], a[0])],
    "before": lambda a, b: [before(a[1], b[0])],
    "contains": lambda a, b: [before(a[0], b[0]), before(b[1], a[1])],
    "during": lambda a, b: [before(b[0], a[0]), before(a[1], b[1])],
    "equals": lambda a, b: [same(a[0], b[0]), same(a[1], b[1])],
    "finishedby": lambda a, b: [before(a[0], b[0]), same(a[1], b[1])],
    "finishes": lambda a, b: [before(b[0], a[0]), same(a[1], b[1])],
    "meets": lambda a, b: [same(a[1], b[0])],
    "metby": lambda a, b: [same(a[0], b[1])],
    "overlappedby": lambda a, b: [before(b[0], a[0]), before(a[0], b[1]), before(b[1], a[1])],
    "overlaps": lambda a, b: [before(a[0], b[0]), before(b[0], a[1]), before(a[1], b[1])],
    "startedby": lambda a, b: [same(a[0], b[0]), before(b[1], a[1])],
    "starts": lambda a, b: [same(a[0], b[0]), before(a[1], b[1])],
    "disjoint": lambda a, b: [apart(a, b)],
}


def timed(op: str, args: Sequence[Any], a: tuple[Any, Any], b: tuple[Any, Any]) -> bool | None:
    if op == "t_equals" and not any(isinstance(x, dict) and "interval" in x for x in args):
        return None if None in (*a, *b) else dated("=", a, b)
    if op == "t_intersects":
        found = apart(a, b)
        return None if found is None else not found
    return joined("and", ALLEN[op.removeprefix("t_")](a, b))


# --- places ----------------------------------------------------------------------------------------------------------


def boxed(box: Sequence[float]) -> Any:
    """A box; one across 180 degrees lies on both sides of the map."""
    half = len(box) // 2
    west, south, east, north = box[0], box[1], box[half], box[half + 1]
    if (west, south) == (east, north):
        return shapely.Point(west, south)
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.MultiPolygon([shapely.box(west + t, south, east + 360 + t, north) for t in (0, -360)])
