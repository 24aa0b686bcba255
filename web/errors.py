"""The bridge from errors to answers: JSON for whatever escapes, or a page for a browser."""

import logging

import orjson
from flask import Request, Response
from werkzeug.exceptions import HTTPException

from poles.errors import PolesError
from web import pages
from web.asked import HTML, JSON, VARY
from web.manners.negotiation import LANGUAGES, preferred, spoken

PROBLEM = "application/problem+json"
LOG = logging.getLogger("poles.web")
CODES = {
    400: "InvalidParameterValue", 404: "NotFound", 405: "MethodNotAllowed", 406: "NotAcceptable",
    413: "RequestEntityTooLarge", 414: "URITooLong", 415: "UnsupportedMediaType", 501: "NotImplemented",
}  # fmt: skip
DETAILS = {
    404: "path: nothing stands there; start at the landing page",
    405: "method: it is not allowed here; use one of those that Allow names",
    413: "body: it is too large; post less",
}


def answered(error: Exception, request: Request, root: str) -> Response:
    """The answer to an error: ours with their own words, HTTP's own, and our bugs, which never show their inside."""
    identifier = request.environ.get("poles.request_id", "")
    match error:
        case PolesError() if error.status < 500 or error.code != "NoApplicableCode":
            if error.status >= 500:
                LOG.error("%s", error, extra={"request_id": identifier})
            document = described(error.status, error.code, error.title, error.public, identifier, _type(error))
            headers = {"Retry-After": "5"} if error.status == 503 else {}
        case HTTPException(response=None) if error.code and error.code < 500:
            detail = DETAILS.get(error.code) or f"request: {error.description}; see the API description"
            document = described(error.code, CODES.get(error.code, "NoApplicableCode"), error.name, detail, identifier)
            headers = {k: v for k, v in error.get_headers() if k.lower() not in ("content-type", "content-length")}
            if "Allow" in headers:
                headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        case _:
            LOG.error("unexpected", exc_info=error, extra={"request_id": identifier})
            document = bug(identifier)
            headers = {}
    return _written(document, headers, request, root)


def described(
    status: int, code: str, title: str, detail: str, identifier: str = "", type_: str = "about:blank"
) -> dict[str, object]:
    """The members of RFC 9457, and the pair of OGC API Common."""
    found: dict[str, object] = {
        "type": type_, "title": title, "status": status, "detail": detail, "code": code, "description": detail,
    }  # fmt: skip
    return {**found, "request_id": identifier} if identifier else found


def bug(identifier: str) -> dict[str, object]:
    """What a client learns of a bug of ours: that it was one, and by which id we find it."""
    detail = f"server: an error of ours; report it with the request id {identifier}"
    return described(500, "NoApplicableCode", "Internal server error", detail, identifier)


def _type(error: PolesError) -> str:
    return str(getattr(error, "type", "about:blank"))


def _written(document: dict[str, object], headers: dict[str, str], request: Request, root: str) -> Response:
    """JSON, unless a page or a problem document is liked better; nobody keeps it."""
    f, accept = request.args.get("f", "").lower(), request.environ.get("HTTP_ACCEPT")
    media_type = HTML if f in ("html", HTML) else preferred(accept, (JSON, PROBLEM) if f else (JSON, PROBLEM, HTML))
    language = "en"
    if media_type == HTML:
        language = _language(request)
        asked = list(request.args.items(multi=True))
        body = pages.render("error", document, language=language, base=root, path=request.path, parameters=asked)
        headers = {**headers, "Content-Security-Policy": pages.CONTENT_SECURITY_POLICY}
    else:
        body = orjson.dumps(document).decode()
    told = {
        "Content-Type": f"{HTML}; charset=utf-8" if media_type == HTML else media_type or JSON,
        "Content-Language": language,
        "Vary": VARY,
        "Cache-Control": "no-store",
    }
    return Response(body, int(str(document["status"])), {**headers, **told})


def _language(request: Request) -> str:
    """The language of a page; a `lang` that is not spoken is what the page may be about."""
    lang = request.args.get("lang", "").lower()[:2]
    return lang if lang in LANGUAGES else spoken(request.environ.get("HTTP_ACCEPT_LANGUAGE"))
