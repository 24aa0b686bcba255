"""What pygeoapi gives: process descriptions, asked for as JSON and built against a view."""

import copy
from collections.abc import Mapping
from typing import Any

import orjson
from pygeoapi.api import API, APIRequest
from pygeoapi.api.processes import describe_processes
from pygeoapi.l10n import str2locale
from pygeoapi.process.manager.dummy import DummyManager
from werkzeug.datastructures import Headers, MultiDict

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


def _answer(answer: tuple[Any, int, str | bytes]) -> Document:
    """pygeoapi's answer, or its refusal as ours."""
    _, status, body = answer
    document: Document = orjson.loads(body)
    if status >= 400:
        raise NotFound("process", str(document.get("description")), "see the list of processes")
    return document


def _self(url: str, language: str) -> list[Document]:
    titles = ogc.TITLES
    return [
        ogc.link(url, "self", "application/json", titles["self"].in_(language)),
        ogc.link(f"{url}?f=html", "alternate", "text/html", titles["alternate"].in_(language)),
    ]


def _of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: copy.copy(r) for name, r in resources.items() if r.get("type") == kind}
