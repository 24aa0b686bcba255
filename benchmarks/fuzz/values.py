"""What people write into parameters: right, nearly right and wrong, as strategies over what a view holds.

Each strategy draws what is sound most of the time, so that questions come through to the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from .seeds import Seeds

Texts = st.SearchStrategy[str]

NUMBERS = (
    "0", "-0", "1e3", "1E+2", "+5", "5.", ".5", "00", "1_000", "0x10", "1,5", "١", "", " ", "null", "true",
    "nan", "NaN", "inf", "-Infinity", "1e308", "-1e308", "1e309", "1e-320", "9" * 40, "9" * 5_000,
    "0." + "3" * 400,
)  # fmt: skip
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRSS = (
    CRS84, f"{EPSG}4326", f"{EPSG}3857", f"{EPSG}2154", f"{EPSG}3035", f"{EPSG}32633", f"{EPSG}4258", "EPSG:4326",
    "epsg:2154", "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "[EPSG:3857]", "CRS84", "CRS:84",
    "OGC:CRS84h", "http://www.opengis.net/def/crs/OGC/0/CRS84h", f"{EPSG}4326/", f"{EPSG}04326", f"{EPSG}4326.0",
    "https://www.opengis.net/def/crs/EPSG/0/4326", "http://www.opengis.net/def/crs/EPSG/9.9.1/4326",
)  # fmt: skip
NO_CRS = (
    f"{EPSG}999999", f"{EPSG}4978", f"{EPSG}5773", f"{EPSG}7405", f"{EPSG}", f"{EPSG}-1", f"{EPSG}4326,{CRS84}",
    "http://www.opengis.net/def/crs/ESRI/0/54009", "+proj=utm +zone=31", "+init=epsg:4326", "EPSG:4326+5773",
    "GEOGCS[]",
    "file:///etc/hosts", "../4326", "null", "", " ", "\x00", "é" * 500, '{"type": "GeographicCRS"}',
)  # fmt: skip
ACCEPTS = (
    "*/*", "application/json", "text/html", "application/geo+json", "application/prs.coverage+json", "text/csv",
    "application/vnd.cov+json", "application/x-netcdf", "image/tiff; application=geotiff", "image/tiff", "text/*;q=0.3",
    "application/geo+json-seq", "application/flatgeobuf", "application/vnd.apache.parquet", "application/problem+json",
    "text/html;q=0.9,application/xhtml+xml,application/xml;q=0.8,*/*;q=0.7", "application/json;q=0", "*/*;q=0",
    "application/json;q=0.5, text/html;q=0.5", "image/png", "application/xml", "nonsense", ",,;;q=", "a/b;q=x", "*",
)  # fmt: skip
LANGUAGES = ("fr", "en", "fr-CA,fr;q=0.9,en;q=0.1", "de", "*;q=0", "fr;q=0, en;q=0, *", "x" * 300, "fr_FR", ";;", "q=1")
FORMATS = (
    "json", "html", "GeoJSON", "geojson", "GEOJSON", "CoverageJSON", "covjson", "CSV", "NetCDF", "GeoTIFF",
    "GeoJSONSeq", "FlatGeobuf", "GeoParquet", "application/json", "text/html", "application/geo+json", "text/csv",
)  # fmt: skip
NO_FORMATS = ("xml", "", " ", "json,html", "png", "jsön", "../json", "html5", "NetCDF4", "application/x-nothing")


def mostly(sound: Texts, odd: Texts) -> Texts:
    """What is sound, and one time in eight what is odd."""
    return st.sampled_from([sound] * 7 + [odd]).flatmap(lambda chosen: chosen)


def among(values: Sequence[str]) -> Texts:
    """One of some texts."""
    return st.sampled_from(list(values))


def damaged(texts: Texts) -> Texts:
    """A text with one slip: a character gone, doubled or strange, an end cut off."""
    return st.builds(
        _slipped, texts, st.integers(0, 10_000), st.sampled_from(["", "(", ")", ",", "'", "x", "é", "\x00"])
    )


def _slipped(text: str, at: int, character: str) -> str:
    place = at % (len(text) + 1)
    return text[:place] if at % 7 == 0 else text[:place] + character + text[place + at % 2 :]


def joined(parts: Texts, by: str = ",", most: int = 4) -> Texts:
    """A list of some."""
    return st.lists(parts, min_size=1, max_size=most).map(by.join)


# --- places --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corner:
    """A place, as the numbers are written."""

    x: float
    y: float

    def __str__(self) -> str:
        return f"{self.x:.12g} {self.y:.12g}"


def corners(seeds: Seeds) -> st.SearchStrategy[Corner]:
    """Places inside the data, on their edge, and elsewhere on the Earth; one in ten on none."""
    west, south, east, north = seeds.bbox
    inside = st.builds(
        lambda u, v: Corner(west + u * (east - west), south + v * (north - south)), st.floats(0, 1), st.floats(0, 1)
    )
    edge = st.builds(Corner, st.sampled_from([west, east]), st.sampled_from([south, north]))
    earth = st.builds(Corner, st.integers(-180, 360).map(float), st.integers(-90, 90).map(float))
    beyond = st.builds(Corner, st.sampled_from([-180.0, 180.0, 1e4, -720.5, 1e20]), st.sampled_from([90.0, 91.0, -1e9]))
    return st.sampled_from([inside] * 6 + [edge, edge, earth, beyond]).flatmap(lambda chosen: chosen)


def bboxes(seeds: Seeds) -> Texts:
    """Boxes of 4 and 6 numbers, points, slits, boxes over 180 degrees; and what is no box."""
    place = corners(seeds)
    sound = st.builds(_box, place, place, st.sampled_from(["", "", "", "0", "-5000", "1e6"]))
    point = place.map(lambda p: _box(p, p, ""))
    slit = st.builds(lambda a, b: _box(a, Corner(a.x, b.y), ""), place, place)
    world = among(["-180,-90,180,90", "0,-90,360,90", "170,-60,-170,60", "-540,-90,540,90", "-180,-90,-180,90"])
    numbers = st.one_of(among(NUMBERS), place.map(lambda p: f"{p.x:.12g}"))
    odd = st.one_of(
        joined(numbers, most=8),
        damaged(sound),
        place.map(lambda p: f"{p.x},{p.y},{p.x - 5},{p.y - 5}"),
        joined(numbers, " "),
    )
    return mostly(st.one_of(sound, point, slit, world), odd)


def _box(a: Corner, b: Corner, low: str) -> str:
    west, east = sorted((a.x, b.x))
    south, north = sorted((a.y, b.y))
    flat = [f"{v:.12g}" for v in (west, south, east, north)]
    return ",".join([*flat[:2], low, *flat[2:], "1e3"] if low else flat)


def points(seeds: Seeds) -> Texts:
    """One point or many; and what is none."""
    place = corners(seeds)
    point = place.map(str)
    sound = st.one_of(
        point.map("POINT({})".format),
        point.map("POINT({})".format),
        point.map("point ( {} ) ".format),
        joined(point).map("MULTIPOINT({})".format),
        joined(point.map("({})".format)).map("MULTIPOINT({})".format),
    )
    return mostly(sound, _odd(place, sound))


def polygons(seeds: Seeds) -> Texts:
    """Boxes, triangles, rings that may cross, holes; and what is no polygon."""
    place = corners(seeds)
    size = st.sampled_from([0.01, 0.5, 2.0, 20.0])
    box = st.builds(lambda p, w, h: _rectangle(p, Corner(p.x + w, p.y + h)), place, size, size)
    wide = st.builds(_rectangle, place, place)
    triangle = st.tuples(place, place, place).map(lambda p: [*p, p[0]])
    any_ring = st.lists(place, min_size=3, max_size=6).map(lambda p: [*p, p[0]])
    ring = st.one_of(box, box, wide, triangle, any_ring).map(_line).map("({})".format)
    hole = st.builds(lambda a, b: f"({_line(a)}),({_line(b)})", box, box)
    sound = st.one_of(
        ring.map("POLYGON({})".format),
        ring.map("POLYGON({})".format),
        hole.map("POLYGON({})".format),
        joined(ring.map("({})".format), most=3).map("MULTIPOLYGON({})".format),
    )
    return mostly(sound, _odd(place, sound))


def _odd(place: st.SearchStrategy[Corner], sound: Texts) -> Texts:
    """Geometries of other kinds, with Z and M, empty, damaged, nested, long."""
    line = st.lists(place, min_size=2, max_size=6).map(_line).map("LINESTRING({})".format)
    return st.one_of(_deep(place), _unusual(place), damaged(sound), _long(place), line)


def _line(places: Sequence[Corner]) -> str:
    return ",".join(map(str, places))


def _rectangle(a: Corner, b: Corner) -> list[Corner]:
    return [a, Corner(b.x, a.y), b, Corner(a.x, b.y), a]


def _deep(place: st.SearchStrategy[Corner]) -> Texts:
    """With heights and measures."""
    tail = st.sampled_from(["10", "1e9", "nan", "-0", "1577836800", "x", "1 2", "1 2 3"])
    named = st.sampled_from(["POINT{} ({})", "LINESTRING{}({},0 0 0)", "MULTIPOINT{}({})", "POLYGON{}(({},1 1,2 2))"])
    letter = st.sampled_from(["Z", " Z", "M", " M", "ZM", " ZM", ""])
    return st.builds(lambda n, k, p, z: n.format(k, f"{p} {z}"), named, letter, place, tail)


def _unusual(place: st.SearchStrategy[Corner]) -> Texts:
    """Empty ones, collections, curves, degenerate and crossing rings, other prefixes."""
    fixed = (
        "POINT EMPTY", "POLYGON EMPTY", "MULTIPOINT EMPTY", "LINESTRING EMPTY", "GEOMETRYCOLLECTION EMPTY", "POINT()",
        "POINT(nan nan)", "POINT(inf 0)", "POINT(1e999 0)", "POINT(1)", "POLYGON((0 0,1 1))", "POLYGON((0 0,1 1,0 0))",
        "POLYGON((0 0,0 0,0 0,0 0))", "POLYGON((0 0,1 0,1 1,0 1))", "POLYGON((0 0,2 2,0 2,2 0,0 0))",
        "POLYGON((170 -10,-170 -10,-170 10,170 10,170 -10))", "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))",
        "LINESTRING(0 0)", "LINESTRING(0 0,0 0)", "CIRCULARSTRING(0 0,1 1,2 0)", "TIN(((0 0,0 1,1 1,0 0)))", "POINT",
        "SRID=4326;POINT(1 1)", "SRID=2154;POINT(1 1)", "POINT(1 1);POINT(2 2)", "POINT(1 1)POINT(2 2)", "",
        '{"type":"Point","coordinates":[1,1]}', "0101000000000000000000F03F000000000000F03F", "POINT(1,1)",
        "BBOX(0,0,1,1)",
    )  # fmt: skip
    collection = st.builds("GEOMETRYCOLLECTION(POINT({}),LINESTRING({},{}))".format, place, place, place)
    return st.one_of(among(fixed), collection)


def _long(place: st.SearchStrategy[Corner]) -> Texts:
    """Thousands of vertices; brackets within brackets."""
    many = st.builds(
        lambda p, n: f"MULTIPOINT({','.join(f'{p.x + i / 100:.6g} {p.y:.6g}' for i in range(n))})",
        place,
        st.sampled_from([200, 1_500, 3_500]),
    )
    saw = st.integers(100, 1_200).map(lambda n: f"POLYGON(({','.join(f'{i} {i % 2}' for i in range(n))},0 0))")
    nested = st.sampled_from([50, 400]).map(lambda n: "GEOMETRYCOLLECTION(" * n + "POINT(1 1)" + ")" * n)
    return st.one_of(many, saw, nested, st.just("POLYGON" + "(" * 5_000))


# --- times ---------------------------------------------------------------------------------------------------------

ODD_TIMES = (
    "2020-13-01", "2020-02-30", "2020-02-30T00:00:00Z", "2020-01-32T25:61:61Z", "0000-01-01", "0001-01-01T00:00:00Z",
    "-0044-03-15", "9999-12-31T23:59:59Z", "10000-01-01", "+12020-01-01T00:00:00Z", "2020-W01", "2020-001", "20200101",
    "2020-01-01T24:00:00Z", "2016-12-31T23:59:60Z", "2020-01-01t00:00:00z", "2020-01-01 00:00:00", "2020-01-01T00:00",
    "2020-01-01T00:00:00", "2020-01-01T00Z", "2020-01-01T00:00:00+02:00", "2020-01-01T00:00:00.123456789Z", "12", "0",
    "2020-01-01T00:00:00+99:99", "1577836800", "now", "latest", "yesterday", "..", "../..", "/", "//", "../", "/..", "",
    "P1Y", "2020-01-01/P1M", "P1M/2020-01-01", "2020-01-01/2020-01-02/2020-01-03", "2020-12-31/2020-01-01", "null", "é",
    "R5/2020-01-01T00:00:00Z/P1D", "R0/2020-01-01/P1D", "R-1/2020-01-01/P1D", "R/2020-01-01/P1D", "R5/2020-01-01/P0D",
    "R999999999/1900-01-01/PT1S", "R5/2020-01-01/nonsense", "R3/../P1D", "2020-01-01/PT1e9S", "2020-01-01/P99999999Y",
    "2020", "2020-01", "1981/1983", "2020-01/..", "2020-01-01,2020-01-02", ",", "2020-01-01,", "2020-01-01/..,2020",
)  # fmt: skip


def datetimes(seeds: Seeds) -> Texts:
    """Instants, days, intervals with open ends and lists, most of the data's own time; lenient and wrong ones."""
    time = _times(seeds)
    end = st.one_of(time, st.just(".."), st.just(""))
    sound = st.one_of(time, time, st.builds(_interval, time, time), st.builds("{}/{}".format, end, end), joined(time))
    long = st.sampled_from([200, 2_000]).map(lambda n: ",".join(["2020-01-01"] * n))
    return mostly(sound, st.one_of(among(ODD_TIMES), among(ODD_TIMES), damaged(sound), long))


