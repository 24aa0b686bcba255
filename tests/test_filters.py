"""Filters let through the rows that brute force does: on each store, the same rows and the same answers."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import brute
import cql2 as standard
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poles.crs import crs as crs_of
from poles.crs import transform
from poles.dataset import Facts
from poles.parse import cql2, when
from poles.parse.filter import parsed
from poles.query import CRS84, Query
from poles.rows.arranged import answered, columns_of, placed, stored
from poles.stores import Statement, Store, duck
from poles.stores.dialect import Values, quoted
from poles.stores.filters import condition, kinds_of
from poles.stores.layout import Contents, Layout
from poles.stores.statement import selection

ROOT = Path(__file__).parents[1]
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"

# --- rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Rows as Python has them, and as a store takes them."""

    rows: tuple[dict[str, Any], ...]
    contents: Contents


def contents_of(columns: dict[str, pa.Array], shapes: Sequence[Any], crs: str = CRS84) -> Contents:
    """Rows `r0`, `r1`, … as a store takes them."""
    own = columns_of(pa.schema([(n, c.type) for n, c in columns.items()]))
    wkb = pa.array([None if s is None else shapely.to_wkb(s) for s in shapes], pa.binary())
    geometry, bounds, points = placed(wkb, np.array(shapes, object))
    table = {
        "_row": pa.array(range(len(shapes))), "id": pa.array([f"r{i}" for i in range(len(shapes))]),
        **{c.stored: stored(columns[c.name]) for c in own}, **geometry,
    }  # fmt: skip
    schema = answered(pa.schema([(n, c.type) for n, c in columns.items()]))
    layout = Layout(own, schema, len(shapes), crs, bounds, points)
    return Contents(Facts("1", "features", (), None, None), layout, pa.table(table))


def rows_of(columns: dict[str, pa.Array], shapes: Sequence[Any], crs: str = CRS84) -> Rows:
    lists = {n: c.to_numpy(False) if pa.types.is_float32(c.type) else c.to_pylist() for n, c in columns.items()}
    rows = tuple({"id": f"r{k}", "geometry": s, **{n: v[k] for n, v in lists.items()}} for k, s in enumerate(shapes))
    return Rows(rows, contents_of(columns, shapes, crs))


NAMES = (
    "Smith", "smith", "SMITH", "Élodie", "elodie", "ÉLODIE", "e\u0301lodie", "Straße", "STRASSE", "strasse", "ΟΔΟΣ",
    "Οδος", "οδοσ", "İstanbul", "istanbul", "100%", "100 %", "a_b", "axb", "a\\b", "a\\_b", "it's", 'say "x"', "",
    " ", "$1", "'; DROP TABLE items; --", "日本", "日本語", "😀", "Zürich", "zurich", "ſtreet", "street", "µm", "μm",
    "line\nbreak", "Saint-Étienne", "x", None,
)  # fmt: skip
HEIGHTS = (
    0.0, -0.0, 1.0, -1.0, 1.5, 2.5, -2.5, 10.0, 20.0, 150.0, 0.1, 0.3, 1e308, -1e308, 5e-324, 1e-200, 2.0**53,
    math.nan, None, 1e300, 3.0, 7.25, 100.0, -0.5,
)  # fmt: skip
MAGNITUDES = (4.3, 4.4, 0.1, -1.1, 5.0, 6.7, None, math.nan)
COUNTS = (0, 1, -1, 2, 3, 7, -7, 10, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), None, 100, 8, -8, 5)
T0 = datetime(2020, 1, 1)
TIMES = (
    T0, T0 + timedelta(milliseconds=1), T0 - timedelta(milliseconds=1), datetime(2020, 1, 1, 12), datetime(2020, 1, 2),
    datetime(2020, 6, 15, 12, 30, 45, 123000), datetime(2019, 12, 31, 23, 59, 59, 999000), datetime(2021, 1, 1), None,
    datetime(1850, 3, 1), datetime(2020, 1, 10), datetime(2020, 1, 20),
)  # fmt: skip
DAYS = (date(2020, 1, 1), date(2020, 1, 2), date(2019, 12, 31), None, date(2020, 6, 15), date(1850, 3, 1))
PLACES = (
    (0, 0), (1, 1), (2, 2), (-1, 2), (179.5, 10), (-179.5, 10), (2.35, 48.85), (10, 10), (-180, 0), (180, 0), None,
    (5, -5), (0.5, 0.5),
)  # fmt: skip
MANY = 200


