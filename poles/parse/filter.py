"""`filter`: CQL2 as text or as JSON becomes a tree that is checked."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import cql2 as standard

from poles.parse import cql2, where
from poles.parse.cql2 import Kinds, Tree, refused
from poles.parse.text import shown
from poles.query import CRS84

LANGUAGES = ("cql2-text", "cql2-json")
"""Values of `filter-lang`; the first is meant where none is given."""
LONGEST = 60_000
"""Characters of one filter."""

_GEOMETRIES = frozenset(
    ("POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION")
)
_OPERATORS = frozenset(("and", "or", "not", "in", "like", "between", "is", "div"))
_TOKEN = re.compile(
    r"""(?P<text>'(?:\\'|[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<name>[^\W\d][\w.:]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?)
    |(?P<sign>[-+*/%^<>=!]+)
    |(?P<open>\()|(?P<close>\))|(?P<comma>,)
    |\s+|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_PLACE = re.compile(r"--> (\d+):(\d+)")
_WHOLE = "poles_whole"
"""A function around whole numbers that a float does not hold, on their way through the parser."""
_EXAMPLE = "write CQL2, as height > 20 AND name LIKE 'a%'"


def parsed(text: str, language: str, kinds: Kinds, crs: str = CRS84) -> Tree:
    """The filter as a checked tree of CQL2 JSON, its geometries x before y in `crs`. Raises Invalid.

    >>> parsed("height > 20", "cql2-text", {"height": "integer"})
    {'op': '>', 'args': [{'property': 'height'}, 20]}
    """
    if len(text) > LONGEST:
        raise refused(f"{len(text)} characters", f"give at most {LONGEST}")
    tree = _of_json(text) if language == "cql2-json" else _of_text(text)
    return cql2.checked(tree, kinds, crs, where.is_northing_first(crs))


# --- text ----------------------------------------------------------------------------------------------------------


def _of_text(text: str) -> Tree:
    spelled = _Spelled(text)
    try:
        tree = standard.parse_text(spelled.text).to_json()
    except standard.ParseError as err:
        _point_out(spelled.text, str(err))
    return _whole(tree) if _WHOLE in spelled.text else tree


def _point_out(text: str, error: str) -> NoReturn:
    """Raises Invalid with the place at which the parser stopped."""
    place = _PLACE.search(error)
    rest = ""
    if place is not None:
        rest = "\n".join(text.split("\n")[int(place[1]) - 1 :])[int(place[2]) - 1 :]
    raise refused(f"{shown(rest)!r} is not understood" if rest.strip() else "it ends too early", _EXAMPLE) from None


class _Spelled:
    r"""A filter as the parser takes it, once it is sure that the parser can bear it.

    The standard also writes `.5`, `\'` in texts, exponents in positions, and whole numbers of 64 bits. Too many
    operators, or parentheses too deep, would end the process.
    """

    def __init__(self, text: str) -> None:
        self.depth: list[bool] = []
        """Of each open parenthesis, whether positions stand in it."""
        self.operators = self.numbers = 0
        self.word = ""
        """The name before, if it stands just before."""
        self.text = _TOKEN.sub(self.token, text)

    def token(self, match: re.Match[str]) -> str:
        """One word as it goes on to the parser."""
        kind, told = match.lastgroup, match[0]
        match kind:
            case None:
                return told
            case "text":
                told = re.sub(r"\\'(?!$)", "''", told)
            case "number":
                told = self.number(told)
            case "name":
                return self.name(told)
            case "sign" if not self.placing:
                self.counted()
            case "open":
                self.opened()
            case "close" | "comma":
                self.numbers = 0
                self.depth = self.depth[:-1] if kind == "close" else self.depth
        self.word = ""
        return told

    @property
    def placing(self) -> bool:
        """Whether positions stand here, whose signs are no operators."""
        return bool(self.depth) and self.depth[-1]

    def name(self, told: str) -> str:
        if told.upper() == "EMPTY" and self.word:
            raise refused(f"an empty {shown(self.word)}", "give it positions")
        if told.lower() in _OPERATORS:
            self.counted()
        if not (told.upper() in ("Z", "M", "ZM") and self.word):
            self.word = told if told.upper() in _GEOMETRIES else ""
        return told

    def opened(self) -> None:
        self.depth.append(bool(self.word) or self.placing)
        self.numbers = 0
        if len(self.depth) > cql2.DEEPEST:
            raise refused(f"parentheses are nested deeper than {cql2.DEEPEST}", "say it more simply")

    def counted(self) -> None:
        self.operators += 1
        if self.operators > cql2.MOST:
            raise refused(f"more than {cql2.MOST} operators", "say it more simply, with IN for example")

    def number(self, told: str) -> str:
        """A number without exponent; a whole one that a float may not hold as it is written."""
        if self.placing:
            self.numbers += 1
            if self.numbers > 4:
                raise refused("a position of more than 4 numbers", "give x and y")
        if told.isdigit():
            return told if len(told) < 16 or self.placing else f"{_WHOLE}('{told}')"
        if "e" in told.lower() or told[0] == ".":
            if abs(Decimal(told).adjusted()) > 400 and Decimal(told):
                raise refused(f"the number {shown(told)}", "give numbers that a computer holds")
            return f"{Decimal(told):f}"
        return told


def _whole(tree: Tree) -> Tree:
    """The tree with its long whole numbers in their places."""
    match tree:
        case {"op": str(op), "args": [str(digits)]} if op == _WHOLE and digits.isdigit():
            return _integer(digits)
        case {"op": "*", "args": [-1 | -1.0, {"op": str(op), "args": [str(digits)]}]} if op == _WHOLE:
            return -_integer(digits) if digits.isdigit() else tree
        case dict():
            return {k: _whole(v) for k, v in tree.items()}
        case list():
            return [_whole(v) for v in tree]
        case _:
            return tree


# --- JSON ----------------------------------------------------------------------------------------------------------


def _of_json(text: str) -> Tree:
    _bearable(text)
    try:
        tree = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once, parse_int=_integer)
    except json.JSONDecodeError as err:
        rest = shown(text[err.pos :])
        raise refused(f"{rest!r} is no JSON" if rest.strip() else "it ends too early", "write CQL2 JSON") from None
    if not isinstance(tree, dict | bool):
        raise refused(f"{shown(text)!r} is no CQL2 JSON", 'write {"op": "=", "args": [{"property": "name"}, "a"]}')
    return tree


def _bearable(text: str) -> None:
    """Refuses what is nested too deep, or says too much, to be read."""
    depth = operators = 0
    for match in _JSON.finditer(text):
        depth += 1 if match[0] in "[{" else -1 if match[0] in "]}" else 0
        operators += match[0] == '"op"'
        if depth > cql2.DEEPEST or operators > cql2.MOST:
            most = f"more than {cql2.MOST} operators" if operators > cql2.MOST else f"deeper than {cql2.DEEPEST}"
            raise refused(f"it is nested {most}" if "deeper" in most else most, "say it more simply")


def _no_number(name: str) -> NoReturn:
    raise refused(f"{name} is no JSON", "give finite numbers")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else float(digits)


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refused("a key is given twice", "give it once")
    return found