def _times(seeds: Seeds) -> Texts:
    start, end = seeds.interval
    years = st.integers(int(start[:4]) - 1, int(end[:4]) + 1)
    day = st.builds("{:04}-{:02}-{:02}".format, years, st.integers(1, 12), st.integers(1, 28))
    clock = st.sampled_from(["T00:00:00Z", "T12:00:00Z", "T23:59:59.999Z", "", "T06:30:00+02:00"])
    return st.one_of(
        st.sampled_from([start, end, start[:10], end[:10], start[:7]]), st.builds("{}{}".format, day, clock)
    )


def _interval(a: str, b: str) -> str:
    return "/".join(sorted((a, b)))


def levels() -> Texts:
    """Levels: numbers, lists, intervals, repeats; reversed, open, and of no number."""
    number = st.one_of(st.integers(-20, 5_000).map(str), st.sampled_from(["0", "0.5", "1000", "850", "10.0"]))
    sound = st.one_of(
        number,
        joined(number),
        st.builds("{}/{}".format, st.integers(-5, 100), st.integers(100, 6_000)),
        st.builds("R{}/{}/{}".format, st.integers(1, 20), number, st.integers(1, 500)),
    )
    fixed = (
        "100/0", "../10", "10/..", "../..", "/", "min/max", "R0/0/10", "R-1/0/10", "R5/0/0", "R5/0/-10", "R/0/10",
        "R5/0",
        "R1000000000/0/1", "R5/a/b", "1/2/3", "1;2", "surface", "10m", "1e400/2", "nan/1", "0/nan", ",", "1,,2",
        "1,2/3",
    )  # fmt: skip
    return mostly(sound, st.one_of(among(fixed), among(NUMBERS), damaged(sound), joined(number, most=40)))


