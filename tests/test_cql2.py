"""CQL2 is read: every example of the standard, what it writes in several ways; all else is refused kindly."""

import json
import math
from pathlib import Path
from typing import Any

import cql2 as standard
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poles.errors import Invalid
from poles.parse import cql2
from poles.parse.filter import parsed
from poles.query import CRS84

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT.parent / "shared" / "schemas" / "cql2" / "examples"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"

# --- the examples of the standard ----------------------------------------------------------------------------------


class Anything(dict[str, Any]):
    """Properties that hold whatever an example takes them to hold."""

    def __missing__(self, name: str) -> str:
        return KINDS.get(name, "float")

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]


TEXTS = (
    "city name cityName road_class etat_vol landsat:scene_id eo:instrument beamMode swathDirection polarization owner "
    "material id geophys:SURVEY_NAME"
)
MOMENTS = "updated event_time touchdown liftOff built starts_at ends_at updated_at"
KINDS = {
    **dict.fromkeys(TEXTS.split(), "string"), **dict.fromkeys(MOMENTS.split(), "datetime"),
    **dict.fromkeys("geometry road footprint location".split(), "geometry"), "swimming_pool": "boolean",
}  # fmt: skip
TOLD = {"example03": {"landsat:wrs_path": "string"}, "example40": {"value": "string"}}
"""Properties that hold something else in one example."""
FUNCTIONS = ("clause6_01", "clause6_02b", "clause7_18", "example68", "example69")
ARRAYS = ("clause7_15", "example79", "example80", "example81", "example82")
REFUSED = {
    **dict.fromkeys(FUNCTIONS, "is not offered; use of CASEI"), **dict.fromkeys(ARRAYS, "is not offered; use IN"),
    "example84": "a GEOMETRYCOLLECTION in S_EQUALS; use it in S_INTERSECTS and S_DISJOINT",
}  # fmt: skip


def examples(kind: str) -> list[Path]:
    return sorted(EXAMPLES.joinpath(kind).glob("*"))


def twin(path: Path) -> Path:
    """The same example as JSON."""
    return EXAMPLES / "json" / f"{path.stem.partition('-')[0]}.json"


def test_all_examples_of_the_standard_are_there() -> None:
    if not EXAMPLES.exists():
        pytest.skip("the schemas are not beside the product")
    assert (len(examples("json")), len(examples("text"))) == (109, 120)


@pytest.mark.parametrize("path", examples("text"), ids=lambda p: p.stem)
def test_an_example_is_the_same_tree_as_text_and_as_json(path: Path) -> None:
    assert standard.parse_text(path.read_text()).to_json() == json.loads(twin(path).read_text())


@pytest.mark.parametrize("path", [*examples("text"), *examples("json")], ids=lambda p: p.name)
def test_an_example_is_read_or_what_it_asks_is_said_not_to_be_offered(path: Path) -> None:
    language = "cql2-json" if path.suffix == ".json" else "cql2-text"
    name = twin(path).stem
    kinds = Anything(TOLD.get(name, {}))
    if name in REFUSED:
        with pytest.raises(Invalid, match=REFUSED[name]):
            parsed(path.read_text(), language, kinds)
        return
    tree = parsed(path.read_text(), language, kinds)
    assert tree == cql2.checked(tree, kinds) == parsed(twin(path).read_text(), "cql2-json", kinds)


# --- what is refused -------------------------------------------------------------------------------------------------

HOLDING = {
    "a": "float", "n": "integer", "name": "string", "t": "datetime", "d": "date", "f": "boolean", "tags": "other",
    "geometry": "geometry",
}  # fmt: skip


