"""OGC API - Environmental Data Retrieval 1.0, as the executable test suite asks it; one test a method, named by it.

Numbers are the abstract tests of annex A. What the suite demands of one collection is asked of each data set's view.
Skipped are the queries that a collection does not offer.
"""

from probe import edr, openapi, oracle
from probe.http import without_query
from probe.view import EDR, OPENAPI, View, alternates, complete, demo, links

VIEWS = demo("edr")
CORE = EDR + "core"
EDR_GEOJSON = ("http://www.opengis.net/spec/ogcapi-edr-1/1.0/req/edr-geojson", EDR + "edr-geojson")


class TestConformance:
    def test_http(self, view: View) -> None:
        """1: the server speaks HTTP/1.1."""
        assert view.get("").version == 11

    def test_validate_conformance_operation_and_response(self, view: View) -> None:
        """6, 7: an array of classes, Core of version 1.0 among them."""
        classes = view.get("/conformance", f="json").ok().document.get("conformsTo")
        assert isinstance(classes, list)
        assert all(isinstance(c, str) for c in classes)
        assert CORE in classes, classes
        assert sorted(classes) == sorted(view.conforms), "the link conformance says otherwise"


class TestLandingPage:
    def test_edr_landing_page_validation(self, view: View) -> None:
        """2, 3: links to the API definition, the conformance declaration and the data, by any of its spellings."""
        for parameters in ({"f": "application/json"}, {"f": "json"}, {}):
            rels = {k.get("rel") for k in links(view.get("", **parameters).ok().document)}
            assert rels & {"service-desc", "service-doc"}, rels
            assert {"conformance", "data"} <= rels, rels


class TestApiDefinition:
    def test_openapi_document_retrieval(self, view: View) -> None:
        """4: what is linked first as the API, by the media type that its link says."""
        first = next(k for k in links(view.landing) if k["rel"] in ("service-desc", "service-doc"))
        assert first["rel"] == "service-desc", "service-doc comes before service-desc, and is read as OpenAPI"
        assert first["type"] == OPENAPI, first["type"]
        assert view.client.get(without_query(first["href"]), first["type"]).ok().document["openapi"]

    def test_api_definition_validation(self, view: View) -> None:
        """5: a validating parser has nothing to say, and needs no other document."""
        assert openapi.problems(view.api) == []


class TestCollectionsResponse:
    def test_collections_crs84(self, view: View) -> None:
        """8: WGS 84 is among the CRS."""
        text = str(view.listed.get("crs") or view.listed["extent"]["spatial"].get("crs"))
        assert any(name in text for name in ("CRS84", "EPSG:4326", "WGS84")), text

    def test_validate_retrieval_of_collections(self, view: View) -> None:
        """9, 10: the list, and it is not empty."""
        assert view.get("/collections").ok().document["collections"]

    def test_validate_retrieval_of_environmental_data_collections(self, view: View) -> None:
        """11, 12: each of the list is found, and has the same id."""
        for listed in view.collections["collections"]:
            assert view.get(f"/collections/{listed['id']}").ok().document["id"] == listed["id"]

    def test_verify_collections_metadata(self, view: View) -> None:
        """13 to 16: id, spatial extent, a link to the data, to itself and to the other encodings."""
        for document in (view.listed, view.collection):
            assert document["id"]
            assert document["extent"]["spatial"]["bbox"]
            rels = {k.get("rel") for k in links(document)}
            assert rels & {"data", "collection"}, rels
            assert {"self", "alternate"} <= rels, rels

    def test_collections_parameters(self, view: View) -> None:
        """17: each parameter has its type and what was observed."""
        parameters = view.listed["parameter_names"]
        assert parameters
        for key, parameter in parameters.items():
            assert parameter.get("type") == "Parameter", key
            assert parameter.get("observedProperty", {}).get("label"), key


class TestCollections:
    def test_validate_collections_metadata_operation(self, view: View) -> None:
        """82: /collections."""
        view.get("/collections").ok()

    def test_validate_collection_metadata_links(self, view: View) -> None:
        """15: each collection links its data, and every link has its relation and media type."""
        for document in (view.listed, view.collection):
            assert {k.get("rel") for k in links(document)} & {"data", "collection"}
            complete(document)

    def test_validate_collections_metadata_links(self, view: View) -> None:
        """16: the list links itself and its other encodings."""
        alternates(view.collections, view.encodings("application/json"))


class TestJSONEncoding:
    def test_validate_response_for_json(self, view: View) -> None:
        """18, 19: landing page and conformance fit the suite's schemas."""
        assert view.client.get(without_query(view.link("service-desc")["href"]), OPENAPI).ok().document
        assert view.get("/collections").ok().document
        assert oracle.faults("landingPage.json", view.landing) == []
        assert oracle.faults("confClasses.json", view.get("/conformance", f="json").ok().document) == []


