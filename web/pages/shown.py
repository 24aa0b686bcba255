"""How values read on a page: numbers, places, times, units and media types, in English and French."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from web.pages.wording import TYPES

NARROW = "\u202f"
MINUS = "\u2212"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z")
METRES = ("metre", "meter", "metres", "meters")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
UNITS = {
    "Cel": "°C",
    "deg": "°",
    "1": "1",
    "[degF]": "°F",
    "um": "µm",
    "ug": "µg",
    "us": "µs",
    "Ohm": "Ω",
    "[pH]": "pH",
    "[ppth]": "‰",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
}
FORMATS = {
    "application/json": "JSON",
    "application/geo+json": "GeoJSON",
    "application/geo+json-seq": "GeoJSONSeq",
    "application/flatgeobuf": "FlatGeobuf",
    "application/vnd.apache.parquet": "GeoParquet",
    "application/schema+json": "JSON Schema",
    "application/ld+json": "JSON-LD",
    "application/prs.coverage+json": "CoverageJSON",
    "application/vnd.cov+json": "CoverageJSON",
    "application/vnd.oai.openapi+json": "OpenAPI",
    "application/x-netcdf": "NetCDF",
    "application/netcdf": "NetCDF",
    "application/x-geotiff": "GeoTIFF",
    "image/tiff": "GeoTIFF",
    "text/csv": "CSV",
    "text/html": "HTML",
    "text/turtle": "Turtle",
    "application/rdf+xml": "RDF/XML",
    "application/xml": "XML",
    "application/x-bibtex": "BibTeX",
}


def number(value: float, language: str) -> str:
    """A number with the marks of the language: `12 345,6` or `12,345.6`; four digits stay together."""
    comma = "," if abs(value) >= 10_000 else ""
    text = f"{value:{comma}}" if isinstance(value, int) else f"{value:{comma}.10g}"
    text = text.replace("-", MINUS)
    return text.translate({ord(","): NARROW, ord("."): ","}) if language == "fr" else text


def unit(ucum: str | None) -> str:
    """A UCUM unit as people write it: `m.s-1` is `m s⁻¹`."""
    if not ucum:
        return ""
    parts = re.split(r"([./])", ucum)
    return "".join({".": NARROW, "/": "/"}.get(p) or _unit_part(p) for p in parts)


def _unit_part(part: str) -> str:
    if part in UNITS:
        return UNITS[part]
    split = re.fullmatch(r"(.*?[^\d-])(-?\d+)", part)
    if split is None:
        return part
    return UNITS.get(split[1], split[1]) + split[2].translate(SUPERSCRIPTS)


def moment(text: str | None) -> str:
    """An RFC 3339 time without what says nothing: seconds of zero, and a midnight."""
    if not text:
        return ""
    short = re.sub(r"T00:00(:00(\.0+)?)?Z?$", "", text)
    short = re.sub(r"(T\d\d:\d\d):00(\.0+)?Z?$", r"\1", short)
    return short.replace("T", " ").removesuffix("Z") + (" UTC" if "T" in short else "")


def media(mime: str | None) -> str:
    """The short name of a media type."""
    bare = (mime or "").split(";")[0].strip().lower()
    return FORMATS.get(bare, bare)


def href(address: Any) -> str:
    """An address that a link may hold: never a script."""
    text = str(address or "")
    return text if urlsplit(text).scheme in ("", "http", "https", "mailto") else "#"


def plain(value: Any) -> str:
    """A JSON value as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pretty(value: Any) -> str:
    """A JSON document, indented."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def locator(bbox: Sequence[float] | None) -> Mapping[str, float] | None:
    """A rectangle for the small world map (y grows southwards), never too small to see."""
    if not bbox:
        return None
    west, south, east, north = flat(bbox)
    east += 360 if east < west else 0
    width, height = max(east - west, 8), max(north - south, 8)
    return {
        "x": (west + east - width) / 2,
        "y": -(south + north + height) / 2,
        "width": width,
        "height": height,
    }


def flat(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east, north of a box of 4 or 6 numbers."""
    west, south = bbox[0], bbox[1]
    east, north = (bbox[3], bbox[4]) if len(bbox) == 6 else (bbox[2], bbox[3])
    return west, south, east, north


def box(collection: Mapping[str, Any]) -> Sequence[float] | None:
    """The first bounding box of a collection's extent, as four numbers."""
    boxes = ((collection.get("extent") or {}).get("spatial") or {}).get("bbox") or []
    first = boxes[0] if boxes and isinstance(boxes[0], (list, tuple)) else boxes
    return flat(first) if first and None not in first else None


