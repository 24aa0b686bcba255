"""The OpenAPI document of a view as it is asked by: its texts given formats that our strategies fill.

`documented` keeps what the document declares, but for the leniencies, so that what violates it must be refused.
`in_the_field` makes every parameter a text, as a client writes it, and adds what clients send without being told of it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import schemathesis
from hypothesis import strategies as st

from . import values
from .filters import filters
from .seeds import Seeds

Document = dict[str, Any]
Made = Callable[[Seeds], st.SearchStrategy[str]]

LENIENT = {
    "`limit` above its maximum": "is clamped, as Features Part 1 says",
    "`offset` above its maximum": "is a page without rows",
    "`f=`, `lang=` and `filter-lang=` without a value, or of spaces": "are as if they were not there",
    "a name given twice in `properties` or `parameter-name`": "is that name once: such a list has no greatest length",
    "a property asked by a value beyond its limits": "is a question, and nothing is its answer",
    "`Range` that is no range of bytes": "is not looked at, as RFC 9110 says",
    "`scale-factor` above its maximum": "makes one cell of all",
}
"""What the schemas of the document forbid and the server takes, and why: left out of negative_data_rejection."""


def _keys(seeds: Seeds) -> tuple[str, ...]:
    return (*seeds.queryables, *seeds.parameters)


WRITTEN: dict[str, Made] = {
    "coords": values.points,
    "bbox": values.bboxes,
    "datetime": values.datetimes,
    "z": lambda _: values.levels(),
    "crs": values.crss,
    "bbox-crs": values.crss,
    "filter-crs": values.crss,
    "subset-crs": values.crss,
    "filter": filters,
    "filter-lang": lambda _: values.among(["cql2-text", "cql2-json", "cql2-text", "CQL2-TEXT", "cql-text", ""]),
    "parameter-name": lambda seeds: values.names(seeds.parameters),
    "properties": lambda seeds: values.names(_keys(seeds)),
    "sortby": values.sorts,
    "limit": lambda _: values.whole(200),
    "offset": lambda _: values.whole(2_000),
    "skipGeometry": lambda _: values.among(["true", "false", "TRUE", "1", "0", "yes", "", "maybe"]),
    "f": lambda _: values.formats(),
    "lang": lambda _: values.among(["en", "fr", "FR", "fr-CA", "en_GB", "de", "", "*"]),
    "subset": values.subsets,
    "scale-size": lambda _: values.scales(),
    "scaleSize": lambda _: values.scales(),
    "scale-axes": lambda _: values.scales(),
    "scale-factor": lambda _: values.whole(50),
    "q": lambda _: values.among(["temperature", "sea,surface", "é", "", ",", "'", "%", "*", "a" * 5_000]),
    "pole": lambda _: values.among(["odatis", "aeris", "theia", "formater", "ODATIS", "", "no"]),
    "collectionId": lambda seeds: values.identifiers(seeds.collections),
    "collection": lambda seeds: values.identifiers(seeds.collections),
    "featureId": lambda seeds: values.identifiers(seeds.items),
    "locationId": lambda seeds: values.identifiers(seeds.locations),
    "fileName": lambda seeds: values.identifiers(seeds.files),
    "polygon": values.polygons,
    "Range": lambda _: values.ranges(),
    "Accept": lambda _: values.accepts(),
    "Accept-Language": lambda _: values.among(values.LANGUAGES),
    "If-None-Match": lambda _: values.among(["*", '"x"', 'W/"0123456789abcdef"', "nonsense", '""', ","]),
}
"""How the values of a parameter are written; of any other name, those of a property."""
FREE = ("coords", "datetime", "z", "filter", "collectionId", "featureId", "locationId", "fileName", "Range")
"""Texts that the document leaves open."""
HEADERS = ("Accept", "Accept-Language", "If-None-Match")
UNTOLD = ("z", "filter", "no-such-parameter")
"""What clients send to data where it is not declared: z is taken by EDR, all else is refused."""


MOST = 4
"""How many parameters that need not be given are asked together: each may be wrong, and a refusal names the first."""


HEAVY = ("bbox", "datetime", "crs", "properties", "parameter-name", "sortby", "subset", "f")
WEIGHT = 4
"""Parameters that are asked more often than others, and how much."""


def registered(seeds: Seeds) -> None:
    """Makes the strategies of a view known to schemathesis, under the names of the parameters."""
    for name in (*WRITTEN, *seeds.queryables):
        schemathesis.openapi.format(_format(name), written(name, seeds))


def written(name: str, seeds: Seeds) -> st.SearchStrategy[str]:
    """How the values of a parameter are written."""
    return WRITTEN[name](seeds) if name in WRITTEN else _of_property(name, seeds)


def questions(path: str, parameters: Mapping[str, bool], seeds: Seeds) -> st.SearchStrategy[dict[str, str]]:
    """Queries of some parameters, by name and whether each has to be given; all given, or one left out."""
    needed = [n for n, required in parameters.items() if required]
    free = [n for n, required in parameters.items() if not required]
    weighed = [n for n in free for _ in range(_weight(n, path))]
    some = st.lists(st.sampled_from(weighed), unique=True, min_size=1, max_size=MOST) if free else st.just([])
    made = {n: written(_meant(n, path), seeds) for n in parameters}
    return _some(needed, some, made)


def _weight(name: str, path: str) -> int:
    """How often a parameter is asked: what a question takes more than what it refuses."""
    match name:
        case "filter":
            return 2 * WEIGHT if path.endswith("/items") else 1
        case "z":
            return 1 if path.endswith(("/items", "/locations", "/coverage", "/domainset", "/rangetype")) else WEIGHT
        case _:
            return WEIGHT if name in HEAVY else 1


def _some(needed: list[str], free: st.SearchStrategy[list[str]], made: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What has to be given, seldom without the first of it, and some of what is free."""
    given = st.sampled_from([needed] * 15 + [needed[1:]])
    return st.builds(lambda a, b: [*a, *b], given, free).flatmap(
        lambda chosen: st.fixed_dictionaries({n: made[n] for n in chosen})
    )


