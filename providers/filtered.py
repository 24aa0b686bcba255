"""A filter as stock pygeoapi has it, a pygeofilter tree, told as CQL2 again."""

from datetime import date, datetime
from typing import Any

from pygeofilter import ast, values

from poles.errors import Invalid

Tree = Any
"""CQL2 JSON."""

_SPATIAL = ("Intersects", "Disjoint", "Contains", "Within", "Touches", "Crosses", "Overlaps", "Equals")
_TEMPORAL = {
    "After": "after", "Before": "before", "Contains": "contains", "Disjoint": "disjoint", "During": "during",
    "Equals": "equals", "EndedBy": "finishedBy", "Ends": "finishes", "Meets": "meets", "MetBy": "metBy",
    "OverlappedBy": "overlappedBy", "Overlaps": "overlaps", "BegunBy": "startedBy", "Begins": "starts",
}  # fmt: skip
_BINARY: dict[str, str] = {
    "And": "and", "Or": "or", "Equal": "=", "NotEqual": "<>", "LessThan": "<", "LessEqual": "<=", "GreaterThan": ">",
    "GreaterEqual": ">=", "Add": "+", "Sub": "-", "Mul": "*", "Div": "/",
    **{f"Geometry{name}": f"s_{name.lower()}" for name in _SPATIAL},
    **{f"Time{name}": f"t_{said}" for name, said in _TEMPORAL.items()},
}  # fmt: skip
"""Nodes of two operands by their class."""
_FUNCTIONS = {"lower": "casei", "casei": "casei", "accenti": "accenti"}
"""CASEI becomes `lower` in stock's parser."""


def tree(node: Any) -> Tree:
    """The filter as CQL2 JSON. Raises Invalid for what CQL2 cannot say, so that nothing is lost."""
    name = type(node).__name__
    if name in _BINARY:
        return _called(_BINARY[name], node.lhs, node.rhs)
    match node:
        case ast.Attribute():
            return {"property": node.name.strip('"')}
        case ast.Not():
            return _called("not", node.sub_node)
        case ast.Function() if node.name.lower() in _FUNCTIONS:
            return _called(_FUNCTIONS[node.name.lower()], *node.arguments)
        case ast.Between() | ast.Like() | ast.In() | ast.IsNull():
            found = _predicate(node)
            return {"op": "not", "args": [found]} if node.not_ else found
        case _:
            return _literal(node)


def _called(op: str, *operands: Any) -> Tree:
    return {"op": op, "args": [tree(o) for o in operands]}


def _predicate(node: Any) -> Tree:
    """A predicate as it is before it is negated."""
    match node:
        case ast.Between():
            return _called("between", node.lhs, node.low, node.high)
        case ast.Like():
            return _called("like", node.lhs, node.pattern)
        case ast.In():
            return {"op": "in", "args": [tree(node.lhs), [tree(o) for o in node.sub_nodes]]}
        case _:
            return _called("isNull", node.lhs)


def _literal(node: Any) -> Tree:
    match node:
        case bool() | int() | float() | str():
            return node
        case datetime():
            return {"timestamp": node.isoformat()}
        case date():
            return {"date": node.isoformat()}
        case values.Interval():
            return {"interval": [_end(node.start), _end(node.end)]}
        case values.Geometry() | values.Envelope():
            told = node.__geo_interface__
            return {k: told[k] for k in ("type", "coordinates", "geometries") if k in told}
        case _:
            raise Invalid("filter", f"{type(node).__name__} is not understood", "write it in CQL2")


def _end(value: Any) -> Tree:
    """An end of an interval, open or as text."""
    if value in (None, ".."):
        return ".."
    return value.isoformat() if isinstance(value, date) else tree(value)
