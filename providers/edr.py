"""The door of OGC API - Environmental Data Retrieval."""

from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from poles.coverage import Coverages
from poles.metadata import ogc as metadata
from providers.door import Document, Door, Words, bridged, crs_of, document, joined, nothing, ogc


def _wkt(geometry: BaseGeometry) -> str:
    """A geometry as text, every digit kept."""
    return str(shapely.to_wkt(geometry, rounding_precision=-1))


WORDS: Words = {
    "datetime_": ("datetime", str),
    "select_properties": ("parameter-name", joined),
    "wkt": ("coords", _wkt),
    "z": ("z", str),
    "bbox": ("bbox", joined),
    "crs_transform_spec": ("crs", crs_of),
    "limit": ("limit", str),
    "within": ("within", str),
    "within_units": ("within-units", str),
    "corridor_width": ("corridor-width", str),
    "width_units": ("width-units", str),
    "corridor_height": ("corridor-height", str),
    "height_units": ("height-units", str),
}
SPOKEN = frozenset(("query_type", "format_", "location_id"))


class EDR(Door):
    """Position, area and cube of grids; locations and their values of observations."""

    def get_query_types(self) -> list[str]:
        """The EDR queries served (`items` belongs to the feature provider)."""
        return [q for q in metadata.queries(self.dataset) if q != "items"]

    def get_parameters(self, parameters: Any = (), as_list: bool = False) -> Document | list[Document]:
        """The parameters as EDR describes them; all, or those named."""
        chosen = [p for p in self.dataset.parameters if not parameters or p.key in parameters]
        described = {p.key: metadata.parameter(p, "en") for p in chosen}
        return list(described.values()) if as_list else described

    def instances(self) -> list[str]:
        """No data set has instances."""
        return []

    def instance(self, instance: str) -> bool:
        """Whether there is an instance of that name."""
        return False

    def query(self, **keywords: Any) -> Document:
        """What stock pygeoapi asks, answered as CoverageJSON, or GeoJSON for the list of locations."""
        location = keywords.get("location_id")
        listing = keywords.get("query_type") == "locations" and location is None
        verb = "location" if location is not None else str(keywords.get("query_type"))
        if not listing:  # stock gives its default limit to every query; only a list has one
            keywords.pop("limit", None)
        with bridged():
            parameters = ogc(keywords, WORDS, SPOKEN) | ({} if location is None else {"locationId": str(location)})
            found = self.ask(verb, parameters)
            if isinstance(found, Coverages) and found.empty:
                raise nothing()
            return document(found, "coverages" if isinstance(found, Coverages) else "table")
