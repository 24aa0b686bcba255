"""Collections as OGC API Common, Features, Coverages and EDR 1.1 describe them."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from pyproj.exceptions import CRSError

from poles.crs import crs, listed
from poles.dataset import Dataset, Described, Kind, Original, Text
from poles.metadata.extents import WORLD, extent
from poles.metadata.slices import appended, is_even, one_slice
from poles.query import CRS84
from poles.units import ucum

Document = dict[str, Any]

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
UCUM = "http://www.opengis.net/def/uom/UCUM/"
HTML = "text/html"
MEDIA_TYPES = {
    "CoverageJSON": "application/prs.coverage+json",
    "GeoJSON": "application/geo+json",
    "GeoJSONSeq": "application/geo+json-seq",
    "CSV": "text/csv",
    "FlatGeobuf": "application/flatgeobuf",
    "GeoParquet": "application/vnd.apache.parquet",
    "NetCDF": "application/x-netcdf",
    "GeoTIFF": "image/tiff; application=geotiff",
}
SAMPLES = ("CoverageJSON", "GeoJSON", "CSV", "NetCDF")
"""Formats of the EDR queries; the first is the default."""
ROWS = ("GeoJSON", "GeoJSONSeq", "CSV", "FlatGeobuf", "GeoParquet")
"""Formats of items and of lists of locations; the first is the default."""
QUERIES: dict[Kind, tuple[str, ...]] = {
    "grid": ("position", "area", "cube"),
    "observations": ("position", "area", "cube", "locations", "items"),
    "features": (),
}
TITLES = {
    "self": Text("This document", "Ce document"),
    "alternate": Text("This document as HTML", "Ce document en HTML"),
    "items": Text("Items as {}", "Éléments en {}"),
    "coverage": Text("Coverage as {}", "Couverture en {}"),
    "domainset": Text("Where the cells lie (domain set)", "Où sont les mailles (domaine)"),
    "rangetype": Text("What the cells hold (range type)", "Ce que contiennent les mailles (type des valeurs)"),
    "enclosure": Text("Original file {}", "Fichier d'origine {}"),
    "schema": Text("Schema", "Schéma"),
    "queryables": Text("Queryables", "Propriétés interrogeables"),
    "sortables": Text("Sortables", "Propriétés de tri"),
    "license": Text("Licence", "Licence"),
    "cite-as": Text("Persistent identifier", "Identifiant pérenne"),
    "service": Text("API of this data set alone", "API de ce seul jeu de données"),
    "position": Text("Values at a position", "Valeurs en un point"),
    "area": Text("Values in a polygon", "Valeurs dans un polygone"),
    "cube": Text("Values in a box", "Valeurs dans une boîte"),
    "locations": Text("Locations and their values", "Lieux et leurs valeurs"),
    "items_query": Text("Observations as items", "Observations une à une"),
}


def collection(dataset: Dataset, base: str, language: str, root: str | None = None) -> Document:
    """The document of one collection, under the URL of its view, in `fr` or English.

    `root` is the URL of the whole server; with it, the collection links the view of its data set.
    """
    document: Document = {
        "id": dataset.id,
        "title": dataset.title.in_(language),
        "description": dataset.description.in_(language),
        "keywords": [k.in_(language) for k in dataset.keywords],
        "links": links(dataset, base, language, root),
        "extent": extent(dataset),
        "itemType": "feature" if "feature" in dataset.apis else "unknown",
        "crs": crs_list(dataset),
        "output_formats": list(output_formats(dataset)),
    }
    if (stored := storage_crs(dataset)) in document["crs"]:
        document["storageCrs"] = stored
    if "feature" in dataset.apis and dataset.facts is not None and dataset.facts.count is not None:
        document["itemCount"] = dataset.facts.count
    if dataset.pole is not None:
        document["pole"] = dataset.pole
    if "edr" in dataset.apis:
        document["data_queries"] = {q: _query(dataset, q, base, language) for q in queries(dataset)}
    document["parameter_names"] = parameter_names(dataset.parameters, language)
    return document


def kind(dataset: Dataset) -> Kind:
    """The kind of data, as the block or the facts say, else as the APIs named suggest."""
    if dataset.kind or dataset.facts:
        return dataset.kind or dataset.facts.kind  # type: ignore[union-attr]
    if "feature" in dataset.apis:
        return "observations" if "edr" in dataset.apis else "features"
    return "grid"


def queries(dataset: Dataset) -> tuple[str, ...]:
    """The EDR queries that a data set answers."""
    if "edr" not in dataset.apis:
        return ()
    served = QUERIES[kind(dataset)]
    return served if "feature" in dataset.apis else tuple(q for q in served if q != "items")


def coverage_formats(dataset: Dataset) -> tuple[str, ...]:
    """The formats of a coverage: GeoTIFF only where cells lie in rows and columns, and not of a rotated pole."""
    rows_and_columns = dataset.facts is None or dataset.facts.horizontal in ("rectilinear", "sheared")
    return ("CoverageJSON", "NetCDF", *(("GeoTIFF",) if rows_and_columns and not _rotated(dataset) else ()), "CSV")


def _rotated(dataset: Dataset) -> bool:
    stored = dataset.crs or (dataset.facts.crs if dataset.facts else CRS84)
    return not stored.startswith("http") and crs(stored).is_derived and crs(stored).is_geographic


def output_formats(dataset: Dataset) -> tuple[str, ...]:
    """All formats that a collection gives, in the order of preference."""
    formats: tuple[str, ...] = ()
    for api, of_api in (("edr", SAMPLES), ("coverage", coverage_formats(dataset)), ("feature", ROWS)):
        if api in dataset.apis:
            formats += of_api
    return tuple(dict.fromkeys(formats))


def storage_crs(dataset: Dataset) -> str:
    """The CRS of the data: a URI, or `native` where none is registered."""
    stored = dataset.crs or (dataset.facts.crs if dataset.facts else CRS84)
    return stored if stored.startswith("http") else "native"


def crs_list(dataset: Dataset) -> list[str]:
    """The CRS that questions and answers may use; the default comes first.

    Written out in every collection rather than as `#/crs`, which clients of EDR do not follow. Rows are offered in
    all that are of use where they lie, and a storage CRS without a URI is left out (Features Part 2 wants
    identifiers); other samples and coverages in CRS84 and in the CRS of the data.
    """
    stored = storage_crs(dataset)
    if "feature" not in dataset.apis:
        return list(dict.fromkeys((CRS84, stored)))
    return list(dict.fromkeys((CRS84, *(() if stored == "native" else (stored,)), *listed(*(dataset.bbox or WORLD)))))


def parameter_names(parameters: tuple[Described, ...], language: str) -> Document:
    """The parameters by key, as EDR 1.1 describes them: labels are plain strings in one language."""
    return {p.key: parameter(p, language) for p in parameters}


def parameter(described: Described, language: str) -> Document:
    """One parameter. A classified one has categories and so no unit (EDR 1.1, CoverageJSON)."""
    label = described.label.in_(language)
    observed: Document = {"id": described.property} if described.property else {}
    observed["label"] = label
    document: Document = {"type": "Parameter", "id": described.key, "label": label, "observedProperty": observed}
    if described.description is not None:
        document["description"] = described.description.in_(language)
    if described.dtype in ("float", "integer", "string"):
        document["data-type"] = described.dtype
    if described.categories:
        base = described.property or described.key
        observed["categories"] = [
            {"id": f"{base}#{c.value}", "label": c.label.in_(language)} for c in described.categories
        ]
        document["categoryEncoding"] = {f"{base}#{c.value}": c.value for c in described.categories}
    elif described.unit:
        document["unit"] = {"symbol": {"value": described.unit, "type": UCUM}}
    return document


def links(dataset: Dataset, base: str, language: str, root: str | None) -> list[Document]:
    """All links of a collection; none but `service` leaves the view."""
    here = f"{base}/collections/{dataset.id}"
    found = [
        link(here, "self", "application/json", TITLES["self"].in_(language)),
        link(f"{here}?f=html", "alternate", HTML, TITLES["alternate"].in_(language)),
    ]
    found += _data_links(dataset, here, language)
    for name in described_by(dataset):
        found.append(link(f"{here}/{name}", f"{REL}{name}", "application/schema+json", TITLES[name].in_(language)))
    found += terms(dataset, language)
    if root is not None:
        service = f"{root}/datasets/{dataset.id}"
        found.append(link(service, "service", "application/json", TITLES["service"].in_(language)))
    return found


def described_by(dataset: Dataset) -> tuple[str, ...]:
    """The JSON schemas of a collection (Features Part 5)."""
    if "feature" in dataset.apis:
        return ("schema", "queryables", "sortables")
    return ("schema", "queryables") if "coverage" in dataset.apis else ("schema",)


def terms(dataset: Dataset, language: str = "en") -> list[Document]:
    """The links `license` and `cite-as`, for the collection and for every answer of its data."""
    found = []
    if (licence := licence_url(dataset.licence)) is not None:
        found.append(link(licence, "license", HTML, TITLES["license"].in_(language)))
    if dataset.doi:
        found.append(link(doi_url(dataset.doi), "cite-as", HTML, TITLES["cite-as"].in_(language)))
    return found


def licence_url(licence: str | None) -> str | None:
    """The text of a licence: its URL, or that of its SPDX identifier; None where it is told by a name alone."""
    if licence and licence.startswith("http"):
        return quote(licence, safe=_URL)
    return f"https://spdx.org/licenses/{licence}.html" if licence and _SPDX.fullmatch(licence) else None


def doi_url(doi: str) -> str:
    """The address of a DOI, which may hold any character: those of older journals have `<` and `>`."""
    if doi.startswith("http"):
        return quote(doi, safe=_URL)
    return f"https://doi.org/{quote(doi.removeprefix('doi:'), safe='/:;()')}"


_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_URL = "%/:?#[]@!$&'()*+,;="
"""What stands in an address as it is (RFC 3986); all else is escaped, or it would not go into a header."""


def link(href: str, rel: str, media_type: str, title: str) -> Document:
    """A link of OGC API Common."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def _data_links(dataset: Dataset, here: str, language: str) -> list[Document]:
    """Links to the data, by API: EDR queries, coverage, items, each in all its formats."""
    found = []
    for query in queries(dataset):
        title = TITLES["items_query" if query == "items" else query].in_(language)
        found.append(link(f"{here}/{query}", "data", _media_type(query), title))
    if "coverage" in dataset.apis:
        found += _coverage_links(dataset, here, language)
    if "feature" in dataset.apis:
        found += _alternatives(f"{here}/items", "items", "items", ROWS, language)
    if "edr" not in dataset.apis and found:  # EDR asks for a `data` link on every collection of a list
        found.append({**found[0], "rel": "data"})
    return found


