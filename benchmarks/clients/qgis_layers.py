"""QGIS, without a window: layers of OGC API - Features and a raster of OGC API - Coverages, as its dialogs add them."""

import json
import os
import sys
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
os.environ.setdefault("GDAL_DEFAULT_WMS_CACHE_PATH", tempfile.mkdtemp())

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeatureRequest,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)


def layer(base: str, name: str) -> QgsVectorLayer:
    options = "version='OGC_API_FEATURES' pageSize='100' restrictToRequestBBOX='1'"
    found = QgsVectorLayer(f"url='{base}' typename='{name}' {options}", name, "OAPIF")
    assert found.isValid(), found.error().summary()
    return found


def count(of: QgsVectorLayer, request: QgsFeatureRequest | None = None) -> int:
    return sum(1 for _ in (of.getFeatures(request) if request else of.getFeatures()))


def main(base: str) -> dict[str, float]:
    quakes = layer(base, "formater-earthquakes-indonesia")
    found: dict[str, float] = {"features": count(quakes)}
    found["magnitudes"] = sum(f["mag"] for f in quakes.getFeatures())
    found["box"] = count(quakes, QgsFeatureRequest(QgsRectangle(120, -5, 130, 5)))
    quakes.setSubsetString("\"time\" >= '2024-06-01T00:00:00Z' AND \"time\" <= '2024-06-30T23:59:59Z'")
    found["june"] = count(quakes)
    quakes.setSubsetString('"mag" >= 5')
    found["strong"] = count(quakes)
    found["boxed_strong"] = count(quakes, QgsFeatureRequest(QgsRectangle(120, -5, 130, 5)))
    places = layer(base, "theia-departements")
    found["polygons"] = count(places)
    places.setSubsetString("\"name\" = 'Isère'")
    found["named"] = count(places)
    lambert = QgsFeatureRequest()
    lambert.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:2154"), QgsProject.instance().transformContext())
    found["area"] = sum(f.geometry().area() for f in places.getFeatures(lambert)) / 1e6
    air = QgsRasterLayer(f"OGCAPI:{base}/collections/aeris-ncep-air-temperature", "air", "gdal")
    assert air.isValid(), air.error().summary()
    found["slice"] = air.dataProvider().bandStatistics(1).mean
    return found


application = QgsApplication([], False)
application.initQgis()
print(json.dumps({"version": Qgis.QGIS_VERSION.split("-")[0], "found": main(sys.argv[1])}))
application.exitQgis()
