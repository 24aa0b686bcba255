"""The API described: self-contained, valid, whole; what is described is what is answered, over the demonstration."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from poles.crs import listed
from poles.parse import DECLARED
from web import openapi
from web.documents.conformance import TABLE
from web.openapi.parameters import MAKERS

CONFIG = Path(__file__).parents[1] / "pygeoapi-config.yml"
RESOURCES = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["resources"]
COLLECTIONS = [name for name, block in RESOURCES.items() if block["type"] == "collection"]
ROWS = [n for n in COLLECTIONS if "feature" in {p["type"] for p in RESOURCES[n]["providers"]}]
VIEWS = ["", "/poles/theia", *(f"/datasets/{name}" for name in COLLECTIONS)]
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
DATA = ("getPosition", "getArea", "getCube", "getLocations", "getLocation", "getCoverage", "getItems", "getItem")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of the demonstration, its data described."""
    from poles.catalogue import facts, read
    from poles.describe import describe
    from web.app import create_app

    with pytest.MonkeyPatch.context() as patch:
        for name in ("POLES_URL", "POLES_HOST", "POLES_PORT", "HOST", "PORT", "PYGEOAPI_CONFIG"):
            patch.delenv(name, raising=False)
        patch.setenv("POLES_CONFIG", str(CONFIG))
        patch.setenv("POLES_STATE", str(tmp_path_factory.mktemp("state")))
        for dataset in read(CONFIG).datasets.values():
            facts.keep(dataset, describe(dataset), facts.stamp(dataset))
        yield create_app(watch=False).test_client()


def described(client: Any, view: str) -> dict[str, Any]:
    answer = client.get(f"{view}/openapi", headers={"Accept": OPENAPI})
    assert (answer.status_code, answer.content_type) == (200, OPENAPI)
    document: dict[str, Any] = json.loads(answer.data)
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def response(document: dict[str, Any], operation: dict[str, Any], status: int) -> dict[str, Any]:
    """A response of an operation, with its reference resolved."""
    found: dict[str, Any] = operation["responses"][str(status)]
    if "$ref" in found:
        found = document["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found


def faults(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> list[str]:
    """What of an instance does not fit a schema of the document."""
    whole = {**schema, "components": document["components"]}
    return [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in OAS30Validator(whole).iter_errors(instance)]


def asked(path: str, operation: dict[str, Any], **ids: str) -> str:
    """The address that the examples of an operation make."""
    query = []
    once = [p for p in operation["parameters"] if not p["name"].startswith("scale")]  # else scaled thrice
    for parameter in (p for p in once if p["in"] != "header"):
        value = ids.get(parameter["name"], parameter["example"])
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        text = text.lower() if isinstance(value, bool) else text
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(text, safe=""))
        else:
            query.append(f"{parameter['name']}={quote(text)}")
    return f"{path}?{'&'.join(query)}" if query else path


# --- the document --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_document_is_valid_and_needs_no_other(demo: Any, view: str) -> None:
    document = described(demo, view)
    validate(document)
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(document))
    assert all(r.startswith("#/components/") for r in references)
    assert document["servers"] == [{"url": f"http://127.0.0.1:5000{view}"}]


@pytest.mark.parametrize("view", VIEWS)
def test_every_parameter_says_how_it_is_written_its_limits_and_an_example_that_keeps_them(demo: Any, view: str) -> None:
    document = described(demo, view)
    limits = {"string": {"maxLength", "enum"}, "array": {"maxItems"}, "integer": {"maximum", "enum"},
              "number": {"maximum"}, "boolean": {"type"}}  # fmt: skip
    for path, _, operation in operations(document):
        for p in operation.get("parameters", ()):
            assert {"name", "in", "required", "style", "explode", "schema", "example", "description"} <= set(p), p
            assert p["in"] == "query" or p["name"] == "Range" or f"{{{p['name']}}}" in path
            assert (p["style"], p["explode"]) in (("form", False), ("simple", False), ("form", True))
            assert p["explode"] is (p["name"] == "subset"), p["name"]
            assert limits[p["schema"]["type"]] & set(p["schema"]), p
            assert faults(document, p["schema"], p["example"]) == [], p
        inside = set(re.findall(r"\{(\w+)\}", path))
        assert inside == {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}