def has_domain_set(dataset: Dataset) -> bool:
    """Whether the cells of a coverage lie in even rows and columns, so that a domain set says where."""
    return "coverage" in dataset.apis and "GeoTIFF" in coverage_formats(dataset) and is_even(dataset)


def _coverage_links(dataset: Dataset, here: str, language: str) -> list[Document]:
    """Links to the coverage; where it is an image, to what its cells are and hold; to the files that it was made of.

    The link as GeoTIFF names a time and a level: what follows it (GDAL) asks for a box and a size alone. The links to
    domain set and range type name the same, as a level is one of the parameters that have levels.
    """
    formats = coverage_formats(dataset)
    found = _alternatives(f"{here}/coverage", f"{REL}coverage", "coverage", formats, language)
    images = [one for one in found if one["type"] == MEDIA_TYPES["GeoTIFF"]]
    if not is_even(dataset):
        found = [one for one in found if one not in images]
    elif images:
        shown = one_slice(dataset)
        images[0]["href"] += appended(shown)
        images[0]["title"] += f" ({', '.join(value for _, value in shown)})" if shown else ""
        for name in ("domainset", "rangetype"):
            title = TITLES[name].in_(language)
            href = f"{here}/coverage/{name}{appended(shown, '?')}"
            found.append(link(href, f"{REL}coverage-{name}", "application/json", title))
    return found + _enclosures(dataset, here, language)