def executions(inputs: Mapping[str, Document], seeds: Seeds) -> st.SearchStrategy[Document]:
    """Execute requests: a process asked with some of its inputs, for its result raw or in a document."""
    needed = [n for n, i in inputs.items() if i.get("minOccurs", 1) > 0]
    free = st.lists(st.sampled_from(sorted({*inputs} - {*needed})), unique=True, max_size=MOST - 1)
    response = st.sampled_from([{}, {"response": "raw"}, {"response": "document"}, {"response": "other"}])
    made = {n: _input(n, seeds) for n in inputs}
    return st.builds(lambda given, more: {"inputs": given, **more}, _some(needed, free, made), response)


def _input(name: str, seeds: Seeds) -> st.SearchStrategy[Any]:
    """What an input holds: a box its numbers, parameters a list, all else as it is written."""
    match name:
        case "bbox":
            return values.bboxes(seeds).map(lambda text: [_number(part) for part in text.split(",")])
        case "parameters":
            return values.names(seeds.parameters).map(lambda text: text.split(","))
        case "format":
            return written("f", seeds)
        case _:
            return written(name, seeds)


def _number(text: str) -> float | str:
    """The number of a text, if JSON has it."""
    try:
        return float(text) if math.isfinite(float(text)) else text
    except ValueError:
        return text


def _meant(name: str, path: str) -> str:
    """What a parameter holds: the coordinates of an area are those of a polygon."""
    return "polygon" if name == "coords" and path.endswith("/area") else name


def _of_property(name: str, seeds: Seeds) -> st.SearchStrategy[str]:
    """Values that items have, and others."""
    there = [str(v) for v in seeds.samples.get(name, ())] or ["a"]
    odd = st.one_of(values.among(values.NUMBERS), values.datetimes(seeds), st.text(max_size=8))
    return values.mostly(values.among(there), odd)


def _format(name: str) -> str:
    return f"poles-{name}"


# --- the two documents ---------------------------------------------------------------------------------------------


def documented(document: Document, seeds: Seeds) -> Document:
    """What is declared, with the leniencies; texts that it leaves open are written as they are meant."""
    made = _without_jobs(document)
    for path, operation in _operations(made):
        for name, schema in _schemas(operation):
            _loosen(name, schema)
            if name in seeds.queryables:
                for limit in ("maxLength", "minimum", "maximum"):
                    schema.pop(limit, None)
            if name in FREE:
                schema["format"] = _format(_meant(name, path))
    return made


def _loosen(name: str, schema: Document) -> None:
    if name in ("limit", "offset", "scale-factor"):
        schema.pop("maximum", None)
    if name in ("f", "lang", "filter-lang"):
        schema["anyOf"] = [{"enum": schema.pop("enum")}, {"pattern": r"^\s*$"}]
    if name in ("properties", "parameter-name"):
        schema.pop("maxItems", None)
    if name == "Range":
        schema.pop("pattern", None)
        schema.pop("maxLength", None)


def in_the_field(document: Document, *, data: bool) -> Document:
    """Every parameter a text; headers and names that no document has beside them.

    Of the questions to data and processes, or of all else.
    """
    made = _without_jobs(document)
    made["paths"] = {p: found for p, found in made["paths"].items() if _is_data(p) is data}
    for path, operation in _operations(made):
        there = {p["name"] for p in operation["parameters"]}
        operation["parameters"] = [_free(p) for p in operation["parameters"]]
        untold = [n for n in UNTOLD if n not in there and data and "/collections/" in path]
        operation["parameters"] += [_parameter(n, "query") for n in untold]
        operation["parameters"] += [_parameter(n, "header") for n in HEADERS]
        _bodies(operation, path)
    return made


def _is_data(path: str) -> bool:
    return path.count("/") > 2 and not path.endswith(("/schema", "/queryables", "/sortables"))


def _free(parameter: Document) -> Document:
    """The schema of a parameter gives way to a text; its example goes, which would be sent more than all else."""
    least = {"minLength": 1} if parameter["in"] == "path" else {}
    kept = {k: v for k, v in parameter.items() if k != "example"}
    return kept | {"schema": _text(parameter["name"]) | least}


def _text(name: str) -> Document:
    return {"type": "string", "format": _format(name)}


def _parameter(name: str, place: str) -> Document:
    return {"name": name, "in": place, "required": False, "schema": _text(name)}


def _bodies(operation: Document, path: str) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if not path.endswith("/execution"):
            names = [*content["schema"]["properties"], "z", "filter"]
            texts = {n: _text(_meant(n, path)) for n in names if n in WRITTEN}
            content["schema"] = _object(texts, content["schema"].get("required"))
        content.pop("example", None)


def _object(properties: Document, required: list[str] | None) -> Document:
    found: Document = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required else {})


# --- walking a document --------------------------------------------------------------------------------------------


def _without_jobs(document: Document) -> Document:
    made = deepcopy(document)
    made["paths"] = {p: found for p, found in made["paths"].items() if not p.startswith("/jobs")}
    return made


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _schemas(operation: Document) -> Iterator[tuple[str, Document]]:
    """Name and schema of every parameter, in the address and in a body."""
    for parameter in operation["parameters"]:
        yield parameter["name"], parameter["schema"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from content["schema"].get("properties", {}).items()