@pytest.mark.parametrize("view", VIEWS)
def test_every_operation_has_an_id_of_its_own_and_every_answer_is_described(demo: Any, view: str) -> None:
    document = described(demo, view)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations(document):
        statuses = set(operation["responses"])
        assert {"200", "400", "406", "500", "503"} <= statuses, path
        assert ("304" in statuses) is (method == "get" or ("requestBody" in operation and "/execution" not in path))
        for status in statuses:
            found = response(document, operation, int(status))
            assert found["description"], path
            if int(status) >= 400:
                assert set(found["content"]) == {"application/json", "application/problem+json", "text/html"}


def test_no_operation_takes_parameters_of_any_name(demo: Any) -> None:
    for view in VIEWS:
        for _, _, operation in operations(described(demo, view)):
            assert all(p["schema"].get("type") != "object" for p in operation.get("parameters", ()))


def test_the_page_size_is_where_qgis_and_arcgis_look_and_where_the_suite_looks(demo: Any) -> None:
    for view in ("", "/datasets/formater-gnss-kilauea"):
        document = described(demo, view)
        shared = document["components"]["parameters"]["limit"]
        assert shared["schema"] == {"type": "integer", "minimum": 1, "default": 100, "maximum": 10000}
        assert (shared["in"], shared["required"], shared["style"], shared["explode"]) == ("query", False, "form", False)
        (items,) = [o for path, _, o in operations(document) if path.endswith("/items")]
        assert [p for p in items["parameters"] if p["name"] == "limit"] == [shared]


def test_every_name_that_a_question_declares_is_described() -> None:
    assert {n for declared in DECLARED.values() for n in declared} <= set(MAKERS)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_view_writes_its_paths_out_and_leaves_z_to_the_words(demo: Any, name: str) -> None:
    document = described(demo, f"/datasets/{name}")
    assert f"/collections/{name}" in document["paths"]
    assert "{collectionId}" not in json.dumps(document["paths"])
    for path, method, operation in operations(document):
        names = [p["name"] for p in operation.get("parameters", ())]
        assert "z" not in names
        if path.endswith("/items"):
            assert {"bbox", "datetime", "crs", "limit", "offset", "properties", "sortby"} <= set(names)
        if method == "get" and path.rpartition("/")[2] in ("position", "area", "cube"):
            assert " z " in operation["description"]
            by_name = {p["name"]: p for p in operation["parameters"]}
            assert by_name["bbox" if path.endswith("cube") else "coords"]["required"] is True
            assert [by_name[n]["required"] for n in ("crs", "f", "datetime", "parameter-name")] == [False] * 4
            body = document["paths"][path]["post"]["requestBody"]["content"]
            assert set(body) == {"application/json", "application/x-www-form-urlencoded"}


def test_the_root_declares_z_where_levels_can_be_asked(demo: Any) -> None:
    operation = described(demo, "")["paths"]["/collections/{collectionId}/position"]["get"]
    assert [p["required"] for p in operation["parameters"] if p["name"] == "z"] == [False]


def test_queryables_are_parameters_as_qgis_reads_them(demo: Any) -> None:
    name = "formater-earthquakes-indonesia"
    (items,) = [o for p, _, o in operations(described(demo, f"/datasets/{name}")) if p.endswith("/items")]
    declared = {p["name"]: p for p in items["parameters"]}
    queryables = demo.get(f"/collections/{name}/queryables").get_json(force=True)["properties"]
    for key, schema in queryables.items():
        if key != "geometry":
            assert declared[key]["schema"]["type"] == schema["type"]
            assert (declared[key]["style"], declared[key]["explode"], declared[key]["in"]) == ("form", False, "query")
    assert {q: declared[q]["schema"]["type"] for q in ("mag", "place")} == {"mag": "number", "place": "string"}


