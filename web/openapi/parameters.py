"""Parameters of the OpenAPI document: each with its schema, its limits and an example, written out where it is used.

Inline in every operation, and `limit` a second time in `components.parameters`: QGIS and ArcGIS read the page size
there and only as an inline schema, the Features suite reads minimum, default and maximum of the operation's own, and
no client has to resolve a reference for either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from poles.dataset import POLES, AxisFacts, BBox, Dataset, Described, Limits, Text
from poles.metadata import ogc, schemas
from poles.metadata.extents import WORLD
from poles.parse import DECLARED
from poles.query import CRS84
from web.pages import forms

Document = dict[str, Any]

MOST_TEXT = 60_000
"""Characters of the longest texts (geometries, filters): a request line ends at 70,000 bytes."""
MOST_NAMES = 1_000
MOST_NUMBER = 1e300
SCALING = ("scale-size", "scaleSize", "scale-axes", "scale-factor")
MOST_OFFSET = 2_147_483_647
ZLESS = Text(
    "The parameter z is accepted too, though not declared here: a level, a list 10,50, an interval 10/100 or a repeat "
    "R5/0/10, in the units of the collection's vertical extent.",
    "Le paramètre z est accepté aussi, bien qu'il ne soit pas déclaré ici : un niveau, une liste 10,50, un intervalle "
    "10/100 ou une répétition R5/0/10, dans les unités de l'extension verticale de la collection.",
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked: a verb of a data set, alone in its view or the first of those that a template stands for."""

    verb: str
    dataset: Dataset
    alone: bool
    language: str

    @property
    def limits(self) -> Limits:
        """Of the data set alone, else of the server."""
        return self.dataset.limits if self.alone else Limits()


# --- how a parameter is written ------------------------------------------------------------------------------------


def query(
    name: str, schema: Document, description: str, example: Any, *, required: bool = False, explode: bool = False
) -> Document:
    """A parameter of the query."""
    return {
        "name": name, "in": "query", "required": required, "style": "form", "explode": explode,
        "description": description, "schema": schema, "example": example,
    }  # fmt: skip


def segment(name: str, description: str, example: str) -> Document:
    """A parameter of the path."""
    return {
        "name": name, "in": "path", "required": True, "style": "simple", "explode": False, "description": description,
        "schema": text(500, minLength=1), "example": example,
    }  # fmt: skip


def range_of_bytes(language: str) -> Document:
    """The header that asks a part of a file."""
    said = Text("One range of bytes; without it, the whole.", "Un intervalle d'octets ; sans lui, le tout.")
    return {
        "name": "Range", "in": "header", "required": False, "style": "simple", "explode": False,
        "description": said.in_(language), "schema": text(60, pattern=r"^bytes=\d*-\d*$"), "example": "bytes=0-1023",
    }  # fmt: skip


def text(longest: int, **more: Any) -> Document:
    """A text of at most so many characters."""
    return {"type": "string", "maxLength": longest, **more}


def choice(values: list[str]) -> Document:
    """One of some texts."""
    return {"type": "string", "enum": values}


def names(values: list[str] | None, **more: Any) -> Document:
    """A comma list of names: of those that are there, or of any."""
    items = choice(values) if values else text(200, minLength=1)
    return {"type": "array", "minItems": 1, "maxItems": len(values) if values else MOST_NAMES, "items": items, **more}


# --- parameters of documents ---------------------------------------------------------------------------------------

LANG = Text("The language; without it, Accept-Language decides.", "La langue ; sans lui, Accept-Language décide.")
F = Text("The format of the answer; without it, Accept decides.", "Le format de la réponse ; sans lui, Accept décide.")


def limit(limits: Limits, language: str) -> Document:
    """The size of a page."""
    said = Text("How many at most; more are clamped.", "Combien au plus ; davantage est ramené au maximum.")
    schema = {"type": "integer", "minimum": 1, "default": limits.items, "maximum": limits.items_max}
    return query("limit", schema, said.in_(language), min(10, limits.items_max))


def listed(language: str) -> Document:
    """The size of a page of collections, processes or jobs, which has no default: without it, all are listed."""
    found = limit(Limits(), language)
    return {**found, "schema": {k: v for k, v in found["schema"].items() if k != "default"}}


