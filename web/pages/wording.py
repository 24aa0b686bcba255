"""The English words that pages show for codes; their French is in the catalogue of `i18n`."""

NAMES = {"theia": "Theia", "aeris": "AERIS", "formater": "ForM@Ter", "odatis": "ODATIS"}
"""Names of the poles: the same in every language."""

REALMS = {"theia": "Land surfaces", "aeris": "Atmosphere", "formater": "Solid Earth", "odatis": "Ocean"}

WORKS = {
    "theia": "Vegetation, snow, water and soils, seen by satellites and measured on the ground.",
    "aeris": "Composition and physics of the air, from stations, balloons, aircraft, satellites and models.",
    "formater": "Shape and movements of the ground: geodesy, radar interferometry, gravity, magnetism, seismology.",
    "odatis": "The sea and its coasts: temperature, salinity, currents, level, colour and life.",
}

STEPS = {
    "collections": "Collections",
    "processes": "Processes",
    "jobs": "Jobs",
    "conformance": "Conformance",
    "openapi": "API description",
    "queryables": "Queryables",
    "sortables": "Sortables",
    "schema": "Schema",
    "items": "Items",
    "locations": "Locations",
    "instances": "Instances",
    "coverage": "Coverage",
    "position": "Position",
    "area": "Area",
    "cube": "Cube",
    "radius": "Radius",
    "trajectory": "Trajectory",
    "corridor": "Corridor",
    "results": "Results",
    "metadata": "Metadata",
}
"""Segments of a path."""

QUERIES = {
    "position": "At a place",
    "locations": "Locations",
    "area": "In an area",
    "cube": "In a box",
    "radius": "Around a place",
    "trajectory": "Along a line",
    "corridor": "In a corridor",
    "coverage": "Coverage",
    "items": "Items",
}
"""Queries, in the order in which a collection offers them."""

STATES = {
    "accepted": "waiting",
    "running": "running",
    "successful": "successful",
    "failed": "failed",
    "dismissed": "dismissed",
}

TIMES = {"created": "Created", "started": "Started", "updated": "Updated", "finished": "Finished"}

FAULTS = {
    400: "This request cannot be understood",
    401: "Who is asking?",
    403: "This is not open to you",
    404: "There is nothing at this address",
    405: "This method does not work here",
    406: "This format is not served here",
    413: "This answer would be too large",
    415: "This kind of content is not understood",
    429: "Too many requests",
    500: "Something broke on our side",
    501: "This is not served",
    503: "The server is busy",
}

ROLES = {
    "pointOfContact": "Point of contact",
    "author": "Author",
    "coAuthor": "Co-author",
    "custodian": "Custodian",
    "distributor": "Distributor",
    "editor": "Editor",
    "funder": "Funder",
    "host": "Host",
    "licensor": "Licensor",
    "originator": "Originator",
    "owner": "Owner",
    "principalInvestigator": "Principal investigator",
    "processor": "Processor",
    "producer": "Producer",
    "publisher": "Publisher",
    "resourceProvider": "Resource provider",
    "rightsHolder": "Rights holder",
    "sponsor": "Sponsor",
    "user": "User",
}
"""ISO 19115 `CI_RoleCode` and those of records."""

SHEET = {
    "version": "Version",
    "processing_level": "Processing level",
    "update_frequency": "Update frequency",
    "quality": "Quality",
    "access_rights": "Access rights",
    "updated": "Updated",
}
"""Members of a collection that stand in its fact sheet as they are."""

TYPES = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "yes or no",
    "array": "list",
    "object": "object",
    "null": "nothing",
}
"""Types of JSON schemas."""

TABLES = (REALMS, WORKS, STEPS, QUERIES, STATES, TIMES, FAULTS, ROLES, SHEET, TYPES)
"""Every table whose words are translated."""
