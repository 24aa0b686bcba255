"""Paths of the OpenAPI document: documents, questions to data, processes; each with all that it can answer."""

from collections.abc import Callable, Iterable
from typing import Any

from poles.dataset import Dataset, Limits, Original, Text
from poles.metadata import ogc, schemas
from poles.parse import DECLARED
from web.openapi import parameters, responses
from web.openapi.parameters import Subject
from web.views import View

Document = dict[str, Any]
First = Callable[[Dataset, str], str]
"""The id of the first of the `items` or `locations` of a data set."""

POSTED = ("position", "area", "cube")
"""EDR queries that may be posted: a polygon can be longer than an address."""
OF_ROWS = ("items", "item", "locations")
"""Questions that are answered by rows, none at all among them; all others by values at places, or by 204."""
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

VERBS: dict[str, tuple[str, str, Text]] = {
    "position": ("/position", "EDR", Text("Values at a position", "Valeurs en un point")),
    "area": ("/area", "EDR", Text("Values in a polygon", "Valeurs dans un polygone")),
    "cube": ("/cube", "EDR", Text("Values in a box", "Valeurs dans une boîte")),
    "locations": ("/locations", "EDR", Text("The locations", "Les lieux")),
    "location": ("/locations/{locationId}", "EDR", Text("Values of one location", "Valeurs d'un lieu")),
    "coverage": ("/coverage", "Coverages", Text("The coverage, or a subset", "La couverture, ou une partie")),
    "items": ("/items", "Features", Text("A page of items", "Une page d'éléments")),
    "item": ("/items/{featureId}", "Features", Text("One item", "Un élément")),
}
"""Path below the collection, tag and summary of each question to data."""

TAGS: dict[str, Text] = {
    "Capabilities": Text("What this API is and does", "Ce qu'est cette API et ce qu'elle fait"),
    "Collections": Text("What data there are", "Quelles données il y a"),
    "EDR": Text("Values at places and times", "Valeurs en des lieux et des temps"),
    "Coverages": Text("Grids and parts of them", "Grilles et parties de grilles"),
    "Features": Text("Items: features and observations", "Éléments : objets et observations"),
    "Processes": Text("Computations beside the data", "Calculs auprès des données"),
}
DOCUMENTS: dict[str, tuple[str, str, str, Text]] = {
    "/": ("Capabilities", "getLandingPage", "landingPage", Text("Landing page", "Page d'accueil")),
    "/conformance": (
        "Capabilities", "getConformance", "confClasses", Text("Conformance classes", "Classes de conformité"),
    ),
    "/openapi": ("Capabilities", "getApi", "openAPI", Text("This document", "Ce document")),
    "/collections": ("Collections", "getCollections", "collections", Text("The collections", "Les collections")),
}  # fmt: skip
"""Tag, operation, schema and summary of what stands beside the collections."""


def tags(paths: Document, language: str) -> list[Document]:
    """The tags in use."""
    used = {t for path in paths.values() for operation in path.values() for t in operation["tags"]}
    return [{"name": n, "description": text.in_(language)} for n, text in TAGS.items() if n in used]


def limits(only: Dataset | None) -> Limits:
    """Of one data set, or of the server."""
    return Limits() if only is None else only.limits


def verbs(dataset: Dataset) -> set[str]:
    """The questions that a data set answers."""
    found = {q for q in ogc.queries(dataset) if q != "items"}
    if "locations" in found:
        found.add("location")
    if "coverage" in dataset.apis:
        found.add("coverage")
    return found | ({"items", "item"} if "feature" in dataset.apis else set())


# --- documents -----------------------------------------------------------------------------------------------------


def of_documents(view: View, language: str) -> Document:
    """Landing page, conformance, this document, the list of collections."""
    more = {"/collections": parameters.searches(language)}
    media = {"/openapi": (OPENAPI, responses.JSON)}
    return {
        path: _document(tag, operation, schema, title, language, more.get(path, ()), media.get(path, (responses.JSON,)))
        for path, (tag, operation, schema, title) in DOCUMENTS.items()
    }


def of_collection(view: View, language: str) -> Document:
    """One collection, and its JSON schemas."""
    path, asked = _collection(view, language)
    found = {path: _document("Collections", "getCollection", "collection", _COLLECTION, language, asked)}
    for name in ("schema", "queryables", "sortables"):
        if (one := next((d for d in view.datasets.values() if name in ogc.described_by(d)), None)) is not None:
            media = (schemas.MEDIA_TYPE, responses.JSON)
            operation = f"get{name.capitalize()}"
            title, named = ogc.TITLES[name], _named(asked, one)
            found[f"{path}/{name}"] = _document("Collections", operation, "jsonSchema", title, language, named, media)
    return found


_COLLECTION = Text("One collection", "Une collection")
_COLLECTION_ID = Text("The id of a collection", "L'identifiant d'une collection")