# --- names ---------------------------------------------------------------------------------------------------------


def crss(seeds: Seeds) -> Texts:
    """A CRS that is offered, another way to write it, one that is not offered, and what is none."""
    sound = st.one_of(among(seeds.crs or (CRS84,)), among(CRSS))
    return mostly(sound, st.one_of(among(NO_CRS), damaged(sound)))


def names(known: Sequence[str]) -> Texts:
    """A list of names, some of them not there."""
    one = among(known or ("nothing",))
    odd = st.one_of(among(["", "*", "no-such-name", "a'b\"c", ","]), damaged(one))
    return mostly(joined(one), joined(st.one_of(one, odd)))


def sorts(seeds: Seeds) -> Texts:
    """Names with and without a sign."""
    one = st.builds("{}{}".format, st.sampled_from(["", "-", "+"]), among(seeds.sortables or ("id",)))
    return mostly(
        joined(one, most=3), st.one_of(damaged(one), among(["", "-", "--id", "id desc", "geometry", "+", "1"]))
    )


def identifiers(known: Sequence[str]) -> Texts:
    """An id that is there, and what is none; never one that names another path."""
    odd = among(
        ["0", "-1", "999999999999", "x", "%", "é", "a b", "1'--", "null", "undefined", "1e3", "a" * 300, "\x7f"]
    )
    return mostly(among(known or ("1",)), odd)


