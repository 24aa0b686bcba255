"""Collection documents, made from a data set and its facts alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poles.dataset import AxisFacts, Category, Dataset, Described, Facts, Text
from poles.metadata import ogc
from poles.metadata.extents import duration, extent

SST = Described("sst", Text("Temperature", "Température"), unit="Cel", property="http://vocab.example/sst")
MASK = Described(
    "mask",
    Text("Mask", "Masque"),
    dtype="integer",
    categories=(Category(0, Text("sea", "mer")), Category(1, Text("land", "terre"))),
)  # fmt: skip
TIME = AxisFacts(
    "t", "time", 2, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z",
    values=("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), step=86_400_000, calendar="standard",
)  # fmt: skip
DEPTH = AxisFacts("z", "depth", 2, 0.5, 10.0, values=(0.5, 10.0), unit="m", standard_name="depth", positive="down")
MEMBER = AxisFacts("realization", "member", 3, 0.0, 2.0, values=(0.0, 1.0, 2.0), standard_name="realization")
X = AxisFacts("x", "lon", 360, -179.5, 179.5, step=1.0)
Y = AxisFacts("y", "lat", 180, -89.5, 89.5, step=1.0)


def dataset(**changes: Any) -> Dataset:
    facts = Facts(
        version="1",
        kind="grid",
        parameters=(SST, MASK),
        bbox=(-180.0, -90.0, 180.0, 90.0),
        interval=("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"),
        axes=(TIME, DEPTH, MEMBER, X, Y),
        horizontal="rectilinear",
    )
    whole = Dataset(
        id="odatis-sst",
        title=Text("Sea surface temperature", "Température de surface de la mer"),
        description=Text("Daily", "Quotidienne"),
        keywords=(Text("ocean", "océan"),),
        pole="odatis",
        kind="grid",
        apis=("edr", "coverage"),
        parameters=(SST, MASK),
        bbox=facts.bbox,
        interval=facts.interval,
        facts=facts,
        licence="CC-BY-4.0",
        doi="10.1234/abc",
    )
    return replace(whole, **changes)


def links(document: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in document["links"] if link["rel"] == rel]


def test_the_document_is_what_the_edr_oracle_takes_but_for_members_of_other_standards() -> None:
    pydantic = pytest.importorskip("edr_pydantic.collections")
    document = ogc.collection(dataset(), "https://x.fr", "en", "https://x.fr")
    for name in ("itemType", "storageCrs", "pole"):  # Features, Part 2, ours
        document.pop(name)
    document["extent"]["spatial"].pop("grid")  # Common Part 2
    assert pydantic.Collection.model_validate_json(json.dumps(document)).id == "odatis-sst"


def test_the_document_is_valid_against_the_schema_of_edr_1_1() -> None:
    bundle = Path(__file__).parents[2] / "shared" / "schemas" / "edr-1.1.bundled.json"
    if not bundle.exists():
        pytest.skip(f"no {bundle.name} beside the repository")
    from openapi_schema_validator import OAS30Validator

    operation = json.loads(bundle.read_text())["paths"]["/collections/{collectionId}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    faults = OAS30Validator(schema).iter_errors(ogc.collection(dataset(), "https://x.fr", "en", "https://x.fr"))
    assert [f.message for f in faults] == []


def test_titles_and_labels_are_in_the_language_asked_and_strings() -> None:
    english, french = (ogc.collection(dataset(), "", language) for language in ("en", "fr"))
    assert (english["title"], french["title"]) == ("Sea surface temperature", "Température de surface de la mer")
    assert french["keywords"] == ["océan"]
    assert french["parameter_names"]["sst"]["observedProperty"]["label"] == "Température"
    titles = {l["title"] for l in english["links"]} & {l["title"] for l in french["links"]}  # noqa: E741
    assert all(not any(c in title for c in "éèà") for title in titles)


def test_a_parameter_has_its_ucum_unit_and_property_and_a_classified_one_has_categories_instead() -> None:
    names = ogc.parameter_names((SST, MASK), "en")
    assert names["sst"]["unit"] == {"symbol": {"value": "Cel", "type": "http://www.opengis.net/def/uom/UCUM/"}}
    assert names["sst"]["observedProperty"]["id"] == "http://vocab.example/sst"
    assert "unit" not in names["mask"]
    assert [c["label"] for c in names["mask"]["observedProperty"]["categories"]] == ["sea", "land"]
    assert sorted(names["mask"]["categoryEncoding"].values()) == [0, 1]


def test_every_query_has_its_formats_its_default_and_its_crs() -> None:
    document = ogc.collection(dataset(), "https://x.fr", "en")
    assert set(document["data_queries"]) == {"position", "area", "cube"}
    for name, query in document["data_queries"].items():
        link, variables = query["link"], query["link"]["variables"]
        assert link["href"] == f"https://x.fr/collections/odatis-sst/{name}"
        assert variables["query_type"] == name
        assert variables["default_output_format"] in variables["output_formats"]
        assert {"CoverageJSON", "GeoJSON"} <= set(variables["output_formats"])
        assert variables["crs_details"][0]["wkt"].startswith("GEOG")


def test_extents_have_explicit_values_and_strings_for_levels() -> None:
    found = extent(dataset())
    assert found["temporal"]["values"] == list(TIME.values)
    assert found["vertical"]["interval"] == [["0.5", "10"]]
    assert found["vertical"]["values"] == ["0.5", "10"]
    assert found["vertical"]["vrs"].startswith("VERTCRS")
    assert "down" in found["vertical"]["vrs"]
    assert found["custom"][0]["id"] == "realization"
    assert found["spatial"]["grid"] == [
        {"cellsCount": 360, "resolution": 1.0, "firstCoordinate": -179.5},
        {"cellsCount": 180, "resolution": 1.0, "firstCoordinate": -89.5},
    ]


def test_a_long_regular_axis_is_repeated_and_a_long_irregular_one_is_an_interval() -> None:
    long = replace(TIME, size=2184, values=(), step=3_600_000)
    irregular = replace(long, step=None)
    facts = dataset().facts
    assert facts is not None
    one = extent(dataset(facts=replace(facts, axes=(long,))))
    other = extent(dataset(facts=replace(facts, axes=(irregular,))))
    assert one["temporal"]["values"] == ["R2184/2020-01-01T00:00:00Z/PT1H"]
    assert other["temporal"]["values"] == ["2020-01-01T00:00:00Z/2020-01-02T00:00:00Z"]


def test_the_calendar_is_named_where_it_is_not_the_gregorian_one() -> None:
    facts = dataset().facts
    assert facts is not None
    found = extent(dataset(facts=replace(facts, axes=(replace(TIME, calendar="360_day"),))))
    assert "360_day" in found["temporal"]["trs"]


def test_a_pressure_axis_is_parametric() -> None:
    facts = dataset().facts
    assert facts is not None
    pressure = replace(DEPTH, key="level", unit="millibars", standard_name="air_pressure", positive="down")
    vrs = extent(dataset(facts=replace(facts, axes=(pressure,))))["vertical"]["vrs"]
    assert vrs.startswith("PARAMETRICCRS")
    assert 'PARAMETRICUNIT["mbar",100]' in vrs


def test_a_data_set_that_is_not_described_yet_has_a_whole_document_all_the_same() -> None:
    document = ogc.collection(dataset(facts=None, parameters=(), bbox=None, interval=None, kind=None), "", "en")
    assert document["extent"]["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]
    assert "temporal" not in document["extent"]
    assert document["parameter_names"] == {}


def test_every_api_has_its_links_and_no_other() -> None:
    grid = ogc.collection(dataset(), "https://x.fr", "en", "https://x.fr")
    features = ogc.collection(
        dataset(apis=("feature",), kind="features"), "https://x.fr/poles/theia", "en", "https://x.fr"
    )
    assert {link["type"] for link in links(grid, f"{ogc.REL}coverage")} >= {
        "image/tiff; application=geotiff",
        "text/html",
    }
    assert not links(grid, "items")
    assert links(features, "items")[0]["type"] == "application/geo+json"
    assert "data_queries" not in features
    assert (features["itemType"], grid["itemType"]) == ("feature", "unknown")
    assert all(links(d, "data") for d in (grid, features))
    assert links(features, "service")[0]["href"] == "https://x.fr/datasets/odatis-sst"


def test_only_the_service_link_leaves_the_view() -> None:
    base = "https://x.fr/poles/odatis"
    document = ogc.collection(dataset(), base, "en", "https://x.fr")
    outside = [link["rel"] for link in document["links"] if not link["href"].startswith(base)]
    assert sorted(outside) == ["cite-as", "license", "service"]


def test_the_licence_and_the_identifier_are_addresses() -> None:
    document = ogc.collection(dataset(), "", "en")
    assert links(document, "license")[0]["href"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert links(document, "cite-as")[0]["href"] == "https://doi.org/10.1234/abc"


def test_an_address_holds_what_a_header_can_carry_whatever_its_identifier_holds() -> None:
    old = dataset(doi="10.1002/(SICI)1097<849::AID>3.0.CO;2-N", licence="https://exemple.fr/licence – étendue?a=1")
    document = ogc.collection(old, "", "en")
    assert links(document, "cite-as")[0]["href"] == "https://doi.org/10.1002/(SICI)1097%3C849::AID%3E3.0.CO;2-N"
    assert links(document, "license")[0]["href"] == "https://exemple.fr/licence%20%E2%80%93%20%C3%A9tendue?a=1"


def test_a_licence_of_a_name_alone_has_no_address() -> None:
    assert ogc.licence_url("Licence Ouverte – Etalab 2.0") is None


def test_the_default_crs_comes_first_and_the_storage_crs_is_in_the_list() -> None:
    facts = dataset().facts
    assert facts is not None
    utm = ogc.collection(dataset(facts=replace(facts, crs="http://www.opengis.net/def/crs/EPSG/0/32631")), "", "en")
    assert utm["crs"][0] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    assert utm["storageCrs"] in utm["crs"]


def test_a_curvilinear_grid_offers_no_geotiff() -> None:
    facts = dataset().facts
    assert facts is not None
    assert "GeoTIFF" not in ogc.coverage_formats(dataset(facts=replace(facts, horizontal="curvilinear")))
    assert "GeoTIFF" in ogc.coverage_formats(dataset())


@pytest.mark.parametrize(("milliseconds", "text"), [(86_400_000, "P1D"), (5_400_000, "PT90M"), (500, "PT0.5S")])
def test_durations_are_short(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text
