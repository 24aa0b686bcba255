"""What stands beside a coverage: its domain set, its range type, and the files that it was made of."""

import os

from flask import Response

from poles.dataset import Dataset
from poles.metadata import ogc
from web import documents, ranges
from web.asked import VARY, Asked, declared, not_modified, unchanged
from web.manners.disposition import kept_as
from web.manners.freshness import tag


def domain_set(asked: Asked, collection: str) -> Response:
    """Where the cells of a coverage, or of a subset of it, lie (CIS JSON)."""
    door = asked.views.door(asked.view.dataset(collection), "coverage")
    return documents.sent(asked, "document", lambda: door.domain_set(asked.parameters))


def range_type(asked: Asked, collection: str) -> Response:
    """What the cells of a coverage, or of a subset of it, hold (CIS JSON)."""
    door = asked.views.door(asked.view.dataset(collection), "coverage")
    return documents.sent(asked, "document", lambda: door.range_type(asked.parameters))


def file(asked: Asked, collection: str, name: str) -> Response:
    """A file of a data set as it lies there; ranges of it may be asked."""
    declared(asked, ())
    dataset = asked.view.dataset(collection)
    opened = asked.views.door(dataset, "coverage").original(name)
    state = os.fstat(opened.fileno())
    entity_tag = tag(name, f"{state.st_mtime_ns} {state.st_size}").removeprefix("W/")  # strong: these bytes, no others
    if unchanged(asked, entity_tag):
        opened.close()
        return not_modified(entity_tag)
    headers = [
        ("Content-Type", _type(dataset, name)),
        ("ETag", entity_tag),
        ("Vary", VARY),
        ("Content-Disposition", kept_as(name.split("/")[-1])),
    ]
    response = ranges.sent(asked.request, opened, headers, entity_tag)
    response.call_on_close(opened.close)
    return response


def _type(dataset: Dataset, name: str) -> str:
    """The media type of a file, as its link tells it."""
    offered = dataset.facts.originals if dataset.facts is not None else ()
    return next(ogc.of_original(o) for o in offered if o.name == name)
