"""What every provider is: a door to one data set, with one parser behind it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import orjson
from pygeoapi.provider.base import (
    BaseProvider,
    ProviderGenericError,
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderNoDataError,
    ProviderRequestEntityTooLargeError,
)

from poles import parse
from poles.answer import answer
from poles.catalogue import Catalogue, read
from poles.catalogue.entries import merged
from poles.coverage import Answer
from poles.dataset import Dataset, Described
from poles.describe import describe, version
from poles.encodings import Context, Kind, choose, misfit
from poles.errors import Invalid, PolesError
from poles.settings import settings

Parameters = Mapping[str, str | list[str]]
Document = dict[str, Any]
JSON_TYPES = {"float": "number", "datetime": "string", "date": "string"}
"""Types of JSON schemas, where they are called otherwise than ours."""


class Door(BaseProvider):  # type: ignore[misc]
    """A data set behind pygeoapi's provider interface.

    `ask` is ours; `query` and `get` of the subclasses are what stock pygeoapi calls, and end in `ask` too.
    `data` of the definition is a `Dataset`, or, under stock pygeoapi, the id of one in the catalogue.
    """

    def __init__(self, provider_def: Document) -> None:
        super().__init__(provider_def)
        self.dataset: Dataset = data if isinstance(data := provider_def["data"], Dataset) else catalogued(data)
        self._fields = {p.key: field(p) for p in self.dataset.parameters}

    def get_fields(self) -> Document:
        """The parameters as JSON schemas, by key."""
        return cast(Document, self._fields)

    def ask(self, verb: str, parameters: Parameters, *, text: bool = True) -> Answer:
        """The answer to a question under the names of the OGC standards; `text`: see `poles.answer`."""
        return answer(self.dataset, parse.query(verb, parameters, self.dataset), text=text)

    @property
    def version(self) -> str:
        """The version of the data as they lie there at this moment; the same in every process."""
        return version(self.dataset)


def field(parameter: Described) -> Document:
    """A parameter as pygeoapi describes it: a JSON schema with title and unit (a fresh dict: stock writes into it)."""
    schema: Document = {
        "type": JSON_TYPES.get(parameter.dtype, parameter.dtype),
        "title": parameter.label.en,
        "x-ogc-unit": parameter.unit or "",
    }
    if parameter.dtype == "datetime":
        schema["format"] = "date-time"
    if parameter.property:
        schema["x-ogc-definition"] = parameter.property
    if parameter.description is not None:
        schema["description"] = parameter.description.en
    return schema


# --- what stock pygeoapi needs -------------------------------------------------------------------------------------


def catalogued(identifier: str) -> Dataset:
    """The data set of that id in the catalogue that the environment names."""
    path = settings().catalogue
    return _catalogued(str(path), path.stat().st_mtime_ns, identifier)


@lru_cache(4096)
def _catalogued(path: str, version: int, identifier: str) -> Dataset:
    """A data set of one version of a catalogue; opened here where it was never described, as stock has no watcher."""
    catalogue = _catalogue(path, version)
    dataset = catalogue.datasets.get(identifier)
    if dataset is None:
        raise ProviderInvalidQueryError(user_msg=f"data: {identifier} is not in the catalogue; name a collection of it")
    if dataset.facts is not None:
        return dataset
    with bridged():
        return merged(dataset, catalogue.config["resources"][identifier], describe(dataset))


@lru_cache(2)
def _catalogue(path: str, _version: int) -> Catalogue:
    return read(Path(path))


Words = Mapping[str, tuple[str, Callable[[Any], str | list[str]]]]
"""How stock's keywords are said in OGC text: keyword -> (parameter, its text)."""


def ogc(keywords: Mapping[str, Any], words: Words, spoken: frozenset[str]) -> dict[str, str | list[str]]:
    """Stock's keywords as OGC parameters. A keyword that has no word is refused, never lost.

    `spoken` names keywords that stock always gives and that ask nothing (or are answered elsewhere).
    """
    asked: dict[str, str | list[str]] = {}
    for keyword, value in keywords.items():
        if keyword in spoken or value is None or value in ([], "", {}):
            continue
        if keyword not in words:
            raise ProviderInvalidQueryError(user_msg=f"{keyword}: it is not served here; leave it out")
        name, text = words[keyword]
        asked[name] = text(value)
    return asked


def joined(values: list[Any]) -> str:
    """A list as OGC writes it."""
    return ",".join(str(v) for v in values)


def crs_of(spec: Any) -> str:
    """The CRS asked, of stock's transformation."""
    return str(spec.target_crs_uri)


def written(found: Answer, name: str, kind: Kind) -> bytes:
    """An answer in one format, whole."""
    written_as = choose(name, None, kind, name)
    if (fault := misfit(written_as, found)) is not None:
        raise Invalid("f", *fault)
    return b"".join(written_as.write(found, Context()))


def document(found: Answer, kind: Kind) -> Document:
    """An answer in the JSON of its API, as the fresh dict that stock pygeoapi writes into."""
    return cast(Document, orjson.loads(written(found, "CoverageJSON" if kind == "coverages" else "GeoJSON", kind)))


@contextmanager
def bridged() -> Iterator[None]:
    """Our errors as pygeoapi's: the status on the instance, the public sentence as the message."""
    try:
        yield
    except PolesError as error:
        raise translated(error) from error


def translated(error: PolesError) -> ProviderGenericError:
    """One of our errors as one of pygeoapi's."""
    classes = {400: ProviderInvalidQueryError, 404: ProviderItemNotFoundError, 413: ProviderRequestEntityTooLargeError}
    bridged_error = classes.get(error.status, ProviderGenericError)(user_msg=error.public)
    bridged_error.http_status_code = HTTPStatus(error.status)
    bridged_error.ogc_exception_code = error.code
    return bridged_error


def nothing() -> ProviderNoDataError:
    """A valid question outside the data: 204."""
    return ProviderNoDataError(user_msg="nothing is there")
