"""pyogrio, whose wheel brings a later GDAL, over OGC API - Features."""

import json
import sys

import pyogrio
import shapely
from pyogrio.raw import read

QUAKES, PLACES = "formater-earthquakes-indonesia", "theia-departements"


def main(base: str) -> dict[str, float]:
    quakes, places = f"OAPIF:{base}/collections/{QUAKES}", f"OAPIF:{base}/collections/{PLACES}"
    box = {"bbox": (120.0, -5.0, 130.0, 5.0)}
    june = "time >= '2024-06-01T00:00:00Z' AND time <= '2024-06-30T23:59:59Z'"
    lambert = read(places, where="name = 'Isère'", CRS="EPSG:2154")
    assert "2154" in lambert[0]["crs"], lambert[0]["crs"]
    return {
        "features": len(read(quakes)[2]),
        "magnitudes": float(sum(read(quakes, columns=["mag"])[3][0])),
        "box": len(read(quakes, **box)[2]),
        "june": len(read(quakes, where=june)[2]),
        "strong": len(read(quakes, where="mag >= 5")[2]),
        "boxed_strong": len(read(quakes, where="mag >= 5", **box)[2]),
        "polygons": len(read(places)[2]),
        "named": len(lambert[2]),
        "area": float(shapely.area(shapely.from_wkb(lambert[2])).sum()) / 1e6,
    }


version = f"{pyogrio.__version__}, GDAL {pyogrio.__gdal_version_string__}"
print(json.dumps({"version": version, "found": main(sys.argv[1])}))