def _enclosures(dataset: Dataset, here: str, language: str) -> list[Document]:
    """Links to the files of a data set, which are sent as they are."""
    return [
        {
            **link(
                f"{here}/files/{quote(o.name)}",
                "enclosure",
                of_original(o),
                TITLES["enclosure"].in_(language).format(o.name),
            ),
            "length": o.size,
        }
        for o in (dataset.facts.originals if dataset.facts is not None else ())
    ]


def of_original(original: Original) -> str:
    """The media type of a file that is sent as it is."""
    return MEDIA_TYPES["GeoTIFF"] + ("; profile=cloud-optimized" if original.optimized else "")


def _alternatives(href: str, rel: str, title: str, formats: tuple[str, ...], language: str) -> list[Document]:
    """Links to one resource: the default format under its plain URL, the others by `f`, HTML last."""
    plain, *others = formats
    text = TITLES[title].in_(language)
    found = [link(href, rel, MEDIA_TYPES[plain], text.format(plain))]
    found += [link(f"{href}?f={name}", rel, MEDIA_TYPES[name], text.format(name)) for name in others]
    return [*found, link(f"{href}?f=html", rel, HTML, text.format("HTML"))]


def _formats(query: str) -> tuple[str, ...]:
    return ROWS if query == "items" else SAMPLES


