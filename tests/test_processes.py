"""The process extract-subset: as a function on small data, over HTTP, and as stock pygeoapi lists it."""

import base64
import json
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from poles.catalogue import read
from poles.coverage import Coverages, Table
from poles.errors import Invalid
from processes.extract_subset import ExtractSubset, Inputs, compute
from processes.process import validated

EXECUTION = "/processes/extract-subset/execution"
BOX = {"type": "Polygon", "coordinates": [[[0.6, 41.6], [2.4, 41.6], [2.4, 43.4], [0.6, 43.4], [0.6, 41.6]]]}
WKT = "POLYGON((0.6 41.6,2.4 41.6,2.4 43.4,0.6 43.4,0.6 41.6))"


@pytest.fixture(scope="module")
def datasets(catalogue: Path) -> Any:
    return read(catalogue).datasets


def sst(found: Any) -> Any:
    assert isinstance(found, Coverages)
    return next(c.ranges["sst"].array() for c in found.members if "sst" in c.ranges)


def test_a_box_gives_the_cells_whose_centres_are_in_it(datasets: Any) -> None:
    inputs = Inputs(
        collection="odatis-grid", bbox=[0.6, 41.6, 2.4, 43.4], parameters=["sst"], z="10", datetime="2020-01-02"
    )
    assert sst(compute(inputs, datasets)).ravel().tolist() == [1126.0, 1127.0, 1136.0, 1137.0]


@pytest.mark.parametrize("polygon", [BOX, {"type": "Feature", "geometry": BOX, "properties": {}}, WKT])
def test_a_polygon_that_is_a_box_gives_what_the_box_gives(datasets: Any, polygon: Any) -> None:
    by_box = compute(Inputs(collection="odatis-grid", bbox=[0.6, 41.6, 2.4, 43.4]), datasets)
    by_polygon = compute(Inputs(collection="odatis-grid", polygon=polygon), datasets)
    np.testing.assert_array_equal(sst(by_box), sst(by_polygon))


def test_without_a_place_everything_is_extracted(datasets: Any) -> None:
    assert sst(compute(Inputs(collection="odatis-grid"), datasets)).shape == (4, 3, 10, 15)


def test_features_are_extracted_whole_not_a_page_of_them(datasets: Any) -> None:
    found = compute(Inputs(collection="theia-places", bbox=[0, 40.5, 5, 43.5]), datasets)
    assert isinstance(found, Table)
    assert sum(b.num_rows for b in found.batches()) == 3


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ({}, "inputs.collection"),
        ({"collection": "nothing"}, "inputs.collection"),
        ({"collection": "odatis-grid", "bbox": [1, 2, 3]}, "inputs.bbox"),
        ({"collection": "odatis-grid", "bbox": ["west", 2, 3, 4]}, "inputs.bbox"),
        ({"collection": "odatis-grid", "bbox": [0, 50, 1, 40]}, "inputs.bbox"),
        ({"collection": "odatis-grid", "polygon": {"type": "Polygon"}}, "inputs.polygon"),
        ({"collection": "odatis-grid", "polygon": "POINT(1 2)"}, "inputs.polygon"),
        ({"collection": "theia-places", "polygon": "POINT(1 2)"}, "inputs.polygon"),
        ({"collection": "theia-places", "polygon": "POLYGONZM((0 40 1,5 43))"}, "inputs.polygon"),
        ({"collection": "theia-places", "polygon": "POLYGON((0 0,2 2,0 2,2 0,0 0))"}, "inputs.polygon"),
        ({"collection": "odatis-grid", "bbox": [0, 0, 1, 1], "polygon": WKT}, "inputs"),
        ({"collection": "odatis-grid", "datetime": "soon"}, "inputs.datetime"),
        ({"collection": "odatis-grid", "z": "high"}, "inputs.z"),
        ({"collection": "odatis-grid", "parameters": ["nothing"]}, "inputs.parameters"),
        ({"collection": "odatis-grid", "format": "PNG"}, "inputs.format"),
        ({"collection": "odatis-grid", "colour": "red"}, "inputs.colour"),
        ({"collection": {"href": "http://x.fr"}}, "inputs.collection"),
    ],
)
def test_a_wrong_input_is_refused_by_its_name(datasets: Any, inputs: dict[str, Any], name: str) -> None:
    with pytest.raises(Invalid) as refused:
        compute(validated(Inputs, inputs), datasets) if "href" not in str(inputs) else validated(Inputs, inputs)
    assert refused.value.subject == name


def test_an_input_may_come_in_its_qualified_form(datasets: Any) -> None:
    inputs: Any = validated(
        Inputs, {"collection": {"value": "odatis-grid"}, "bbox": {"bbox": [0.6, 41.6, 2.4, 43.4]}, "z": 10}
    )
    assert inputs == Inputs(collection="odatis-grid", bbox=[0.6, 41.6, 2.4, 43.4], z="10")


# --- over HTTP -----------------------------------------------------------------------------------------------------


def execute(client: Any, inputs: dict[str, Any], **members: Any) -> Any:
    return client.post(EXECUTION, json={"inputs": inputs, **members})


