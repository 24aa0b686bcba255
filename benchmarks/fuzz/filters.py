"""CQL2 grown from the queryables of a data set: what is right, of wrong kinds, damaged, deep."""

import json
from typing import Any

import cql2
from hypothesis import strategies as st

from .seeds import Seeds
from .values import ODD_TIMES, Corner, corners, damaged, datetimes, mostly

Tree = Any
Trees = st.SearchStrategy[Any]

SPATIAL = (
    "s_intersects", "s_disjoint", "s_within", "s_contains", "s_equals", "s_touches", "s_crosses", "s_overlaps",
)  # fmt: skip
TEMPORAL = (
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
    "t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts",
)  # fmt: skip
COMPARED = ("=", "<>", "<", ">", "<=", ">=")
ODD = (
    "", " ", "1", "'a'", "true", "FALSE", "NOT", "AND", "a =", "= 1", "1 = 1", "name", "name IS NULL AND", "((1=1)",
    "1=1)",
    "no_such_name = 1", "id = id", "geometry = 1", "id LIKE 5", "id IN ()", "id BETWEEN 2 AND 1",
    "id BETWEEN 'a' AND 1",
    "1/0 = 1", "5 % 0 = 1", "5 div 0 = 1", "2^1024 = 1", "1e309 > 1", "id = ''''", "id = '", "id; DROP TABLE x",
    "id = 1 -- x",
    "S_INTERSECTS(geometry)", "S_INTERSECTS(geometry,POINT(1))", "S_INTERSECTS(geometry,POINT(nan 1))",
    "S_INTERSECTS(geometry,POLYGON((0 0,1 1,0 0)))", "S_INTERSECTS(geometry,BBOX(0,0,1))",
    "S_WITHIN(POINT(0 0),POINT(0 0))",
    "S_CROSSES(geometry,GEOMETRYCOLLECTION(POINT(1 1)))", "S_EQUALS(geometry,POINT EMPTY)", "avg(id) = 1",
    "pg_sleep(9)",
    "T_AFTER(id,DATE('2020-02-30'))", "T_DURING(id,INTERVAL('..','..'))", "DATE('x') = 1", "TIMESTAMP('') = 1",
    "A_CONTAINS(id,('a','b'))", "CASEI(id) = casei('É')", "ACCENTI(1) = 1", "CASEI(CASEI(CASEI('a'))) = 'a'", "\x00",
    "é = é",
    "{}", "[]", "null", '{"op":"and"}', '{"op":"and","args":[]}', '{"op":"=","args":[1]}', '{"op":5,"args":{}}',
    '{"op":"in","args":[{"property":"id"},{"property":"id"}]}', '{"op":"like","args":[{"property":"id"},null]}',
    '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point"}]}', '{"property":"id"}',
    '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Polygon","coordinates":[[[0,0],["a",1]]]}]}',
    '{"op":"t_after","args":[{"timestamp":5},{"date":null}]}', '{"op":"=","args":[1e999,NaN]}',
)  # fmt: skip
"""Texts that are no filter, or hardly one."""


def filters(seeds: Seeds) -> st.SearchStrategy[str]:
    """Filters as text and as JSON, whatever `filter-lang` says beside them."""
    tree = _trees(seeds)
    sound = st.one_of(tree.map(as_text), tree.map(as_text), tree.map(json.dumps))
    deep = st.one_of(
        st.sampled_from([50, 99, 101, 5_000]).map(lambda n: "(" * n + "1 = 1" + ")" * n),
        st.sampled_from([20, 99, 2_000]).map(lambda n: "NOT " * n + "1 = 1"),
        st.sampled_from([500, 999, 1_001]).map(lambda n: " AND ".join(["1=1"] * n)),
        st.sampled_from([90, 101, 3_000]).map(lambda n: '{"op":"not","args":[' * n + "true" + "]}" * n),
        st.sampled_from([10, 2_000]).map(lambda n: f"1 IN ({','.join(map(str, range(n)))})"),
        st.sampled_from([50, 3_000]).map(lambda n: "+".join(["1"] * n) + " = 1"),
    )
    return mostly(sound, st.one_of(st.sampled_from(ODD), st.sampled_from(ODD), damaged(sound), deep))


def as_text(tree: Tree) -> str:
    """The tree in CQL2 text; as JSON where the text cannot hold it."""
    try:
        return str(cql2.Expr(tree).to_text())
    except Exception:  # noqa: BLE001 - whatever a parser in another language raises
        return json.dumps(tree)


