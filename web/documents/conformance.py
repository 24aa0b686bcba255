"""Conformance classes, each beside the test that proves it; a view declares those of the APIs it offers, no more."""

from collections.abc import Iterable
from dataclasses import dataclass

SPECIFICATIONS = "www.opengis.net/spec/"


@dataclass(frozen=True, slots=True)
class Proven:
    """Classes of one part of a standard, and the files of the tests that show them, by API (`common` is every view)."""

    api: str
    part: str
    proofs: tuple[str, ...]
    names: tuple[str, ...]
    scheme: str = "http"

    @property
    def classes(self) -> tuple[str, ...]:
        """The URIs, spelled as the specification spells them: clients compare whole strings."""
        return tuple(f"{self.scheme}://{SPECIFICATIONS}{self.part}/conf/{name}" for name in self.names)


_SCHEMAS = ("schemas", "queryables", "sortables", "returnables-and-receivables", "advanced-property-roles")
_EDR = ("core", "collections", "json", "geojson", "edr-geojson", "covjson", "html", "oas30")
_CQL2 = (
    "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
    "accent-insensitive-comparison", "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions",
    "temporal-functions", "arithmetic", "property-property",
)  # fmt: skip
_COVERAGES = (
    "core", "subsetting-spatial", "subsetting-temporal", "subsetting-general", "field-selection", "crs", "html",
    "coveragejson", "netcdf", "geotiff",
)  # fmt: skip
_SCALING = ("scaling-spatial", "scaling-temporal", "scaling-general")
_FEATURES = ("core", "geojson", "html", "oas30")
_FILTERS = ("filter", "features-filter", "queryables", "queryables-query-parameters")

TABLE: tuple[Proven, ...] = (
    Proven(
        "common", "ogcapi-common-1/1.0", ("test_web.py", "test_openapi.py"),
        ("core", "landing-page", "json", "html", "oas30"),
    ),
    Proven("common", "ogcapi-common-2/1.0", ("test_web.py",), ("collections", "json", "html")),
    Proven("feature", "ogcapi-features-1/1.0", ("conformance/test_features_part1.py",), _FEATURES),
    Proven("feature", "ogcapi-features-2/1.0", ("conformance/test_features_part2.py",), ("crs",)),
    Proven("feature", "ogcapi-features-3/1.0", ("test_cql2.py", "test_openapi.py"), _FILTERS),
    Proven("feature", "cql2/1.0", ("test_cql2.py",), _CQL2),
    Proven("feature", "ogcapi-features-5/1.0", ("test_openapi.py",), _SCHEMAS),
    Proven("feature", "ogcapi-common-3/1.0", ("test_openapi.py",), _SCHEMAS),
    Proven("feature", "ogcapi-features-8/1.0", ("test_openapi.py",), ("sortables", "sorting", "features-sorting")),
    Proven("edr", "ogcapi-edr-1/1.0", ("conformance/test_edr.py",), _EDR),
    Proven("edr", "ogcapi-edr-1/1.1", ("conformance/test_beyond_edr.py", "test_ogc_metadata.py"), (*_EDR, "queries")),
    Proven("coverage", "ogcapi-coverages-1/1.0", ("test_web.py", "test_interface.py"), _COVERAGES, "https"),
    Proven("coverage", "ogcapi-coverages-1/1.0", ("test_scaling.py", "test_gdal.py"), _SCALING, "https"),
    Proven(
        "process", "ogcapi-processes-1/1.0", ("test_processes.py",),
        ("core", "ogc-process-description", "json", "html", "oas30"),
    ),
)  # fmt: skip
"""What is declared, in the order in which it is listed."""


def classes(offered: Iterable[str]) -> tuple[str, ...]:
    """The classes of a view that offers these APIs."""
    there = {"common", *offered}
    return tuple(dict.fromkeys(c for proven in TABLE if proven.api in there for c in proven.classes))
