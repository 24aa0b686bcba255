"""`ogrinfo` of Debian's GDAL over OGC API - Features."""

import json
import re
import subprocess
import sys

QUAKES, PLACES = "formater-earthquakes-indonesia", "theia-departements"


def ogr(*arguments: str, strict: bool = True) -> str:
    done = subprocess.run(["ogrinfo", "-ro", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[:300]
    assert not strict or "ERROR" not in done.stderr, done.stderr[:300]
    return done.stdout


def count(base: str, name: str, *arguments: str) -> int:
    """Features as they arrive, one by one: not what a summary says."""
    told = ogr("-q", "-geom=NO", *arguments, f"OAPIF:{base}/collections/{name}", name)
    return len(re.findall(r"^OGRFeature", told, re.MULTILINE))


def values(base: str, name: str, field: str) -> list[float]:
    told = ogr("-q", "-geom=NO", f"OAPIF:{base}/collections/{name}", name)
    return [float(v) for v in re.findall(rf"^  {field} \(Real\) = (\S+)$", told, re.MULTILINE)]


def main(base: str) -> dict[str, float]:
    listed = ogr(f"OAPIF:{base}", strict=False)  # it asks grids for items too, and says that they have none
    june = "time >= '2024/06/01 00:00:00+00' AND time <= '2024/06/30 23:59:59+00'"
    area = f'SELECT ST_Area(ST_Transform(SetSRID(geometry, 4326), 2154)) / 1e6 AS km2 FROM "{PLACES}"'
    measured = ogr(
        "-q", "-dialect", "SQLITE", "-sql", f"{area} WHERE name = 'Isère'", f"OAPIF:{base}/collections/{PLACES}"
    )
    return {
        "collections": len(set(re.findall(r"^\d+: (\S+)", listed, re.MULTILINE)) & KNOWN),
        "features": count(base, QUAKES),
        "magnitudes": sum(values(base, QUAKES, "mag")),
        "box": count(base, QUAKES, "-spat", "120", "-5", "130", "5"),
        "june": count(base, QUAKES, "-where", june),
        "strong": count(base, QUAKES, "-where", "mag >= 5"),
        "boxed_strong": count(base, QUAKES, "-spat", "120", "-5", "130", "5", "-where", "mag >= 5"),
        "polygons": count(base, PLACES),
        "named": count(base, PLACES, "-where", "name = 'Isère'"),
        "area": float(measured.rsplit("=", 1)[1]),
    }


KNOWN = {
    QUAKES, PLACES, "theia-sentinel2-footprints", "aeris-arm-radiosonde", "formater-gnss-kilauea",
    "odatis-glider-bornholm",
}  # fmt: skip
version = subprocess.run(["ogrinfo", "--version"], capture_output=True, text=True).stdout.split()[1].rstrip(",")
print(json.dumps({"version": version, "found": main(sys.argv[1])}))
