"""The doors: what stock pygeoapi's keywords become, and what they give back."""

from pathlib import Path
from typing import Any

import pytest
import shapely
from pygeoapi.plugin import load_plugin
from pygeoapi.provider.base import (
    ProviderGenericError,
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderNoDataError,
)

from poles.errors import Invalid, NotFound, TooLarge, Unreadable
from providers import coverage as coverages
from providers import edr, feature
from providers.door import ogc, translated

GRID = {"data": "odatis-grid", "format": {"name": "NetCDF", "mimetype": "application/x-netcdf"}}


@pytest.fixture(scope="module")
def doors(catalogue: Path) -> dict[str, Any]:
    """The providers as stock pygeoapi loads them: the data set by its id."""
    return {
        "edr": load_plugin("provider", {"type": "edr", "name": "providers.EDR", **GRID}),
        "coverage": load_plugin("provider", {"type": "coverage", "name": "providers.Coverage", **GRID}),
        "tide": load_plugin("provider", {"type": "edr", "name": "providers.EDR", "data": "formater-tide"}),
        "feature": load_plugin("provider", {"type": "feature", "name": "providers.Feature", "data": "theia-places"}),
    }


def test_a_data_set_that_was_never_described_is_opened_for_stock(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "config.yml"
    elsewhere.write_bytes(catalogue.read_bytes())
    monkeypatch.setenv("POLES_CONFIG", str(elsewhere))
    monkeypatch.setenv("POLES_STATE", str(tmp_path / "state"))
    door = load_plugin("provider", {"type": "edr", "name": "providers.EDR", **GRID})
    assert set(door.fields) == {"sst", "ice"}


def test_keywords_of_stock_become_ogc_text() -> None:
    said = ogc(
        {
            "query_type": "position", "instance": None, "format_": "json", "datetime_": "2020-01-01/..",
            "select_properties": ["sst", "ice"], "wkt": shapely.Point(2.123456789012345, 45), "z": 10, "bbox": [],
        },
        edr.WORDS, edr.SPOKEN,
    )  # fmt: skip
    assert said == {
        "datetime": "2020-01-01/..",
        "parameter-name": "sst,ice",
        "coords": "POINT (2.123456789012345 45)",
        "z": "10",
    }


def test_subsets_are_written_as_the_standard_writes_them() -> None:
    subsets = {"depth": [10, 50], "time": ["2020-01-01", "2020-01-02"], "lat": [44.5], "lon": ["*", 3]}
    assert ogc({"subsets": subsets}, coverages.WORDS, coverages.SPOKEN) == {
        "subset": ["depth(10:50)", 'time("2020-01-01":"2020-01-02")', "lat(44.5)", "lon(*:3)"]
    }


@pytest.mark.parametrize("door", [edr, coverages, feature])
def test_a_keyword_that_has_no_word_is_refused_never_lost(door: Any) -> None:
    with pytest.raises(ProviderInvalidQueryError, match="nonsense"):
        ogc({"nonsense": 1}, door.WORDS, door.SPOKEN)
    assert ogc({"nonsense": None}, door.WORDS, door.SPOKEN) == {}


@pytest.mark.parametrize(
    ("error", "status"),
    [(Invalid("a", "b", "c"), 400), (NotFound("a", "b", "c"), 404), (TooLarge("a", "b", "c"), 413),
     (Unreadable("/p/x", "b", "c"), 503)],
)  # fmt: skip
def test_our_errors_keep_their_status_and_their_public_sentence(error: Any, status: int) -> None:
    bridged = translated(error)
    assert bridged.http_status_code == status
    assert bridged.message == error.public
    assert "/p/x" not in bridged.message


def test_a_position_is_a_fresh_covjson_document(doors: dict[str, Any]) -> None:
    asked = {"query_type": "position", "wkt": shapely.Point(2, 45), "z": 0, "datetime_": "2020-01-01",
             "format_": "json",
             "select_properties": ["sst"], "bbox": None, "limit": 10, "location_id": None}  # fmt: skip
    one, other = doors["edr"].query(**asked), doors["edr"].query(**asked)
    assert one["ranges"]["sst"]["values"] == [57.0]
    one["domain"]["domainType"] = "spoiled"
    assert other["domain"]["domainType"] == "Point"


def test_outside_the_data_is_no_data_and_a_bad_question_says_which(doors: dict[str, Any]) -> None:
    with pytest.raises(ProviderNoDataError):
        doors["edr"].query(query_type="position", wkt=shapely.Point(100, 45))
    with pytest.raises(ProviderGenericError) as refused:
        doors["edr"].query(query_type="position", wkt=shapely.Point(2, 45), select_properties=["sst", "nothing"])
    assert refused.value.http_status_code == 400
    assert "nothing" in refused.value.message


def test_the_queries_and_parameters_are_told(doors: dict[str, Any]) -> None:
    assert doors["edr"].get_query_types() == ["position", "area", "cube"]
    assert "locations" in doors["tide"].get_query_types()
    assert set(doors["edr"].get_parameters()) == {"sst", "ice"}
    assert [p["id"] for p in doors["edr"].get_parameters(["sst"], as_list=True)] == ["sst"]
    assert doors["edr"].fields["sst"]["x-ogc-unit"] == "Cel"
    assert doors["edr"].instances() == []


def test_locations_are_listed_and_asked_one_by_one(doors: dict[str, Any]) -> None:
    listed = doors["tide"].query(query_type="locations", limit=10)
    assert sorted(f["id"] for f in listed["features"]) == ["brest", "sete"]
    one = doors["tide"].query(query_type="locations", location_id="brest", limit=10)
    assert one["ranges"]["tide"]["values"] == [1.5, None, 0.0]


def test_a_coverage_is_json_or_the_bytes_of_the_native_format(doors: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"bbox": [0.6, 41.6, 2.4, 43.4], "subsets": {"depth": [0]}, "properties": ["sst"]}
    document = doors["coverage"].query(format_="json", datetime_="2020-01-01", **asked)
    assert document["ranges"]["sst"]["values"] == [26.0, 27.0, 36.0, 37.0]
    assert doors["coverage"].query(format_="NetCDF", **asked)[:4] in (b"\x89HDF", b"CDF\x01", b"CDF\x02", b"CDF\x05")
    assert {"x", "y", "z", "t", "depth", "Lat", "Lon", "time"} <= set(doors["coverage"].axes)
    assert doors["coverage"]._coverage_properties["width"] == 15


def test_items_are_paged_filtered_counted_and_got(doors: dict[str, Any]) -> None:
    door = doors["feature"]
    page = door.query(offset=1, limit=2, resulttype="results", bbox=[], properties=[], sortby=[], skip_geometry=False)
    assert [f["id"] for f in page["features"]] == ["p1", "p2"]
    assert page["numberMatched"] == 5
    assert [f["id"] for f in door.query(properties=[("height", "20")])["features"]] == ["p2"]
    assert door.query(resulttype="hits")["features"] == []
    assert door.get("p3")["properties"]["height"] == 30
    with pytest.raises(ProviderItemNotFoundError):
        door.get("nobody")
    with pytest.raises(ProviderInvalidQueryError):
        door.query(filterq=object())
