"""Sentences of the interface, each shown by a request: over the small catalogue of conftest."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import netCDF4
import numpy as np
import pytest
import rasterio
import yaml

from poles import parse
from poles.answer import answer
from poles.catalogue import facts, read
from poles.dataset import AxisFacts, Dataset, Facts, Text
from poles.describe import _step, describe
from poles.encodings import FORMATS, Context

GRID = "/collections/odatis-grid"
TIDE = "/collections/formater-tide"
PLACES = "/collections/theia-places"
EXECUTION = "/processes/extract-subset/execution"
HERE = "http://127.0.0.1:5000"
X = Text("x", "x")
MEMBERS = {"type", "title", "status", "detail", "code", "description"}


def links(document: Any) -> list[dict[str, Any]]:
    """Every link of a document."""
    if isinstance(document, dict):
        own = [document] if {"rel", "href"} <= set(document) else []
        return own + [link for value in document.values() for link in links(value)]
    return [link for value in document for link in links(value)] if isinstance(document, list) else []


def served(
    catalogue: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, of: str = "odatis-grid", **changes: Any
) -> Any:
    """A client over the catalogue, with some keys of the block of the grid, or of another, changed."""
    from web.app import create_app

    config = yaml.safe_load(catalogue.read_text(encoding="utf-8"))
    config["resources"][of]["poles"] |= changes
    file = folder / "config.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    monkeypatch.setenv("POLES_CONFIG", str(file))
    if "source" in changes:
        monkeypatch.setenv("POLES_STATE", str(folder / "state"))
        dataset = read(file).datasets[of]
        facts.keep(dataset, describe(dataset), facts.stamp(dataset))
    return create_app(watch=False).test_client()


# --- links and documents -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("view", ["", "/poles/formater", "/datasets/formater-tide", "/datasets/odatis-grid"])
def test_every_link_answers_with_the_type_that_it_promises(client: Any, view: str, language: str) -> None:
    waiting, seen = [(f"{HERE}{view}", "application/json")], set()
    while waiting:
        href, media_type = waiting.pop()
        if (href, media_type) in seen or not href.startswith(f"{HERE}{view}"):
            continue
        seen.add((href, media_type))
        found = client.get(href.removeprefix(HERE) or "/", headers={"Accept": media_type, "Accept-Language": language})
        if found.status_code == 400:  # a data query is asked with parameters
            assert "missing" in found.get_json()["detail"], href
            continue
        assert found.status_code == 200, (href, media_type, found.data[:200])
        assert found.content_type.split(";")[0] == media_type.split(";")[0], href
        assert found.headers.get("Content-Language", language) == language
        if "json" in found.content_type and not any(n in found.content_type for n in ("openapi", "json-seq")):
            waiting += [
                (link["href"], link["type"])
                for link in links(found.get_json(force=True))
                if not link["rel"].endswith(("execute", "up", "service")) and not link.get("templated")
            ]


def test_the_list_keeps_the_language_that_was_asked_on_its_next_page(client: Any) -> None:
    document = client.get("/collections?limit=1&lang=fr&f=json").get_json()
    following = next(link["href"] for link in document["links"] if link["rel"] == "next")
    assert client.get(following.removeprefix(HERE)).get_json()["collections"][0]["title"].startswith("Titre")


@pytest.mark.parametrize("query", ["q=", "q=,", "limit=", "offset=", "bbox=", "datetime=", "pole="])
def test_a_search_for_nothing_is_refused(client: Any, query: str) -> None:
    assert client.get(f"/collections?{query}").status_code == 400


@pytest.mark.parametrize("query", ["limit=many", "limit=0", "offset=-1", "limit=1&limit=2"])
def test_the_list_of_jobs_reads_its_parameters(client: Any, query: str) -> None:
    assert client.get(f"/jobs?{query}").status_code == 400


def test_units_of_heights_are_ucum() -> None:
    from poles.metadata.ogc import collection

    z = AxisFacts("z", "lev", 2, 0.0, 10.0, (0.0, 10.0), 10.0, unit="METERS")
    told = Facts("1", "grid", (), None, None, (z,), horizontal="rectilinear")
    described = Dataset("x", X, X, apis=("edr",), kind="grid", facts=told)
    document = collection(described, "", "en")
    assert document["data_queries"]["cube"]["link"]["variables"]["height_units"] == ["m"]


def test_the_demonstration_says_times_that_hold_all_its_observations() -> None:
    config = yaml.safe_load(Path(__file__).parents[1].joinpath("pygeoapi-config.yml").read_text(encoding="utf-8"))
    end = config["resources"]["formater-earthquakes-indonesia"]["extents"]["temporal"]["end"]
    table = Path(__file__).parents[1] / "demo" / "formater" / "usgs_earthquakes_202404.csv"
    last = max(row.split(",")[0] for row in table.read_text(encoding="utf-8").splitlines()[1:])
    assert end.replace(tzinfo=None).isoformat(" ", "milliseconds") >= last


def test_a_regular_axis_that_32_bits_round_has_a_step() -> None:
    rounded = np.arange(0, 360, 1 / 12).astype("f4").astype("f8")
    assert _step(rounded) == pytest.approx(1 / 12)
    assert _step(np.array([0.0, 10.0, 20.0, 31.0])) is None


IDS = ("/lead", "//", "///a", "a//b", "trail/", "new\nline", "a/b\r\n/", "items", "100%", "a%2Fb", "é ?#")


def test_an_item_of_any_id_answers_at_its_own_links(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"type": "Point", "coordinates": [2.0, 40.0]}
    features = [{"type": "Feature", "id": i, "properties": {"n": n}, "geometry": place} for n, i in enumerate(IDS)]
    file = tmp_path / "ids.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    client = served(catalogue, tmp_path, monkeypatch, "theia-places", source=str(file))
    for number, identifier in enumerate(IDS):
        found = client.get(f"{PLACES}/items/{quote(identifier, safe='')}")
        assert found.status_code == 200, identifier
        document = found.get_json(force=True)
        assert (document["id"], document["properties"]["n"]) == (identifier, number)
        for link in document["links"]:
            there = client.get(link["href"].removeprefix(HERE), headers={"Accept": link["type"]})
            assert there.status_code == 200, link
            if link["rel"] == "self":
                assert there.get_json(force=True)["properties"] == {"n": number}


@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_a_file_is_sent_with_the_type_that_its_link_tells(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    file = tmp_path / "a.tif"
    shape = {"driver": driver, "width": 600, "height": 600, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(file, "w", transform=rasterio.Affine(0.01, 0, 2, 0, -0.01, 46), **shape) as raster:
        raster.write(np.zeros((600, 600), "float32"), 1)
    client = served(catalogue, tmp_path, monkeypatch, source=str(file))
    (link,) = (k for k in client.get(GRID).get_json()["links"] if k["rel"] == "enclosure")
    found = client.get(link["href"].removeprefix(HERE))
    assert found.headers["Content-Type"] == link["type"]
    assert link["type"].endswith("profile=cloud-optimized") is (driver == "COG")
    assert found.data == file.read_bytes()


# --- negotiation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", f"{GRID}/position?coords=POINT(2 45)", f"{PLACES}/items", f"{TIDE}/locations"])
@pytest.mark.parametrize("accept", ["text/html;q=0", ",", "", "*/*;q=0.1", "application/json;q=0.2,*/*;q=0.1"])
def test_who_only_refuses_pages_gets_the_usual_format(client: Any, path: str, accept: str) -> None:
    found = client.get(path, headers={"Accept": accept})
    assert found.status_code == 200
    assert "json" in found.content_type


def test_a_format_that_is_refused_is_not_sent(client: Any) -> None:
    accept = {"Accept": "application/prs.coverage+json;q=0, */*"}
    found = client.get(f"{GRID}/position?coords=POINT(2 45)", headers=accept)
    assert found.status_code == 200
    assert found.content_type != "application/prs.coverage+json"


def test_a_tag_is_of_one_language_and_the_same_in_every_worker(catalogue: Path, client: Any) -> None:
    from web.app import create_app

    other = create_app(watch=False).test_client()
    for path in (
        f"{PLACES}/items",
        f"{GRID}/position?coords=POINT(2 45)",
        "/collections",
        f"{GRID}/cube?bbox=0,41,2,43&f=NetCDF",
    ):
        english, french = (client.get(path, headers={"Accept-Language": x}).headers["ETag"] for x in ("en", "fr"))
        assert other.get(path).headers["ETag"] == english
        assert french != english


def test_nothing_there_has_no_body_and_no_type(client: Any) -> None:
    subset = {"inputs": {"collection": "odatis-grid", "bbox": [100, 0, 101, 1]}}
    for found in (client.get(f"{GRID}/position?coords=POINT(100 45)"), client.post(EXECUTION, json=subset)):
        assert (found.status_code, found.data, found.headers.get("Content-Type")) == (204, b"", None)


@pytest.mark.parametrize("crs", ["CRS84", "CRS:84", "OGC:CRS84", "[OGC:CRS84]", "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_longitude_and_latitude_are_asked_by_any_of_their_names(client: Any, crs: str) -> None:
    found = client.get(f"{GRID}/position", query_string={"coords": "POINT(2 45)", "parameter-name": "sst", "crs": crs})
    systems = {tuple(r["coordinates"]): r["system"] for r in found.get_json(force=True)["domain"]["referencing"]}
    assert systems["x", "y"]["id"] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


# --- limits and errors ---------------------------------------------------------------------------------------------


def test_too_much_is_413_naming_asked_allowed_and_what_would_do(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served(catalogue, tmp_path, monkeypatch, limits={"values": 100})
    for query in ("coverage", "cube?bbox=-5,40,9,49", "area?coords=POLYGON((-5 40,9 40,9 49,-5 49,-5 40))"):
        refused = client.get(f"{GRID}/{query}")
        assert refused.status_code == 413
        subject, _, rest = refused.get_json()["detail"].partition(": ")
        found, _, remedy = rest.partition("; ")
        assert subject
        assert "100" in found.replace(",", "")
        assert remedy
    assert client.get(f"{GRID}/cube?bbox=0,41,1,42&z=0&datetime=2020-01-01").status_code == 200


def test_items_are_clamped_and_never_refused_for_their_number(client: Any) -> None:
    for limit in (10_001, 10**30):
        assert client.get(f"{PLACES}/items?limit={limit}").get_json(force=True)["numberReturned"] == 5


@pytest.mark.parametrize(("path", "number"), [(PLACES, "height"), (TIDE, "tide")])
@pytest.mark.parametrize("value", ["9" * 21, "-" + "9" * 21, "1e308", "-0"])
def test_a_number_beyond_64_bits_equals_nothing(client: Any, path: str, number: str, value: str) -> None:
    found = client.get(f"{path}/items?{number}={value}")
    assert found.status_code == 200
    assert found.get_json(force=True)["numberMatched"] == (1 if value == "-0" else 0)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 50_000, b"{", b"null", b'"x"', b"\xff", b'{"coords": null}', b'{"coords": 1}']
)
def test_a_posted_body_of_any_sort_is_answered_or_refused(client: Any, body: bytes) -> None:
    refused = client.post(f"{GRID}/position", data=body, content_type="application/json")
    assert refused.status_code == 400
    assert set(refused.get_json()) >= MEMBERS


JUNK = (
    "", "\x00", "é" * 100, "x" * 3000, "<b>", "../..", "nan", "1e999", "-1", "9" * 30, "null", "{}",
    "POINT(", "POINT(1)", "POINT(1e300 1)", "POINT EMPTY", "POLYGON((0 0,1 1))", "POLYGON((0 0,1 1,0 1,1 0,0 0))",
    "1,2,3", "1,1,nan,2", ",,,", "0,91,1,92", "2020-13-01", "0000-00-00", "///", "R5/1/0", "R-1/0/1",
    "Lat(", "Lat(:)", 'time("x")', "EPSG:-1", "%",
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/collections", ("limit", "offset", "q", "bbox", "datetime", "pole", "lang", "nonsense")),
        (f"{GRID}/position", ("coords", "z", "datetime", "parameter-name", "crs", "f")),
        (f"{GRID}/cube", ("bbox", "z", "datetime", "parameter-name", "crs")),
        (f"{GRID}/area", ("coords", "z", "datetime")),
        (f"{GRID}/coverage", ("bbox", "bbox-crs", "subset", "subset-crs", "datetime", "properties", "crs", "f")),
        (f"{TIDE}/locations", ("bbox", "datetime", "crs", "limit", "offset")),
        (f"{TIDE}/locations/brest", ("z", "datetime", "parameter-name", "crs")),
        (f"{TIDE}/items", ("bbox", "datetime", "properties", "sortby", "limit", "tide", "time", "platform")),
        (f"{PLACES}/items", ("bbox", "bbox-crs", "datetime", "skipGeometry", "crs", "height", "name", "measured")),
    ],
)
def test_junk_in_any_parameter_is_never_an_error_of_ours(client: Any, path: str, names: tuple[str, ...]) -> None:
    usual = {"position": {"coords": "POINT(2 45)"}, "cube": {"bbox": "0,41,2,43"}}.get(path.split("/")[-1], {})
    for name in names:
        for junk in JUNK:
            found = client.get(path, query_string={**usual, name: junk}, headers={"Accept": "application/json"})
            assert found.status_code in (200, 204, 400), (name, junk, found.data[:200])
            if found.status_code == 400:
                assert set(found.get_json()) >= MEMBERS
        twice = client.get(path, query_string=[*usual.items(), (name, "1"), (name, "2")])
        assert twice.status_code in (200, 400)


@pytest.mark.parametrize(
    "path",
    ["//", "/collections//", f"{PLACES}//items", "/collections/%00", f"{PLACES}/items/%00", f"{PLACES}/items/a%2Fb",
     f"{PLACES}/items/%FF", f"{TIDE}/locations/%20", "/static/..%2fapp.py", "/poles", "/jobs/a/b", "/" + "x" * 5000],
)  # fmt: skip
def test_an_odd_path_is_answered_in_json(client: Any, path: str) -> None:
    found = client.get(path, headers={"Accept": "application/json"})
    assert found.status_code in (200, 400, 404)
    assert found.content_type == "application/json"


# --- the process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [5, {"result": 5}, {"result": {"format": "CSV"}}, {"other": {}}, "result"])
def test_outputs_of_the_wrong_shape_are_refused_by_name(client: Any, outputs: Any) -> None:
    refused = client.post(EXECUTION, json={"inputs": {"collection": "odatis-grid"}, "outputs": outputs})
    assert refused.status_code == 400
    assert refused.get_json()["detail"].startswith("outputs")


def test_the_file_of_a_process_speaks_the_language_of_the_request(client: Any) -> None:
    asked = {"inputs": {"collection": "odatis-grid", "bbox": [0, 41, 2, 43], "format": "NetCDF"}}
    for language, title in (("en", "Title of odatis-grid"), ("fr", "Titre de odatis-grid")):
        found = client.post(EXECUTION, json=asked, headers={"Accept-Language": language})
        with netCDF4.Dataset("subset.nc", memory=found.data) as file:
            assert file.title == title
            assert file.Conventions.startswith("CF-1.8, ACDD")
            assert "CC-BY-4.0" in file.license


def test_a_process_gives_the_values_of_the_cube(client: Any) -> None:
    asked = {"inputs": {"collection": "odatis-grid", "bbox": [0, 41, 2, 43], "z": "10", "format": "CSV"}}
    result = list(csv.DictReader(io.StringIO(client.post(EXECUTION, json=asked).text)))
    cube = list(csv.DictReader(io.StringIO(client.get(f"{GRID}/cube?bbox=0,41,2,43&z=10&f=CSV").text)))
    assert result == cube
    assert result[0]["sst"] == "115"


# --- one value, every API ------------------------------------------------------------------------------------------


def test_an_observation_has_one_value_in_items_locations_position_and_cube(client: Any) -> None:
    moment = "datetime=2020-01-03"
    item = client.get(f"{TIDE}/items?{moment}&platform=brest").get_json(force=True)["features"][0]
    values = [item["properties"]["tide"]]
    for query in (
        f"locations/brest?{moment}",
        f"position?coords=POINT(-4.5 48.4)&{moment}",
        f"cube?bbox=-5,48,-4,49&{moment}",
    ):
        document = json.loads(client.get(f"{TIDE}/{query}").data)
        coverage = document.get("coverages", [document])[0]
        values += coverage["ranges"]["tide"]["values"]
    assert values == [0, 0, 0, 0]


@pytest.mark.parametrize("step", [360 / 432, 0.1])
def test_one_cell_makes_a_geotiff_where_its_grid_is_regular_but_for_rounding(tmp_path: Path, step: float) -> None:
    file = str(tmp_path / "rounded.nc")
    with netCDF4.Dataset(file, "w") as nc:
        for name, size, unit in (("lat", 4, "degrees_north"), ("lon", 430, "degrees_east")):
            nc.createDimension(name, size)
            axis = nc.createVariable(name, "f4", (name,))
            axis.units = unit
            axis[:] = (np.arange(size) * step - 1.1).astype("f4")
        nc.createVariable("v", "f4", ("lat", "lon"))[:] = np.arange(4 * 430).reshape(4, 430)
    dataset = Dataset("x", X, X, apis=("coverage",), source=(file,))
    dataset = replace(dataset, facts=describe(dataset))
    place = 2 * step - 1.1
    found = answer(dataset, parse.query("coverage", {"bbox": f"{place},{place},{place},{place}"}, dataset))
    geotiff = next(f for f in FORMATS if f.name == "GeoTIFF")
    with rasterio.MemoryFile(b"".join(geotiff.write(found, Context()))) as memory, memory.open() as raster:
        assert raster.read(1).tolist() == [[2 * 430 + 2]]
        assert raster.res == pytest.approx((step, step), rel=1e-4)
        assert raster.xy(0, 0) == pytest.approx((place, place), abs=1e-5)


@pytest.mark.parametrize(("datetime", "there"), [("1999-12-31", False), ("2000-06-15", True), ("../2000-01-01", True)])
def test_a_raster_without_times_is_there_in_the_time_that_its_block_says(
    tmp_path: Path, datetime: str, there: bool
) -> None:
    shape = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "a.tif", "w", transform=rasterio.Affine(1, 0, 2, 0, -1, 46), **shape) as raster:
        raster.write(np.zeros((2, 2), "float32"), 1)
    told = Dataset("a", X, X, apis=("edr",), kind="grid", source=(str(tmp_path / "a.tif"),))
    told = replace(told, facts=describe(told), interval=("2000-01-01T00:00:00Z", "2000-12-31T00:00:00Z"))
    asked = parse.query("coverage", {"datetime": datetime}, told)
    assert answer(told, asked).empty is not there
    assert not answer(told, parse.query("coverage", {}, told)).empty
