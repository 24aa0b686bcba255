"""Schemas of the answers in the OpenAPI document, no stricter than what every answer keeps."""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": list(required)} if required else found


def _enum(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_LINKS = _list(_ref("link"))
_PROCESS = {
    "id": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "version": _TEXT,
    "jobControlOptions": _list(_TEXT),
    "outputTransmission": _list(_TEXT),
    "links": _LINKS,
}

_LINK = _object(("href", "rel"), href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT, hreflang=_TEXT, length=_WHOLE)
_COUNT: Schema = {"type": "integer", "minimum": 0}
_EXTENT = _object(
    ("spatial",),
    spatial=_object(("bbox",), bbox=_list({**_list({"type": "number"}), "minItems": 4, "maxItems": 6}), crs=_TEXT),
    temporal=_object(
        ("interval",),
        interval=_list({**_list({**_TEXT, "nullable": True}), "minItems": 2, "maxItems": 2}),
        values=_list(_TEXT),
        trs=_TEXT,
    ),
    vertical=_object(("interval",), interval=_list(_list(_TEXT)), values=_list(_TEXT), vrs=_TEXT),
    custom=_list(_object(("id", "interval"), id=_TEXT, reference=_TEXT, interval=_list(_list(_TEXT)))),
)
_PARAMETER = _object(
    ("type", "observedProperty"),
    type=_enum("Parameter"),
    id=_TEXT,
    label=_TEXT,
    description=_TEXT,
    observedProperty=_object(("label",), id=_TEXT, label=_TEXT, categories=_list({"type": "object"})),
    unit={"type": "object"},
)
_COLLECTION = _object(
    ("id", "title", "description", "links", "extent", "itemType", "crs"),
    id=_TEXT,
    title=_TEXT,
    description=_TEXT,
    keywords=_list(_TEXT),
    links=_LINKS,
    extent=_ref("extent"),
    itemType=_enum("feature", "unknown"),
    itemCount=_COUNT,
    crs=_list(_TEXT),
    storageCrs=_TEXT,
    output_formats=_list(_TEXT),
    data_queries={"type": "object", "additionalProperties": _object(("link",), link=_ref("link"))},
    parameter_names={"type": "object", "additionalProperties": _ref("parameter")},
)
_GEOMETRIES = (
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
)  # fmt: skip
_FEATURE = _object(
    ("type", "geometry", "properties"),
    type=_enum("Feature"),
    id={"oneOf": [_TEXT, {"type": "integer"}]},
    geometry={
        "nullable": True,
        **_object(("type",), type=_enum(*_GEOMETRIES), coordinates=_list({}), geometries=_list({"type": "object"})),
    },
    properties={"type": "object", "nullable": True},
    links=_LINKS,
)
_COVERAGE = _object(
    ("type",),
    type=_enum("Coverage", "CoverageCollection"),
    domain=_object(("type", "axes"), type=_enum("Domain"), domainType=_TEXT, axes={"type": "object"}),
    parameters={"type": "object"},
    ranges={"type": "object"},
    coverages=_list({"type": "object"}),
)
_EXCEPTION = _object(
    ("type", "title", "status", "detail", "code", "description"),
    type=_TEXT,
    title=_TEXT,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail=_TEXT,
    code=_TEXT,
    description=_TEXT,
    request_id=_TEXT,
)

SCHEMAS: dict[str, Schema] = {
    "link": _LINK,
    "exception": _EXCEPTION,
    "landingPage": _object(("title", "description", "links"), title=_TEXT, description=_TEXT, links=_LINKS),
    "confClasses": _object(("conformsTo",), conformsTo=_list({**_TEXT, "format": "uri"})),
    "openAPI": _object(
        ("openapi", "info", "paths"),
        openapi={**_TEXT, "pattern": r"^3\.0\."},
        info={"type": "object"},
        paths={"type": "object"},
        components={"type": "object"},
    ),
    "extent": _EXTENT,
    "parameter": _PARAMETER,
    "collection": _COLLECTION,
    "collections": _object(
        ("links", "collections"),
        links=_LINKS,
        crs=_list(_TEXT),
        collections=_list(_ref("collection")),
        numberMatched=_COUNT,
        numberReturned=_COUNT,
    ),
    "jsonSchema": {
        "type": "object",
        "required": ["$schema", "$id", "type", "properties"],
        "properties": {
            "$schema": {**_TEXT, "format": "uri"},
            "$id": {**_TEXT, "format": "uri"},
            "title": _TEXT,
            "description": _TEXT,
            "type": _enum("object"),
            "properties": {"type": "object", "additionalProperties": {"type": "object"}},
            "additionalProperties": {"type": "boolean"},
        },
    },
    "featureGeoJSON": _FEATURE,
    "featureCollectionGeoJSON": _object(
        ("type", "features"),
        type=_enum("FeatureCollection"),
        features=_list(_ref("featureGeoJSON")),
        links=_LINKS,
        timeStamp={**_TEXT, "format": "date-time"},
        numberMatched=_COUNT,
        numberReturned=_COUNT,
    ),
    "coverageJSON": _COVERAGE,
    "domainSet": _object(("type", "generalGrid"), type=_enum("DomainSet"), generalGrid={"type": "object"}),
    "rangeType": _object(("type", "field"), type=_enum("DataRecord"), field=_list({"type": "object"})),
    "processList": _object(("processes", "links"), processes=_list(_ref("processSummary")), links=_LINKS),
    "processSummary": _object(("id", "version"), **_PROCESS),
    "process": _object(("id", "version"), **_PROCESS, inputs={"type": "object"}, outputs={"type": "object"}),
    "execute": _object(
        ("inputs",),
        inputs={"type": "object"},
        outputs={"type": "object"},
        response={**_enum("raw", "document"), "default": "raw"},
    ),
    "results": {"type": "object", "additionalProperties": {"type": "object"}},
    "jobList": _object(("jobs", "links"), jobs=_list({"type": "object"}), links=_LINKS),
}
"""By name; an answer keeps them, whatever its data set."""
