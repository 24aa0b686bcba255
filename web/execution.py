"""Executing a process while the client waits: the body is read strictly, and the one output is sent as asked."""

from base64 import b64encode
from typing import Any

import orjson
from flask import Response
from pygeoapi.plugin import load_plugin

from poles.errors import Invalid, NotFound
from poles.metadata.ogc import MEDIA_TYPES
from poles.parse.text import named
from web.asked import JSON, Asked, declared
from web.data import gathered, nothing
from web.documents import shell
from web.manners.disposition import kept_as

Document = dict[str, Any]
MEMBERS = ("inputs", "outputs", "response", "subscriber")


def execute(asked: Asked, process: str) -> Response:
    """The result of one process, raw (a file), or in a JSON document with `response: document`.

    No `Link` header: the CITE suite takes one on a synchronous result for a link to a job.
    """
    declared(asked, ())
    known = shell.processes(asked.views)
    if process not in known:
        raise shell.NoSuchProcess("process", f"{process} is not there", f"give one of {', '.join(known) or 'none'}")
    body = _body(asked)
    plugin = load_plugin("process", known[process]["processor"])
    result = plugin.run(_inputs(body, plugin.output), asked.view.datasets, asked.language)
    if result.body is None:
        return nothing()
    if body.get("response", "raw") == "document":
        return Response(_document(result), headers=[("Content-Type", JSON)])
    headers = [
        ("Content-Type", result.media_type),
        ("Content-Disposition", kept_as(result.filename)),
    ]
    return Response(gathered(result.body), headers=headers)


class NoSuchJob(NotFound):
    """There is no job of that id (Processes 1.0, `/req/core/job-exception-no-such-job`)."""

    code = "NoSuchJob"
    type = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job"


def job(asked: Asked, job: str) -> Response:
    """No job is ever there: processes run while the client waits."""
    raise NoSuchJob("job", f"{job} is not there", f"see {asked.view.url}/jobs")


def _body(asked: Asked) -> Document:
    """The execute request. Raises `Invalid` for what is not one."""
    try:
        body = orjson.loads(asked.request.get_data())
    except orjson.JSONDecodeError as error:
        raise Invalid("body", "not JSON", 'post {"inputs": {...}}') from error
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise Invalid("inputs", "there is no object of inputs", 'post {"inputs": {...}}')
    for name in body:
        if name not in MEMBERS:
            raise Invalid(named(name), "not a member of an execute request", f"give of {', '.join(MEMBERS)}")
    if body.get("response", "raw") not in ("raw", "document"):
        raise Invalid("response", f"{body['response']!r} is not offered", "give raw or document")
    if "subscriber" in body:
        raise Invalid("subscriber", "callbacks are not offered", "leave it out")
    return body


def _inputs(body: Document, output: str) -> Document:
    """The inputs, with the format that `outputs` asks of the result."""
    inputs: Document = dict(body["inputs"])
    outputs = body.get("outputs") or {output: {}}
    if isinstance(outputs, list):
        outputs = {str(name): {} for name in outputs}
    if not isinstance(outputs, dict):
        raise Invalid("outputs", "neither an object nor a list", f"ask {output}")
    for name, asked in outputs.items():
        if name != output:
            raise Invalid(f"outputs.{name}", "not an output of this process", f"ask {output}")
        wanted = _object(asked, f"outputs.{name}")
        if (mode := wanted.get("transmissionMode", "value")) != "value":
            raise Invalid(f"outputs.{name}.transmissionMode", f"{mode!r} is not offered", "ask value")
        if media_type := _object(wanted.get("format"), f"outputs.{name}.format").get("mediaType"):
            inputs.setdefault("format", _format(str(media_type)))
    return inputs


def _object(value: Any, name: str) -> Document:
    if value is None or isinstance(value, dict):
        return value or {}
    raise Invalid(name, "not an object", 'give an object, as {"format": {"mediaType": "text/csv"}}')


def _format(media_type: str) -> str:
    bare = media_type.split(";")[0].strip().lower()
    return next((name for name, known in MEDIA_TYPES.items() if known.split(";")[0] == bare), media_type)


def _document(result: Any) -> bytes:
    """The results document: JSON stands in it as it is, other text as text, a binary file in base64."""
    content = b"".join(result.body)
    if "json" in result.media_type:
        value: Any = {"value": orjson.Fragment(content), "mediaType": result.media_type}
    elif result.media_type.startswith("text/"):
        value = {"value": content.decode(), "mediaType": result.media_type}
    else:
        value = {"value": b64encode(content).decode(), "encoding": "base64", "mediaType": result.media_type}
    return orjson.dumps({result.output: value})