def test_the_document_speaks_french(demo: Any) -> None:
    english, french = (demo.get(f"/openapi?lang={n}").get_json(force=True) for n in ("en", "fr"))
    said = [{p["description"] for _, _, o in operations(d) for p in o.get("parameters", ())} for d in (english, french)]
    assert said[0].isdisjoint(said[1])


def test_the_document_of_a_thousand_collections_is_as_small_as_that_of_one() -> None:
    from dataclasses import replace

    from poles.catalogue import read
    from web.views import View, Views

    root = Views(read(CONFIG), "https://x.fr").root
    one = next(iter(root.datasets.values()))
    many = {**root.datasets, **{f"d{i}": replace(one, id=f"d{i}") for i in range(1_000)}}
    whole = View("https://x.fr", "", root.title, root.description, many)
    assert len(json.dumps(openapi.document(whole, ["extract-subset"]))) < 300_000


def test_the_file_under_version_control_is_fresh_and_a_stale_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert openapi.main(["--check"]) == 0
    stale = tmp_path / "openapi.json"
    stale.write_bytes(openapi.GENERATED.read_bytes().replace(b'"maximum": 10000', b'"maximum": 1000', 1))
    monkeypatch.setattr(openapi, "GENERATED", stale)
    assert openapi.main(["--check"]) == 1
    assert "not fresh" in capsys.readouterr().err


# --- what is described is what is answered -------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_examples_of_every_operation_are_answered_as_it_says(demo: Any, name: str) -> None:
    view = f"/datasets/{name}"
    document = described(demo, view)
    for path, method, operation in operations(document):
        if method != "get":
            continue
        alone = path.endswith(("/domainset", "/rangetype"))  # a box in degrees leaves no rows of a projected grid
        answer = demo.get(f"{view}{path}" if alone else view + asked(path, operation, f="json"))
        assert answer.status_code in (200, 204), (path, answer.data[:300])
        if answer.status_code == 200:
            content = response(document, operation, 200)["content"]
            assert answer.content_type in content, path
            if "json" in answer.content_type:
                assert faults(document, content[answer.content_type]["schema"], json.loads(answer.data)) == [], path


@pytest.mark.parametrize("view", ["", "/poles/theia", "/poles/aeris", "/poles/formater", "/poles/odatis"])
def test_a_template_stands_for_a_collection_that_answers_it(demo: Any, view: str) -> None:
    for path, method, operation in operations(described(demo, view)):
        if method == "get":
            needed = [p for p in operation["parameters"] if p["required"] or p["name"] == "z"]
            answer = demo.get(view + asked(path, {"parameters": needed}))
            assert answer.status_code in (200, 204), (path, answer.data[:300])


@pytest.mark.parametrize("name", [n for n in COLLECTIONS if n not in ROWS])
def test_projected_cells_are_told_in_their_own_crs(demo: Any, name: str) -> None:
    collection = demo.get(f"/collections/{name}").get_json(force=True)
    for path, method, operation in operations(described(demo, f"/datasets/{name}")):
        if method == "get" and path.endswith("/domainset") and collection["storageCrs"] != CRS84:
            crs = [p for p in operation["parameters"] if p["name"] == "crs"]
            assert crs[0]["example"] == collection["storageCrs"]
            assert demo.get(asked(path, {"parameters": crs})).status_code == 200


@pytest.mark.parametrize("name", COLLECTIONS)
def test_real_answers_keep_the_schemas(demo: Any, name: str) -> None:
    document = described(demo, f"/datasets/{name}")
    for path, operation in ((p, o) for p, m, o in operations(document) if m == "get"):
        if operation["operationId"] not in ("getItems", "getLocations", "getPosition"):
            continue
        wanted = {"limit", "coords"}
        query = {p["name"]: p["example"] for p in operation["parameters"] if p["name"] in wanted}
        answer = demo.get(path, query_string=query)
        assert answer.status_code in (200, 204), (path, answer.data[:300])
        if answer.status_code == 200:
            schema = response(document, operation, 200)["content"][answer.content_type]["schema"]
            assert faults(document, schema, json.loads(answer.data)) == [], path


