"""GeoJSON: a feature a row of a table, or a cell, level and step of a coverage (EDR GeoJSON). Streamed in batches."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from poles.coverage import Answer, Coverage, Coverages, Table
from poles.encodings import positions
from poles.encodings.arrays import scattered
from poles.encodings.columns import as_json
from poles.encodings.described import short_parameter
from poles.encodings.features import features, merged, plain_json
from poles.encodings.format import Context, Piece, gathered
from poles.encodings.kernels import document, joined
from poles.encodings.rows import apart, coordinates, rows


def carries(answer: Answer) -> str | None:
    """GeoJSON carries every answer."""
    return None


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The document in pieces; memory is bounded by a batch."""
    if isinstance(answer, Coverages):
        return gathered(_coverages(answer, context))
    if answer.single:
        return gathered(_single(answer, context))
    return gathered(_collection(answer, context))


def _listed(batches: Iterator[tuple[Piece, int]], count: list[int]) -> Iterator[Piece]:
    """Features that each follow a comma, but the first; how many there were is left in `count`."""
    for text, number in batches:
        yield text if count[0] else text[1:]
        count[0] += number


# --- tables --------------------------------------------------------------------------------------------------------


def _collection(table: Table, context: Context) -> Iterator[Piece]:
    count = [0]
    yield b'{"type":"FeatureCollection","features":['
    yield from _listed(features(table, context, ","), count)
    yield b"]"
    if table.parameters and table.locations:
        yield b',"parameters":' + _parameters(table.parameters.values(), context)
    matched = table.estimated if table.matched is None else table.matched
    if matched is not None:
        yield b',"numberMatched":%d' % matched
    yield b',"numberReturned":%d' % count[0]
    yield _ending(context, *_following(table, context))


def _following(table: Table, context: Context) -> tuple[Mapping[str, str], ...]:
    """The link to the rows after these, where only the rows themselves could tell that there are any."""
    if context.next is None or table.matched is not None or table.more is None or not table.more():
        return ()
    return (context.next,)


def _single(table: Table, context: Context) -> Iterator[bytes]:
    """The one row as a Feature, its links inside."""
    for text, _ in features(table, context):
        links = orjson.dumps([dict(k) for k in context.links])
        yield b"".join((text[:-1], b',"links":', links, b"}"))
        return
    raise ValueError("a single row was promised, and there is none")


def _ending(context: Context, *further: Mapping[str, str]) -> bytes:
    links = orjson.dumps([dict(k) for k in (*context.links, *further)])
    return b',"timeStamp":"%b","links":%b}' % (context.stamp.encode(), links)


# --- coverages -----------------------------------------------------------------------------------------------------


def _coverages(answer: Coverages, context: Context) -> Iterator[Piece]:
    """EDR GeoJSON: what `parameters` describes stands in the properties, by key."""
    described = {key: d for c in answer.members for key, d in c.parameters.items()}
    count = [0]
    yield b'{"type":"FeatureCollection","parameters":' + _parameters(described.values(), context) + b',"features":['
    for number, coverage in enumerate(answer.members, 1):
        label = coverage.id or (str(number) if len(answer.members) > 1 else None)
        yield from _listed(_cells(scattered(coverage), label, answer, context), count)
    yield b'],"numberReturned":%d' % count[0]
    yield _ending(context)


def _parameters(described: Any, context: Context) -> bytes:
    return orjson.dumps([short_parameter(d, context.language) for d in described])


def _cells(coverage: Coverage, label: str | None, answer: Coverages, context: Context) -> Iterator[tuple[Piece, int]]:
    """Features as JSON, and how many: a point each, its time, level and other steps and its values as properties.

    A parameter keeps its key; what else bears that name gives way.
    """
    keys = tuple(coverage.ranges)
    constant = {
        "label": label or answer.dataset.title.in_(context.language),
        "parameter-name": list(keys),
        "edrqueryendpoint": context.url or "",
    }
    timeless = [] if "t" in coordinates(coverage) else ['"datetime":"../..",']
    fixed = plain_json({k: v for k, v in constant.items() if k not in keys})[1:-1]
    for at, values in rows(coverage, as_json):
        points = positions.points(at.pop("x"), at.pop("y"), at.get("z"))
        called = apart(["datetime" if n == "t" else n for n in at], keys)
        varying = [*zip(called, at.values(), strict=True), *values.items()]
        members = [p for name, texts in varying for p in (plain_json(name) + ":", texts, ",")]
        opening = [',{"type":"Feature","geometry":', points, ',"properties":{', *timeless]
        if len(points):
            yield document(joined(merged([*opening, *members, fixed, "}}"], len(points)), "null")), len(points)
