"""What the rows of a data set are filtered and sorted by."""

from collections.abc import Mapping, Sequence
from typing import Any

from poles.dataset import Described, Text
from poles.errors import Invalid
from poles.parse import cql2, when, where
from poles.parse.cql2 import Kind, Kinds, Tree
from poles.parse.filter import LANGUAGES, parsed
from poles.parse.text import Asked, choices, is_number, listed, shown, single
from poles.query import Moment

_KINDS: Mapping[str, Kind] = {
    "float": "float", "integer": "integer", "string": "string", "boolean": "boolean", "datetime": "datetime",
    "date": "date",
}  # fmt: skip
"""What a property holds, by its type; all else (lists, objects) is answered alone."""

_ID = Described("id", Text("Identifier", "Identifiant"), dtype="string")


def kinds(there: Mapping[str, Described], opened: bool = True) -> Kinds:
    """What a filter may name: the properties, the identifier and the geometry."""
    held = {k: _KINDS.get(d.dtype, "other") for k, d in there.items()}
    return (dict if opened else cql2.Open)({"id": "string", **held, "geometry": "geometry"})


def condition(
    asked: Asked, tree: Tree | None, crs: str, there: Mapping[str, Described], declared: Sequence[str], opened: bool
) -> Tree | None:
    """The CQL2 tree of `filter` and of all properties that are asked by their names; None: all rows.

    `tree` is a filter that came as one. A property that is called as a declared parameter is asked by `filter` alone.
    Of data that were never `opened` there may be other properties.
    """
    found = [] if tree is None else [cql2.checked(tree, kinds(there, opened), crs)]
    language = single(asked, "filter-lang") or LANGUAGES[0]
    if language not in LANGUAGES:
        raise Invalid("filter-lang", f"{shown(language)!r} is not understood", f"give {' or '.join(LANGUAGES)}")
    text = single(asked, "filter")
    if text is not None:
        found.append(parsed(text, language, kinds(there, opened), crs))
    named = [name for name in asked if (name == "id" or name in there) and name not in declared]
    found += [_equal(there.get(name, _ID), str(single(asked, name))) for name in named]
    return {"op": "and", "args": found} if len(found) > 1 else next(iter(found), None)


def _equal(described: Described, text: str) -> Tree:
    return {"op": "=", "args": [{"property": described.key}, _literal(described, text)]}


def _literal(described: Described, text: str) -> Any:
    """A value of the type of a property, as CQL2 JSON writes it. Raises Invalid."""
    match described.dtype:
        case "integer" | "float":
            if not is_number(text):
                raise Invalid(described.key, f"{shown(text)!r} is no number", "give a number")
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        case "boolean":
            if text.lower() not in ("true", "false"):
                raise Invalid(described.key, f"{shown(text)!r} is neither true nor false", "give true or false")
            return text.lower() == "true"
        case "datetime" | "date":
            return _instant(described.key, when.moment(text, described.key))
        case "array" | "object":
            raise Invalid(described.key, "it holds lists or objects", "ask of another property")
        case _:
            return text


def _instant(name: str, moment: Moment) -> Tree:
    """A day or a time of the calendar that rows have."""
    year, month, day, *clock = moment.fields
    text = f"{year:04}-{month:02}-{day:02}"
    if clock:
        text += f"T{clock[0]:02}:{clock[1]:02}:{clock[2]:02}.{clock[3]:03}Z"
    try:
        return cql2.instant(text)
    except Invalid as err:
        raise Invalid(name, err.found, "give 2020-01-31 or 2020-01-31T12:00:00Z") from None


def order(asked: Asked, there: Mapping[str, Described]) -> tuple[tuple[str, bool], ...]:
    """`sortby=-time,name`: names, and whether each ascends; a `+` may have become a space on its way.

    Of `there` nothing is known where it is empty.
    """
    text = single(asked, "sortby")
    if text is None:
        return ()
    sortable = ["id", *(k for k, d in there.items() if d.dtype in _KINDS)]
    keys = [(k[k[:1] in ("+", "-") :].strip(), not k.startswith("-")) for k in listed("sortby", text)]
    for name, _ in keys:
        if not name or (there and name not in sortable):
            fault = "is not sorted by" if name in there or name == "geometry" else "is not there"
            raise Invalid("sortby", f"{shown(name)!r} {fault}", f"give of {choices(sortable)}")
    first = dict(reversed(keys))
    return tuple((name, first[name]) for name in dict(keys))


def offered(name: str, crs: str | None, of_data: str, choice: Sequence[str]) -> str | None:
    """A CRS in which rows are asked and answered. Raises Invalid for any other."""
    if crs is None or crs in (of_data, where.NATIVE) or crs in choice:
        return crs
    raise Invalid(name, f"{shown(crs)} is not offered", f"give of {choices(choice)}")
