"""What pygeoapi gives: schemas, queryables and process descriptions, asked for as JSON and built against a view."""

import copy
from collections.abc import Mapping
from typing import Any

import orjson
from pygeoapi.api import API, APIRequest, get_collection_schema
from pygeoapi.api.itemtypes import get_collection_queryables
from pygeoapi.api.processes import describe_processes
from pygeoapi.l10n import str2locale
from pygeoapi.process.manager.dummy import DummyManager
from werkzeug.datastructures import Headers, MultiDict

from poles.dataset import Dataset
from poles.errors import NotFound
from poles.metadata import ogc
from web.views import Document, View, Views

LOCALES = {"en": str2locale("en-US"), "fr": str2locale("fr-FR")}


class Shell(API):  # type: ignore[misc]
    """pygeoapi's API over a view.

    Made without the `__init__` of `API`, which copies the whole configuration and loads a manager (74 ms at 1,000
    collections): a view costs what its one collection costs.
    """

    def __init__(self, view: View, resources: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self.config = {**config, "server": {"limits": {}, "templates": {}}, "resources": resources}
        self.tpl_config = self.config
        self.base_url = view.url
        self.api_headers: dict[str, str] = {}
        self.locales = list(LOCALES.values())
        self.default_locale = self.locales[0]
        self.pretty_print = False
        self.manager = DummyManager({"name": "Dummy", "processes": _of_type(resources, "process")})


class Json(APIRequest):  # type: ignore[misc]
    """A request for JSON in a language: negotiation is done before pygeoapi is asked."""

    def __init__(self, language: str) -> None:
        self._data, self._headers = b"", Headers()
        self._args: MultiDict[str, str] = MultiDict()
        self._raw_locale, self._locale = language, LOCALES[language]
        self._format, self._path_info = "json", ""


def schema(views: Views, view: View, dataset: Dataset, language: str) -> Document:
    """The JSON schema of a collection's items or fields."""
    found = _answer(get_collection_schema(_shell(views, view, dataset), Json(language), dataset.id))
    return _spoken(found, dataset, language)


def queryables(views: Views, view: View, dataset: Dataset, language: str) -> Document:
    """What a collection's items or fields can be asked by."""
    found = _answer(get_collection_queryables(_shell(views, view, dataset), Json(language), dataset.id))
    return _spoken(found, dataset, language)


def processes(views: Views) -> dict[str, Document]:
    """The processes of the catalogue, as the configuration names them."""
    return _of_type(views.catalogue.config.get("resources", {}), "process")


def process_list(views: Views, view: View, language: str, limit: int) -> Document:
    """The list of processes, each without its inputs and outputs."""
    described = [process(views, view, name, language) for name in list(processes(views))[:limit]]
    for one in described:
        for member in ("inputs", "outputs", "example"):
            one.pop(member, None)
    url = f"{view.url}/processes"
    return {"processes": described, "links": _self(url, language)}


def process(views: Views, view: View, name: str, language: str) -> Document:
    """The description of one process."""
    known = processes(views)
    if name not in known:
        raise NoSuchProcess("process", f"{name} is not there", f"give one of {', '.join(known) or 'none'}")
    shell = Shell(view, {name: known[name]}, views.catalogue.config)
    found = _answer(describe_processes(shell, Json(language), name))
    url = f"{view.url}/processes/{name}"
    # stock's links: English in any language
    found["links"] = [
        *_self(url, language),
        ogc.link(f"{url}/execution", f"{ogc.REL}execute", "application/json", name),
    ]
    return found


class NoSuchProcess(NotFound):
    """There is no process of that id (Processes 1.0, `/req/core/process-exception/no-such-process`)."""

    code = "NoSuchProcess"
    type = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-process"


def _shell(views: Views, view: View, dataset: Dataset) -> Shell:
    """The shell of one collection; its providers hold the data set itself, as our catalogue has it."""
    resource = views.catalogue.config["resources"][dataset.id]
    providers = [{**p, "data": dataset} for p in resource["providers"]]
    return Shell(view, {dataset.id: {**resource, "providers": providers}}, views.catalogue.config)


def _answer(answer: tuple[Any, int, str | bytes]) -> Document:
    """pygeoapi's answer, or its refusal as ours."""
    _, status, body = answer
    document: Document = orjson.loads(body)
    if status >= 400:
        raise NotFound("collection", str(document.get("description")), "see its links for what it offers")
    return document


def _spoken(document: Document, dataset: Dataset, language: str) -> Document:
    """Titles and descriptions of parameters in the language asked; stock knows fields in one language."""
    document["title"] = dataset.title.in_(language)
    for parameter in dataset.parameters:
        if (found := document["properties"].get(parameter.key)) is not None:
            found["title"] = parameter.label.in_(language)
            if parameter.description is not None:
                found["description"] = parameter.description.in_(language)
    return document


def _self(url: str, language: str) -> list[Document]:
    titles = ogc.TITLES
    return [
        ogc.link(url, "self", "application/json", titles["self"].in_(language)),
        ogc.link(f"{url}?f=html", "alternate", "text/html", titles["alternate"].in_(language)),
    ]


def _of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: copy.copy(r) for name, r in resources.items() if r.get("type") == kind}
