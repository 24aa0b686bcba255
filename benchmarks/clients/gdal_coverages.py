"""`gdal_translate` of Debian's GDAL over OGC API - Coverages, and `/vsicurl/` over an original file."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio

FOLDER = Path(tempfile.mkdtemp(prefix="poles-gdal-"))
ENVIRONMENT = {**os.environ, "GDAL_DEFAULT_WMS_CACHE_PATH": str(FOLDER / "cache")}


def translated(source: str) -> np.ndarray:
    out = FOLDER / "out.tif"
    out.unlink(missing_ok=True)
    command = ["gdal_translate", "-q", source, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode == 0, done.stderr[:300]
    assert "ERROR" not in done.stderr, done.stderr[:300]
    with rasterio.open(out) as file:
        found: np.ndarray = file.read().astype("float64")
        return found


def main(base: str) -> dict[str, float]:
    def coverage(name: str) -> np.ndarray:
        return translated(f"OGCAPI:{base}/collections/{name}")

    landsat = "theia-landsat7-olinda"
    original = translated(f"/vsicurl/{base}/collections/{landsat}/files/landsat7_etm_olinda.tif")
    bands = coverage(landsat)
    assert np.array_equal(original, bands)
    return {
        "cells": float(np.nansum(coverage("theia-copdem-grenoble"))),
        "bands": float(bands.sum()),
        "slice": float(coverage("aeris-ncep-air-temperature").mean()),
    }


version = subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True).stdout.split()[1].rstrip(",")
print(json.dumps({"version": version, "found": main(sys.argv[1])}))
