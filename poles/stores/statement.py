"""A question to rows as one SQL statement, its values bound: what is asked, in which order, which page."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import shapely

from poles import times
from poles.crs import crs as crs_of
from poles.errors import Invalid
from poles.query import Box, Everywhere, Interval, Query, Span, Within
from poles.stores import Statement
from poles.stores.dialect import Dialect, Values, quoted
from poles.stores.filters import condition
from poles.stores.layout import Column, Layout
from poles.stores.places import Region, boxed, in_crs, polygons, regions, strips

_GATHERED = 100_000
"""Rows that match, up to which all are found before they are put in order: that costs what counting them did.

Left alone, PostgreSQL walks the table in order until it meets a page of them, and rows that lie together may lie at its
end.
"""
_SLACK = 1e-6
"""A level is that of a row within this part of it."""


def page(
    layout: Layout, dialect: Dialect, query: Query, columns: Sequence[Column], *, ahead: int = 0, among: str = "",
    matched: int | None = None,
) -> Statement:  # fmt: skip
    """The rows of one page: `id`, the columns, the geometry where it is asked.

    `ahead` rows more are taken, to see whether any follow. `among` is a further condition. `matched`: how many rows
    there are on all pages, where they are counted.
    """
    values = Values()
    found = [*_conditions(layout, dialect, query, values), *([among] if among else [])]
    limit, offset = query.page.limit, query.page.offset
    rows = len(query.ids) if query.ids is not None else None if limit is None else limit + ahead
    if not found and not query.sort and layout.row is not None and (offset or limit is not None):
        return Statement(_whole_page(layout, dialect, query, columns, ahead, values), tuple(values.bound), rows)
    asked = f"{dialect.table(layout)}{_where(found)}"
    if found and dialect.walks and matched is not None and matched <= _GATHERED:
        asked = f"(SELECT * FROM {asked} OFFSET 0) AS found"
    text = f"SELECT {_selected(layout, dialect, query, columns)} FROM {asked}{_order(layout, dialect, query)}"
    if limit is not None:
        text += f" LIMIT {values(limit + ahead)}"
    if offset:
        text += f" OFFSET {values(offset)}"
    return Statement(text, tuple(values.bound), rows)


def counted(layout: Layout, dialect: Dialect, query: Query, *, among: str = "") -> Statement | None:
    """How many rows are asked, over all pages; None: all there are."""
    values = Values()
    found = [*_conditions(layout, dialect, query, values), *([among] if among else [])]
    if not found and layout.count is not None:
        return None
    return Statement(f"SELECT count(*) FROM {dialect.table(layout)}{_where(found)}", tuple(values.bound), 1)


def matching(layout: Layout, dialect: Dialect, query: Query, *, among: str = "") -> Statement:
    """The rows that `counted` counts, one by one, as an engine is asked to guess their number."""
    values = Values()
    found = [*_conditions(layout, dialect, query, values), *([among] if among else [])]
    return Statement(f"SELECT 1 FROM {dialect.table(layout)}{_where(found)}", tuple(values.bound))


def selection(
    layout: Layout, dialect: Dialect, query: Query, names: Iterable[str], conditions: Sequence[str] = (),
    values: Values | None = None, *, counted: bool = False, distinct: bool = False,
) -> Statement:  # fmt: skip
    """Stored columns of the rows asked and of `conditions` (whose values are in `values`), in stored order.

    `counted`: only how many they are; `distinct`: each once.
    """
    values = values or Values()
    found = [*conditions, *_conditions(layout, dialect, query, values)]
    listed = "count(*)" if counted else ", ".join(quoted(n) for n in names)
    text = f"SELECT {'DISTINCT ' if distinct else ''}{listed} FROM {dialect.table(layout)}{_where(found)}"
    if distinct or counted:
        return Statement(text, tuple(values.bound))
    # DuckDB answers `= ANY` by a join, which keeps no order.
    order = _order(layout, replace(dialect, keeps_order=dialect.keeps_order and " = ANY(" not in text), query)
    return Statement(text + order, tuple(values.bound))


def _whole_page(
    layout: Layout, dialect: Dialect, query: Query, columns: Sequence[Column], ahead: int, values: Values
) -> str:
    """A page of all rows by their numbers: the deepest costs what the first does."""
    row = quoted(layout.row or "")
    conditions = [f"{row} >= {values(query.page.offset)}"]
    if query.page.limit is not None:
        conditions.append(f"{row} < {values(query.page.offset + query.page.limit + ahead)}")
    text = f"SELECT {_selected(layout, dialect, query, columns)} FROM {dialect.table(layout)}{_where(conditions)}"
    return text + _order(layout, dialect, query)


def _selected(layout: Layout, dialect: Dialect, query: Query, columns: Sequence[Column]) -> str:
    names = [quoted(layout.id), *(quoted(c.stored) for c in columns)]
    return ", ".join([*names, *(dialect.selected(layout) if query.geometry and layout.geometry else [])])


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(f'({c})' for c in conditions)}" if conditions else ""


def _order(layout: Layout, dialect: Dialect, query: Query) -> str:
    """By what was asked, nulls last, then in stored order, so that pages never overlap."""
    keys = [f"{_key(layout, dialect, name)} {'ASC' if up else 'DESC'} NULLS LAST" for name, up in query.sort]
    if not keys and dialect.keeps_order and layout.row is not None:
        return ""
    last = quoted(layout.row) if layout.row is not None else dialect.ordered(quoted(layout.id), "other")
    return f" ORDER BY {', '.join([*keys, last])}"


def _key(layout: Layout, dialect: Dialect, name: str) -> str:
    if name == "id":
        return dialect.ordered(dialect.identifier(layout), "string")
    column = layout.column(name)
    if column is None or column.type == "other":
        there = [c.name for c in layout.columns if c.type != "other"]
        raise Invalid("sortby", f"{name[:60]} is not there", f"give of {', '.join(['id', *there])}")
    return dialect.ordered(quoted(column.stored), column.type)


# --- conditions ----------------------------------------------------------------------------------------------------


def _conditions(layout: Layout, dialect: Dialect, query: Query, values: Values) -> list[str]:
    found = [
        None if query.ids is None else dialect.identified(layout, query.ids, values),
        place(layout, dialect, query, values),
        _time(layout, dialect, query.when, values),
        _level(layout, query.levels, values),
    ]
    if query.filter is not None:
        found.append(condition(query.filter, layout, dialect, values, query.filter_crs))
    return [c for c in found if c is not None]


def _any(conditions: Iterable[str]) -> str:
    """Any of several conditions; none of no conditions."""
    return " OR ".join(f"({c})" for c in conditions) or "FALSE"


def place(layout: Layout, dialect: Dialect, query: Query, values: Values) -> str | None:
    """Rows that touch a box, edges included."""
    match query.where:
        case Everywhere():
            return None
        case Box() | Within() if layout.geometry is None:
            return "FALSE"
        case Box() as box:
            native = crs_of(layout.crs)
            found = regions(box, in_crs(query.crs, native), native, layout.bounds)
        case Within(polygon):
            native = crs_of(layout.crs)
            found = polygons(polygon, in_crs(query.crs, native), native, layout.bounds)
        case other:
            raise Invalid("query", f"{type(other).__name__} is not asked of rows", "ask a bbox")
    return _any(_touching(layout, dialect, r, values) for r in found)


def _touching(layout: Layout, dialect: Dialect, region: Region, values: Values) -> str:
    near = dialect.overlaps(layout, region.outer, values)
    if region.shape is None and layout.points:
        return near
    if region.shape is not None and region.inner is not None:
        return f"{near} AND ({' OR '.join(_touching(layout, dialect, part, values) for part in strips(region))})"
    inner = None if region.inner is None else dialect.inside(layout, region.inner, values)
    shape = boxed(region.outer) if region.shape is None else region.shape
    literal = dialect.literal(values(shapely.to_wkb(shape)), crs_of(layout.crs))
    touches = f"ST_Intersects({dialect.shape(layout)}, {literal})"
    return f"{near} AND " + (touches if inner is None else f"(({inner}) OR {touches})")


def _time(layout: Layout, dialect: Dialect, when: Sequence[Interval] | None, values: Values) -> str | None:
    """Rows whose time overlaps one of the intervals; those without a time always do."""
    if when is None or not layout.times:
        return None
    begin, end = quoted(layout.times[0]), quoted(layout.times[-1])
    found = []
    for interval in when:
        low, high = times.bind(interval, times.ISO)
        if low > high:
            continue
        # Both ends of one column stand together: the index of PostgreSQL answers that at once.
        asked: dict[str, list[str]] = {begin: [], end: []}
        if interval.end is not None:  # to its last microsecond, for tables of others tell more than milliseconds
            asked[begin].append(f"{begin} <= {dialect.moment(high, values, 999)}")
        if interval.start is not None:
            asked[end].append(f"{end} >= {dialect.moment(low - low % times.DAY if layout.whole_days else low, values)}")
        found.append(" AND ".join(f"({c} IS NULL OR {' AND '.join(a)})" for c, a in asked.items() if a) or "TRUE")
    return _any(found)


def _level(layout: Layout, levels: Sequence[Span] | None, values: Values) -> str | None:
    if levels is None or layout.z is None:
        return None
    return _any(_between(quoted(layout.z), span, values) for span in levels)


def _between(column: str, span: Span, values: Values) -> str:
    ends = [_number(e) for e in (span.start, span.end) if e is not None]
    slack = _SLACK * max((abs(e) for e in ends), default=0.0)
    if span.start is not None and span.end is not None:
        return f"{column} BETWEEN {values(min(ends) - slack)} AND {values(max(ends) + slack)}"
    if span.start is not None:
        return f"{column} >= {values(ends[0] - slack)}"
    return f"{column} <= {values(ends[0] + slack)}" if ends else f"{column} IS NOT NULL"


def _number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Invalid("z", f"{value} is no number", "give numbers in the units of the levels") from None