def read(text: str, language: str = "cql2-text", crs: str = CRS84) -> Any:
    return parsed(text, language, HOLDING, crs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("b = 1", "'b' is not there; name of a, n, name"),
        ("A = 1", "'A' is not there; name of a, n, name"),
        ("properties.name = 'x'", "'properties.name' is not there"),
        ("name = 5", "name holds texts, not 5; compare it with 'text'"),
        ("a = 'x'", "a holds numbers, not 'x'; compare it with 12.5"),
        ("n IN (1, 'x')", "n holds whole numbers, not 'x'"),
        ("f = 1", "f holds true or false, not 1"),
        ("f > TRUE", "true and false have no order"),
        ("t = 5", "t holds times, not 5"),
        ("t > 'soon'", "'soon' is no date"),
        ("t > DATE('2020-02-30')", "there is no day 2020-02-30"),
        ("t > DATE('2021-13-01')", "there is no day 2021-13-01"),
        ("t > TIMESTAMP('2020-01-01T25:00:00Z')", "there is no time 2020-01-01T25:00:00Z"),
        ("t > TIMESTAMP('9999-12-31T23:59:59-14:00')", "there is no time"),
        ("t > TIMESTAMP('now')", "is no timestamp"),
        ("T_DURING(t, INTERVAL('2021-01-01','2020-01-01'))", "ends before it begins"),
        ("T_DURING(t, INTERVAL(name,'..'))", "name is no end of an interval"),
        ("T_AFTER(name, t)", "name is no time"),
        ("tags = 'x'", "tags holds lists or objects"),
        ("geometry = POINT(1 2)", "geometry holds geometries, which are not compared; use S_INTERSECTS"),
        ("a = NULL", "nothing is compared with NULL; write IS NULL"),
        ("a", "a is no condition; compare it"),
        ("a + 1", "is no condition"),
        ("'x'", "'x' is no condition"),
        ("NOT a", "a is no condition"),
        ("name + 1 = 2", "name is no number"),
        ("a LIKE 'x'", "a is no text"),
        ("name LIKE name", "the pattern name is no text"),
        ("CASEI(a) = 'x'", "a is no text"),
        ("name BETWEEN 'a' AND 'b'", "name is no number"),
        ("foo(a) = 1", "foo is not offered; use of CASEI"),
        ("A_CONTAINS(tags, ('a'))", "a_contains is not offered"),
        ("S_INTERSECTS(name, POINT(1 2))", "name is no geometry"),
        ("S_INTERSECTS(geometry, POINT(1 91))", "latitude 91 is beyond a pole"),
        ("S_INTERSECTS(geometry, POINT(1000 1))", "longitude 1000 is out of reach"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", "an empty POINT"),
        ("S_INTERSECTS(geometry, BBOX(1,2,3))", "write BBOX\\(west,south,east,north\\)"),
        ("S_INTERSECTS(geometry, BBOX(1,10,3,2))", "south 10 is north of north 2"),
        ("S_INTERSECTS(geometry, LINESTRING(1 1))", "is not offered|no geometry|give"),
        ("S_WITHIN(geometry, GEOMETRYCOLLECTION(POINT(1 2)))", "use it in S_INTERSECTS and S_DISJOINT"),
        ("a = 1e999", "beyond all that can be held|that a computer holds"),
        ("a = " + "9" * 5000, "beyond all that can be held"),
        ("a > -" + "9" * 5000, "beyond all that can be held"),
        ("a > 1 AND", "it ends too early"),
        ("a >", "it ends too early"),
        ("(a > 1", "it ends too early"),
        ("a > 1)", "'\\)' is not understood"),
        ("a ~ 1", "'~ 1' is not understood"),
        ("", "it ends too early"),
        ("name = 'x", "is not understood"),
        ("name = 'x'; DROP TABLE items", "'; DROP TABLE items' is not understood"),
        ("a = $1", r"'\$1' is not understood"),
        ("a = 1 /* x */", "is not understood"),
        ("name = 'a\x00b'", "NUL"),
        ("a = 1 OR " * 1001 + "a = 1", "more than 1000 operators"),
        ("a = " + "1 - " * 1001 + "1", "more than 1000 operators"),
        ("NOT " * 1001 + "f", "more than 1000 operators"),
        ("NOT " * 200 + "f", "nested deeper than 100"),
        ("a = " + "1 + " * 200 + "1", "nested deeper than 100"),
        ("(" * 101 + "f" + ")" * 101, "nested deeper than 100"),
        ("(" * 2000, "nested deeper than 100"),
        ("a IN (" + "1," * 40_000 + "1)", "give at most 60000"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would_do(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        read(text)
    assert str(caught.value).startswith("filter: ")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = 'x'", "is no JSON"),
        ("{", "is no JSON|ends too early"),
        ("[]", "is no CQL2 JSON"),
        ("5", "is no CQL2 JSON"),
        ("{}", "is not understood"),
        ('{"op": "=", "args": []}', "= has 0 operands"),
        ('{"op": "and", "args": [true]}', "and has 1 operands"),
        ('{"op": "=", "args": [{"property": "a"}, NaN]}', "NaN is no JSON"),
        ('{"op": "=", "args": [{"property": "a"}, 1e999]}', "beyond all that can be held"),
        ('{"op": "=", "args": [{"property": "a"}, {"sql": "1"}]}', "is not understood"),
        ('{"op": "=", "args": [{"property": "a", "x": 1}, 1]}', "is not understood"),
        ('{"op": "=", "op": "<", "args": [{"property": "a"}, 1]}', "a key is given twice"),
        ('{"op": "in", "args": [{"property": "a"}, []]}', "IN has no list"),
        ('{"op": "=", "args": [{"property": "a"}, [1]]}', "a list stands where one value is meant"),
        (
            '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [1]}]}',
            "position",
        ),
        (
            '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": ["x", 1]}]}',
            "position",
        ),
        (
            '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Circle", "coordinates": [1, 2]}]}',
            "no geometry",
        ),
        (
            '{"op": "s_touches", "args": [{"property": "geometry"}, {"type": "LineString", "coordinates": [[1, 2]]}]}',
            "LineString",
        ),
        (
            '{"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Polygon", "coordinates": []}]}',
            "empty Polygon",
        ),
        ('{"op": "not", "args": [' * 60 + "true" + "]}" * 60, "deeper than 100"),
        ("[" * 5000, "deeper than 100"),
    ],
)
def test_json_that_means_nothing_is_refused_too(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(text, "cql2-json")


WORDS = (
    "a n name f t geometry = <> ( ) , 'x' \"a\" 1 -2.5 AND OR NOT IN LIKE BETWEEN IS NULL TRUE POINT( POLYGON(( BBOX( "
    "DATE( TIMESTAMP( INTERVAL( CASEI( S_INTERSECTS( T_AFTER( '..' '2020-01-01' + - * / ^ % div ; -- $1"
).split()


@given(
    st.one_of(st.text("an(),'\"=<>-;$\\ é1.", max_size=30), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
)
@settings(max_examples=400, deadline=None)
def test_garbage_is_refused_or_read_and_nothing_else(text: str) -> None:
    tree = read_or_refused(text)
    if tree is not None:
        assert tree == cql2.checked(tree, HOLDING)


def read_or_refused(text: str) -> Any:
    """The tree; None where the text is refused, and in no other way."""
    try:
        return read(text)
    except Invalid:
        return None


@pytest.mark.parametrize(
    ("crs", "literal", "x_y"),
    [
        (CRS84, "POINT(2 48)", [2.0, 48.0]),
        (EPSG + "4326", "POINT(48 2)", [2.0, 48.0]),
        (EPSG + "3035", "POINT(2900000 3760000)", [3760000.0, 2900000.0]),
        (EPSG + "2154", "POINT(650000 6860000)", [650000.0, 6860000.0]),
        (EPSG + "4326", "BBOX(47,1,48,2)", [1.0, 47.0, 2.0, 48.0]),
    ],
)
def test_the_tree_has_x_before_y_whatever_the_authority_writes(crs: str, literal: str, x_y: list[float]) -> None:
    told = read(f"S_INTERSECTS(geometry, {literal})", crs=crs)["args"][1]
    assert told.get("coordinates", told.get("bbox")) == x_y


def test_what_the_standard_writes_beyond_the_parser_is_read() -> None:
    assert read("a = .5")["args"][1] == 0.5
    assert read("a = 1e-3")["args"][1] == 0.001
    assert read("n = 9007199254740993")["args"][1] == 2**53 + 1
    assert read("n = -9007199254740993")["args"][1] == -(2**53) - 1
    assert read(r"name = 'it\'s'")["args"][1] == "it's"
    assert read("S_INTERSECTS(geometry, POINT(1e1 -2.5E-1))")["args"][1]["coordinates"] == [10.0, -0.25]
    assert math.isclose(read("a = 1e300")["args"][1], 1e300)
