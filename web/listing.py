"""Searching and paging the list of collections."""

import unicodedata
from dataclasses import dataclass
from urllib.parse import urlencode

from poles import times
from poles.dataset import POLES, BBox, Dataset
from poles.errors import Invalid
from poles.parse.text import whole
from poles.parse.when import intervals
from poles.parse.where import box as parsed
from poles.query import CRS84, Box, Interval
from web.asked import Asked

PARAMETERS = frozenset(("limit", "offset", "q", "bbox", "datetime", "pole"))
MOST = 10_000
CALENDAR = "proleptic_gregorian"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list; `next` and `previous` are offsets, None where there is none."""

    offset: int
    limit: int
    next: int | None
    previous: int | None


def searched(asked: Asked) -> tuple[list[Dataset], Page]:
    """The data sets of the view that the question leaves, in the order of the catalogue, and the page asked."""
    found = list(asked.view.datasets.values())
    if (pole := asked.one("pole")) is not None:
        found = [d for d in found if d.pole == _pole(pole)]
    if (q := asked.one("q")) is not None:
        terms = _terms(q)
        found = [d for d in found if _speaks_of(d, terms)]
    if (bbox := asked.one("bbox")) is not None:
        box = parsed(bbox, CRS84)
        found = [d for d in found if d.bbox is not None and _meet(box, d.bbox)]
    if (when := asked.one("datetime")) is not None:
        asked_times = intervals(when, CALENDAR)
        found = [d for d in found if any(_during(d, i) for i in asked_times)]
    return found, _page(asked, len(found))


def _page(asked: Asked, matched: int) -> Page:
    limit, offset = limited(asked.one("limit")), started(asked.one("offset"))
    following = offset + limit
    return Page(
        offset,
        limit,
        following if following < matched else None,
        max(offset - limit, 0) if offset > 0 else None,
    )


def limited(text: str | None) -> int:
    """A limit, clamped to the most that is served; absent: that."""
    return MOST if text is None else min(whole("limit", text, 1), MOST)


def started(text: str | None) -> int:
    """An offset; absent: 0."""
    return 0 if text is None else whole("offset", text, 0)


def _pole(name: str) -> str:
    if name.lower() in POLES:
        return name.lower()
    raise Invalid("pole", f"{name} is not a pole", f"give one of {', '.join(POLES)}")


def address(url: str, asked: Asked, offset: int, **more: str) -> str:
    """This list at another offset; the same question has one address, in whatever order it was asked."""
    kept = sorted((k, v) for k, v in asked.pairs if k not in ("offset", "f"))
    pairs = [*kept, *([("offset", str(offset))] if offset else []), *more.items()]
    return f"{url}?{urlencode(pairs, safe=',:/')}" if pairs else url


# --- does a data set match? ----------------------------------------------------------------------------------------


def _terms(q: str) -> tuple[str, ...]:
    """The comma-separated terms of a search."""
    found = tuple(folded(term.strip()) for term in q.split(",") if term.strip())
    if not found:
        raise Invalid("q", "there is no word in it", "give words parted by commas, or leave it out")
    return found


def _speaks_of(dataset: Dataset, terms: tuple[str, ...]) -> bool:
    """Whether one of the terms stands in title, description, keywords, parameters or id."""
    words = _words(dataset)
    return any(term in words for term in terms)


def _words(dataset: Dataset) -> str:
    texts = [dataset.title, dataset.description, *dataset.keywords, *(p.label for p in dataset.parameters)]
    return folded(
        " \n ".join([dataset.id, *(p.key for p in dataset.parameters), *(w for t in texts for w in (t.en, t.fr))])
    )


def folded(text: str) -> str:
    """A text without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _meet(box: Box, bbox: BBox) -> bool:
    """Whether two boxes share a point; either may cross 180 degrees."""
    west, south, east, north = bbox
    if box.south > north or box.north < south:
        return False
    return any(a[0] <= b[1] and a[1] >= b[0] for a in _runs(box.west, box.east) for b in _runs(west, east))


def _runs(west: float, east: float) -> list[tuple[float, float]]:
    """A range of longitudes as runs within [-180, 180]."""
    if east - west >= 360:
        return [(-180.0, 180.0)]
    west, east = _wrapped(west), _wrapped(east)
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]


def _wrapped(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def _during(dataset: Dataset, asked: Interval) -> bool:
    """Whether the times of a data set meet an interval. One without times always does (Common Part 2)."""
    if dataset.interval is None:
        return True
    start, end = (None if t is None else times.moment(t) for t in dataset.interval)
    low, high = times.bind(asked, CALENDAR)
    first, last = times.bind(Interval(start, end), CALENDAR)
    return first <= high and low <= last
