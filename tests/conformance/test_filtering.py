"""Features Parts 3, 5 and 8 and CQL2 over HTTP: each class that is declared, equal to brute force over the features.

The translation of CQL2, with all examples of the standard and on both stores, is tested beside this folder.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from probe.http import GEOJSON, Answer
from probe.view import View, demo, found, links
from shapely.geometry import box, mapping, shape

VIEWS = demo("feature")
SCHEMA = "application/schema+json"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
PART3, PART5, PART8 = (f"http://www.opengis.net/spec/ogcapi-features-{n}/1.0/conf/" for n in (3, 5, 8))
CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
DECLARED = (
    *(PART3 + n for n in ("filter", "features-filter", "queryables", "queryables-query-parameters")),
    *(PART5 + n for n in ("schemas", "queryables", "sortables", "returnables-and-receivables")),
    *(CQL2 + n for n in (
        "cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison",
        "basic-spatial-functions", "basic-spatial-functions-plus", "spatial-functions", "temporal-functions",
        "arithmetic", "property-property",
    )),
)  # fmt: skip
Feature = dict[str, Any]


def whole(view: View) -> list[Feature]:
    return [f for page in view.pages(view.items(limit=view.maximum), 100) for f in page["features"]]


def properties(view: View, name: str) -> dict[str, Any]:
    document = view.get(f"/collections/{view.id}/{name}", SCHEMA).ok()
    assert document.media == SCHEMA, document.media
    return dict(document.document["properties"])


def queryable(view: View, *kinds: str) -> str:
    """A queryable of some type, of which there are several values; else skipped."""
    for key, told in properties(view, "queryables").items():
        values = {
            f["properties"].get(key) for f in whole(view) if isinstance(f["properties"].get(key), str | int | float)
        }
        plain = told.get("type") in kinds and "format" not in told and told.get("x-ogc-role") is None
        if plain and len(values) > 1:
            return key
    pytest.skip(f"no queryable of type {' or '.join(kinds)}")


def filtered(view: View, condition: str | dict[str, Any], **more: str) -> Answer:
    text = isinstance(condition, str)
    return view.items(
        filter=condition if text else json.dumps(condition),
        filter_lang="cql2-text" if text else "cql2-json",
        limit=view.maximum,
        **more,
    )


def same(view: View, answer: Answer, chosen: Callable[[Feature], bool]) -> None:
    due = [str(f["id"]) for f in whole(view) if chosen(f)]
    document = answer.ok().document
    assert sorted(str(f["id"]) for f in document["features"]) == sorted(due), answer.url
    assert document.get("numberMatched", len(due)) == len(due)


def middle(view: View, key: str) -> float:
    """A value that some are below and some are above."""
    values = sorted(f["properties"][key] for f in whole(view) if f["properties"].get(key) is not None)
    return float(values[len(values) // 2])


class TestDeclared:
    def test_what_is_asked_here_is_declared(self, view: View) -> None:
        missing = set(DECLARED) - set(view.conforms)
        assert not missing, sorted(missing)


class TestSchemas:
    @pytest.mark.parametrize("name", ["schema", "queryables", "sortables"])
    def test_a_schema_is_linked_and_names_itself(self, view: View, name: str) -> None:
        link = found(view.collection, REL + name, SCHEMA)
        document = view.client.get(link["href"], SCHEMA).ok().document
        assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert document["$id"] == link["href"]
        assert document["type"] == "object"
        for key, told in document["properties"].items():
            assert "type" in told or "format" in told or "$ref" in told, key

    def test_a_feature_fits_its_schema(self, view: View) -> None:
        kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
        told = properties(view, "schema")
        for feature in whole(view)[:100]:
            for key, value in feature["properties"].items():
                names = told[key].get("type")
                allowed = [names] if isinstance(names, str) else list(names or kinds)
                fits = any(isinstance(value, kinds[n]) for n in allowed if n != "null")
                assert value is None or fits, f"{key}: {value!r} where {names} is told"

    def test_there_is_one_primary_geometry(self, view: View) -> None:
        roles = [p.get("x-ogc-role") for p in properties(view, "schema").values()]
        assert roles.count("primary-geometry") == 1


class TestQueryables:
    def test_unknown_members_are_refused_where_none_are_told(self, view: View) -> None:
        document = view.get(f"/collections/{view.id}/queryables", SCHEMA).ok().document
        assert document.get("additionalProperties") is False

    def test_a_queryable_is_a_parameter(self, view: View) -> None:
        key = queryable(view, "string", "integer")
        value = whole(view)[0]["properties"][key]
        same(view, _by_parameter(view, key, value), lambda f: f["properties"].get(key) == value)


def _by_parameter(view: View, key: str, value: Any) -> Answer:
    query = urlencode({key: value, "limit": view.maximum})
    return view.client.get(f"{view.items_url}?{query}", GEOJSON)


class TestSorting:
    @pytest.mark.parametrize("sign", ["", "-"])
    def test_sortby_orders_the_whole(self, view: View, sign: str) -> None:
        key = queryable(view, "number", "integer", "string")
        assert key in properties(view, "sortables")
        features = view.items(sortby=f"{sign}{key}", limit=view.maximum).ok().document["features"]
        values = [f["properties"][key] for f in features if f["properties"][key] is not None]
        assert len(features) == len(whole(view))
        if all(isinstance(v, int | float) for v in values):
            assert values == sorted(values, reverse=sign == "-")

    def test_pages_of_an_order_are_the_whole_once(self, view: View) -> None:
        key = queryable(view, "number", "integer", "string")
        size = max(1, len(whole(view)) // 5)
        pages = view.pages(view.items(sortby=key, limit=size), 100)
        once = [str(f["id"]) for page in pages for f in page["features"]]
        assert sorted(once) == sorted(str(f["id"]) for f in whole(view))


class TestProperties:
    def test_only_what_is_asked_is_given(self, view: View) -> None:
        """Beside it no more than what has a role: a sample keeps its time."""
        key = queryable(view, "string", "number", "integer")
        kept = {k for k, told in properties(view, "schema").items() if told.get("x-ogc-role")}
        for feature in view.items(properties=key).ok().document["features"]:
            assert set(feature["properties"]) - kept == {key}


class TestBasicCql2:
    @pytest.mark.parametrize("sign", ["=", "<>", "<", "<=", ">", ">="])
    def test_comparisons(self, view: View, sign: str) -> None:
        """As text and as JSON; what is null is never chosen."""
        key = queryable(view, "number", "integer")
        value = middle(view, key)
        compare: dict[str, Callable[[float], bool]] = {
            "=": lambda v: v == value, "<>": lambda v: v != value, "<": lambda v: v < value,
            "<=": lambda v: v <= value, ">": lambda v: v > value, ">=": lambda v: v >= value,
        }  # fmt: skip

        def chosen(feature: Feature) -> bool:
            found = feature["properties"].get(key)
            return found is not None and compare[sign](found)

        same(view, filtered(view, f'"{key}" {sign} {value!r}'), chosen)
        same(view, filtered(view, {"op": sign, "args": [{"property": key}, value]}), chosen)

    def test_logic(self, view: View) -> None:
        key = queryable(view, "number", "integer")
        value = middle(view, key)
        text = f'NOT ("{key}" < {value!r}) OR "{key}" IS NULL'
        same(view, filtered(view, text), lambda f: (v := f["properties"].get(key)) is None or v >= value)

    def test_a_condition_stands_beside_a_box(self, view: View) -> None:
        key = queryable(view, "string", "number", "integer")
        west, south, east, north = view.extent
        part = (west, south, (west + east) / 2, north)
        answer = filtered(view, f'"{key}" IS NOT NULL', bbox=",".join(map(repr, part)))

        def chosen(feature: Feature) -> bool:
            inside = not feature["geometry"] or shape(feature["geometry"]).intersects(box(*part))
            return feature["properties"].get(key) is not None and inside

        same(view, answer, chosen)


class TestComparisons:
    def test_in_and_between(self, view: View) -> None:
        key = queryable(view, "number", "integer")
        values = sorted({f["properties"][key] for f in whole(view) if f["properties"].get(key) is not None})
        low, high = values[len(values) // 4], values[3 * len(values) // 4]
        text = f'"{key}" BETWEEN {low!r} AND {high!r}'
        same(view, filtered(view, text), lambda f: (v := f["properties"].get(key)) is not None and low <= v <= high)
        text = f'"{key}" IN ({low!r}, {high!r})'
        same(view, filtered(view, text), lambda f: f["properties"].get(key) in (low, high))

    def test_like_and_casei(self, view: View) -> None:
        key = queryable(view, "string")
        texts = [f["properties"][key] for f in whole(view) if f["properties"].get(key)]
        first = next(t for t in texts if t[0].isascii() and t[0].isalpha())[0]
        same(view, filtered(view, f"\"{key}\" LIKE '{first}%'"), lambda f: _text(f, key).startswith(first))
        insensitive = f"CASEI(\"{key}\") LIKE CASEI('{first.swapcase()}%')"
        same(view, filtered(view, insensitive), lambda f: _text(f, key).casefold().startswith(first.casefold()))

    def test_arithmetic_and_two_properties(self, view: View) -> None:
        key = queryable(view, "number", "integer")
        same(view, filtered(view, f'"{key}" = "{key}"'), lambda f: f["properties"].get(key) is not None)
        value = middle(view, key)
        same(
            view,
            filtered(view, f'"{key}" * 2 > {value!r} + {value!r}'),
            lambda f: (v := f["properties"].get(key)) is not None and v * 2 > value + value,
        )


def _text(feature: Feature, key: str) -> str:
    return str(feature["properties"].get(key) or "")


class TestSpatial:
    @pytest.mark.parametrize(
        ("name", "holds"), [("s_intersects", "intersects"), ("s_disjoint", "disjoint"), ("s_within", "within")]
    )
    def test_functions(self, view: View, name: str, holds: str) -> None:
        """A polygon that cuts the extent, as text, as JSON, and in another CRS."""
        west, south, east, north = view.extent
        area = box(west - 0.1, south - 0.1, west + 0.47 * (east - west), north + 0.1)
        geometry = next(
            k for k, p in properties(view, "queryables").items() if p.get("x-ogc-role") == "primary-geometry"
        )

        def chosen(feature: Feature) -> bool:
            return bool(feature["geometry"]) and getattr(shape(feature["geometry"]), holds)(area)

        same(view, filtered(view, f'{name.upper()}("{geometry}", {area.wkt})'), chosen)
        tree = {"op": name, "args": [{"property": geometry}, mapping(area)]}
        same(view, filtered(view, json.loads(json.dumps(tree))), chosen)
        turned = box(south - 0.1, west - 0.1, north + 0.1, west + 0.47 * (east - west))
        latitude_first = {"filter_crs": "http://www.opengis.net/def/crs/EPSG/0/4326"}
        same(view, filtered(view, f'{name.upper()}("{geometry}", {turned.wkt})', **latitude_first), chosen)


class TestTemporal:
    def test_after_and_during_split_the_whole(self, view: View) -> None:
        """Before a moment, and after or at it, is all that has a time."""
        roles = {p.get("x-ogc-role"): k for k, p in properties(view, "queryables").items()}
        key = roles.get("primary-instant")
        if key is None or view.interval is None:
            pytest.skip("no primary instant")
        begin, end = view.interval
        moments = sorted(f["properties"][key] for f in whole(view) if f["properties"].get(key))
        moment = moments[len(moments) // 2]
        before, after = (
            filtered(view, f"{name}(\"{key}\", TIMESTAMP('{moment}'))").ok().document["numberMatched"]
            for name in ("T_BEFORE", "T_AFTER")
        )
        at = filtered(view, f"\"{key}\" = TIMESTAMP('{moment}')").ok().document["numberMatched"]
        assert at >= 1
        assert before + at + after == len(moments)
        during = filtered(view, f"T_INTERSECTS(\"{key}\", INTERVAL('{begin}', '{end}'))")
        assert during.ok().document["numberMatched"] == len(moments)


class TestRefused:
    @pytest.mark.parametrize(
        "condition",
        [
            "nothing = 1",
            "id =",
            "((id = 'a')",
            "S_NOWHERE(geometry, POINT(0 0))",
            "{}",
            "(" * 200 + "id='a'" + ")" * 200,
        ],
    )
    def test_a_condition_that_cannot_be_meant_is_400(self, view: View, condition: str) -> None:
        assert filtered(view, condition).ok(400).document["description"]

    def test_an_unknown_language_is_400(self, view: View) -> None:
        view.items(filter="id='a'", filter_lang="sql").ok(400)

    def test_next_keeps_the_condition(self, view: View) -> None:
        key = queryable(view, "string", "number", "integer")
        document = view.items(filter=f'"{key}" IS NOT NULL', limit=1).ok().document
        (following,) = links(document, "next")
        assert "filter=" in following["href"]
