"""The process `extract-subset`: a part of a data set as a file that tells where it comes from."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import shapely
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from poles import parse
from poles.answer import answer
from poles.coverage import Answer
from poles.dataset import Dataset
from poles.errors import Invalid
from poles.metadata import ogc
from poles.parse import where
from poles.query import Everywhere, Page, Query, Within
from processes.process import Datasets, Process

Format = Literal["NetCDF", "CoverageJSON", "GeoTIFF", "GeoJSON", "CSV"]
EVERYWHERE = "-180,-90,180,90"


def _corners(value: Any) -> Any:
    """The numbers of a box, also out of OGC's object `{"bbox": [...], "crs": ...}`."""
    return value.get("bbox", value) if isinstance(value, dict) else value


def _named(value: Any) -> Any:
    """A list of names, also from one name or a comma list."""
    return [v.strip() for v in value.split(",")] if isinstance(value, str) else value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _format(value: Any) -> Any:
    """A format in any case."""
    known = {
        "netcdf": "NetCDF",
        "coveragejson": "CoverageJSON",
        "geotiff": "GeoTIFF",
        "geojson": "GeoJSON",
        "csv": "CSV",
    }
    return known.get(value.lower(), value) if isinstance(value, str) else value


class Inputs(BaseModel):
    """What is extracted."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    collection: str = Field(title="Collection", description="The id of a collection")
    bbox: Annotated[list[float] | None, BeforeValidator(_corners)] = Field(
        None, title="Box", description="West, south, east, north", min_length=4, max_length=6
    )
    polygon: dict[str, Any] | str | None = Field(
        None, title="Polygon", description="A polygon as GeoJSON or WKT, instead of a box"
    )
    datetime: str | None = Field(
        None, title="Time", description="A time, or an interval as 2020-01-01/2020-02-01; an open end is .."
    )
    z: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        None, title="Levels", description="A level, a list 10,50,100, an interval 10/100 or a repeat R5/0/10"
    )
    parameters: Annotated[list[str] | None, BeforeValidator(_named)] = Field(
        None,
        title="Parameters",
        description="Keys of parameters of the collection; all where it is absent",
        min_length=1,
    )
    crs: str | None = Field(None, title="CRS", description="The CRS of the box or polygon and of the result, as a URI")
    format: Annotated[Format | None, BeforeValidator(_format)] = Field(
        None, title="Format", description="NetCDF, CoverageJSON, GeoTIFF or CSV of grids, GeoJSON or CSV of features"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Inputs":
        if self.bbox is not None and self.polygon is not None:
            raise ValueError("both a bbox and a polygon are given; give one of them")
        return self


def compute(inputs: Inputs, datasets: Datasets) -> Answer:
    """The part of a data set that the inputs ask, as `poles.answer` gives it to every API."""
    dataset = datasets.get(inputs.collection)
    if dataset is None:
        raise Invalid("inputs.collection", f"{inputs.collection} is not there", "give the id of a collection")
    text = inputs.format in ("CoverageJSON", "GeoJSON", "CSV")
    try:
        return answer(dataset, question(inputs, dataset), text=text)
    except Invalid as error:
        raise Invalid(f"inputs.{_INPUTS.get(error.subject, error.subject)}", error.found, error.remedy) from error


_INPUTS = {"coords": "polygon", "parameter-name": "parameters", "properties": "parameters"}
"""Inputs by the OGC parameter that they become, so that a refusal names what was given."""


def question(inputs: Inputs, dataset: Dataset) -> Query:
    """The inputs as one question, through the one parser."""
    if ogc.kind(dataset) == "features":
        return _rows(inputs, dataset)
    asked = {
        "z": inputs.z,
        "datetime": inputs.datetime,
        "crs": inputs.crs,
        "parameter-name": _joined(inputs.parameters),
    }
    if inputs.polygon is not None:
        return parse.query("area", _given({"coords": wkt(inputs.polygon), **asked}), dataset)
    box = EVERYWHERE if inputs.bbox is None else _joined(inputs.bbox)
    found = parse.query("cube", _given({"bbox": box, **asked}), dataset)
    return found if inputs.bbox is not None else replace(found, where=Everywhere())


def _rows(inputs: Inputs, dataset: Dataset) -> Query:
    """A question to vector features: all rows, not a page of them."""
    if inputs.z is not None:
        raise Invalid("z", "features have no levels", "leave it out")
    asked = {
        "bbox": _joined(inputs.bbox), "datetime": inputs.datetime, "properties": _joined(inputs.parameters),
        "crs": inputs.crs, "bbox-crs": inputs.crs if inputs.bbox else None,
    }  # fmt: skip
    found = replace(parse.query("items", _given(asked), dataset), page=Page())
    if inputs.polygon is None:
        return found
    crs = found.crs_out or found.crs
    return replace(found, where=Within(where.polygon(wkt(inputs.polygon), crs)[0]), crs=crs)


def wkt(polygon: dict[str, Any] | str) -> str:
    """A polygon as WKT, from WKT or GeoJSON (a geometry or a feature). Raises `Invalid`."""
    if isinstance(polygon, str):
        return polygon
    try:
        geometry = shapely.geometry.shape(polygon.get("geometry", polygon))
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise Invalid(
            "polygon", "not a GeoJSON geometry", "give a Polygon or MultiPolygon, as GeoJSON or WKT"
        ) from error
    return shapely.to_wkt(geometry, rounding_precision=-1)


def _joined(values: list[Any] | None) -> str | None:
    return None if values is None else ",".join(str(v) for v in values)


def _given(asked: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value is not None}


class ExtractSubset(Process):
    """`extract-subset`, as pygeoapi lists and runs it."""

    id = "extract-subset"
    title = {"en": "Extract a subset", "fr": "Extraire un sous-ensemble"}  # noqa: RUF012
    description = {  # noqa: RUF012
        "en": "A part of a collection, by box or polygon, time, levels and parameters, as a file that carries its "
        "citation and licence.",
        "fr": "Une partie d'une collection, par boîte ou polygone, temps, niveaux et paramètres, dans un fichier qui "
        "porte sa citation et sa licence.",
    }
    keywords = {"en": ["extraction", "subset"], "fr": ["extraction", "sous-ensemble"]}  # noqa: RUF012
    inputs = Inputs
    french = {  # noqa: RUF012
        "collection": ("Collection", "L'identifiant d'une collection"),
        "bbox": ("Boîte", "Ouest, sud, est, nord"),
        "polygon": ("Polygone", "Un polygone en GeoJSON ou WKT, au lieu d'une boîte"),
        "datetime": ("Date", "Une date, ou un intervalle comme 2020-01-01/2020-02-01 ; une fin ouverte s'écrit .."),
        "z": ("Niveaux", "Un niveau, une liste 10,50,100, un intervalle 10/100 ou une répétition R5/0/10"),
        "parameters": ("Paramètres", "Les clés de paramètres de la collection ; tous s'il manque"),
        "crs": ("CRS", "Le CRS de la boîte ou du polygone et du résultat, par son URI"),
        "format": ("Format", "NetCDF, CoverageJSON, GeoTIFF ou CSV pour les grilles, GeoJSON ou CSV pour les entités"),
    }
    example = {  # noqa: RUF012
        "inputs": {
            "collection": "odatis-levitus-north-atlantic",
            "bbox": [-30, 30, -10, 50],
            "z": "0/100",
            "format": "NetCDF",
        }
    }
    formats = ogc.MEDIA_TYPES

    def computed(self, inputs: Inputs, datasets: Datasets) -> Answer:
        """See `compute`."""
        return compute(inputs, datasets)