def offset(language: str) -> Document:
    """Where a page begins."""
    said = Text("How many to skip.", "Combien en passer.")
    return query(
        "offset", {"type": "integer", "minimum": 0, "default": 0, "maximum": MOST_OFFSET}, said.in_(language), 0
    )


def formats(values: list[str], language: str) -> Document:
    """The format."""
    return query("f", choice(values), F.in_(language), values[0])


def lang(language: str) -> Document:
    """The language."""
    return query("lang", choice(["en", "fr"]), LANG.in_(language), "en")


def searches(language: str) -> list[Document]:
    """What finds collections in the list."""
    words = Text(
        "Terms, of which one stands in title, description or keywords.",
        "Termes, dont l'un se trouve dans le titre, la description ou les mots-clés.",
    )
    pole = Text("The data pole.", "Le pôle de données.")
    return [
        _box(WORLD, language),
        _instants(None, language),
        listed(language),
        offset(language),
        query("pole", choice(list(POLES)), pole.in_(language), POLES[0]),
        query("q", names(None), words.in_(language), ["temperature"]),
    ]


# --- parameters of questions to data -------------------------------------------------------------------------------


def asked(subject: Subject) -> list[Document]:
    """The query parameters of a question; those of one data set name what it has, and its own come last.

    `z` is left out of a data set's view: the EDR suite demands `required: true` wherever it is declared. Only cells in
    rows and columns are scaled.
    """
    silent = _silent(subject)
    found = [n for n in DECLARED[subject.verb] if n not in silent]
    return [MAKERS[n](subject) for n in found] + (_own(subject) if subject.alone else [])


def _silent(subject: Subject) -> set[str]:
    """Names that are not declared: in a template, levels that no data set has; else those that are none of this one."""
    if not subject.alone:
        return set() if subject.dataset.facts is None or levels(subject.dataset) is not None else {"z"}
    rows_and_columns = subject.dataset.facts is None or subject.dataset.facts.horizontal in ("rectilinear", "sheared")
    return {"z"} if rows_and_columns else {"z", *SCALING}


def _box(bbox: BBox, language: str, required: bool = False) -> Document:
    said = Text(
        "West, south, east, north (or z after south and after north as well); west > east crosses 180 degrees.",
        "Ouest, sud, est, nord (ou encore z après sud et après nord) ; ouest > est franchit 180 degrés.",
    )
    schema = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    return query("bbox", schema, said.in_(language), [round(v, 6) for v in bbox], required=required)


def _bbox(subject: Subject) -> Document:
    return _box(subject.dataset.bbox or WORLD, subject.language, required=subject.verb == "cube")


def _instants(interval: tuple[str | None, str | None] | None, language: str) -> Document:
    said = Text(
        "A time, an interval a/b with .. for an open end, or a comma list.",
        "Un temps, un intervalle a/b avec .. pour une borne ouverte, ou une liste à virgules.",
    )
    start, end = interval or ("2020-01-01T00:00:00Z", None)
    return query("datetime", text(MOST_TEXT, minLength=1), said.in_(language), f"{start or '..'}/{end or '..'}")


def _datetime(subject: Subject) -> Document:
    return _instants(subject.dataset.interval, subject.language)


def _coords(subject: Subject) -> Document:
    said = Text("WKT, x before y.", "WKT, x avant y.")
    bbox = subject.dataset.bbox or WORLD
    example = forms.middle_wkt(bbox) if subject.verb == "area" else forms.centre_wkt(bbox)
    return query("coords", text(MOST_TEXT, minLength=1), said.in_(subject.language), example, required=True)


def _level(subject: Subject) -> Document:
    axis = levels(subject.dataset)
    example = "0/100" if axis is None else f"{_value(axis.lowest)}/{_value(axis.highest)}"
    return query("z", text(2_000, minLength=1), _LEVEL.in_(subject.language), example)


def levels(dataset: Dataset) -> AxisFacts | None:
    """The vertical axis of a data set, where it is known."""
    return next((a for a in dataset.facts.axes if a.name == "z"), None) if dataset.facts is not None else None


