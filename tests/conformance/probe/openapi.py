"""The OpenAPI document as the suites read it: self-contained, valid, every parameter explicit."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from openapi_spec_validator import OpenAPIV30SpecValidator

Document = dict[str, Any]


def nodes(value: Any) -> Iterator[Any]:
    """Every value of a document, itself first."""
    yield value
    match value:
        case dict():
            for inner in value.values():
                yield from nodes(inner)
        case list():
            for inner in value:
                yield from nodes(inner)


def resolved(document: Document, value: Any) -> Any:
    """What a local reference stands for."""
    while isinstance(value, dict) and "$ref" in value:
        reference = str(value["$ref"])
        assert reference.startswith("#/"), f"$ref {reference}: not in the document"
        value = document
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            assert step in value, f"$ref {reference}: nothing is there"
            value = value[step]
    return value


def remote(document: Document) -> list[str]:
    """References that lead out of the document."""
    return [
        str(n["$ref"])
        for n in nodes(document)
        if isinstance(n, dict) and isinstance(n.get("$ref"), str) and not n["$ref"].startswith("#/")
    ]


def parameters(document: Document, path: str, method: str = "get") -> list[Document]:
    """The parameters of an operation, those of its path included."""
    item = document["paths"][path]
    listed = [*item.get("parameters", []), *item[method].get("parameters", [])]
    return [resolved(document, p) for p in listed]


def parameter(document: Document, path: str, name: str) -> Document | None:
    """A parameter of a GET by its name."""
    return next((p for p in parameters(document, path) if p.get("name") == name), None)


def problems(document: Document) -> list[str]:
    """What a validating parser says: faults of the document, remote references, parameters left half said."""
    found = [f"remote reference {r}" for r in remote(document)]
    if found:
        return found
    found += [
        f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in OpenAPIV30SpecValidator(document).iter_errors()
    ]
    for path, item in document.get("paths", {}).items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            found += [f"{method} {path}: {p}" for p in _half_said(document, path, method)]
    return found


def _half_said(document: Document, path: str, method: str) -> Iterator[str]:
    declared = parameters(document, path, method)
    for p in declared:
        for key in ("name", "in", "required", "schema"):
            if key not in p:
                yield f"{p.get('name')}: no {key}"
        if p.get("in") == "query" and not {"style", "explode"} <= p.keys():
            yield f"{p.get('name')}: style and explode are not said"
    named = {p["name"] for p in declared if p.get("in") == "path"}
    if missing := set(re.findall(r"{([^}]+)}", path)) - named:
        yield f"no parameter for {sorted(missing)}"


def servers(document: Document) -> list[str]:
    """The URLs of the servers, without a final slash."""
    return [str(s["url"]).rstrip("/") for s in document.get("servers", [])]


def path_of(document: Document, url: str) -> str | None:
    """The path of the document that a URL is an instance of; one without templates wins."""
    for server in servers(document):
        if not url.startswith(server):
            continue
        below = urlsplit(url[len(server) :]).path or "/"
        if below in document["paths"]:
            return below
        for path in document["paths"]:
            if re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)), below):
                return str(path)
    return None
