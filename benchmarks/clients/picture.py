"""A picture of QGIS with layers of the demonstration, taken inside QGIS: writes docs/qgis.png.

`CLIENTS_URL=BASE xvfb-run -s '-screen 0 1280x800x24' qgis --nologo --code benchmarks/clients/picture.py`
"""

import os
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsProject,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from qgis.utils import iface

BASE = os.environ["CLIENTS_URL"]
OUT = Path(os.environ.get("CLIENTS_PICTURE", "docs/qgis.png")).resolve()


def layer(name: str, title: str) -> QgsVectorLayer:
    options = "version='OGC_API_FEATURES' pageSize='1000' restrictToRequestBBOX='1'"
    return QgsVectorLayer(f"url='{BASE}' typename='{name}' {options}", title, "OAPIF")


def drawn() -> None:
    project = QgsProject.instance()
    places = layer("theia-departements", "Départements (Theia)")
    fill = {"color": "238,232,213,255", "outline_color": "147,131,98", "outline_width": "0.2"}
    places.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(fill)))
    scenes = layer("theia-sentinel2-footprints", "Sentinel-2 scenes (Theia)")
    blue = {"color": "31,119,180,38", "outline_color": "31,119,180,255", "outline_width": "0.4"}
    scenes.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(blue)))
    for one in (places, scenes):
        assert one.isValid(), one.error().summary()
        project.addMapLayer(one)


def placed() -> None:
    """Over France, in Lambert-93; the first layer has set the view to all of it by then."""
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:2154"))
    iface.mapCanvas().setExtent(QgsRectangle(100_000, 6_050_000, 1_250_000, 7_120_000))
    iface.mapCanvas().refresh()


def arranged() -> None:
    window = iface.mainWindow()
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "Browser"))
    window.resize(1200, 760)


def taken() -> None:
    iface.mainWindow().grab().save(str(OUT))
    QgsProject.instance().setDirty(False)
    QApplication.instance().exit(0)


arranged()
QTimer.singleShot(1000, drawn)
QTimer.singleShot(5000, placed)
QTimer.singleShot(11000, taken)
