"""A CQL2 tree as one SQL condition with bound values, the same for every engine; unknown where SQL says NULL.

What the standard leaves open:

- A date is its whole day, UTC: `<` is before it begins, `>` after it ends, `=` within it. An interval of dates begins
  with the first day and ends with the last.
- Whole numbers are compared as such, with a float as floats; arithmetic is done in floats, and what is no finite
  number is unknown. `div` and `%` cut towards zero.
- Texts are compared by code points. CASEI folds case as Unicode does (`ß` is `ss`), ACCENTI leaves marks out.
- Edges of a BBOX are straight in its own CRS.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from poles.crs import crs as crs_of
from poles.parse import cql2
from poles.parse.cql2 import Kind, Kinds, Tree
from poles.query import Box
from poles.stores.dialect import Dialect, Values, quoted
from poles.stores.layout import Layout
from poles.stores.places import Region, boxed, in_crs, polygons, regions

_SAME = {"s_within": "s_contains", "s_contains": "s_within"}
"""What a spatial operator is called when its operands change places; others stay what they are."""
_FUNCTIONS = {
    "s_intersects": "ST_Intersects", "s_equals": "ST_Equals", "s_touches": "ST_Touches", "s_within": "ST_Within",
    "s_overlaps": "ST_Overlaps", "s_crosses": "ST_Crosses", "s_contains": "ST_Contains",
}  # fmt: skip
_INT64 = 2**63
_BEYOND = 2**126
"""Whole numbers from here on are one to every engine: none is stored."""
_EPOCH = datetime(1970, 1, 1)
_ALMOST_A_DAY = timedelta(days=1) - timedelta(microseconds=1)


def condition(tree: Tree, layout: Layout, dialect: Dialect, values: Values, crs: str) -> str:
    """The condition of a filter whose geometries are in `crs`. Raises Invalid for what the rows do not have."""
    kinds = kinds_of(layout)
    return _Condition(layout, dialect, values, crs, kinds).truth(cql2.checked(tree, kinds, crs), certain=True)


def kinds_of(layout: Layout) -> Kinds:
    """What can be asked of the rows, and what it holds."""
    own: dict[str, Kind] = {c.name: c.type for c in layout.columns}
    return {**own, "id": "string", **({"geometry": "geometry"} if layout.geometry is not None else {})}


@dataclass(frozen=True)
class _Condition:
    """One filter on its way into SQL."""

    layout: Layout
    dialect: Dialect
    values: Values
    crs: str
    kinds: Kinds

    def truth(self, node: Tree, certain: bool = False) -> str:
        """A condition; where only what is certainly true matters, an unknown may be written as false."""
        match node:
            case bool():
                return "TRUE" if node else "FALSE"
            case {"property": name}:
                return self.column(name)
            case {"op": "and" | "or" as op, "args": args}:
                return f" {op.upper()} ".join(f"({self.truth(a, certain)})" for a in args)
            case {"op": "not", "args": [arg]}:
                return f"NOT ({self.truth(arg)})"
            case {"op": op, "args": [left, right]} if op in cql2.SPATIAL:
                return self.placed(op, left, right, certain)
            case _:
                return self.predicate(node["op"], node["args"])

    def predicate(self, op: str, args: Sequence[Tree]) -> str:
        """A condition on values."""
        match op:
            case "isNull":
                return self.absent(args[0])
            case "between":
                return f"({self.compared('>=', args[0], args[1])}) AND ({self.compared('<=', args[0], args[2])})"
            case "in":
                return self.among(args[0], args[1])
            case "like":
                return f"{self.text(args[0])} LIKE {self.text(_pattern(args[1]))} ESCAPE '\\'"
            case _ if op in cql2.TEMPORAL:
                return _temporal(op, self.span(args[0]), self.span(args[1]), self.instants(*args))
            case _:
                return self.compared(op, *args)

    def column(self, name: str) -> str:
        """The stored column of a property. In tables of others, NaN is absent as it is everywhere."""
        if name == "id":
            return self.dialect.identifier(self.layout)
        found = self.layout.column(name)
        assert found is not None
        if found.type == "float" and self.layout.row is None:
            return f"NULLIF({quoted(found.stored)}, CAST('NaN' AS DOUBLE PRECISION))"
        return quoted(found.stored)

    def absent(self, node: Tree) -> str:
        match self.kind(node):
            case "geometry" if isinstance(node, dict) and "property" in node:
                return f"{self.dialect.geometry(self.layout)} IS NULL"
            case "geometry" | "interval":
                return "FALSE"
            case "boolean":
                return f"({self.truth(node)}) IS NULL"
            case "datetime" | "date":
                return f"{self.span(node)[0]()} IS NULL"
            case "string":
                return f"{self.text(node)} IS NULL"
            case "other":
                return f"{self.column(node['property'])} IS NULL"
            case _:
                return f"{self.float(node)} IS NULL"

    def kind(self, node: Tree) -> Kind:
        return cql2.kind_of(node, self.kinds)

    # --- comparisons ---

    def compared(self, op: str, left: Tree, right: Tree) -> str:
        """A comparison of two operands that fit."""
        if self.kind(left) in ("datetime", "date"):
            return self.dated(op, left, right)
        if op == "=" and left == {"property": "id"} and isinstance(right, str):
            return self.dialect.identified(self.layout, [right], self.values)
        one, other = self.pair(left, right)
        return f"{one} {op} {other}"

    def among(self, value: Tree, others: Sequence[Tree]) -> str:
        if self.kind(value) in ("datetime", "date"):
            return " OR ".join(f"({self.dated('=', value, o)})" for o in others)
        if value == {"property": "id"} and all(isinstance(o, str) for o in others):
            return self.dialect.identified(self.layout, others, self.values)
        pairs = [self.pair(value, o) for o in others]
        if len({one for one, _ in pairs}) == len({self.kind(o) for o in others}) == 1:
            return f"{pairs[0][0]} IN ({', '.join(o for _, o in pairs)})"
        return " OR ".join(f"({one} = {other})" for one, other in pairs)

    def pair(self, left: Tree, right: Tree) -> tuple[str, str]:
        """Two operands as values of one type."""
        match self.kind(left):
            case "string":
                return self.text(left), self.text(right)
            case "boolean":
                return f"({self.truth(left)})", f"({self.truth(right)})"
            case _:
                return self.number(left, right), self.number(right, left)

    def text(self, node: Tree) -> str:
        match node:
            case str():
                found = self.dialect.cast(self.values(node), "string")
            case {"op": "casei", "args": [inner]}:
                found = self.dialect.folded(self.text(inner))
            case {"op": "accenti", "args": [inner]}:
                found = self.dialect.unaccented(self.text(inner))
            case _:
                found = self.column(node["property"])
        return self.dialect.ordered(found, "string")

    # --- numbers ---

    def number(self, node: Tree, beside: Tree) -> str:
        """A number as it is compared with another."""
        match node:
            case {"property": name}:
                return self.column(name)
            case int() if self.kind(beside) == "integer":
                if -_INT64 <= node < _INT64:
                    return self.dialect.cast(self.values(node), "integer")
                return self.dialect.whole(self.values(min(max(node, -_BEYOND), _BEYOND)))
            case int() | float():
                return self.dialect.cast(self.values(self.rounded(float(node), beside)), "float")
            case _:
                return self.float(node)

    def rounded(self, value: float, beside: Tree) -> float:
        """The number that a column of 32 bits holds where it shows this one; beyond all of them, itself."""
        if isinstance(beside, dict) and "property" in beside and beside["property"] in self.layout.schema.names:
            kind = self.layout.schema.field(beside["property"]).type
            with np.errstate(over="ignore"):
                narrow = float(np.float32(value))
            if pa.types.is_float32(kind) and math.isfinite(narrow):
                return narrow
        return value

    def float(self, node: Tree) -> str:
        """A number as a float of 64 bits."""
        match node:
            case {"property": name}:
                return self.dialect.cast(self.column(name), "float")
            case int() | float():
                return self.dialect.cast(self.values(float(node)), "float")
            case _:
                left, right = (self.float(a) for a in node["args"])
                return self.dialect.computed(node["op"], left, right)

    # --- times ---

    def dated(self, op: str, left: Tree, right: Tree) -> str:
        """Instants compared: a date is its whole day."""
        if self.kind(left) == self.kind(right):
            return f"{self.span(left)[0]()} {op} {self.span(right)[0]()}"
        return _instants(op, self.span(left), self.span(right))

    def instants(self, left: Tree, right: Tree) -> bool:
        return "interval" not in (self.kind(left), self.kind(right))

    def span(self, node: Tree) -> "Ends":
        """The first and the last moment of a time or an interval, bound where they are written."""
        match node:
            case {"interval": [start, end]}:
                return self.end(start, 0), self.end(end, 1)
            case {"date": text}:
                day = datetime.combine(date.fromisoformat(text), datetime.min.time())
                return lambda: self.moment(day), lambda: self.moment(day + _ALMOST_A_DAY)
            case {"timestamp": text}:
                at = datetime.fromisoformat(text[:-1])
                return lambda: self.moment(at), lambda: self.moment(at)
            case _:
                column = self.column(node["property"])
                if self.kind(node) == "datetime":
                    return lambda: column, lambda: column
                midnight = self.dialect.cast(column, "datetime")
                return lambda: midnight, lambda: f"({midnight} + INTERVAL '1 day' - INTERVAL '1 microsecond')"

    def end(self, node: Tree, side: int) -> "End":
        if node == "..":
            return lambda: self.dialect.cast("'infinity'" if side else "'-infinity'", "datetime")
        return self.span(cql2.instant(node) if isinstance(node, str) else node)[side]

    def moment(self, at: datetime) -> str:
        ms, rest = divmod((at - _EPOCH) // timedelta(microseconds=1), 1000)
        return self.dialect.moment(ms, self.values, rest)

    # --- places ---

    def placed(self, op: str, left: Tree, right: Tree, certain: bool) -> str:
        """How the geometry of a row lies to another geometry."""
        if op == "s_disjoint":
            return f"NOT ({self.placed('s_intersects', left, right, False)})"
        mine, theirs = ("property" in n for n in (left, right))
        if mine and theirs:
            own = self.dialect.shape(self.layout)
            return f"{_FUNCTIONS[op]}({own}, {own})"
        if theirs:
            return self.near(_SAME.get(op, op), right, left, certain)
        if mine:
            return self.near(op, left, right, certain)
        return "TRUE" if _holds(op, _plane(left), _plane(right)) else "FALSE"

    def near(self, op: str, own: Tree, literal: Tree, certain: bool) -> str:
        """The geometry of a row beside one that is given: by its bounds first, then exactly."""
        found = self.located(literal)
        if not found:
            nowhere = f"{self.dialect.geometry(self.layout)} IS NULL AND NULL"
            return "FALSE" if certain else nowhere
        if op == "s_within" and len(found) > 1:
            found = [_joined(found)]
        return " OR ".join(f"({self.touching(op, r, certain)})" for r in found)

    def located(self, literal: Tree) -> Sequence[Region]:
        """A geometry in the CRS of the rows, at each turn of the globe at which it can touch them."""
        native = crs_of(self.layout.crs)
        asked = in_crs(self.crs, native)
        if "bbox" in literal:
            return regions(Box(*literal["bbox"]), asked, native, self.layout.bounds)
        return polygons(cql2.geometry(literal), asked, native, self.layout.bounds)

    def touching(self, op: str, region: Region, certain: bool) -> str:
        if op == "s_intersects" and region.shape is None and self.layout.points:
            return self.dialect.overlaps(self.layout, region.outer, self.values)
        shape = boxed(region.outer) if region.shape is None else region.shape
        literal = self.dialect.literal(self.values(shapely.to_wkb(shape)), crs_of(self.layout.crs))
        exact = f"{_FUNCTIONS[op]}({self.dialect.shape(self.layout)}, {literal})"
        return f"{self.dialect.overlaps(self.layout, region.outer, self.values)} AND {exact}" if certain else exact


# --- words that need no columns ------------------------------------------------------------------------------------


def _pattern(tree: Tree) -> Tree:
    r"""A pattern in which `\` stands before `%`, `_` and `\` alone."""
    if isinstance(tree, str):
        return re.sub(r"\\([%_\\])|\\(.)|\\$", lambda m: m[2] or (m[0] if m[1] else r"\\"), tree, flags=re.DOTALL)
    return {"op": tree["op"], "args": [_pattern(tree["args"][0])]}


End = Callable[[], str]
Ends = tuple[End, End]


def _instants(op: str, a: Ends, b: Ends) -> str:
    """Two instants of which one is a whole day."""
    match op:
        case "<":
            return f"{a[1]()} < {b[0]()}"
        case ">":
            return f"{a[0]()} > {b[1]()}"
        case "<=":
            return f"{a[0]()} <= {b[1]()}"
        case ">=":
            return f"{a[1]()} >= {b[0]()}"
        case "=":
            return f"{a[0]()} <= {b[1]()} AND {a[1]()} >= {b[0]()}"
        case _:
            return f"({a[0]()} > {b[1]()} OR {a[1]()} < {b[0]()})"


_RELATIONS: Mapping[str, str] = {
    "t_after": "{a0} > {b1}",
    "t_before": "{a1} < {b0}",
    "t_contains": "{a0} < {b0} AND {a1} > {b1}",
    "t_disjoint": "{a1} < {b0} OR {a0} > {b1}",
    "t_during": "{a0} > {b0} AND {a1} < {b1}",
    "t_equals": "{a0} = {b0} AND {a1} = {b1}",
    "t_finishedBy": "{a0} < {b0} AND {a1} = {b1}",
    "t_finishes": "{a0} > {b0} AND {a1} = {b1}",
    "t_intersects": "{a0} <= {b1} AND {a1} >= {b0}",
    "t_meets": "{a1} = {b0}",
    "t_metBy": "{a0} = {b1}",
    "t_overlappedBy": "{a0} > {b0} AND {a0} < {b1} AND {a1} > {b1}",
    "t_overlaps": "{a0} < {b0} AND {a1} > {b0} AND {a1} < {b1}",
    "t_startedBy": "{a0} = {b0} AND {a1} > {b1}",
    "t_starts": "{a0} = {b0} AND {a1} < {b1}",
}
"""Clause 7.8 of CQL2: starts (0) and ends (1) of two intervals; an instant is an interval that ends as it starts."""


def _temporal(op: str, a: Ends, b: Ends, instants: bool) -> str:
    if op == "t_equals" and instants:
        return _instants("=", a, b)
    told = dict(zip(("a0", "a1", "b0", "b1"), (*a, *b), strict=True))
    return re.sub(r"\{(..)\}", lambda m: told[m[1]](), _RELATIONS[op])


def _holds(op: str, one: BaseGeometry, other: BaseGeometry) -> bool:
    relation = cast(Callable[[Any, Any], bool], operator.attrgetter(op.removeprefix("s_"))(shapely))
    return bool(relation(one, other))


def _plane(literal: Tree) -> BaseGeometry:
    """A geometry that is compared with another that is given."""
    if "bbox" not in literal:
        return cql2.geometry(literal)
    west, south, east, north = literal["bbox"]
    return boxed((west, south, east if west <= east else east + 360, north))


def _joined(found: Sequence[Region]) -> Region:
    """All turns of a place as one."""
    shape = shapely.union_all([boxed(r.outer) if r.shape is None else r.shape for r in found])
    return Region(shape.bounds, None, shape)
