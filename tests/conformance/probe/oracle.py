"""Schemas of the standards beside the repository, and what they say of a document."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from .view import SHARED

Document = dict[str, Any]


@cache
def schema(name: str) -> Document:
    """A file of the shared schemas; skipped where they are not beside the repository."""
    file = SHARED / name
    if not file.is_file():
        pytest.skip(f"../shared/schemas/{name} is not there")
    text = file.read_text(encoding="utf-8")
    return dict(yaml.load(text, Loader=yaml.CSafeLoader) if name.endswith(".yaml") else json.loads(text))


def faults(name: str, document: Any) -> list[str]:
    """What a JSON schema of the suites says of a document."""
    return [_told(e) for e in jsonschema.Draft4Validator(schema(name)).iter_errors(document)]


def component_faults(name: str, component: str, document: Any) -> list[str]:
    """What a schema under components of an OpenAPI document says."""
    assert component in schema(name)["components"]["schemas"], component
    return _oas_faults(name, {"$ref": f"#/components/schemas/{component}"}, document)


def response_faults(name: str, path: str, document: Any, media: str = "application/json") -> list[str]:
    """What the schema of the answer to a GET says."""
    response = schema(name)["paths"][path]["get"]["responses"]["200"]
    while "$ref" in response:
        response = schema(name)["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return _oas_faults(name, response["content"][media]["schema"], document)


def _oas_faults(name: str, part: Document, document: Any) -> list[str]:
    """A part of an OpenAPI document, beside the components that it refers to."""
    whole = {"allOf": [part], "components": schema(name).get("components", {})}
    return [_told(e) for e in OAS30Validator(whole).iter_errors(document)]


def _told(error: Any) -> str:
    return f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