def turned(values: Sequence[Any], by: int) -> list[Any]:
    """Values over and over, each column in a rhythm of its own."""
    return [values[(i * by + i // len(values)) % len(values)] for i in range(MANY)]


@cache
def mixed() -> Rows:
    columns = {
        "name": pa.array(turned(NAMES, 1), pa.string()),
        "other": pa.array(turned(NAMES, 7), pa.string()),
        "height": pa.array(turned(HEIGHTS, 1), pa.float64(), from_pandas=False),
        "width": pa.array(turned(HEIGHTS, 5), pa.float64(), from_pandas=False),
        "mag": pa.array(turned(MAGNITUDES, 3), pa.float32(), from_pandas=False),
        "count": pa.array(turned(COUNTS, 1), pa.int64()),
        "floors": pa.array(turned(COUNTS[:8], 3), pa.int32()),
        "flag": pa.array(turned((True, False, None), 1), pa.bool_()),
        "seen": pa.array(turned(TIMES, 1), pa.timestamp("ms")),
        "begin": pa.array(turned(TIMES, 5), pa.timestamp("ms")),
        "end": pa.array(turned(TIMES, 7), pa.timestamp("ms")),
        "day": pa.array(turned(DAYS, 1), pa.date32()),
        "last": pa.array(turned(DAYS, 5), pa.date32()),
        "Name": pa.array(turned(("A", "b", None), 2), pa.string()),
        "eo:cover": pa.array(turned((0.1, 0.2, None), 2), pa.float64()),
        'odd "name"; --': pa.array(turned((1, 2, None), 1), pa.int16()),
        "tags": pa.array(turned((["a"], [], None), 1), pa.list_(pa.string())),
    }
    return rows_of(columns, [None if p is None else shapely.Point(p) for p in turned(PLACES, 1)])


SHAPES = tuple(
    shapely.from_wkt(t) if t else None
    for t in (
        "POLYGON((0 0,4 0,4 4,0 4,0 0))", "POLYGON((1 1,2 1,2 2,1 2,1 1))", "POLYGON((4 0,8 0,8 4,4 4,4 0))",
        "POLYGON((0 0,10 0,10 10,0 10,0 0),(2 2,8 2,8 8,2 8,2 2))", "LINESTRING(-1 -1,5 5)", "LINESTRING(0 0,4 0)",
        "LINESTRING(4 2,6 2)", "POINT(1 1)", "POINT(4 4)", "POINT(20 20)", "MULTIPOINT((1 1),(20 20))", "",
        "MULTIPOLYGON(((0 0,1 0,1 1,0 1,0 0)),((5 5,6 5,6 6,5 6,5 5)))", "POLYGON EMPTY", "POINT Z(1 1 5)",
        "POLYGON Z((0 0 1,4 0 1,4 4 1,0 4 1,0 0 1))", "MULTILINESTRING((0 0,1 1),(3 3,6 6))",
        "MULTIPOLYGON(((178 -1,180 -1,180 1,178 1,178 -1)),((-180 -1,-178 -1,-178 1,-180 1,-180 -1)))",
        "POLYGON((170 -5,175 -5,175 5,170 5,170 -5))", "POLYGON((-175 -5,-170 -5,-170 5,-175 5,-175 -5))",
    )
)  # fmt: skip


@cache
def shapes() -> Rows:
    return rows_of({"n": pa.array(range(len(SHAPES)))}, SHAPES)


@cache
def departements(crs: str = CRS84) -> Rows:
    """The départements of France, real polygons."""
    meta, table = pyogrio.read_arrow(ROOT / "demo/theia/france_departements_ne.gpkg")
    geometry = meta["geometry_name"] or "wkb_geometry"
    found = shapely.from_wkb(table[geometry].to_numpy())
    if crs != CRS84:
        found = shapely.transform(found, lambda p: np.column_stack(transform(*p.T, crs_of(CRS84), crs_of(crs))))
    columns = {n: table[n].combine_chunks() for n in table.column_names if n not in (geometry, "id")}
    return rows_of(columns, found.tolist(), crs)


# --- stores --------------------------------------------------------------------------------------------------------


Opened = Callable[[Rows], Store]


@pytest.fixture(scope="module", params=["duckdb", "postgis"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Rows in a store of each kind."""
    held: dict[int, Store] = {}
    folder = tmp_path_factory.mktemp("cql2")
    server = request.getfixturevalue("postgres") if request.param == "postgis" else None

    def kept(rows: Rows) -> Store:
        key = id(rows)
        if key not in held and server is None:
            duck.write(folder / f"{len(held)}.duckdb", rows.contents, "1")
            found = duck.opened(folder / f"{len(held)}.duckdb")
            assert found is not None
            held[key] = found
        elif key not in held:
            from poles.stores import postgis

            name = f"cql2-{len(held)}"
            held[key] = postgis.stored(server.url, name, "1", lambda: rows.contents)
        return held[key]

    return kept


def asked(store: Store, tree: Any, crs: str = CRS84) -> set[str]:
    """The ids of the rows that a store lets through."""
    values = Values()
    where = condition(tree, store.layout, store.dialect, values, crs)
    text = f"SELECT {quoted(store.layout.id)} FROM {store.dialect.table(store.layout)} WHERE {where}"
    return {i for b in store.batches(Statement(text, tuple(values.bound))) for i in b.column(0).to_pylist()}


def expected(rows: Rows, tree: Any) -> set[str]:
    return {row["id"] for row in rows.rows if brute.keeps(tree, row)}


def agrees(store: Store, rows: Rows, raw: Any) -> set[str]:
    """The rows of a filter and of its contrary, by the store and by brute force."""
    tree = parsed(json.dumps(raw), "cql2-json", kinds_of(store.layout))
    contrary = {"op": "not", "args": [raw]}
    found = asked(store, tree)
    assert found == expected(rows, raw)
    assert asked(store, {"op": "not", "args": [tree]}) == expected(rows, contrary)
    return found


VALUES = r"""
name = 'Smith'
name <> 'Smith'
'Smith' = name
name < 'a'
name > 'Z'
name <= 'elodie'
name >= 'É'
name = ''
name = ' '
name = 'it''s'
name = 'say "x"'
name = '$1'
name = '''; DROP TABLE items; --'
name = '😀'
name = other
name < other
Name = 'A'
"Name" = 'b'
"name" = 'x'
"odd ""name""; --" = 1
eo:cover = 0.1
"eo:cover" BETWEEN 0.1 AND 0.15
id = 'r3'
id <> 'r3'
id IN ('r1','r2','none')
id > 'r2'
id LIKE 'r1%'
name IN ('Smith','smith','nobody')
name NOT IN ('Smith','smith')
name IN (other, 'x')
name LIKE 'S%'
name LIKE '%th'
name LIKE '%mi%'
name LIKE 'smit_'
name LIKE '_'
name LIKE '__'
name LIKE ''
name LIKE '%'
name LIKE '100\%'
name LIKE '100%'
name LIKE 'a\_b'
name LIKE 'a_b'
name LIKE 'a\\b'
name LIKE 'a\\\_b'
name LIKE '%\'
name LIKE '\S%'
name LIKE '%''%'
name LIKE '日_'
name LIKE 'line%break'
name NOT LIKE 'S%'
CASEI(name) = CASEI('SMITH')
CASEI(name) = 'smith'
CASEI(name) = CASEI('élodie')
CASEI(name) = CASEI('STRASSE')
CASEI(name) = CASEI('straße')
CASEI(name) = CASEI('οδος')
CASEI(name) IN (CASEI('Οδος'), CASEI('Straße'))
CASEI(name) = CASEI('İSTANBUL')
CASEI(name) = CASEI('Istanbul')
CASEI(name) = CASEI('STREET')
CASEI(name) = CASEI('μM')
CASEI(name) LIKE CASEI('%STRASSE%')
CASEI(name) LIKE 'é%'
name LIKE CASEI('SMI%')
CASEI(name) < CASEI('M')
CASEI(name) = CASEI(other)
ACCENTI(name) = ACCENTI('elodie')
ACCENTI(name) = 'Zurich'
ACCENTI(name) LIKE ACCENTI('Saint-É%')
CASEI(ACCENTI(name)) = CASEI(ACCENTI('ÉLODIE'))
ACCENTI(CASEI(name)) = 'elodie'
ACCENTI(name) = ACCENTI('日本')
name IS NULL
name IS NOT NULL
NOT name IS NULL
CASEI(name) IS NULL
height IS NULL
mag IS NULL
flag IS NULL
seen IS NULL
day IS NULL
tags IS NULL
geometry IS NULL
geometry IS NOT NULL
height / width IS NULL
(name = 'x') IS NULL
1 IS NULL
height = 0
height <> 0
height < 0
height <= 0
height > 1.5
height >= 1.5
height = 1.5
0.1 = height
height = width
height < width
height = count
count < height
mag = 4.3
mag <> 4.3
mag >= 4.3
mag < 4.4
mag IN (4.3, 0.1)
mag BETWEEN 0.1 AND 4.3
count = 0
count = 1.0
count < 1.5
count > -7.5
count = 9007199254740992
count = 9007199254740993
count > 9007199254740992
count = 9223372036854775807
count < 9223372036854775808
count > -9223372036854775809
count < 1e300
count <> 1e30
count IN (0, 1, 7)
count IN (0, 1.5, 7)
count NOT IN (0, 1)
count IN (floors, 100)
height BETWEEN 1 AND 20
height NOT BETWEEN 1 AND 20
count BETWEEN 20 AND 1
height BETWEEN width AND 100
seen BETWEEN DATE('2020-01-01') AND TIMESTAMP('2020-01-10T00:00:00Z')
flag
NOT flag
flag = TRUE
flag = FALSE
flag <> TRUE
flag IN (TRUE)
TRUE = flag
TRUE
FALSE
flag AND TRUE
flag OR TRUE
flag AND FALSE
flag = (height > 1)
(name IS NULL) = TRUE
height + 1 = 2.5
height - 1 > 0
height * 2 > 3
height / 2 = 0.75
10 / height > 1
height / 0 = 1
0 / height = 0
count / 2 = 3.5
count div 2 = 3
count div -2 = 3
count div 0 = 0
height div 1 = 2
count % 3 = 1
count % -3 = -1
count % 0 = 0
height % 1 = 0.5
height ^ 2 = 6.25
height ^ 0.5 > 1
height ^ 0 = 1
height ^ -1 > 0
2 ^ height > 1000
height ^ 1000 > 1
count ^ 2 > 10
height * 1e10 > 0
height * 1e-300 = 0
height * height > 0
height * width < 0
height + width > 100
height - width = 0
-height > 1
- height ^ 2 > 1
height + 2 * width > 3
(height + 2) * width > 3
(height + count) / (width - 1) < 2
floors * 2 + 1 = 15
1 + 2 = 3
1 / 0 = 1
count + 1 > count
flag AND height > 1
flag OR height > 1
NOT (flag AND height > 1)
NOT flag OR NOT height > 1
name = 'x' AND height > 1 OR flag
name = 'x' OR height > 1 AND flag
NOT NOT flag
"""

TEMPORAL = r"""
seen = TIMESTAMP('2020-01-01T00:00:00Z')
seen <> TIMESTAMP('2020-01-01T00:00:00Z')
seen < TIMESTAMP('2020-01-01T00:00:00Z')
seen <= TIMESTAMP('2020-01-01T00:00:00Z')
seen > TIMESTAMP('2020-01-01T00:00:00.000Z')
seen >= TIMESTAMP('2020-01-01T00:00:00.001Z')
seen = TIMESTAMP('2020-01-01T02:00:00+02:00')
seen = TIMESTAMP('2020-06-15T12:30:45.123Z')
seen < TIMESTAMP('1900-01-01T00:00:00Z')
seen = DATE('2020-01-01')
seen <> DATE('2020-01-01')
seen < DATE('2020-01-01')
seen <= DATE('2020-01-01')
seen > DATE('2020-01-01')
seen >= DATE('2020-01-01')
DATE('2020-01-01') > seen
seen IN (DATE('2020-01-01'), TIMESTAMP('2021-01-01T00:00:00Z'))
day = DATE('2020-01-01')
day <> DATE('2020-01-01')
day < DATE('2020-01-02')
day >= DATE('2020-01-01')
day = TIMESTAMP('2020-01-01T12:00:00Z')
day < TIMESTAMP('2020-01-01T12:00:00Z')
day <= TIMESTAMP('2020-01-01T12:00:00Z')
day > TIMESTAMP('2019-12-31T12:00:00Z')
day IN (DATE('2020-01-01'), DATE('1850-03-01'))
seen = day
seen < day
day <= seen
begin < end
day = last
T_AFTER(seen, DATE('2020-01-01'))
T_AFTER(seen, TIMESTAMP('2020-01-01T00:00:00Z'))
T_BEFORE(seen, DATE('2020-01-01'))
T_BEFORE(seen, TIMESTAMP('2020-01-01T00:00:00Z'))
T_AFTER(day, seen)
T_BEFORE(DATE('2019-12-31'), day)
T_EQUALS(seen, TIMESTAMP('2020-01-01T00:00:00Z'))
T_EQUALS(seen, DATE('2020-01-01'))
T_EQUALS(day, DATE('2020-01-01'))
T_EQUALS(seen, begin)
T_EQUALS(INTERVAL(begin,end), INTERVAL('2020-01-01T00:00:00Z','2020-01-02T00:00:00Z'))
T_EQUALS(INTERVAL(begin,'..'), INTERVAL('2020-01-01T00:00:00Z','..'))
T_EQUALS(day, INTERVAL('2020-01-01','2020-01-01'))
T_INTERSECTS(seen, INTERVAL('2020-01-01','2020-01-02'))
T_INTERSECTS(seen, INTERVAL('2020-01-01T00:00:00Z','..'))
T_INTERSECTS(seen, INTERVAL('..','2020-01-01T00:00:00Z'))
T_INTERSECTS(seen, INTERVAL('..','..'))
T_INTERSECTS(seen, DATE('2020-01-01'))
T_INTERSECTS(day, INTERVAL('2020-01-01T12:00:00Z','2020-01-01T13:00:00Z'))
T_INTERSECTS(INTERVAL(begin,end), INTERVAL('2020-01-01','2020-01-10'))
T_DISJOINT(seen, INTERVAL('2020-01-01','2020-01-10'))
T_DISJOINT(INTERVAL(begin,end), INTERVAL('..','2020-01-01T00:00:00Z'))
T_DURING(seen, INTERVAL('2020-01-01T00:00:00Z','2021-01-01T00:00:00Z'))
T_DURING(seen, INTERVAL('2020-01-01','2020-01-10'))
T_DURING(INTERVAL(begin,end), INTERVAL('2019-12-31','2021-01-02'))
T_DURING(INTERVAL(begin,end), INTERVAL('..','2020-01-11'))
T_DURING(seen, INTERVAL(begin,end))
T_CONTAINS(INTERVAL(begin,end), INTERVAL('2020-01-01T12:00:00Z','2020-01-02T12:00:00Z'))
T_CONTAINS(INTERVAL(begin,end), seen)
T_CONTAINS(INTERVAL('2020-01-01T00:00:00Z','2021-01-01T00:00:00Z'), INTERVAL(begin,end))
T_CONTAINS(INTERVAL('..','..'), INTERVAL(begin,end))
T_FINISHEDBY(INTERVAL(begin,end), INTERVAL('2020-01-01T12:00:00Z','2021-01-01T00:00:00Z'))
T_FINISHES(INTERVAL(begin,end), INTERVAL('2019-01-01','2020-01-10T00:00:00Z'))
T_FINISHES(INTERVAL(begin,'..'), INTERVAL('2019-01-01','..'))
T_MEETS(INTERVAL(begin,end), INTERVAL('2020-01-01T00:00:00Z','2020-02-01'))
T_MEETS(INTERVAL('2019-01-01','2020-01-01T00:00:00Z'), INTERVAL(begin,end))
T_METBY(INTERVAL(begin,end), INTERVAL('2019-01-01','2020-01-01T00:00:00Z'))
T_METBY(seen, INTERVAL(begin,end))
T_OVERLAPPEDBY(INTERVAL(begin,end), INTERVAL('2019-12-31','2020-01-05'))
T_OVERLAPS(INTERVAL(begin,end), INTERVAL('2020-01-01T12:00:00Z','2020-12-31'))
T_OVERLAPS(INTERVAL(begin,end), INTERVAL(day,last))
T_STARTEDBY(INTERVAL(begin,end), INTERVAL('2020-01-01T00:00:00Z','2020-01-05'))
T_STARTS(INTERVAL(begin,end), INTERVAL('2020-01-01T00:00:00Z','2022-01-01'))
T_STARTS(INTERVAL(day,last), INTERVAL('2020-01-01','2022-01-01'))
T_AFTER(INTERVAL(begin,end), INTERVAL('2019-01-01','2020-01-01'))
T_BEFORE(INTERVAL(begin,end), seen)
T_BEFORE(DATE('2019-01-01'), DATE('2020-01-01'))
"""

SPATIAL = r"""
S_INTERSECTS(geometry, POINT(1 1))
S_INTERSECTS(POINT(1 1), geometry)
S_INTERSECTS(geometry, POINT Z(1 1 9))
S_INTERSECTS(geometry, BBOX(0,0,2,2))
S_INTERSECTS(geometry, BBOX(0,0,-5,2,2,5))
S_INTERSECTS(geometry, BBOX(1,1,1,1))
S_INTERSECTS(geometry, BBOX(170,-20,-170,20))
S_INTERSECTS(geometry, BBOX(100,50,101,51))
S_INTERSECTS(geometry, BBOX(-180,-90,180,90))
S_INTERSECTS(geometry, POLYGON((0 0,3 0,0 3,0 0)))
S_INTERSECTS(geometry, POLYGON((0 0,3 0,3 3,0 3,0 0),(0.5 0.5,2.5 0.5,2.5 2.5,0.5 2.5,0.5 0.5)))
S_INTERSECTS(geometry, LINESTRING(-5 -5,5 5))
S_INTERSECTS(geometry, MULTIPOINT((1 1),(10 10)))
S_INTERSECTS(geometry, MULTILINESTRING((0 0,1 1),(3 3,4 4)))
S_INTERSECTS(geometry, MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5))))
S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(4 4,6 6)))
S_DISJOINT(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(4 4,6 6)))
S_DISJOINT(geometry, POINT(1 1))
S_DISJOINT(geometry, BBOX(0,0,2,2))
S_DISJOINT(geometry, BBOX(170,-20,-170,20))
S_DISJOINT(geometry, BBOX(100,50,101,51))
S_EQUALS(geometry, POINT(1 1))
S_EQUALS(geometry, POLYGON((0 0,0 4,4 4,4 0,0 0)))
S_EQUALS(geometry, BBOX(0,0,4,4))
S_EQUALS(geometry, LINESTRING(4 0,0 0))
S_EQUALS(geometry, MULTIPOINT((20 20),(1 1)))
S_EQUALS(geometry, geometry)
S_TOUCHES(geometry, POLYGON((0 0,4 0,4 4,0 4,0 0)))
S_TOUCHES(geometry, LINESTRING(4 -2,4 8))
S_TOUCHES(geometry, POINT(4 4))
S_TOUCHES(BBOX(4,4,6,6), geometry)
S_WITHIN(geometry, POLYGON((0 0,4 0,4 4,0 4,0 0)))
S_WITHIN(geometry, BBOX(0,0,4,4))
S_WITHIN(geometry, BBOX(170,-20,-170,20))
S_WITHIN(geometry, LINESTRING(-5 -5,9 9))
S_WITHIN(POINT(1.5 1.5), geometry)
S_WITHIN(geometry, geometry)
S_CONTAINS(geometry, POINT(1.5 1.5))
S_CONTAINS(geometry, POINT(4 2))
S_CONTAINS(geometry, LINESTRING(1 1,2 2))
S_CONTAINS(geometry, BBOX(1,1,2,2))
S_CONTAINS(BBOX(0,0,4,4), geometry)
S_CONTAINS(POLYGON((0 0,9 0,9 9,0 9,0 0)), geometry)
S_OVERLAPS(geometry, POLYGON((2 2,6 2,6 6,2 6,2 2)))
S_OVERLAPS(geometry, BBOX(-1,-1,1.5,1.5))
S_OVERLAPS(geometry, LINESTRING(2 0,6 0))
S_OVERLAPS(geometry, MULTIPOINT((1 1),(5 5)))
S_CROSSES(geometry, LINESTRING(-1 2,12 2))
S_CROSSES(geometry, POLYGON((2 2,6 2,6 6,2 6,2 2)))
S_CROSSES(LINESTRING(-1 2,12 2), geometry)
S_CROSSES(geometry, LINESTRING(0 4,4 0))
S_CROSSES(geometry, MULTIPOINT((1 1),(50 50)))
S_INTERSECTS(POINT(1 1), BBOX(0,0,2,2))
S_WITHIN(BBOX(0,0,4,4), POINT(1 1))
S_INTERSECTS(geometry, POINT(1 1)) OR S_WITHIN(geometry, BBOX(4,0,8,4))
S_INTERSECTS(geometry, BBOX(0,0,2,2)) AND NOT S_TOUCHES(geometry, POINT(0 0))
S_INTERSECTS(geometry, BBOX(0,0,2,2)) = TRUE
S_INTERSECTS(geometry, POINT(181 10)) OR S_INTERSECTS(geometry, POINT(-178.5 0))
"""


def lines(text: str) -> list[str]:
    return [t for t in text.strip().split("\n") if t]


def raw(text: str) -> Any:
    """The tree of a filter as the standard's parser reads it, long whole numbers as they are written."""
    tree = standard.parse_text(text).to_json()
    digits = [w for w in text.replace(",", " ").split() if w.lstrip("-").isdigit() and len(w) > 15]
    if digits:
        tree["args"][1] = int(digits[0])
    return tree


# --- brute force ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", lines(VALUES + TEMPORAL))
def test_a_filter_lets_through_what_brute_force_does(opened: Opened, text: str) -> None:
    store = opened(mixed())
    agrees(store, mixed(), raw(text))
    assert asked(store, parsed(text, "cql2-text", kinds_of(store.layout))) == expected(mixed(), raw(text))


GREATEST = float(np.finfo(np.float32).max)


@cache
def limits() -> Rows:
    """The least and the greatest numbers of their types."""
    columns = {
        "u64": pa.array([0, 2**64 - 1, 2**63, None, 5, 2**63 - 1], pa.uint64()),
        "i64": pa.array([0, -1, 2**63 - 1, None, 5, -(2**63)], pa.int64()),
        "f32": pa.array([0.1, 3.4e38, GREATEST, None, -3.4e38, -GREATEST], pa.float32()),
    }
    return rows_of(columns, [None] * 6)


LIMITS = """
u64 = 9223372036854775808
u64 = 9223372036854775809
u64 = 18446744073709551614
u64 = 18446744073709551615
u64 = 18446744073709551616
u64 <> 18446744073709551615
u64 >= 9223372036854775808
u64 > 9223372036854775808
u64 < 9223372036854775808
u64 <= 9223372036854775807
u64 > 18446744073709551614
u64 < 99999999999999999999999999999999999999999999
u64 > -9223372036854775809
u64 = -1
u64 = i64
u64 > i64
u64 IN (18446744073709551615, 5)
u64 + 1 > 9223372036854775807
i64 = 18446744073709551615
i64 < 9223372036854775808
i64 > -9223372036854775809
i64 > -99999999999999999999999999999999999999999999
i64 < 18446744073709551615
f32 = 3.4e38
f32 = 3.4028235e38
f32 <> 3.4e38
f32 >= 3.4e38
f32 > 3.4e38
f32 <= -3.4e38
f32 = -3.4028235e38
f32 < 3.5e38
f32 > -3.5e38
f32 = 3.5e38
f32 IN (3.4e38, 0.1)
"""


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("text", lines(LIMITS))
def test_the_greatest_numbers_are_found_as_they_are_told(opened: Opened, text: str) -> None:
    store = opened(limits())
    found = agrees(store, limits(), raw(text))
    assert asked(store, parsed(text, "cql2-text", kinds_of(store.layout))) == found


@pytest.mark.parametrize("text", lines(SPATIAL))
@pytest.mark.parametrize("rows", [mixed, shapes])
def test_a_place_lets_through_what_brute_force_does(opened: Opened, rows: Callable[[], Rows], text: str) -> None:
    agrees(opened(rows()), rows(), raw(text))


def test_the_table_asks_every_operator() -> None:
    told = lines(VALUES + TEMPORAL + SPATIAL)
    assert len(told) >= 150

    def operators(tree: Any) -> Iterator[str]:
        match tree:
            case {"op": op, "args": args}:
                yield op
                yield from operators(args)
            case list():
                for part in tree:
                    yield from operators(part)

    assert {o for t in told for o in operators(raw(t))} == set(cql2.OFFERED)


# --- real rows, other CRS ------------------------------------------------------------------------------------------

REAL = (
    "name LIKE 'A%'",
    "CASEI(ACCENTI(name)) LIKE CASEI(ACCENTI('%É%'))",
    "name IN ('Paris', 'Finistère', 'Ain')",
    "S_INTERSECTS(geometry, POINT(2.35 48.85))",
    "S_INTERSECTS(geometry, BBOX(2,48,3,49))",
    "S_WITHIN(geometry, BBOX(-5,47,0,49)) OR name = 'Paris'",
    "S_INTERSECTS(geometry, LINESTRING(-4 48,7 44)) AND NOT name LIKE 'M%'",
    "S_WITHIN(geometry, POLYGON((0 42,8 42,8 46,0 46,0 42)))",
    "S_CROSSES(LINESTRING(-4 48,7 44), geometry)",
    "S_DISJOINT(geometry, BBOX(-10,40,5,60))",
    "S_CONTAINS(geometry, POINT(-61 14.65)) OR S_CONTAINS(geometry, POINT(55.5 -21.1))",
)  # fmt: skip


@pytest.mark.parametrize("text", REAL)
def test_real_polygons_pass_as_by_brute_force(opened: Opened, text: str) -> None:
    assert agrees(opened(departements()), departements(), raw(text))


def moved(shape: Any, source: str, target: str) -> Any:
    fine = shapely.segmentize(shape, 0.05 if source == CRS84 else 5_000)
    return shapely.transform(fine, lambda p: np.column_stack(transform(*p.T, crs_of(source), crs_of(target))))


@pytest.mark.parametrize("crs", [EPSG + "4326", EPSG + "2154", EPSG + "3035", EPSG + "3857", EPSG + "32631"])
@pytest.mark.parametrize("held", [CRS84, EPSG + "2154"])
def test_a_place_may_be_asked_in_any_crs_in_the_order_of_its_authority(opened: Opened, crs: str, held: str) -> None:
    rows = departements(held)
    if held != CRS84:
        far = {r["id"] for r in departements().rows if not shapely.box(-10, 40, 12, 52).contains(r["geometry"])}
    else:
        far = set()
    place = shapely.Polygon([(0.1, 45.2), (4.3, 45.1), (4.2, 48.7), (0.4, 48.9)])
    asked_in = moved(place, CRS84, crs)
    literal = shapely.transform(asked_in, lambda p: p[:, ::-1]) if crs in (EPSG + "4326", EPSG + "3035") else asked_in
    store = opened(rows)
    for op in ("S_INTERSECTS", "S_WITHIN", "S_DISJOINT"):
        tree = parsed(f"{op}(geometry, {literal.wkt})", "cql2-text", kinds_of(store.layout), crs)
        relation = getattr(shapely, op.lower()[2:])
        wanted = {r["id"] for r in departements().rows if relation(r["geometry"], place)}
        assert asked(store, tree, crs) - far == wanted - far
        assert wanted


def test_sides_of_a_box_are_straight_in_its_own_crs(opened: Opened) -> None:
    """In Lambert-93 the parallel of 48 degrees is bent: its middle lies kilometres south of the chord."""
    store = opened(departements(EPSG + "2154"))
    tree = parsed("S_WITHIN(geometry, BBOX(-5,42,9,48))", "cql2-text", kinds_of(store.layout))
    box = shapely.box(-5, 42, 9, 48)
    inside = {r["id"] for r in departements().rows if box.contains(r["geometry"])}
    assert asked(store, tree) == inside


TURNS = ("POINT(179.5 10)", "POINT(-180.5 10)", "POINT(539.5 10)", "POINT(-179.5 10)", "POINT(180.5 10)")


@pytest.mark.parametrize("place", TURNS)
def test_longitudes_turn_with_the_globe(opened: Opened, place: str) -> None:
    store = opened(mixed())
    tree = parsed(f"S_INTERSECTS(geometry, {place})", "cql2-text", kinds_of(store.layout))
    x = (float(place[6:].split()[0]) + 180) % 360 - 180
    assert asked(store, tree) == {r["id"] for r in mixed().rows if r["geometry"] is not None and r["geometry"].x == x}


# --- geometries that are not valid -----------------------------------------------------------------------------------

BROKEN = tuple(
    shapely.from_wkt(t)
    for t in (
        "POLYGON((0 0,4 4,4 0,0 4,0 0))", "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,5 1,5 2,1 2,1 1))",
        "POLYGON((0 0,4 0,4 4,0 4,0 0),(0 0,4 0,4 4,0 4,0 0))", "LINESTRING(1 1,1 1)", "GEOMETRYCOLLECTION EMPTY",
        "MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0)),((2 2,6 2,6 6,2 6,2 2)))", "POLYGON((0 0,4 0,4 0,0 0,0 0))",
        "GEOMETRYCOLLECTION(POINT(1 1),POLYGON((0 0,4 0,4 4,0 4,0 0)))", "MULTIPOINT((1 1),(1 1))",
        "GEOMETRYCOLLECTION(POLYGON((0 0,4 0,4 4,0 4,0 0)),POLYGON((2 2,6 2,6 6,2 6,2 2)))",
    )
)  # fmt: skip


@cache
def broken() -> Rows:
    rows = rows_of({"n": pa.array(range(len(BROKEN)))}, BROKEN)
    mended = ({**r, "geometry": shapely.unary_union(shapely.make_valid(r["geometry"]))} for r in rows.rows)
    return Rows(tuple(mended), rows.contents)


@pytest.mark.parametrize("op", cql2.SPATIAL)
def test_geometries_that_are_not_valid_are_compared_as_they_are_mended(opened: Opened, op: str) -> None:
    for place in ("POINT(1 1)", "LINESTRING(-1 2,12 2)", "POLYGON((2 2,6 2,6 6,2 6,2 2))", "BBOX(1,1,3,3)", "geometry"):
        agrees(opened(broken()), broken(), raw(f"{op}(geometry, {place})"))


# --- laws ----------------------------------------------------------------------------------------------------------

PROPERTIES = {
    "number": ("height", "width", "count", "floors"), "text": ("name", "other", "id"), "time": ("seen", "begin", "day"),
}  # fmt: skip


def property_of(kind: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(PROPERTIES[kind]).map(lambda n: {"property": n})


def call(ops: Sequence[str], *args: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(ops), *args).map(lambda t: {"op": t[0], "args": list(t[1:])})


plain_numbers = st.one_of(st.integers(-12, 12), st.sampled_from((0.5, 1.5, -2.5, 0.1, 2**53 + 1, 1e9)))
numbers: st.SearchStrategy[Any] = st.recursive(
    st.one_of(property_of("number"), plain_numbers),
    lambda inner: call(("+", "-", "*", "/", "div", "%"), inner, inner),
    max_leaves=4,
)
texts: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        property_of("text"), st.sampled_from([n for n in NAMES if n is not None]), st.text("aé%_'\\ß", max_size=4)
    ),
    lambda inner: call(("casei", "accenti"), inner),
    max_leaves=2,
)
patterns = st.text(st.sampled_from("aesSß%_\\é "), max_size=6)
instants = st.sampled_from((*(t for t in TIMES if t), *(d for d in DAYS if d))).map(
    lambda t: {"timestamp": t.isoformat() + "Z"} if isinstance(t, datetime) else {"date": t.isoformat()}
)
ends = st.one_of(property_of("time"), st.just(".."))
spans = st.one_of(
    instants, property_of("time"), st.tuples(ends, ends).map(lambda p: {"interval": list(p)}),
    st.tuples(st.just("2020-01-01"), st.sampled_from(("2020-01-01", "2020-01-10T00:00:00Z", ".."))).map(
        lambda p: {"interval": list(p)}
    ),
)  # fmt: skip
coordinates = st.tuples(st.integers(-3, 11), st.integers(-6, 11)).map(list)
places = st.one_of(
    coordinates.map(lambda p: {"type": "Point", "coordinates": p}),
    st.lists(coordinates, min_size=2, max_size=4, unique_by=tuple).map(
        lambda p: {"type": "LineString", "coordinates": p}
    ),
    st.tuples(st.integers(-6, 4), st.integers(-6, 4), st.integers(1, 8), st.integers(1, 8)).map(
        lambda b: {"bbox": [b[0], b[1], b[0] + b[2], b[1] + b[3]]}
    ),
)  # fmt: skip
predicates = st.one_of(
    call(cql2.COMPARISONS, numbers, numbers),
    call(cql2.COMPARISONS, texts, texts),
    call(cql2.COMPARISONS, st.one_of(instants, property_of("time")), property_of("time")),
    call(("between",), numbers, plain_numbers, numbers),
    call(("in",), numbers, st.lists(plain_numbers, min_size=1, max_size=4)),
    call(("in",), texts, st.lists(texts, min_size=1, max_size=3)),
    call(("like",), texts, patterns),
    call(("isNull",), st.one_of(numbers, texts, property_of("time"), st.just({"property": "flag"}))),
    call(cql2.TEMPORAL, spans, spans),
    call(cql2.SPATIAL, st.just({"property": "geometry"}), places),
    st.just({"property": "flag"}),
    st.booleans(),
)
filters = st.recursive(
    predicates,
    lambda inner: st.one_of(call(("and", "or"), inner, inner), call(("not",), inner), call(("=",), inner, inner)),
    max_leaves=5,
)


@given(filters)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_filter_lets_through_what_brute_force_does(opened: Opened, tree: Any) -> None:
    agrees(opened(mixed()), mixed(), tree)


@given(filters)
@settings(max_examples=100, deadline=None)
def test_what_is_written_as_text_is_read_as_it_was(tree: Any) -> None:
    kinds = kinds_of(mixed().contents.layout)
    told = parsed(json.dumps(tree), "cql2-json", kinds)
    text = standard.parse_json(json.dumps(told)).to_text()
    if "\\" not in text and "9007199254740993" not in json.dumps(tree):  # what the parser does not write as it was
        assert flat(parsed(text, "cql2-text", kinds)) == flat(told)


def flat(tree: Any) -> Any:
    """A tree in which an `and` of an `and` is one, as text has it."""
    match tree:
        case {"op": op, "args": args}:
            told = [flat(a) for a in args]
            if op in ("and", "or"):
                told = [b for a in told for b in (a["args"] if isinstance(a, dict) and a.get("op") == op else [a])]
            return {"op": op, "args": told}
        case list():
            return [flat(a) for a in tree]
        case _:
            return tree


@pytest.mark.parametrize(
    "name", ["x'; DROP TABLE items; --", "$1", '" OR 1=1 --', "\\", "%", "{0}", "\u202e", "'" * 50]
)
def test_what_looks_like_sql_is_a_text_among_others(opened: Opened, name: str) -> None:
    quoted_ = name.replace("'", "''")
    store = opened(mixed())
    tree = {"op": "=", "args": [{"property": "name"}, name]}
    assert parsed(f"name = '{quoted_}'", "cql2-text", kinds_of(store.layout)) == tree
    assert agrees(store, mixed(), tree) <= {f"r{i}" for i in range(MANY)}
    assert len(asked(store, True)) == MANY


HEAVY = (
    "height" + " + 1" * 95 + " > 3",
    "height" + " % 7" * 40 + " > 3",
    "1 / (" * 60 + "height" + ")" * 60 + " > 3",
    "count IN (" + ",".join(map(str, range(5_000))) + ")",
    "NOT " * 98 + "flag",
    "CASEI(" * 90 + "name" + ")" * 90 + " = 'smith'",
    " OR ".join(f"name LIKE '%{i}%'" for i in range(300)),
)


@pytest.mark.parametrize("text", HEAVY, ids=lambda t: t[:20])
def test_the_deepest_and_the_longest_that_is_read_is_answered(opened: Opened, text: str) -> None:
    store = opened(mixed())
    tree = parsed(text, "cql2-text", kinds_of(store.layout))
    assert asked(store, tree) == expected(mixed(), tree)


def test_a_table_of_others_is_filtered_as_one_of_ours(postgres: Any) -> None:
    """NaN is absent there too, a moment may have microseconds, ids may be numbers."""
    import psycopg

    from poles.stores import postgis

    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.given (id int PRIMARY KEY, x float8, r real, seen timestamptz)")
        connection.execute(
            "INSERT INTO public.given VALUES (1, 'NaN', 4.3, '2020-01-01T23:59:59.9995Z'), "
            "(2, 7, 0.1, 'infinity'), (3, 1, 4.3, NULL)"
        )
    store = postgis.foreign(f"{postgres.url}?table=public.given")
    for text, ids in (
        ("x > 5", {2}), ("NOT x > 5", {3}), ("x IS NULL", {1}), ("x + 1 > 5", {2}), ("r = 4.3", {1, 3}),
        ("seen = DATE('2020-01-01')", {1}), ("T_AFTER(seen, DATE('2020-01-01'))", {2}),
        ("id IN ('1', '3', 'x')", {1, 3}),
    ):  # fmt: skip
        assert asked(store, parsed(text, "cql2-text", kinds_of(store.layout))) == ids, text


# --- datetime ------------------------------------------------------------------------------------------------------

FOREVER = datetime(9999, 12, 31, 23, 59, 59, 999000)
ERAS = (
    datetime(1, 1, 1), datetime(1356, 10, 18, 21), datetime(1500, 3, 1), datetime(1582, 10, 4), datetime(1582, 10, 10),
    datetime(1582, 10, 15), datetime(1755, 11, 1, 9, 40), datetime(2020, 1, 1), FOREVER,
)  # fmt: skip


@cache
def dated(*names: str) -> Rows:
    """Rows of all eras; `names` are the properties that tell their times."""
    columns = {
        "seen": pa.array(ERAS, pa.timestamp("ms")),
        "day": pa.array([t.date() for t in ERAS], pa.date32()),
        "begin": pa.array([None, *ERAS[1:]], pa.timestamp("ms")),
        "end": pa.array([*ERAS[:-1], None], pa.timestamp("ms")),
    }
    made = rows_of(columns, [None] * len(ERAS))
    layout = replace(made.contents.layout, times=names, whole_days=names == ("day",))
    return replace(made, contents=replace(made.contents, layout=layout))


def timed(store: Store, text: str) -> set[str]:
    """The ids of the rows of `datetime=`."""
    query = Query(verb="items", when=when.intervals(text))
    found = selection(store.layout, store.dialect, query, [store.layout.id])
    return {i for b in store.batches(found) for i in b.column(0).to_pylist()}


def ids_from(first: int, last: int = len(ERAS) - 1) -> set[str]:
    return {f"r{i}" for i in range(first, last + 1)}


@pytest.mark.parametrize("name", ["seen", "day"])
def test_a_datetime_is_a_day_of_the_calendar_in_which_rows_are_told(opened: Opened, name: str) -> None:
    store = opened(dated(name))
    for number, at in enumerate(ERAS):
        day = {"op": "=", "args": [{"property": name}, {"date": at.date().isoformat()}]}
        assert timed(store, at.date().isoformat()) == asked(store, day) == {f"r{number}"}
    assert timed(store, "1356-10-10") == timed(store, "1500-02-29") == set()


@pytest.mark.parametrize("names", [("seen",), ("day",), ("begin", "end")])
def test_an_open_end_leaves_no_row_out(opened: Opened, names: tuple[str, ...]) -> None:
    store = opened(dated(*names))
    assert timed(store, "../..") == timed(store, "../9999-12-31") == timed(store, "0001-01-01/..") == ids_from(0)
    assert timed(store, "-0100-01-01/+12000-01-01") == timed(store, "-500000-01-01/+500000-01-01") == ids_from(0)
    assert timed(store, "2020-01-01/..") == ids_from(7)
    assert timed(store, "../1356-10-18") == ids_from(0, 1)
    assert timed(store, "9999-12-31T23:59:59.999Z") == {"r8"}
    assert timed(store, "2020-01-01,9999-12-31") == {"r7", "r8"}


def test_what_lies_beyond_the_times_of_rows_is_nothing(opened: Opened) -> None:
    store = opened(dated("seen"))
    assert timed(store, "+10000-01-01/..") == timed(store, "+12000-01-01") == timed(store, "../-0001-12-31") == set()


def test_a_datetime_holds_the_microseconds_of_its_last_millisecond(postgres: Any) -> None:
    import psycopg

    from poles.stores import postgis

    rows = (
        "(0, '2020-01-01 23:59:59.9995Z'), (1, '2020-01-02 00:00:00.0005Z'), (2, '9999-12-31 23:59:59.9999Z'), "
        "(3, 'infinity')"
    )
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.fine (id int PRIMARY KEY, seen timestamptz)")
        connection.execute(f"INSERT INTO public.fine VALUES {rows}")
    store = postgis.foreign(f"{postgres.url}?table=public.fine", {"time": "seen"})
    for text, ids in (
        ("2020-01-01", {0}), ("2020-01-02T00:00:00Z", {1}), ("../2020-01-01", {0}), ("2020-01-02/..", {1, 2, 3}),
        ("../9999-12-31", {0, 1, 2}), ("9999-12-31T23:59:59.999Z", {2}),
    ):  # fmt: skip
        assert timed(store, text) == ids, text
