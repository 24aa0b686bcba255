"""covjson-pydantic and edr-pydantic: every document of the demonstration against strict models."""

import json
import sys
from importlib.metadata import version
from urllib.request import urlopen

from covjson_pydantic.coverage import Coverage, CoverageCollection
from edr_pydantic.collections import Collection
from pydantic import BaseModel, ValidationError

BASE = sys.argv[1]


def read(path: str) -> bytes:
    with urlopen(f"{BASE}{path}") as answer:
        return answer.read()


def faults(model: type[BaseModel], document: bytes) -> int:
    """How much a model refuses; members of other standards, which it knows nothing of, are no fault."""
    try:
        model.model_validate_json(document)
    except ValidationError as error:
        found = [e for e in error.errors() if e["type"] != "extra_forbidden"]
        print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
        return len(found)
    return 0


refused = 0
for collection in json.loads(read("/collections"))["collections"]:
    if "data_queries" in collection:
        refused += faults(Collection, read(f"/collections/{collection['id']}"))
AIR = "/collections/aeris-ncep-air-temperature"
for path in ("position?coords=POINT(-90%2040)", "cube?bbox=-100,30,-80,45", "coverage?bbox=-100,30,-80,45"):
    document = read(f"{AIR}/{path}")
    refused += faults(Coverage if json.loads(document)["type"] == "Coverage" else CoverageCollection, document)
series = json.loads(read(f"{AIR}/position?coords=POINT(-90%2040)"))["ranges"]["air"]["values"]
found = {"valid": refused, "value": series[0], "times": len(series), "series": sum(series) / len(series)}
versions = f"{version('covjson-pydantic')} and {version('edr-pydantic')}"
print(json.dumps({"version": versions, "found": found}))
