"""Output formats: one function each, over the same answers."""

from collections.abc import Iterable

from poles.coverage import Answer
from poles.encodings import covjson, csv, flatgeobuf, geojson, geojsonseq, geoparquet, geotiff, netcdf
from poles.encodings.accepted import ranges, weight
from poles.encodings.format import Context, Format, Kind, essence
from poles.errors import Invalid, NotAcceptable

__all__ = ["FORMATS", "Context", "Format", "Kind", "choose", "misfit", "named"]

FORMATS: tuple[Format, ...] = (
    Format(
        "CoverageJSON", "application/prs.coverage+json", "covjson",
        ("covjson", "application/vnd.cov+json", "application/covjson"),
        ("coverages",), covjson.carries, covjson.write,
    ),
    Format(
        "GeoJSON", "application/geo+json", "geojson", ("application/vnd.geo+json",),
        ("coverages", "table"), geojson.carries, geojson.write,
    ),
    Format(
        "GeoJSONSeq", "application/geo+json-seq", "geojsons", ("geojsonl", "application/geojson-seq"),
        ("table",), geojsonseq.carries, geojsonseq.write,
    ),
    Format(
        "CSV", "text/csv", "csv", (), ("coverages", "table"), csv.carries, csv.write,
    ),
    Format(
        "NetCDF", "application/x-netcdf", "nc", ("nc", "netcdf4", "application/netcdf", "application/x-netcdf4"),
        ("coverages", "table"), netcdf.carries, netcdf.write,
    ),
    Format(
        "GeoTIFF", "image/tiff; application=geotiff", "tif", ("tiff", "tif", "application/x-geotiff", "image/geotiff"),
        ("coverages",), geotiff.carries, geotiff.write,
    ),
    Format(
        "FlatGeobuf", "application/flatgeobuf", "fgb", ("fgb",), ("table",), flatgeobuf.carries, flatgeobuf.write,
    ),
    Format(
        "GeoParquet", "application/vnd.apache.parquet", "parquet",
        ("parquet", "application/parquet", "application/x-parquet"),
        ("table",), geoparquet.carries, geoparquet.write,
    ),
)  # fmt: skip

_JSON: dict[Kind, str] = {"coverages": "CoverageJSON", "table": "GeoJSON"}


def named(name: str) -> Format | None:
    """The format of that name, alias or media type, in any case."""
    wanted = essence(name)
    return next((f for f in FORMATS if wanted in f.names), None)


def choose(f: str | None, accept: str | None, kind: Kind, default: str = "") -> Format:
    """The format of an answer of that kind: `f` before `Accept`, then the default, else the API's own JSON.

    `json` is CoverageJSON for coverages and GeoJSON for rows. Raises Invalid for an `f` that is not offered,
    NotAcceptable where nothing offered is accepted.

    >>> choose("json", None, "table").name, choose(None, "text/html;q=0, image/tiff", "coverages").name
    ('GeoJSON', 'GeoTIFF')
    """
    offered = [x for x in FORMATS if kind in x.kinds]
    usual = next((x for x in offered if x.name == default), next(x for x in offered if x.name == _JSON[kind]))
    if f is not None and f.strip():
        return _asked(f, offered, kind)
    if accept is None or not accept.strip():
        return usual
    found = max((_liked(x, accept, kind), x is usual, -at) for at, x in enumerate(offered))
    if not found[0][0]:
        raise NotAcceptable("Accept", f"{accept[:60]!r} fits no format", f"accept {_names(offered)}")
    return offered[-found[2]]


def misfit(written_as: Format, answer: Answer) -> tuple[str, str] | None:
    """Why a format cannot carry an answer, and what would do; None where it can."""
    reason = written_as.carries(answer)
    if reason is None:
        return None
    return f"{written_as.name}: {reason}", f"ask {_names(x for x in FORMATS if x.carries(answer) is None)}"


def _asked(f: str, offered: list[Format], kind: Kind) -> Format:
    wanted = _JSON[kind].lower() if essence(f) in ("json", "application/json") else essence(f)
    found = next((x for x in offered if wanted in x.names), None)
    if found is None:
        raise Invalid("f", f"{f[:60]!r} is not offered", f"give {_names(offered)}")
    return found


def _names(formats: Iterable[Format]) -> str:
    return ", ".join(x.name for x in formats)


def _liked(written_as: Format, accept: str, kind: Kind) -> tuple[float, tuple[int, int], int]:
    """How much a client likes a format. A header that only says that no page is wanted leaves all formats."""
    wanted = ranges(accept)
    if all(r.media == "text/html" and not r.weight for r in wanted):
        wanted = (*wanted, *ranges("*/*"))
    own = [written_as.media_type, *(n for n in written_as.aliases if "/" in n)]
    return weight([*own, "application/json"] if written_as.name == _JSON[kind] else own, wanted)