def whole(most: int) -> Texts:
    """Numbers of rows."""
    return mostly(st.integers(0, most).map(str), st.one_of(among(NUMBERS), st.integers(-5, 2**70).map(str)))


def formats() -> Texts:
    """Names of formats."""
    return mostly(among(FORMATS), among(NO_FORMATS))


def accepts() -> Texts:
    """Accept headers."""
    return st.one_of(st.just("*/*"), st.just("application/json"), among(ACCEPTS), joined(among(ACCEPTS[:-6]), ", "))


# --- coverages -----------------------------------------------------------------------------------------------------


def subsets(seeds: Seeds) -> Texts:
    """Axes with an interval or a value."""
    axis = among(["Lat", "Lon", "time", "x", "y", "z", "E", "N", "i", "depth", "Latitude", "", "no"])
    number = corners(seeds).map(lambda p: f"{p.y:.12g}")
    inside = st.one_of(
        st.builds("{}:{}".format, number, number),
        number,
        _times(seeds).map('"{}"'.format),
        st.builds('"{}":"{}"'.format, _times(seeds), _times(seeds)),
        among(["*:*", "*", "5:1", ":", "", "1:2:3", "nan:1", '"', '"a":"b"', "1e999", ".."]),
    )
    one = st.builds("{}({})".format, axis, inside)
    return mostly(joined(one, most=3), st.one_of(damaged(one), among(["Lat", "Lat(1", "(1:2)", "Lat(1:2)Lon(3)"])))


def scales() -> Texts:
    """Axes with a number of cells."""
    axis = among(["Lat", "Lon", "x", "y", "time", "E", "N", "no"])
    one = st.builds("{}({})".format, axis, st.one_of(st.integers(1, 60).map(str), among(NUMBERS)))
    return mostly(joined(one, most=2), st.one_of(damaged(one), among(["2", "Lon", "Lon()", "Lon(1:2)"])))


def ranges() -> Texts:
    """Range headers."""
    sound = among(["bytes=0-1023", "bytes=0-0", "bytes=-100", "bytes=100-", "bytes=0-"])
    return mostly(
        sound, among(["bytes=5-1", "bytes=-", "bytes=0-1,5-9", "items=0-1", "bytes=999999999999-", "bytes=a-b", "x"])
    )