def _trees(seeds: Seeds) -> Trees:
    return st.recursive(
        _conditions(seeds),
        lambda inside: st.one_of(
            st.builds(_op, st.sampled_from(["and", "or"]), st.lists(inside, min_size=2, max_size=3)),
            inside.map(lambda t: _op("not", [t])),
        ),
        max_leaves=4,
    )


def _op(name: str, arguments: list[Tree]) -> Tree:
    return {"op": name, "args": arguments}


def _conditions(seeds: Seeds) -> Trees:
    """One condition: compared, listed, between, like, null; in space and in time."""
    named = {k: s for k, s in seeds.queryables.items() if "type" in s and s["type"] not in ("array", "object")} or {
        "id": {}
    }
    pairs = st.sampled_from(sorted(named)).flatmap(
        lambda key: st.tuples(st.just({"property": key}), _values(seeds, key), _values(seeds, key))
    )
    left = pairs.flatmap(lambda p: st.tuples(_dressed(p[0]), st.just(p[1]), st.just(p[2])))
    shapes = st.sampled_from(
        [k for k, s in seeds.queryables.items() if "geometry" in s.get("format", "")] or ["geometry"]
    )
    times = st.sampled_from([k for k, s in named.items() if s.get("format", "").startswith("date")] or ["time"])
    return st.one_of(
        st.builds(lambda op, p: _op(op, [p[0], p[1]]), st.sampled_from(COMPARED), left),
        pairs.map(lambda p: _op("between", list(p))),
        pairs.map(lambda p: _op("in", [p[0], [p[1], p[2]]])),
        pairs.map(lambda p: _op("isNull", [p[0]])),
        st.builds(
            lambda p, text: _op("like", [p[0], text]),
            pairs,
            st.sampled_from(["a%", "%", "_", "", "\\%", "%é%", "100\\"]),
        ),
        st.builds(lambda op, key, g: _op(op, [{"property": key}, g]), st.sampled_from(SPATIAL), shapes, _shapes(seeds)),
        st.builds(
            lambda op, key, t: _op(op, [{"property": key}, t]), st.sampled_from(TEMPORAL), times, _moments(seeds)
        ),
    )


def _values(seeds: Seeds, key: str) -> Trees:
    """Values that are there, values of the same kind; one in five of another."""
    there = seeds.samples.get(key) or ("a", 0)
    other = st.one_of(
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.sampled_from([True, None, {"timestamp": "2020-01-01T00:00:00Z"}, {"date": "2020-01-01"}, [], {}, "%"]),
    )
    return st.sampled_from([st.sampled_from(there)] * 4 + [other]).flatmap(lambda chosen: chosen)


def _dressed(prop: Tree) -> Trees:
    """A property bare, in a function, in a sum."""
    return st.sampled_from([
        prop, prop, prop, _op("casei", [prop]), _op("accenti", [prop]), _op("+", [prop, 1]), _op("*", [2, prop]),
        _op("/", [prop, 0]), _op("%", [prop, 2]), _op("div", [prop, 2]), _op("^", [prop, 2]),
        _op("no_such_function", [prop]),
    ])  # fmt: skip


def _shapes(seeds: Seeds) -> Trees:
    place = corners(seeds)
    pair = place.map(lambda p: [p.x, p.y])
    line = st.lists(pair, min_size=2, max_size=4)
    return st.one_of(
        pair.map(lambda p: {"type": "Point", "coordinates": p}),
        line.map(lambda p: {"type": "LineString", "coordinates": p}),
        line.map(lambda p: {"type": "MultiPoint", "coordinates": p}),
        line.map(lambda p: {"type": "Polygon", "coordinates": [[*p, p[0]]]}),
        st.builds(lambda a, b: {"bbox": _box(a, b)}, place, place),
        st.builds(lambda a, b: {"type": "Polygon", "coordinates": [_ring(a, b)]}, place, place),
        pair.map(lambda p: {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": p}]}),
    )


def _box(a: Corner, b: Corner) -> list[float]:
    return [min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y)]


def _ring(a: Corner, b: Corner) -> list[list[float]]:
    return [[a.x, a.y], [b.x, a.y], [b.x, b.y], [a.x, b.y], [a.x, a.y]]


def _moments(seeds: Seeds) -> Trees:
    start, end = seeds.interval
    fixed = st.sampled_from([
        {"timestamp": start}, {"date": start[:10]}, {"interval": [start, end]}, {"interval": ["..", end]},
        {"interval": [start[:10], ".."]}, {"interval": [end, start]}, {"interval": [{"property": "time"}, end]},
    ])  # fmt: skip
    asked = datetimes(seeds).map(lambda t: {"timestamp": t})
    return st.one_of(fixed, fixed, asked, st.sampled_from(ODD_TIMES).map(lambda t: {"date": t}))
