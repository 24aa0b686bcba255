"""The web over the small catalogue of conftest: views, documents, negotiation, data answers, errors."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

SCHEMAS = Path(__file__).parents[2] / "shared" / "schemas"
DOCUMENTS = (
    "/",
    "/conformance",
    "/openapi",
    "/collections",
    "/collections/odatis-grid",
    "/collections/odatis-grid/schema",
    "/collections/theia-places/queryables",
    "/processes",
    "/processes/extract-subset",
    "/jobs",
)
GRID = "/collections/odatis-grid"
ANSWERS = (
    f"{GRID}/position?coords=POINT(2 45)",
    f"{GRID}/area?coords=POLYGON((0 41,4 41,4 45,0 45,0 41))",
    f"{GRID}/cube?bbox=0,41,2,43",
    f"{GRID}/coverage?bbox=0,41,2,43",
    "/collections/formater-tide/locations",
    "/collections/formater-tide/locations/brest",
    "/collections/formater-tide/items",
    "/collections/theia-places/items",
    "/collections/theia-places/items/p1",
)


def hrefs(document: Any) -> list[tuple[str, str]]:
    """Every link of a document: relation and address."""
    if isinstance(document, dict):
        own = [(document["rel"], document["href"])] if {"rel", "href"} <= set(document) else []
        return own + [link for value in document.values() for link in hrefs(value)]
    if isinstance(document, list):
        return [link for value in document for link in hrefs(value)]
    return []


# --- documents and views -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_document_is_json_by_default_and_html_for_a_browser(client: Any, path: str) -> None:
    plain, page = client.get(path), client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert plain.status_code == 200, plain.data
    assert isinstance(plain.get_json(force=True), dict)
    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    assert "<html" in page.text


@pytest.mark.parametrize("view", ["", "/poles/odatis", "/datasets/odatis-grid"])
def test_every_link_of_a_view_but_up_service_and_terms_stays_inside(client: Any, view: str) -> None:
    for path in ("/", "/collections", GRID, "/processes", "/jobs"):
        for rel, href in hrefs(client.get(view + path).get_json()):
            if rel not in ("up", "service", "license", "cite-as"):
                assert href.startswith(f"http://127.0.0.1:5000{view}"), (path, rel, href)


@pytest.mark.parametrize("view", ["", "/poles/odatis", "/datasets/odatis-grid"])
def test_every_link_of_a_view_leads_somewhere(client: Any, view: str) -> None:
    for path in ("/", "/collections", GRID):
        for rel, href in hrefs(client.get(view + path).get_json()):
            if rel not in ("license", "cite-as", "data"):  # a data query is asked with parameters
                found = client.get(href.removeprefix("http://127.0.0.1:5000") or "/")
                assert found.status_code == 200, (path, rel, href, found.data[:200])


def test_the_landing_page_links_the_poles_and_a_view_links_back(client: Any) -> None:
    root, pole = client.get("/").get_json(), client.get("/poles/odatis").get_json()
    services = [href for rel, href in hrefs(root) if rel == "service"]
    assert services == [f"http://127.0.0.1:5000/poles/{p}" for p in ("theia", "aeris", "formater", "odatis")]
    assert ("up", "http://127.0.0.1:5000") in hrefs(pole)
    rels = [link["rel"] for link in root["links"]]
    assert rels.index("service-desc") < rels.index("service-doc")


def test_a_view_holds_its_own_collections_and_no_other(client: Any) -> None:
    def ids(path: str) -> list[str]:
        return [c["id"] for c in client.get(path).get_json()["collections"]]

    assert ids("/collections") == ["odatis-grid", "theia-raster", "formater-tide", "theia-places"]
    assert ids("/poles/theia/collections") == ["theia-raster", "theia-places"]
    assert ids("/datasets/theia-places/collections") == ["theia-places"]
    assert client.get(f"/poles/theia{GRID}").status_code == 404
    assert client.get(f"/poles/theia{GRID}/position?coords=POINT(2 45)").status_code == 404
    assert client.get("/poles/mars/").status_code == 404
    assert client.get("/datasets/nothing").status_code == 404


@pytest.mark.parametrize("base", ["", "/", "/?f=json"])
def test_a_base_url_answers_with_and_without_its_slash(client: Any, base: str) -> None:
    assert client.get(f"/poles/odatis{base}").status_code == 200


def test_the_entry_of_the_list_is_the_document_of_the_collection(client: Any) -> None:
    for entry in client.get("/collections").get_json()["collections"]:
        assert client.get(f"/collections/{entry['id']}").get_json() == entry


def test_the_list_is_searched_and_paged(client: Any) -> None:
    def found(query: str) -> tuple[list[str], int]:
        document = client.get(f"/collections?{query}").get_json()
        return [c["id"] for c in document["collections"]], document["numberMatched"]

    assert found("pole=theia") == (["theia-raster", "theia-places"], 2)
    assert found("q=GRID") == (["odatis-grid"], 1)
    assert found("q=a propos") [1] == 4  # without accents  # fmt: skip
    assert found("limit=1&offset=1") == (["theia-raster"], 4)
    assert found("limit=20000")[1] == 4
    assert found(f"limit={'9' * 5000}")[1] == 4
    assert found(f"offset={'9' * 5000}")[0] == []
    assert found("bbox=100,0,110,10")[1] == 0
    assert found("bbox=170,-90,-170,90")[1] == 0
    assert found("bbox=-1,44,1,46")[1] == 4
    assert "odatis-grid" not in found("datetime=1999-01-01")[0]
    assert "odatis-grid" in found("datetime=2020-01-02/..")[0]
    links = dict(hrefs(client.get("/collections?limit=1&offset=1&pole=theia").get_json()["links"]))
    assert "next" not in links
    assert "offset" not in links["prev"]


def test_parameters_in_french_and_english_make_two_documents(client: Any) -> None:
    english = client.get(GRID)
    french = client.get(GRID, headers={"Accept-Language": "fr-FR, en;q=0.5"})
    assert english.get_json()["title"] == "Title of odatis-grid"
    assert french.get_json()["title"] == "Titre de odatis-grid"
    assert (english.headers["Content-Language"], french.headers["Content-Language"]) == ("en", "fr")
    assert client.get(f"{GRID}?lang=fr").get_json() == french.get_json()
    assert english.headers["ETag"] != french.headers["ETag"]


def test_conformance_is_what_the_view_is_served_by(client: Any) -> None:
    def classes(view: str) -> str:
        return " ".join(client.get(f"{view}/conformance").get_json()["conformsTo"])

    assert "ogcapi-edr-1/1.1/conf/core" in classes("")
    assert "ogcapi-edr" not in classes("/datasets/theia-places")
    assert "ogcapi-coverages" not in classes("/datasets/formater-tide")
    assert "ogcapi-features-1/1.0/conf/core" in classes("/datasets/theia-places")


@pytest.mark.parametrize(("path", "schema"), [("/", "landingPage.json"), ("/conformance", "confClasses.json")])
def test_documents_are_valid_for_the_schemas_of_cite(client: Any, path: str, schema: str) -> None:
    if not SCHEMAS.exists():
        pytest.skip("no ../shared/schemas")
    jsonschema = pytest.importorskip("jsonschema")
    known = json.loads((SCHEMAS / schema).read_text())
    if schema == "landingPage.json":  # its links refer to a file beside it
        known = json.loads(json.dumps(known).replace('"link.json"', '"#/definitions/link"'))
        known["definitions"] = {"link": {"type": "object", "required": ["href", "rel"]}}
    jsonschema.validate(client.get(path).get_json(), known)


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        (f"{GRID}/position?coords=POINT(2 45)&f=GeoJSON", "edrgeojson.json"),
        ("/collections/formater-tide/locations?f=GeoJSON", "geojson.json"),
        ("/collections/formater-tide/items", "geojson.json"),
        ("/collections/theia-places/items", "geojson.json"),
    ],
)
def test_geojson_is_valid_for_the_schemas_of_cite(client: Any, path: str, schema: str) -> None:
    if not SCHEMAS.exists():
        pytest.skip("no ../shared/schemas")
    jsonschema = pytest.importorskip("jsonschema")
    answer = client.get(path)
    assert answer.content_type == "application/geo+json"
    jsonschema.validate(answer.get_json(force=True), json.loads((SCHEMAS / schema).read_text()))


def test_coverages_are_valid_for_the_oracle(client: Any) -> None:
    pydantic = pytest.importorskip("covjson_pydantic.coverage")
    for path in ANSWERS[:4]:
        document = client.get(path).data
        kind = json.loads(document)["type"]
        getattr(pydantic, kind).model_validate_json(document)


def test_the_native_crs_can_be_asked_by_its_name(client: Any) -> None:
    document = client.get("/collections/theia-raster/position?coords=POINT(500025 5400035)&crs=native").get_json(
        force=True
    )
    assert document["ranges"]["band_1"]["values"] == [22.0]
    axes = document["domain"]["axes"]
    assert (axes["x"]["values"], axes["y"]["values"]) == ([500025.0], [5400035.0])


# --- negotiation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html;q=0", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("TEXT/HTML", "text/html; charset=utf-8"),
        ("application/*;q=0.1, text/*", "text/html; charset=utf-8"),
    ],
)
def test_accept_is_weighed(client: Any, accept: str, media_type: str) -> None:
    assert client.get("/", headers={"Accept": accept}).content_type == media_type


def test_what_nothing_fits_is_406_and_an_unknown_format_400(client: Any) -> None:
    assert client.get("/", headers={"Accept": "image/png"}).status_code == 406
    assert client.get("/?f=png").status_code == 400
    assert client.get(f"{ANSWERS[0]}&f=png").status_code == 400
    assert client.get(ANSWERS[0], headers={"Accept": "image/png"}).status_code == 406


def test_the_format_may_be_written_in_any_case(client: Any) -> None:
    assert client.get("/?f=JSON").content_type == "application/json"
    assert client.get("/?f=HTML").content_type.startswith("text/html")
    assert client.get(f"{ANSWERS[0]}&f=coveragejson").content_type == "application/prs.coverage+json"


def test_openapi_is_answered_by_its_media_type(client: Any) -> None:
    wanted = "application/vnd.oai.openapi+json;version=3.0"
    assert client.get("/openapi", headers={"Accept": wanted}).content_type == wanted
    assert client.get("/api").get_json(force=True)["openapi"].startswith("3.0")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_an_unknown_parameter_is_refused_by_name(client: Any, path: str) -> None:
    refused = client.get(f"{path}?nonsense=1")
    assert refused.status_code == 400
    assert refused.get_json()["detail"].startswith("nonsense:")
    assert client.get(f"{path}?=1").get_json()["detail"].startswith("'':")


@pytest.mark.parametrize("path", [*DOCUMENTS, *ANSWERS])
def test_what_the_client_holds_is_not_sent_again(client: Any, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert "Accept-Language" in first.headers["Vary"]


@pytest.mark.parametrize("path", [*DOCUMENTS, *ANSWERS])
def test_head_is_get_without_its_body(client: Any, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.content_type == get.content_type


def test_options_tells_what_is_allowed_to_any_origin(client: Any) -> None:
    answer = client.options(f"{GRID}/position")
    assert {"GET", "HEAD", "OPTIONS", "POST"} == set(answer.headers["Allow"].split(", "))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# --- data answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("view", ["", "/poles/{pole}", "/datasets/{id}"])
def test_every_view_gives_the_same_data(client: Any, path: str, view: str) -> None:
    identifier = path.split("/")[2]
    here = view.format(pole=identifier.split("-")[0], id=identifier)
    drop = re.compile(rb'"(timeStamp|links|edrqueryendpoint)":(\[[^]]*]|"[^"]*")')
    assert drop.sub(b"", client.get(here + path).data) == drop.sub(b"", client.get(path).data)


@pytest.mark.parametrize("path", ANSWERS)
def test_every_data_answer_says_its_licence_its_identifier_and_its_description(client: Any, path: str) -> None:
    links = client.get(path).headers["Link"]
    for rel, address in (
        ("license", "https://spdx.org/licenses/CC-BY-4.0.html"),
        ("cite-as", "https://doi.org/10.1234/x"),
        ("describedby", f"http://127.0.0.1:5000{path.split('?')[0][: path.index('/', 13)]}"),
    ):
        assert f'<{address}>; rel="{rel}"' in links


@pytest.mark.parametrize("path", ANSWERS)
def test_every_data_answer_has_its_page(client: Any, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "<html" in page.text


def test_a_position_has_the_value_of_its_cell(client: Any) -> None:
    document = client.get(f"{GRID}/position?coords=POINT(2 45)&datetime=2020-01-03&z=10&parameter-name=sst").get_json(
        force=True
    )
    assert document["ranges"]["sst"]["values"] == [2000.0 + 100.0 + 50.0 + 7.0]


def test_nothing_there_is_204_for_coverages_and_an_empty_page_of_items(client: Any) -> None:
    assert client.get(f"{GRID}/position?coords=POINT(100 45)").status_code == 204
    assert client.get(f"{GRID}/coverage?bbox=100,0,101,1").status_code == 204
    items = client.get("/collections/theia-places/items?bbox=100,0,101,1")
    assert (items.status_code, items.get_json(force=True)["features"]) == (200, [])
    assert client.get("/collections/theia-places/items/nobody").status_code == 404
    assert client.get("/collections/formater-tide/locations/nobody").status_code == 404


def test_a_question_may_be_posted_as_a_form_or_as_json(client: Any) -> None:
    asked = {"coords": "POINT(2 45)", "z": "10"}
    expected = client.get(f"{GRID}/position", query_string=asked).data
    assert client.post(f"{GRID}/position", data=asked).data == expected
    assert client.post(f"{GRID}/position", json=asked).data == expected
    assert client.post(f"{GRID}/position", data="[]", content_type="application/json").status_code == 400


def test_items_are_paged_by_links_that_can_be_followed(client: Any) -> None:
    seen, address = [], "/collections/theia-places/items?limit=2"
    while address:
        page = client.get(address)
        document = page.get_json(force=True)
        seen += [f["id"] for f in document["features"]]
        assert document["numberMatched"] == 5
        address = dict(hrefs(document["links"])).get("next", "").removeprefix("http://127.0.0.1:5000")
    assert seen == ["p0", "p1", "p2", "p3", "p4"]
    assert page.headers["Content-Crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
    assert page.content_type == "application/geo+json"


def test_a_query_that_is_not_offered_is_not_found(client: Any) -> None:
    assert client.get(f"{GRID}/items").status_code == 404
    assert client.get(f"{GRID}/locations").status_code == 404
    assert client.get(f"{GRID}/radius?coords=POINT(2 45)").status_code == 404
    assert client.get("/collections/theia-places/position?coords=POINT(2 45)").status_code == 404
    assert client.get("/collections/formater-tide/coverage").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["", "coords=", "coords=POINT()", "coords=POINT(2 45)&parameter-name=nothing", "coords=POINT(2 45)&crs=EPSG:99999",
     "coords=POINT(2 45)&nonsense=1", "coords=POINT(2 45)&z=high", "coords=POINT(2 45)&datetime=soon"],
)  # fmt: skip
def test_a_malformed_question_is_400_in_json(client: Any, query: str) -> None:
    refused = client.get(f"{GRID}/position?{query}")
    assert refused.status_code == 400
    assert refused.content_type == "application/json"
    assert {"type", "title", "status", "detail", "code", "description"} <= set(refused.get_json())


def test_data_that_cannot_be_read_are_503_without_a_path(catalogue: Path, tmp_path: Path) -> None:
    from web.app import create_app

    config = yaml.safe_load(catalogue.read_text())
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"CDF\x01 no more")
    config["resources"]["odatis-grid"]["poles"]["source"] = str(broken)
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLES_CONFIG", str(file))
        refused = create_app(watch=False).test_client().get(f"{GRID}/position?coords=POINT(2 45)")
    assert refused.status_code == 503
    assert str(tmp_path) not in refused.text
    assert "broken.nc" not in refused.text


def test_a_small_answer_is_one_piece_and_a_long_one_a_stream_that_breaks_where_it_fails() -> None:
    from web.data import GATHERED, gathered

    def pieces(count: int) -> Iterator[bytes]:
        yield from [b"x" * 100_000] * count
        raise OSError("the disk went away")

    assert gathered(iter([b"ab", b"c"])) == b"abc"
    assert gathered(iter(())) == b""
    with pytest.raises(OSError, match="disk"):  # nothing was sent: it can still be refused
        gathered(pieces(GATHERED // 100_000))
    stream = iter(gathered(pieces(10)))
    assert next(stream) == b"x" * 100_000
    with pytest.raises(OSError, match="disk"):
        list(stream)


# --- errors and operations -----------------------------------------------------------------------------------------


def test_an_unknown_path_and_a_wrong_method_are_json(client: Any) -> None:
    assert client.get("/nowhere").get_json()["code"] == "NotFound"
    wrong = client.delete("/collections")
    assert (wrong.status_code, wrong.get_json()["status"]) == (405, 405)
    assert "GET" in wrong.headers["Allow"]


def test_a_browser_gets_a_page_and_a_client_that_asks_for_it_a_problem(client: Any) -> None:
    assert "<html" in client.get("/nowhere", headers={"Accept": "text/html"}).text
    assert (
        client.get("/nowhere", headers={"Accept": "application/problem+json"}).content_type
        == "application/problem+json"
    )


def test_a_bug_of_ours_shows_its_request_id_and_nothing_else(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from web import documents
    from web.app import create_app

    def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(documents, "landing_document", broken)
    failed = create_app(watch=False).test_client().get("/", headers={"X-Request-ID": "abc-1"})
    assert failed.status_code == 500
    assert failed.get_json()["request_id"] == failed.headers["X-Request-ID"] == "abc-1"
    assert "secret" not in failed.text


def test_health_ready_metrics_robots_and_icon_answer(client: Any) -> None:
    assert client.get("/health").get_json()["status"] == "ok"
    assert client.get("/ready").get_json() == {"status": "ready", "collections": 4, "left_out": []}
    assert "poles_requests_total" in client.get("/metrics").text
    assert client.get("/robots.txt").content_type.startswith("text/plain")
    assert client.get("/favicon.ico").status_code == 200


def test_a_server_without_a_catalogue_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.app import create_app

    monkeypatch.setenv("POLES_CONFIG", str(tmp_path / "absent.yml"))
    client = create_app(watch=False).test_client()
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert (ready.status_code, set(ready.get_json())) == (503, {"status", "collections", "left_out"})
    assert str(tmp_path) not in ready.text
    assert client.get("/collections").status_code == 503


def test_a_block_that_is_left_out_is_named(catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.app import create_app

    config = yaml.safe_load(catalogue.read_text())
    del config["resources"]["odatis-grid"]["title"]
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("POLES_CONFIG", str(file))
    client = create_app(watch=False).test_client()
    ready = client.get("/ready").get_json()
    assert ready["collections"] == 3
    assert ready["left_out"][0]["id"] == "odatis-grid"
    assert "title" in ready["left_out"][0]["reason"]


def test_under_a_path_links_have_it_and_requests_may(catalogue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from web.app import create_app

    monkeypatch.setenv("POLES_URL", "https://data.example.fr/earth/")
    client = create_app(watch=False).test_client()
    for path in ("/collections", "/earth/collections"):
        document = client.get(path).get_json()
        assert all(
            h.startswith("https://data.example.fr/earth") for r, h in hrefs(document) if r not in ("license", "cite-as")
        )


# --- the API described ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["", "/poles/theia", "/datasets/odatis-grid", "/datasets/formater-tide"])
def test_the_api_description_is_valid_and_self_contained(client: Any, view: str) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    document = client.get(f"{view}/openapi").get_json(force=True)
    validator.validate(document)
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(document))
    assert all(r.startswith("#/components/") for r in references)
    assert document["servers"] == [{"url": f"http://127.0.0.1:5000{view}"}]
    assert document["components"]["parameters"]["limit"]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 10000, "default": 100,
    }  # fmt: skip


def test_the_root_is_templated_and_a_data_set_is_written_out_without_z(client: Any) -> None:
    root, own = (client.get(f"{v}/openapi").get_json(force=True)["paths"] for v in ("", "/datasets/odatis-grid"))
    assert "/collections/{collectionId}/position" in root
    operation = own["/collections/odatis-grid/position"]["get"]
    names = {p["name"] for p in operation["parameters"]}
    assert "z" not in names
    assert " z " in operation["description"]
    assert client.get(f"/datasets/odatis-grid{GRID}/position?coords=POINT(2 45)&z=10").status_code == 200
    declared = {p["name"]: p for p in root["/collections/{collectionId}/position"]["get"]["parameters"]}
    assert declared["z"]["required"] is False
    assert "/collections/odatis-grid/items" not in own


def test_every_declared_parameter_says_how_it_is_written(client: Any) -> None:
    for view in ("", "/datasets/formater-tide", "/datasets/odatis-grid"):
        for operations in client.get(f"{view}/openapi").get_json(force=True)["paths"].values():
            for operation in operations.values():
                for parameter in operation.get("parameters", []):
                    assert {"style", "explode", "required", "schema"} <= set(parameter)