def _collection(view: View, language: str) -> tuple[str, list[Document]]:
    """The path of a collection, and what stands in it in braces: nothing in the view of one data set."""
    if view.only:
        return f"/collections/{view.only}", []
    example = next(iter(view.datasets), "collection")
    return "/collections/{collectionId}", [parameters.segment("collectionId", _COLLECTION_ID.in_(language), example)]


def _document(
    tag: str,
    operation: str,
    schema: str,
    title: Text,
    language: str,
    asked: Iterable[Document] = (),
    media: tuple[str, ...] = (responses.JSON,),
) -> Document:
    """A document in JSON and HTML."""
    said = title.in_(language)
    first = list(asked)
    missing = ("404",) if any(p["in"] == "path" for p in first) or tag != "Capabilities" else ()
    answers = {
        "200": responses.document(schema, said, media),
        "304": {"$ref": "#/components/responses/Unchanged"},
        **responses.refusals("400", *missing, "406", "414", "500", "503"),
    }
    written = [*first, parameters.formats(["json", "html"], language), parameters.lang(language)]
    return {
        "get": {"tags": [tag], "operationId": operation, "summary": said, "parameters": written, "responses": answers}
    }


# --- data ----------------------------------------------------------------------------------------------------------


def unknown(dataset: Dataset, verb: str) -> str:
    """An id that stands for any, where no data are opened."""
    return "1"


def of_data(view: View, language: str, first: First) -> Document:
    """The questions to data: those that some data set of the view answers."""
    path, inside = _collection(view, language)
    found: Document = {}
    for verb, (below, *_) in VERBS.items():
        if (one := _example(view, verb)) is None:
            continue
        subject = Subject(verb, one, view.only is not None, language)
        named = _named(inside, one) + _within(below, one, language, first)
        found[path + below] = {"get": _question(subject, named)}
        if verb in POSTED:
            found[path + below]["post"] = _posted(subject, named)
    return found | _beside(view, path, inside, language)


_WITHIN = {
    "locationId": Text("The id of a location", "L'identifiant d'un lieu"),
    "featureId": Text("The id of an item", "L'identifiant d'un élément"),
}


def _example(view: View, verb: str) -> Dataset | None:
    """The first data set that answers a question; one that has levels where levels are asked."""
    able = [d for d in view.datasets.values() if verb in verbs(d)]
    deep = (d for d in able if "z" in DECLARED[verb] and parameters.levels(d) is not None)
    return next(deep, next(iter(able), None))


def _named(inside: list[Document], one: Dataset) -> list[Document]:
    """The parameters of a path, with a data set for their example."""
    return [{**p, "example": one.id} for p in inside]


def _within(below: str, one: Dataset, language: str, first: First) -> list[Document]:
    verb = below.split("/")[1]
    return [parameters.segment(n, t.in_(language), first(one, verb)) for n, t in _WITHIN.items() if f"{{{n}}}" in below]


def _beside(view: View, path: str, inside: list[Document], language: str) -> Document:
    """What stands beside coverages, where some data set has it, or may have it, as its data were not opened yet."""
    able = [d for d in view.datasets.values() if "coverage" in d.apis]
    told = all(d.facts is not None for d in able) or view.only is not None
    gridded = next((d for d in able if ogc.has_domain_set(d)), None if told else able[0])
    filed = next((d for d in able if _files(d)), None if told else able[0])
    found = {} if gridded is None else _cells(view, path, _named(inside, gridded), gridded, language)
    if filed is not None:
        example = next((f.name for f in _files(filed)), "file.tif")
        name = parameters.segment("fileName", _FILE.in_(language), example)
        found[f"{path}/files/{{fileName}}"] = {"get": _file([*_named(inside, filed), name], language)}
    return found


def _cells(view: View, path: str, named: list[Document], dataset: Dataset, language: str) -> Document:
    """Domain set and range type of a coverage."""
    subject = Subject("coverage", dataset, view.only is not None, language)
    asked = [*named, *(p for p in parameters.asked(subject) if p["name"] not in ("f", "lang"))]
    return {f"{path}/coverage/{n}": _of_cells(n, asked, language) for n in _CELLS}


def _files(dataset: Dataset) -> tuple[Original, ...]:
    return dataset.facts.originals if dataset.facts is not None else ()


_CELLS = {"domainset": ("getDomainSet", "domainSet"), "rangetype": ("getRangeType", "rangeType")}


def _of_cells(name: str, asked: list[Document], language: str) -> Document:
    """Where the cells of a coverage lie, or what they hold."""
    made = _document("Coverages", *_CELLS[name], ogc.TITLES[name], language, asked)
    made["get"]["responses"] |= responses.refusals("404", "413")
    return made


_FILE = Text("The name of a file", "Le nom d'un fichier")


def _file(named: list[Document], language: str) -> Document:
    """A file as it lies there, or a range of it."""
    said = Text("A file of the data set as it lies there", "Un fichier du jeu de données, tel quel").in_(language)
    asked = [*named, parameters.range_of_bytes(language), parameters.lang(language)]
    return {
        "tags": ["Coverages"], "operationId": "getFile", "summary": said, "parameters": asked,
        "responses": {
            "200": responses.file(said),
            "206": responses.file(responses.PART.in_(language), "Content-Range"),
            "304": {"$ref": "#/components/responses/Unchanged"},
            **responses.refusals("400", "404", "406", "414", "416", "500", "503"),
        },
    }  # fmt: skip


