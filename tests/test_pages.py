"""Pages: every text is said in French too, nothing comes from outside, and a browser has nothing to complain of."""

import ast
import html.parser
import json
import math
import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
import jinja2
import pytest
import yaml
from werkzeug.serving import make_server

from web import pages
from web.pages import forms, shown, wording

LANGUAGES = ("en", "fr")
BASE = "/server/prefix"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


# --- documents in the shape of the standards -----------------------------------------------------------------------

TEXTS = {
    "landing": {"en": "Earth-system data of four poles", "fr": "Données du système Terre de quatre pôles"},
    "sst": {"en": "Sea surface temperature", "fr": "Température de surface de la mer"},
    "station": {"en": "Air temperature at stations", "fr": "Température de l'air aux stations"},
    "about": {"en": "Analysed every day on a regular grid.", "fr": "Analysée chaque jour sur une grille régulière."},
    "subset": {"en": "Extract a subset", "fr": "Extraire un sous-ensemble"},
}


def collection(language: str, identifier: str = "odatis-sst", pole: str = "odatis") -> dict[str, Any]:
    """A gridded collection as EDR 1.1 and Coverages describe one."""
    here = f"http://localhost{BASE}/collections/{identifier}"
    label = TEXTS["sst"][language]
    variables = {"output_formats": ["CoverageJSON", "CSV", "NetCDF"], "default_output_format": "CoverageJSON"}
    return {
        "id": identifier,
        "title": label,
        "description": TEXTS["about"][language],
        "keywords": [label],
        "pole": pole,
        "extent": {
            "spatial": {"bbox": [[-20, 30, 20, 60]], "crs": CRS84},
            "temporal": {
                "interval": [["2020-01-01T00:00:00Z", "2020-01-05T00:00:00Z"]],
                "values": [f"2020-01-0{d}T00:00:00Z" for d in range(1, 6)],
            },
            "vertical": {
                "interval": [["0", "100"]],
                "values": ["0", "50", "100"],
                "vrs": 'VERTCRS["depth",VDATUM["depth"],CS[vertical,1],AXIS["depth (Z)",down],LENGTHUNIT["m",1]]',
            },
        },
        "itemType": "unknown",
        "crs": [CRS84],
        "storageCrs": CRS84,
        "output_formats": ["CoverageJSON", "CSV", "NetCDF", "GeoTIFF"],
        "data_queries": {
            q: {"link": {"href": f"{here}/{q}", "rel": "data", "variables": {"query_type": q, **variables}}}
            for q in ("position", "area", "cube")
        },
        "parameter_names": {
            "sst": {
                "type": "Parameter", "id": "sst", "label": label,
                "observedProperty": {"id": "http://vocab.nerc.ac.uk/collection/P07/current/CFSN0381/", "label": label},
                "unit": {"symbol": {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"}},
            }
        },
        "links": [
            {"href": here, "rel": "self", "type": "application/json", "title": "JSON"},
            {"href": f"{here}/coverage", "rel": "http://www.opengis.net/def/rel/ogc/1.0/coverage", "title": label},
            {"href": "https://spdx.org/licenses/CC0-1.0.html", "rel": "license", "type": "text/html", "title": "CC0"},
        ],
        "contacts": [{"name": "Ifremer", "role": "pointOfContact", "email": "sea@example.org"}],
        "citation": "Ifremer (2020)",
    }  # fmt: skip


DEPTH = {"name": {"en": "depth", "fr": "profondeur"}, "direction": "down", "unit": {"symbol": "m"}}
REFERENCING = [
    {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}},
    {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
    {
        "coordinates": ["z"],
        "system": {"type": "VerticalCRS", "cs": {"csAxes": [DEPTH]}},
    },
]  # fmt: skip
PARAMETERS = {
    "sst": {
        "type": "Parameter",
        "observedProperty": {"label": TEXTS["sst"]},
        "unit": {"symbol": {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"}},
    }
}
CLASSES = {
    "sst": {
        "type": "Parameter",
        "observedProperty": {
            "label": TEXTS["sst"],
            "categories": [{"id": f"c{i}", "label": {"en": f"class {i}", "fr": f"classe {i}"}} for i in range(3)],
        },
        "categoryEncoding": {f"c{i}": i for i in range(3)},
    }
}


def coverage(domain: str, axes: dict[str, Any], names: list[str], values: list[Any], **more: Any) -> dict[str, Any]:
    """A CoverageJSON document of one parameter."""
    shape = [len(axes[n].get("values", ())) or axes[n]["num"] for n in names]
    return {
        "type": "Coverage",
        "domain": {"type": "Domain", "domainType": domain, "axes": axes, "referencing": REFERENCING},
        "parameters": PARAMETERS,
        "ranges": {
            "sst": {"type": "NdArray", "dataType": "float", "axisNames": names, "shape": shape, "values": values}
        },
        **more,
    }


DAYS = {"values": [f"2020-01-{d:02}T00:00:00Z" for d in range(1, 6)]}
CUBE_AXES = {
    "x": {"start": -20, "stop": 20, "num": 41},
    "y": {"start": 60, "stop": 30, "num": 31},
    "z": {"values": [0, 50, 100]},
    "t": DAYS,
}


def warmth(t: int, z: int, y: int, x: int) -> float | None:
    """A smooth field with a hole."""
    if (x - 30) ** 2 + (y - 8) ** 2 < 30:
        return None
    return round(20 - z * 3 + t + 6 * math.sin(y / 6) + 4 * math.cos(x / 7), 3)


CUBE = [warmth(t, z, y, x) for t in range(5) for z in range(3) for y in range(31) for x in range(41)]


LAMBERT = [
    {"coordinates": ["x", "y"], "system": {"type": "ProjectedCRS", "id": "http://www.opengis.net/def/crs/EPSG/0/2154"}}
]
SHORT_YEAR = [REFERENCING[0], {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "360_day"}}]
AT = {"x": {"values": [2.5]}, "y": {"values": [48.5]}}
LEVELS = {"values": [0, 50, 100]}


def referenced(document: dict[str, Any], referencing: list[dict[str, Any]]) -> dict[str, Any]:
    """The same over other reference systems."""
    document["domain"]["referencing"] = referencing
    return document


def along(domain: str, coordinates: list[str], tuples: list[list[Any]]) -> dict[str, Any]:
    """A coverage with a composite axis."""
    axis = {"dataType": "tuple", "coordinates": coordinates, "values": tuples}
    return coverage(domain, {"composite": axis}, ["composite"], [i / 3 for i in range(len(tuples))])


def collected(domain: str, members: list[dict[str, Any]]) -> dict[str, Any]:
    """A collection of coverages, which says once what they share."""
    return {
        "type": "CoverageCollection",
        "domainType": domain,
        "parameters": PARAMETERS,
        "referencing": REFERENCING,
        "coverages": members,
    }


def answers() -> dict[str, dict[str, Any]]:
    """Data answers of every shape, by the path below a collection."""
    point = coverage("Point", {**AT, "t": {"values": ["2020-01-01T00:00:00Z"]}}, ["t"], [12.5])
    other = coverage("Point", {"x": {"values": [3]}, "y": {"values": [50]}}, [], [7])
    plane = {"x": {"start": 600000, "stop": 640000, "num": 41}, "y": {"start": 6600000, "stop": 6570000, "num": 31}}
    months = {"values": [f"2020-{m:02}-30T00:00:00Z" for m in range(1, 13)]}
    track = [[f"2020-01-01T{i // 4:02}:{i % 4 * 15:02}:00Z", -10 + i / 4, 40 + math.sin(i / 9)] for i in range(60)]
    stations = [
        coverage(
            "PointSeries",
            {"x": {"values": [i]}, "y": {"values": [45 + i]}, "t": DAYS},
            ["t"],
            [i + n for n in range(5)],
            id=f"S{i}",
        )
        for i in range(3)
    ]
    uneven = coverage(
        "Grid", {"x": {"values": [0, 1, 5]}, "y": {"values": [40, 42]}}, ["y", "x"], [0, 1, 2, None, 1, 0]
    )
    return {
        "position": coverage("PointSeries", {**AT, "t": DAYS}, ["t"], [10, 11.5, None, 12, 11]),
        "position/profile": coverage("VerticalProfile", {**AT, "z": LEVELS}, ["z"], [14, 13.1, 11]),
        "position/grid": coverage("Grid", {**AT, "z": LEVELS, "t": DAYS}, ["t", "z", "y", "x"], list(range(15))),
        "position/point": point,
        "position/calendar": referenced(
            coverage("PointSeries", {**AT, "t": months}, ["t"], list(range(12))), SHORT_YEAR
        ),
        "position/points": collected("Point", [point, other]),
        "cube": coverage("Grid", CUBE_AXES, ["t", "z", "y", "x"], CUBE),
        "area/projected": referenced(coverage("Grid", plane, ["y", "x"], CUBE[: 41 * 31]), LAMBERT),
        "area/swath": along("MultiPoint", ["x", "y"], [[i / 4, 40 + i / 8] for i in range(60)]),
        "trajectory": along("Trajectory", ["t", "x", "y"], track),
        "locations/all": {**collected("PointSeries", stations), "parameters": PARAMETERS},
        "coverage": {**uneven, "parameters": CLASSES},
        "coverage/none": collected("Grid", []),
    }


def features(language: str) -> dict[str, Any]:
    """A page of items, of which one has no geometry."""
    points = [
        {
            "type": "Feature",
            "id": f"S {i}/1",
            "geometry": {"type": "Point", "coordinates": [i, 45]},
            "properties": {"name": f"S{i}", "height": 12.5 * i, "open": i > 1, "none": None},
        }
        for i in range(4)
    ]
    points[3]["geometry"] = None
    nextpage = {
        "href": f"http://localhost{BASE}/collections/odatis-sst/items?offset=4&f=json",
        "rel": "next",
        "type": "application/geo+json",
    }
    return {
        "type": "FeatureCollection",
        "features": points,
        "numberMatched": 12,
        "numberReturned": 4,
        "links": [nextpage],
    }


def process(language: str) -> dict[str, Any]:
    """A process as OGC API Processes describes one."""
    title = TEXTS["subset"][language]
    return {
        "id": "extract-subset",
        "title": title,
        "description": TEXTS["about"][language],
        "version": "1.0.0",
        "jobControlOptions": ["sync-execute", "async-execute"],
        "inputs": {
            "collection": {"title": TEXTS["sst"][language], "schema": {"type": "string", "enum": ["odatis-sst"]}},
            "bbox": {"title": "bbox", "minOccurs": 0, "schema": {"type": "array", "items": {"type": "number"}}},
        },
        "outputs": {"result": {"title": title, "schema": {"oneOf": [{"type": "object"}, {"type": "string"}]}}},
        "links": [],
    }


def openapi(language: str) -> dict[str, Any]:
    """A small OpenAPI document."""
    say = TEXTS["about"][language]
    parameter = {"name": "bbox", "in": "query", "required": False, "description": say, "schema": {"type": "string"}}
    answer = {"200": {"description": say, "content": {"application/json": {"schema": {"type": "object"}}}}}
    get = {"summary": say, "operationId": "items", "tags": ["sst"], "parameters": [parameter], "responses": answer}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Poles", "version": "1"},
        "servers": [{"url": BASE}],
        "paths": {"/items": {"get": get}},
    }


def documents(language: str) -> dict[str, tuple[str, Any, dict[str, Any]]]:
    """Path below a view: kind, document, and what else `render` takes."""
    sst = collection(language)
    root = f"http://localhost{BASE}"
    above: dict[str, Any] = {"collection": sst}
    land = {
        "title": TEXTS["landing"][language],
        "description": TEXTS["about"][language],
        "links": [
            {"href": root, "rel": "self", "type": "application/json"},
            {"href": f"{root}/collections", "rel": "data", "title": TEXTS["sst"][language]},
        ],
    }
    schema = {
        "type": "object",
        "title": sst["title"],
        "properties": {
            "sst": {"title": sst["title"], "type": "number", "x-ogc-unit": "Cel"},
            "geometry": {"format": "geometry-point"},
        },
    }
    listed = [collection(language, f"{p}-x", p) for p in wording.NAMES]
    listing = {"collections": listed, "links": features(language)["links"], "numberMatched": 9}
    conforms = {"conformsTo": ["http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core"]}
    job = {
        "jobID": "1f",
        "processID": "extract-subset",
        "type": "process",
        "status": "successful",
        "progress": 100,
        "created": "2020-01-01T00:00:00Z",
        "links": [],
    }
    found = {
        "/": ("landing", land, {"counts": {"odatis": 4}}),
        "/conformance": ("conformance", conforms, {}),
        "/collections": ("collections", listing, {}),
        "/collections/odatis-sst": ("collection", sst, {}),
        "/collections/odatis-sst/queryables": ("queryables", schema, above),
        "/collections/odatis-sst/schema": ("schema", schema, above),
        "/collections/odatis-sst/items": ("items", features(language), above),
        "/collections/odatis-sst/items/S 1/1": ("item", features(language)["features"][1], above),
        "/collections/odatis-sst/locations": ("locations", features(language), above),
        "/collections/odatis-sst/instances": ("instances", {"instances": [{"id": "2020"}], "links": []}, above),
        "/processes": ("processes", {"processes": [process(language)], "links": []}, {}),
        "/processes/extract-subset": ("process", process(language), {}),
        "/jobs": ("jobs", {"jobs": [job], "links": []}, {}),
        "/jobs/1f": ("job", job, {}),
        "/openapi": ("openapi", openapi(language), {}),
        "/nowhere": ("error", {"status": 404, "title": "Not Found", "detail": "collection: x is not there"}, {}),
    }  # fmt: skip
    for path, answer in answers().items():
        kind = "coverage" if path.startswith("coverage") else "edr"
        found[f"/collections/odatis-sst/{path}"] = (kind, answer, above)
    return found


def page(path: str, language: str, view: str = "", **more: Any) -> str:
    """One of the documents as a page."""
    kind, document, rest = documents(language)[path]
    rest = {**rest, **more}
    return pages.render(
        kind, document, language=language, base=f"https://example.org{BASE}", path=path, view=view, **rest
    )


# --- reading pages and templates -----------------------------------------------------------------------------------


@dataclass
class Read(html.parser.HTMLParser):
    """What a page holds: texts, and addresses by the element and attribute that hold them."""

    texts: list[str] = field(default_factory=list)
    addresses: list[tuple[str, str, str]] = field(default_factory=list)
    language: str = ""
    _open: list[str] = field(default_factory=list)
    SILENT = ("script", "style", "code", "pre")
    SPOKEN = ("title", "alt", "aria-label", "placeholder")

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {k: v or "" for k, v in attrs}
        if tag == "html":
            self.language = said.get("lang", "")
        self.texts += [said[k] for k in self.SPOKEN if said.get(k)]
        self.addresses += [(tag, k, said[k]) for k in ("href", "src", "action") if k in said]
        if tag in self.SILENT:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open and data.strip():
            self.texts.append(data.strip())


def read(text: str) -> Read:
    """A page, read."""
    found = Read()
    found.feed(text)
    return found


def ours() -> list[str]:
    """The names of our own templates."""
    return sorted(f.name for f in (pages.HERE / "templates").glob("*.html"))


def marked() -> set[str]:
    """Every text that templates, tables and scripts mark for translation."""
    found = set(pages.marked_in_scripts())
    for table in wording.TABLES:
        found.update(table.values())
    for name in ours():
        tree = pages.environment().parse((pages.HERE / "templates" / name).read_text(encoding="utf-8"))
        for call in tree.find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name in ("_", "n_"):
                found.update(a.value for a in call.args if isinstance(a, jinja2.nodes.Const))
                for choice in (a for a in call.args if isinstance(a, jinja2.nodes.CondExpr)):
                    found.update(c.value for c in choice.find_all(jinja2.nodes.Const) if isinstance(c.value, str))
    source = (
        ast.parse(Path(shown.__file__).read_text(encoding="utf-8")),
        ast.parse(Path(pages.__file__).read_text(encoding="utf-8")),
    )
    for call in (n for tree in source for n in ast.walk(tree) if isinstance(n, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("text", "say"):
            found.update(a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
    return found


def test_every_text_is_said_in_french() -> None:
    assert sorted(marked() - set(pages.catalogue("fr"))) == []


def test_the_french_catalogue_holds_no_text_that_is_never_said() -> None:
    assert sorted(set(pages.catalogue("fr")) - marked()) == []


def test_a_translation_keeps_the_places_for_values() -> None:
    for english, french in pages.catalogue("fr").items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", french)), english


NAMES = {"Poles", "JSON", "curl", "Python", "·", "/", "%", "…", "–", "←", "→", ""}
"""What templates may say in any language without a mark."""


@pytest.mark.parametrize("name", ours())
def test_a_template_says_nothing_without_a_mark(name: str) -> None:
    source = (pages.HERE / "templates" / name).read_text(encoding="utf-8")
    bare = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", source, flags=re.DOTALL)
    said = {word for text in read(bare).texts for word in text.split() if re.search(r"[^\W\d_]", word)}
    assert said - NAMES == set()


def test_scripts_say_nothing_without_a_mark() -> None:
    spoken = re.compile(r"""(?:textContent|aria-label["']?|title|new Error\()\s*[=:(]\s*["']([A-Z][^"']+)["']""")
    for script in pages.STATIC.glob("*.js"):
        assert spoken.findall(script.read_text(encoding="utf-8")) == [], script.name


# --- pages ---------------------------------------------------------------------------------------------------------

PATHS = tuple(documents("en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_only_what_we_ship(path: str, language: str) -> None:
    loaded = [a for tag, key, a in read(page(path, language)).addresses if key == "src" or tag in ("link", "use")]
    shipped = [a.partition("#")[0] for a in loaded if a.startswith(f"{BASE}/static/")]
    assert {
        a.removeprefix(f"{BASE}/static/")
        for a in shipped
        if not (pages.STATIC / a.removeprefix(f"{BASE}/static/")).is_file()
    } == set()
    assert [a for a in loaded if not a.startswith(BASE) and not a.startswith("http://localhost")] == []


@pytest.mark.parametrize("path", PATHS)
def test_a_page_says_the_same_in_french_without_an_english_word(path: str) -> None:
    english, french = read(page(path, "en")), read(page(path, "fr"))
    assert (english.language, french.language) == ("en", "fr")
    differing = {e for e, f in pages.catalogue("fr").items() if e != f and "{" not in e and len(e) > 3}
    french_texts = set(pages.catalogue("fr").values())
    assert {t for t in french.texts if t in differing and t not in french_texts} == set()


def test_the_language_switch_keeps_the_question() -> None:
    text = page("/collections", "fr", view="/poles/odatis", parameters=(("q", "sel & eau"), ("lang", "fr")))
    switch = {a for tag, _, a in read(text).addresses if tag == "a" and "lang=en" in a}
    assert f"{BASE}/poles/odatis/collections?q=sel+%26+eau&lang=en" in switch


def test_a_language_asked_for_by_name_goes_with_every_link_of_ours() -> None:
    addresses = read(page("/collections", "fr", parameters=(("lang", "fr"),))).addresses
    inner = [a for tag, key, a in addresses if tag == "a" and urlsplit(a).path.startswith(BASE) and "f=json" not in a]
    assert inner
    assert [a for a in inner if "lang=" not in a] == []


def test_links_stay_in_the_view_but_for_the_way_up() -> None:
    addresses = read(page("/collections/odatis-sst", "en", view="/poles/odatis")).addresses
    inner = {urlsplit(a).path for tag, key, a in addresses if tag in ("a", "form") and a.startswith(BASE)}
    outer = {p for p in inner if not p.startswith(f"{BASE}/poles/")}
    assert outer == {f"{BASE}/"}
    assert f"{BASE}/poles/odatis/collections/odatis-sst/position" in inner


def test_values_cannot_break_out_of_a_page() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    for path, (kind, document, rest) in documents("en").items():
        poisoned = json.loads(
            json.dumps(document).replace(json.dumps(TEXTS["sst"]["en"])[1:-1], json.dumps(hostile)[1:-1])
        )
        text = pages.render(kind, poisoned, language="en", base=BASE, path=path, **rest)
        assert "<script>alert" not in text, path
        assert "<img" not in text, path


def test_a_link_is_never_a_script() -> None:
    sst = collection("en")
    sst["links"].append({"href": "javascript:alert(1)", "rel": "about", "title": "x"})
    assert "javascript:" not in pages.render("collection", sst, language="en", base="", path="/collections/odatis-sst")


def test_a_large_answer_is_left_for_the_browser_to_fetch() -> None:
    large = coverage("PointSeries", {**AT, "t": DAYS}, ["t"], [0.123456789] * 200_000)
    path = "/collections/odatis-sst/position"
    small = page(path, "en")
    text = pages.render("edr", large, language="en", base=BASE, path=path)
    assert 'id="answer"' in small
    assert 'id="answer"' not in text
    assert f'data-coverage="{BASE}{path}?f=json"' in text


def test_an_answer_may_be_given_as_bytes() -> None:
    answer = answers()["position"]
    path = "/collections/odatis-sst/position"
    render = lambda document: pages.render("edr", document, language="en", base=BASE, path=path)  # noqa: E731
    assert render(json.dumps(answer, separators=(",", ":")).encode()) == render(answer)


@pytest.mark.parametrize(
    "name", [n for n in pages.environment().list_templates(extensions=["html"]) if n not in ours()]
)
def test_templates_of_pygeoapi_load_nothing_from_elsewhere(name: str) -> None:
    environment = pages.environment()
    source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
    elsewhere = (
        r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//[^\"'{]*\.(?:js|css|mjs)|unpkg|jsdelivr|cdnjs|googleapis|@import"
    )
    assert re.findall(elsewhere, source) == []
    environment.get_template(name)


# --- words and numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ucum", "written"),
    [
        ("Cel", "°C"),
        ("m.s-1", "m\u202fs⁻¹"),
        ("kg.m-2", "kg\u202fm⁻²"),
        ("W/m2", "W/m²"),
        ("1", "1"),
        ("", ""),
        ("[degF]", "°F"),
        ("10.dm", "10\u202fdm"),
    ],
)
def test_units_read_as_people_write_them(ucum: str, written: str) -> None:
    assert shown.unit(ucum) == written


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("2020-01-01T00:00:00Z", "2020-01-01"),
        ("2020-01-01T06:30:00Z", "2020-01-01 06:30 UTC"),
        ("2020-02-30T06:30:12Z", "2020-02-30 06:30:12 UTC"),
        ("2020-01-01", "2020-01-01"),
    ],
)
def test_times_leave_out_what_says_nothing(given: str, short: str) -> None:
    assert shown.moment(given) == short


def test_numbers_follow_the_language() -> None:
    assert shown.number(-12345.5, "en") == "−12,345.5"
    assert shown.number(-12345.5, "fr") == "−12\u202f345,5"
    assert shown.number(2024, "fr") == "2024"
    assert shown.number(0, "fr") == "0"


def test_zero_is_singular_in_french_and_plural_in_english() -> None:
    assert pages.plurals("fr")("{n} item", "{n} items", 0) == pages.texts("fr")("{n} item", n=0)
    assert pages.plurals("en")("{n} item", "{n} items", 0) == "0 items"


def test_a_box_across_the_antimeridian_has_its_middle_there() -> None:
    assert forms.centre((170, -20, -170, 0)) == (180, -10)
    locator = shown.locator((170, -20, -170, 0))
    assert locator is not None
    assert locator["x"] == 170
    assert locator["width"] == 20


# --- a browser -----------------------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browses = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here (make deps installs it): pages are not opened in a browser"
)


@dataclass
class Visit:
    """What a browser saw of one page."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    seen: Any = None


class Browser:
    """Headless Chromium, spoken to over its own pipe (Chrome DevTools Protocol)."""

    def __init__(self, folder: Path) -> None:
        here, theirs = os.pipe(), os.pipe()
        # The child reads commands on 3 and writes answers on 4, whatever the numbers are on this side.
        script = f'exec "$0" "$@" 3<&{here[0]} 4>&{theirs[1]}'
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            "--no-first-run",
            f"--user-data-dir={folder}",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", script, str(CHROMIUM), *flags],
            pass_fds=(here[0], theirs[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(here[0])
        os.close(theirs[1])
        self._commands, self._answers = here[1], theirs[0]
        self._rest, self._number, self._events = b"", 0, []  # type: tuple[bytes, int, list[dict[str, Any]]]
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command and its answer; what happens meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for told in self._told(1):
                if told.get("id") == self._number:
                    assert "error" not in told, told
                    return dict(told["result"])
                self._events.append(told)
        raise TimeoutError(method)

    def _told(self, seconds: float) -> Iterator[dict[str, Any]]:
        if select.select([self._answers], [], [], seconds)[0]:
            self._rest += os.read(self._answers, 1 << 20)
        *whole, self._rest = self._rest.split(b"\0")
        return iter([json.loads(m) for m in whole])

    def visit(self, address: str, look: str = "document.documentElement.lang", *, rest: float = 0.25) -> Visit:
        """Open a page, wait until it rests, and evaluate an expression in it."""
        self._events = []
        self.call("Page.navigate", url=address)
        visit, loaded, waiting, since = Visit(), False, set(), time.monotonic()
        deadline = since + 20
        while time.monotonic() < deadline and not (loaded and not waiting and time.monotonic() - since > rest):
            events, self._events = [*self._events, *self._told(0.05)], []
            for event in events:
                since = time.monotonic() if self._heard(event, visit, waiting) else since
                loaded = loaded or event.get("method") == "Page.loadEventFired"
        found = self.call("Runtime.evaluate", expression=look, returnByValue=True, awaitPromise=True)
        visit.seen = found["result"].get("value")
        for event in self._events:
            self._heard(event, visit, waiting)
        return visit

    @staticmethod
    def _heard(event: dict[str, Any], visit: Visit, waiting: set[str]) -> bool:
        told = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                visit.requests.append(told["request"]["url"])
                waiting.add(told["requestId"])
            case "Network.loadingFinished" | "Network.loadingFailed":
                waiting.discard(told["requestId"])
            case "Runtime.exceptionThrown":
                visit.complaints.append(json.dumps(told["exceptionDetails"])[:600])
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                visit.complaints.append(json.dumps(told["args"])[:600])
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                visit.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case _:
                return False
        return True


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        opened = Browser(Path(folder))
        yield opened
        opened.close()


def small_app() -> flask.Flask:
    """The documents above behind the routes, languages and headers that the server has."""
    app = flask.Flask(__name__, static_folder=str(pages.STATIC), static_url_path=f"{BASE}/static")

    @app.get(f"{BASE}/")
    @app.get(f"{BASE}/<path:rest>")
    def answered(rest: str = "") -> flask.Response:
        asked = flask.request.args
        language = "fr" if asked.get("lang") == "fr" else "en"
        kind, document, more = documents(language)[f"/{rest}"]
        if asked.get("f") == "json":
            return flask.jsonify(document)
        text = pages.render(
            kind, document, language=language, base=BASE, path=f"/{rest}", parameters=list(asked.items()), **more
        )
        return flask.Response(
            text, headers={"Content-Security-Policy": pages.CONTENT_SECURITY_POLICY}, mimetype="text/html"
        )

    return app


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, small_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}{BASE}"
    server.shutdown()
    thread.join()


@browses
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_a_browser_has_nothing_to_complain_of(browser: Browser, served: str, path: str, language: str) -> None:
    visit = browser.visit(f"{served}{path}?lang={language}")
    assert visit.seen == language
    assert [c for c in visit.complaints if "/nowhere" not in c] == []
    assert [r for r in visit.requests if not r.startswith((served, "data:", "blob:"))] == []


DRAWINGS = ".chart path.line, .leaflet-image-layer, .leaflet-marks-pane canvas, .values dd"
RESTED = """
    for (let n = 0; n < 400 && document.querySelector("[aria-busy=true]"); n += 1) {
        await new Promise(done => setTimeout(done, 25));
    }
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
"""
DRAWN = f"""(async () => {{ {RESTED} return {{
    drawings: document.querySelectorAll("{DRAWINGS}").length,
    lines: document.querySelectorAll(".chart path.line").length,
    text: document.querySelector("[data-coverage]").innerText,
}} }})()"""
LINES = {
    "position": 1, "position/profile": 1, "position/grid": 1, "position/calendar": 1,
    "locations/all": 3, "trajectory": 1,
}  # fmt: skip
"""Lines that a chart draws, by answer; the others are maps and single values."""
OPENED = """(async () => {
    document.querySelector(".opblock-summary-control").click();
    await new Promise(done => setTimeout(done, 400));
    return document.querySelector("#openapi").innerText;
})()"""


@browses
@pytest.mark.parametrize("path", [p for p in PATHS if documents("en")[p][0] in ("edr", "coverage")])
def test_every_shape_of_answer_is_drawn(browser: Browser, served: str, path: str) -> None:
    seen = browser.visit(f"{served}{path}?lang=fr", DRAWN).seen
    if path.endswith("none"):
        assert pages.texts("fr")("There is nothing here.") in seen["text"]
    else:
        assert seen["drawings"] > 0, seen
        assert seen["lines"] == LINES.get(path.removeprefix("/collections/odatis-sst/"), 0)


@browses
def test_the_form_writes_the_request(browser: Browser, served: str) -> None:
    seen = browser.visit(f"{served}/collections/odatis-sst", "document.querySelector('.address code').innerText").seen
    assert seen == f"{served}/collections/odatis-sst/position?coords=POINT(0%2045)"


@browses
def test_the_words_of_the_api_page_are_french(browser: Browser, served: str) -> None:
    text = browser.visit(f"{served}/openapi?lang=fr", OPENED, rest=0.6).seen
    assert "Paramètres" in text
    english = {e for e, f in pages.catalogue("fr").items() if e != f and len(e) > 4}
    assert [line for line in text.splitlines() if line.strip() in english] == []


# --- the demonstration, page by page -------------------------------------------------------------------------------

CONFIG = Path(__file__).parents[1] / "pygeoapi-config.yml"
RESOURCES = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["resources"]
COLLECTIONS = [name for name, block in RESOURCES.items() if block["type"] == "collection"]
SEEN = """(async () => { RESTED
    const lines = element => element.innerText.split("\\n").map(line => line.trim());
    const data = new Set([...document.querySelectorAll("table.rows td, table.properties td")].flatMap(lines));
    return {
        lang: document.documentElement.lang,
        heading: document.querySelector("h1").innerText,
        lines: lines(document.body).filter(line => !data.has(line)),
        fault: document.querySelector(".fault") !== null,
        asked: [...document.querySelectorAll("[data-ask] form")].map(form => {
            const told = new URLSearchParams();
            for (const [key, value] of new FormData(form)) if (value && key !== "lang") told.append(key, value);
            return new URL(form.getAttribute("action"), location.href).pathname + "?" + told;
        }),
        first: document.querySelector("table.rows tbody a")?.pathname ?? null,
        drawings: document.querySelectorAll("DRAWINGS").length,
        empty: document.querySelector(".empty") !== null,
    };
})()""".replace("DRAWINGS", DRAWINGS).replace("RESTED", RESTED)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server over the demonstration, its data described, in this process."""
    from poles.catalogue import facts
    from poles.catalogue import read as read_catalogue
    from poles.describe import describe
    from web.app import create_app

    server = make_server("127.0.0.1", 0, flask.Flask("later"), threaded=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POLES_HOST", "POLES_PORT", "HOST", "PORT", "PYGEOAPI_CONFIG"):
            patch.delenv(name, raising=False)
        patch.setenv("POLES_CONFIG", str(CONFIG))
        patch.setenv("POLES_STATE", str(tmp_path_factory.mktemp("state")))
        patch.setenv("POLES_URL", f"http://127.0.0.1:{server.port}")
        for dataset in read_catalogue(CONFIG).datasets.values():
            facts.keep(dataset, describe(dataset), facts.stamp(dataset))
        server.app = create_app(watch=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()


def foreign(language: str) -> set[str]:
    """Texts of the interface that only the other language says."""
    english, french = set(pages.catalogue("fr")), set(pages.catalogue("fr").values())
    return {t for t in (english - french if language == "fr" else french - english) if len(t) > 4}


def visited(browser: Browser, demo: str, address: str, language: str) -> dict[str, Any]:
    """What a page of the demonstration shows, once nothing is wrong with it."""
    visit = browser.visit(f"{demo}{address}{'&' if '?' in address else '?'}lang={language}", SEEN, rest=0.12)
    seen: dict[str, Any] = visit.seen
    assert visit.complaints == [], address
    assert [r for r in visit.requests if not r.startswith((demo, "data:", "blob:"))] == [], address
    assert seen["lang"] == language, address
    assert [line for line in seen["lines"] if line in foreign(language)] == [], address
    return seen


SHARED = (
    "/", "/poles/odatis", "/poles/theia/collections", "/conformance", "/collections", "/collections?q=zz", "/processes",
    "/processes/extract-subset", "/jobs", "/openapi",
)  # fmt: skip


@browses
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("address", SHARED)
def test_a_page_of_the_demonstration_is_whole(browser: Browser, demo: str, address: str, language: str) -> None:
    assert not visited(browser, demo, address, language)["fault"]


@browses
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_collection_of_the_demonstration_answers_in_pages(
    browser: Browser, demo: str, name: str, language: str
) -> None:
    here = f"/collections/{name}"
    seen = visited(browser, demo, here, language)
    assert seen["heading"] == RESOURCES[name]["title"][language]
    assert seen["asked"]
    beside = (f"/datasets/{name}", f"{here}/schema"), (f"/datasets/{name}{here}", f"{here}/queryables")
    for address in beside[(COLLECTIONS.index(name) + LANGUAGES.index(language)) % 2]:
        visited(browser, demo, address, language)
    for address in seen["asked"]:
        shown = visited(browser, demo, address, language)
        assert not shown["fault"], address
        assert shown["drawings"] or shown["empty"] or shown["first"], address
        if shown["first"]:
            assert not visited(browser, demo, shown["first"], language)["fault"]


RUN = """(async () => {
    document.querySelector("form[data-run] button").click();
    for (let n = 0; n < 400 && !document.querySelector(".result a, .result .fault"); n += 1) {
        await new Promise(done => setTimeout(done, 25));
    }
    return document.querySelector(".result").innerText;
})()"""


@browses
def test_a_process_runs_from_its_page(browser: Browser, demo: str) -> None:
    visit = browser.visit(f"{demo}/processes/extract-subset?lang=fr", RUN)
    assert visit.complaints == []
    assert re.fullmatch(r"Enregistrer .+\.nc", visit.seen.strip())


@browses
def test_an_error_is_a_page_in_the_language_of_the_reader(browser: Browser, demo: str) -> None:
    seen = browser.visit(f"{demo}/collections/nowhere?lang=fr", "document.querySelector('h1').innerText").seen
    assert seen == pages.texts("fr")(wording.FAULTS[404])