def test_the_file_is_netcdf_with_citation_and_licence(client: Any, tmp_path: Path) -> None:
    result = execute(client, {"collection": "odatis-grid", "bbox": [0.6, 41.6, 2.4, 43.4], "parameters": ["sst"]})
    assert result.status_code == 200
    assert "Link" not in result.headers
    file = tmp_path / "subset.nc"
    file.write_bytes(result.data)
    with netCDF4.Dataset(file) as nc:
        assert "CF-1.8" in nc.Conventions
        assert "ACDD" in nc.Conventions
        assert "CC-BY-4.0" in nc.license
        assert "10.1234/x" in json.dumps({k: str(nc.getncattr(k)) for k in nc.ncattrs()})
        np.testing.assert_array_equal(nc["sst"][0, 0], [[26.0, 27.0], [36.0, 37.0]])


@pytest.mark.parametrize("name", ["CoverageJSON", "netcdf", "CSV", "GeoTIFF"])
def test_every_format_of_a_grid_is_given(client: Any, name: str) -> None:
    inputs = {"collection": "odatis-grid", "bbox": [0.6, 41.6, 2.4, 43.4], "parameters": ["sst"], "z": "0"}
    result = execute(client, {**inputs, "datetime": "2020-01-01", "format": name})
    assert result.status_code == 200, result.data
    assert "attachment" in result.headers["Content-Disposition"]


def test_outputs_choose_the_format_and_a_document_holds_the_result(client: Any) -> None:
    inputs = {"collection": "odatis-grid", "bbox": [0.6, 41.6, 2.4, 43.4], "parameters": ["sst"]}
    asked = {"result": {"format": {"mediaType": "application/prs.coverage+json"}, "transmissionMode": "value"}}
    document = execute(client, inputs, outputs=asked, response="document").get_json()
    assert document["result"]["value"]["type"] == "Coverage"
    binary = execute(client, inputs, response="document").get_json()["result"]
    assert base64.b64decode(binary["value"])[:4] in (b"\x89HDF", b"CDF\x01", b"CDF\x02")


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        (b"", "body"),
        (b"[1]", "inputs"),
        (b"{}", "inputs"),
        (b'{"inputs": 3}', "inputs"),
        (b'{"inputs": {}, "nonsense": 1}', "nonsense"),
        (b'{"inputs": {}, "response": "xml"}', "response"),
        (b'{"inputs": {}, "outputs": {"other": {}}}', "outputs.other"),
        (
            b'{"inputs": {}, "outputs": {"result": {"transmissionMode": "reference"}}}',
            "outputs.result.transmissionMode",
        ),
        (b'{"inputs": {}, "subscriber": {"successUri": "http://x.fr"}}', "subscriber"),
        (b'{"inputs": {}, "": 1}', "''"),
        (b'{"inputs": {}}', "inputs.collection"),
    ],
)
def test_a_request_that_is_none_is_400_and_names_what(client: Any, body: bytes, subject: str) -> None:
    refused = client.post(EXECUTION, data=body, content_type="application/json")
    assert refused.status_code == 400
    assert refused.content_type == "application/json"
    assert refused.get_json()["detail"].startswith(f"{subject}:")


def test_a_view_executes_over_its_own_collections(client: Any) -> None:
    inputs = {"inputs": {"collection": "odatis-grid", "bbox": [0, 41, 1, 42]}}
    assert client.post(f"/poles/odatis{EXECUTION}", json=inputs).status_code == 200
    assert client.post(f"/poles/theia{EXECUTION}", json=inputs).status_code == 400


def test_outside_the_data_nothing_is_there(client: Any) -> None:
    assert execute(client, {"collection": "odatis-grid", "bbox": [100, 0, 101, 1]}).status_code == 204


# --- described -----------------------------------------------------------------------------------------------------


def test_the_process_is_described_in_the_language_asked(client: Any) -> None:
    english = client.get("/processes/extract-subset").get_json()
    french = client.get("/processes/extract-subset?lang=fr").get_json()
    assert (english["title"], french["title"]) == ("Extract a subset", "Extraire un sous-ensemble")
    assert english["jobControlOptions"] == ["sync-execute"]
    assert english["inputs"]["collection"]["minOccurs"] == 1
    assert english["inputs"]["bbox"]["minOccurs"] == 0
    assert all("schema" in i for i in (*english["inputs"].values(), *english["outputs"].values()))
    assert any(link["rel"].endswith("/execute") for link in english["links"])


def test_the_list_has_no_inputs_and_keeps_its_limit(client: Any) -> None:
    listed = client.get("/processes?limit=1").get_json()
    assert [p["id"] for p in listed["processes"]] == ["extract-subset"]
    assert "inputs" not in listed["processes"][0]
    assert listed["links"]


def test_an_unknown_process_is_404_with_the_type_of_the_standard(client: Any) -> None:
    for answer in (client.get("/processes/nothing"), client.post("/processes/nothing/execution", json={"inputs": {}})):
        assert answer.status_code == 404
        assert answer.get_json()["type"].endswith("/ogcapi-processes-1/1.0/no-such-process")


@pytest.mark.parametrize("path", ["/jobs/nothing", "/jobs/nothing/results"])
def test_there_are_no_jobs(client: Any, path: str) -> None:
    assert client.get("/jobs").get_json()["jobs"] == []
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.get_json()["type"].endswith("/ogcapi-processes-1/1.0/no-such-job")


def test_stock_pygeoapi_runs_it_through_its_plugin(catalogue: Path) -> None:
    plugin = ExtractSubset({"name": "processes.ExtractSubset"})
    media_type, content = plugin.execute({"collection": "odatis-grid", "bbox": [0.6, 41.6, 2.4, 43.4], "format": "CSV"})
    assert media_type.startswith("text/csv")
    assert b"sst" in content