def _crs(name: str, said: Text) -> Callable[[Subject], Document]:
    """A CRS: of the list of a collection alone, else any by its URI."""

    def made(subject: Subject) -> Document:
        offered = choice(ogc.crs_list(subject.dataset)) if subject.alone else text(300, format="uri")
        example = ogc.storage_crs(subject.dataset) if (subject.verb, name) == ("coverage", "crs") else CRS84
        return query(name, offered, said.in_(subject.language), example)

    return made


def _keys(name: str) -> Callable[[Subject], Document]:
    """A list of keys, of which an answer holds no others."""
    said = Text("Keys of what is answered; all without it.", "Clés de ce qui est répondu ; toutes sans lui.")

    def made(subject: Subject) -> Document:
        there = list(schemas.described(subject.dataset))
        if subject.verb in ("position", "area", "cube", "location", "coverage"):
            there = [p.key for p in subject.dataset.parameters]
        schema = names(there if subject.alone else None)
        return query(name, schema, said.in_(subject.language), there[:1] or ["sst"])

    return made


def _f(subject: Subject) -> Document:
    offered = [*of_verb(subject.verb, subject.dataset if subject.alone else None), "json", "html"]
    return formats(offered, subject.language)


def of_verb(verb: str, dataset: Dataset | None) -> tuple[str, ...]:
    """The names of the formats in which a question is answered."""
    if verb in ("items", "item", "locations"):
        return ogc.ROWS
    if verb == "coverage":
        return ogc.coverage_formats(dataset) if dataset else ("CoverageJSON", "NetCDF", "GeoTIFF", "CSV")
    return ogc.SAMPLES


def _sortby(subject: Subject) -> Document:
    said = Text(
        "Names of sortables, the first weighing most; - before one descends.",
        "Noms de propriétés de tri, la première l'emportant ; - devant l'une la fait décroître.",
    )
    schema = names(None, items=text(200, pattern=r"^[+-]?[^+\-\s].*$"))
    return query("sortby", schema, said.in_(subject.language), ["-id"])


def _skip(subject: Subject) -> Document:
    said = Text("Leave geometries out.", "Laisser de côté les géométries.")
    return query("skipGeometry", {"type": "boolean", "default": False}, said.in_(subject.language), False)


def _filter(subject: Subject) -> Document:
    said = Text(
        "A condition in CQL2, over the queryables of the collection.",
        "Une condition en CQL2, sur les propriétés interrogeables de la collection.",
    )
    key = next((k for k, p in schemas.described(subject.dataset).items() if p.dtype not in schemas.NESTED), "name")
    name = key if key.isidentifier() and key.isascii() else f'"{key}"'
    return query("filter", text(MOST_TEXT, minLength=1), said.in_(subject.language), f"{name} IS NOT NULL")


def _filter_lang(subject: Subject) -> Document:
    said = Text("The encoding of the filter.", "L'écriture du filtre.")
    schema = {**choice(["cql2-text", "cql2-json"]), "default": "cql2-text"}
    return query("filter-lang", schema, said.in_(subject.language), "cql2-text")


def _along(name: str, said: Text, of: Callable[[Dataset], list[str]]) -> Callable[[Subject], Document]:
    """A list of axes, each with something in parentheses."""

    def made(subject: Subject) -> Document:
        schema = {"type": "array", "minItems": 1, "maxItems": 20, "items": text(1_000, pattern=r"^[^()]+\(.+\)$")}
        return query(name, schema, said.in_(subject.language), of(subject.dataset), explode=name == "subset")

    return made


def _latitudes(dataset: Dataset) -> list[str]:
    _, south, _, north = dataset.bbox or WORLD
    return [f"Lat({round(south, 6)}:{round(north, 6)})"]


def _factor(subject: Subject) -> Document:
    said = Text("How many cells become one, along x and y.", "Combien de mailles en font une, selon x et y.")
    schema = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1_000_000}
    return query("scale-factor", schema, said.in_(subject.language), 2)


