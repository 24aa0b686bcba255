"""The door of OGC API - Coverages."""

from typing import Any, BinaryIO

from poles import parse
from poles.answer import outlined
from poles.coverage import Coverages
from poles.dataset import AxisFacts, Dataset
from poles.encodings import cis
from poles.originals import original
from poles.parse.subset import NAMES
from providers.door import Document, Door, Parameters, Words, bridged, document, joined, nothing, ogc, written


def _subset(subsets: dict[str, list[Any]]) -> list[str]:
    """Subsets as OGC writes them: `depth(10:100)`, `time("2020-01-01":"2020-02-01")`."""
    return [f"{axis}({':'.join(_bound(v) for v in values)})" for axis, values in subsets.items()]


def _bound(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and value != "*" else str(value)


WORDS: Words = {
    "bbox": ("bbox", joined),
    "bbox_crs": ("bbox-crs", str),
    "datetime_": ("datetime", str),
    "properties": ("properties", joined),
    "subsets": ("subset", _subset),
}
SPOKEN = frozenset(("format_",))


class Coverage(Door):
    """The whole of a grid, or a subset along any of its axes."""

    def __init__(self, provider_def: Document) -> None:
        super().__init__(provider_def)
        axes = {a.name: a for a in self.dataset.facts.axes} if self.dataset.facts else {}
        self.axes = _axis_names(axes)
        self.crs = self.dataset.facts.crs if self.dataset.facts else None
        self.num_bands = len(self.dataset.parameters)
        self._coverage_properties = _properties(self.dataset, axes)
        self.native = str(provider_def.get("format", {}).get("name", "NetCDF"))

    def domain_set(self, parameters: Parameters) -> Document:
        """Where the cells lie, as CIS JSON. Raises NotFound where they are no single grid of rows and columns."""
        return cis.domain_set(self._outlined(parameters))

    def range_type(self, parameters: Parameters) -> Document:
        """The parameters as fields, as CIS JSON."""
        return cis.range_type(self._outlined(parameters))

    def _outlined(self, parameters: Parameters) -> Coverages:
        return outlined(self.dataset, parse.query("coverage", parameters, self.dataset))

    def original(self, name: str) -> BinaryIO:
        """One of the files that are offered as they are, open. Raises NotFound."""
        return original(self.dataset, name).open("rb")

    def query(self, **keywords: Any) -> Document | bytes:
        """What stock pygeoapi asks: CoverageJSON as a dict, or the bytes of the native format."""
        with bridged():
            native = keywords.get("format_") == self.native
            found = self.ask("coverage", ogc(keywords, WORDS, SPOKEN), text=not native)
            if isinstance(found, Coverages) and found.empty:
                raise nothing()
            if native:
                self.filename = f"{self.dataset.id}.nc"
                return written(found, self.native, "coverages")
            return document(found, "coverages")


def _axis_names(axes: dict[str, AxisFacts]) -> list[str]:
    """All names that the parser of `subset` understands: stock refuses any other before it asks."""
    names = {n for a in axes.values() for n in (a.name, a.key) if n}
    names |= {n for role in {"x", "y", *axes} for n in NAMES.get(role, ())}
    return sorted({written for n in names for written in (n, n.capitalize(), n.upper())})


def _properties(dataset: Dataset, axes: dict[str, AxisFacts]) -> Document:
    """What stock pygeoapi writes of a coverage into its collection document."""
    x, y = axes.get("x"), axes.get("y")
    properties: Document = {
        "width": x.size if x else None,
        "height": y.size if y else None,
        "resx": x.step if x else None,
        "resy": y.step if y else None,
    }
    if dataset.interval is not None:
        properties["time_range"] = list(dataset.interval)
    return properties
