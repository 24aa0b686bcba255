"""CoverageJSON 1.0: one Coverage, or a CoverageCollection, streamed."""

from collections.abc import Iterator

import numpy as np
import orjson

from poles.coverage import Answer, Axis, Block, Composite, Coverage, Coverages
from poles.dataset import Dataset, Described
from poles.encodings.arrays import PIECE, pieces, plain, plain_type, scattered
from poles.encodings.described import level, parameter, referencing
from poles.encodings.format import Context, gathered
from poles.encodings.labels import json_times, texts
from poles.stored import Array

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_LONGEST = 5_000
"""Values of a regular axis that are still written one by one."""

_TUPLE_ORDER = ("t", "x", "y", "z")


def carries(answer: Answer) -> str | None:
    """CoverageJSON carries every coverage."""
    return None if isinstance(answer, Coverages) else "rows are no coverages"


def write(answer: Answer, context: Context) -> Iterator[bytes]:
    """The document in pieces; memory is bounded by a block."""
    if not isinstance(answer, Coverages):
        raise TypeError("rows are no coverages")
    members = [scattered(c) for c in answer.members]
    if len(members) == 1 and not answer.collection:
        return gathered(_coverage(members[0], members[0].parameters, answer.dataset))
    return gathered(_collection(members, answer.dataset))


def _collection(members: list[Coverage], dataset: Dataset) -> Iterator[bytes]:
    """Parameters stand once for all coverages; a coverage that means another thing by a key says so itself."""
    shared: dict[str, Described] = {}
    for coverage in members:
        for key, described in coverage.parameters.items():
            shared.setdefault(key, described)
    kinds = {c.domain for c in members}
    kind = b'"domainType":"%b",' % kinds.pop().encode() if len(kinds) == 1 else b""
    yield b'{"type":"CoverageCollection",' + kind + b'"parameters":' + _parameters(shared) + b',"coverages":['
    for number, coverage in enumerate(members):
        own = {k: d for k, d in coverage.parameters.items() if shared[k] != d}
        yield b"," if number else b""
        yield from _coverage(coverage, coverage.parameters if own else {}, dataset)
    yield b"]}"


def _coverage(coverage: Coverage, parameters: dict[str, Described], dataset: Dataset) -> Iterator[bytes]:
    identifier = b"" if coverage.id is None else b'"id":' + orjson.dumps(coverage.id) + b","
    yield (
        b'{"type":"Coverage",'
        + identifier
        + b'"domain":{"type":"Domain","domainType":"%b","axes":{' % (coverage.domain.encode())
    )
    yield from _axes(coverage)
    yield b'},"referencing":' + _referencing(coverage, dataset) + b"}"
    if parameters:
        yield b',"parameters":' + _parameters(parameters)
    yield b',"ranges":{'
    for number, (key, block) in enumerate(coverage.ranges.items()):
        yield (b"," if number else b"") + orjson.dumps(key) + b":"
        yield from _range(block, coverage.parameters[key])
    yield b"}}"


def _parameters(described: dict[str, Described]) -> bytes:
    return b"{" + b",".join(orjson.dumps(k) + b":" + parameter(d) for k, d in described.items()) + b"}"


def _referencing(coverage: Coverage, dataset: Dataset) -> bytes:
    composite = coverage.composite
    names = (*(a.name for a in coverage.axes), *(composite.coordinates if composite is not None else ()))
    time = coverage.axis("t")
    calendar = time.calendar if time is not None else composite.calendar if composite is not None else None
    own = coverage.axes if composite is None else (*coverage.axes, level(coverage, dataset))
    return referencing(coverage.crs, names, own, calendar)


# --- axes ----------------------------------------------------------------------------------------------------------


def _axes(coverage: Coverage) -> Iterator[bytes]:
    for number, axis in enumerate(coverage.axes):
        yield (b"," if number else b"") + orjson.dumps(axis.name) + b":" + _axis(axis)
    if coverage.composite is not None:
        yield b',"composite":' if coverage.axes else b'"composite":'
        yield from _composite(coverage.composite)


def _axis(axis: Axis) -> bytes:
    if axis.name == "t":
        calendar = axis.calendar or "standard"
        bounds = b"" if axis.bounds is None else b',"bounds":' + json_times(axis.bounds.reshape(-1), calendar)
        return b'{"values":' + json_times(axis.values, calendar) + bounds + b"}"
    bounds = b"" if axis.bounds is None else b',"bounds":' + _array(axis.bounds)
    if len(axis) > _LONGEST and _is_regular(axis.values):
        first, last = float(axis.values[0]), float(axis.values[-1])
        return orjson.dumps({"start": first, "stop": last, "num": len(axis)})
    return b'{"values":' + _array(axis.values) + bounds + b"}"


def _is_regular(values: Array) -> bool:
    """Whether start, stop and number give the values again, to a millionth of a step."""
    if values.dtype.kind not in "fiu":
        return False
    even = np.linspace(values[0], values[-1], len(values))
    return bool(np.abs(even - values).max() <= 1e-6 * abs(even[1] - even[0]))


def _array(values: Array) -> bytes:
    flat = plain(values)
    return orjson.dumps(flat.tolist() if flat.dtype == object else flat, option=_NUMPY)


def _composite(composite: Composite) -> Iterator[bytes]:
    """One tuple a cell, the coordinates in the order that the standard gives them."""
    order = sorted(range(len(composite.coordinates)), key=lambda i: _TUPLE_ORDER.index(composite.coordinates[i]))
    names = [composite.coordinates[i] for i in order]
    yield b'{"dataType":"tuple","coordinates":' + orjson.dumps(names) + b',"values":['
    for start in range(0, len(composite.values[0]), PIECE):
        columns = [composite.values[i][start : start + PIECE] for i in order]
        yield (b"," if start else b"") + _tuples(names, columns, composite.calendar or "standard")
    yield b"]}"


def _tuples(names: list[str], columns: list[Array], calendar: str) -> bytes:
    if "t" not in names:
        return orjson.dumps(np.column_stack(columns).astype(np.float64), option=_NUMPY)[1:-1]
    lists = [texts(c, calendar) if n == "t" else c.tolist() for n, c in zip(names, columns, strict=True)]
    return orjson.dumps(list(zip(*lists, strict=True)))[1:-1]


# --- ranges --------------------------------------------------------------------------------------------------------


def _range(block: Block, described: Described) -> Iterator[bytes]:
    kind = plain_type(block.dtype).kind
    whole = kind == "f" and (described.dtype == "integer" or bool(described.categories))
    data_type = b"integer" if kind in "iu" or whole else b"float" if kind == "f" else b"string"
    names, shape = orjson.dumps(block.dims), orjson.dumps(block.shape)
    yield b'{"type":"NdArray","dataType":"%b","axisNames":%b,"shape":%b,"values":[' % (data_type, names, shape)
    for number, piece in enumerate(pieces(block)):
        yield (b"," if number else b"") + _values(piece, whole)
    yield b"]}"


def _values(flat: Array, whole: bool) -> bytes:
    """Values parted by commas; NaN is null, times are RFC 3339. `whole`: floats that stand for integers."""
    match flat.dtype.kind:
        case "O":
            return orjson.dumps(flat.tolist())[1:-1]
        case "M":
            return orjson.dumps(texts(flat.astype("datetime64[ms]").view(np.int64), "proleptic_gregorian"))[1:-1]
    written = orjson.dumps(flat, option=_NUMPY)
    return (written[:-1] + b",").replace(b".0,", b",")[1:-1] if whole else written[1:-1]