_LEVEL = Text(
    "A level, a list 10,50, an interval 10/100 or a repeat R5/0/10.",
    "Un niveau, une liste 10,50, un intervalle 10/100 ou une répétition R5/0/10.",
)
_SUBSET = Text(
    'Axis(low:high) or Axis(value): Lat(40:50),time("2020-01-01").',
    'Axe(bas:haut) ou Axe(valeur) : Lat(40:50),time("2020-01-01").',
)
_SIZE = Text("How many cells along an axis: Lon(400),Lat(200).", "Combien de mailles sur un axe : Lon(400),Lat(200).")
_OUT = Text(
    "The CRS of the answer, and for EDR of the coordinates asked.",
    "Le CRS de la réponse et, pour EDR, des coordonnées demandées.",
)


def _crs_of(name: str) -> Text:
    return Text(f"The CRS of {name}; CRS84 without it.", f"Le CRS de {name} ; CRS84 sans lui.")


MAKERS: dict[str, Callable[[Subject], Document]] = {
    "bbox": _bbox,
    "bbox-crs": _crs("bbox-crs", _crs_of("bbox")),
    "datetime": _datetime,
    "coords": _coords,
    "z": _level,
    "parameter-name": _keys("parameter-name"),
    "properties": _keys("properties"),
    "crs": _crs("crs", _OUT),
    "filter": _filter,
    "filter-lang": _filter_lang,
    "filter-crs": _crs("filter-crs", _crs_of("filter")),
    "sortby": _sortby,
    "skipGeometry": _skip,
    "limit": lambda subject: limit(subject.limits, subject.language),
    "offset": lambda subject: offset(subject.language),
    "subset": _along("subset", _SUBSET, _latitudes),
    "subset-crs": _crs("subset-crs", _crs_of("subset")),
    "scale-factor": _factor,
    "scale-axes": _along(
        "scale-axes", Text("Cells made one, by axis.", "Mailles réunies, par axe."), lambda _: ["Lat(2)"]
    ),
    "scale-size": _along("scale-size", _SIZE, lambda _: ["Lon(40)", "Lat(20)"]),
    "scaleSize": _along("scaleSize", _SIZE, lambda _: ["Lon(40)", "Lat(20)"]),
    "f": _f,
    "lang": lambda subject: lang(subject.language),
}
"""Every name that some question declares."""


# --- what a data set brings itself ---------------------------------------------------------------------------------


def _own(subject: Subject) -> list[Document]:
    """Queryables of its items, as query parameters (Features Part 3); axes beside x, y, z and t."""
    dataset = subject.dataset
    if subject.verb == "items":
        simple = [(k, p) for k, p in schemas.described(dataset).items() if p.dtype not in schemas.NESTED]
        simple.insert(0, ("id", Described("id", schemas.IDENTIFIER, dtype="string")))
        return [_equal(k, p, subject) for k, p in simple if k not in DECLARED["items"]]
    axes = dataset.facts.axes if dataset.facts and subject.verb in ("position", "area", "cube", "location") else ()
    said = Text("Values along {}, in the syntax of z.", "Valeurs selon {}, dans la syntaxe de z.").in_(subject.language)
    return [
        query(a.name, text(2_000, minLength=1), said.format(a.label or a.name), _value(a.lowest))
        for a in axes
        if a.name not in ("x", "y", "z", "t")
    ]


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _equal(key: str, described: Described, subject: Subject) -> Document:
    """Items whose property is this."""
    said = Text("Items whose {} is this.", "Éléments dont {} est cela.").in_(subject.language)
    label = described.label.in_(subject.language)
    if described.categories and described.dtype == "integer":
        values = [c.value for c in described.categories]
        return query(key, {"type": "integer", "enum": values}, said.format(label), values[0])
    match described.dtype:
        case "float":
            schema: Document = {"type": "number", "minimum": -MOST_NUMBER, "maximum": MOST_NUMBER}
            example: Any = 0
        case "integer":
            schema, example = {"type": "integer", "minimum": -(2**53), "maximum": 2**53}, 0
        case "boolean":
            schema, example = {"type": "boolean"}, True
        case "datetime" | "date":  # a day or a moment, whichever the property is
            start = (subject.dataset.interval or (None,))[0]
            schema, example = text(40, minLength=4), start or "2020-01-01T00:00:00Z"
        case _:
            schema, example = text(2_000), "a"
    return query(key, schema, said.format(label), example)
