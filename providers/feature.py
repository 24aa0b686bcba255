"""The door of OGC API - Features."""

from typing import Any

from providers import filtered
from providers.door import Document, Door, Words, bridged, crs_of, document, joined, ogc


def _sortby(orders: list[dict[str, str]]) -> str:
    return ",".join(f"{'-' if o['order'] == '-' else ''}{o['property']}" for o in orders)


WORDS: Words = {
    "offset": ("offset", str),
    "limit": ("limit", str),
    "bbox": ("bbox", joined),
    "datetime_": ("datetime", str),
    "sortby": ("sortby", _sortby),
    "select_properties": ("properties", joined),
    "crs_transform_spec": ("crs", crs_of),
}
SPOKEN = frozenset(("resulttype", "properties", "skip_geometry", "language", "filterq"))
"""Said by hand in `query`: hits, property filters, `skipGeometry`, filters. Labels are in both languages."""


class Feature(Door):
    """Vector features, or observations one sample an item."""

    def __init__(self, provider_def: Document) -> None:
        super().__init__(provider_def)
        self.id_field = "id"

    def query(self, **keywords: Any) -> Document:
        """What stock pygeoapi asks, as a FeatureCollection; `hits` gives the count alone."""
        with bridged():
            parameters: dict[str, Any] = {**ogc(keywords, WORDS, SPOKEN), **dict(keywords.get("properties") or [])}
            if keywords.get("skip_geometry"):
                parameters["skipGeometry"] = "true"
            if keywords.get("filterq") is not None:
                parameters["filter"] = filtered.tree(keywords["filterq"])  # alone stays a tree: its text is gone
            found = document(self.ask("items", parameters), "table")
        found.pop("links", None)  # stock writes its own
        if keywords.get("resulttype") == "hits":
            found |= {"features": [], "numberReturned": 0}
        return found

    def get(self, identifier: str, **keywords: Any) -> Document:
        """One feature by its id."""
        with bridged():
            parameters = ogc(keywords, WORDS, SPOKEN) | {"itemId": identifier}
            found = document(self.ask("item", parameters), "table")
        found.pop("links", None)
        return found
