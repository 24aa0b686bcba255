"""OWSLib: Features, Coverages and EDR."""

import json
import sys

import numpy as np
import owslib
from owslib.ogcapi.coverages import Coverages
from owslib.ogcapi.edr import EnvironmentalDataRetrieval
from owslib.ogcapi.features import Features

QUAKES, PLACES, AIR = "formater-earthquakes-indonesia", "theia-departements", "aeris-ncep-air-temperature"


LAST = '"2014-02-28T18:00:00Z"'


def rows(api: Features, collection: str, **asked: object) -> list[dict]:
    """All pages, by the offset."""
    found: list[dict] = []
    while True:
        page = api.collection_items(collection, limit=100, offset=len(found), **asked)["features"]
        found += page
        if len(page) < 100:
            return found


def features(base: str) -> dict[str, float]:
    api = Features(base)
    quakes = rows(api, QUAKES)
    box = [120, -5, 130, 5]
    return {
        "collections": len(api.feature_collections()),
        "features": len(quakes),
        "magnitudes": sum(q["properties"]["mag"] for q in quakes),
        "box": len(rows(api, QUAKES, bbox=box)),
        "june": len(rows(api, QUAKES, datetime_="2024-06-01T00:00:00Z/2024-06-30T23:59:59Z")),
        "strong": len(rows(api, QUAKES, filter="mag >= 5")),
        "boxed_strong": len(rows(api, QUAKES, filter="mag >= 5", bbox=box)),
        "polygons": len(rows(api, PLACES)),
        "named": len(rows(api, PLACES, name="Isère")),
    }


def coverages(base: str) -> dict[str, float]:
    api = Coverages(base)
    assert AIR in api.coverages()
    body = api.coverage(AIR, subset=[("time", LAST, LAST)])  # it says no format: the JSON of the API comes
    return {"slice": float(np.mean(json.load(body)["ranges"]["air"]["values"]))}


def edr(base: str) -> dict[str, float]:
    api = EnvironmentalDataRetrieval(base)
    assert AIR in api.data()
    asked = {"coords": "POINT(-90 40)", "parameter_names": ["air"], "f": "CoverageJSON"}
    series = api.query_data(AIR, "position", **asked)["ranges"]["air"]["values"]
    box = {"bbox": [-100, 30, -80, 45], "datetime_": "2014-02-28T18:00:00Z", "f": "CoverageJSON"}
    cube = api.query_data(AIR, "cube", **box)["ranges"]["air"]["values"]
    return {"value": series[0], "times": len(series), "series": np.mean(series), "cube": np.mean(cube)}


BASE = sys.argv[1]
found = features(BASE) | coverages(BASE) | edr(BASE)
print(json.dumps({"version": owslib.__version__, "found": found}))