@pytest.mark.parametrize("name", ROWS)
def test_every_format_named_is_answered_in_its_media_type(demo: Any, name: str) -> None:
    document = described(demo, f"/datasets/{name}")
    operation = document["paths"][f"/collections/{name}/items"]["get"]
    content = response(document, operation, 200)["content"]
    formats = next(p["schema"]["enum"] for p in operation["parameters"] if p["name"] == "f")
    for f in formats:
        answer = demo.get(f"/collections/{name}/items?limit=3&f={f}")
        assert answer.status_code == 200, (f, answer.data[:200])
        assert answer.content_type.split(";")[0] in {m.split(";")[0] for m in content}, f


@pytest.mark.parametrize(
    "query", ["/position?coords=POINT(8.5 57.5)", "/cube?bbox=5,54,12,60", "/coverage?bbox=5,54,12,60"]
)
@pytest.mark.parametrize("f", ["GeoJSON", "NetCDF", "GeoTIFF"])
def test_every_format_that_values_are_answered_in_is_told_of(demo: Any, query: str, f: str) -> None:
    name = "odatis-oisst-daily"
    answer = demo.get(f"/collections/{name}{query}&f={f}&datetime=1981-12-31")
    operation = described(demo, f"/datasets/{name}")["paths"][f"/collections/{name}{query.partition('?')[0]}"]["get"]
    content = response(described(demo, f"/datasets/{name}"), operation, 200)["content"]
    assert answer.status_code == 400 or answer.content_type in content


@pytest.mark.parametrize("view", ["", "/datasets/odatis-oisst-daily"])
def test_every_operation_tells_that_an_address_may_be_too_long(demo: Any, view: str) -> None:
    assert [p for p, _, operation in operations(described(demo, view)) if "414" not in operation["responses"]] == []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/collections/nowhere", 404),
        ("/collections/theia-departements/items?limit=unlimited", 400),
        ("/collections/theia-departements/items?unknown=1", 400),
        ("/collections/odatis-oisst-daily/position", 400),
    ],
)
def test_an_error_keeps_its_schema_whichever_way_it_is_written(demo: Any, address: str, status: int) -> None:
    document = described(demo, "")
    told = document["components"]["responses"][f"Error{status}"]["content"]
    for media in told:
        answer = demo.get(address, headers={"Accept": media if media == "text/html" else f"{media}, */*;q=0.1"})
        assert (answer.status_code, answer.content_type.split(";")[0]) == (status, media)
        if "json" in media:
            assert faults(document, told[media]["schema"], json.loads(answer.data)) == []


@pytest.mark.parametrize("name", [n for n in COLLECTIONS if n not in ROWS][:2])
def test_a_question_may_be_posted_as_its_body_says(demo: Any, name: str) -> None:
    document = described(demo, f"/datasets/{name}")
    path = f"/collections/{name}/position"
    body = document["paths"][path]["post"]["requestBody"]["content"]
    by_get = demo.get(path, query_string=body["application/json"]["example"])
    assert demo.post(path, json=body["application/json"]["example"]).data == by_get.data
    assert demo.post(path, data=body["application/x-www-form-urlencoded"]["example"]).data == by_get.data


# --- conformance ---------------------------------------------------------------------------------------------------


def conforms(client: Any, view: str) -> set[str]:
    return set(client.get(f"{view}/conformance").get_json()["conformsTo"])


def test_every_class_that_is_declared_stands_beside_a_test() -> None:
    here = Path(__file__).parent
    assert [(p.part, f) for p in TABLE for f in p.proofs if not (here / f).exists()] == []
    assert all(p.proofs for p in TABLE)


