"""`answer(dataset, query)`: the one function through which every value leaves the server."""

from poles import times
from poles.coverage import Answer, Coverages
from poles.dataset import Dataset
from poles.errors import Invalid, NotFound, TooLarge
from poles.opened import grids_of, kind
from poles.query import AtLocation, Interval, Query
from poles.rows import items, series
from poles.rows.sampled import fetched
from poles.rows.shelf import index_of, store_of
from poles.select import coverages
from poles.sources import Replaced

GRID_VERBS = ("position", "area", "cube", "coverage")
SAMPLE_VERBS = ("position", "area", "cube", "location")


def answer(dataset: Dataset, query: Query, *, text: bool = True) -> Answer:
    """The answer to one question to one data set.

    Names, whether the question is served, and the size are checked before a value of a parameter is read;
    blocks are read as they are written. A valid question outside the data is an empty answer.

    `text`: the answer will be written as text (CoverageJSON, CSV), bounded by `limits.values`; binary formats
    are written block by block and may be twenty times as large.

    A file that is replaced while it is opened is asked once more.

    Raises `Invalid` (400), `NotFound` (404), `TooLarge` (413) and `Unreadable` (503).
    """
    try:
        return _answered(dataset, query, text)
    except Replaced:
        return _answered(dataset, query, text)


def outlined(dataset: Dataset, query: Query) -> Coverages:
    """The coverage that answers, however large it is: for documents that tell its axes and types and read no value."""
    if kind(dataset) != "grid":
        raise NotFound("coverage", f"{dataset.id} is no grid", "ask its items")
    return coverages(dataset, grids_of(dataset), query)


def _answered(dataset: Dataset, query: Query, text: bool) -> Answer:
    match kind(dataset), query.verb:
        case "grid", verb if verb in GRID_VERBS and _is_another_time(dataset, query):
            return Coverages(dataset, ())
        case "grid", verb if verb in GRID_VERBS and not isinstance(query.where, AtLocation):
            return _admitted(coverages(dataset, grids_of(dataset), query), text)
        case "observations", verb if verb in SAMPLE_VERBS:
            return _admitted(series.coverages(fetched(index_of(dataset), dataset, query), query), text)
        case "observations", "locations":
            return items.locations(index_of(dataset), dataset, query)
        case ("observations" | "features") as rows, "items" | "item":
            return items.items(store_of(dataset, rows), dataset, query)
        case kind_, verb:
            raise Invalid(verb, f"{dataset.id} does not answer it", f"ask {_served(kind_)}")


def _is_another_time(dataset: Dataset, query: Query) -> bool:
    """Whether a time is asked outside that which the block says of data that tell none themselves."""
    facts, said = dataset.facts, dataset.interval
    if query.when is None or said is None or facts is None or facts.interval is not None:
        return False
    begin, end = (None if text is None else times.moment(text) for text in said)
    low, high = times.bind(Interval(begin, end), times.ISO)
    asked = [times.bind(interval, times.ISO) for interval in query.when]
    return not any(max(low, first) <= min(high, last) for first, last in asked)


def _served(kind_: str) -> str:
    match kind_:
        case "grid":
            return ", ".join(GRID_VERBS)
        case "observations":
            return ", ".join((*SAMPLE_VERBS[:3], "locations", "items"))
        case _:
            return "items"


def _admitted(found: Coverages, text: bool) -> Coverages:
    """The answer, if it is not too large."""
    allowed = found.dataset.limits.values * (1 if text else 20)
    if found.size > allowed:
        remedy = "ask a smaller area, fewer times, levels or parameters"
        raise TooLarge(
            "values", f"{found.size} values asked, {allowed} allowed", remedy + (", or NetCDF" if text else "")
        )
    return found
