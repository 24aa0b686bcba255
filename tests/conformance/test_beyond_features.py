"""What is asked of items beyond the suite: boxes and times by brute force, paging, errors, manners of HTTP."""

import pytest
import shapely
from probe import shapes
from probe.http import GEOJSON, Answer, asked
from probe.view import View, demo, links
from shapely.geometry import shape

VIEWS = demo("feature")
BOXES = {
    "extent": (0.0, 0.0, 1.0, 1.0),
    "south-west quarter": (0.0, 0.0, 0.5, 0.5),
    "middle": (0.3, 0.3, 0.6, 0.7),
    "a line": (0.5, 0.0, 0.5, 1.0),
}


def whole(view: View) -> list[dict]:  # type: ignore[type-arg]
    """All features, by `next`."""
    return [f for page in view.pages(view.items(limit=view.maximum), 100) for f in page["features"]]


def ids(answer: Answer) -> list[str]:
    return [str(f["id"]) for f in answer.ok().document["features"]]


class TestSelection:
    @pytest.mark.parametrize("part", BOXES)
    def test_a_box_leaves_out_nothing_that_meets_it(self, view: View, part: str) -> None:
        west, south, east, north = view.extent
        a, b, c, d = BOXES[part]
        box = (
            west + a * (east - west),
            south + b * (north - south),
            west + c * (east - west),
            south + d * (north - south),
        )
        due = {
            str(f["id"])
            for f in whole(view)
            if not f["geometry"] or shape(f["geometry"]).intersects(shapes.polygon(box))
        }
        answer = view.items(bbox=",".join(map(repr, box)), limit=view.maximum)
        assert set(ids(answer)) == due
        assert answer.document["numberMatched"] == len(due)

    def test_a_box_in_another_crs_selects_what_lies_in_it(self, view: View) -> None:
        """In each CRS, the part of the extent that it is meant for: what lies within, away from the edges."""
        compared = 0
        for uri in view.crs:
            part = shapes.covered(view.extent, uri)
            box = part and shapes.box_in(part, uri)
            if part is None or box is None:
                continue
            inner = shapely.box(*part).buffer(-1e-6)
            due = {str(f["id"]) for f in whole(view) if f["geometry"] and inner.contains(shape(f["geometry"]))}
            answer = view.items(bbox=",".join(map(repr, box)), bbox_crs=uri, limit=view.maximum)
            missing = due - set(ids(answer))
            assert not missing, f"{answer.url}: {len(missing)} of {len(due)} features are missing"
            compared += 1
        assert compared

    def test_a_box_in_another_crs_leaves_the_rest_out(self, view: View) -> None:
        """A quarter of the extent in Web Mercator, whose parallels and meridians are straight, is that quarter."""
        uri = "http://www.opengis.net/def/crs/EPSG/0/3857"
        assert uri in view.crs
        west, south, east, north = view.extent
        part = (west, max(south, -85.0), west + 0.501 * (east - west), south + 0.501 * (north - south))
        box = shapes.box_in(part, uri)
        assert box is not None
        default = view.items(bbox=",".join(map(repr, part)), limit=view.maximum)
        assert ids(view.items(bbox=",".join(map(repr, box)), bbox_crs=uri, limit=view.maximum)) == ids(default)

    def test_the_extent_holds_every_feature(self, view: View) -> None:
        """Clients zoom to the extent, and ask for it: what it leaves out is never seen."""
        assert view.items(bbox=",".join(map(repr, view.extent))).document["numberMatched"] == len(whole(view))

    def test_an_interval_and_its_rest_are_the_whole(self, view: View) -> None:
        """What begins after a moment, and what does not."""
        if view.interval is None:
            pytest.skip("the collection has no times")
        _, end = view.interval
        until = view.items(datetime=f"../{end}").document["numberMatched"]
        assert until == len(whole(view))
        assert view.items(datetime="9990-01-01T00:00:00Z/..").document["numberMatched"] == 0

    def test_a_box_outside_is_200_and_empty(self, view: View) -> None:
        document = view.items(bbox="10,-89.9,10.1,-89.8").ok().document
        assert (document["features"], document["numberReturned"], document["numberMatched"]) == ([], 0, 0)


