"""The OpenAPI 3.0 document of a view: self-contained, templated over collections, or written out for one data set.

`python -m web.openapi` writes the document of the demonstration catalogue to `openapi/openapi.json`; with `--check`
it only tells whether that file is fresh.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from poles import __version__
from poles.catalogue import read
from poles.dataset import Dataset, Text
from poles.metadata import ogc
from poles.parse import DECLARED
from web import listing
from web.openapi.schemas import SCHEMAS
from web.views import View, Views

Document = dict[str, Any]
GENERATED = Path(__file__).parents[2] / "openapi" / "openapi.json"
DEMONSTRATION = Path(__file__).parents[2] / "pygeoapi-config.yml"
HOST = "http://localhost:5000"

VERBS: dict[str, tuple[str, str, Text]] = {
    "position": ("/position", "edr", Text("Values at a position", "Valeurs en un point")),
    "area": ("/area", "edr", Text("Values in a polygon", "Valeurs dans un polygone")),
    "cube": ("/cube", "edr", Text("Values in a box", "Valeurs dans une boîte")),
    "locations": ("/locations", "edr", Text("The locations", "Les lieux")),
    "location": ("/locations/{locationId}", "edr", Text("Values of one location", "Valeurs d'un lieu")),
    "coverage": ("/coverage", "coverage", Text("The coverage, or a subset", "La couverture, ou une partie")),
    "items": ("/items", "feature", Text("A page of items", "Une page d'éléments")),
    "item": ("/items/{itemId}", "feature", Text("One item", "Un élément")),
}
"""Path below the collection, API and summary of each question to data."""
TAGS = {"edr": "EDR", "coverage": "Coverages", "feature": "Features"}
WITHOUT_Z = (
    "The parameter z is accepted too, though not declared here: a level, a list 10,50, an interval 10/100 or a repeat "
    "R5/0/10, in the units of the collection's vertical extent."
)


def document(view: View, processes: Iterable[str], language: str = "en") -> Document:
    """The document of a view, with the paths that its data sets are served by."""
    paths: Document = dict(_common(language))
    only = view.datasets[view.only] if view.only else None
    prefix = f"/collections/{view.only}" if view.only else "/collections/{collectionId}"
    paths[prefix] = _path("Collections", "collection", ("One collection", "Une collection"), language, _of_path(prefix))
    paths |= _data_paths(view, only, prefix, language)
    paths |= _process_paths(tuple(processes), language)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": view.title.in_(language),
            "description": view.description.in_(language),
            "version": __version__,
            "license": {"name": "MIT"},
        },
        "servers": [{"url": view.url or "/"}],
        "tags": [{"name": n} for n in ("Capabilities", "Collections", *TAGS.values(), "Processes")],
        "paths": paths,
        "components": {
            "parameters": {n: PARAMETERS[n] for n in ("limit", "offset", "bbox", "datetime", "f", "lang")},
            "schemas": SCHEMAS,
            "responses": RESPONSES,
        },
    }


# --- parameters ----------------------------------------------------------------------------------------------------


def _parameter(
    name: str, schema: Document, description: str, *, required: bool = False, explode: bool = False
) -> Document:
    return {
        "name": name, "in": "query", "required": required, "style": "form", "explode": explode,
        "description": description, "schema": schema,
    }  # fmt: skip


_TEXT = {"type": "string"}
_NAMES = {"type": "array", "items": _TEXT}
_BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
PARAMETERS: dict[str, Document] = {
    "f": _parameter("f", _TEXT, "The format of the answer; without it, Accept decides."),
    "lang": _parameter(
        "lang", {"type": "string", "enum": ["en", "fr"]}, "The language; without it, Accept-Language decides."
    ),
    "limit": _parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100},
        "How many at most; more are clamped.",
    ),
    "offset": _parameter("offset", {"type": "integer", "minimum": 0, "default": 0}, "How many to skip."),
    "bbox": _parameter("bbox", _BOX, "West, south, east, north; west > east crosses 180 degrees."),
    "bbox-crs": _parameter("bbox-crs", {"type": "string", "format": "uri"}, "The CRS of bbox; CRS84 without it."),
    "datetime": _parameter("datetime", _TEXT, "A time, an interval a/b with .. for an open end, or a comma list."),
    "coords": _parameter("coords", _TEXT, "WKT, x before y: POINT(2.3 48.9).", required=True),
    "z": _parameter("z", _TEXT, "A level, a list 10,50, an interval 10/100 or a repeat R5/0/10."),
    "parameter-name": _parameter("parameter-name", _NAMES, "Keys of parameters; all without it."),
    "properties": _parameter("properties", _NAMES, "Keys of parameters; all without it."),
    "crs": _parameter("crs", _TEXT, "The CRS of the answer, and for EDR of the coordinates asked."),
    "subset": _parameter(
        "subset", _NAMES, 'Axis(low:high) or Axis(value): Lat(40:50),time("2020-01-01").', explode=True
    ),
    "subset-crs": _parameter("subset-crs", {"type": "string", "format": "uri"}, "The CRS of subset; CRS84 without it."),
    "scale-size": _parameter("scale-size", _NAMES, "Cells along axes, picked from those there are: Lon(360),Lat(180)."),
    "scale-axes": _parameter("scale-axes", _NAMES, "Factors by which axes have fewer cells: Lon(2),Lat(2)."),
    "scale-factor": _parameter(
        "scale-factor",
        {"type": "number", "exclusiveMinimum": True, "minimum": 0},
        "Rows and columns by this factor fewer.",
    ),
    "sortby": _parameter("sortby", _NAMES, "Properties to sort by; - before one descends."),
    "skipGeometry": _parameter("skipGeometry", {"type": "boolean", "default": False}, "Leave geometries out."),
    "q": _parameter("q", _NAMES, "Terms, of which one stands in title, description or keywords."),
    "pole": _parameter("pole", {"type": "string", "enum": ["theia", "aeris", "formater", "odatis"]}, "The data pole."),
}


def _of_path(path: str) -> list[Document]:
    """The parameters that a path holds in braces."""
    names = [part.split("}")[0] for part in path.split("{")[1:]]
    return [
        {"name": n, "in": "path", "required": True, "style": "simple", "explode": False, "schema": _TEXT} for n in names
    ]


def _queried(verb: str, dataset: Dataset | None) -> list[Document]:
    """The query parameters of a question; those of one data set name what it has."""
    names = list(DECLARED[verb])
    if dataset is not None and "z" in names:
        names.remove("z")  # the CITE suite demands `required: true` wherever z is declared
    found = [PARAMETERS[n] for n in names]
    if verb == "cube":
        found = [{**p, "required": True} if p["name"] == "bbox" else p for p in found]
    return found if dataset is None else [_known(p, verb, dataset) for p in found] + _own(verb, dataset)


def _known(parameter: Document, verb: str, dataset: Dataset) -> Document:
    """A parameter with the values that one data set knows."""
    name, keys = parameter["name"], [p.key for p in dataset.parameters]
    if name in ("parameter-name", "properties") and keys:
        return {**parameter, "schema": {"type": "array", "items": {"type": "string", "enum": keys}}}
    if name == "f":
        return {**parameter, "schema": {"type": "string", "enum": [*_formats(verb, dataset), "json", "html"]}}
    if name == "limit":
        limits = dataset.limits
        return {
            **parameter,
            "schema": {"type": "integer", "minimum": 1, "maximum": limits.items_max, "default": limits.items},
        }
    return parameter


def _own(verb: str, dataset: Dataset) -> list[Document]:
    """What a data set brings itself: properties of its items, axes beside x, y, z and t."""
    if verb == "items":
        types = {"float": "number", "integer": "integer", "boolean": "boolean"}
        described = [(p.key, types.get(p.dtype, "string"), p.label.en) for p in dataset.parameters]
        return [
            _parameter(k, {"type": t}, f"Items whose {label} is this.")
            for k, t, label in described
            if k not in PARAMETERS
        ]
    axes = dataset.facts.axes if dataset.facts and verb in ("position", "area", "cube", "location") else ()
    others = [a for a in axes if a.name not in ("x", "y", "z", "t")]
    return [_parameter(a.name, _TEXT, f"Values along {a.label or a.name}, in the syntax of z.") for a in others]


# --- paths ---------------------------------------------------------------------------------------------------------


def _common(language: str) -> Iterable[tuple[str, Document]]:
    listed = [PARAMETERS[n] for n in sorted(listing.PARAMETERS)]
    yield "/", _path("Capabilities", "landingPage", ("Landing page", "Page d'accueil"), language)
    yield (
        "/conformance",
        _path("Capabilities", "confClasses", ("Conformance classes", "Classes de conformité"), language),
    )
    yield "/openapi", _path("Capabilities", "object", ("This document", "Ce document"), language)
    yield "/collections", _path("Collections", "collections", ("The collections", "Les collections"), language, listed)


def _path(
    tag: str, schema: str, titles: tuple[str, str], language: str, parameters: Iterable[Document] = ()
) -> Document:
    """A document in JSON and HTML."""
    content = {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}},
        "text/html": {"schema": _TEXT},
    }
    title = Text(*titles).in_(language)
    asked = [*parameters, PARAMETERS["f"], PARAMETERS["lang"]]
    answers = {"200": {"description": title, "content": content}, **_refusals("400", "404", "406", "500")}
    return {"get": {"tags": [tag], "summary": title, "parameters": asked, "responses": answers}}


def _data_paths(view: View, only: Dataset | None, prefix: str, language: str) -> Document:
    """The questions to data: those that some data set of the view answers."""
    paths: Document = {}
    offered = {v for d in view.datasets.values() for v in verbs(d)}
    if offered & {"coverage", "items"}:
        for name, titles in (
            ("schema", ("Schema", "Schéma")),
            ("queryables", ("Queryables", "Propriétés interrogeables")),
        ):
            paths[f"{prefix}/{name}"] = _path("Collections", "object", titles, language, _of_path(prefix))
    for verb, (path, api, title) in VERBS.items():
        if verb in offered:
            paths[prefix + path] = {"get": _question(verb, api, title.in_(language), prefix + path, only)}
    return paths


def verbs(dataset: Dataset) -> set[str]:
    """The questions that a data set answers."""
    found = {q for q in ogc.queries(dataset) if q != "items"}
    if "locations" in found:
        found.add("location")
    if "coverage" in dataset.apis:
        found.add("coverage")
    return found | ({"items", "item"} if "feature" in dataset.apis else set())


def _question(verb: str, api: str, title: str, path: str, dataset: Dataset | None) -> Document:
    """One operation over data."""
    content = {_media(n): {"schema": _schema(verb, n)} for n in _formats(verb, dataset)}
    content["text/html"] = {"schema": _TEXT}
    answers: Document = {"200": {"description": title, "content": content}}
    if verb in ("position", "area", "cube", "location", "coverage"):
        answers["204"] = {"description": "Nothing is there"}
    told = {"description": WITHOUT_Z} if dataset is not None and "z" in DECLARED[verb] else {}
    return {
        "tags": [TAGS[api]], "summary": title, **told,
        "parameters": [*_of_path(path), *_queried(verb, dataset)],
        "responses": answers | _refusals("400", "404", "406", "413", "500", "503"),
    }  # fmt: skip


def _formats(verb: str, dataset: Dataset | None) -> tuple[str, ...]:
    if verb in ("items", "item", "locations"):
        return ogc.ROWS
    if verb == "coverage":
        return ogc.coverage_formats(dataset) if dataset else ("CoverageJSON", "NetCDF", "GeoTIFF", "CSV")
    return ogc.SAMPLES


def _media(name: str) -> str:
    return ogc.MEDIA_TYPES[name]


def _schema(verb: str, name: str) -> Document:
    if name == "GeoJSON":
        return {"$ref": f"#/components/schemas/{'featureGeoJSON' if verb == 'item' else 'featureCollectionGeoJSON'}"}
    if name == "CoverageJSON":
        return {"$ref": "#/components/schemas/coverageJSON"}
    return _TEXT if name == "CSV" else {"type": "string", "format": "binary"}


def _process_paths(processes: tuple[str, ...], language: str) -> Document:
    limit = [PARAMETERS["limit"]]
    paths = {
        "/processes": _path("Processes", "processList", ("The processes", "Les traitements"), language, limit),
        "/jobs": _path(
            "Processes", "jobList", ("The jobs", "Les exécutions"), language, [*limit, PARAMETERS["offset"]]
        ),
    }
    for name in processes:
        paths[f"/processes/{name}"] = _path("Processes", "process", (name, name), language)
        paths[f"/processes/{name}/execution"] = {"post": _execution(name)}
    return paths


def _execution(name: str) -> Document:
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/execute"}}}
    result = {"description": "The result", "content": {"*/*": {"schema": {}}}}
    return {
        "tags": ["Processes"],
        "summary": name,
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": result,
            "204": {"description": "Nothing is there"},
            **_refusals("400", "404", "413", "500", "503"),
        },
    }


_REFUSED = {
    "400": "The question is malformed, or names something that is not there",
    "404": "There is no such resource",
    "406": "No format that is accepted can be sent",
    "413": "The answer would be too large; the text names what was asked and what is allowed",
    "500": "An error of the server, with a request id",
    "503": "The data cannot be read at this moment",
}
RESPONSES: Document = {
    f"Error{status}": {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/exception"}}},
    }
    for status, text in _REFUSED.items()
}


def _refusals(*statuses: str) -> Document:
    return {s: {"$ref": f"#/components/responses/Error{s}"} for s in statuses}


# --- the generated document ----------------------------------------------------------------------------------------


def generated(config: Path = DEMONSTRATION) -> bytes:
    """The document of a catalogue's root, as it is kept under version control."""
    catalogue = read(config)
    processes = [n for n, r in catalogue.config["resources"].items() if r.get("type") == "process"]
    made = document(Views(catalogue, HOST).root, processes)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"


def fresh() -> bool:
    """Whether the file under version control is what this code makes."""
    return GENERATED.exists() and GENERATED.read_bytes() == generated()


def main(arguments: Iterable[str]) -> int:
    """Writes the file, or checks it."""
    if "--check" in arguments:
        if fresh():
            return 0
        sys.stderr.write(f"poles: openapi/{GENERATED.name}: not fresh; run python -m web.openapi\n")
        return 1
    GENERATED.write_bytes(generated())
    return 0
