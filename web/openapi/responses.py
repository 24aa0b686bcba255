"""Answers of the OpenAPI document: every status and media type that can come, and the headers beside them."""

from collections.abc import Iterable, Mapping
from typing import Any

from poles.dataset import Text
from poles.metadata.ogc import MEDIA_TYPES

Document = dict[str, Any]

HTML = "text/html"
JSON = "application/json"
ERRORS = (JSON, "application/problem+json", HTML)
"""What an error is written in: JSON, RFC 9457 where it is accepted, or a page."""

REFUSED: dict[str, Text] = {
    "400": Text(
        "The question is malformed, or names something that is not there",
        "La question est mal formée, ou nomme ce qui n'existe pas",
    ),
    "404": Text("There is no such resource", "Cette ressource n'existe pas"),
    "406": Text("No format that is accepted can be sent", "Aucun format accepté ne peut être envoyé"),
    "413": Text(
        "The answer, or the body posted, would be too large; the text names what was asked and what is allowed",
        "La réponse, ou le corps envoyé, serait trop grande ; le texte dit ce qui est demandé et ce qui est permis",
    ),
    "414": Text(
        "The address is too long; post the question", "L'adresse est trop longue ; envoyez la question par POST"
    ),
    "415": Text("The body is in no format that is read", "Le corps n'est dans aucun format lu"),
    "416": Text("The range is beyond the end", "L'intervalle est au-delà de la fin"),
    "500": Text("An error of the server, with a request id", "Une erreur du serveur, avec un identifiant de requête"),
    "503": Text("The data cannot be read at this moment", "Les données ne peuvent être lues en ce moment"),
}
PART = Text("The range of bytes that Range asks", "L'intervalle d'octets que demande Range")
NOTHING = Text("Nothing is there", "Il n'y a rien là")
UNCHANGED = Text("The copy that If-None-Match names is good", "La copie que nomme If-None-Match est bonne")
PAGED = ("ETag", "Vary", "Content-Language")
CARRIED = ("ETag", "Vary", "Link", "Content-Crs", "Content-Disposition")


def components(language: str) -> Document:
    """The responses that operations refer to."""
    found = {
        f"Error{status}": {
            "description": text.in_(language),
            "content": {m: {"schema": _ref("exception") if m != HTML else _TEXT} for m in ERRORS},
        }
        for status, text in REFUSED.items()
    }
    found["Error503"]["headers"] = headers("Retry-After")
    found["Unchanged"] = {"description": UNCHANGED.in_(language), "headers": headers("ETag", "Vary")}
    found["Nothing"] = {"description": NOTHING.in_(language), "headers": headers("ETag", "Vary", "Link")}
    return found


def refusals(*statuses: str) -> Document:
    """Errors, by status."""
    return {s: {"$ref": f"#/components/responses/Error{s}"} for s in statuses}


def document(schema: str, said: str, media: Iterable[str] = (JSON,)) -> Document:
    """A document in JSON, or as a page."""
    return {
        "description": said,
        "headers": headers(*PAGED),
        "content": {**_json(schema, media), HTML: {"schema": _TEXT}},
    }


def data(said: str, content: Mapping[str, str]) -> Document:
    """Data in several formats, by name, each with the name of its schema; or as a page."""
    written = {MEDIA_TYPES[name]: {"schema": _written(name, schema)} for name, schema in content.items()}
    return {"description": said, "headers": headers(*CARRIED), "content": {**written, HTML: {"schema": _TEXT}}}


def file(said: str, *more: str) -> Document:
    """A GeoTIFF, whole or in part."""
    types = (MEDIA_TYPES["GeoTIFF"], f"{MEDIA_TYPES['GeoTIFF']}; profile=cloud-optimized")
    content = {t: {"schema": {"type": "string", "format": "binary"}} for t in types}
    return {"description": said, "headers": headers("ETag", "Content-Disposition", *more), "content": content}


def _json(schema: str, media: Iterable[str]) -> Document:
    return {m: {"schema": _ref(schema)} for m in media}


def _written(name: str, schema: str) -> Document:
    if name in ("GeoJSON", "CoverageJSON"):
        return _ref(schema)
    return _TEXT if name in ("CSV", "GeoJSONSeq") else {"type": "string", "format": "binary"}


def headers(*names: str) -> Document:
    """Headers, by reference."""
    return {n: {"$ref": f"#/components/headers/{n}"} for n in names}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Document = {"type": "string"}
_HEADERS: dict[str, tuple[Text, str]] = {
    "ETag": (Text("Version of this answer", "Version de cette réponse"), 'W/"9f8c0a1b2c3d4e5f60718293"'),
    "Vary": (
        Text("Headers of the request on which it depends", "En-têtes de la requête dont elle dépend"),
        "Accept, Accept-Language, Accept-Encoding",
    ),
    "Content-Language": (Text("Language of the texts", "Langue des textes"), "en"),
    "Content-Crs": (
        Text("The CRS of the geometries, in angle brackets", "Le CRS des géométries, entre chevrons"),
        "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>",
    ),
    "Content-Disposition": (Text("A name for the file", "Un nom pour le fichier"), 'attachment; filename="data.csv"'),
    "Link": (
        Text("Licence, identifier and description of the data", "Licence, identifiant et description des données"),
        '<https://spdx.org/licenses/CC-BY-4.0.html>; rel="license"; type="text/html"',
    ),
    "Content-Range": (Text("Which bytes, of how many", "Quels octets, de combien"), "bytes 0-1023/146515"),
    "Retry-After": (Text("Seconds to wait", "Secondes à attendre"), "5"),
}


def header_components(language: str) -> Document:
    """The headers that responses refer to."""
    return {
        name: {"description": text.in_(language), "schema": _TEXT, "example": example}
        for name, (text, example) in _HEADERS.items()
    }