def test_a_view_declares_the_classes_of_what_it_offers_and_no_other(demo: Any) -> None:
    grid, rows = conforms(demo, "/datasets/odatis-oisst-daily"), conforms(demo, "/datasets/theia-departements")
    assert not [c for c in grid if "ogcapi-features" in c or "cql2" in c]
    assert not [c for c in rows if "edr" in c or "coverages" in c]
    assert {"http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
            "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
            "http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/schemas",
            "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/schemas"} <= rows  # fmt: skip
    assert grid | rows <= conforms(demo, "")


# --- Features Part 5: schemas --------------------------------------------------------------------------------------


def schema_of(client: Any, name: str, kind: str, view: str = "", **headers: str) -> dict[str, Any]:
    answer = client.get(f"{view}/collections/{name}/{kind}", headers=headers)
    assert (answer.status_code, answer.content_type) == (200, "application/schema+json")
    document: dict[str, Any] = json.loads(answer.data)
    return document


@pytest.mark.parametrize("kind", ["schema", "queryables", "sortables"])
@pytest.mark.parametrize("name", ROWS)
def test_a_schema_is_as_part_5_has_it_and_answers_at_its_own_id(demo: Any, name: str, kind: str) -> None:
    document = schema_of(demo, name, kind)
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"http://127.0.0.1:5000/collections/{name}/{kind}"
    assert (document["type"], document["additionalProperties"]) == ("object", False)
    spatial = [p for p in document["properties"].values() if p.get("format", "").startswith("geometry-")]
    for one in document["properties"].values():
        assert one["title"]
        assert ("type" in one) is (one not in spatial)
        assert set(one) <= {"title", "description", "type", "format", "enum", "readOnly"} | {
            k for k in one if k.startswith("x-ogc-")
        }
        assert ("x-ogc-unitLang" in one) is ("x-ogc-unit" in one)
    assert [p["x-ogc-propertySeq"] for p in document["properties"].values()] == [
        *range(1, len(document["properties"]) + 1)
    ]
    roles = [p["x-ogc-role"] for p in document["properties"].values() if "x-ogc-role" in p]
    assert len(roles) == len(set(roles))
    assert len(spatial) == (0 if kind == "sortables" else 1)


@pytest.mark.parametrize("name", ROWS)
def test_an_item_holds_what_the_schema_says_in_its_order(demo: Any, name: str) -> None:
    properties = schema_of(demo, name, "schema")["properties"]
    assert all(p["readOnly"] for p in properties.values())
    told = [k for k in properties if k not in ("id", "geometry")]
    validator = jsonschema.Draft202012Validator(
        {"type": "object", "properties": {k: {"anyOf": [properties[k], {"type": "null"}]} for k in told}}
    )
    kinds = properties["geometry"]["format"].removeprefix("geometry-").split("-or-")
    for feature in demo.get(f"/collections/{name}/items?limit=200").get_json(force=True)["features"]:
        assert list(feature["properties"]) == told
        assert [e.message for e in validator.iter_errors(feature["properties"])] == []
        assert kinds == ["any"] or feature["geometry"] is None or feature["geometry"]["type"].lower() in kinds


def test_time_has_its_role(demo: Any) -> None:
    def role(name: str) -> dict[str, str]:
        found = schema_of(demo, name, "schema")["properties"]
        return {p["x-ogc-role"]: k for k, p in found.items() if "x-ogc-role" in p}

    assert role("formater-gnss-kilauea") == {"id": "id", "primary-instant": "time", "primary-geometry": "geometry"}
    assert role("theia-departements") == {"id": "id", "primary-geometry": "geometry"}
    assert role("theia-sentinel2-footprints") == {
        "id": "id", "primary-interval-start": "start_datetime", "primary-interval-end": "end_datetime",
        "primary-geometry": "geometry",
    }  # fmt: skip