class TestPaging:
    def test_pages_are_the_whole_once(self, view: View) -> None:
        size = max(1, len(whole(view)) // 7)
        pages = view.pages(view.items(limit=size), 100)
        found = [str(f["id"]) for page in pages for f in page["features"]]
        assert found == [str(f["id"]) for f in whole(view)]
        assert [len(p["features"]) for p in pages[:-1]] == [size] * (len(pages) - 1)

    def test_the_last_page_has_no_next(self, view: View) -> None:
        assert not links(view.items(limit=view.maximum).document, "next") or len(whole(view)) > view.maximum
        assert not links(view.items(limit=len(whole(view))).document, "next")

    def test_next_keeps_the_question(self, view: View) -> None:
        box = ",".join(map(str, view.extent))
        document = view.items(bbox=box, limit=1).ok().document
        (following,) = links(document, "next")
        assert following["type"] == GEOJSON
        assert "bbox=" in following["href"]
        assert "limit=1" in following["href"]


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("limit", "0"),
            ("limit", "-1"),
            ("limit", "1.5"),
            ("bbox", "1,2,3"),
            ("bbox", "a,b,c,d"),
            ("bbox", "1,20,2,10"),
            ("datetime", "yesterday"),
            ("datetime", "2020-13-01"),
            ("crs", "nonsense"),
            ("bbox_crs", "nonsense"),
            ("properties", "no_such_property"),
            ("sortby", "no_such_property"),
            ("f", "no such format"),
            ("filter", "no_such_property = 1"),
            ("filter", "((("),
        ],
    )
    def test_what_is_malformed_is_400_and_says_why(self, view: View, name: str, value: str) -> None:
        answer = view.items(**{name: value}).ok(400)
        assert answer.media == "application/json", answer.media
        assert answer.document["code"]
        assert answer.document["description"]

    def test_what_is_not_there_is_404(self, view: View) -> None:
        view.client.get(f"{view.items_url}/no-such-feature", GEOJSON).ok(404)

    def test_what_no_format_fits_is_406(self, view: View) -> None:
        view.items("image/webp").ok(406)


class TestManners:
    def test_a_head_tells_what_a_get_would(self, view: View) -> None:
        got = view.items()
        head = view.client.ask("HEAD", got.url, {"Accept": GEOJSON})
        assert (head.status, head.body) == (200, b"")
        assert head.media == GEOJSON
        assert head.header("Content-Crs") == got.header("Content-Crs")

    def test_what_is_unchanged_is_not_sent_again(self, view: View) -> None:
        for url, accept in ((view.base + "/collections", "application/json"), (view.items().url, GEOJSON)):
            tag = view.client.ask("GET", url, {"Accept": accept}).ok().header("ETag")
            assert tag, url
            again = view.client.ask("GET", url, {"Accept": accept, "If-None-Match": tag})
            assert (again.status, again.body) == (304, b""), url

    def test_a_quality_of_zero_is_a_refusal(self, view: View) -> None:
        assert view.items("text/html;q=0, application/geo+json;q=0.1").ok().media == GEOJSON
        assert view.items("application/geo+json;q=0.5, text/html").ok().media == "text/html"

    def test_each_declared_encoding_is_given_by_accept_alone(self, view: View) -> None:
        """Each format of the document is answered with its own media type."""
        responses = view.api["paths"][view.items_path]["get"]["responses"]["200"]["content"]
        for media in responses:
            answer = view.client.get(asked(view.items_url, limit=2), media)
            assert answer.ok().media == media.partition(";")[0], f"{media}: {answer.media}"
