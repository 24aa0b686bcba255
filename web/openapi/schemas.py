"""Schemas of the answers in the OpenAPI document, no stricter than what every answer keeps."""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}


def _object(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": list(required)} if required else found


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

SCHEMAS: dict[str, Schema] = {
    "object": {"type": "object"},
    "link": _object(("href", "rel"), href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT, hreflang=_TEXT),
    "exception": _object(
        ("type", "title", "status", "code"),
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        code=_TEXT,
        description=_TEXT,
        request_id=_TEXT,
    ),
    "landingPage": _object(("links",), title=_TEXT, description=_TEXT, links=_LINKS),
    "confClasses": _object(("conformsTo",), conformsTo=_list(_TEXT)),
    "extent": _object(
        spatial=_object(bbox=_list(_list({"type": "number"})), crs=_TEXT),
        temporal=_object(interval=_list(_list({**_TEXT, "nullable": True})), values=_list(_TEXT), trs=_TEXT),
        vertical=_object(interval=_list(_list(_TEXT)), values=_list(_TEXT), vrs=_TEXT),
        custom=_list(_object(("id", "interval", "reference"), id=_TEXT, reference=_TEXT, interval=_list(_list(_TEXT)))),
    ),
    "collection": _object(
        ("id", "links"),
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        keywords=_list(_TEXT),
        links=_LINKS,
        extent=_ref("extent"),
        itemType=_TEXT,
        crs=_list(_TEXT),
        storageCrs=_TEXT,
        output_formats=_list(_TEXT),
        data_queries={"type": "object"},
        parameter_names={"type": "object"},
    ),
    "collections": _object(
        ("links", "collections"),
        links=_LINKS,
        collections=_list(_ref("collection")),
        numberMatched={"type": "integer"},
        numberReturned={"type": "integer"},
    ),
    "featureGeoJSON": _object(
        ("type", "geometry", "properties"),
        type={"type": "string", "enum": ["Feature"]},
        id={"oneOf": [_TEXT, {"type": "integer"}]},
        geometry={"type": "object", "nullable": True},
        properties={"type": "object", "nullable": True},
        links=_LINKS,
    ),
    "featureCollectionGeoJSON": _object(
        ("type", "features"),
        type={"type": "string", "enum": ["FeatureCollection"]},
        features=_list(_ref("featureGeoJSON")),
        links=_LINKS,
        timeStamp={"type": "string", "format": "date-time"},
        numberMatched={"type": "integer", "minimum": 0},
        numberReturned={"type": "integer", "minimum": 0},
    ),
    "coverageJSON": _object(("type",), type={"type": "string", "enum": ["Coverage", "CoverageCollection"]}),
    "processList": _object(("processes", "links"), processes=_list(_ref("processSummary")), links=_LINKS),
    "processSummary": _object(("id", "version"), **_PROCESS),
    "process": _object(("id", "version"), **_PROCESS, inputs={"type": "object"}, outputs={"type": "object"}),
    "execute": _object(
        ("inputs",),
        inputs={"type": "object"},
        outputs={"type": "object"},
        response={"type": "string", "enum": ["raw", "document"], "default": "raw"},
    ),
    "jobList": _object(("jobs", "links"), jobs=_list({"type": "object"}), links=_LINKS),
}