def test_a_property_has_the_unit_definition_and_language_of_its_parameter(demo: Any) -> None:
    east = schema_of(demo, "formater-gnss-kilauea", "queryables")["properties"]["east"]
    assert (east["x-ogc-unit"], east["x-ogc-unitLang"], east["type"]) == ("m", "UCUM", "number")
    assert east["x-ogc-definition"].startswith("http")
    english, french = (schema_of(demo, "theia-departements", "schema", **{"Accept-Language": n}) for n in ("en", "fr"))
    titles = [
        (d["title"], d["properties"]["name"]["title"], d["properties"]["geometry"]["title"]) for d in (english, french)
    ]
    assert titles[0] == ("French départements", "Name", "Geometry")
    assert titles[1] == ("Départements français", "Nom", "Géométrie")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_collection_links_its_schemas_and_they_stand_in_its_view(demo: Any, name: str) -> None:
    view = f"/datasets/{name}"
    document = demo.get(f"{view}/collections/{name}").get_json()
    for kind in ("schema", "queryables", "sortables"):
        found = [link for link in document["links"] if link["rel"] == REL + kind]
        if kind == "sortables" and name not in ROWS:
            assert not found
            assert demo.get(f"{view}/collections/{name}/{kind}").status_code == 404
            continue
        assert [link["type"] for link in found] == ["application/schema+json"]
        assert schema_of(demo, name, kind, view)["$id"] == found[0]["href"]
        assert f"/collections/{name}/{kind}" in described(demo, view)["paths"]


@pytest.mark.parametrize("name", ROWS)
def test_what_is_sortable_sorts_and_what_is_not_is_refused(demo: Any, name: str) -> None:
    sortables = schema_of(demo, name, "sortables")["properties"]
    assert all(p["type"] not in ("object", "array") for p in sortables.values())
    for key in sortables:
        for sign in ("", "-"):
            answer = demo.get(f"/collections/{name}/items", query_string={"limit": "5", "sortby": sign + key})
            assert answer.status_code == 200, (key, answer.data[:200])
    for key in ("geometry", "nowhere"):
        assert demo.get(f"/collections/{name}/items?sortby={key}").status_code == 400


@pytest.mark.parametrize("name", ROWS)
def test_properties_selects_them_in_items_and_in_one_item_and_samples_keep_their_time(demo: Any, name: str) -> None:
    told = [k for k in schema_of(demo, name, "schema")["properties"] if k not in ("id", "geometry")]
    chosen = told[-1]
    kept = ["time", chosen] if "time" in told else [chosen]
    (feature,) = demo.get(f"/collections/{name}/items", query_string={"limit": "1", "properties": chosen}).get_json(
        force=True
    )["features"]
    assert list(feature["properties"]) == kept
    address = f"/collections/{name}/items/{quote(str(feature['id']), safe='')}"
    assert list(demo.get(address, query_string={"properties": chosen}).get_json(force=True)["properties"]) == kept
    assert list(demo.get(address).get_json(force=True)["properties"]) == told


# --- Features Part 2: the CRS offered ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_offered_in_the_crs_of_where_they_lie_the_default_first(demo: Any, name: str) -> None:
    document = demo.get(f"/collections/{name}").get_json()
    assert document["crs"][0] == CRS84
    assert set(listed(*document["extent"]["spatial"]["bbox"][0])) <= set(document["crs"])
    assert document["storageCrs"] in document["crs"]
    assert document["itemCount"] == demo.get(f"/collections/{name}/items?limit=1").get_json(force=True)["numberMatched"]
    items = [link for link in document["links"] if link["rel"] == "items"]
    assert [link["type"] for link in items] == [
        "application/geo+json", "application/geo+json-seq", "text/csv", "application/flatgeobuf",
        "application/vnd.apache.parquet", "text/html",
    ]  # fmt: skip
    declared = described(demo, f"/datasets/{name}")["paths"][f"/collections/{name}/items"]["get"]["parameters"]
    assert [p["schema"]["enum"] for p in declared if p["name"] in ("crs", "bbox-crs", "filter-crs")][:2] == [
        document["crs"], document["crs"],
    ]  # fmt: skip
