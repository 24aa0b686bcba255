"""The OpenAPI 3.0 document of a view: self-contained, templated over collections, or written out for one data set.

`python -m web.openapi` writes the document of the demonstration catalogue to `openapi/openapi.json`; with `--check`
it only tells whether that file is fresh.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from poles import __version__
from poles.catalogue import read
from poles.dataset import Dataset
from web.openapi import operations, parameters, responses
from web.openapi.operations import First
from web.openapi.schemas import SCHEMAS
from web.views import View, Views

__all__ = ["GENERATED", "document", "fresh", "generated", "main"]

Document = dict[str, Any]
GENERATED = Path(__file__).parents[2] / "openapi" / "openapi.json"
DEMONSTRATION = Path(__file__).parents[2] / "pygeoapi-config.yml"
HOST = "http://localhost:5000"


def document(view: View, processes: Iterable[str], language: str = "en", first: First = operations.unknown) -> Document:
    """The document of a view, with the paths that its data sets are served by; `first` gives examples of ids."""
    only = view.datasets[view.only] if view.only else None
    paths = {
        **operations.of_documents(view, language),
        **operations.of_collection(view, language),
        **operations.of_data(view, language, first),
        **operations.of_processes(tuple(processes), language),
    }
    return {
        "openapi": "3.0.3",
        "info": _info(view, only, language),
        "servers": [{"url": view.url or "/"}],
        "security": [],
        "tags": operations.tags(paths, language),
        "paths": paths,
        "components": {
            "parameters": {"limit": parameters.limit(operations.limits(only), language)},
            "schemas": SCHEMAS,
            "responses": responses.components(language),
            "headers": responses.header_components(language),
        },
    }


def _info(view: View, only: Dataset | None, language: str) -> Document:
    """Title, description and licence of the server; of a data set's view also whom to write to."""
    found: Document = {
        "title": view.title.in_(language),
        "description": view.description.in_(language),
        "version": __version__,
        "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
    }
    contact = next(iter(only.contacts), None) if only is not None else None
    if contact is not None:
        told = {"name": contact.name, "url": contact.url, "email": contact.email}
        found["contact"] = {k: v for k, v in told.items() if v}
    return found


# --- the generated document ----------------------------------------------------------------------------------------


def generated(config: Path = DEMONSTRATION) -> bytes:
    """The document of a catalogue's root, as it is kept under version control: what the blocks say, no facts."""
    with TemporaryDirectory() as state:
        catalogue = read(config, Path(state))
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