def _media_type(query: str) -> str:
    """What the address of a query answers by default; that of `locations` alone is their list, in GeoJSON."""
    return MEDIA_TYPES["GeoJSON" if query == "locations" else _formats(query)[0]]


def _query(dataset: Dataset, query: str, base: str, language: str) -> Document:
    """One entry of `data_queries`."""
    formats = _formats(query)
    title = TITLES["items_query" if query == "items" else query].in_(language)
    variables: Document = {
        "title": title,
        "query_type": query,
        "output_formats": list(formats),
        "default_output_format": formats[0],
        # CRS84 and that of the data: the WKT of all that `crs` lists would be most of the document
        "crs_details": [{"crs": name, "wkt": _wkt(dataset, name)} for name in _detailed(dataset)],
    }
    if query == "cube":
        variables["height_units"] = _height_units(dataset)
    href = f"{base}/collections/{dataset.id}/{query}"
    return {"link": {**link(href, "data", _media_type(query), title), "variables": variables}}


def _detailed(dataset: Dataset) -> tuple[str, ...]:
    return tuple(dict.fromkeys((CRS84, storage_crs(dataset))))


def _height_units(dataset: Dataset) -> list[str]:
    axes = dataset.facts.axes if dataset.facts else ()
    return [ucum(a.unit) or a.unit or "1" for a in axes if a.name == "z"] or ["m"]


def _wkt(dataset: Dataset, name: str) -> str:
    if name != "native":
        return _wkt_of(name)
    return _wkt_of(dataset.crs or (dataset.facts.crs if dataset.facts else CRS84))


@lru_cache(256)
def _wkt_of(text: str) -> str:
    found = crs(text)
    try:
        return str(found.to_wkt("WKT1_GDAL"))  # a third of the length, and what clients of EDR know
    except CRSError:
        return str(found.to_wkt())