def _question(subject: Subject, named: list[Document]) -> Document:
    """One question by GET."""
    asked = [*named, *parameters.asked(subject)]
    return {**_told(subject, f"get{_name(subject.verb)}"), "parameters": asked, "responses": _answers(subject)}


def _posted(subject: Subject, named: list[Document]) -> Document:
    """The same question in the body of a POST: a form, or a JSON object whose lists may be lists."""
    asked = parameters.asked(subject)
    inside = [p for p in asked if p["name"] not in ("f", "lang")]
    schema: Document = {
        "type": "object",
        "properties": {p["name"]: {**p["schema"], "description": p["description"]} for p in inside},
        "additionalProperties": False,
    }
    if needed := [p["name"] for p in inside if p["required"]]:
        schema["required"] = needed
    example = {p["name"]: p["example"] for p in inside if p["required"]}
    lists = {p["name"]: {"style": "form", "explode": False} for p in inside if p["schema"]["type"] == "array"}
    content = {
        "application/json": {"schema": schema, "example": example},
        "application/x-www-form-urlencoded": {"schema": schema, "encoding": lists, "example": example},
    }
    return {
        **_told(subject, f"post{_name(subject.verb)}"),
        "parameters": [*named, *(p for p in asked if p["name"] in ("f", "lang"))],
        "requestBody": {"required": True, "content": content},
        "responses": _answers(subject) | responses.refusals("415"),
    }


def _name(verb: str) -> str:
    return verb.capitalize()


def _told(subject: Subject, operation: str) -> Document:
    _, tag, title = VERBS[subject.verb]
    found = {"tags": [tag], "operationId": operation, "summary": title.in_(subject.language)}
    silent = subject.alone and "z" in DECLARED[subject.verb]
    return {**found, "description": parameters.ZLESS.in_(subject.language)} if silent else found


def _answers(subject: Subject) -> Document:
    """Every status of a question to data."""
    verb = subject.verb
    ranges: Document = {}
    if verb == "coverage":
        told = responses.PART.in_(subject.language)
        ranges = {"206": responses.file(told, "Content-Range"), **responses.refusals("416")}
    empty = {"204": {"$ref": "#/components/responses/Nothing"}} if verb not in OF_ROWS else {}
    return {
        "200": responses.data(VERBS[verb][2].in_(subject.language), _content(subject)),
        **empty,
        **ranges,
        "304": {"$ref": "#/components/responses/Unchanged"},
        **responses.refusals("400", "404", "406", "413", "414", "500", "503"),
    }


def _content(subject: Subject) -> dict[str, str]:
    """The formats of an answer, each with the name of its schema; those too that come where they are asked by name."""
    single = "featureGeoJSON" if subject.verb == "item" else "featureCollectionGeoJSON"
    offered = parameters.of_verb(subject.verb, subject.dataset if subject.alone else None)
    by_name: tuple[str, ...] = ("GeoJSON", "NetCDF", "GeoTIFF")
    if subject.verb in OF_ROWS:
        by_name = ("NetCDF",) if not subject.alone or ogc.kind(subject.dataset) == "observations" else ()
    return {n: "coverageJSON" if n == "CoverageJSON" else single for n in dict.fromkeys((*offered, *by_name))}


# --- processes -----------------------------------------------------------------------------------------------------


def of_processes(processes: tuple[str, ...], language: str) -> Document:
    """The processes, their execution, the jobs."""
    said = (Text("The processes", "Les traitements"), Text("The jobs", "Les exécutions"))
    page = [parameters.listed(language)]
    found = {
        "/processes": _document("Processes", "getProcesses", "processList", said[0], language, page),
        "/jobs": _document("Processes", "getJobs", "jobList", said[1], language, [*page, parameters.offset(language)]),
    }
    for name in processes:
        found[f"/processes/{name}"] = _document("Processes", f"get_{name}", "process", Text(name, name), language)
        found[f"/processes/{name}/execution"] = {"post": _execution(name, language)}
    return found


def _execution(name: str, language: str) -> Document:
    body = {"schema": {"$ref": "#/components/schemas/execute"}, "example": {"inputs": {}}}
    written = dict.fromkeys(ogc.MEDIA_TYPES, "coverageJSON") | {"GeoJSON": "featureCollectionGeoJSON"}
    result = responses.data(Text("The result", "Le résultat").in_(language), written)
    result["content"][responses.JSON] = {"schema": {"$ref": "#/components/schemas/results"}}
    return {
        "tags": ["Processes"],
        "operationId": f"execute_{name}",
        "summary": name,
        "parameters": [parameters.lang(language)],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": result,
            "204": {"$ref": "#/components/responses/Nothing"},
            **responses.refusals("400", "404", "406", "413", "414", "415", "500", "503"),
        },
    }