class TestGeoJSONEncoding:
    def test_validate_response_for_geo_json(self, view: View) -> None:
        """20, 21: the list of locations fits the suite's schema; its link has neither query nor template."""
        assert EDR + "geojson" in view.conforms
        link = edr.offered(view, "locations")
        assert not set("?{") & set(link["href"]), link["href"]
        assert "GeoJSON" in link["variables"]["output_formats"]
        assert oracle.faults("geojson.json", view.client.get(link["href"] + "?f=GeoJSON").ok().document) == []


class TestEDRGeoJSONEncoding:
    def test_validate_response_for_edr_geo_json(self, view: View) -> None:
        """22, 23: a position in the middle of the extent fits the suite's schema."""
        assert set(EDR_GEOJSON) & set(view.conforms), view.conforms
        link = edr.offered(view, "position")
        assert "GeoJSON" in link["variables"]["output_formats"]
        assert not set("?{") & set(link["href"]), link["href"]
        answer = view.client.get(f"{link['href']}?coords={edr.coords(view, 'position')}&f=GeoJSON")
        assert oracle.faults("edrgeojson.json", answer.ok().document) == []


class TestQueryCollections:
    def test_validate_no_query_parameters(self, view: View) -> None:
        """34, 50, 82, 136: a query that needs a place is refused without one; locations are listed without one."""
        for query in {"position", "area", "trajectory", "corridor", "cube"} & view.collection["data_queries"].keys():
            view.get(f"/collections/{view.id}/{query}").ok(400)
        if "locations" in view.collection["data_queries"]:
            view.get(f"/collections/{view.id}/locations").ok()

    def test_validate_coords_query_parameters(self, view: View) -> None:
        """35, 36, 51, 52, 83 to 89, 101, 106: coords that are empty, or have no coordinates, are refused."""
        empty = {"position": ["POINT()"], "area": ["POLYGON()"], "corridor": ["LINESTRING()"]}
        empty["trajectory"] = ["LINESTRING()", "LINESTRINGM()", "LINESTRINGZM()", "LINESTRINGZ()"]
        for query in empty.keys() & view.collection["data_queries"].keys():
            for text in ("", *empty[query]):
                view.client.get(f"{view.base}/collections/{view.id}/{query}?coords={text}").ok(400)

    def test_validate_position_query_using_parameters(self, view: View) -> None:
        """37 to 49: a position in the middle of the extent, every parameter given."""
        edr.values(edr.asked(view, "position"))

    def test_validate_area_query_using_parameters(self, view: View) -> None:
        """53 to 65: an area around the middle of the extent, every parameter given."""
        edr.values(edr.asked(view, "area"))

    def test_validate_trajectory_query_using_parameters(self, view: View) -> None:
        """91 to 99: a trajectory around the middle of the extent, every parameter given."""
        edr.values(edr.asked(view, "trajectory"))

    def test_validate_corridor_query_using_parameters(self, view: View) -> None:
        """115 to 131: a corridor around the middle of the extent, of which only the width is given."""
        edr.values(edr.asked(view, "corridor", "&corridor-width=2.0&width-units=m"))


class TestPositionCollections:
    def test_position_coords_parameter_definition(self, view: View) -> None:
        """Abstract test 38: declared, required, a string."""
        edr.required(view, "position", "coords", "string")

    def test_position_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 42: declared, optional, style and explode said."""
        edr.always(view, "position", "datetime")

    def test_position_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 44: declared, optional, style and explode said."""
        edr.always(view, "position", "parameter-name")

    def test_position_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 46: declared, optional, style and explode said."""
        edr.always(view, "position", "crs")

    def test_position_f_parameter_definition(self, view: View) -> None:
        """Abstract test 48: declared, optional, style and explode said."""
        edr.always(view, "position", "f")

    def test_position_z_parameter_definition(self, view: View) -> None:
        """Abstract test 40: required where it is declared; a data set's view leaves it out."""
        edr.demanded(view, "position", "z")


class TestAreaCollections:
    def test_area_coords_parameter_definition(self, view: View) -> None:
        """Abstract test 54: declared, required, a string."""
        edr.required(view, "area", "coords", "string")

    def test_area_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 58: declared, optional, style and explode said."""
        edr.always(view, "area", "datetime")

    def test_area_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 60: declared, optional, style and explode said."""
        edr.always(view, "area", "parameter-name")

    def test_area_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 62: declared, optional, style and explode said."""
        edr.always(view, "area", "crs")

    def test_area_f_parameter_definition(self, view: View) -> None:
        """Abstract test 64: declared, optional, style and explode said."""
        edr.always(view, "area", "f")

    def test_area_z_parameter_definition(self, view: View) -> None:
        """Abstract test 56: required where it is declared; a data set's view leaves it out."""
        edr.demanded(view, "area", "z")


