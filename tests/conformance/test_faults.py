"""The conformance tests can fail: one link, one header, one status, one member at a time is taken away or changed.

Each fault stands beside the test that must find it. The test passes on the server as it is, and fails on the same
server behind a proxy that has the fault.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import test_arcgis as arcgis
import test_beyond_edr as edr11
import test_beyond_features as beyond
import test_clients as clients
import test_edr as edr
import test_features_part1 as part1
import test_features_part2 as part2
from probe import shapes
from probe.fault import NONE, Fault, Reply, deaf, declared, document, header, link, member, proxied, status
from probe.http import Client
from probe.view import OPENAPI, View

VECTORS, SERIES, GRID, LEVELS = (
    "theia-departements", "formater-gnss-kilauea", "aeris-bcsd-monthly", "odatis-levitus-north-atlantic",
)  # fmt: skip
LANDING, CONFORMANCE, API = r"/datasets/[^/]+/?(\?.*)?$", r"/conformance", r"/openapi"
COLLECTIONS, COLLECTION = r"/collections(\?.*)?$", r"/collections/[^/?]+(\?.*)?$"
ITEMS, ITEM = r"/items(\?.*)?$", r"/items/[^/]+$"
ITEMS_PATH, POSITION = f"/collections/{VECTORS}/items", f"/collections/{GRID}/position"
EPSG_4326 = "http://www.opengis.net/def/crs/EPSG/0/4326"
UNSUPPORTED = r"[?&](bbox-)?crs=[^&]*unsupported"
FAILS = (AssertionError, LookupError, ValueError, TypeError, AttributeError)
"""What a failed test raises."""


def first_feature(edit: Callable[[dict[str, Any]], Any]) -> Fault:
    return document(ITEMS, lambda d: edit(d["features"][0]) if d["features"] else None)


def far_away(feature: dict[str, Any]) -> None:
    feature["geometry"] = {"type": "Point", "coordinates": [500.0, 10.0]}


def moved(feature: dict[str, Any]) -> None:
    feature["geometry"] = {"type": "Point", "coordinates": [-150.0, -60.0]}


def swapped(found: Any) -> Any:
    """Coordinates with their axes exchanged."""
    if isinstance(found, list):
        return [found[1], found[0], *found[2:]] if isinstance(found[0], float | int) else [swapped(f) for f in found]
    return found


def swap_all(page: dict[str, Any]) -> None:
    for feature in page.get("features", [page]):
        feature["geometry"]["coordinates"] = swapped(feature["geometry"]["coordinates"])


def promoted(landing: dict[str, Any]) -> None:
    landing["links"].sort(key=lambda k: k["rel"] != "service-doc")


def remote(api: dict[str, Any]) -> None:
    api["paths"][ITEMS_PATH]["get"]["parameters"][0] = {"$ref": "https://schemas.opengis.net/x.yaml#/parameters/bbox"}


def again(page: dict[str, Any]) -> None:
    own = next(k["href"] for k in page["links"] if k["rel"] == "self")
    page["links"].append({"rel": "next", "type": "application/geo+json", "href": own})


def without(document: dict[str, Any], name: str) -> None:
    document["conformsTo"] = [c for c in document["conformsTo"] if not c.endswith(name)]


def ordered(document: dict[str, Any]) -> None:
    """The default CRS last."""
    document["collections"][0]["crs"] = [EPSG_4326, shapes.CRS84]


def http10(reply: Reply) -> Reply:
    return Reply(reply.status, reply.headers | {"Connection": "close"}, reply.body, "HTTP/1.0")


def yesterday(_: str) -> str:
    return datetime(2020, 1, 1, tzinfo=UTC).isoformat()


Check = Callable[..., None]
FAULTS: dict[str, tuple[str, Fault, Check]] = {
    # --- Features Part 1
    "HTTP/1.0": (VECTORS, Fault(LANDING, http10), part1.TestGeneralHttp().test_http),
    "no landing page": (VECTORS, status(LANDING, 406), part1.TestLandingPage().test_landing_page_retrieval),
    "a landing page of another media type": (
        VECTORS, header(LANDING, "Content-Type", "text/html"), part1.TestLandingPage().test_landing_page_retrieval,
    ),
    "no link conformance": (
        VECTORS, link(LANDING, "", "conformance"), part1.TestLandingPage().test_landing_page_validation,
    ),
    "no link data": (VECTORS, link(LANDING, "", "data"), part1.TestLandingPage().test_landing_page_validation),
    "no link service-desc": (
        VECTORS, link(LANDING, "", "service-desc"), part1.TestApiDefinition().test_openapi_document_retrieval,
    ),
    "service-desc of type application/json": (
        VECTORS, link(LANDING, "", "service-desc", type="application/json"),
        part1.TestApiDefinition().test_openapi_document_retrieval,
    ),
    "an API definition that refuses its own media type": (
        VECTORS, status(API, 406), part1.TestApiDefinition().test_openapi_document_retrieval,
    ),
    "a remote reference": (VECTORS, document(API, remote), part1.TestApiDefinition().test_api_definition_validation),
    "a parameter without schema": (
        VECTORS, declared(ITEMS_PATH, "bbox", lambda p: p.pop("schema") and None),
        part1.TestApiDefinition().test_api_definition_validation,
    ),
    "a parameter whose style is not said": (
        VECTORS, declared(ITEMS_PATH, "limit", lambda p: p.pop("style") and None),
        part1.TestApiDefinition().test_api_definition_validation,
    ),
    "Core is not declared": (
        VECTORS, document(CONFORMANCE, partial(without, name="ogcapi-features-1/1.0/conf/core")),
        part1.TestConformance().test_validate_conformance_operation_and_response,
    ),
    "classes that are no array": (
        VECTORS, member(CONFORMANCE, "conformsTo", {}),
        part1.TestConformance().test_validate_conformance_operation_and_response,
    ),
    "a server that is elsewhere": (
        VECTORS, member(API, "servers.0.url", "http://127.0.0.1:1"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation,
    ),
    "no /collections among the paths": (
        VECTORS, document(API, lambda api: api["paths"].pop("/collections") and None),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation,
    ),
    "no link self of the list": (
        VECTORS, link(COLLECTIONS, "", "self"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_links,
    ),
    "no link alternate of the list": (
        VECTORS, link(COLLECTIONS, "", "alternate"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_links,
    ),
    "no link items in HTML": (
        VECTORS, link(COLLECTIONS, "collections.0", "items", "text/html"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_items,
    ),
    "items linked as application/json": (
        VECTORS, link(COLLECTIONS, "collections.0", "items", "application/geo+json", type="application/json"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_items,
    ),
    "the default CRS is not first": (
        VECTORS, document(COLLECTIONS, ordered),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_crs_property,
    ),
    "an id of the list that is not there": (
        VECTORS, member(COLLECTIONS, "collections.0.id", "nowhere"),
        part1.TestFeatureCollections().test_validate_feature_collections_metadata_operation_response_content,
    ),
    "a title that differs": (
        VECTORS, member(COLLECTION, "title", "another"),
        part1.TestFeatureCollection().test_validate_feature_collection_metadata_operation_response,
    ),
    "an extent that differs": (
        VECTORS, member(COLLECTION, "extent.spatial.bbox", [[0, 0, 1, 1]]),
        part1.TestFeatureCollection().test_validate_feature_collection_metadata_operation_response,
    ),
    "no items": (VECTORS, status(ITEMS, 404), part1.TestFeatures().test_validate_features_operation),
    "items as application/json": (
        VECTORS, header(ITEMS, "Content-Type", "application/json"),
        part1.TestFeatures().test_validate_features_operation,
    ),
    "coordinates that are no degrees": (
        VECTORS, first_feature(far_away), part1.TestFeatures().test_validate_features_response_geometry_in_crs84,
    ),
    "no FeatureCollection": (
        VECTORS, member(ITEMS, "type", "Collection"),
        part1.TestFeatures().test_validate_features_response_type_property,
    ),
    "no features": (
        VECTORS, member(ITEMS, "features"), part1.TestFeatures().test_validate_features_response_features_property,
    ),
    "no link self of the items": (
        VECTORS, link(ITEMS, "", "self"), part1.TestFeatures().test_validate_features_response_links,
    ),
    "no link alternate of the items": (
        VECTORS, link(ITEMS, "", "alternate", "text/html"),
        part1.TestFeatures().test_validate_features_response_links,
    ),
    "a link next without media type": (
        VECTORS, link(ITEMS, "", "next", type=None), part1.TestFeatures().test_validate_features_response_links,
    ),
    "a timeStamp without zone": (
        VECTORS, member(ITEMS, "timeStamp", lambda t: t.rstrip("Z")),
        part1.TestFeatures().test_validate_features_response_time_stamp,
    ),
    "a timeStamp of another year": (
        VECTORS, member(ITEMS, "timeStamp", yesterday),
        part1.TestFeatures().test_validate_features_response_time_stamp,
    ),
    "a numberMatched that is one too large": (
        VECTORS, member(ITEMS, "numberMatched", lambda n: n + 1),
        part1.TestFeatures().test_validate_features_response_number_matched,
    ),
    "a numberReturned that is one too large": (
        VECTORS, member(ITEMS, "numberReturned", lambda n: n + 1),
        part1.TestFeatures().test_validate_features_response_number_returned,
    ),
    "bbox with one number": (
        VECTORS, declared(ITEMS_PATH, "bbox", lambda p: p["schema"].update(minItems=1)),
        part1.TestFeaturesBBox().test_bounding_box_parameter_definition,
    ),
    "bbox is required": (
        VECTORS, declared(ITEMS_PATH, "bbox", lambda p: p.update(required=True)),
        part1.TestFeaturesBBox().test_bounding_box_parameter_definition,
    ),
    "a box that is not heard": (
        VECTORS, deaf(ITEMS, "bbox"),
        partial(part1.TestFeaturesBBox().test_validate_features_with_bounding_box_response, box="meridian"),
    ),
    "a geometry outside the box": (
        VECTORS, first_feature(moved),
        partial(part1.TestFeaturesBBox().test_validate_features_with_bounding_box_response, box="extent"),
    ),
    "a box over 180 degrees is refused": (
        VECTORS, status(r"bbox=177", 400),
        partial(part1.TestFeaturesBBox().test_validate_features_with_bounding_box_operation, box="antimeridian"),
    ),
    "limit without minimum": (
        VECTORS, declared(ITEMS_PATH, "limit", lambda p: p["schema"].pop("minimum") and None),
        part1.TestFeaturesLimit().test_limit_parameter_definition,
    ),
    "limit without default": (
        VECTORS, declared(ITEMS_PATH, "limit", lambda p: p["schema"].pop("default") and None),
        part1.TestFeaturesLimit().test_limit_parameter_definition,
    ),
    "a limit that is not heard": (
        VECTORS, deaf(ITEMS, "limit"),
        partial(part1.TestFeaturesLimit().test_validate_features_with_limit_response, limit="minimum"),
    ),
    "datetime is not declared": (
        VECTORS, declared(ITEMS_PATH, "datetime", lambda _: ...),
        part1.TestFeaturesTime().test_time_parameter_definition,
    ),
    "a feature too few where there is no time": (
        VECTORS, member(r"datetime=", "numberMatched", lambda n: n - 1),
        partial(part1.TestFeaturesTime().test_validate_features_with_date_time_response, time="instant"),
    ),
    "a value that is not allowed is answered": (
        VECTORS, deaf(ITEMS, "limit"),
        part1.TestFeaturesErrorConditions().test_validate_features_operation_query_param_invalid,
    ),
    "an unknown parameter is answered": (
        VECTORS, deaf(ITEMS, "unknownQueryParameter"),
        part1.TestFeaturesErrorConditions().test_validate_features_operation_query_param_unknown,
    ),
    "a feature of another id": (VECTORS, member(ITEM, "id", "other"), part1.TestFeature().test_feature_operation),
    "a feature without its collection": (
        VECTORS, link(ITEM, "", "collection"), part1.TestFeature().test_validate_feature_response,
    ),
    "a feature without alternate": (
        VECTORS, link(ITEM, "", "alternate"), part1.TestFeature().test_validate_feature_response,
    ),
    # --- Features Part 2
    "the class crs is not declared": (
        VECTORS, document(CONFORMANCE, partial(without, name="ogcapi-features-2/1.0/conf/crs")),
        part2.TestCrsRequirementClassPrecondition().test_validate_conformance_of_crs_class,
    ),
    "a CRS that is no URI": (
        VECTORS, member(COLLECTION, "crs.0", "WGS 84"),
        part2.TestDiscoveryCollectionCrsUri().test_verify_collection_crs_identifier_of_crs_property,
    ),
    "CRS84 is not listed": (
        VECTORS, member(COLLECTION, "crs", [EPSG_4326]),
        part2.TestDiscoveryCollectionDefaultCrs().test_verify_collection_crs_identifier_of_crs_property,
    ),
    "a storageCrs that is not listed": (
        VECTORS, member(COLLECTION, "storageCrs", "http://www.opengis.net/def/crs/EPSG/0/27572"),
        part2.TestDiscoveryCollectionStorageCrs().test_verify_collection_storage_crs,
    ),
    "no storageCrs": (
        VECTORS, member(COLLECTIONS, "collections.0.storageCrs"),
        part2.TestDiscoveryCollectionsCrsUri().test_verify_collections_collection_crs_identifier_of_storage_crs,
    ),
    "no Content-Crs": (
        VECTORS, header(ITEMS, "Content-Crs", None),
        part2.TestFeaturesCrsParameter().test_verify_features_crs_parameter,
    ),
    "Content-Crs without brackets": (
        VECTORS, header(ITEMS, "Content-Crs", shapes.CRS84),
        part2.TestFeaturesCrsParameterDefault().test_verify_features_crs_parameter_default,
    ),
    "no Content-Crs of a feature": (
        VECTORS, header(ITEM, "Content-Crs", None),
        part2.TestFeatureCrsParameterDefault().test_verify_feature_crs_parameter_default,
    ),
    "an unsupported crs is answered": (
        VECTORS, status(UNSUPPORTED, 200),
        part2.TestFeaturesCrsParameterInvalid().test_verify_features_crs_parameter_invalid,
    ),
    "an unsupported bbox-crs is answered": (
        VECTORS, status(UNSUPPORTED, 200), part2.TestBBoxCrsParameterInvalid().test_verify_bbox_crs_parameter_invalid,
    ),
    "longitude before latitude in EPSG:4326": (
        VECTORS, document(r"/items.*EPSG%2F0%2F4326", swap_all),
        part2.TestFeaturesCrsParameterTransform().test_verify_features_crs_parameter_transform_with_crs_parameter,
    ),
    "a feature that is not transformed": (
        VECTORS, document(r"/items/.*EPSG%2F0%2F4326", swap_all),
        part2.TestFeatureCrsParameterTransform().test_verify_feature_crs_parameter_transform_with_crs_parameter,
    ),
    "a bbox-crs that is not heard": (
        VECTORS, deaf(ITEMS, "bbox-crs"), beyond.TestSelection().test_a_box_in_another_crs_leaves_the_rest_out,
    ),
    # --- beyond Features
    "a next on the last page": (
        VECTORS, document(ITEMS, again), beyond.TestPaging().test_the_last_page_has_no_next,
    ),
    "no next": (VECTORS, link(ITEMS, "", "next"), beyond.TestPaging().test_pages_are_the_whole_once),
    "a datetime that is not heard": (
        SERIES, deaf(ITEMS, "datetime"), beyond.TestSelection().test_an_interval_and_its_rest_are_the_whole,
    ),
    "no published page size": (
        VECTORS, document(API, lambda api: api["components"]["parameters"].pop("limit") and None),
        arcgis.TestLayer().test_the_page_size_is_published,
    ),
    "features without ids": (
        VECTORS, first_feature(lambda f: f.pop("id") and None), arcgis.TestLayer().test_the_probe_has_features_with_ids,
    ),
    "no Access-Control-Allow-Origin": (
        VECTORS, header(".", "Access-Control-Allow-Origin", None), arcgis.TestBrowser().test_another_origin_may_read,
    ),
    "a page that is too large is refused": (
        VECTORS, status(r"limit=1000000", 400),
        partial(clients.TestGDAL().test_a_page_larger_than_offered_is_clamped, limit="1000000"),
    ),
    # --- EDR
    "EDR 1.0 is not declared": (
        GRID, document(CONFORMANCE, partial(without, name="ogcapi-edr-1/1.0/conf/core")),
        edr.TestConformance().test_validate_conformance_operation_and_response,
    ),
    "service-doc before service-desc": (
        GRID, document(LANDING, promoted), edr.TestApiDefinition().test_openapi_document_retrieval,
    ),
    "another type of service-desc": (
        GRID, link(LANDING, "", "service-desc", OPENAPI, type="application/openapi+json"),
        edr.TestApiDefinition().test_openapi_document_retrieval,
    ),
    "no CRS that is known": (
        GRID, member(COLLECTIONS, "collections.0.crs", [EPSG_4326.replace("4326", "3857")]),
        edr.TestCollectionsResponse().test_collections_crs84,
    ),
    "a collection of another id": (
        GRID, member(COLLECTION, "id", "other"),
        edr.TestCollectionsResponse().test_validate_retrieval_of_environmental_data_collections,
    ),
    "a parameter without what was observed": (
        GRID, member(COLLECTIONS, "collections.0.parameter_names.tas.observedProperty"),
        edr.TestCollectionsResponse().test_collections_parameters,
    ),
    "no link to the data": (
        GRID, link(COLLECTIONS, "collections.0", "data"), edr.TestCollections().test_validate_collection_metadata_links,
    ),
    "a link without media type": (
        GRID, link(COLLECTION, "", "data", type=None), edr.TestCollections().test_validate_collection_metadata_links,
    ),
    "a position without coords is answered": (
        GRID, status(r"/position$", 200), edr.TestQueryCollections().test_validate_no_query_parameters,
    ),
    "locations are refused without parameters": (
        SERIES, status(r"/locations$", 400), edr.TestQueryCollections().test_validate_no_query_parameters,
    ),
    "a point without coordinates is answered": (
        GRID, status(r"POINT\(\)$", 200), edr.TestQueryCollections().test_validate_coords_query_parameters,
    ),
    "a polygon without coordinates fails": (
        GRID, status(r"POLYGON\(\)$", 500), edr.TestQueryCollections().test_validate_coords_query_parameters,
    ),
    "no output_formats": (
        GRID, member(COLLECTION, "data_queries.position.link.variables.output_formats"),
        edr.TestQueryCollections().test_validate_position_query_using_parameters,
    ),
    "nothing in the middle of a grid": (
        GRID, status(r"/position\?", 204), edr.TestQueryCollections().test_validate_position_query_using_parameters,
    ),
    "an area that is empty": (
        GRID, status(r"/area\?", 204), edr.TestQueryCollections().test_validate_area_query_using_parameters,
    ),
    "coords is not required": (
        GRID, declared(POSITION, "coords", lambda p: p.update(required=False)),
        edr.TestPositionCollections().test_position_coords_parameter_definition,
    ),
    "coords is not declared": (
        GRID, declared(POSITION, "coords", lambda _: ...),
        edr.TestPositionCollections().test_position_coords_parameter_definition,
    ),
    "crs explodes": (
        GRID, declared(POSITION, "crs", lambda p: p.update(explode=True)),
        edr.TestPositionCollections().test_position_crs_parameter_definition,
    ),
    "z is declared, and optional": (
        GRID, declared(POSITION, "f", lambda p: p.update(name="z")),
        edr.TestPositionCollections().test_position_z_parameter_definition,
    ),
    # --- beyond EDR
    "a repeat that counts one less": (
        LEVELS, Fault(r"z=R3", target=lambda t: t.replace("z=R3", "z=R2")),
        edr11.TestVertical().test_r_counts_the_values,
    ),
    "levels that are not heard": (
        LEVELS, deaf(r"z=R", "z"), edr11.TestVertical().test_r_counts_the_values,
    ),
    "nothing there is 200": (
        GRID, status(r"/position\?", 200), edr11.TestNothingThere().test_a_place_outside_the_data_is_204,
    ),
    "fewer values than the shape says": (
        GRID, member(r"/position\?", "ranges.tas.values", lambda v: v[:-1]),
        edr11.TestCoverageJSON().test_a_position,
    ),
    "times without zone": (
        GRID, member(r"/position\?", "domain.axes.t.values", lambda v: [t.rstrip("Z") for t in v]),
        edr11.TestCoverageJSON().test_a_position,
    ),
}  # fmt: skip


def _run(check: Check, view: View) -> None:
    """A test; one that skips proves nothing."""
    try:
        check(view=view)
    except pytest.skip.Exception as skipped:
        pytest.fail(f"the test skips: {skipped}")


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_server_fails(client: Client, views: dict[str, View], name: str) -> None:
    dataset, fault, check = FAULTS[name]
    path = f"/datasets/{dataset}"
    _run(check, views.setdefault(dataset, View(client, path)))
    with proxied(client.root, fault) as wrong, pytest.raises(FAILS):
        _run(check, View(wrong, path))


def test_the_proxy_alone_is_no_fault(client: Client) -> None:
    with proxied(client.root, NONE) as same:
        for dataset, check in (
            (VECTORS, part1.TestApiDefinition().test_api_definition_validation),
            (VECTORS, part1.TestFeatures().test_validate_features_response_links),
            (VECTORS, part2.TestFeaturesCrsParameter().test_verify_features_crs_parameter),
            (GRID, edr.TestQueryCollections().test_validate_position_query_using_parameters),
            (GRID, edr.TestQueryCollections().test_validate_coords_query_parameters),
        ):
            _run(check, View(same, f"/datasets/{dataset}"))
