"""Output formats: one function each, over the same answers."""

from collections.abc import Iterable

from poles.coverage import Answer
from poles.encodings import covjson, csv, geojson, geotiff, netcdf
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
    ranges = _ranges(accept)
    open_ = [x for x in offered if _liking(x, ranges, kind) > 0]
    found = next((x for r, q in ranges if q > 0 and (x := _matching(r, open_, usual, kind)) is not None), None)
    if found is None:
        raise NotAcceptable("Accept", f"{accept[:60]!r} fits no format", f"accept {_names(offered)}")
    return found


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


def _ranges(accept: str) -> list[tuple[str, float]]:
    """The media ranges of an Accept header and their weights, the preferred first.

    A header that says nothing, or only that no page is wanted, leaves all formats.
    """
    found = []
    for part in accept.split(","):
        media, *parameters = (p.strip() for p in part.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.lower().startswith("q=")), 1.0)
        if media:
            found.append((media.lower(), weight))
    if all(media == "text/html" and weight <= 0 for media, weight in found):
        found.append(("*/*", 1.0))
    return sorted(found, key=lambda f: -f[1])


def _liking(written_as: Format, ranges: list[tuple[str, float]], kind: Kind) -> float:
    """The weight of the most specific ranges that hold a format."""
    own = {*written_as.names, *(("application/json",) if written_as.name == _JSON[kind] else ())}
    for level in (own, {f"{essence(written_as.media_type).split('/')[0]}/*"}, {"*/*"}):
        if weights := [weight for media, weight in ranges if media in level]:
            return max(weights)
    return 0.0


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _matching(media: str, offered: list[Format], usual: Format, kind: Kind) -> Format | None:
    if media == "application/json":
        return next((x for x in offered if x.name == _JSON[kind]), None)
    fitting = [
        x
        for x in offered
        if media in ("*/*", *x.names) or (media.endswith("/*") and essence(x.media_type).startswith(media[:-1]))
    ]
    return usual if usual in fitting else next(iter(fitting), None)