class TestCubeCollections:
    def test_cube_bbox_parameter_definition(self, view: View) -> None:
        """Abstract test 70: declared, required, an array or one of two."""
        edr.required(view, "cube", "bbox", "array")

    def test_cube_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 74: declared, optional, style and explode said."""
        edr.always(view, "cube", "datetime")

    def test_cube_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 76: declared, optional, style and explode said."""
        edr.always(view, "cube", "parameter-name")

    def test_cube_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 78: declared, optional, style and explode said."""
        edr.always(view, "cube", "crs")

    def test_cube_f_parameter_definition(self, view: View) -> None:
        """Abstract test 80: declared, optional, style and explode said."""
        edr.always(view, "cube", "f")

    def test_cube_z_parameter_definition(self, view: View) -> None:
        """Abstract test 72: required where it is declared; a data set's view leaves it out."""
        edr.demanded(view, "cube", "z")


class TestTrajectoryCollections:
    def test_trajectory_coords_parameter_definition(self, view: View) -> None:
        """Abstract test 92: declared, required, a string."""
        edr.required(view, "trajectory", "coords", "string")

    def test_trajectory_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 91: declared, optional, style and explode said."""
        edr.always(view, "trajectory", "datetime")

    def test_trajectory_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 94: declared, optional, style and explode said."""
        edr.always(view, "trajectory", "parameter-name")

    def test_trajectory_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 96: declared, optional, style and explode said."""
        edr.always(view, "trajectory", "crs")

    def test_trajectory_f_parameter_definition(self, view: View) -> None:
        """Abstract test 98: declared, optional, style and explode said."""
        edr.always(view, "trajectory", "f")

    def test_trajectory_z_parameter_definition(self, view: View) -> None:
        """Abstract test 90: required where it is declared; a data set's view leaves it out."""
        edr.demanded(view, "trajectory", "z")


class TestCorridorCollections:
    def test_corridor_coords_parameter_definition(self, view: View) -> None:
        """Abstract test 116: declared, required, a string."""
        edr.required(view, "corridor", "coords", "string")

    def test_corridor_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 115: declared, optional, style and explode said."""
        edr.always(view, "corridor", "datetime")

    def test_corridor_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 126: declared, optional, style and explode said."""
        edr.always(view, "corridor", "parameter-name")

    def test_corridor_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 128: declared, optional, style and explode said."""
        edr.always(view, "corridor", "crs")

    def test_corridor_f_parameter_definition(self, view: View) -> None:
        """Abstract test 130: declared, optional, style and explode said."""
        edr.always(view, "corridor", "f")

    def test_corridor_z_parameter_definition(self, view: View) -> None:
        """Abstract test 124: required where it is declared; a data set's view leaves it out."""
        edr.demanded(view, "corridor", "z")

    def test_corridor_within_parameter_definition(self, view: View) -> None:
        """Requirement A.21: optional where it is declared."""
        edr.optional(view, "corridor", "within")

    def test_corridor_within_units_parameter_definition(self, view: View) -> None:
        """Abstract test 124: optional where it is declared."""
        edr.optional(view, "corridor", "within-units")

    def test_corridor_corridor_height_parameter_definition(self, view: View) -> None:
        """Abstract test 120: required where it is declared."""
        edr.demanded(view, "corridor", "corridor-height")

    def test_corridor_corridor_width_parameter_definition(self, view: View) -> None:
        """Abstract test 118: required where it is declared."""
        edr.demanded(view, "corridor", "corridor-width")


class TestLocationsCollections:
    def test_locations_date_time_parameter_definition(self, view: View) -> None:
        """Abstract test 139: optional where it is declared, style and explode said."""
        edr.optional(view, "locations", "datetime")

    def test_locations_parametername_parameter_definition(self, view: View) -> None:
        """Abstract test 141: optional where it is declared, style and explode said."""
        edr.optional(view, "locations", "parameter-name")

    def test_locations_crs_parameter_definition(self, view: View) -> None:
        """Abstract test 143: optional where it is declared, style and explode said."""
        edr.optional(view, "locations", "crs")

    def test_locations_f_parameter_definition(self, view: View) -> None:
        """Abstract test 145: optional where it is declared, style and explode said."""
        edr.optional(view, "locations", "f")