def period(collection: Mapping[str, Any]) -> Sequence[str | None] | None:
    """The first interval of a collection's extent."""
    intervals = ((collection.get("extent") or {}).get("temporal") or {}).get("interval") or []
    return intervals[0] if intervals and isinstance(intervals[0], (list, tuple)) else (intervals or None)


def columns(features: Iterable[Mapping[str, Any]]) -> list[str]:
    """The property names of some features, in the order in which they first appear."""
    return list(dict.fromkeys(k for f in features for k in f.get("properties") or {}))


def sketch(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the map of a page needs of its features: geometries and ids."""
    features = document.get("features", [document])
    drawn = [f for f in features if f.get("geometry")]
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": f.get("id"), "geometry": f["geometry"], "properties": {}} for f in drawn
        ],
    }


def segment(value: Any) -> str:
    """A text as one segment of a path."""
    return quote(str(value), safe=":")


def spoken(text: Any, language: str) -> str:
    """A text, or the entry of a language map (CoverageJSON i18n)."""
    if isinstance(text, Mapping):
        return str(text.get(language) or text.get("en") or next(iter(text.values()), ""))
    return str(text or "")


def short(words: Iterable[str], most: int = 5) -> str:
    """The first words of a list."""
    listed = [str(w) for w in words]
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "")


def ucum(described: Mapping[str, Any]) -> str:
    """The symbol of a CoverageJSON or EDR unit."""
    symbol = described.get("symbol", described.get("label"))
    return str(symbol.get("value", "") if isinstance(symbol, Mapping) else symbol or "")


def crs_name(crs: Any) -> str:
    """`EPSG:2154` for its URI; the name in a WKT."""
    text = str(crs)
    uri = re.search(r"/def/crs/([^/]+)/[^/]+/(\w+)$", text)
    if uri:
        return "WGS 84 (CRS84)" if uri[2] == "CRS84" else f"{uri[1]}:{uri[2]}"
    wkt = re.match(r'\w+\["([^"]+)"', text)
    return wkt[1] if wkt else text


def axes(collection: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The axes of the extent beside space and time: `vertical`, and custom ones by their id."""
    extent = collection.get("extent") or {}
    for name, axis in extent.items():
        if name == "custom":
            yield from ((str(c.get("id")), c) for c in axis or ())
        elif name not in ("spatial", "temporal") and isinstance(axis, Mapping):
            yield name, axis


def axis_unit(axis: Mapping[str, Any]) -> str:
    """The unit that an axis of the extent names, itself or in the WKT of its vertical reference system."""
    if axis.get("unit"):
        return str(axis["unit"])
    found = re.search(r'(?:LENGTH|PARAMETRIC)UNIT\["([^"]+)"', str(axis.get("vrs") or ""))
    named = found[1] if found else ""
    return "m" if named.lower() in METRES else named


def doi(text: str) -> str:
    """A DOI as its address."""
    return text if text.startswith("http") else "https://doi.org/" + text.removeprefix("doi:")


def mails(contact: Mapping[str, Any]) -> list[str]:
    """The mail addresses of a contact: `email`, or `emails` as records write them."""
    listed = [e.get("value") if isinstance(e, Mapping) else e for e in contact.get("emails") or ()]
    return [m for m in (contact.get("email"), *listed) if m]


def linked(links: Iterable[Mapping[str, Any]] | None, rel: str) -> Mapping[str, Any]:
    """The first link of a relation, else an empty one."""
    return next((link for link in links or () if link.get("rel") == rel), {})


def licence(collection: Mapping[str, Any]) -> str:
    """The name of a licence: what the collection says, else what the address of its text ends with."""
    if name := collection.get("license") or collection.get("licence"):
        return str(name)
    link = linked(collection.get("links"), "license")
    return re.sub(r"^https://spdx\.org/licenses/(.+)\.html$", r"\1", link.get("href", ""))


def steps(values: Sequence[Any] | None) -> int:
    """How many values an extent lists; `R40/<start>/<step>` stands for 40."""
    repeated = (re.match(r"R(\d+)/", str(v)) for v in values or ())
    return sum(int(r[1]) if r else 1 for r in repeated)


def standards(uris: Iterable[str]) -> Mapping[str, list[str]]:
    """Conformance classes by their standard and version."""
    grouped: dict[str, list[str]] = {}
    for uri in uris:
        parts = uri.split("/spec/")[-1].split("/")
        grouped.setdefault(" ".join(parts[:2]), []).append(uri)
    return grouped


@dataclass(frozen=True, slots=True)
class Shown:
    """The words of one language around values."""

    language: str
    text: Callable[..., str]

    def number(self, value: Any) -> str:
        """A number without groups of thousands (it may be a code), a time, or whatever else stands there, as text."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return moment(value) if isinstance(value, str) and MOMENT.fullmatch(value) else plain(value)
        return number(value, self.language).replace(NARROW if self.language == "fr" else ",", "")

    def cells(self, properties: Mapping[str, Any], names: Iterable[str]) -> Markup:
        """The cells of one row of a table; there may be 100,000, so they are written here and not in a template."""
        return Markup("".join(self._cell(properties.get(name)) for name in names))  # each of them is escaped

    def _cell(self, value: Any) -> str:
        match value:
            case None:
                return '<td class="absent">–</td>'
            case bool():
                return f"<td>{escape(self.text('yes' if value else 'no'))}</td>"
            case int() | float():
                return f'<td class="n">{self.number(value)}</td>'
            case str() if value.startswith(("http://", "https://")):
                return f'<td><a href="{escape(value)}">{escape(value)}</a></td>'
        return f"<td>{escape(self.number(value))}</td>"

    def longitude(self, degrees: float) -> str:
        """`2.35° E`."""
        east = (degrees + 180) % 360 - 180 if abs(degrees) > 180 else degrees
        return self._degrees(east, self.text("E"), self.text("W"))

    def latitude(self, degrees: float) -> str:
        """`48.85° N`."""
        return self._degrees(degrees, self.text("N"), self.text("S"))

    def _degrees(self, value: float, positive: str, negative: str) -> str:
        side = "" if value == 0 else f" {positive if value > 0 else negative}"
        return f"{number(round(abs(float(value)), 3), self.language)}°{side}"

    def box(self, bbox: Sequence[float]) -> str:
        """A bounding box in words."""
        west, south, east, north = flat(bbox)
        meridians = (self.longitude(west), self.longitude(east))
        parallels = (self.latitude(south), self.latitude(north))
        return ", ".join(a if a == b else f"{a} – {b}" for a, b in (meridians, parallels))

    def period(self, interval: Sequence[str | None]) -> Markup:
        """An interval of times; open ends in words."""
        since, until = (_time(t) if t and t != ".." else None for t in (interval[0], interval[-1]))
        if since is None and until is None:
            return Markup("{}").format(self.text("any time"))
        if since is None:
            return Markup("{} {}").format(self.text("until"), until)
        if until is None:
            return Markup("{} {}").format(self.text("since"), since)
        return since if since == until else Markup("{} – {}").format(since, until)

    def axis(self, axis: Mapping[str, Any]) -> str:
        """The range of an axis, its unit where the reference is a short text, and its steps."""
        listed = axis.get("values") or ()
        interval = (axis.get("interval") or [listed or [""]])[0]
        low, high = (self.text_of(v) for v in (interval[0], interval[-1]))
        measured = f"{NARROW}{unit(u)}" if (u := axis_unit(axis)) not in ("", "1") else ""
        n = steps(listed)
        counted = f", {self.text('{n} values', n=number(n, self.language))}" if n > 1 else ""
        return (low if low == high else f"{low} – {high}") + measured + counted

    def text_of(self, value: Any) -> str:
        """A value that may be a number written as text."""
        try:
            return number(float(value), self.language)
        except (TypeError, ValueError):
            return plain(value)

    def type_of(self, schema: Mapping[str, Any]) -> str:
        """The type of a JSON schema, in one word or two."""
        if "$ref" in schema:
            return str(schema["$ref"]).rsplit("/", 1)[-1].removesuffix(".json").removesuffix(".yaml")
        options = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
        if "type" not in schema and options:
            return f" {self.text('or')} ".join(dict.fromkeys(filter(None, map(self.type_of, options))))
        kind = schema.get("type", "")
        kinds = kind if isinstance(kind, list) else [kind]
        named = f" {self.text('or')} ".join(self.text(TYPES.get(k, k)) if k else "" for k in kinds)
        return f"{named} ({schema['format']})" if schema.get("format") else named


def _time(text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(text, moment(text))


FILTERS: dict[str, Callable[..., Any]] = {
    "unit": unit,
    "moment": moment,
    "media": media,
    "href": href,
    "plain": plain,
    "pretty": pretty,
    "locator": locator,
    "box": box,
    "period": period,
    "columns": columns,
    "segment": segment,
    "sketch": sketch,
    "spoken": spoken,
    "short": short,
    "ucum": ucum,
    "crs_name": crs_name,
    "axes": axes,
    "doi": doi,
    "mails": mails,
    "linked": linked,
    "licence": licence,
    "steps": steps,
    "standards": standards,
}
